"""How much of a difference between scores is real: reliability and evidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from scoring.spec import AdjustmentSpec
from scoring.sums import Floats


def reliability(prediction_variance: Floats, between: float) -> Floats:
    """1 − PEV_r/σ²_θ (reps,): 0 when reps do not differ at all."""
    if between <= 0:
        return np.zeros_like(prediction_variance)
    return 1 - prediction_variance / between


def evidence(
    spec: AdjustmentSpec, customers: NDArray[np.int64], largest: Floats, reliability: Floats | None
) -> NDArray[np.str_]:
    """The evidence words (reps,): withheld, thin, provisional or full.

    Args:
        customers: answering customers.
        largest: the largest customer's share of the weight.
        reliability: None when it is unknown; all that is not withheld is then thin.
    """
    if reliability is None:
        word = np.full(len(customers), "thin", dtype="<U11")
    else:
        word = np.where(reliability < spec.full_from, "provisional", "full").astype("<U11")
        word[~(reliability >= spec.thin_below)] = "thin"
    word[largest > spec.max_customer_share] = "thin"
    word[customers < spec.minimum_customers] = "withheld"
    return word


def paule_mandel(effect: Floats, variance: Floats) -> tuple[float, float]:
    """σ²_θ and μ̂ of independent effects, where Cochran's Q equals its expectation (Paule and Mandel 1982)."""
    between = _q_solution(effect, variance, len(effect) - 1)
    return between, _centre(effect, variance + between)


def q_profile(effect: Floats, variance: Floats) -> tuple[float, float]:
    """95 % interval of σ²_θ, where Q is at the ends of its χ² distribution (Viechtbauer 2007)."""
    freedom = len(effect) - 1
    low, high = float(stats.chi2.ppf(0.975, freedom)), float(stats.chi2.ppf(0.025, freedom))
    return _q_solution(effect, variance, low), _q_solution(effect, variance, high)


def _centre(effect: Floats, variance: Floats) -> float:
    return float(np.average(effect, weights=1 / variance))


def _q_solution(effect: Floats, variance: Floats, target: float) -> float:
    """The σ²_θ at which Q = Σ(a − μ̂)²/(v + σ²_θ) falls to ``target``; 0 if it lies below from the start."""

    def excess(between: float) -> float:
        total = variance + between
        return float(np.sum((effect - _centre(effect, total)) ** 2 / total)) - target

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.var(effect)) + float(variance.max())
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-12 * high, rtol=1e-14))
