"""From the cells of one item, or of the composite, to every rep's estimate: policy, REML, uncertainty, shrinkage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from scoring.findings import N_, Refusal
from scoring.identification import Identification, identify
from scoring.mix import slope_covariance
from scoring.moments import Clustered, Counts
from scoring.ratings import Ratings
from scoring.reliability import reliability
from scoring.reml import maximise
from scoring.sums import Floats
from scoring.territory import Cells, Equations, Solution
from scoring.uncertainty import (
    CellCovariance,
    OwnVariance,
    ScoreCovariance,
    pooled_variance,
    score_covariance,
    score_freedom,
    smooth,
)

FEWEST_REPS = 8
"""Below this σ²_θ is declared unknown and the output is descriptive."""

MANY_REPS = 200
"""From here on only σ_τ is averaged over, along a line; below, both, over a square."""

NO_VARIATION = 1e-12
"""A variance between customers at or below this, in squared points, is none."""


class Unmeasurable(Refusal):
    """One item cannot be told from chance at all; the run goes on with its means as they stand, and a finding."""

    finding = ""


class OneRepAnswered(Unmeasurable):
    """Nobody to compare with."""

    finding = "one_rep"
    sentence = N_("%(item)s: only one rep has answers, so there is nobody to compare with; the mean stands as it is.")


class NoReplication(Unmeasurable):
    """Nowhere two customers of the same rep."""

    finding = "no_replication"
    sentence = N_(
        "%(item)s: no rep has two answering customers in one territory, so nothing shows how much customers differ; "
        "the means stand as they are. Ask more customers."
    )


class NoVariation(Unmeasurable):
    """Customers of the same rep never differ."""

    finding = "no_variation"
    sentence = N_(
        "%(item)s: all customers of any one rep answer alike, so nothing can be said about how sure the means are; "
        "they stand as they are. Check where the answers come from."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one fit starts from: the cells' means after mix, and how sure they are.

    ``reps``, ``territories`` are the places of the cells' reps and territories in the ratings. ``base`` is added to
    μ_a; ``composite`` says that μ_a takes all territories, not only those with a step.
    """

    name: str
    cells: Cells
    reps: NDArray[np.int64]
    territories: NDArray[np.int64]
    own: OwnVariance
    sigma: CellCovariance
    base: float = 0.0
    composite: bool = False


def measure(
    name: str,
    ratings: Ratings,
    counts: Counts,
    parts: Clustered,
    *,
    mean: Floats,
    deviation: Floats,
    inverse: Floats,
    prior: float,
    base: float | None = None,
) -> Measured:
    """What one fit starts from.

    Args:
        mean: the cells' means after mix (cells,).
        deviation: x̄_rt − x̄ (cells, columns).
        inverse: B (columns, columns).
        prior: A, the customers' worth of pooled variance.
        base: Σ_k w_0k ā_k of a composite.

    Raises:
        Unmeasurable: when the answers do not show how much customers of one rep differ.
    """  # fmt: skip
    kept = np.flatnonzero(counts.omega > 0)
    size = counts.size[kept]
    factor = np.where(counts.customers[kept] > 1, size / np.maximum(size - 1, 1e-300), 0.0)
    reps, rep = np.unique(ratings.cell_rep[kept], return_inverse=True)
    territories, territory = np.unique(ratings.cell_territory[kept], return_inverse=True)
    variance = factor * parts.own[kept]
    pooled = pooled_variance(variance, size)
    if len(reps) == 1:
        raise OneRepAnswered(item=name)
    if np.isnan(pooled):
        raise NoReplication(item=name)
    if pooled <= NO_VARIATION:
        raise NoVariation(item=name)
    own = smooth(variance, size, prior)
    shared = parts.shared_matrix(len(ratings.customers))[:, kept]
    return Measured(
        name=name,
        cells=Cells(
            rep=rep.astype(np.int32), territory=territory.astype(np.int32), mean=mean[kept], working=pooled / size,
            weight=counts.omega[kept],
        ),
        reps=reps.astype(np.int64), territories=territories.astype(np.int64), own=own,
        sigma=CellCovariance(
            own=own.smoothed, shared=(shared @ sparse.diags_array(np.sqrt(factor))).tocsr(), deviation=deviation[kept],
            slopes=slope_covariance(inverse, parts.meat, counts.everyone), cross=parts.cross[kept] @ inverse,
        ),
        base=base or 0.0, composite=base is not None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One fit. Arrays run over its reps (reps,); ``solution`` and what follows from it are None below eight reps.

    ``step`` is −Σ_t s_rt τ̂_t, ``centring`` C and ``anchor`` μ_a; ``tau`` (territories,) is τ̂, None without a step.
    """

    measured: Measured
    policy: str
    identification: Identification
    solution: Solution | None
    step: Floats
    centring: float
    anchor: float
    tau: Floats | None
    covariance: ScoreCovariance
    se: Floats
    df: Floats
    reliability: Floats | None = None
    reported: Floats | None = None
    reported_sd: Floats | None = None
    peer: Floats | None = None
    company: Floats | None = None


def estimate(measured: Measured, policy: str, frozen: Floats | None = None) -> Estimate:
    """Estimate every rep under one policy; "frozen" takes the territory effects ``frozen`` (territories,) as given."""
    cells = measured.cells
    identification = identify(cells)
    stepped = identification.stepped(cells)
    if frozen is not None:
        kept = np.where(stepped, frozen[cells.territory], 0.0)
        cells = replace(cells, mean=cells.mean - kept)
    equations = Equations(cells, "company" if policy == "frozen" else policy)
    descriptive = cells.reps < FEWEST_REPS
    solution = equations.at(0.0, 0.0) if descriptive else maximise(equations)
    nodes = _nodes(solution)
    covariance = score_covariance(measured.sigma, stepped, nodes, solution)
    variance = covariance.variance
    carried = cells.territories if policy in ("pooled", "peer") else None
    tau = frozen if frozen is not None else solution.tau
    taken = np.where(stepped, cells.share * tau[cells.territory], 0.0)
    step = 0.0 - cells.by_rep(taken)
    result = Estimate(
        measured=measured, policy=policy, identification=identification,
        solution=None if descriptive else solution, step=step, centring=0.0 - float(cells.rep_share @ step),
        anchor=_anchor(measured, solution, stepped, tau), tau=None if policy == "company" else tau,
        covariance=covariance, se=np.sqrt(variance),
        df=score_freedom(cells, measured.own, variance, territories=carried),
    )  # fmt: skip
    return result if descriptive else _shrunk(result, solution, nodes)


def _shrunk(result: Estimate, solution: Solution, nodes: list[tuple[float, Solution]]) -> Estimate:
    measured, stepped = result.measured, result.identification.stepped(result.measured.cells)
    point = result.anchor + solution.theta
    variance = solution.prediction_variance
    if len(nodes) > 1 and measured.cells.reps < MANY_REPS:
        variance = sum(
            (
                weight * (node.prediction_variance + (_predicted(measured, node, stepped) - point) ** 2)
                for weight, node in nodes
            ),
            np.zeros_like(point),
        )
    told = result.identification.case != "C"
    return replace(
        result,
        reliability=reliability(solution.prediction_variance, solution.rep),
        reported=point,
        reported_sd=np.sqrt(variance),
        peer=np.where(told, _under(result, solution, "peer"), np.nan),
        company=np.where(told, _under(result, solution, "company"), np.nan),
    )


def _anchor(measured: Measured, solution: Solution, stepped: NDArray[np.bool_], tau: Floats) -> float:
    """μ_a: what a rep is shrunk towards, μ̂ plus the weighted mean territory effect (and a composite's level)."""
    cells = measured.cells
    taken = tau[cells.territory] if measured.composite else np.where(stepped, tau[cells.territory], 0.0)
    return float(measured.base + solution.mu + cells.weight @ taken / cells.weight.sum())


def _predicted(measured: Measured, solution: Solution, stepped: NDArray[np.bool_]) -> Floats:
    """θ̃_r = μ_a + θ̂_r (reps,)."""
    return _anchor(measured, solution, stepped, solution.tau) + solution.theta


def _under(result: Estimate, solution: Solution, policy: str) -> Floats:
    """What would be reported under another policy (reps,); NaN where that cannot be fitted."""
    measured = result.measured
    cells = measured.cells
    if result.policy == policy:
        other = solution
    elif policy == "peer" and len(cells.rep) == cells.territories:
        return np.full(cells.reps, np.nan)
    else:
        other = maximise(Equations(cells, policy))
    return _predicted(measured, other, result.identification.stepped(cells))


def _nodes(best: Solution) -> list[tuple[float, Solution]]:
    """Where the variance components are tried, with weights proportional to the restricted likelihood.

    Under "pooled", from 200 reps on 13 midpoints of σ_τ at the REML σ_θ; below, 9 × 9 midpoints of both. Otherwise
    the REML solution alone.
    """
    equations = best.equations
    if equations.policy != "pooled":
        return [(1.0, best)]
    if equations.cells.reps >= MANY_REPS:
        top = 3.5 * max(np.sqrt(best.territory), 0.6 * np.sqrt(best.rep))
        pairs = [(best.rep, float(sd) ** 2) for sd in _midpoints(top, 13)]
    else:
        sds = _midpoints(2 * float(np.std(equations.cells.mean, ddof=1)), 9)
        pairs = [(float(rep) ** 2, float(territory) ** 2) for rep in sds for territory in sds]
    if pairs[-1][1] == 0:
        return [(1.0, best)]
    solutions = [equations.at(*pair) for pair in pairs]
    likelihood = np.array([solution.loglik for solution in solutions])
    weight = np.exp(likelihood - likelihood.max())
    return list(zip((weight / weight.sum()).tolist(), solutions, strict=True))


def _midpoints(top: float, number: int) -> Floats:
    return np.asarray((np.arange(number) + 0.5) / number * top)


def mundlak(measured: Measured, solution: Solution, kept: NDArray[np.bool_]) -> dict[str, float]:
    """Is rep quality correlated with mix? Between slopes less within slopes, tested against 0: {f, df1, df2, p}.

    Generalised least squares of the cells' means after mix on their mix (Mundlak 1978), at the REML variances, the
    sampling of the within slopes added to the covariance. Empty when there are too few reps.
    """
    mix = measured.sigma.deviation[:, kept]
    varies = np.ptp(mix, axis=0) > 1e-9 if mix.size else np.zeros(mix.shape[1], dtype=bool)
    mix, columns = mix[:, varies], int(np.count_nonzero(varies))
    spare = measured.cells.reps - columns - 1
    if not columns or spare < 1:
        return {}
    scale = np.std(mix, axis=0)
    projected = solution.project(mix / scale)
    information = (mix / scale).T @ projected
    inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    difference = inverse @ (projected.T @ solution.cells.mean)
    slopes = measured.sigma.slopes[np.ix_(kept, kept)][np.ix_(varies, varies)] * np.outer(scale, scale)
    statistic = float(difference @ np.linalg.pinv(inverse + slopes, rcond=1e-10, hermitian=True) @ difference) / columns
    return {"f": statistic, "df1": columns, "df2": spare, "p": float(stats.f.sf(statistic, columns, spare))}


def pull(solution: Solution) -> Floats:
    """What a colleague's +1 takes from a rep through τ̂ (territories,); NaN where nobody has a colleague."""
    cells = solution.cells
    effect = np.sum(solution.gain[cells.territory] * solution.reduction.T, axis=1)
    colleagues = np.bincount(cells.territory)
    return np.where(colleagues > 1, cells.by_territory(effect) / colleagues, np.nan)
