"""Differences between scores: how large, how sure, and whether there is anything to say.

Light enough to be had by a page: two stored scores and their stored covariance give their difference.
"""

from __future__ import annotations

import numpy as np

from scoring.sums import Floats
from scoring.verdicts import Contrast


def contrasts(difference: Floats, se: Floats, df: Floats, smallest: float) -> tuple[Contrast, ...]:
    """Differences (n,) in points with their standard errors and degrees of freedom, ``smallest`` worth naming."""
    half = _quantile(df) * se
    p = interval_null_p(difference, se, df, smallest)
    columns = (difference, se, df, difference - half, difference + half, p)
    names = ("difference", "se", "df", "low", "high", "p")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(Contrast(**dict(zip(names, row, strict=True))) for row in rows)


def between(score: Floats, se: Floats, df: Floats, covariance: float, smallest: float) -> Contrast:
    """The first of two scores (2,) less the second, with Satterthwaite's degrees of freedom."""
    variance = se**2
    square = max(float(variance.sum()) - 2 * covariance, 0.0)
    freedom = variance.sum() ** 2 / np.sum(variance**2 / df)
    one = np.ones(1)
    return contrasts((score[0] - score[1]) * one, np.sqrt(square) * one, freedom * one, smallest)[0]


def interval_null_p(difference: Floats, se: Floats, df: Floats, smallest: float) -> Floats:
    """p of the hypothesis that a difference is no larger than ``smallest``, either way (n,).

    1 − F((|Δ| − δ)/se) + F((−|Δ| − δ)/se), F = t with ``df``, normal when infinite (Hodges and Lehmann 1954). Where
    answers do not vary at all nothing shows what chance does, and p is 1.
    """
    size, varies = np.abs(difference), se > 0
    scale = np.where(varies, se, 1.0)
    p = _below((smallest - size) / scale, df) + _below((-size - smallest) / scale, df)
    return np.where(varies, p, 1.0)


def _below(at: Floats, df: Floats) -> Floats:
    """The distribution function of t, normal where ``df`` is infinite."""
    from scipy import special

    finite = np.where(np.isinf(df), 1.0, df)
    return np.where(np.isinf(df), special.ndtr(at), special.stdtr(finite, at))


def _quantile(df: Floats) -> Floats:
    """The .975 quantile of t (n,)."""
    from scipy import special

    finite = np.where(np.isinf(df), 1.0, df)
    return np.where(np.isinf(df), special.ndtri(0.975), special.stdtrit(finite, 0.975))
