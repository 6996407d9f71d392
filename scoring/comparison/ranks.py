"""How far ranks can be known: sets that hold the true rank, and the rank to be expected. Rank 1 is best.

A rep's rank is one more than the number of better reps. Differences between reps are compared with the largest
difference that chance alone would show somewhere in the family of comparisons; a rep told apart as better or worse
narrows the set, all others stay in it (Mogstad, Romano, Shaikh and Wilhelm 2024). Their step-down refinement is left
out: among 60 reps or more, with reliabilities up to .97, it narrowed the sets by less than 2 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from scoring.findings import Refusal
from scoring.sums import Floats

MOST = 2_000
"""A peer group has at most this many reps."""

DRAWS = 1_000
"""How often chance is simulated."""

GROUPS = 24
"""Reps are bounded together with others of similar precision."""

AT_ONCE = 125
"""Draws in one block, so that it stays in the processor's cache."""

Draws = NDArray[np.float32]


class PeerGroupTooLarge(Refusal):
    """Ranks among more reps than can be compared pair by pair."""

    sentence = "%(reps)s reps are too many to rank together; choose a peer group of at most %(most)s."


@dataclass(frozen=True, slots=True, kw_only=True)
class RankSet:
    """The ranks (reps,) that cannot be excluded, from ``low``, the best, to ``high``."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]


class Ranking:
    """Reps' scores (reps,), their covariance (reps, reps) and degrees of freedom (reps,), ready to be ranked.

    Chance is drawn from the normal distribution with that covariance, with reps in order of their scores and always
    from the same start, so neither names nor the order of rows nor a shift of all scores changes a set. A pair is told
    apart when its t statistic, on the pair's degrees of freedom, is as rare as the critical value is for a normal one.

    Raises:
        PeerGroupTooLarge: more than 2,000 reps.
    """

    def __init__(self, score: Floats, covariance: Floats, df: Floats, *, confidence: float = 0.95) -> None:
        if len(score) > MOST:
            raise PeerGroupTooLarge(reps=len(score), most=MOST)
        self._confidence = confidence
        self._order = np.argsort(-score, kind="stable")
        self._score = score[self._order]
        self._covariance = covariance[np.ix_(self._order, self._order)]
        variance = np.diag(self._covariance)
        square = np.add.outer(variance, variance) - 2 * self._covariance
        apart = square > 1e-12 * np.add.outer(variance, variance)
        np.fill_diagonal(apart, False)
        self._precision = np.where(apart, 1 / np.sqrt(np.where(apart, square, 1.0)), 0.0)
        self._weight = self._precision.astype(np.float32)
        self._inverse_df = variance**2 / df[self._order]
        self._chance = self._draws()

    def simultaneous(self) -> RankSet:
        """Sets that hold all true ranks at once with the confidence asked for."""
        critical = np.quantile(_largest(self._chance, self._weight), self._confidence)
        return self._sets(np.full(len(self._score), critical))

    def marginal(self) -> RankSet:
        """Sets each of which, looked at alone, holds its rep's true rank with the confidence asked for."""
        return self._sets(_critical_of_each(self._chance, self._weight, self._confidence))

    def _draws(self) -> Draws:
        reps = len(self._score)
        covariance = self._covariance + 1e-9 * np.trace(self._covariance) / reps * np.eye(reps)
        try:
            root = linalg.cholesky(covariance, lower=True)
        except linalg.LinAlgError:
            values, vectors = linalg.eigh(covariance)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = np.random.default_rng(0).standard_normal((DRAWS, reps)).astype(np.float32)
        return np.asarray(drawn @ root.T.astype(np.float32))

    def _sets(self, critical: Floats) -> RankSet:
        reps = len(self._score)
        variance = np.diag(self._covariance)
        statistic = np.subtract.outer(self._score, self._score) * self._precision
        one, other = np.nonzero(np.abs(statistic) > critical[:, None])
        pooled = np.maximum(self._inverse_df[one] + self._inverse_df[other], 1e-300)
        df = np.minimum((variance[one] + variance[other]) ** 2 / pooled, 1e9)
        found = statistic[one, other]
        rare = special.stdtr(df, -np.abs(found)) < special.ndtr(-critical[one])
        better = np.bincount(one[rare & (found < 0)], minlength=reps)
        worse = np.bincount(one[rare & (found > 0)], minlength=reps)
        low, high = np.empty(reps, dtype=np.int64), np.empty(reps, dtype=np.int64)
        low[self._order], high[self._order] = better + 1, reps - worse
        return RankSet(low=low, high=high)


def _furthest(chance: Draws, precision: Draws, draws: NDArray[np.int64], rep: int) -> Draws:
    """max over k of |Z_j − Z_k|·precision_jk for one rep j in some draws (draws,)."""
    apart = chance[draws]
    apart -= chance[draws, rep][:, None]
    np.abs(apart, out=apart)
    apart *= precision[rep]
    return np.asarray(apart.max(axis=1))


def _largest(chance: Draws, precision: Draws) -> Draws:
    """max over all pairs of |Z_j − Z_k|·precision_jk (draws,); only rows that may still raise it are looked at."""
    bound = _bound(chance, precision)
    largest = np.zeros(len(chance), dtype=np.float32)
    for rep in np.argsort(-bound.max(axis=1)):
        open_still = np.flatnonzero(bound[rep] > largest)
        for draws in np.array_split(open_still, len(open_still) // AT_ONCE + 1):
            largest[draws] = np.maximum(largest[draws], _furthest(chance, precision, draws, rep))
    return largest


def _critical_of_each(chance: Draws, precision: Draws, confidence: float) -> Floats:
    """The quantile over draws of max over k of |Z_j − Z_k|·precision_jk (reps,).

    Draws whose bound stays below the quantile need not be looked at.
    """
    bound = _bound(chance, precision)
    critical = np.zeros(len(bound))
    needed = int((1 - confidence) * len(chance)) + 2
    for rep, most in enumerate(bound):
        likely = np.argpartition(-most, 2 * needed)[: 2 * needed]
        found = np.zeros(len(chance), dtype=np.float32)
        found[likely] = _furthest(chance, precision, likely, rep)
        floor = np.partition(found[likely], -needed)[-needed]
        late = np.setdiff1d(np.flatnonzero(most > floor), likely)
        found[late] = _furthest(chance, precision, late, rep)
        critical[rep] = np.quantile(found, confidence)
    return critical


def _bound(chance: Draws, precision: Draws) -> Draws:
    """No |Z_j − Z_k|·precision_jk of rep j is greater (reps, draws).

    Every group of reps of similar precision is taken at its most extreme draw and its greatest precision towards j.
    """
    reps = chance.shape[1]
    drawn = np.ascontiguousarray(chance.T)
    bound = np.zeros_like(drawn)
    for group in np.array_split(np.argsort(precision.sum(axis=1)), min(GROUPS, reps)):
        furthest = np.maximum(drawn[group].max(axis=0) - drawn, drawn - drawn[group].min(axis=0))
        np.maximum(bound, furthest * precision[:, group].max(axis=1)[:, None], out=bound)
    return bound


def expected_ranks(estimate: Floats, covariance: Floats) -> Floats:
    """1 + Σ_s Φ((θ̃_s − θ̃_r)/√(v_r + v_s − 2c_rs)) (reps,): the rank to be expected, given shrunken estimates.

    Args:
        estimate: θ̃ (reps,).
        covariance: of the prediction errors (reps, reps), v_r on the diagonal, c_rs off it.

    Equal estimates without uncertainty count half. (The R package merTools counts from the other end: P + 1 − this.)
    """
    variance = np.diag(covariance)
    square = np.add.outer(variance, variance) - 2 * covariance
    ahead = estimate - estimate[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ahead / np.sqrt(np.maximum(square, 0.0))
    chance = special.ndtr(np.where(np.isnan(ratio), 0.0, ratio))
    np.fill_diagonal(chance, 0.0)
    return np.asarray(1 + chance.sum(axis=1))
