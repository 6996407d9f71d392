"""Change between two periods, from one fit of both: common slopes, common mean mix, common territories.

Every rep enters twice, once per period, as two reps. So the customers who answered in both periods make the two scores
covary, and the covariance of the fit says how sure the change is. Territories are taken to have kept their ease: for a
rep who stayed they cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scoring.adjustment import Adjustment
from scoring.comparison import Peers, compared
from scoring.comparison.ranks import MOST
from scoring.estimate import FEWEST_REPS
from scoring.sums import Floats
from scoring.verdicts import Contrast

_EARLIER, _LATER = "\x1f1", "\x1f2"  # no name contains this character, and it sorts the two periods


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One rep's later score less the earlier one, and what to hold it against.

    ``common`` is the change of the average of the scores that are shown: with those withheld in it, theirs could be
    worked out. ``expected`` is the change to be expected of a rep whose
    quality stayed the same: the common change, and the way back to the mean of a score that chance took away from it.
    It is None below eight reps.
    """

    rep: str
    earlier: float
    later: float
    contrast: Contrast
    common: float
    expected: float | None


def stacked(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """One table of ratings out of two periods' tables, to be adjusted with the spec of either."""
    parts = [
        table.assign(rep=table["rep"].astype(str).str.strip() + mark)
        for table, mark in ((earlier, _EARLIER), (later, _LATER))
    ]
    return pd.concat(parts, ignore_index=True)


def changes(adjustment: Adjustment, item: str) -> tuple[Change, ...]:
    """The change of every rep whose scores of both periods have enough evidence to be compared, sorted by name.

    Args:
        adjustment: of a table made by :func:`stacked`.

    Raises:
        NotScored: an unknown item.
    """
    before, after = _averages(adjustment, item)
    known = _reliability(adjustment, item) if _rated(adjustment) >= FEWEST_REPS else {}
    found = []
    for names in _in_parts(adjustment.ratings.reps):
        peers = compared(adjustment, item, names)
        place = {rep: number for number, rep in enumerate(peers.reps)}
        for rep, one in place.items():
            other = place.get(rep.removesuffix(_EARLIER) + _LATER)
            if rep.endswith(_EARLIER) and other is not None:
                found.append(_change(rep.removesuffix(_EARLIER), peers, one, other, (before, after), known.get(rep)))
    return tuple(found)


def _in_parts(reps: tuple[str, ...]) -> Iterator[list[str]]:
    """The reps' names in parts small enough for a dense covariance, both periods of a rep in the same part."""
    both = sorted({rep[: -len(_LATER)] for rep in reps})
    there = set(reps)
    for first in range(0, len(both), MOST // 2):
        part = both[first : first + MOST // 2]
        yield [rep + mark for rep in part for mark in (_EARLIER, _LATER) if rep + mark in there]


def _change(
    rep: str, peers: Peers, earlier: int, later: int, averages: tuple[float, float], reliability: float | None
) -> Change:
    before, after = averages
    away = float(peers.score[earlier]) - before
    return Change(
        rep=rep,
        earlier=float(peers.score[earlier]),
        later=float(peers.score[later]),
        contrast=peers.contrast(later, earlier),
        common=after - before,
        expected=None if reliability is None else after - before - (1 - reliability) * away,
    )


def _averages(adjustment: Adjustment, item: str) -> tuple[float, float]:
    """The average of the shown scores of either period, weighted by their answers."""
    result = next(result for result in adjustment.results if result.item == item)
    fit = result.fit
    if fit is None:
        return float("nan"), float("nan")
    adjusted: Floats = result.table.numbers["adjusted"][fit.measured.reps]
    share = np.where(result.table.shown[fit.measured.reps], fit.measured.cells.rep_share, 0.0)
    late = np.array([adjustment.ratings.reps[rep].endswith(_LATER) for rep in fit.measured.reps])
    return _average(adjusted[~late], share[~late]), _average(adjusted[late], share[late])


def _average(adjusted: Floats, share: Floats) -> float:
    return float(np.average(adjusted, weights=share)) if share.any() else float("nan")


def _reliability(adjustment: Adjustment, item: str) -> dict[str, float]:
    result = next(result for result in adjustment.results if result.item == item)
    return dict(zip(result.table.reps, result.table.numbers["reliability"].tolist(), strict=True))


def _rated(adjustment: Adjustment) -> int:
    """How many reps there are, whatever the period."""
    return len({rep[: -len(_LATER)] for rep in adjustment.ratings.reps})
