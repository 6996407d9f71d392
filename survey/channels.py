"""The channels of this installation: mail, text messages when a gateway is set, a company's own, and WeChat by hand."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from survey.config import Settings, SettingsRefused
from survey.letters import WECHAT, Channel, Reachable, Way
from survey.mail import Mail
from survey.sms import TextMessages


class WeChatByHand:
    """From the company's own account, written by a person of the office: nothing here sends anything."""

    name = WECHAT

    def address(self, contact: Reachable) -> str | None:
        return contact.wechat or None


def ways(settings: Settings) -> tuple[Way, ...]:
    """Every way to reach people, in the order in which they are tried: what takes a person's hands comes last."""
    return (*configured(settings), *(WeChatByHand() for _ in by_hand(settings)))


def by_hand(settings: Settings) -> tuple[str, ...]:
    """The names of the channels that no worker serves: WeChat, unless a class of the company's own does."""
    return () if WECHAT in settings.own_channels else (WECHAT,)


def configured(settings: Settings) -> tuple[Channel, ...]:
    """What the worker serves, in the order in which they are tried. Raises SettingsRefused when one of a company's own
    is not there."""
    texts = (TextMessages(settings),) if settings.sms_url else ()
    return (Mail(settings), *texts, *(_own(name, place, settings) for name, place in settings.own_channels.items()))


def _own(name: str, place: str, settings: Settings) -> Channel:
    module, _, class_name = place.partition(":")
    try:
        build = cast(Callable[[Settings], Channel], getattr(import_module(module), class_name))
    except (ImportError, AttributeError, ValueError) as problem:
        raise SettingsRefused(f"OWN_CHANNELS: {name} is to be {place}, which cannot be loaded: {problem}.") from None
    return build(settings)


class Correspondent(Reachable, Protocol):
    """A contact as the choice of a channel sees it."""

    @property
    def undeliverable(self) -> str | None: ...


def reach(channels: tuple[Way, ...]) -> Callable[[Correspondent], str | None]:
    """The name of the first channel that reaches a contact at an address not known to be dead."""

    def choose(contact: Correspondent) -> str | None:
        for channel in channels:
            address = channel.address(contact)
            if address and address != contact.undeliverable:
                return channel.name
        return None

    return choose
