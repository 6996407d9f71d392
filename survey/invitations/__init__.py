"""Asking: every customer of the campaign's sample, through every contact who can be reached.

Territory and every adjuster are copied as of the asking, so that later edits of the roster cannot move a score. Beside
this room: `links` (private links), `outbox` (what waits to be sent), `reminders`, `delivery` (pausing, correcting an
address, the state of the queue), `people` (wishes of one person), `reports` (what mail servers tell later).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from survey import campaigns, journal, questionnaires
from survey.campaigns import UNANSWERED
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Contact, Customer
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused
from survey.sampling import draw
from survey.sampling.frame import Reach, Service, by_mail

DAYS_A_YEAR = 365.25
BY_PHONE = "phone"
"""The channel that is a person calling: nothing waits in the outbox for it."""
TO_ASK = (*UNANSWERED, "bounced")
"""Dispositions of people whom a corrected address, another try or a call may still reach."""
BATCH = 1000
One = TypeVar("One")
Tell = Callable[[int, int], None]
"""Hears how many of how many are done."""


def silently(_done: int, _total: int) -> None:
    """For whoever does not want to hear it."""


def batches(of: Collection[One], tell: Tell) -> Iterator[list[One]]:
    """All of them, a thousand at a time. When the next is asked for, `tell` hears that the one before is done."""
    everything = list(of)
    for begin in range(0, len(everything), BATCH):
        yield everything[begin : begin + BATCH]
        tell(min(begin + BATCH, len(everything)), len(everything))


class CampaignNotOpen(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What one act of inviting did. `unreachable`: codes of customers served whom no mail reaches; `excluded`,
    `rested`: how many were left out by decision, or because another campaign asked them lately; `not_drawn`: how many
    the sample left out."""

    invited: int
    invited_before: int
    unreachable: tuple[str, ...]
    excluded: int
    rested: int
    not_drawn: int


def invite(
    session: Session, campaign: Campaign, *, reach: Reach = by_mail, tell: Tell = silently, by: str, at: datetime
) -> Invited:
    """Ask every customer of the campaign's sample, one invitation and one waiting message a contact.

    Doing it again asks only those who have come since. Raises CampaignNotOpen, CheckUnderWay.
    """
    require_open(campaign)
    campaigns.one_at_a_time(session, campaign)
    found, services = draw.whom_to_ask(session, campaign, reach=reach, by=by, at=at)
    before = set(session.scalars(select(Invitation.contact_id).where(Invitation.campaign_id == campaign.id)))
    asked = [reached for customer_id in services for reached in found.contacts[customer_id]]
    fresh = {reached.contact: reached.channel for reached in asked if reached.contact.id not in before}
    for batch in batches(fresh.items(), tell):
        _write(session, campaign, dict(batch), services, at=at)
    questionnaires.freeze(campaign.questionnaire, at=at)
    done = Invited(
        invited=len(fresh),
        invited_before=len(asked) - len(fresh),
        unreachable=_codes(session, found.unreachable),
        excluded=len(found.excluded),
        rested=len(found.rested),
        not_drawn=len(found.contacts) - len(services),
    )
    counts = {
        "invited": done.invited, "unreachable": len(done.unreachable), "excluded": done.excluded,
        "rested": done.rested, "not drawn": done.not_drawn,
    }  # fmt: skip
    journal.record(session, "customers invited", campaign.code, counts, by=by, at=at)
    return done


def require_open(campaign: Campaign) -> None:
    """Raises CampaignNotOpen."""
    if campaign.state != "open":
        raise CampaignNotOpen(
            N_("Campaign %(code)s is not open. Open it first: evenhand campaign open %(code)s."), code=campaign.code
        )


def _codes(session: Session, customer_ids: Iterable[int]) -> tuple[str, ...]:
    wanted = set(customer_ids)
    named = session.execute(select(Customer.id, Customer.code).order_by(Customer.code)) if wanted else ()
    return tuple(code for customer_id, code in named if customer_id in wanted)


def _write(
    session: Session,
    campaign: Campaign,
    contacts: Mapping[Contact, str],
    services: Mapping[int, tuple[Service, ...]],
    *,
    at: datetime,
) -> None:
    """The rows of an asking, in bulk: a company has a hundred thousand customers."""
    invitations = [
        {
            "campaign_id": campaign.id, "customer_id": contact.customer_id, "contact_id": contact.id,
            "mode": "phone" if channel == BY_PHONE else "web", "disposition": "queued", "created_at": at,
        }
        for contact, channel in contacts.items()
    ]  # fmt: skip
    session.execute(insert(Invitation), invitations)
    those = Invitation.contact_id.in_([contact.id for contact in contacts])
    written = select(Invitation.contact_id, Invitation.id).where(Invitation.campaign_id == campaign.id, those)
    ids = dict(session.execute(written).all())
    asked = Customer.id.in_({contact.customer_id for contact in contacts})
    customers = {customer.id: customer for customer in session.scalars(select(Customer).where(asked))}
    subjects = [
        {
            "invitation_id": ids[contact.id], "rep_id": service.rep_id, "territory_id": service.territory_id,
            "adjusters": adjusters(customers[contact.customer_id], contact, on=campaign.period.from_on),
            "served_share": service.share,
        }
        for contact in contacts
        for service in services[contact.customer_id]
    ]  # fmt: skip
    messages = [
        {
            "invitation_id": ids[contact.id], "number": 0, "channel": channel, "message_id": uuid.uuid4().hex,
            "state": "queued", "attempts": 0, "not_before": at, "created_at": at,
        }
        for contact, channel in contacts.items()
        if channel != BY_PHONE
    ]  # fmt: skip
    session.execute(insert(Subject), subjects)
    if messages:
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
    details = {"reason": journal.sealed(reason)}
    journal.record(session, "invitation revoked", f"invitation {invitation.id}", details, by=by, at=at)


def move(session: Session, invitation_id: int, before: Collection[str], after: str) -> None:
    """Change what became of somebody asked, only from what it may come from: they may have answered since we looked."""
    ours = update(Invitation).where(Invitation.id == invitation_id, Invitation.disposition.in_(before))
    session.execute(ours.values(disposition=after), execution_options={"synchronize_session": "fetch"})


def decline(session: Session, invitation: Invitation) -> None:
    """Who was called does not want to be asked in this campaign; later ones may ask again."""
    move(session, invitation.id, TO_ASK, "opted out")
    hold_mail(session, invitation, "The customer declined on the telephone.")


def mark_wrong_person(session: Session, invitation: Invitation) -> None:
    """Whoever was reached cannot say anything about these reps: no more mail in this campaign."""
    move(session, invitation.id, TO_ASK, "wrong person")
    hold_mail(session, invitation, "The customer said that this is the wrong person.")


_HOLD = (
    update(OutboxMessage)
    .where(OutboxMessage.invitation_id == bindparam("of_invitation"), OutboxMessage.state == "queued")
    .values(state="held", last_error=bindparam("reason"))
    .execution_options(synchronize_session=False)
)
"""Made once: every answer says it."""


def hold_mail(session: Session, invitation: Invitation, reason: str) -> None:
    """Do not send what still waits for this person."""
    session.execute(_HOLD, {"of_invitation": invitation.id, "reason": reason})
