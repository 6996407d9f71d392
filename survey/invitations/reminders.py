"""Reminders: a new link for the same invitation, by schedule or because somebody asked for it, and at most two."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, aliased

from survey import campaigns, journal
from survey.invitations import Tell, batches, require_open, silently
from survey.invitations.outbox import same_hour
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage

MOST_REMINDERS = 2
REMINDED = ("sent", "opened")
"""Dispositions of people who got their invitation and have not answered."""


Silent = Any
"""An invitation sent and not answered: id, channel, asked_at, last_at, number (of its last message), on_its_way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """What one act of reminding did. `on_its_way`: something still waits to be sent to them."""

    reminded: int
    on_its_way: int
    often_enough: int


def remind(session: Session, campaign: Campaign, *, tell: Tell = silently, by: str, at: datetime) -> Reminded:
    """Remind everybody who was asked and has not answered, now rather than by schedule. Raises CampaignNotOpen."""
    require_open(campaign)
    silent = _silent(session, campaign)
    free = [row for row in silent if not row.on_its_way]
    wanted = [row for row in free if row.number < MOST_REMINDERS]
    _write(session, wanted, tell, at=at)
    done = Reminded(
        reminded=len(wanted), on_its_way=len(silent) - len(free), often_enough=len(free) - len(wanted)
    )  # fmt: skip
    journal.record(session, "customers reminded", campaign.code, {"reminded": done.reminded}, by=by, at=at)
    return done


def remind_due(session: Session, *, by: str, at: datetime) -> int:
    """Write the reminders that have fallen due in any campaign. Doing it again, or under a clock that jumped and came
    back, writes none twice: each has its number."""
    written = 0
    zone = campaigns.time_zone(session)
    for campaign in session.scalars(select(Campaign).where(Campaign.state == "open", Campaign.paused_at.is_(None))):
        if not campaigns.takes_answers(session, campaign, at=at):
            continue
        days = sorted(campaign.remind_after_days)[:MOST_REMINDERS]
        due = [row for row in _silent(session, campaign) if not row.on_its_way and _is_due(row, days, zone, at)]
        if due:
            _write(session, due, silently, at=at)
            journal.record(session, "customers reminded", campaign.code, {"reminded": len(due)}, by=by, at=at)
        written += len(due)
    return written


def _silent(session: Session, campaign: Campaign) -> list[Silent]:
    """Who has not answered."""
    campaigns.one_at_a_time(session, campaign)
    first, last, any_ = aliased(OutboxMessage), aliased(OutboxMessage), aliased(OutboxMessage)
    newest = select(func.max(any_.number)).where(any_.invitation_id == Invitation.id).correlate(Invitation)
    rows = (
        select(
            Invitation.id,
            last.channel,  # an address may have changed since the first
            first.sent_at.label("asked_at"),
            func.max(OutboxMessage.sent_at).label("last_at"),
            func.max(OutboxMessage.number).label("number"),
            func.count().filter(OutboxMessage.state.in_(("queued", "claimed"))).label("on_its_way"),
        )
        .join(first, (first.invitation_id == Invitation.id) & (first.number == 0))
        .join(last, (last.invitation_id == Invitation.id) & (last.number == newest.scalar_subquery()))
        .join(OutboxMessage, OutboxMessage.invitation_id == Invitation.id)
        .join(Contact, Contact.id == Invitation.contact_id)
        .where(
            Invitation.campaign_id == campaign.id,
            Invitation.disposition.in_(REMINDED),
            Invitation.revoked_at.is_(None),
            Contact.opted_out_at.is_(None),
            first.sent_at.is_not(None),
        )
        .group_by(Invitation.id, last.channel, first.sent_at)
        .order_by(Invitation.id)
    )
    return list(session.execute(rows).all())


def _is_due(row: Silent, days: list[int], zone: ZoneInfo, at: datetime) -> bool:
    """Is it time for the next reminder: so many days after the invitation, and as long after the last message as the
    schedule has between the two?"""
    if row.number >= len(days):
        return False
    since_last = days[row.number] - (days[row.number - 1] if row.number else 0)
    by_schedule = same_hour(row.asked_at, days=days[row.number], zone=zone)
    return at >= max(by_schedule, same_hour(row.last_at, days=since_last, zone=zone))


def _write(session: Session, rows: Collection[Silent], tell: Tell, *, at: datetime) -> None:
    for batch in batches(rows, tell):
        messages = [
            {
                "invitation_id": row.id, "number": row.number + 1, "channel": row.channel,
                "message_id": uuid.uuid4().hex, "state": "queued", "attempts": 0, "not_before": at, "created_at": at,
            }
            for row in batch
        ]  # fmt: skip
        session.execute(insert(OutboxMessage), messages)
