"""Who is one person, though perhaps a contact of several customers; and what that person wants no more of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey.campaigns import UNANSWERED
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage


def same_person(contact: Contact) -> ColumnElement[bool]:
    """Contacts with the same mail address; without one, with the same phone number; without either, with the same name
    in WeChat."""
    if contact.email:
        return Contact.email == contact.email
    if contact.phone:
        return and_(Contact.phone == contact.phone, _without(Contact.email))
    if contact.wechat:
        return and_(Contact.wechat == contact.wechat, _without(Contact.email), _without(Contact.phone))
    return Contact.id == contact.id


def _without(column: InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    return or_(column.is_(None), column == "")


def opt_out(session: Session, contact: Contact, *, at: datetime) -> None:
    """The person wants no more mail: not in this campaign, not in later ones. What they answered stays."""
    for one in session.scalars(select(Contact).where(same_person(contact))):
        one.opted_out_at = one.opted_out_at or at
    _stop(session, contact, "opted out", "The customer asked for no more mail.")


def write_in(session: Session, contact: Contact, language: str) -> None:
    """The person wishes to be written to in this language, also if they once wished for no mail. What was held stays
    held: the next campaign asks anew."""
    for one in session.scalars(select(Contact).where(same_person(contact))):
        one.language, one.opted_out_at = language, None


def stop_at(session: Session, contact: Contact, address: str, reason: str) -> None:
    """Nothing arrives at this address, so nothing more goes there until it is corrected."""
    known = or_(Contact.email == address, Contact.phone == address, Contact.wechat == address)
    session.execute(update(Contact).where(known).values(undeliverable=address))
    _stop(session, contact, "bounced", reason)


def _stop(session: Session, contact: Contact, disposition: str, reason: str) -> None:
    """End every open asking of a person, unless it was answered. A closed campaign's counts stay as they were."""
    theirs = select(Contact.id).where(same_person(contact))
    going_on = select(Campaign.id).where(Campaign.state != "closed")
    session.execute(
        update(Invitation)
        .where(
            Invitation.contact_id.in_(theirs),
            Invitation.campaign_id.in_(going_on),
            Invitation.disposition.in_(UNANSWERED),
        )
        .values(disposition=disposition)
    )
    invitations = select(Invitation.id).where(Invitation.contact_id.in_(theirs))
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.invitation_id.in_(invitations), OutboxMessage.state == "queued")
        .values(state="held", last_error=reason)
    )
