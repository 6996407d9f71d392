"""What calls and stages come to: counted over whole weeks and months, of the customers served."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scoring.logs import (
    MEASURES,
    Call,
    Work,
    cold_visits,
    communicating_customers,
    greeted_occasions,
    helped_customers,
    project_stages,
    visited_customers,
    visits_a_month,
    visits_a_week,
)
from scoring.rules import Stage

WEEKS = Work(from_on=date(2026, 3, 2), to_on=date(2026, 3, 29))


def work(*calls: Call, customers: str = "ab", **more: object) -> Work:
    return Work(from_on=WEEKS.from_on, to_on=WEEKS.to_on, calls=calls, customers=list(customers), **more)  # type: ignore[arg-type]


def test_a_period_is_cut_into_the_whole_weeks_and_months_inside_it() -> None:
    half = Work(from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))
    assert (len(half.weeks), half.weeks[0][0], half.weeks[-1][1]) == (25, date(2026, 1, 5), date(2026, 6, 28))
    assert len(half.months) == 6
    short = Work(from_on=date(2026, 3, 4), to_on=date(2026, 3, 6))
    assert short.weeks == short.months == [(short.from_on, short.to_on)]


def test_strangers_count_once_however_often_they_are_seen() -> None:
    seen = [Call(customer=name, on=date(2026, 3, 3), first=True) for name in ("x", "y", "y")]
    assert cold_visits(work(*seen, Call(customer="a", on=date(2026, 3, 3)))) == (pytest.approx(2 / 4), None)


def test_calls_a_week_and_a_month() -> None:
    calls = [Call(customer="a", on=WEEKS.from_on + timedelta(days=day)) for day in range(20)]
    assert visits_a_week(work(*calls)) == (5, None)
    february = Work(from_on=date(2026, 2, 1), to_on=date(2026, 2, 28), calls=calls[:10])
    assert visits_a_month(february) == (10, None)


def test_a_week_without_a_purposeful_visit_leaves_a_customer_out() -> None:
    weekly = [
        Call(customer=name, on=WEEKS.from_on + timedelta(weeks=week, days=1), purpose=True, help=True)
        for name in "ab"
        for week in range(4)
    ]
    assert visited_customers(work(*weekly)) == helped_customers(work(*weekly)) == (2, 2)
    assert visited_customers(work(*weekly[:-1])) == (1, 2)
    aimless = Call(customer="b", on=weekly[-1].on)
    assert visited_customers(work(*weekly[:-1], aimless)) == (1, 2)


def test_two_effective_communications_a_month_and_a_third_earns_no_more() -> None:
    talks = [Call(customer="a", on=date(2026, 3, day), need=True) for day in (3, 10, 20)]
    once = Call(customer="b", on=date(2026, 3, 3), need=True)
    assert communicating_customers(work(*talks, once)) == (1, 2)


def test_greetings_are_those_due_in_the_period() -> None:
    greeted = [Call(customer=name, on=date(2026, 3, 3), occasion="清明") for name in ("a", "a", "stranger")]
    other = Call(customer="b", on=date(2026, 3, 3), occasion="立春")
    assert greeted_occasions(work(*greeted, other, occasions=["清明", "五一"])) == (1, 4)


def test_stages_of_several_projects_weigh_by_importance() -> None:
    """Stages 5, 10, 20 planned, 5 + 10 + half of 20 done: 25 of 35."""
    stages = [Stage(weight=w, planned=1, done=d) for w, d in ((5, 1), (10, 1), (20, 0.5))]
    assert project_stages(work(stages=stages)) == (25, 35)
    assert project_stages(work(stages=[Stage(weight=5, planned=0, done=0.2)])) is None


@pytest.mark.parametrize("measure", [cold_visits, visits_a_week, visits_a_month, visited_customers, helped_customers])
def test_no_entry_is_no_measure_not_a_zero(measure: object) -> None:
    assert measure(work()) is None  # type: ignore[operator]


WORKED = {"working_days": 20, "calls": 160, "orders": 40, "sales": 200_000, "expense": 8_000, "last_sales": 160_000}
MILLION = {
    "sales": 1_000_000, "cost": 700_000, "discounts": 30_000, "expense": 40_000, "collection_days": 73, "interest": 6,
    "bad_debt_rate": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "value"),
    [("call_rate", 8), ("hit_rate", 25), ("orders_per_day", 2), ("order_size", 5_000), ("expense_rate", 4),
     ("sales_growth", 25)],
)  # fmt: skip
def test_the_worked_month_of_calls_and_orders(measure: str, value: float) -> None:
    """20 days, 160 calls, 40 orders, 200,000 of sales, 8,000 of expense, as in the ten criteria."""
    assert MEASURES[measure](work(amounts=WORKED)) == (pytest.approx(value), None)
    assert MEASURES[measure](work(amounts={"sales": 1})) is None
    assert MEASURES[measure](work(amounts={**WORKED, **dict.fromkeys(WORKED, 0)})) is None


def test_what_is_left_of_a_million_in_sales() -> None:
    """700,000 cost, 30,000 discounts, 40,000 expense, 73 days at 6 %, 0.5 % bad debt: 21.3 %."""
    assert MEASURES["contribution_rate"](work(amounts=MILLION)) == (pytest.approx(21.3), None)
    assert MEASURES["contribution_rate"](work(amounts={**MILLION, "sales": 0})) is None


def test_logged_calls_stand_in_for_a_number_of_calls() -> None:
    calls = [Call(customer="a", on=WEEKS.from_on)] * 5
    assert MEASURES["call_rate"](work(*calls, amounts={"working_days": 20})) == (0.25, None)
