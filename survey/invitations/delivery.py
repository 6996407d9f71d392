"""What a person does about sending: pause it, correct an address, send again; and how the queue stands."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from survey import journal
from survey.intake import cells
from survey.intake.changes import Changes
from survey.invitations import TO_ASK, move, require_open
from survey.models.asking import Campaign, Invitation, Token
from survey.models.roster import Contact, Customer
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused
from survey.sampling.frame import Reach, by_mail


class NothingToSend(Refused):
    """The invitation is answered, taken back or declined, so it is not sent again."""


class UnknownInvitation(Refused):
    pass


class Unreachable(Refused):
    """The contact has no address at which this installation reaches anybody."""


def pause(session: Session, campaign: Campaign, *, by: str, at: datetime) -> None:
    """Send nothing more for now: no invitation, no reminder. Links already sent still take answers."""
    if campaign.paused_at is None:
        campaign.paused_at = at
        journal.record(session, "sending paused", campaign.code, by=by, at=at)


def resume(session: Session, campaign: Campaign, *, by: str, at: datetime) -> None:
    """Go on sending. Raises CampaignNotOpen."""
    require_open(campaign)
    if campaign.paused_at is not None:
        campaign.paused_at = None
        journal.record(session, "sending resumed", campaign.code, by=by, at=at)


def correct_address(
    session: Session, contact: Contact, *, email: str | None = None, phone: str | None = None,
    wechat: str | None = None, by: str, at: datetime,
) -> Changes:  # fmt: skip
    """Give a contact another mail address, phone number or name in WeChat; what is not given stays. Says what was
    changed.

    Links sent to the address before are taken back: whoever reads there may be somebody else. Raises UnfitCell.
    """
    before = (contact.email, contact.phone, contact.wechat)
    contact.email = cells.email(email) if email else contact.email
    contact.phone = cells.phone(phone) if phone else contact.phone
    contact.wechat = cells.short(cells.on_one_line(wechat)) if wechat else contact.wechat
    after, changes = (contact.email, contact.phone, contact.wechat), Changes()
    changes.update(Contact.__tablename__, contact.id, ("email", "phone", "wechat"), before, after)
    unanswered = select(Invitation.id).where(Invitation.contact_id == contact.id, Invitation.disposition.in_(TO_ASK))
    session.execute(
        update(Token).where(Token.invitation_id.in_(unanswered), Token.revoked_at.is_(None)).values(revoked_at=at)
    )
    journal.record(session, "address corrected", f"contact {contact.id}", by=by, at=at)
    return changes


def find(session: Session, campaign: Campaign, invitation_id: int) -> Invitation:
    """One person's invitation of a campaign, with the contact. Raises UnknownInvitation."""
    found = session.scalar(
        select(Invitation)
        .where(
            Invitation.id == invitation_id, Invitation.campaign_id == campaign.id, Invitation.contact_id.is_not(None)
        )
        .options(joinedload(Invitation.contact), joinedload(Invitation.customer), joinedload(Invitation.campaign))
    )
    if found is None:
        raise UnknownInvitation(N_("There is no such invitation."))
    return found


def resend(session: Session, invitation: Invitation, *, reach: Reach = by_mail, by: str, at: datetime) -> None:
    """Send the last message of an invitation once more, as a new mail with a new link.

    Raises CampaignNotOpen, NothingToSend, Unreachable.
    """
    require_open(invitation.campaign)
    contact = invitation.contact
    if contact is None or contact.opted_out_at or invitation.revoked_at or invitation.disposition not in TO_ASK:
        raise NothingToSend(N_("This invitation is answered, declined or taken back. It is not sent again."))
    channel = reach(contact)
    if channel is None:
        raise Unreachable(N_("%(name)s has no address we can write to. Correct it first."), name=contact.name)
    of_invitation = select(OutboxMessage).where(OutboxMessage.invitation_id == invitation.id)
    message = session.scalars(of_invitation.order_by(OutboxMessage.number.desc()).with_for_update()).first()
    if message is None:
        message = OutboxMessage(invitation=invitation, number=0, created_at=at)
        session.add(message)
    once_more(session, message, channel, at=at)
    session.flush()
    journal.record(session, "invitation sent again", f"invitation {invitation.id}", by=by, at=at)


def once_more(session: Session, message: OutboxMessage, channel: str, *, at: datetime) -> None:
    """Have a message leave again as a new mail; its worker puts a new link into it. Who has answered since we looked
    stays who has answered, and is not written to."""
    message.channel, message.message_id = channel, uuid.uuid4().hex
    message.state, message.attempts, message.not_before = "queued", 0, at
    message.lease_until = message.sent_at = message.last_error = message.taken_by = None
    move(session, message.invitation.id, TO_ASK, "queued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Messages of a campaign by what became of them. `next_at` is when the next waiting one may go; `last_sent_at` when
    the last one went."""

    waiting: int
    in_hand: int
    sent: int
    failed: int
    held: int
    next_at: datetime | None
    last_sent_at: datetime | None
    paused_at: datetime | None

    @property
    def total(self) -> int:
        return self.waiting + self.in_hand + self.sent + self.failed + self.held


def queue(session: Session, campaign: Campaign) -> Queue:
    """How far sending has come."""
    counted = session.execute(
        select(
            OutboxMessage.state,
            func.count().label("messages"),
            func.min(OutboxMessage.not_before).label("first"),
            func.max(OutboxMessage.sent_at).label("last"),
        )
        .join(OutboxMessage.invitation)
        .where(Invitation.campaign_id == campaign.id)
        .group_by(OutboxMessage.state)
    ).all()
    messages = {row.state: row.messages for row in counted}
    return Queue(
        waiting=messages.get("queued", 0),
        in_hand=messages.get("claimed", 0),
        sent=messages.get("sent", 0),
        failed=messages.get("failed", 0),
        held=messages.get("held", 0),
        next_at=next((row.first for row in counted if row.state == "queued"), None),
        last_sent_at=max((row.last for row in counted if row.last), default=None),
        paused_at=campaign.paused_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """One invitation that reached nobody, and why."""

    invitation_id: int
    contact_id: int
    customer: str
    contact: str
    reason: str


def undelivered(session: Session, campaign: Campaign, *, most: int | None = None) -> list[Undelivered]:
    """What failed in a campaign, oldest first."""
    failed = (
        select(Invitation.id, Contact.id, Customer.code, Contact.name, OutboxMessage.last_error)
        .join(OutboxMessage.invitation)
        .join(Invitation.contact)
        .join(Invitation.customer)
        .where(Invitation.campaign_id == campaign.id, OutboxMessage.state == "failed")
        .order_by(OutboxMessage.id)
        .limit(most)
    )
    return [
        Undelivered(invitation_id=invitation, contact_id=contact, customer=code, contact=name, reason=reason or "")
        for invitation, contact, code, name, reason in session.execute(failed)
    ]
