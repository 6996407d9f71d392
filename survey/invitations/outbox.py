"""Messages waiting to be sent. A row is written before anything leaves; a worker claims it for a while (a lease).

A worker killed with a message in hand leaves it claimed; once the lease is over it waits again. So no message is lost,
and at most the one in hand is sent twice, under the same Message-ID.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from survey.models import Campaign, Invitation, OutboxMessage, Subject

LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)


def claim(session: Session, *, at: datetime) -> OutboxMessage | None:
    """Take the next message that is due; nobody else gets it until its lease is over."""
    due = (
        select(OutboxMessage)
        .join(OutboxMessage.invitation)
        .join(Invitation.campaign)
        .where(
            OutboxMessage.state == "queued",
            OutboxMessage.not_before <= at,
            Campaign.state == "open",
            Invitation.revoked_at.is_(None),
        )
        .options(
            joinedload(OutboxMessage.invitation).joinedload(Invitation.campaign),
            joinedload(OutboxMessage.invitation).joinedload(Invitation.contact),
            joinedload(OutboxMessage.invitation).selectinload(Invitation.subjects).joinedload(Subject.rep),
        )
        .order_by(OutboxMessage.not_before, OutboxMessage.id)
        .limit(1)
        .with_for_update(of=OutboxMessage, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    message = session.scalar(due)
    if message is not None:
        message.state = "claimed"
        message.lease_until = at + LEASE
        message.attempts += 1
    return message


def mark_sent(session: Session, message: OutboxMessage, *, at: datetime) -> None:
    message.state, message.sent_at, message.lease_until, message.last_error = "sent", at, None, None
    _move(session, message, ("queued",), "sent")


def mark_refused(session: Session, message: OutboxMessage, reason: str) -> None:
    """The receiving side will never take it."""
    message.state, message.lease_until, message.last_error = "failed", None, reason
    _move(session, message, ("queued", "sent"), "bounced")


def _move(session: Session, message: OutboxMessage, before: tuple[str, ...], after: str) -> None:
    """Change the disposition only from what it may come from: the customer may have answered in the meantime."""
    ours = update(Invitation).where(Invitation.id == message.invitation_id, Invitation.disposition.in_(before))
    session.execute(ours.values(disposition=after), execution_options={"synchronize_session": False})


def put_back(message: OutboxMessage, reason: str, *, at: datetime) -> None:
    """It was not taken this time: try again later, each time after a longer pause, and at last give up."""
    message.lease_until, message.last_error = None, reason
    message.state = "failed" if message.attempts >= MOST_ATTEMPTS else "queued"
    message.not_before = at + min(FIRST_PAUSE * 2 ** (message.attempts - 1), LONGEST_PAUSE)


def put_back_untried(message: OutboxMessage, reason: str, *, at: datetime) -> None:
    """No server could be reached, which says nothing about the message: it waits as long as it takes."""
    message.state, message.lease_until, message.last_error = "queued", None, reason
    message.attempts -= 1
    message.not_before = at + FIRST_PAUSE


def return_expired_leases(session: Session, *, at: datetime) -> None:
    """Messages whose worker never reported back wait again."""
    lost = update(OutboxMessage).where(OutboxMessage.state == "claimed", OutboxMessage.lease_until <= at)
    session.execute(lost.values(state="queued", lease_until=None))
