"""Messages waiting to be sent. A row is written before anything leaves; a worker claims it for a while (a lease).

A worker killed with a message in hand leaves it claimed; once the lease is over it waits again. So no message is lost,
and at most the one in hand is sent twice, under the same Message-ID. Whatever waits for one person travels together,
and nobody is written to twice on one day of the company's. What a person writes by hand (`by_hand`) is taken the same
way, for longer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select, text, update
from sqlalchemy.orm import Session, contains_eager

from survey.campaigns import UNANSWERED
from survey.invitations import move
from survey.invitations.people import same_person
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from survey.refusals import N_

LEASE = timedelta(minutes=2)
LEASE_BY_HAND = timedelta(minutes=15)
"""A person finds the other in their list first, and is called away."""
MOST_ATTEMPTS = 12
FIRST_PAUSE = timedelta(minutes=1)
CUT_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=4)
LONGEST_WAIT = timedelta(days=2)
"""Nothing is ever put off for longer, so a later time was written under a wrong clock."""


def due(session: Session, *, channel: str, at: datetime) -> bool:
    """Is there anything to send?"""
    of_channel = _due(at).where(OutboxMessage.channel == channel)
    return session.scalar(of_channel.with_only_columns(OutboxMessage.id).limit(1)) is not None


def waiting(session: Session, *, by_hand: Collection[str] = (), at: datetime) -> int:
    """How many messages are due to be sent by a worker: all but those of the channels that go `by_hand`."""
    for_workers = _due(at).where(OutboxMessage.channel.not_in(by_hand))
    return session.scalar(for_workers.with_only_columns(func.count())) or 0


def claim(
    session: Session, *, channel: str, zone: ZoneInfo, of: int | None = None, by: str | None = None, at: datetime
) -> list[OutboxMessage]:
    """Take the next message that is due (`of` one campaign), and what else waits for the same person: they make one
    mail. Nobody else gets them until the lease is over; `by` takes them to write by hand. Empty when nothing is due."""
    while (first := _next(session, channel, of, at)) is not None:
        contact = first.invitation.contact
        assert contact is not None  # the join admits no other
        _one_worker_at_a_time(session, contact)
        theirs = _messages_of(session, contact)
        together = [first, *_companions(session, first, theirs, at)]
        if not any(_counts_today(row, zone, at) for row in theirs):
            for message in together:
                message.message_id = first.message_id
                message.state, message.lease_until = "claimed", at + (LEASE_BY_HAND if by else LEASE)
                message.attempts += 1
                message.taken_by = by
            return together
        for message in together:
            message.not_before = same_hour(message.not_before, days=_days_until_tomorrow(message, zone, at), zone=zone)
        session.flush()
    return []


def first_due(session: Session, *, channel: str, of: int, at: datetime) -> OutboxMessage | None:
    """What `claim` would look at first in one campaign; nobody takes it by looking."""
    theirs = _due(at).where(OutboxMessage.channel == channel, Invitation.campaign_id == of)
    return session.scalars(theirs.order_by(OutboxMessage.not_before, OutboxMessage.id).limit(1)).first()


def due_by_campaign(session: Session, *, channel: str, at: datetime) -> dict[str, int]:
    """Code of a campaign → how many of its messages are due on this channel."""
    counted = _due(at).where(OutboxMessage.channel == channel).with_only_columns(Campaign.code, func.count())
    return dict(session.execute(counted.group_by(Campaign.code).order_by(Campaign.code)).all())


def in_hand(session: Session, *, by: str, at: datetime) -> Sequence[OutboxMessage]:
    """What this person has taken to write by hand and is still to write: one message to one person, with everything a
    letter tells."""
    theirs = _wanted().where(
        OutboxMessage.state == "claimed", OutboxMessage.taken_by == by, OutboxMessage.lease_until > at
    )
    taken = session.scalars(_told(theirs)).all()
    return [message for message in taken if message.message_id == taken[0].message_id]  # two pressed at once are two


def _due(at: datetime) -> Select[OutboxMessage]:
    return _wanted().where(OutboxMessage.state == "queued", OutboxMessage.not_before <= at)


def _wanted() -> Select[OutboxMessage]:
    """Messages to people who are still to be asked."""
    return (
        select(OutboxMessage)
        .join(OutboxMessage.invitation)
        .join(Invitation.campaign)
        .join(Invitation.contact)
        .where(
            Invitation.revoked_at.is_(None),
            Invitation.disposition.in_(UNANSWERED),
            Campaign.state == "open",
            Campaign.paused_at.is_(None),
            Contact.opted_out_at.is_(None),
        )
    )


def _told(messages: Select[OutboxMessage]) -> Select[OutboxMessage]:
    """In their order, with everything a letter tells."""
    invitation = contains_eager(OutboxMessage.invitation)
    return (
        messages.options(
            invitation.contains_eager(Invitation.campaign),
            invitation.contains_eager(Invitation.contact),
            invitation.selectinload(Invitation.subjects).joinedload(Subject.rep),
        )
        .order_by(OutboxMessage.not_before, OutboxMessage.id)
        .execution_options(populate_existing=True)
    )


def _whole(messages: Select[OutboxMessage]) -> Select[OutboxMessage]:
    """The same, locked for this worker."""
    return _told(messages).with_for_update(of=OutboxMessage, skip_locked=True)


def _next(session: Session, channel: str, of: int | None, at: datetime) -> OutboxMessage | None:
    found = _due(at).where(OutboxMessage.channel == channel)
    if of is not None:
        found = found.where(Invitation.campaign_id == of)
    return session.scalar(_whole(found).limit(1))


def _messages_of(session: Session, contact: Contact) -> Sequence[Any]:
    """Everything ever written to this person: id, message_id, state, attempts, sent_at."""
    theirs = (
        select(
            OutboxMessage.id, OutboxMessage.message_id, OutboxMessage.state, OutboxMessage.attempts,
            OutboxMessage.sent_at,
        )
        .join(OutboxMessage.invitation)
        .join(Invitation.contact)
        .where(same_person(contact))
    )  # fmt: skip
    return session.execute(theirs).all()


def _companions(session: Session, first: OutboxMessage, theirs: Sequence[Any], at: datetime) -> Sequence[OutboxMessage]:
    """What goes into the same mail: a mail tried before is repeated as it was, so nothing new joins it."""
    ids = [
        row.id
        for row in theirs
        if row.state == "queued"
        and row.id != first.id
        and (row.message_id == first.message_id or not (first.attempts or row.attempts))
    ]
    if not ids:
        return ()
    others = _due(at).where(OutboxMessage.channel == first.channel, OutboxMessage.id.in_(ids))
    return session.scalars(_whole(others)).all()


def _one_worker_at_a_time(session: Session, contact: Contact) -> None:
    """Two workers must not write to one person at once. SQLite's write lock already sees to it."""
    if session.get_bind().dialect.name == "postgresql":
        whose = contact.known_by or f"contact {contact.id}"
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:whose))"), {"whose": whose})


def _counts_today(row: Any, zone: ZoneInfo, at: datetime) -> bool:
    """Did this message go today, or is it on its way?"""
    sent_today = row.state == "sent" and row.sent_at.astimezone(zone).date() == at.astimezone(zone).date()
    return bool(row.state == "claimed" or sent_today)


def _days_until_tomorrow(message: OutboxMessage, zone: ZoneInfo, at: datetime) -> int:
    return (at.astimezone(zone).date() - message.not_before.astimezone(zone).date()).days + 1


def same_hour(moment: datetime, *, days: int, zone: ZoneInfo) -> datetime:
    """Some days later at the same time of day where the company is, whatever its clocks did in between."""
    return moment.astimezone(zone) + timedelta(days=days)


def mark_sent(session: Session, messages: Sequence[OutboxMessage], *, at: datetime) -> None:
    for message in messages:
        message.state, message.sent_at, message.lease_until, message.last_error = "sent", at, None, None
        move(session, message.invitation_id, ("queued",), "sent")


def mark_refused(session: Session, messages: Sequence[OutboxMessage], reason: str) -> None:
    """The receiving side will never take it: the address is not written to again until it is corrected."""
    for message in messages:
        message.state, message.lease_until, message.last_error = "failed", None, reason
        move(session, message.invitation_id, ("queued", "sent"), "bounced")


def put_back(messages: Sequence[OutboxMessage], reason: str, *, at: datetime) -> None:
    """It was not taken this time: try again later, each time after a longer pause, and at last give up."""
    for message in messages:
        message.lease_until, message.last_error = None, reason
        message.state = "failed" if message.attempts >= MOST_ATTEMPTS else "queued"
        message.not_before = at + min(FIRST_PAUSE * 2 ** (message.attempts - 1), LONGEST_PAUSE)


def put_back_cut(messages: Sequence[OutboxMessage], reason: str, *, at: datetime) -> None:
    """The line broke with the message in hand, which hardly is the message's fault: soon again, and never given up."""
    for message in messages:
        message.state, message.lease_until, message.last_error = "queued", None, reason
        message.not_before = at + min(CUT_PAUSE * 2 ** (message.attempts - 1), LONGEST_PAUSE)


def sweep(session: Session, *, at: datetime) -> None:
    """Messages whose worker never reported back wait again; so does what a clock that had jumped put off too far."""
    until, by_worker = OutboxMessage.lease_until, OutboxMessage.taken_by.is_(None)
    over = or_(until <= at, until > at + LEASE_BY_HAND, and_(by_worker, until > at + LEASE))
    lost = update(OutboxMessage).where(OutboxMessage.state == "claimed", over)
    deadly = {"state": "failed", "lease_until": None, "last_error": N_("Every worker that took this message ended.")}
    session.execute(lost.where(by_worker, OutboxMessage.attempts >= MOST_ATTEMPTS).values(deadly))
    session.execute(lost.values(state="queued", lease_until=None))
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.state == "queued", OutboxMessage.not_before > at + LONGEST_WAIT)
        .values(not_before=at)
    )
