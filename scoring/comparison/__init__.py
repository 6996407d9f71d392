"""What may be said when reps are compared: with the average, with each other, and by rank.

Only scores with enough evidence are compared; thin and withheld ones are left out, and so is everybody when fewer than
eight reps were rated. A difference counts when it is larger than chance and the smallest difference worth naming.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scoring.adjustment import Adjustment
from scoring.comparison.ranks import MOST, PeerGroupTooLarge, Ranking, expected_ranks
from scoring.contrasts import between, contrasts, interval_null_p
from scoring.estimate import Estimate
from scoring.findings import N_, Finding, Refusal
from scoring.results import Result
from scoring.sums import Floats
from scoring.ties import Ties
from scoring.verdicts import Contrast, Verdict, verdict


class NotScored(Refusal):
    """An item, or a rep, that is not in the run."""

    sentence = "%(name)s is not in this run; choose one of its items and reps."


class NotCompared(Refusal):
    """A rep whose score must not be compared."""

    sentence = "There are not enough answers about %(rep)s to compare this score with others."


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The reps who are compared on one item. Arrays (peers,), ``covariance`` and ``prediction`` (peers, peers).

    ``score`` is the adjusted score, ``average`` that of all answers; ``covariance`` is Cov(a), ``reported`` θ̃ and
    ``prediction`` the covariance of its errors.
    """

    reps: tuple[str, ...]
    score: Floats
    df: Floats
    covariance: Floats
    average: float
    reported: Floats
    prediction: Floats
    smallest: float

    @property
    def variance(self) -> Floats:
        """se² of every score (peers,), in squared points."""
        return np.diag(self.covariance)

    def from_average(self) -> tuple[Contrast, ...]:
        """Every rep's difference from the average of all answers."""
        return contrasts(self.score - self.average, np.sqrt(self.variance), self.df, self.smallest)

    def contrast(self, one: int, other: int) -> Contrast:
        """Two of the reps side by side."""
        pair = [one, other]
        covariance = float(self.covariance[one, other])
        return between(self.score[pair], np.sqrt(self.variance[pair]), self.df[pair], covariance, self.smallest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One rep among the peers. Rank 1 is best; no rank is ever given without its set.

    ``contrast`` is the difference from the average of all answers, ``q`` its Benjamini–Hochberg adjusted p over the
    peers. ``rank_low`` to ``rank_high`` hold all peers' true ranks at once with 95 % confidence, ``alone_low`` to
    ``alone_high`` this rep's own.
    """

    rep: str
    contrast: Contrast
    q: float
    rank_low: int
    rank_high: int
    alone_low: int
    alone_high: int
    expected_rank: float

    @property
    def verdict(self) -> Verdict:
        """What may be said of this rep when all peers are looked at together."""
        return verdict(self.contrast.difference, self.q)


def standings(adjustment: Adjustment, item: str, among: Collection[str] | None = None) -> tuple[Standing, ...]:
    """Where every compared rep stands among ``among`` (all reps when None), sorted by name; 2,000 reps take seconds.

    Raises:
        NotScored: an unknown item or rep.
        PeerGroupTooLarge: more than 2,000 reps to compare.
    """
    peers = compared(adjustment, item, among)
    if not peers.reps:
        return ()
    found = peers.from_average()
    rates = false_discovery_rates(np.array([contrast.p for contrast in found]))
    ranking = Ranking(peers.score, peers.covariance, peers.df)
    together, alone = ranking.simultaneous(), ranking.marginal()
    columns = (together.low, together.high, alone.low, alone.high, expected_ranks(peers.reported, peers.prediction))
    names = ("rank_low", "rank_high", "alone_low", "alone_high", "expected_rank")
    places = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(
        Standing(rep=rep, contrast=contrast, q=rate, **dict(zip(names, place, strict=True)))
        for rep, contrast, rate, place in zip(peers.reps, found, rates.tolist(), places, strict=True)
    )


def side_by_side(adjustment: Adjustment, item: str, one: str, other: str) -> Contrast:
    """The first rep's score less the second's; its verdict says whether they can be told apart.

    Raises:
        NotScored: an unknown item or rep.
        NotCompared: thin or withheld evidence on either.
    """
    peers = compared(adjustment, item, (one, other))
    for rep in (one, other):
        if rep not in peers.reps:
            raise NotCompared(rep=rep)
    return peers.contrast(peers.reps.index(one), peers.reps.index(other))


def compared(adjustment: Adjustment, item: str, among: Collection[str] | None = None) -> Peers:
    """The reps of ``among`` (all when None) whose scores on ``item`` have enough evidence to be compared.

    Raises:
        NotScored: an unknown item or rep.
        PeerGroupTooLarge: more than 2,000 reps to compare.
    """
    result = next((result for result in adjustment.results if result.item == item), None)
    if result is None:
        raise NotScored(name=item)
    reps = adjustment.ratings.reps
    unknown = sorted(set(among or ()) - set(reps))
    if unknown:
        raise NotScored(name=unknown[0])
    chosen = _comparable(result)
    if among is not None:
        chosen = chosen[np.isin(np.array(reps, dtype=object)[chosen], np.array(list(among), dtype=object))]
    if len(chosen) > MOST:
        raise PeerGroupTooLarge(reps=len(chosen), most=MOST)
    return _peers(result, chosen, reps, adjustment.spec.smallest_difference)


def _peers(result: Result, chosen: NDArray[np.int64], reps: tuple[str, ...], smallest: float) -> Peers:
    fit, numbers = result.fit, result.table.numbers
    empty = np.zeros((0, 0))
    rows = np.searchsorted(fit.measured.reps, chosen) if fit else chosen
    return Peers(
        reps=tuple(reps[place] for place in chosen),
        score=numbers["adjusted"][chosen],
        df=numbers["df"][chosen],
        covariance=fit.covariance.of(rows) if fit and rows.size else empty,
        average=average(fit, numbers["adjusted"]) if fit else float("nan"),
        reported=numbers["reported"][chosen],
        prediction=fit.solution.prediction_covariance(rows) if fit and fit.solution else empty,
        smallest=smallest,
    )


def average(fit: Estimate, adjusted: Floats) -> float:
    """Σ_r p_r a_r over all reps with answers, withheld ones included; ``adjusted`` (reps of the run,)."""
    return float(fit.measured.cells.rep_share @ adjusted[fit.measured.reps])


def ties(result: Result, reps: tuple[str, ...]) -> Ties | None:
    """What ties the compared reps' scores on one item together; None when fewer than two are compared."""
    fit, chosen = result.fit, _comparable(result)
    if fit is None or len(chosen) < 2:
        return None
    rows = np.searchsorted(fit.measured.reps, chosen)
    return Ties.of(fit.covariance, rows, tuple(reps[place] for place in chosen))


def distances(result: Result, smallest: float) -> Floats:
    """Benjamini–Hochberg adjusted p of every rep's difference from the average of all answers (reps of the run,); NaN
    where a rep is not compared."""
    rates = np.full(len(result.table.reps), np.nan)
    fit, chosen, numbers = result.fit, _comparable(result), result.table.numbers
    if fit is not None and len(chosen):
        difference = numbers["adjusted"][chosen] - average(fit, numbers["adjusted"])
        rates[chosen] = false_discovery_rates(
            interval_null_p(difference, numbers["se"][chosen], numbers["df"][chosen], smallest)
        )
    return rates


def with_ranks(adjustment: Adjustment) -> Adjustment:
    """The same run with the simultaneous rank sets of every item among all compared reps.

    With more than 2,000 of them there is one finding instead: rank within peer groups.
    """
    results, findings = [], list(adjustment.findings)
    for result in adjustment.results:
        chosen = _comparable(result)
        if len(chosen) > MOST:
            findings.append(_too_many(result.item, len(chosen)))
            results.append(result)
            continue
        peers = _peers(result, chosen, adjustment.ratings.reps, adjustment.spec.smallest_difference)
        ranks = np.zeros((2, len(adjustment.ratings.reps)), dtype=np.int64)
        if peers.reps:
            found = Ranking(peers.score, peers.covariance, peers.df).simultaneous()
            ranks[:, chosen] = found.low, found.high
        results.append(replace(result, table=replace(result.table, ranks=ranks)))
    return replace(adjustment, results=tuple(results), findings=tuple(findings))


def _comparable(result: Result) -> NDArray[np.int64]:
    """Places in the run of the reps with provisional or full evidence."""
    return np.flatnonzero(np.isin(result.table.evidence, ("provisional", "full")))


def _too_many(item: str, reps: int) -> Finding:
    return Finding(
        name="ranked_in_groups",
        sentence=N_(
            "%(item)s: %(reps)s reps are too many to rank together; ranks are given in peer groups, of at most "
            "%(most)s."
        ),
        item=item,
        values={"item": item, "reps": reps, "most": MOST},
    )


def false_discovery_rates(p: Floats) -> Floats:
    """Benjamini and Hochberg's (1995) adjusted p (n,); NaN stays NaN and counts for nothing."""
    from statsmodels.stats.multitest import multipletests

    there = ~np.isnan(p)
    rates = np.full(len(p), np.nan)
    if there.any():
        rates[there] = multipletests(p[there], method="fdr_bh")[1]
    return rates
