"""Letters and the channels that carry them.

A channel is a way to reach people: mail (`survey/mail.py`), text messages (`survey/sms.py`), or one of a company's own,
such as its WeChat account. To add one, write a class with what `Channel` asks for, put it where Python finds it, and
name it in the settings: `OWN_CHANNELS={"wechat": "acme_wechat:WeChat"}`. It is built with the settings as its one
argument. Contacts are asked through the first channel that reaches them: mail, then text messages, then a company's
own in the order they are named, and last WeChat by hand.

By hand: without a class under the name `wechat`, whoever is reached by WeChat alone is written to by a person of the
office, on a page of the campaign (`survey/invitations/by_hand.py`). A class named so takes that over, and there is no
such page.

    class WeChat:
        name = "wechat"

        def __init__(self, settings): ...

        def address(self, contact):                     # None: this contact is not reached here
            return open_ids.get(contact.wechat)

        @contextmanager
        def open(self):                                 # connect once, send many
            with connected() as line:
                yield lambda letter: line.send(letter.to_address, letter.message_id, ...)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

WECHAT = "wechat"
"""The channel a person of the office goes by hand, unless a class of the company's own bears this name."""


_SECRET = re.compile(r"(?<![0-9a-z])[0-9a-hjkmnp-tv-z]{20,26}(?![0-9a-z])")


def without_links(said: str) -> str:
    """What a server says may quote the letter, cut off perhaps. The secret of a private link is kept nowhere, so it is
    not kept as part of a reason either."""
    return _SECRET.sub("…", said)


class Trouble(Exception):
    """A letter did not go; why, in the words of whoever did not take it."""

    def __init__(self, said: str = "") -> None:
        super().__init__(without_links(said))


class LetterRefused(Trouble):
    """The receiving side will never take this letter; the reason is theirs."""


class AddressRefused(LetterRefused):
    """Nobody can be reached at this address."""


class LetterDelayed(Trouble):
    """The receiving side does not take this letter now; later it may."""


class LineCut(Trouble):
    """The line broke while a letter was handed over."""


class ServerUnreachable(Trouble):
    """No server takes anything now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one invitation asks: about whom, until when, under which private link; `reminder` when it asks again.

    `customer`, `about_zh` and `about_en` tell several of one letter apart: for whom the person answers, and about when.
    """

    reps: tuple[str, ...]
    closes_on: date
    link: str
    reminder: bool = False
    customer: str = ""
    about_zh: str = ""
    about_en: str = ""

    def headline(self, language: str) -> str:
        """What stands over it where a letter asks several things; empty where nothing tells them apart."""
        about = self.about_zh if language == "zh" else self.about_en
        return ("，" if language == "zh" else ", ").join(part for part in (self.customer, about) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one person is sent on one day. `language` is the person's: it stands first, the other follows.

    A repeat of a letter carries the same `message_id` (32 hexadecimal digits).
    """

    message_id: str
    to_name: str
    to_address: str
    language: str
    company_zh: str
    company_en: str
    asked: tuple[Asked, ...]
    written_at: datetime
    privacy_link: str

    def __post_init__(self) -> None:
        if not self.asked:
            raise ValueError("a letter asks something")

    @property
    def stop_link(self) -> str:
        """Where the person says how (and whether) to be asked; a one-click POST there ends all mail."""
        return f"{self.asked[0].link}/stop"

    @property
    def reminds(self) -> bool:
        return all(one.reminder for one in self.asked)

    @property
    def languages(self) -> tuple[str, str]:
        return ("zh", "en") if self.language == "zh" else ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Mail about signing in: an invitation to choose a password (`invited`), a new one for who forgot theirs
    (`forgotten`), or a test. `link` is good for `good_for` hours; a test has none."""

    kind: str
    message_id: str
    to_name: str
    to_address: str
    language: str
    company_zh: str
    company_en: str
    written_at: datetime
    site: str
    link: str = ""
    good_for: int = 0

    @property
    def languages(self) -> tuple[str, str]:
        return ("zh", "en") if self.language == "zh" else ("en", "zh")


class Reachable(Protocol):
    """What a channel may know of a contact."""

    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def wechat(self) -> str | None: ...


Post = Callable[[Letter], None]


class Way(Protocol):
    """A way to reach people, whoever goes it. `name` is stored with every message, so it stays what it is."""

    @property
    def name(self) -> str: ...

    def address(self, contact: Reachable) -> str | None:
        """Where this channel reaches a contact; None when it does not."""


class Channel(Way, Protocol):
    """A way that the worker goes by itself."""

    def open(self) -> AbstractContextManager[Post]:
        """A line for many letters. Raises ServerUnreachable.

        What it gives sends one letter, or raises LetterRefused (never again), AddressRefused (nothing to this address),
        LetterDelayed (later), LineCut (the line is of no more use; open another), ServerUnreachable.
        """
