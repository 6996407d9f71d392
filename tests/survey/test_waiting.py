"""What is due to customers, what waits for the reviewers, what is left for whoever takes over."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey.dashboards.due import due
from survey.dashboards.handover import hand_over
from survey.dashboards.waiting import waiting
from survey.indicators.page import NotToBeSeen
from survey.models.asking import Campaign
from survey.models.facts import Visit
from survey.models.roster import Assignment, Customer, Rep, Territory
from survey.models.scoring import Run

from .conftest import adopt

OWN = select(Rep.id).where(Rep.code == "R02")
WEDNESDAY = date(2026, 9, 23)  # two days before the Mid-Autumn Festival


@pytest.fixture
def served(session: Session, scored: object) -> Rep:
    """R02 serves four customers; one was visited with a purpose this week, one without, one long ago, one never."""
    rep = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    territory = session.scalars(select(Territory)).one()
    customers = [Customer(code=f"K{number}", name=f"客户{number}") for number in range(4)]
    session.add_all(customers)
    session.flush()
    session.add_all(
        Assignment(customer_id=one.id, rep_id=rep.id, territory_id=territory.id, served_from=date(2026, 1, 1))
        for one in customers
    )

    def visit(customer: str, on: date, **told: str) -> Visit:
        return Visit(rep_id=rep.id, customer=customer, on=on, place=1, first=False, ordered=False, **told)

    session.add_all(
        [
            visit("K0", date(2026, 9, 21), purpose="对账", need="要样品", occasion="中秋"),
            visit("K1", date(2026, 9, 22)),
            visit("K2", date(2026, 3, 2), purpose="送样", help="修好仪表", occasion="住院探望"),
        ]
    )
    session.flush()
    return rep


def test_what_is_due_is_asked_for_by_a_scheme_in_force(session: Session, served: Rep, now: datetime) -> None:
    adopt(session, "taiwan-six", now)
    assert due(session, OWN, on=WEDNESDAY) is None
    adopt(session, "customer-relationship-terminal-staff", now)
    assert due(session, OWN, on=WEDNESDAY) is None, "that one is for another position"
    adopt(session, "customer-relationship", now)
    found = due(session, OWN, on=WEDNESDAY)
    assert found
    assert (found.monday, found.sunday, found.customers, found.visited) == (
        date(2026, 9, 21), date(2026, 9, 27), 4, 1,
    )  # fmt: skip
    assert [(one.code, one.last_on) for one in found.to_visit] == [
        ("K3", None), ("K2", date(2026, 3, 2)), ("K1", date(2026, 9, 22)),
    ]  # fmt: skip
    assert [(one.name_en, one.on, one.greeted) for one in found.occasions] == [
        ("Mid-Autumn Festival", date(2026, 9, 25), 1), ("National Day", date(2026, 10, 1), 0),
    ]  # fmt: skip
    assert due(session, select(Rep.id).where(Rep.code == "R01"), on=WEDNESDAY) is None, "they serve nobody"


def test_who_takes_over_reads_days_and_counts_and_no_word(session: Session, served: Rep) -> None:
    served.left_on = date(2026, 9, 30)
    other = session.scalars(select(Rep).where(Rep.code == "R03")).one()
    went = session.scalars(select(Assignment).join(Customer).where(Customer.code == "K2")).one()
    went.served_to = date(2026, 9, 30)
    session.add(
        Assignment(customer_id=went.customer_id, rep_id=other.id, territory_id=went.territory_id,
                   served_from=date(2026, 10, 1))
    )  # fmt: skip
    session.flush()
    record = hand_over(session, OWN, "R02", on=date(2026, 11, 1))
    assert record.on == date(2026, 9, 30)
    first, _, third, last = record.rows
    assert (first.visits, first.purposes, first.needs, first.helps, first.successor) == (1, 1, 1, 0, "")
    assert first.greeted == (("中秋", "Mid-Autumn Festival"),)
    assert (third.successor, third.helps, third.greeted, third.other_occasions) == (other.name, 1, (), 1)
    assert (last.visits, last.last_on) == (0, None)
    assert not [word for word in ("对账", "要样品", "修好仪表", "住院") if word in repr(record)]
    with pytest.raises(NotToBeSeen):
        hand_over(session, OWN, "R01", on=date(2026, 11, 1))


def test_results_that_are_late_are_named_until_they_are_there(session: Session, scored: object, now: datetime) -> None:
    closed, at = date(2026, 6, 30), now + timedelta(days=30)
    session.execute(update(Run).values(created_at=datetime(2026, 6, 1, tzinfo=now.tzinfo)))
    session.execute(update(Campaign).values(closes_on=closed))
    campaign = session.scalars(select(Campaign).where(Campaign.code == "2025-H2")).one()
    campaign.closes_on = date(2025, 12, 31)
    for on, late in ((date(2026, 7, 5), []), (date(2026, 7, 8), [("2026-H1", date(2026, 7, 5), 3)])):
        found = waiting(session, within=5, on=on, at=at).unscored
        assert [(one.period, one.due_on, one.days) for one in found] == late
    session.execute(update(Run).values(created_at=datetime(2026, 7, 6, tzinfo=now.tzinfo)))
    assert waiting(session, within=5, on=date(2026, 7, 8), at=at).unscored == ()
