"""The frame of a campaign: every customer served in its period who can be asked, and why the others are not.

The rule chooses, never a rep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from survey.models.asking import Campaign, Exclusion, Invitation
from survey.models.company import Period
from survey.models.retention import Erasure
from survey.models.roster import Assignment, Contact

Reach = Callable[[Contact], str | None]
"""The channel through which this installation reaches a contact; None: it cannot."""


def by_mail(contact: Contact) -> str | None:
    return "mail" if contact.email and contact.email != contact.undeliverable else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A contact who can be asked, and the channel that reaches them."""

    contact: Contact
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One rep's service to one customer in a period: the territory where most of it happened, and the share of the
    period's days, above 0 and at most 1."""

    rep_id: int
    territory_id: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Who was served, and who of them can be asked.

    `services`: customer id → who served it in the period. `contacts`: customer id → those who can be reached, for
    every customer who may be asked. The others served stand under the reason they are left out for: nobody there can
    be reached (`unreachable`), a second person agreed to leave them out (`excluded`), or another campaign
    asked them too short a while ago (`rested`).
    """

    services: Mapping[int, tuple[Service, ...]]
    contacts: Mapping[int, tuple[Reached, ...]]
    unreachable: frozenset[int]
    excluded: frozenset[int]
    rested: frozenset[int]


def frame(session: Session, campaign: Campaign, *, reach: Reach = by_mail, at: datetime) -> Frame:
    """Find everybody whom the campaign could ask now."""
    served = services(session, campaign.period)
    reached = _reached(session, reach)
    excluded = _excluded(session, campaign) & served.keys()
    unreachable = served.keys() - reached.keys() - excluded
    rested = (_asked_lately(session, campaign, at=at) & served.keys()) - excluded - unreachable
    left_out = excluded | unreachable | rested
    return Frame(
        services=served,
        contacts={customer: tuple(reached[customer]) for customer in sorted(served.keys() - left_out)},
        unreachable=frozenset(unreachable),
        excluded=frozenset(excluded),
        rested=frozenset(rested),
    )


def services(session: Session, period: Period) -> dict[int, tuple[Service, ...]]:
    """Customer id → who served it in the period. A rep in two territories counts where the days were more."""
    overlapping = (
        select(
            Assignment.customer_id, Assignment.rep_id, Assignment.territory_id,
            Assignment.served_from, Assignment.served_to,
        )
        .where(
            Assignment.customer_id.not_in(select(Erasure.customer_id)),
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .order_by(Assignment.customer_id, Assignment.rep_id, Assignment.id)
    )  # fmt: skip
    length = _days(period.from_on, period.to_on, period)
    found: dict[int, list[Service]] = defaultdict(list)
    for (customer_id, rep_id), held in groupby(session.execute(overlapping), lambda row: (row[0], row[1])):
        days: dict[int, int] = defaultdict(int)
        for _, _, territory_id, served_from, served_to in held:
            days[territory_id] += _days(served_from, served_to, period)
        found[customer_id].append(
            Service(
                rep_id=rep_id,
                territory_id=max(days, key=days.__getitem__),
                share=min(1.0, sum(days.values()) / length),
            )
        )
    return {customer_id: tuple(several) for customer_id, several in found.items()}


def _days(served_from: date, served_to: date | None, period: Period) -> int:
    """Days of a service that fall into the period, the first and the last included."""
    return (min(served_to or date.max, period.to_on) - max(served_from, period.from_on)).days + 1


def _reached(session: Session, reach: Reach) -> dict[int, list[Reached]]:
    """Customer id → the contacts who can be reached and have not asked to be left alone, as this or any customer's."""
    found: dict[int, list[Reached]] = defaultdict(list)
    contacts = session.scalars(select(Contact).order_by(Contact.customer_id, Contact.id)).all()
    left_alone = {contact.known_by for contact in contacts if contact.opted_out_at}
    for contact in contacts:
        stopped = contact.opted_out_at or contact.known_by in left_alone
        channel = None if stopped else reach(contact)
        if channel is not None:
            found[contact.customer_id].append(Reached(contact=contact, channel=channel))
    return found


def _excluded(session: Session, campaign: Campaign) -> set[int]:
    agreed = select(Exclusion.customer_id).where(Exclusion.campaign_id == campaign.id, Exclusion.decision == "accepted")
    return set(session.scalars(agreed))


def _asked_lately(session: Session, campaign: Campaign, *, at: datetime) -> set[int]:
    """Customers whom another campaign invited less than the campaign's days of rest ago. Reminders do not count."""
    lately = (
        select(Invitation.customer_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(
            Invitation.campaign_id != campaign.id,
            Invitation.created_at > at - timedelta(days=campaign.rest_days),
            Invitation.revoked_at.is_(None),
            Campaign.imported.is_(False),
        )
    )
    return set(session.scalars(lately))
