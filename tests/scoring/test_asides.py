"""What is told beside points, and what a scheme may let decide on them: teams, levels in words, required minimums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoring.appraisal import appraise
from scoring.asides import growth_split, net_new_customers
from scoring.explanation import explained, retraced
from scoring.facts import Fact, FactsRefused
from scoring.outcome import Outcome, Part
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator

FOLDER = Path(__file__).parents[2] / "survey" / "schemes"
GREW = {"last_sales": 400.0, "sales": 450.0, "new_customer_sales": 30.0}


def with_changed(name: str, code: str, **changes: Any) -> Scheme:
    """A shipped scheme with one indicator changed."""
    shipped = Scheme.from_toml((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return replace(
        shipped, indicators=tuple(replace(one, **changes) if one.code == code else one for one in shipped.indicators)
    )


def appraised(scheme: Scheme, *facts: Fact) -> tuple[Outcome, dict[str, Part]]:
    (outcome,) = appraise([], facts, [], scheme)
    retraced(explained(outcome, deduction_cap=scheme.deduction_cap))
    return outcome, {part.code: part for part in outcome.parts}


def test_growth_of_an_eighth_is_three_parts_new_and_two_existing() -> None:
    """400 last, 450 now, 30 of it from customers opened in the period: 12.5 % = 7.5 + 5.0."""
    aside = growth_split(GREW)
    assert aside is not None
    assert (aside.numbers["new"], aside.numbers["existing"]) == (7.5, 5.0)
    assert (aside.zh, aside.en) == (
        "新客户 +7.5、老客户 +5.0 个百分点",
        "+7.5 percentage points from new, +5.0 from existing customers",
    )


def test_what_is_printed_of_growth_adds_up_and_existing_customers_may_have_shrunk() -> None:
    aside = growth_split({"last_sales": 300, "sales": 310, "new_customer_sales": 20})
    assert aside is not None
    assert aside.en.startswith("+6.7 percentage points from new, −3.4 from")  # 3.3 together, as 10/300 prints


@pytest.mark.parametrize(
    "amounts", [{}, {**GREW, "new_customer_sales": 451}, {**GREW, "last_sales": 0}, {**GREW, "growth": 20}]
)
def test_growth_that_cannot_be_split_is_not_split(amounts: dict[str, float]) -> None:
    assert growth_split(amounts) is None


@pytest.mark.parametrize(("worth", "said"), [(3, "net new 0"), (2, "net new 1"), (2.5, "net new 0.5")])
def test_three_won_and_one_lost(worth: float, said: str) -> None:
    aside = net_new_customers({"new_customers": 3, "lost_customers": 1, "lost_worth": worth})
    assert aside is not None
    assert aside.en == f"{said} = 3 won − {worth:g} × 1 lost"
    assert net_new_customers({"new_customers": 3, "lost_worth": worth}) is None


def test_a_missed_minimum_is_named_and_scores_in_proportion() -> None:
    scheme = with_changed("four-counts", "cold_visits", unit="次")
    _, parts = appraised(scheme, Fact(rep="R", indicator="cold_visits", value=22, target=25))
    assert parts["cold_visits"].points == pytest.approx(17.6)
    assert parts["cold_visits"].remark_zh == "未达规定下限 25 次"
    _, parts = appraised(scheme, Fact(rep="R", indicator="cold_visits", value=25, target=25))
    assert parts["cold_visits"].remark_en == ""


def test_a_team_that_did_better_lifts_a_tenth_of_the_attainment() -> None:
    """Own 90 %, the team 95 %, a tenth of it: 0.9·90 + 0.1·95 = 90.5 %, of 40 points 36.2."""
    fact = Fact(rep="R", indicator="attainment", value=1080, target=1200, team=0.95)
    _, parts = appraised(with_changed("key-account", "attainment", team_share=0.1), fact)
    assert parts["attainment"].points == pytest.approx(36.2)
    assert parts["attainment"].remark_en == "own 1,080; the team reached 95 %, which counts 10 %"
    _, parts = appraised(with_changed("key-account", "attainment"), fact)
    assert parts["attainment"].points == pytest.approx(36)


@pytest.mark.parametrize("rating", [1, 2, 5])
def test_a_rating_that_stands_out_needs_evidence(rating: float) -> None:
    six = with_changed("taiwan-six", "supervisor")
    with pytest.raises(FactsRefused, match="needs a sentence of evidence"):
        appraised(six, Fact(rep="R", indicator="supervisor", value=rating))
    _, parts = appraised(six, Fact(rep="R", indicator="supervisor", value=rating, evidence="三次代班"))
    assert parts["supervisor"].remark_zh == _supervised(six).anchors_zh[int(rating) - 1]


def test_between_two_levels_nothing_is_said_and_the_middle_needs_no_evidence() -> None:
    _, parts = appraised(with_changed("taiwan-six", "supervisor"), Fact(rep="R", indicator="supervisor", value=3.5))
    assert parts["supervisor"].remark_en == ""


def _supervised(scheme: Scheme) -> Indicator:
    return next(one for one in scheme.indicators if one.code == "supervisor")
