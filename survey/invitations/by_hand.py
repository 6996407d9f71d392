"""Messages a person of the office writes by hand, from the company's own WeChat account, one after another.

They wait in the outbox like all others, and everything that holds for mail holds for them; only no worker sends them.
Whoever writes takes the next one, as a worker would: then its link is made, and nobody else gets it until they say what
came of it or their time is over. A person has one in hand at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from survey import journal
from survey.invitations import outbox, people
from survey.letters import WECHAT
from survey.models.asking import Campaign, Invitation
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused

UNFINISHED = ("claimed", "queued")
"""Whose time is over and whom nobody has taken since is still what its writer says."""


class NotInHand(Refused):
    """This person no longer has this message to say anything about."""


class NobodyToWriteTo(Refused):
    """Nobody is to be written to now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom to write to: by which name the company's account finds them, and in which language. `message_id` names the
    message once it is taken."""

    name: str
    customer: str
    wechat: str
    language: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one campaign has to be written by hand. `waiting` can be written now, `later` on another day; `with_others`
    somebody else has in hand. `own` is in this person's hands, `next` whom they would write to next."""

    waiting: int
    later: int
    with_others: int
    sent: int
    own: Reader | None
    next: Reader | None


def desk(session: Session, campaign: Campaign, *, by: str, at: datetime) -> Desk:
    """How far a campaign's messages by hand have come, for the person who writes them."""
    own = outbox.in_hand(session, by=by, at=at)
    first = None if own else outbox.first_due(session, channel=WECHAT, of=campaign.id, at=at)
    waiting = waiting_by_campaign(session, at=at).get(campaign.code, 0)
    states = _states(session, campaign)
    ours = sum(message.invitation.campaign_id == campaign.id for message in own)
    return Desk(
        waiting=waiting,
        later=max(0, states.get("queued", 0) - waiting),
        with_others=max(0, states.get("claimed", 0) - ours),
        sent=states.get("sent", 0),
        own=reader(own) if own else None,
        next=reader([first]) if first else None,
    )


def _states(session: Session, campaign: Campaign) -> dict[str, int]:
    counted = (
        select(OutboxMessage.state, func.count())
        .join(OutboxMessage.invitation)
        .where(Invitation.campaign_id == campaign.id, OutboxMessage.channel == WECHAT)
        .group_by(OutboxMessage.state)
    )
    return dict(session.execute(counted).all())


def waiting_by_campaign(session: Session, *, at: datetime) -> dict[str, int]:
    """Code of a campaign → how many messages can be written for it now; those with none are left out."""
    return outbox.due_by_campaign(session, channel=WECHAT, at=at)


def reader(messages: Sequence[OutboxMessage]) -> Reader:
    """Whom these messages, which make one, go to."""
    invitation = messages[0].invitation
    contact = invitation.contact
    assert contact is not None  # nothing is taken for anybody else
    return Reader(
        name=contact.name, customer=invitation.customer.name, wechat=contact.wechat or "", language=contact.language,
        message_id=messages[0].message_id,
    )  # fmt: skip


def take(session: Session, campaign: Campaign, *, zone: ZoneInfo, by: str, at: datetime) -> Sequence[OutboxMessage]:
    """The messages this person has in hand, once more with all the time there is; else the next of the campaign. All of
    them go to one person and make one message, whose links its caller makes. Raises NobodyToWriteTo."""
    messages = outbox.in_hand(session, by=by, at=at)
    for message in messages:
        message.lease_until = at + outbox.LEASE_BY_HAND
    messages = messages or outbox.claim(session, channel=WECHAT, zone=zone, of=campaign.id, by=by, at=at)
    if not messages:
        raise NobodyToWriteTo(
            N_("Nobody is to be written to now. Whoever was already written to today waits until tomorrow.")
        )
    journal.record(session, "message written by hand", *_of(messages), by=by, at=at)
    return messages


def sent(session: Session, message_id: str, *, by: str, at: datetime) -> None:
    """It went, from the company's own account. Said again, it changes nothing. Raises NotInHand."""
    messages = _theirs(session, message_id, (*UNFINISHED, "sent"), by)
    if all(message.state == "sent" for message in messages):
        return
    outbox.mark_sent(session, messages, at=at)
    journal.record(session, "message sent by hand", *_of(messages), by=by, at=at)


def unreached(session: Session, message_id: str, reason: str, *, by: str, at: datetime) -> None:
    """Nobody is found under this name: nothing more goes there until it is corrected. Raises NotInHand."""
    messages = _theirs(session, message_id, UNFINISHED, by)
    contact = messages[0].invitation.contact
    outbox.mark_refused(session, messages, reason)
    if contact is not None and contact.wechat:
        people.stop_at(session, contact, contact.wechat, reason)
    subject, details = _of(messages)
    told = {**details, "reason": journal.sealed(reason)}
    journal.record(session, "message not delivered by hand", subject, told, by=by, at=at)


def put_back(session: Session, message_id: str, *, by: str, at: datetime) -> None:
    """Not now: it waits again, behind all others, as if nobody had taken it. Raises NotInHand."""
    for message in _theirs(session, message_id, UNFINISHED, by):
        message.state, message.lease_until, message.taken_by = "queued", None, None
        message.attempts, message.not_before = message.attempts - 1, at


def _theirs(session: Session, message_id: str, states: tuple[str, ...], by: str) -> Sequence[OutboxMessage]:
    """What this person took under this name, if it still is as one of these states says."""
    found = (
        select(OutboxMessage)
        .where(
            OutboxMessage.message_id == message_id, OutboxMessage.taken_by == by, OutboxMessage.state.in_(states)
        )
        .options(joinedload(OutboxMessage.invitation).joinedload(Invitation.contact))
        .order_by(OutboxMessage.id)
        .with_for_update(of=OutboxMessage)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    messages = session.scalars(found).all()
    if not messages:
        raise NotInHand(
            N_(
                "This message is no longer in your hands, so nothing was changed: it is done, or it went back and "
                "somebody else may have taken it. Go on with the next one."
            )
        )
    return messages


def _of(messages: Sequence[OutboxMessage]) -> tuple[str, dict[str, list[int]]]:
    """What a line of the journal says of them: whose invitation, and which further ones travelled along."""
    first, *others = [message.invitation_id for message in messages]
    return f"invitation {first}", {"also": others} if others else {}
