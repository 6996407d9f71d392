"""Henderson's equations and their REML against the same written with dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.reml import TerritoryNotSeparable, maximise, profile_interval
from scoring.sums import Floats
from scoring.territory import Cells, Equations

POLICIES = ("pooled", "peer", "company")


def cells(
    seed: int = 1,
    reps: int = 24,
    territories: int = 6,
    movers: float = 0.3,
    rep_sd: float = 5.0,
    territory_sd: float = 4.0,
) -> Cells:
    draw = np.random.default_rng(seed)
    home = np.arange(reps) % territories
    pairs = [(rep, home[rep]) for rep in range(reps)]
    pairs += [
        (rep, (home[rep] + 1 + draw.integers(territories - 1)) % territories) for rep in range(int(movers * reps))
    ]
    rep, territory = np.array(sorted(set(pairs)), dtype=np.int32).T
    customers = draw.integers(3, 40, len(rep)).astype(float)
    working = 400 / customers
    mean = 60 + draw.normal(0, rep_sd, reps)[rep] + draw.normal(0, territory_sd, territories)[territory]
    return Cells(
        rep=rep, territory=territory, mean=mean + draw.normal(0, np.sqrt(working)), working=working,
        weight=customers * draw.uniform(0.8, 1.2, len(rep)),
    )  # fmt: skip


def dense(made: Cells, policy: str, rep: float, territory: float) -> tuple[Floats, Floats, Floats, Floats]:
    """V, X, P and the restricted log-likelihood."""
    reps, places = np.eye(made.reps)[made.rep], np.eye(made.territories)[made.territory]
    covariance = np.diag(made.working) + rep * reps @ reps.T
    if policy == "pooled":
        covariance += territory * places @ places.T
    fixed = places if policy == "peer" else np.ones((len(made.rep), 1))
    inverse = np.linalg.inv(covariance)
    information = fixed.T @ inverse @ fixed
    projection = inverse - inverse @ fixed @ np.linalg.solve(information, fixed.T @ inverse)
    loglik = -0.5 * (
        (len(fixed) - fixed.shape[1]) * np.log(2 * np.pi)
        - np.linalg.slogdet(fixed.T @ fixed)[1]
        + np.linalg.slogdet(covariance)[1]
        + np.linalg.slogdet(information)[1]
        + made.mean @ projection @ made.mean
    )
    return covariance, fixed, projection, np.asarray(loglik)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("variances", [(0.0, 0.0), (0.0, 9.0), (16.0, 0.0), (16.0, 9.0)])
def test_solution_equals_the_dense_one(policy: str, variances: tuple[float, float]) -> None:
    made = cells()
    solution = Equations(made, policy).at(*variances)
    covariance, fixed, projection, loglik = dense(made, policy, *variances)
    assert solution.loglik == pytest.approx(float(loglik), abs=1e-9)
    effects = np.linalg.solve(
        fixed.T @ np.linalg.solve(covariance, fixed), fixed.T @ np.linalg.solve(covariance, made.mean)
    )
    weighted = projection @ made.mean
    if policy == "peer":
        assert solution.mu + solution.tau == pytest.approx(effects, abs=1e-9)
        assert made.territory_share @ solution.tau == pytest.approx(0, abs=1e-12)
    else:
        assert solution.mu == pytest.approx(effects[0], abs=1e-9)
        tau = (variances[1] if policy == "pooled" else 0.0) * made.by_territory(weighted)
        assert solution.tau == pytest.approx(tau, abs=1e-9)
    assert solution.theta == pytest.approx(variances[0] * made.by_rep(weighted), abs=1e-9)
    assert solution.project(made.mean[:, None])[:, 0] == pytest.approx(weighted, abs=1e-10)
    reps = np.eye(made.reps)[made.rep]
    error = variances[0] * np.eye(made.reps) - variances[0] ** 2 * reps.T @ projection @ reps
    assert solution.prediction_covariance(np.arange(made.reps)) == pytest.approx(error, abs=1e-9)
    assert solution.gain @ solution.reduction @ made.mean == pytest.approx(solution.tau, abs=1e-9)


@pytest.mark.parametrize("policy", POLICIES)
def test_derivatives_are_those_of_the_likelihood(policy: str) -> None:
    equations, at, step = Equations(cells(), policy), np.array([14.0, 7.0]), 1e-4
    free = 2 if policy == "pooled" else 1
    gradient, hessian, information = equations.at(*at).derivatives()
    for number in range(free):
        shift = step * np.eye(2)[number]
        above, below = equations.at(*(at + shift)), equations.at(*(at - shift))
        assert gradient[number] == pytest.approx((above.loglik - below.loglik) / (2 * step), abs=1e-7)
        slope = (above.derivatives()[0] - below.derivatives()[0]) / (2 * step)
        assert hessian[number] == pytest.approx(slope, abs=1e-8)
    assert np.all(np.linalg.eigvalsh(information) > 0)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(5))
def test_the_maximum_is_where_the_score_is_zero(policy: str, seed: int) -> None:
    made = cells(seed)
    equations = Equations(made, policy)
    best = maximise(equations)
    gradient = best.derivatives()[0]
    for variance, slope in zip((best.rep, best.territory), gradient, strict=False):
        assert abs(slope) < 1e-9 if variance > 0 else slope <= 0
    draw = np.random.default_rng(seed)
    for rep, territory in draw.uniform(0, 80, (100, 2)):
        assert equations.at(rep, territory).loglik <= best.loglik + 1e-9


def test_no_other_maximum_is_higher() -> None:
    for seed in range(12):
        made = cells(seed, reps=12, rep_sd=seed % 3 * 3.0, territory_sd=seed % 4 * 2.0)
        equations = Equations(made, "pooled")
        tried = [0.0, *np.geomspace(1e-3, 6, 16) * np.var(made.mean)]
        highest = max(equations.at(rep, territory).loglik for rep in tried for territory in tried)
        assert maximise(equations).loglik >= highest - 1e-9


def test_no_variance_between_reps_is_found_to_be_zero() -> None:
    found = [maximise(Equations(cells(seed, rep_sd=0, territory_sd=0), "pooled")) for seed in range(20)]
    assert 4 <= sum(solution.rep == 0 for solution in found) <= 18
    assert sum(solution.territory == 0 for solution in found) >= 4
    for solution in found:
        if solution.rep == 0:
            assert solution.derivatives()[0][0] <= 0
            assert np.all(solution.theta == 0)


def test_equal_cells_have_no_variance() -> None:
    made = cells()
    flat = Cells(
        rep=made.rep, territory=made.territory, mean=0 * made.mean + 70, working=made.working, weight=made.weight
    )
    best = maximise(Equations(flat, "pooled"))
    assert (best.rep, best.territory) == (0, 0)
    assert best.mu == pytest.approx(70)
    assert profile_interval(best, 0) == (0, 0)


def test_the_answer_does_not_depend_on_the_scale() -> None:
    made = cells()
    wide = Cells(
        rep=made.rep, territory=made.territory, mean=1000 * made.mean, working=1e6 * made.working, weight=made.weight
    )
    one, other = maximise(Equations(made, "pooled")), maximise(Equations(wide, "pooled"))
    assert other.rep == pytest.approx(1e6 * one.rep, rel=1e-9)
    assert other.territory == pytest.approx(1e6 * one.territory, rel=1e-9)


@pytest.mark.parametrize("which", [0, 1])
def test_profile_interval_ends_where_the_likelihood_has_fallen_enough(which: int) -> None:
    equations = Equations(cells(2), "pooled")
    best = maximise(equations)
    for end in profile_interval(best, which):
        if end == 0:
            continue
        others = np.linspace(0, 150, 3001)
        pairs = [(end, other) if which == 0 else (other, end) for other in others]
        highest = max(equations.at(*pair).loglik for pair in pairs)
        assert 2 * (best.loglik - highest) == pytest.approx(3.841459, abs=2e-3)


def test_profile_interval_starts_at_zero_when_zero_is_likely_enough() -> None:
    best = maximise(Equations(cells(territory_sd=0.0), "pooled"))
    assert profile_interval(best, 1)[0] == 0


def test_one_rep_per_territory_cannot_be_pooled() -> None:
    made = cells(reps=12, territories=12, movers=0)
    with pytest.raises(TerritoryNotSeparable, match='use territory = "company"'):
        maximise(Equations(made, "pooled"))


def test_a_rep_everywhere_alone_is_shrunk_over_both_variances() -> None:
    made = cells(reps=12, territories=5, movers=0)
    alone = Cells(
        rep=np.append(made.rep, 12).astype(np.int32), territory=np.append(made.territory, 5).astype(np.int32),
        mean=np.append(made.mean, 80.0), working=np.append(made.working, 20.0), weight=np.append(made.weight, 20.0),
    )  # fmt: skip
    solution = Equations(alone, "pooled").at(16.0, 9.0)
    assert solution.theta[-1] == pytest.approx(16 / (16 + 9 + 20) * (80 - solution.mu))
