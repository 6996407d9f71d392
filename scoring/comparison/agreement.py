"""Does the adjustment change anything? How far raw and adjusted scores agree, and by how much they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.results import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Raw against adjusted over the ``reps`` that are shown: Kendall's τ-b and Spearman's ρ, 1 when nobody changes
    places, None where they do not exist; ``sd`` of adjusted less raw, in points."""

    reps: int
    kendall: float | None
    spearman: float | None
    sd: float | None


def agreement(result: Result) -> Agreement:
    """How far one item's raw and adjusted scores agree."""
    from scipy import stats

    raw, adjusted = (result.table.numbers[name][result.table.shown] for name in ("raw", "adjusted"))
    there = ~(np.isnan(raw) | np.isnan(adjusted))
    raw, adjusted = raw[there], adjusted[there]
    if len(raw) < 2:
        return Agreement(reps=len(raw), kendall=None, spearman=None, sd=None)
    varies = np.ptp(raw) > 0 and np.ptp(adjusted) > 0
    return Agreement(
        reps=len(raw),
        kendall=float(stats.kendalltau(raw, adjusted).statistic) if varies else None,
        spearman=float(stats.spearmanr(raw, adjusted).statistic) if varies else None,
        sd=float(np.std(adjusted - raw, ddof=1)),
    )
