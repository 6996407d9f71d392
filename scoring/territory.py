"""Territory: Henderson's mixed-model equations over rep-by-territory cells, their variances by REML, and the policy.

    m_rt = μ + θ_r + τ_t + e_rt,   θ_r ~ (0, σ²_θ),   τ_t ~ (0, σ²_τ),   e_rt ~ (0, D_rt)

θ's block is diagonal and is eliminated; what is left has one row per territory (Henderson 1975; Patterson and
Thompson 1971).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from scoring.sums import Codes, Floats, Places, tally


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The rep-by-territory cells that have answers.

    ``rep``, ``territory`` (cells,) number the reps and territories present from 0; ``mean`` m_rt after mix,
    ``working`` D_rt and ``weight`` Ω_rt (cells,).
    """

    rep: Codes
    territory: Codes
    mean: Floats
    working: Floats
    weight: Floats

    @cached_property
    def reps(self) -> int:
        """How many reps have a cell."""
        return int(self.rep.max()) + 1

    @cached_property
    def territories(self) -> int:
        """How many territories have a cell."""
        return int(self.territory.max()) + 1

    @property
    def share(self) -> Floats:
        """s_rt (cells,): the cell's part of its rep's weight."""
        return self.weight / self.by_rep(self.weight)[self.rep]

    @property
    def rep_share(self) -> Floats:
        """p_r (reps,): the rep's part of all weight."""
        return np.asarray(self.by_rep(self.weight) / self.weight.sum())

    @property
    def territory_share(self) -> Floats:
        """Ω_t/Ω (territories,): the territory's part of all weight."""
        return np.asarray(self.by_territory(self.weight) / self.weight.sum())

    def by_rep(self, values: Floats) -> Floats:
        """Sums over each rep's cells (reps,)."""
        return tally(self.rep, values, self.reps)

    def by_territory(self, values: Floats) -> Floats:
        """Sums over each territory's cells (territories,)."""
        return tally(self.territory, values, self.territories)

    def pairs(self) -> tuple[Places, Places]:
        """The cells of the same rep, two by two, each pair once."""
        order = np.argsort(self.rep, kind="stable")
        rep, one, other, apart = self.rep[order], [order[:0]], [order[:0]], 1
        while (same := np.flatnonzero(rep[apart:] == rep[:-apart])).size:
            one.append(order[same])
            other.append(order[same + apart])
            apart += 1
        return np.concatenate(one), np.concatenate(other)


class Equations:
    """The equations of one set of cells under one policy, solved at any pair of variances.

    ``columns`` are the unknowns left after θ is eliminated: μ and the τ under "pooled" (the τ penalised), μ alone
    under "company", the territories' own levels under "peer".
    """

    def __init__(self, cells: Cells, policy: str) -> None:
        self.cells = cells
        self.policy = policy
        self.columns = {"pooled": slice(None), "company": slice(0, 1), "peer": slice(1, None)}[policy]
        self._precision = 1 / cells.working
        self._rep_mass = cells.by_rep(self._precision)
        self._territory_mass = cells.by_territory(self._precision)
        self._centre = float(np.average(cells.mean, weights=self._precision))
        self._mean = cells.mean - self._centre
        self._log_working = float(np.log(cells.working).sum())
        one, other = cells.pairs()
        self._pair_mass = self._precision[one] * self._precision[other]
        self._pair_rep = cells.rep[one]
        self._pair_place = cells.territory[one].astype(np.int64) * cells.territories + cells.territory[other]
        fixed = np.bincount(cells.territory) if policy == "peer" else np.array([len(cells.mean)])
        self._constant = (len(cells.mean) - len(fixed)) * np.log(2 * np.pi) - float(np.log(fixed).sum())

    def _outer(self, weight: Floats) -> Floats:
        """Σ_r weight_r d_r d_r' over all columns (1 + territories, 1 + territories)."""
        cells, size = self.cells, self.cells.territories
        across = tally(self._pair_place, self._pair_mass * weight[self._pair_rep], size * size).reshape(size, size)
        out = np.empty((size + 1, size + 1))
        out[0, 0] = weight @ self._rep_mass**2
        out[0, 1:] = out[1:, 0] = cells.by_territory(self._precision * (weight * self._rep_mass)[cells.rep])
        out[1:, 1:] = across + across.T
        out[1:, 1:].flat[:: size + 1] += cells.by_territory(self._precision**2 * weight[cells.rep])
        return out

    def _gather(self, by_cell: Floats) -> Floats:
        """Σ_cells z·value over all columns (1 + territories,)."""
        return np.append(by_cell.sum(), self.cells.by_territory(by_cell))

    def at(self, rep: float, territory: float) -> Solution:
        """Solve at σ²_θ = ``rep`` and σ²_τ = ``territory`` (the latter used under "pooled" only)."""
        columns, number = self.columns, self.cells.rep
        damping = 1 / (1 + rep * self._rep_mass)  # w_r: 1/(σ²_θ h_r)
        inverse_h = rep * damping
        matrix = -self._outer(inverse_h)
        matrix[0, 0] += self._precision.sum()
        matrix[0, 1:] += self._territory_mass
        matrix[1:, 0] += self._territory_mass
        matrix[1:, 1:] += np.diag(self._territory_mass)
        matrix = matrix[columns, columns]
        scale, penalty = np.ones(len(matrix)), np.zeros(len(matrix))
        if self.policy == "pooled":
            scale[1:], penalty[1:] = np.sqrt(territory), 1.0
        factor, inverse = _inverse(matrix * np.outer(scale, scale) + np.diag(penalty))
        inner = inverse * np.outer(scale, scale)
        weighted = self._precision * self._mean
        pooled = self.cells.by_rep(weighted)
        right = self._gather(weighted - self._precision * (inverse_h * pooled)[number])[columns]
        solved = inner @ right
        effects = np.zeros(self.cells.territories + 1)
        effects[columns] = solved
        rest = self._mean - effects[0] - effects[1:][self.cells.territory]
        pull = damping * self.cells.by_rep(self._precision * rest)  # Zθ'Py
        quadratic = weighted @ self._mean - inverse_h @ pooled**2 - right @ solved
        loglik = -0.5 * (
            self._constant + self._log_working + float(np.log1p(rep * self._rep_mass).sum())
            + 2 * float(np.log(factor).sum()) + float(quadratic)
        )  # fmt: skip
        level = float(effects[0])
        tau = effects[1:]
        if self.policy == "peer":
            level = float(self.cells.territory_share @ tau)
            tau = tau - level
        return Solution(
            equations=self, rep=rep, territory=territory if self.policy == "pooled" else 0.0,
            mu=level + self._centre, tau=tau, theta=rep * pull, inner=inner, damping=damping, inverse_h=inverse_h,
            matrix=matrix, pull=pull, loglik=loglik, rest=rest,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Solution:
    """The equations solved at σ²_θ = ``rep``, σ²_τ = ``territory``.

    ``mu``, ``tau`` (territories,), ``theta`` (reps,) are μ̂, τ̂, θ̂; ``inner`` is M, ``matrix`` its inverse without
    the penalty, ``inverse_h`` 1/h_r and ``damping`` 1/(σ²_θ h_r) (reps,); ``loglik`` the restricted log-likelihood
    with + ½ log|X'X|.
    """

    equations: Equations
    rep: float
    territory: float
    mu: float
    tau: Floats
    theta: Floats
    inner: Floats
    matrix: Floats
    damping: Floats
    inverse_h: Floats
    pull: Floats
    rest: Floats
    loglik: float

    @property
    def cells(self) -> Cells:
        """The cells that were solved."""
        return self.equations.cells

    @cached_property
    def loadings(self) -> Floats:
        """d_r/h_r over the unknowns (reps, columns)."""
        cells = self.cells
        full = np.zeros((cells.reps, cells.territories + 1))
        full[:, 0] = self.equations._rep_mass
        full[cells.rep, cells.territory + 1] = 1 / cells.working
        return np.asarray(full[:, self.equations.columns] * self.inverse_h[:, None])

    @cached_property
    def reduction(self) -> Floats:
        """R, the column of a cell being (z_rt − d_r/h_r)/D_rt (columns, cells); the same for every σ²_τ."""
        cells = self.cells
        full = np.zeros((cells.territories + 1, len(cells.rep)))
        full[0] = 1.0
        full[cells.territory + 1, np.arange(len(cells.rep))] = 1.0
        return np.asarray((full[self.equations.columns] - self.loadings[cells.rep].T) / cells.working)

    @property
    def gain(self) -> Floats:
        """J M, so that τ̂ = (gain @ reduction) m (territories, columns)."""
        if self.equations.policy == "peer":
            return np.asarray(self.inner - self.cells.territory_share @ self.inner)
        if self.equations.policy == "company":
            return np.zeros((self.cells.territories, 1))
        return self.inner[1:]

    @cached_property
    def prediction_variance(self) -> Floats:
        """PEV_r = 1/h_r + (d_r/h_r)'M(d_r/h_r) (reps,)."""
        return np.asarray(self.inverse_h + np.sum((self.loadings @ self.inner) * self.loadings, axis=1))

    def prediction_covariance(self, reps: Places) -> Floats:
        """Covariance of the prediction errors of some reps (reps, reps)."""
        loadings = self.loadings[reps]
        return np.diag(self.inverse_h[reps]) + loadings @ self.inner @ loadings.T

    def project(self, block: Floats) -> Floats:
        """P block (cells, anything): V⁻¹ with the fixed effects taken out."""
        cells, rows = self.cells, np.arange(len(self.cells.rep))
        by_rep = sparse.csr_array((1 / cells.working, (cells.rep, rows)), shape=(cells.reps, len(rows)))
        by_place = sparse.csr_array((np.ones(len(rows)), (cells.territory, rows)), shape=(cells.territories, len(rows)))

        def within(values: Floats) -> Floats:
            taken = np.asarray(by_rep @ values) * self.inverse_h[:, None]
            return np.asarray((values - taken[cells.rep]) / cells.working[:, None])

        weighted = within(block)
        gathered = np.vstack([weighted.sum(axis=0), np.asarray(by_place @ weighted)])[self.equations.columns]
        effects = np.zeros((cells.territories + 1, block.shape[1]))
        effects[self.equations.columns] = self.inner @ gathered
        return within(block - effects[0] - effects[1:][cells.territory])

    @cached_property
    def spread(self) -> Floats:
        """Σ_r d_r d_r'/(σ²_θ h_r)² over the unknowns (columns, columns)."""
        columns = self.equations.columns
        return self.equations._outer(self.damping**2)[columns, columns]

    def derivatives(self) -> tuple[Floats, Floats, Floats]:
        """Gradient, Hessian and expected information of the log-likelihood in the free variances: σ²_θ, then σ²_τ."""
        equations, inner, spread = self.equations, self.inner, self.spread
        own = self.damping * equations._rep_mass
        cubes = equations._outer(self.damping**2 * own)[equations.columns, equations.columns]
        bent = inner @ spread
        pulled = self._gathered(self.damping * self.pull)
        gradient = self.pull @ self.pull - (own.sum() - np.trace(bent))
        information = (np.sum(own**2) - 2 * np.sum(inner * cubes) + np.sum(bent * bent.T)) / 2
        curve = self.pull @ (own * self.pull) - pulled @ inner @ pulled
        if equations.policy != "pooled":
            return np.array([gradient / 2]), np.array([[information - curve]]), np.array([[information]])
        mixed = self.unexplained  # Zθ'PZτ has the rows w_r d_r' times this
        among = self.matrix[:, 1:].T @ mixed  # Zτ'PZτ
        cells = self.cells
        slack = (self.rest - self.theta[cells.rep]) / cells.working  # Py
        lean = cells.by_territory(slack)  # Zτ'Py
        gradients = np.array([gradient, lean @ lean - np.trace(among)]) / 2
        informations = np.empty((2, 2))
        informations[0, 0], informations[1, 1] = information, np.sum(among * among) / 2
        leaning = bent.T[:, 1:] / self.territory if self.territory else spread @ mixed
        informations[0, 1] = informations[1, 0] = np.sum(mixed * leaning) / 2
        curves = np.empty((2, 2))
        curves[0, 0], curves[1, 1] = curve, lean @ among @ lean
        curves[0, 1] = curves[1, 0] = pulled @ mixed @ lean
        return gradients, informations - curves, informations

    @property
    def unexplained(self) -> Floats:
        """(I − M·matrix) over the territories' columns, M's columns over σ²_τ where that is not 0 (columns, columns −
        1)."""
        if self.territory:
            return self.inner[:, 1:] / self.territory
        return np.eye(len(self.inner))[:, 1:] - self.inner @ self.matrix[:, 1:]

    def _gathered(self, weight: Floats) -> Floats:
        """Σ_r weight_r d_r over the unknowns (columns,)."""
        equations = self.equations
        return equations._gather((weight[self.cells.rep]) / self.cells.working)[equations.columns]


def _inverse(matrix: Floats) -> tuple[Floats, Floats]:
    """The diagonal of a positive definite matrix's Cholesky factor, and its inverse."""
    factor = np.linalg.cholesky(matrix)
    lower = lapack.dpotri(factor, lower=1)[0]
    return np.diag(factor), np.tril(lower) + np.tril(lower, -1).T
