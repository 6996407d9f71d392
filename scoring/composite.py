"""One score over several items: each is adjusted first, territory step included, then they are combined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.sums import Codes, Floats, ratio

CAHPS_CAP = 20
"""Under "cahps" an item's weight grows with its answers up to this many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """``rep`` w_rk (items, reps), 0 for an item without an answer; ``fixed`` w_0k (items,); ``level`` ā_k (items,)."""

    rep: Floats
    fixed: Floats
    level: Floats

    def combine(self, amounts: Floats) -> Floats:
        """Σ_k w_rk times the items' amounts (items, reps), NaN where an item has no answer."""
        return np.asarray(np.sum(self.rep * np.where(self.rep > 0, amounts, 0.0), axis=0))

    @property
    def base(self) -> float:
        """Σ_k w_0k ā_k."""
        return float(self.fixed @ self.level)

    def total(self, scores: Floats) -> Floats:
        """A_r = Σ_k w_rk (a_rk − ā_k) + Σ_k w_0k ā_k (reps,); NaN for a rep without any item."""
        combined = self.combine(scores - self.level[:, None]) + self.base
        return np.where(self.rep.sum(axis=0) > 0, combined, np.nan)

    def by_cell(self, answered: Floats, cell_rep: Codes) -> Floats:
        """The weights within each cell (items, cells): an item missing there is left out, the rest rescaled.

        Args:
            answered: Ω of the items in the cells (items, cells).
        """
        return _shares(np.where(answered > 0, self.rep[:, cell_rep], 0.0))


def weigh(counts: Floats, fixed: Floats, level: Floats, how: str) -> Weighting:
    """The weights of each rep's items.

    Args:
        counts: n_rk = Ω_rk (items, reps).
        fixed: w_0k (items,), summing to 1.
        level: ā_k (items,).
        how: "fixed" takes w_0k, a missing item left out and the rest rescaled; "cahps" min(n_rk, 20) over their sum.
    """
    if how == "cahps":
        return Weighting(rep=_shares(np.minimum(counts, CAHPS_CAP)), fixed=fixed, level=level)
    return Weighting(rep=_shares(np.where(counts > 0, fixed[:, None], 0.0)), fixed=fixed, level=level)


def _shares(weights: Floats) -> Floats:
    total = weights.sum(axis=0)
    return ratio(weights, total)
