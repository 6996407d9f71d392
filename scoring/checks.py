"""The same numbers by another road, through statsmodels: stored with every run."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.reliability import q_profile
from scoring.territory import Cells, Solution

MOST_CELLS = 2_000
"""Above this the dense check is not made."""


def gls_identity(solution: Solution) -> dict[str, Any]:
    """μ̂ by generalised least squares with the cells' dense covariance and τ̂ = σ²_τ Z_τ'V⁻¹(m − μ̂), beside our own.

    Returns {cells, largest_difference, holds}; holds means to 1e-8. Above 2,000 cells only {cells}.
    """
    from statsmodels.regression.linear_model import GLS

    cells = solution.cells
    if len(cells.rep) > MOST_CELLS:
        return {"cells": len(cells.rep)}
    same_rep = cells.rep[:, None] == cells.rep
    place = np.eye(cells.territories)[cells.territory]
    covariance = np.diag(cells.working) + solution.rep * same_rep + solution.territory * (place @ place.T)
    fixed = place if solution.equations.policy == "peer" else np.ones((len(cells.rep), 1))
    result = GLS(cells.mean, fixed, sigma=covariance, hasconst=True).fit()
    if solution.equations.policy == "peer":
        difference = result.params - solution.mu - solution.tau
    else:
        pulled = np.linalg.solve(covariance, cells.mean - result.params[0])
        difference = np.append(result.params - solution.mu, solution.territory * place.T @ pulled - solution.tau)
    largest = float(np.abs(difference).max())
    return {"cells": len(cells.rep), "largest_difference": largest, "holds": largest <= 1e-8}


def company_check(cells: Cells) -> tuple[float, tuple[float, float]]:
    """σ²_θ by Paule and Mandel, as statsmodels finds it, and its Q-profile interval.

    On the reps' precision-weighted means; valid where no territory step exists.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    precision = cells.by_rep(1 / cells.working)
    effect = cells.by_rep(cells.mean / cells.working) / precision
    # its own tolerance: a tighter one lets rounding turn the answer into 0
    between = float(combine_effects(effect, 1 / precision, method_re="iterated").tau2)
    return between, q_profile(effect, 1 / precision)
