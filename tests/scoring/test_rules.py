"""The ten rules against worked numbers, and what every rule must keep to."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scoring import bands, rules
from scoring.rules import RULES, Stage


def test_ratio_caps_what_exceeds_the_plan() -> None:
    assert rules.ratio(weight=40, actual=92, target=100) == pytest.approx(36.8)
    assert rules.ratio(weight=30, actual=105, target=100) == 30
    assert rules.ratio(weight=30, actual=105, target=100, cap=1.2) == pytest.approx(31.5)
    assert rules.ratio(weight=10, actual=-5, target=100) == 0
    assert rules.ratio(weight=10, actual=20, target=100, floor=0.5) == 5


def test_lower_is_better_runs_from_the_target_to_the_level_that_scores_nothing() -> None:
    assert rules.lower_is_better(weight=10, actual=4, target=4, zero_at=8) == 10
    assert rules.lower_is_better(weight=10, actual=5, target=4, zero_at=8) == 7.5
    assert rules.lower_is_better(weight=10, actual=9, target=4, zero_at=8) == 0
    assert rules.lower_is_better(weight=10, actual=0, target=0, zero_at=4) == 10
    assert rules.lower_is_better(weight=10, actual=6, target=4, zero_times=2) == 5


def test_lower_is_better_refuses_a_level_that_is_not_above_the_target() -> None:
    with pytest.raises(rules.NoZeroLevel, match="is not above the target"):
        rules.lower_is_better(weight=10, actual=1, target=8, zero_at=8)


@pytest.mark.parametrize(("actual", "points"), [(100, 20), (99.5, 18), (99, 18), (98.9, 16), (90, 0), (50, 0)])
def test_step_deduction_costs_every_started_step(actual: float, points: float) -> None:
    assert rules.step_deduction(weight=20, actual=actual, target=100, step=1, step_points=2) == points


def test_step_deduction_is_not_fooled_by_binary_fractions() -> None:
    assert rules.step_deduction(weight=20, actual=0.97, target=1.0, step=0.01, step_points=2) == 14


@pytest.mark.parametrize(
    ("actual", "points"), [(130, 10), (100, 10), (99.999, 8), (80, 8), (79.9, 5), (60, 5), (59, 0)]
)
def test_band_table_is_half_open_and_unbounded_above(actual: float, points: float) -> None:
    table = ((1.0, 10), (0.8, 8), (0.6, 5))
    assert rules.band_table(weight=10, actual=actual, target=100, table=table) == points


def test_band_table_reaches_a_band_that_binary_fractions_would_miss() -> None:
    assert rules.band_table(weight=10, actual=0.1 + 0.2, target=0.3, table=((1.0, 10),)) == 10
    assert rules.band_table(weight=10, actual=2.4, target=3, table=((0.8, 8),)) == 8


def test_pass_fail_gives_all_or_nothing() -> None:
    assert rules.pass_fail(weight=5, actual=100, target=100) == 5
    assert rules.pass_fail(weight=5, actual=99, target=100) == 0


def test_capped_events_stop_at_the_cap() -> None:
    assert rules.capped_events([2, 2, 3], cap=5) == -5
    assert rules.capped_events([2], cap=5) == -2
    assert math.copysign(1, rules.capped_events([], cap=5)) == 1


@pytest.mark.parametrize(
    ("met", "of", "threshold", "whole", "share"),
    [(18, 20, 0.9, False, 1.0), (19, 20, 1.0, False, 0.95), (19, 20, 1.0, True, 0.0), (17, 20, 0.9, True, 0.0)],
)
def test_share_of_customers_meeting_a_criterion(
    met: float, of: float, threshold: float, whole: bool, share: float
) -> None:
    points = rules.threshold_share(weight=10, actual=met, target=of, threshold=threshold, all_or_nothing=whole)
    assert points == pytest.approx(10 * share)


def test_phones_known_of_17_in_20_customers_are_944_thousandths_of_the_threshold() -> None:
    assert rules.threshold_share(weight=1, actual=17, target=20, threshold=0.9) == pytest.approx(0.944, abs=5e-4)


def test_milestones_of_the_long_project() -> None:
    weights = {"lead": 5, "needs": 10, "proposal": 20, "bid": 25, "contract": 25, "collection": 15}
    done = {"lead": 1.0, "needs": 1.0, "proposal": 0.5}
    planned = {"lead": 1.0, "needs": 1.0, "proposal": 1.0}
    stages = [Stage(weight=w, planned=planned.get(s, 0), done=done.get(s, 0)) for s, w in weights.items()]
    earned, plan = rules.earned_value(stages)
    assert (earned, plan) == (25, 35)
    assert rules.milestones(weight=40, actual=earned, target=plan) == pytest.approx(28.6, abs=0.05)
    assert rules.milestones(weight=40, actual=60, target=50) == pytest.approx(44)


def test_milestones_weigh_projects() -> None:
    big = Stage(weight=10, planned=1, done=1, project_weight=3)
    small = Stage(weight=10, planned=1, done=0)
    assert rules.earned_value([big, small]) == (30, 40)


@pytest.mark.parametrize(("days", "kept"), [(0, 1.0), (1, 0.95), (30, 0.95), (31, 0.90), (700, 0.0)])
def test_lateness_costs_a_twentieth_for_every_thirty_days_begun_if_the_scheme_says_so(days: int, kept: float) -> None:
    stage = Stage(weight=20, planned=1, done=0.5, days_late=days)
    assert rules.earned_value([stage], late_step=0.05) == (pytest.approx(10 * kept), 20)
    assert rules.earned_value([stage]) == (10, 20)


def test_rating_of_four_in_five() -> None:
    assert rules.anchored_rating(weight=8, actual=4) == 6
    assert rules.anchored_rating(weight=8, actual=1) == 0
    assert rules.anchored_rating(weight=8, actual=5) == 8


# Six reps with τ = 6.78, μ = 82.84, σ within 18 and L 60, T 90, w 20: n, y; s, ρ, θ̂ (sd); points raw, of the shrunk
# score, expected; P(θ > μ).
WORKED = [
    ("A", 60, 88, 2.32, 0.90, 87.5, 2.2, 18.7, 18.3, 18.2, 0.98),
    ("B", 12, 92, 5.20, 0.63, 88.6, 4.3, 20.0, 19.1, 18.3, 0.91),
    ("C", 45, 79, 2.68, 0.87, 79.5, 2.5, 12.7, 13.0, 13.0, 0.09),
    ("D", 3, 95, 10.4, 0.30, 86.5, 6.0, 20.0, 17.6, 17.0, 0.73),
    ("E", 50, 74, 2.55, 0.88, 75.1, 2.4, 9.3, 10.1, 10.1, 0.001),
    ("G", 2, 60, 12.7, 0.22, 77.8, 6.4, 0.0, 11.9, 11.8, 0.21),
]
TAU, MU = 6.78, 82.84


def shrunk(n: float, y: float) -> tuple[float, float, float, float]:
    """s, ρ, θ̂ and its sd. The six are some of a company's reps, whose mean has the variance 8."""
    s = 18 / math.sqrt(n)
    kept = TAU**2 / (TAU**2 + s**2)
    return s, kept, MU + kept * (y - MU), math.sqrt(TAU**2 * (1 - kept) + (1 - kept) ** 2 * 8)


@pytest.mark.parametrize(
    ("rep", "n", "y", "s", "kept", "theta", "sd", "raw", "points", "expected", "above"),
    WORKED,
    ids=str,
)
def test_satisfaction_points_of_the_worked_reps(
    rep: str, n: int, y: float, s: float, kept: float, theta: float, sd: float, raw: float, points: float,
    expected: float, above: float,
) -> None:  # fmt: skip
    found = shrunk(n, y)
    assert found == (
        pytest.approx(s, abs=0.05), pytest.approx(kept, abs=0.006), pytest.approx(theta, abs=0.05),
        pytest.approx(sd, abs=0.05),
    )  # fmt: skip
    assert rules.satisfaction(weight=20, actual=y) == pytest.approx(raw, abs=0.05)
    assert rules.satisfaction(weight=20, actual=found[2]) == pytest.approx(points, abs=0.05)
    assert rules.expected_satisfaction(weight=20, mean=found[2], sd=found[3]) == pytest.approx(expected, abs=0.1)
    assert bands.at_least(found[2], found[3])(MU) == pytest.approx(above, abs=0.005)


def test_two_unhappy_answers_cost_3_points_and_not_15() -> None:
    """Rep G against a colleague at the mean, who has 15.2 of 20."""
    at_mean = rules.satisfaction(weight=20, actual=MU)
    assert at_mean == pytest.approx(15.2, abs=0.05)
    assert at_mean - rules.satisfaction(weight=20, actual=60) == pytest.approx(15.2, abs=0.05)
    assert at_mean - rules.satisfaction(weight=20, actual=shrunk(2, 60)[2]) == pytest.approx(3.4, abs=0.05)


def test_without_answers_points_are_those_of_the_mean_and_with_all_of_them_those_of_the_answers() -> None:
    none, all_ = (rules.satisfaction(weight=20, actual=shrunk(n, 70)[2]) for n in (1e-9, 1e12))
    assert none == pytest.approx(rules.satisfaction(weight=20, actual=MU))
    assert all_ == pytest.approx(rules.satisfaction(weight=20, actual=70))


def test_clipped_points_have_the_known_mean_and_spread() -> None:
    """θ̃ 88.6, sd 4.3, w 20, L 60, T 90."""
    assert rules.expected_satisfaction(weight=20, mean=88.6, sd=4.3) == pytest.approx(18.3296, abs=5e-5)
    variance = rules.satisfaction_variance(weight=20, mean=88.6, sd=4.3)
    assert math.sqrt(variance) == pytest.approx(1.98155, abs=5e-6)


def test_unclipped_points_spread_as_the_line_says() -> None:
    assert math.sqrt(rules.satisfaction_variance(weight=20, mean=75, sd=4.3)) == pytest.approx(2.87, abs=0.005)
    assert rules.satisfaction_variance(weight=20, mean=75, sd=0) == 0
    assert rules.satisfaction_variance(weight=20, mean=150, sd=1) == 0


@given(mean=st.floats(0, 120), sd=st.floats(0.5, 30), zero=st.floats(0, 60), span=st.floats(5, 60))
def test_mean_and_variance_of_points_agree_with_numerical_integration(
    mean: float, sd: float, zero: float, span: float
) -> None:
    """The trapezium rule over ±9 sd."""
    steps = 4000
    weights, first, second = 0.0, 0.0, 0.0
    for step in range(steps + 1):
        z = -9 + 18 * step / steps
        density = math.exp(-z * z / 2)
        points = rules.satisfaction(weight=20, actual=mean + z * sd, zero_at=zero, full_at=zero + span)
        weights, first, second = weights + density, first + density * points, second + density * points**2
    expected = rules.expected_satisfaction(weight=20, mean=mean, sd=sd, zero_at=zero, full_at=zero + span)
    variance = rules.satisfaction_variance(weight=20, mean=mean, sd=sd, zero_at=zero, full_at=zero + span)
    assert expected == pytest.approx(first / weights, abs=1e-3)
    assert variance == pytest.approx(second / weights - (first / weights) ** 2, abs=2e-2)


ARGUMENTS = {
    "ratio": {"target": 80.0},
    "lower_is_better": {"target": 20.0, "zero_at": 60.0},
    "step_deduction": {"target": 80.0, "step": 5.0, "step_points": 1.5},
    "band_table": {"target": 80.0, "table": ((1.0, 20.0), (0.7, 11.0), (0.3, 2.0))},
    "pass_fail": {"target": 80.0},
    "threshold_share": {"target": 80.0, "threshold": 0.9},
    "milestones": {"target": 80.0, "cap": 1.0},
    "anchored_rating": {"lowest": 1.0, "highest": 5.0},
    "satisfaction": {},
}


@given(rule=st.sampled_from(sorted(RULES)), low=st.floats(-50, 200), high=st.floats(-50, 200))
def test_every_rule_moves_in_its_good_direction_and_stays_within_its_weight(rule: str, low: float, high: float) -> None:
    assume(low <= high)
    worse, better = (high, low) if rule == "lower_is_better" else (low, high)
    points = [RULES[rule].points(weight=20.0, actual=one, **ARGUMENTS[rule]) for one in (worse, better)]
    assert 0 <= points[0] <= points[1] <= 20


def test_every_rule_of_the_catalogue_is_there() -> None:
    numbers = sorted(int(rule.number[1:]) for rule in RULES.values())
    assert numbers == [1, 2, 3, 4, 5, 7, 8, 9, 10], "R6, capped events, are the deductions of a scheme"
