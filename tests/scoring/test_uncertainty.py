"""Σ̂ and Cov(a) as operators are the matrices they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scoring.adjustment import Adjustment, adjust
from scoring.estimate import Estimate
from scoring.policy import fit_findings
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec
from scoring.sums import Floats
from scoring.synthetic import Company, invent
from scoring.territory import Cells
from scoring.uncertainty import CellCovariance, pooled_variance, score_freedom, smooth, smooth_towards

ADJUSTERS = (
    AdjusterSpec(name="segment", kind="category", reason="known"),
    AdjusterSpec(name="tenure", kind="number", reason="known"),
)


def run(company: Company, seed: int = 1, table: pd.DataFrame | None = None, **settings: object) -> Adjustment:
    spec = AdjustmentSpec(
        items=tuple(ItemSpec(name=name, lo=1, hi=5) for name in company.items),
        adjusters=ADJUSTERS,
        **settings,  # type: ignore[arg-type]
    )
    return adjust(Ratings.from_table(invent(company, seed=seed).table if table is None else table, spec), spec)


def fit(company: Company, seed: int = 1, **settings: object) -> Estimate:
    found = run(company, seed, **settings).results[0].fit
    assert found is not None
    return found


def dense(sigma: CellCovariance) -> Floats:
    """Σ̂ written out."""
    common = (sigma.shared.T @ sigma.shared).toarray()
    mixed = sigma.deviation @ sigma.cross.T
    full = np.diag(sigma.own) + common - np.diag(np.diag(common))
    return np.asarray(full + sigma.deviation @ sigma.slopes @ sigma.deviation.T - mixed - mixed.T)


def random_sigma(cells: Cells, seed: int = 1) -> CellCovariance:
    draw = np.random.default_rng(seed)
    size = len(cells.rep)
    return CellCovariance(
        own=draw.uniform(4, 9, size), shared=sparse.random_array((30, size), density=0.2, rng=draw).tocsr(),
        deviation=draw.normal(size=(size, 3)), slopes=np.eye(3), cross=0.1 * draw.normal(size=(size, 3)),
    )  # fmt: skip


def some_cells() -> Cells:
    rep = np.array([0, 0, 1, 2, 2, 2, 3], dtype=np.int32)
    territory = np.array([0, 1, 0, 0, 1, 2, 2], dtype=np.int32)
    weight = np.array([3.0, 2, 4, 1, 2, 2, 5])
    return Cells(rep=rep, territory=territory, mean=np.zeros(7), working=np.ones(7), weight=weight)


def test_the_operator_is_the_matrix() -> None:
    cells = some_cells()
    sigma = random_sigma(cells)
    averaging = np.eye(4)[cells.rep].T * cells.share
    assert sigma.apply(np.eye(7)) == pytest.approx(dense(sigma), abs=1e-12)
    reps = averaging @ dense(sigma) @ averaging.T
    assert sigma.by_rep(cells) == pytest.approx(np.diag(reps), abs=1e-12)
    assert sigma.between_reps(cells, np.array([3, 0])) == pytest.approx(reps[np.ix_([3, 0], [3, 0])], abs=1e-12)


def test_the_standard_error_is_the_diagonal_of_the_covariance() -> None:
    found = fit(Company(reps=30, territories=6, movers=0.4, sharing=0.5, alone=2))
    everyone = np.arange(len(found.se))
    whole = found.covariance.of(everyone)
    assert found.se**2 == pytest.approx(np.diag(whole), rel=1e-10)
    assert np.linalg.eigvalsh(whole).min() > -1e-8
    assert found.covariance.of(np.array([4, 2])) == pytest.approx(whole[np.ix_([4, 2], [4, 2])], abs=1e-12)


def test_parts_that_cancel_leave_the_uncertainty_of_the_reps_own_answers_and_say_so() -> None:
    found = fit(Company(reps=30, territories=6))
    toward = found.covariance.toward.copy()
    toward[3] += 1e6
    broken = replace(found.covariance, toward=toward)
    own = found.measured.cells.by_rep(found.measured.cells.share**2 * found.measured.own.smoothed)
    assert broken.variance[3] == broken.of(np.array([2, 3]))[1, 1] == own[3]
    assert np.delete(broken.variance, 3) == pytest.approx(np.delete(found.se, 3) ** 2)
    told = [finding.values for finding in fit_findings(replace(found, covariance=broken))]
    assert {"item": "satisfaction", "count": 1} in told
    assert "variance_cancelled" not in [finding.name for finding in fit_findings(found)]


def test_the_scores_about_their_mean_vary_together_to_nothing() -> None:
    found = fit(Company(reps=30, territories=6, movers=0.4, sharing=0.5))
    whole = found.covariance.of(np.arange(len(found.se)))
    share = found.measured.cells.rep_share
    assert share @ whole == pytest.approx(np.zeros(len(share)), abs=1e-9)


def test_customers_of_several_reps_make_their_scores_go_together() -> None:
    draw = np.random.default_rng(1)
    rep, place = np.divmod(np.arange(12 * 40), 40)
    customer = np.where(rep < 6, place, 100 + np.arange(12 * 40))
    leaning = draw.normal(0, 20, 1000)[customer]
    answer = np.clip(np.round((60 + leaning + draw.normal(0, 10, len(rep))) / 25) + 1, 1, 5)
    table = pd.DataFrame({"rep": rep, "territory": 0, "customer": customer, "satisfaction": answer})
    spec = AdjustmentSpec(items=(ItemSpec(name="satisfaction", lo=1, hi=5),), territory="company")
    found = adjust(Ratings.from_table(table, spec), spec).results[0].fit
    assert found is not None
    covariance = found.measured.sigma.apply(np.eye(12))
    apart = ~np.eye(6, dtype=bool)
    together = [int(name) < 6 for name in sorted(map(str, range(12)))]
    assert np.mean(covariance[np.ix_(together, together)][apart]) == pytest.approx(400 / 40, rel=0.4)
    assert np.all(covariance[np.ix_(np.logical_not(together), np.logical_not(together))][apart] == 0)


def test_a_rep_alone_everywhere_carries_the_variance_of_the_territory() -> None:
    found = fit(Company(reps=30, territories=6, movers=0.0, alone=2, territory_sd=10, answers=(20, 60)))
    assert found.solution is not None
    alone = found.identification.case == "C"
    assert alone.sum() == 2
    assert np.all(found.covariance.alone[~alone] == 0)
    assert np.all(found.covariance.alone[alone] > 0.3 * found.solution.territory)
    assert np.all(found.step[alone] == 0)
    assert found.se[alone].min() > found.se[~alone].max()


def test_averaging_over_uncertain_variances_only_widens() -> None:
    company = Company(reps=20, territories=5, movers=0.2)
    pooled = fit(company)
    assert pooled.solution is not None
    assert pooled.reported_sd is not None
    assert np.all(pooled.reported_sd**2 > 0.9 * pooled.solution.prediction_variance)
    company_wide = fit(company, territory="company")
    assert company_wide.solution is not None
    assert company_wide.reported_sd == pytest.approx(np.sqrt(company_wide.solution.prediction_variance))


def test_smoothing_draws_small_cells_most() -> None:
    size, own = np.array([1.0, 2, 12, 100]), np.array([0.0, 0, 0, 0])
    found = smooth_towards(own, size, 15, 400.0, 500.0)
    assert found.smoothed[0] == 400
    assert np.all(np.diff(found.smoothed * size) < 0)
    assert np.all(found.freedom == pytest.approx(500))


def test_the_pooled_variance_is_that_of_one_customer() -> None:
    draw = np.random.default_rng(1)
    groups = [draw.normal(0, 20, number) for number in draw.integers(1, 30, 400)]
    size = np.array([float(len(group)) for group in groups])
    own = np.array([group.var(ddof=1) / len(group) if len(group) > 1 else 0.0 for group in groups])
    assert pooled_variance(own, size) == pytest.approx(400, rel=0.05)
    assert smooth(own, size, 15).pooled == pooled_variance(own, size)
    assert np.isnan(pooled_variance(np.zeros(2), np.ones(2)))


def test_degrees_of_freedom() -> None:
    cells = some_cells()
    own = smooth_towards(np.full(7, 20.0), np.full(7, 12.0), 15, 400.0, 1000.0)
    mine = cells.by_rep(cells.share**2 * own.smoothed)
    only_own = score_freedom(cells, own, mine, territories=None)
    assert only_own[[1, 3]] == pytest.approx([111.4839, 111.4839], abs=1e-4)
    share = cells.share[:2]
    assert only_own[0] == pytest.approx((share**2).sum() ** 2 * 111.48390 / (share**4).sum(), rel=1e-6)
    with_territory = score_freedom(cells, own, mine + 30.0, territories=4)
    expected = (mine + 30) ** 2 / (mine**2 / only_own + 30**2 / 3)
    assert with_territory == pytest.approx(expected)
    assert score_freedom(cells, own, mine + 30.0, territories=1) == pytest.approx(
        (mine + 30) ** 2 / (mine**2 / only_own)
    )
    assert score_freedom(cells, own, mine / 2, territories=4) == pytest.approx(only_own / 4)
