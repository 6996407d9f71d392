"""Every shipped scheme against the worked example of its source text, from facts and scores to the printed total."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scoring.appraisal import appraise
from scoring.facts import Event, Fact
from scoring.outcome import Outcome
from scoring.rules import Stage, earned_value
from scoring.scheme import Scheme
from scoring.scores import Score

FOLDER = Path(__file__).parents[2] / "survey" / "schemes"
Given = tuple[float, float] | tuple[float]


def surveyed(reported: float, item: str = "satisfaction") -> Score:
    return Score(
        rep="R",
        item=item,
        responses=40,
        customers=36,
        raw=None,
        mix=None,
        territory=None,
        centring=None,
        adjusted=None,
        se=None,
        df=None,
        low=None,
        high=None,
        reliability=0.8,
        reported=reported,
        reported_sd=2.0,
        peer=None,
        company=None,
        case="A",
        component=1,
        fragile=False,
        evidence="full",
    )


def outcome(
    code: str, given: Mapping[str, Given], *, reported: float | None = None, happened: Mapping[str, float] | None = None
) -> Outcome:
    scheme = Scheme.from_toml((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
    facts = [
        Fact(rep="R", indicator=name, value=found[0], target=found[1] if len(found) > 1 else None)
        for name, found in given.items()
    ]
    events = [
        Event(rep="R", category=category, on=f"2026-07-{day:02}", points=points)
        for day, (category, points) in enumerate((happened or {}).items(), start=1)
    ]
    scores = [surveyed(reported)] if reported is not None else []
    return appraise(scores, facts, events, scheme)[0]


def points(result: Outcome) -> dict[str, float | None]:
    return {part.code: part.points for part in result.parts}


def test_results_88_and_process_95_make_90_1() -> None:
    duties = dict.fromkeys(("visits", "shipping", "dunning", "reports", "merchandising", "stock_count"), (95.0,))
    result = outcome("result-process", {"sales": (88, 100), "collection": (44, 50), **duties})
    by_group = {
        group: sum(part.points or 0 for part in result.parts if part.group == group) for group in ("result", "process")
    }
    assert by_group == pytest.approx({"result": 0.7 * 88, "process": 0.3 * 95})
    assert result.printed == "90.1"


def test_sales_customers_satisfaction() -> None:
    """Attainments 90 % and 100 %, satisfaction 16 of 20: 45 + 20 + 24."""
    result = outcome("sales-customers-satisfaction", {"sales": (90, 100), "customers": (50, 50)}, reported=84)
    assert points(result) == pytest.approx({"sales": 45, "customers": 20, "satisfaction": 24})
    assert result.printed == "89.0"


SALESMAN: Mapping[str, Given] = {
    "collection": (100,),
    "invoicing": (90,),
    "receivables": (100, 100),
    "distribution": (75,),
    "dealings": (100,),
    "prices": (5, 6),
}


def test_kelon_salesman() -> None:
    result = outcome("kelon-salesman", SALESMAN, happened={"complaint": 2})
    assert [part.points for part in result.parts if part.kind == "indicator"] == pytest.approx([40, 27, 10, 6, 6, 5])
    assert (result.main_printed, result.printed) == ("94.0", "92.0")


def test_kelon_salesman_with_satisfaction() -> None:
    result = outcome("kelon-salesman-satisfaction", SALESMAN, happened={"complaint": 2}, reported=84)
    assert result.total == pytest.approx(0.8 * 94 + 16 - 2)


ZONGSHEN: Mapping[str, Given] = {
    "sales": (100, 100),
    "collection": (100, 100),
    "daily_reports": (120, 120),
    "monthly_summary": (6, 6),
    "retailer_policy": (100,),
    "territory_control": (100,),
    "discipline": (100,),
    "visits": (12,),
    "market_information": (6, 6),
    "market_anomalies": (3, 3),
}
NOT_WELL_DONE = {
    "market_control": 2,
    "agent_coordination": 2,
    "technical_service": 2,
    "emergencies": 2,
    "forecasting": 2,
}


def test_zongshen_counts_three_of_five_items_double() -> None:
    """One "not well done" of 2 points on each: 2 + 2 + 4 + 4 + 4 = 16, not 10."""
    result = outcome("zongshen", ZONGSHEN, happened=NOT_WELL_DONE)
    deducted = [part.points for part in result.parts if part.kind == "deduction"]
    assert deducted == [-2, -2, -4, -4, -4]
    assert [event.multiplier for part in result.parts for event in part.events] == [1, 1, 2, 2, 2]
    assert result.printed == "84.0"


def test_zongshen_items_stop_at_their_own_weight() -> None:
    result = outcome("zongshen", ZONGSHEN, happened=dict.fromkeys(NOT_WELL_DONE, 9.0))
    assert result.total == 80


def test_zongshen_duties_by_their_rules() -> None:
    worse = {
        **ZONGSHEN,
        "daily_reports": (119, 120),
        "retailer_policy": (91,),
        "territory_control": (98,),
        "visits": (8,),
    }
    found = points(outcome("zongshen", worse))
    assert [found[code] for code in ("daily_reports", "retailer_policy", "territory_control", "visits")] == [0, 3, 3, 4]


def test_a_newcomer_in_the_first_months() -> None:
    given = {"product_exam": (85,), "training_hours": (32, 40), "customer_sessions": (6, 5), "visits": (22, 25)}
    result = outcome("technical-newcomer-0-3", given)
    assert [part.points for part in result.parts] == pytest.approx([25.5, 16, 20, 26.4])
    assert result.printed == "87.9"
    assert not any("sales" in part.code for part in result.parts)


def test_stage_milestones() -> None:
    """Stages 5/10/20/25/25/15; the first three planned; two and a half done."""
    stages = [
        Stage(weight=5, planned=1, done=1),
        Stage(weight=10, planned=1, done=1),
        Stage(weight=20, planned=1, done=0.5),
        *(Stage(weight=weight, planned=0, done=0) for weight in (25, 25, 15)),
    ]
    found = points(
        outcome("stage-milestones", {"milestones": earned_value(stages), "collection": (9, 10), "reports": (95,)})
    )
    assert found["milestones"] == pytest.approx(40 * 25 / 35)
    assert round(found["milestones"] or 0, 1) == 28.6


def test_key_account_four() -> None:
    """1,080 of 1,200 (last year 1,000 × 1.2), 3 of 4 activities, 18 of 20 customers called twice a month."""
    given = {"attainment": (1080, 1000 * 1.2), "participation": (3, 4), "relationship": (18, 20)}
    result = outcome("key-account", given, reported=84)
    assert points(result) == pytest.approx(
        {"attainment": 36, "satisfaction": 24, "participation": 7.5, "relationship": 18}
    )
    assert result.printed == "85.5"


RELATIONS: Mapping[str, Given] = {
    "cards": (20, 20),
    "mutual_names": (18, 20),
    "familiarity": (20, 20),
    "telephones": (17, 20),
    "visits": (20, 20),
    "help": (20, 20),
    "recommendation": (20, 20),
    "information": (24, 24),
    "greetings": (8, 9),
}


def test_customer_relationships() -> None:
    """18 of 20 reach the 90 %; telephones 17 of 20 are .944 of it; greetings 8 of 9 are 88.9 %."""
    found = points(outcome("customer-relationship", RELATIONS))
    assert found["mutual_names"] == 10
    assert found["telephones"] == pytest.approx(9.44, abs=0.005)
    assert found["greetings"] == pytest.approx(8.89, abs=0.005)


def test_relationship_cards_are_a_duty() -> None:
    assert points(outcome("customer-relationship", {**RELATIONS, "cards": (19, 20)}))["cards"] == 0


def test_the_growth_scheme_scores_a_missed_floor_in_proportion() -> None:
    """22 visits against 25 a week are 88 %; growth of 12.5 % against 10 %; three new, one lost."""
    given = {"cold_visits": (22, 25), "new_customers": (3, 3), "lost_customers": (1,), "growth": (12.5, 10)}
    assert points(outcome("four-counts", given)) == pytest.approx(
        {"cold_visits": 0.88 * 20, "new_customers": 25, "lost_customers": 20 * 2 / 3, "growth": 35}
    )


def test_the_ten_criteria_of_the_worked_month() -> None:
    """20 days, 160 calls, 40 orders, ¥200,000, ¥8,000 of expense, each exactly on target but for the expense rate."""
    given: Mapping[str, Given] = {
        "sales": (200_000, 200_000),
        "gross_profit": (30_000, 30_000),
        "call_rate": (8, 8),
        "hit_rate": (25, 25),
        "orders_per_day": (2, 2),
        "order_size": (5_000, 5_000),
        "expense_rate": (4.0, 3.2),
        "new_customers": (2, 2),
        "complaints": (1,),
    }
    result = outcome("ten-criteria", given)
    assert points(result)["expense_rate"] == pytest.approx(7.5)
    assert points(result)["complaints"] == 4
    assert result.coverage == pytest.approx(0.95), "the firm's own tenth criterion has no fact"


def test_five_dimensions_each_take_their_own_item() -> None:
    scheme = Scheme.from_toml((FOLDER / "five-dimensions.toml").read_text(encoding="utf-8"))
    items = ("knowledge", "delivery", "responsiveness", "advice", "guidance")
    scores = [surveyed(60 + 6 * place, item) for place, item in enumerate(items, start=1)]
    result = appraise(scores, [], [], scheme)[0]
    assert [part.points for part in result.parts] == pytest.approx([4, 8, 12, 16, 20])
