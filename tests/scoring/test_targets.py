"""Fair targets against the published territories, and what every target must keep to."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import targets
from scoring.targets import Expectation, TargetsRefused

TABLE = Path(__file__).parents[1] / "data" / "cravens1972.csv"
COVARIATES = ("potential", "advertising", "accounts", "workload")


def cravens() -> dict[str, dict[str, float]]:
    """The table by column, then territory."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    return {
        column: {row["territory"]: float(row[column]) for row in rows} for column in rows[0] if column != "territory"
    }


def expectation() -> Expectation:
    table = cravens()
    return targets.expect(table["sales"], {name: table[name] for name in COVARIATES})


def test_the_table_is_the_textbook_s() -> None:
    """Sales on time, potential, advertising, share and change of share, as printed in textbooks."""
    import numpy as np
    import statsmodels.api as sm

    table = cravens()
    columns = [list(table[name].values()) for name in ("time", "potential", "advertising", "share", "share_change")]
    fit = sm.OLS(list(table["sales"].values()), sm.add_constant(np.column_stack(columns))).fit()
    assert fit.params == pytest.approx([-1113.87, 3.6123, 0.0421, 0.1289, 256.97, 324.54], rel=1e-3)
    assert fit.rsquared == pytest.approx(0.9150, abs=5e-5)


def test_a_territory_that_alone_decides_a_coefficient_is_told_apart() -> None:
    """Nobody else tells what to expect of it."""
    table = cravens()
    alone = {name: 9.0 if name == "3" else 1.0 for name in table["sales"]}
    with pytest.raises(TargetsRefused, match="do not tell what to expect of 3;"):
        targets.expect(table["sales"], {"competition": alone})


def test_the_equation_for_territories() -> None:
    fitted = expectation()
    estimates = {term: estimate for term, (estimate, _) in fitted.coefficients.items()}
    assert estimates == pytest.approx(
        {"constant": 0.0915, "potential": 0.309, "advertising": 0.210, "accounts": 0.544, "workload": 0.149}, abs=6e-4
    )
    assert (fitted.r2, fitted.adjusted_r2, fitted.left_out_r2) == pytest.approx((0.819, 0.783, 0.744), abs=6e-4)
    assert fitted.s == pytest.approx(0.1753, abs=5e-5)


@pytest.mark.parametrize(
    ("territory", "sales_rank", "naive", "attainment", "rank"),
    [
        ("1", 8, 0.571, 1.283, 1),
        ("5", 2, 1.220, 1.115, 9),
        ("6", 22, 0.650, 1.203, 3),
        ("7", 3, 1.138, 0.899, 18),
        ("19", 13, 0.725, 0.720, 23),
        ("23", 25, 0.766, 0.676, 25),
    ],
)
def test_attainment_once_the_patch_is_allowed_for(
    territory: str, sales_rank: int, naive: float, attainment: float, rank: int
) -> None:
    table = cravens()
    sales, plan = table["sales"], sum(table["sales"].values())
    fair = targets.share_plan(plan, {one.territory: one.expected for one in expectation().territories})
    achieved = {name: sales[name] / target for name, target in fair.items()}
    by_potential = targets.index_targets(plan, {"potential": 1.0}, table)
    assert sales[territory] / by_potential[territory] == pytest.approx(naive, abs=6e-4)
    assert achieved[territory] == pytest.approx(attainment, abs=6e-4)
    assert sorted(sales.values(), reverse=True).index(sales[territory]) + 1 == sales_rank
    assert sorted(achieved.values(), reverse=True).index(achieved[territory]) + 1 == rank


def test_one_period_hardly_separates_territories() -> None:
    """s = .175: the 95 % interval of an attainment of 1 is wider than .69 to 1.46 by the leverage."""
    found = expectation().territories
    for one in found:
        assert one.se_log > 0.1753 - 5e-5
        assert math.exp(1.96 * one.se_log) > 1.4
    usual = 0.1753 * math.sqrt(1 + 5 / 25)  # the leverages of five coefficients sum to five
    assert math.fsum(one.se_log**2 for one in found) / 25 == pytest.approx(usual**2, rel=1e-3)
    assert (math.exp(-1.96 * usual), math.exp(1.96 * usual)) == pytest.approx((0.69, 1.46), abs=5e-3)


def test_a_territory_s_own_sales_do_not_move_its_expectation() -> None:
    table = cravens()
    doubled = {**table["sales"], "7": 2 * table["sales"]["7"]}
    again = targets.expect(doubled, {name: table[name] for name in COVARIATES})
    before = {one.territory: one.expected for one in expectation().territories}
    after = {one.territory: one.expected for one in again.territories}
    assert after["7"] == pytest.approx(before["7"], rel=1e-9)
    assert after["1"] != pytest.approx(before["1"], rel=1e-3)


def test_twice_the_potential_asks_for_more_but_gives_the_same_points_for_the_same_effort() -> None:
    """Sales exactly as the equation says, so every rep works alike: all attain 100 %."""
    table = cravens()
    law = {
        name: math.exp(0.5 + 0.4 * math.log(table["potential"][name]) + 0.3 * math.log(table["accounts"][name]))
        for name in table["sales"]
    }
    fitted = targets.expect(law, {name: table[name] for name in ("potential", "accounts")})
    for one in fitted.territories:
        assert one.sales / one.expected == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("forbidden", ["share", "rating", "visits", "sales_last_year"])
def test_what_the_rep_controls_may_not_explain_sales(forbidden: str) -> None:
    table = cravens()
    with pytest.raises(TargetsRefused, match=f"{forbidden} may not explain sales"):
        targets.expect(table["sales"], {"potential": table["potential"], forbidden: table["share"]})


def test_few_territories_or_values_without_a_logarithm_are_refused() -> None:
    table = cravens()
    few = dict(list(table["sales"].items())[:14])
    with pytest.raises(TargetsRefused, match="14 territories are too few for 1 covariates"):
        targets.expect(few, {"potential": table["potential"]})
    with pytest.raises(TargetsRefused, match="potential is missing or not above 0 for 3"):
        targets.expect(table["sales"], {"potential": {**table["potential"], "3": 0.0}})


def test_index_targets_share_the_plan_by_agreed_weights() -> None:
    covariates = {
        "potential": {"N": 60.0, "S": 40.0},
        "accounts": {"N": 10.0, "S": 30.0},
        "last_year": {"N": 5.0, "S": 5.0},
    }
    fair = targets.index_targets(1000, {"potential": 0.5, "accounts": 0.3, "last_year": 0.2}, covariates)
    assert fair == pytest.approx({"N": 475, "S": 525})
    with pytest.raises(TargetsRefused, match=r"sum to 0\.9"):
        targets.index_targets(1000, {"potential": 0.9}, covariates)


def test_the_ramp_of_the_first_six_months() -> None:
    assert [targets.ramp(month) for month in range(8)] == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0])
    norm = (0.0, 0.25, 0.5, 0.75, 1.0)
    assert [targets.ramp(month, table=norm) for month in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]


def test_a_target_is_blended_limited_and_ramped() -> None:
    plain = targets.set_target(900.0, quota=1000.0)
    assert plain is not None
    assert (plain.target, plain.limited) == (pytest.approx(math.sqrt(900 * 1000)), False)
    steep = targets.set_target(250.0, quota=1000.0)
    assert steep is not None
    assert (steep.target, steep.limited) == (750, True)
    new = targets.set_target(900.0, ramp=targets.ramp(0))
    assert new is not None
    assert new.target == pytest.approx(360)
    assert "40%" in new.why_zh
    assert "40%" in new.why_en


def test_a_ramp_of_nothing_makes_the_indicator_not_applicable() -> None:
    assert targets.set_target(900.0, ramp=0.0) is None


def test_tenure_counts_once_and_seniors_carry_a_fifth_more_at_most() -> None:
    senior = targets.set_target(100.0, ramp=1.2, quota=100.0)
    assert senior is not None
    assert senior.target == pytest.approx(120)
    with pytest.raises(TargetsRefused, match="Tenure already explains"):
        targets.set_target(100.0, ramp=0.5, tenure_explains=True)
    with pytest.raises(TargetsRefused, match="outside 0 to 1"):
        targets.set_target(100.0, ramp=1.3)


def test_leave_is_prorated() -> None:
    assert targets.prorated(1800, days=60, of=180) == 600
    with pytest.raises(TargetsRefused):
        targets.prorated(1800, days=200, of=180)


def test_a_goal_two_errors_above_the_expectation_is_too_ambitious() -> None:
    assert targets.too_ambitious(150, adjusted=100, se_log=0.18)
    assert not targets.too_ambitious(140, adjusted=100, se_log=0.18)


@given(adjusted=st.floats(1, 1e6), quota=st.floats(1, 1e6), weight=st.floats(0, 1))
def test_a_blended_target_stays_between_its_sources_and_within_the_limit(
    adjusted: float, quota: float, weight: float
) -> None:
    found = targets.set_target(adjusted, quota=quota, weight=weight)
    assert found is not None
    assert min(adjusted, quota) * (1 - 1e-9) <= found.target or found.limited
    assert found.target <= max(adjusted, quota) * (1 + 1e-9) or found.limited
    assert quota * 0.75 - 1e-6 <= found.target <= quota * 1.25 + 1e-6
