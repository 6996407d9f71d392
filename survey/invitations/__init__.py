"""Whom a campaign asks: every customer served in its period, through every contact who can be reached.

The rule chooses, never a rep. Territory and every adjuster are copied as of the asking, so that later edits of the
roster cannot move a score.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from survey import journal, questionnaires
from survey.campaigns import UNANSWERED
from survey.models import Assignment, Campaign, Contact, Customer, Invitation, OutboxMessage, Period, Subject
from survey.refusals import N_, Refused

DAYS_A_YEAR = 365.25


class CampaignNotOpen(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What one act of inviting did. `unreachable`: codes of customers served whom no mail reaches."""

    invited: int
    invited_before: int
    unreachable: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """One rep's service to one customer in the period, in the territory where most of it happened."""

    rep_id: int
    territory_id: int


def invite(session: Session, campaign: Campaign, *, by: str, at: datetime) -> Invited:
    """Ask every customer served in the campaign's period, one invitation and one waiting message a contact.

    Doing it again asks only those who have come since. Raises CampaignNotOpen.
    """
    if campaign.state != "open":
        raise CampaignNotOpen(
            N_("Campaign %(code)s is not open. Open it first: evenhand campaign open %(code)s."), code=campaign.code
        )
    services = _services(session, campaign.period)
    contacts = _reachable(session)
    before = set(session.scalars(select(Invitation.contact_id).where(Invitation.campaign_id == campaign.id)))
    asked = [contact for contact in contacts if contact.customer_id in services]
    fresh = [contact for contact in asked if contact.id not in before]
    _write(session, campaign, fresh, services, at=at)
    questionnaires.freeze(campaign.questionnaire, at=at)
    done = Invited(
        invited=len(fresh),
        invited_before=len(asked) - len(fresh),
        unreachable=_codes(session, services.keys() - {contact.customer_id for contact in asked}),
    )
    counts = {"invited": done.invited, "unreachable": len(done.unreachable)}
    journal.record(session, "customers invited", campaign.code, counts, by=by, at=at)
    return done


def _services(session: Session, period: Period) -> dict[int, list[_Service]]:
    """Customer id → who served it in the period. A rep in two territories counts where the days were more."""
    overlapping = (
        select(Assignment)
        .where(
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .order_by(Assignment.customer_id, Assignment.rep_id, Assignment.id)
    )
    services: dict[int, list[_Service]] = {}
    for (customer_id, rep_id), held in groupby(session.scalars(overlapping), lambda row: (row.customer_id, row.rep_id)):
        longest = max(held, key=lambda row: _days(row, period))
        services.setdefault(customer_id, []).append(_Service(rep_id=rep_id, territory_id=longest.territory_id))
    return services


def _days(assignment: Assignment, period: Period) -> int:
    last = min(assignment.served_to or date.max, period.to_on)
    return (last - max(assignment.served_from, period.from_on)).days


def _reachable(session: Session) -> list[Contact]:
    """Contacts with an address who have not asked to be left alone."""
    reachable = select(Contact).where(Contact.email.is_not(None), Contact.email != "", Contact.opted_out_at.is_(None))
    return list(session.scalars(reachable.order_by(Contact.customer_id, Contact.id)))


def _codes(session: Session, customer_ids: Iterable[int]) -> tuple[str, ...]:
    wanted = set(customer_ids)
    named = session.execute(select(Customer.id, Customer.code).order_by(Customer.code)) if wanted else ()
    return tuple(code for customer_id, code in named if customer_id in wanted)


def _write(
    session: Session, campaign: Campaign, contacts: list[Contact], services: dict[int, list[_Service]], *, at: datetime
) -> None:
    """The rows of an asking, in bulk: a company has a hundred thousand customers."""
    if not contacts:
        return
    invitations = [
        {
            "campaign_id": campaign.id, "customer_id": contact.customer_id, "contact_id": contact.id,
            "mode": "web", "disposition": "queued", "created_at": at,
        }
        for contact in contacts
    ]  # fmt: skip
    session.execute(insert(Invitation), invitations)
    of_campaign = Invitation.campaign_id == campaign.id
    ids = dict(session.execute(select(Invitation.contact_id, Invitation.id).where(of_campaign)).all())
    customers = {customer.id: customer for customer in session.scalars(select(Customer))}
    subjects = [
        {
            "invitation_id": ids[contact.id], "rep_id": service.rep_id, "territory_id": service.territory_id,
            "adjusters": adjusters(customers[contact.customer_id], contact, on=campaign.period.from_on),
        }
        for contact in contacts
        for service in services[contact.customer_id]
    ]  # fmt: skip
    messages = [
        {
            "invitation_id": ids[contact.id], "kind": "invitation", "message_id": uuid.uuid4().hex,
            "state": "queued", "attempts": 0, "not_before": at, "created_at": at,
        }
        for contact in contacts
    ]  # fmt: skip
    session.execute(insert(Subject), subjects)
    session.execute(insert(OutboxMessage), messages)


def adjusters(customer: Customer, contact: Contact, *, on: date, mode: str = "web") -> dict[str, str | float | None]:
    """What is held fixed about a customer and a contact: `tenure` in years as a customer on the day `on`."""
    since = customer.customer_since
    return {
        "segment": customer.segment,
        "size_band": customer.size_band,
        "industry": customer.industry,
        "channel": customer.channel,
        "product_line": customer.product_line,
        "tenure": round(max(0, (on - since).days) / DAYS_A_YEAR, 2) if since else None,
        "language": contact.language,
        "mode": mode,
        "contact_role": contact.role,
    }


def revoke(session: Session, invitation: Invitation, *, reason: str, by: str, at: datetime) -> None:
    """Take every link of an invitation back; mail still waiting is not sent."""
    invitation.revoked_at = at
    hold_mail(session, invitation, "The invitation was taken back.")
    details = {"reason": reason}
    journal.record(session, "invitation revoked", f"invitation {invitation.id}", details, by=by, at=at)


def opt_out(session: Session, invitation: Invitation, *, at: datetime) -> None:
    """The person wants no more mail: none in this campaign, none in later ones. What they answered stays."""
    if invitation.contact is not None:
        invitation.contact.opted_out_at = invitation.contact.opted_out_at or at
    if invitation.disposition in UNANSWERED:
        invitation.disposition = "opted out"
    hold_mail(session, invitation, "The customer asked for no more mail.")


def hold_mail(session: Session, invitation: Invitation, reason: str) -> None:
    """Do not send what still waits for this person."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.invitation_id == invitation.id, OutboxMessage.state == "queued")
        .values(state="failed", last_error=reason)
    )
