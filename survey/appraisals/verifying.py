"""What customers say of what reps report of themselves: how many bear it out, of those who were asked and knew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from scoring.scheme import Scheme
from survey.campaigns.thresholds import spec_in_force
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period

Borne = Mapping[tuple[int, str], tuple[int, int]]


def borne_out(session: Session, period: Period, scheme: Scheme) -> Borne:
    """(confirmed, asked) customers by (rep id, indicator), of a period's campaigns.

    A customer confirms when anybody there does; who does not know counts on neither side. Fewer than the survey's
    `minimum_customers` say nothing: nobody's answer is to be read from a count.
    """
    found: dict[tuple[int, str], tuple[int, int]] = {}
    lines = [one for one in scheme.indicators if one.verified_by]
    if not lines:
        return found
    said = _said(session, period, {one.verified_by for one in lines})
    fewest = spec_in_force(session).minimum_customers
    for line in lines:
        by_rep: dict[int, dict[int, bool]] = defaultdict(dict)
        for rep, customer, value in said[line.verified_by]:
            if value in line.confirmed_by or value in line.denied_by:
                known = by_rep[rep].get(customer, False)
                by_rep[rep][customer] = known or value in line.confirmed_by
        for rep, customers in by_rep.items():
            if len(customers) >= fewest:
                found[rep, line.code] = sum(customers.values()), len(customers)
    return found


def _said(session: Session, period: Period, items: set[str]) -> Mapping[str, list[tuple[int, int, float]]]:
    """The counted answers to these questions, as (rep id, customer id, point of the scale)."""
    rows = session.execute(
        select(Answer.item, Subject.rep_id, Invitation.customer_id, Answer.value)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(
            Response,
            and_(Response.id == ResponseVersion.response_id, Response.version_no == ResponseVersion.version_no),
        )
        .join(Subject, Subject.id == Response.subject_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(Campaign.period_id == period.id, Answer.state == "answered", Answer.item.in_(items))
    )
    found: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    for item, rep, customer, value in rows:
        found[item].append((rep, customer, float(value or 0.0)))
    return found
