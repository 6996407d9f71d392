"""The funnel: scores against the number of customers, with the limits that chance alone would seldom leave.

Spiegelhalter (2005). The limits are those of reps who do not differ at all; how much wider the scores lie than that is
the over-dispersion φ̂, which is printed and not drawn: here it is the reps' real differences, the very thing looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from scoring.comparison import average
from scoring.results import Result
from scoring.sums import Floats

TRIMMED = 0.1
"""The share of points at either end that is drawn in before φ̂ is taken, so that outliers do not hide themselves."""

LIMITS = (0.95, 0.998)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """One item's funnel over the reps whose score is shown (points,).

    ``customers`` is their effective number, ``average`` the middle line, ``dispersion`` φ̂, ``variance`` that of one
    customer, in squared points.
    """

    reps: tuple[str, ...]
    customers: Floats
    score: Floats
    average: float
    variance: float
    dispersion: float

    def limits(self, customers: Floats, confidence: float) -> tuple[Floats, Floats]:
        """Lower and upper limit at these numbers of customers; ``confidence`` is .95 or .998."""
        half = float(stats.norm.ppf((1 + confidence) / 2)) * np.sqrt(self.variance / customers)
        return self.average - half, self.average + half

    def outside(self, confidence: float) -> tuple[str, ...]:
        """The reps beyond the limits."""
        low, high = self.limits(self.customers, confidence)
        beyond = (self.score < low) | (self.score > high)
        return tuple(rep for rep, there in zip(self.reps, beyond, strict=True) if there)


def funnel(result: Result) -> Funnel | None:
    """The funnel of one item's result; None when nothing could be estimated."""
    fit, table = result.fit, result.table
    if fit is None:
        return None
    cells, pooled = fit.measured.cells, fit.measured.own.pooled
    customers = pooled / cells.by_rep(cells.share**2 * cells.working)
    shown = table.shown[fit.measured.reps]
    places = fit.measured.reps[shown]
    middle = average(fit, table.numbers["adjusted"])
    score = table.numbers["adjusted"][places]
    return Funnel(
        reps=tuple(table.reps[place] for place in places),
        customers=customers[shown],
        score=score,
        average=middle,
        variance=pooled,
        dispersion=overdispersion((score - middle) / np.sqrt(pooled / customers[shown])),
    )


def overdispersion(z: Floats) -> float:
    """φ̂: the mean square of the z scores (n,), a tenth at either end drawn in to the next; NaN without any."""
    if not len(z):
        return float("nan")
    low, high = np.quantile(z, (TRIMMED, 1 - TRIMMED))
    return float(np.mean(np.clip(z, low, high) ** 2))
