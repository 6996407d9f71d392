"""Restricted maximum likelihood for the variances between reps and between territories.

A coarse grid brackets the maximum, Newton's method on the analytic score finishes it; a variance whose score is
negative at 0 stays at 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from scoring.findings import Refusal
from scoring.sums import Floats
from scoring.territory import Equations, Solution

BRACKET = (0.01, 0.1, 0.5, 1.5)
"""Variances first tried, in units of the variance of the cell means."""

HALF_CHI_SQUARE = float(stats.chi2.ppf(0.95, 1)) / 2


FLAT = 1e-6
"""Close enough to the top of a profile: the likelihood there is flat, and off by no more than this squared."""


class TerritoryNotSeparable(Refusal):
    """REML cannot tell the variance between reps from that between territories."""

    sentence = (
        "Rep and territory cannot be told apart anywhere (every territory has answers about one rep only), so the "
        'variances of the pooled policy are not defined; use territory = "company", or give territories several reps.'
    )


class NoMaximum(Refusal):
    """The likelihood has no maximum that Newton's method can find."""

    sentence = "The variance between reps could not be estimated: the likelihood of these answers has no clear maximum."


def maximise(equations: Equations) -> Solution:
    """The equations solved at the REML variances.

    Raises:
        TerritoryNotSeparable: under "pooled", when the information on the two variances is singular.
        NoMaximum: when Newton's method does not settle.
    """
    unit = _unit(equations)
    if unit == 0:
        return equations.at(0.0, 0.0)
    if equations.policy == "pooled":
        _refuse_singular(equations.at(unit, unit))
        pairs = [(rep * unit, territory * unit) for rep in BRACKET for territory in BRACKET]
    else:
        pairs = [(rep * unit, 0.0) for rep in BRACKET]
    best = max((equations.at(*pair) for pair in pairs), key=lambda solution: solution.loglik)
    return _climb(best, unit)


def _unit(equations: Equations) -> float:
    return float(np.var(equations.cells.mean))


def _refuse_singular(solution: Solution) -> None:
    information = solution.derivatives()[2]
    scale = np.sqrt(np.diag(information))
    if scale.min() == 0 or 1 - (information[0, 1] / scale.prod()) ** 2 < 1e-10:
        raise TerritoryNotSeparable


def _climb(solution: Solution, unit: float, fixed: int | None = None, settled: float = 1e-12) -> Solution:
    """Newton's method from ``solution``, holding variance number ``fixed``, to relative steps below ``settled``."""
    for _ in range(200):
        gradient, hessian, _ = solution.derivatives()
        at = np.array([solution.rep, solution.territory])[: len(gradient)]
        free = (at > 0) | (gradient > 0)
        if fixed is not None:
            free[fixed] = False
        if not free.any():
            return solution
        step = np.zeros(len(at))
        step[free] = _ascent(gradient[free], hessian[np.ix_(free, free)])
        better = _line(solution, at, step)
        if better is None:
            return solution
        moved = np.abs(np.array([better.rep, better.territory])[: len(at)] - at)
        solution = better
        if np.all(moved <= settled * (at + 1e-6 * unit)):
            return solution
    raise NoMaximum


def _ascent(gradient: Floats, hessian: Floats) -> Floats:
    """Newton's step, turned uphill along directions in which the likelihood is not concave."""
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), 1e-12 * np.abs(values).max())
    return np.asarray(vectors @ ((vectors.T @ gradient) / size))


def _line(solution: Solution, at: Floats, step: Floats) -> Solution | None:
    """The first of ever shorter steps that does not lower the likelihood; None when no step can help."""
    slack = 1e-12 * (1 + abs(solution.loglik))
    for _ in range(60):
        target = np.maximum(at + step, 0.0)
        if np.array_equal(target, at):
            return None
        candidate = solution.equations.at(*target) if len(at) == 2 else solution.equations.at(target[0], 0.0)
        if candidate.loglik >= solution.loglik - slack:
            return candidate
        step = step / 2
    return None


def profile_interval(best: Solution, which: int) -> tuple[float, float]:
    """95 % profile-likelihood interval of variance ``which`` (0 σ²_θ, 1 σ²_τ); it may start at 0 or be unbounded."""
    unit = _unit(best.equations)
    if unit == 0:
        return 0.0, 0.0
    nearest = best

    def beyond(sd: float) -> tuple[float, float]:
        """How far below the maximum the profile lies, less what the interval allows, both as square roots, and the
        slope of that: by the envelope theorem the other variance's own slope is 0."""
        nonlocal nearest
        pair = [nearest.rep, nearest.territory]
        pair[which] = sd * sd
        nearest = _climb(best.equations.at(*pair), unit, fixed=which, settled=FLAT)
        depth = float(np.sqrt(max(best.loglik - nearest.loglik, 0.0)))
        slope = -float(nearest.derivatives()[0][which]) * sd / depth if depth > 0 else 0.0
        return depth - float(np.sqrt(HALF_CHI_SQUARE)), slope

    middle, precision = float(np.sqrt((best.rep, best.territory)[which])), 1e-9 * float(np.sqrt(unit))
    low = 0.0
    if middle > 0 and (nothing := beyond(0.0)[0]) > 0:
        low = _root(beyond, 0.0, middle, first=middle * nothing / (nothing + np.sqrt(HALF_CHI_SQUARE)), near=precision)
    nearest, high = best, 1.5 * middle + 0.3 * float(np.sqrt(unit))
    while beyond(high)[0] < 0:
        high *= 2
        if high > 1e4 * np.sqrt(unit):
            return low**2, float("inf")
    return low**2, _root(beyond, high, middle, first=high, near=precision) ** 2


def _root(
    function: Callable[[float], tuple[float, float]], above: float, below: float, *, first: float, near: float
) -> float:
    """Where a function with a slope is 0, by Newton's method from ``first``, halving whatever would leave the bracket.

    Args:
        above: where the function is positive.
        below: where it is negative.
        near: how far off the answer may be.
    """
    at = first
    for _ in range(100):
        value, slope = function(at)
        above, below = (at, below) if value > 0 else (above, at)
        step = value / slope if slope else np.inf
        within = min(above, below) < at - step < max(above, below)
        after = at - step if within else (above + below) / 2
        if abs(after - at) <= near:
            return float(after)
        at = after
    raise NoMaximum
