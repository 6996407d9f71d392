"""Slopes come from within cells, are as sure as their customers are independent, and say how much they matter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import WLS

from scoring.adjusters import Design
from scoring.adjustment import Adjustment, adjust
from scoring.mix import fit_slopes
from scoring.moments import Answers, Counts, moments
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec

SPEC = AdjustmentSpec(
    items=(ItemSpec(name="y", lo=0, hi=100),),
    adjusters=(
        AdjusterSpec(name="size", kind="category", reason="known"),
        AdjusterSpec(name="years", kind="number", reason="known"),
    ),
)
SIZES = {"l": 0.0, "m": 3.0, "s": 8.0}


def world(
    seed: int = 1, reps: int = 20, each: int = 30, *, between: float = 0.0, varying: float = 0.0, repeats: int = 1
) -> pd.DataFrame:
    """Reps whose quality goes with their customers' years (``between``) or whose customers' years count differently."""
    draw = np.random.default_rng(seed)
    rep = np.repeat(np.arange(reps), each)
    quality, own = draw.normal(0, 6, reps), draw.normal(0, 1, reps)
    years = draw.normal(8, 3, len(rep)) + between * quality[rep]
    size = draw.choice(list(SIZES), len(rep))
    customer = np.repeat(np.arange(len(rep) // repeats), repeats)
    leaning = draw.normal(0, 8, len(rep))[customer]
    y = 50 + quality[rep] + (1.5 + varying * own[rep]) * (years - 8) + np.vectorize(SIZES.get)(size) + leaning
    return pd.DataFrame(
        {
            "rep": rep, "territory": rep % 5, "customer": customer, "size": size, "years": years,
            "y": np.clip(y + draw.normal(0, 4, len(rep)), 0, 100),
        }
    )  # fmt: skip


def run(table: pd.DataFrame, **settings: object) -> Adjustment:
    changed = AdjustmentSpec(items=SPEC.items, adjusters=SPEC.adjusters, **settings)  # type: ignore[arg-type]
    return adjust(Ratings.from_table(table, changed), changed)


def test_quality_that_goes_with_easy_customers_is_kept() -> None:
    found = run(world(between=1.0, each=200)).results[0]
    assert found.coefficients["years"]["estimate"] == pytest.approx(1.5, abs=0.1)
    assert found.coefficients["size[s]"]["estimate"] == pytest.approx(8, abs=1.0)
    assert found.tests["mundlak"]["p"] < 0.01


@pytest.fixture(scope="module")
def ordinary() -> list[Mapping[str, dict[str, float]]]:
    """The tests of thirty worlds in which quality does not go with mix, and slopes are the same everywhere."""
    return [run(world(seed)).results[0].tests for seed in range(30)]


def test_rep_quality_unrelated_to_mix_passes_mundlaks_test_as_often_as_it_should(
    ordinary: list[Mapping[str, dict[str, float]]],
) -> None:
    assert 0.3 < np.mean([tests["mundlak"]["p"] for tests in ordinary]) < 0.7


def test_slopes_that_differ_between_reps_show(ordinary: list[Mapping[str, dict[str, float]]]) -> None:
    apart = [run(world(seed, varying=1.5)).results[0].tests["slope_heterogeneity"]["p"] for seed in range(4)]
    assert max(apart) < 0.1
    assert 0.3 < np.mean([tests["slope_heterogeneity"]["p"] for tests in ordinary]) < 0.7


def test_answers_that_do_not_vary_within_cells_have_no_slopes_however_they_are_rounded() -> None:
    for seed in range(12):
        table = world(seed)
        weight = np.random.default_rng(seed).choice([0.001, 1.0, 5.0, 1000.0], len(table))
        found = run(table.assign(y=100 * (table["rep"] * 7 % 10) / 9, weight=weight), weights="response").results[0]
        assert "no_variation" in {finding.name for finding in found.findings}
        assert [one["estimate"] for one in found.coefficients.values()] == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("weights", ["customer", "response"])
def test_slopes_and_errors_equal_the_full_regression(weights: str) -> None:
    table = world(repeats=2).assign(weight=np.random.default_rng(2).uniform(0.5, 2, 600))
    spec = AdjustmentSpec(items=SPEC.items, adjusters=SPEC.adjusters, weights=weights)
    ratings = Ratings.from_table(table, spec)
    answers = Answers.of(ratings, spec.items[0], weights)
    counts = Counts.of(ratings, answers.omega, weights)
    design = Design.build(ratings, spec)
    (sums,) = moments(ratings, design, [answers], [counts])
    slopes = fit_slopes(design, sums, counts, "y")
    block = design.block(ratings, slice(0, len(ratings)))
    dummies = np.eye(len(ratings.cell_rep))[ratings.cell]
    full = WLS(answers.score, np.hstack([block, dummies]), weights=answers.omega).fit()
    assert slopes.beta == pytest.approx(full.params[:3], abs=1e-10)
    assert slopes.inverse == pytest.approx(full.normalized_cov_params[:3, :3], abs=1e-14)
    assert slopes.residual == pytest.approx(full.ssr, rel=1e-12)
    result = run(table, weights=weights).results[0]
    residual = answers.omega * full.resid
    parts = np.array([residual[ratings.customer == one] @ block[ratings.customer == one] for one in range(300)])
    centre = np.array([residual[ratings.customer == one] for one in range(300)])
    means = np.array([sums.mix[ratings.cell[ratings.customer == one]] for one in range(300)])
    parts -= np.einsum("gi,gij->gj", centre, means)
    clustered = 300 / 299 * slopes.inverse @ parts.T @ parts @ slopes.inverse
    errors = [result.coefficients[term]["se"] for term in design.terms]
    assert errors == pytest.approx(np.sqrt(np.diag(clustered)), rel=1e-10)


def test_answers_of_one_customer_are_not_independent() -> None:
    table = world(each=40)
    once, copied = run(table), run(pd.concat([table] * 4))
    responses = run(pd.concat([table] * 4), weights="response")
    for other in (copied, responses):
        for term, coefficient in once.results[0].coefficients.items():
            assert other.results[0].coefficients[term] == pytest.approx(coefficient, rel=1e-9)


def test_impact_is_what_an_adjuster_explains_times_how_unequally_it_is_spread() -> None:
    even = run(world(each=60)).results[0].impact
    uneven = run(world(each=60, between=1.0)).results[0].impact
    assert even["years"]["partial_r2"] == pytest.approx(uneven["years"]["partial_r2"], abs=0.1)
    assert uneven["years"]["heterogeneity"] > 10 * even["years"]["heterogeneity"]
    for row in (*even.values(), *uneven.values()):
        assert row["impact"] == pytest.approx(row["partial_r2"] * row["heterogeneity"])


def test_partial_r2_is_the_loss_when_the_adjuster_is_left_out() -> None:
    table = world()
    whole = run(table).results[0].impact["years"]["partial_r2"]
    ratings = Ratings.from_table(table, SPEC)
    sums = {}
    for adjusters in (SPEC.adjusters, SPEC.adjusters[:1]):
        spec = AdjustmentSpec(items=SPEC.items, adjusters=adjusters)
        answers = Answers.of(ratings, spec.items[0], "customer")
        counts = Counts.of(ratings, answers.omega, "customer")
        checked = Ratings.from_table(table, spec)
        design = Design.build(checked, spec)
        sums[len(adjusters)] = fit_slopes(
            design, moments(checked, design, [answers], [counts])[0], counts, "y"
        ).residual
    assert whole == pytest.approx(1 - sums[2] / sums[1], rel=1e-9)


def test_too_few_answers_leave_mix_alone() -> None:
    table = world(reps=10, each=1)
    more = table[:2].assign(customer=[100, 101], y=[10, 20], years=[1, 2], size=["s", "l"])
    result = run(pd.concat([table, more])).results[0]
    assert "too_few_for_mix" in [finding.name for finding in result.findings]
    assert result.coefficients == {}
    assert np.all(result.table.numbers["mix"] == 0)
