"""A small REML of linear mixed models with one or two crossed random intercepts, to compare published fits with.

It shares nothing with the product: profiled criterion, derivative-free search, plain normal equations. With the random
effects scaled to unit variance (b = Λu, relative standard deviations θ), the criterion is

    log|Λ'Z'ZΛ + I| + log|X'X − …| + (n − p)·(1 + log(2π·r²/(n − p))),

the restricted deviance of Bates, Mächler, Bolker and Walker (2015), eq. 41. The first factor's block is diagonal and is
eliminated, the second stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, sparse

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """``criterion``: −2 restricted log-likelihood; ``variances`` of the factors in order; ``residual`` variance."""

    criterion: float
    variances: tuple[float, ...]
    residual: float
    fixed: Floats


class Model:
    """y = Xβ + Σ_f Z_f b_f + e; ``factors`` are integer codes (rows,), the one with most levels first."""

    def __init__(self, outcome: Floats, exog: Floats, factors: Sequence[NDArray[np.int64]]) -> None:
        self._rows, self._fixed = exog.shape
        self._rest = exog.shape[1] + 1
        dense = np.column_stack([exog, outcome])
        incidence = [
            sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=(len(codes), codes.max() + 1))
            for codes in factors
        ]
        self._size = [np.asarray(one.sum(axis=0)).ravel() for one in incidence]
        self._with_dense = [one.T @ dense for one in incidence]
        self._cross = (incidence[0].T @ incidence[1]).tocsr() if len(factors) > 1 else None
        self._moments = dense.T @ dense

    def criterion(self, relative: Floats) -> tuple[float, Floats, float]:
        """The profiled criterion, the fixed effects and the residual variance at relative standard deviations."""
        root = [float(one) for one in relative]
        diagonal = root[0] ** 2 * self._size[0] + 1
        log_determinant = float(np.log(diagonal).sum())
        first = root[0] * self._with_dense[0]
        left = self._moments - first.T @ (first / diagonal[:, None])
        if self._cross is not None:
            cross = self._cross * (root[0] * root[1])
            block = np.diag(root[1] ** 2 * self._size[1] + 1.0)
            block -= (cross.T @ (sparse.diags_array(1 / diagonal) @ cross)).toarray()
            factor = linalg.cholesky(block, lower=True)
            log_determinant += 2 * float(np.log(np.diag(factor)).sum())
            second = root[1] * self._with_dense[1] - cross.T @ (first / diagonal[:, None])
            solved = linalg.solve_triangular(factor, second, lower=True)
            left = left - solved.T @ solved
        upper = linalg.cholesky(left)
        log_determinant += 2 * float(np.log(np.diag(upper)[:-1]).sum())
        freedom = self._rows - self._fixed
        residual = float(upper[-1, -1] ** 2 / freedom)
        fixed = linalg.solve_triangular(upper[:-1, :-1], upper[:-1, -1])
        return log_determinant + freedom * (1 + np.log(2 * np.pi * residual)), fixed, residual

    def fit(self) -> Fit:
        """The minimum of the criterion, the boundary included."""
        start = np.full(len(self._size), 0.5)
        options = {"xatol": 1e-7, "fatol": 1e-7, "maxiter": 2000}
        found = optimize.minimize(
            lambda relative: self.criterion(relative)[0], start, method="Nelder-Mead",
            bounds=[(0.0, None)] * len(start), options=options,
        )  # fmt: skip
        criterion, fixed, residual = self.criterion(found.x)
        return Fit(
            criterion=criterion,
            variances=tuple(float(one) ** 2 * residual for one in found.x),
            residual=residual,
            fixed=fixed,
        )
