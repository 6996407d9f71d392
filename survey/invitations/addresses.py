"""When the roster learns another address of somebody who was asked: the links sent to the old one end, and where the
campaign still takes answers a fresh one goes to the new one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from survey import campaigns, journal
from survey.intake.changes import Changes
from survey.invitations import TO_ASK, batches, silently
from survey.invitations.delivery import once_more
from survey.models.asking import Invitation, Token
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from survey.refusals import N_
from survey.sampling.frame import Reach, by_mail

USED: Mapping[str, tuple[str, ...]] = {"mail": ("email",), "sms": ("phone",)}
BY_HAND = ("wechat",)
ANY = ("email", "phone", "wechat")
"""What a channel of the company's own may write to."""
NO_ADDRESS = N_("The roster has no address of this person any more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How many people's links were taken back, and how many of them are sent a fresh one."""

    taken_back: int = 0
    sent_again: int = 0


def follow(session: Session, changes: Changes, *, reach: Reach = by_mail, by: str, at: datetime) -> Followed:
    """Act on what an import, or undoing one, changed about people's addresses. Whoever reads at the old address may be
    somebody else, so what was sent there opens nothing any more; who has answered is left alone."""
    moved = {one.id: one.before for one in changes.updated.get(Contact.__tablename__, []) if one.before.keys() & {*ANY}}
    taken_back = sent_again = 0
    for invitation, message in _asked(session, moved):
        assert invitation.contact_id is not None  # they were found by it
        used = BY_HAND if message.taken_by else USED.get(message.channel, ANY)
        mistaken = any(moved[invitation.contact_id].get(name) for name in used)
        if not mistaken and message.state != "failed":
            continue
        taken_back += _take_back(session, invitation, at=at)
        if campaigns.takes_answers(session, invitation.campaign, at=at):
            sent_again += _turn(session, invitation, message, reach, at=at)
    if taken_back or sent_again:
        counts = {"links taken back": taken_back, "sent again": sent_again}
        journal.record(session, "addresses changed", "contacts", counts, by=by, at=at)
    session.flush()
    return Followed(taken_back=taken_back, sent_again=sent_again)


def _turn(session: Session, invitation: Invitation, message: OutboxMessage, reach: Reach, *, at: datetime) -> bool:
    """Let the last message go to where the person is now; is it one more that goes?

    What a worker has in hand is on its way already: the reminder will follow. What a person has in hand is taken from
    them. Without any address it is told among what reached nobody.
    """
    contact = invitation.contact
    if contact is None or contact.opted_out_at or (message.state == "claimed" and not message.taken_by):
        return False
    channel = reach(contact)
    if channel is None:
        message.state, message.last_error, invitation.disposition = "failed", NO_ADDRESS, "bounced"
        return False
    if message.state == "queued":
        message.channel = channel
        return False
    once_more(session, message, channel, at=at)
    return True


def _asked(session: Session, contact_ids: Collection[int]) -> Iterator[tuple[Invitation, OutboxMessage]]:
    """What these people were asked and have not answered, each with the last message about it."""
    last = (
        select(OutboxMessage.invitation_id, func.max(OutboxMessage.number).label("number"))
        .group_by(OutboxMessage.invitation_id)
        .subquery()
    )
    for batch in batches(contact_ids, silently):
        found = (
            select(Invitation, OutboxMessage)
            .join(OutboxMessage, OutboxMessage.invitation_id == Invitation.id)
            .join(last, (last.c.invitation_id == Invitation.id) & (last.c.number == OutboxMessage.number))
            .where(
                Invitation.contact_id.in_(batch),
                Invitation.disposition.in_(TO_ASK),
                Invitation.revoked_at.is_(None),
            )
            .options(joinedload(Invitation.contact), joinedload(Invitation.campaign))
            .order_by(OutboxMessage.id)
            .with_for_update(of=OutboxMessage)
            .execution_options(populate_existing=True)
        )
        rows: Any = session.execute(found).all()
        yield from ((invitation, message) for invitation, message in rows)


def _take_back(session: Session, invitation: Invitation, *, at: datetime) -> bool:
    """Was there a link to take back?"""
    live = update(Token).where(Token.invitation_id == invitation.id, Token.revoked_at.is_(None))
    return bool(session.scalars(live.values(revoked_at=at).returning(Token.id)).all())
