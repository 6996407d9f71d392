"""How sure a score is: the customer is the unit of independence.

Σ̂, the covariance of the cells' means after mix, has three parts: each cell's own, smoothed towards the pooled one
so that five customers who agree are not taken for certainty (CAHPS); what shared customers put between cells; and
what all cells share through the slopes. It is never formed densely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scoring.sums import Flags, Floats, ratio, tally
from scoring.territory import Cells, Solution

ITEM_PRIOR = 15
"""Customers' worth of pooled variance added to an item's own (CAHPS Analysis Program)."""

COMPOSITE_PRIOR = 20
"""The same for a composite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnVariance:
    """The own variances of the cells' means (cells,): ``smoothed`` V_sm and its degrees of freedom ``freedom``.

    ``pooled`` is S̄, the variance of one customer; ``replication`` Σ(G − 1).
    """

    smoothed: Floats
    freedom: Floats
    pooled: float
    replication: float


def smooth(own: Floats, size: Floats, prior: float) -> OwnVariance:
    """Smooth the cells' own variances ``own`` V with ``size`` G customers (cells,), taking S̄ from themselves."""
    return smooth_towards(own, size, prior, pooled_variance(own, size), float((size - 1).sum()))


def pooled_variance(own: Floats, size: Floats) -> float:
    """S̄ = Σ(G−1)·G·V/Σ(G−1): the variance of one customer; NaN when no cell has two."""
    extra = size - 1
    return float(extra @ (size * own) / extra.sum()) if extra.sum() > 0 else float("nan")


def smooth_towards(own: Floats, size: Floats, prior: float, pooled: float, replication: float) -> OwnVariance:
    """V_sm = (A·S̄/G + (G−1)·V)/(A + G − 1) and its Satterthwaite degrees of freedom, with A = ``prior``."""
    extra = size - 1
    smoothed = (prior * pooled / size + extra * own) / (prior + extra)
    weight = extra / (prior + extra)
    mine = ratio((weight * own) ** 2, extra)
    theirs = ((1 - weight) * pooled / size) ** 2 / replication
    return OwnVariance(smoothed=smoothed, freedom=smoothed**2 / (mine + theirs), pooled=pooled, replication=replication)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCovariance:
    """Σ̂ as an operator over cells.

    ``own`` (cells,) is the diagonal; ``shared`` (customers, cells) holds √c·v of customers with several cells, of
    which only what lies off the diagonal counts; ``deviation`` (cells, columns) is x̄_rt − x̄, ``slopes`` Var(β̂)
    and ``cross`` (cells, columns) B Σ_g u_g v_g.
    """

    own: Floats
    shared: sparse.csr_array
    deviation: Floats
    slopes: Floats
    cross: Floats

    @property
    def _repeated(self) -> Floats:
        """What the diagonal of shared'shared would add (cells,)."""
        return _squares(self.shared)

    def apply(self, block: Floats) -> Floats:
        """Σ̂ times ``block`` (cells, anything)."""
        along = self.deviation.T @ block
        through_slopes = self.deviation @ (self.slopes @ along - self.cross.T @ block) - self.cross @ along
        diagonal = (self.own - self._repeated)[:, None] * block
        return np.asarray(diagonal + self.shared.T @ (self.shared @ block) + through_slopes)

    def by_rep(self, cells: Cells) -> Floats:
        """The diagonal of S Σ̂ S' (reps,), S averaging each rep's cells by s_rt."""
        share = cells.share
        averaging = self._averaging(cells)
        common = self.shared @ averaging
        total = cells.by_rep(share**2 * (self.own - self._repeated))
        total += _squares(common)
        deviation, cross = averaging.T @ self.deviation, averaging.T @ self.cross
        return np.asarray(total + np.sum((deviation @ self.slopes) * deviation - 2 * deviation * cross, axis=1))

    def between_reps(self, cells: Cells, reps: NDArray[np.int64]) -> Floats:
        """S Σ̂ S' of some reps (reps, reps)."""
        averaging = self._averaging(cells)
        chosen = averaging[:, reps]
        common = self.shared @ chosen
        own = cells.by_rep(cells.share**2 * (self.own - self._repeated))[reps]
        deviation, cross = chosen.T @ self.deviation, chosen.T @ self.cross
        mixed = deviation @ cross.T
        return np.asarray(
            np.diag(own) + (common.T @ common).toarray() + deviation @ self.slopes @ deviation.T - mixed - mixed.T
        )

    @staticmethod
    def _averaging(cells: Cells) -> sparse.csr_array:
        """S' (cells, reps)."""
        rows = np.arange(len(cells.rep))
        return sparse.csr_array((cells.share, (rows, cells.rep)), shape=(len(rows), cells.reps))


def _squares(matrix: sparse.csr_array) -> Floats:
    """Column sums of squares (columns,)."""
    return tally(matrix.indices, matrix.data**2, matrix.shape[1])


@dataclass(frozen=True, kw_only=True)
class ScoreCovariance:
    """Cov(a) of the scores about their weighted mean, as an operator over reps.

        Cov(a) = S_c Σ̂ S_c' − Y Q' − Q Y' + Q Ψ Q' + diag(``alone``),   S_c = (I − 1p')S,

    where Q (reps, territories) takes the territory step, Y = S_c Σ̂ T' and Ψ gathers the sampling of τ̂, what
    shrinking it leaves out, and its spread over uncertain variances. ``alone`` (reps,) is the territory variance of
    reps who have their territories to themselves.
    """

    cells: Cells
    sigma: CellCovariance
    toward: Floats
    level: float
    step: Floats
    sampling: Floats
    territory: Floats
    alone: Floats

    @cached_property
    def _gathered(self) -> Floats:
        centred = self.sigma.by_rep(self.cells) - 2 * self.toward + self.level
        stepped = np.sum((self.step @ self.territory - 2 * self.sampling) * self.step, axis=1)
        return np.asarray(centred + stepped + self.alone)

    @property
    def cancelled(self) -> Flags:
        """Reps (reps,) whose estimated parts cancel to nothing or less, which a variance cannot be."""
        return np.asarray(self._gathered <= 1e-12 * self._own)

    @property
    def _own(self) -> Floats:
        return self.cells.by_rep(self.cells.share**2 * self.sigma.own)

    @property
    def variance(self) -> Floats:
        """se² of every score (reps,); that of the rep's own answers where the parts cancel."""
        return np.where(self.cancelled, self._own, self._gathered)

    def of(self, reps: NDArray[np.int64]) -> Floats:
        """The covariance of some scores (reps, reps), dense; its diagonal is ``variance``, also where parts cancel."""
        toward, step = self.toward[reps], self.step[reps]
        mixed = self.sampling[reps] @ step.T
        centred = self.sigma.between_reps(self.cells, reps) - toward[:, None] - toward + self.level
        found = centred - mixed - mixed.T + step @ self.territory @ step.T + np.diag(self.alone[reps])
        gone = np.flatnonzero(self.cancelled[reps])
        found[gone, gone] = self._own[reps[gone]]
        return np.asarray(found)

    def factors(self, reps: NDArray[np.int64]) -> tuple[Floats, Floats, sparse.coo_array]:
        """The covariance of some scores off its diagonal as F·middle·F' + pairs.

        Returns:
            F (reps, parts), middle (parts, parts) and what shared customers add to pairs (reps, reps), sparse.
        """
        averaging = CellCovariance._averaging(self.cells)[:, reps]
        common = self.sigma.shared @ averaging
        deviation, cross = averaging.T @ self.sigma.deviation, averaging.T @ self.sigma.cross
        blocks = (
            deviation, cross, self.toward[reps][:, None], np.ones((len(reps), 1)), self.sampling[reps], self.step[reps]
        )  # fmt: skip
        bounds = np.cumsum([0, *(block.shape[1] for block in blocks)])
        slope, crossed, toward, one, sampled, stepped = (slice(*pair) for pair in pairwise(bounds.tolist()))
        middle = np.zeros((bounds[-1], bounds[-1]))
        middle[slope, slope] = self.sigma.slopes
        middle[slope, crossed] = middle[crossed, slope] = -np.eye(deviation.shape[1])
        middle[toward, one] = middle[one, toward] = -1.0
        middle[one, one] = self.level
        middle[sampled, stepped] = middle[stepped, sampled] = -np.eye(self.step.shape[1])
        middle[stepped, stepped] = self.territory
        return np.hstack(blocks), middle, (common.T @ common).tocoo()


def territory_steps(cells: Cells, stepped: NDArray[np.bool_]) -> Floats:
    """Q = (I − 1p') S Z_τ (reps, territories), rows of Z_τ zero where a cell has no territory step."""
    share = np.where(stepped, cells.share, 0.0)
    placed = sparse.csr_array((share, (cells.rep, cells.territory)), shape=(cells.reps, cells.territories)).toarray()
    return np.asarray(placed - cells.rep_share @ placed)


def score_covariance(
    sigma: CellCovariance, stepped: NDArray[np.bool_], nodes: Sequence[tuple[float, Solution]], point: Solution
) -> ScoreCovariance:
    """Cov(a) with the territory step of ``point``, averaged over ``nodes`` (weight, solution) of the variances."""
    cells = point.cells
    overall = cells.weight / cells.weight.sum()
    toward_cells = sigma.apply(overall[:, None])[:, 0]
    toward = cells.by_rep(cells.share * toward_cells)
    territories = cells.territories
    sampling, territory = np.zeros((cells.reps, territories)), np.zeros((territories, territories))
    step = np.zeros((cells.reps, territories))
    if point.equations.policy != "company":
        step = territory_steps(cells, stepped)
        averaging = CellCovariance._averaging(cells)
        for _, group in groupby(nodes, key=lambda node: node[1].rep):
            same = list(group)
            reduction = same[0][1].reduction
            spread = sigma.apply(reduction.T)
            among = reduction @ spread
            gain = sum(weight * solution.gain for weight, solution in same)
            sampling += (averaging.T @ spread - overall @ spread) @ np.asarray(gain).T
            for weight, solution in same:
                territory += weight * _territory_spread(solution, among, point)
    alone = np.zeros(cells.reps)
    mean_variance = sum(weight * solution.territory for weight, solution in nodes)
    np.add.at(alone, cells.rep[~stepped], mean_variance * cells.share[~stepped] ** 2)
    return ScoreCovariance(
        cells=cells, sigma=sigma, toward=toward, level=float(overall @ toward_cells), step=step,
        sampling=sampling, territory=territory, alone=alone,
    )  # fmt: skip


def _territory_spread(solution: Solution, among: Floats, point: Solution) -> Floats:
    """T Σ̂ T' + σ²_θ HH' + σ²_τ LL' + (τ̂_j − τ̂)(τ̂_j − τ̂)' of one node (territories, territories)."""
    gain = solution.gain
    moved = solution.tau - point.tau
    if solution.equations.policy != "pooled":
        return np.asarray(gain @ among @ gain.T + np.outer(moved, moved))
    left = solution.unexplained[1:]
    spread = gain @ (among + solution.rep * solution.spread) @ gain.T + solution.territory * left @ left.T
    return np.asarray(spread + np.outer(moved, moved))


def score_freedom(cells: Cells, own: OwnVariance, variance: Floats, *, territories: int | None) -> Floats:
    """Satterthwaite's degrees of freedom of every score (reps,).

    Args:
        variance: se² (reps,).
        territories: N_τ, whose N_τ − 1 carry what ``variance`` has beyond the cells' own; None leaves that part out.
    """
    weights = cells.share**2 * own.smoothed
    mine = cells.by_rep(weights)
    square = cells.by_rep(weights**2 / own.freedom)
    if territories and territories > 1:
        square = square + np.maximum(variance - mine, 0.0) ** 2 / (territories - 1)
    return ratio(variance**2, square, empty=np.inf)
