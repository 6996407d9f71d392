"""New answers reach a period's scores in batches, so that nobody can read one by holding runs against each other.

A rep's raw score of 24 customers and the one of 25 give the twenty-fifth away. With windows over several periods more
than two runs can do the same: the first period, the second, and both with one customer more. So what a run would say of
a rep is held against everything that earlier runs said, all at once: where some sum and difference of them is about
fewer customers than it takes to show anything, the new answers wait, and the run holds what an earlier one held, or
nothing about that item. A period scored once, after its campaigns closed, has nothing to wait for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Rating = tuple[str, str, float, int]
"""Customer, wave, points, and which of the same it is."""

Content = Mapping[Rating, float]
"""What one rep's score of an item rests on: every rating's share in what its customer counts."""

WHO = ("rep", "customer", "wave")
_MANY = 12
"""With more small groups than this among a few runs of one rep, the newest run waits without further ado."""


def held(
    table: pd.DataFrame, earlier: Iterable[pd.DataFrame], items: Sequence[str], *, batch: int
) -> tuple[pd.DataFrame, int]:
    """The answers as far as they may be scored, and how many ratings wait for their batch.

    Args:
        table: one row per rep and invitation, items as numbers, missing where nothing was answered.
        earlier: what runs that people may have seen had read, the oldest first.
        batch: customers it takes to show anything.
    """
    table, before = table.reset_index(drop=True), list(earlier)
    waiting = 0
    for item in items if before else ():
        past = [frame for frame in before if item in frame.columns]
        values, waits = _held_item(table, past, item, batch)
        table[item] = values
        waiting += waits
    return table, waiting


def _held_item(table: pd.DataFrame, before: Sequence[pd.DataFrame], item: str, batch: int) -> tuple[pd.Series, int]:
    """One item's ratings after the holding back, and how many of them wait."""
    values = table[item].astype(float)
    doubtful = _doubtful(table, before, item)
    if not doubtful:
        return values, 0
    mine = _by_rep(table, doubtful)
    theirs = [_by_rep(frame[frame[item].notna()], doubtful) for frame in before]
    waiting = 0
    for rep, rows in mine.items():
        now = rows.assign(**{item: values.loc[rows.index]})
        kept = _kept(now, [frames[rep] for frames in theirs if rep in frames], item, batch)
        values.loc[rows.index] = kept
        waiting += max(0, int(now[item].notna().sum() - kept.notna().sum()))
    return values, waiting


def _doubtful(table: pd.DataFrame, before: Sequence[pd.DataFrame], item: str) -> set[str]:
    """The reps whose ratings are not those of every earlier run that had any."""
    now = _marks(table, item)
    found: set[str] = set()
    for frame in before:
        then = _marks(frame, item)
        both = now.index.intersection(then.index)
        found.update(both[(now[both] != then[both]).to_numpy()])
    return found


def _marks(frame: pd.DataFrame, item: str) -> pd.Series:
    """One number per rep that is the same for the same ratings of the same customers in any order."""
    import pandas as pd

    rated = frame.loc[frame[item].notna(), ["rep", "customer", item]].astype({item: float})
    return pd.util.hash_pandas_object(rated[["customer", item]], index=False).groupby(rated["rep"].to_numpy()).sum()


def _by_rep(frame: pd.DataFrame, reps: set[str]) -> dict[str, pd.DataFrame]:
    return {str(rep): rows for rep, rows in frame[frame["rep"].isin(reps)].groupby("rep")}


def _kept(now: pd.DataFrame, before: Sequence[pd.DataFrame], item: str, batch: int) -> pd.Series:
    """One rep's ratings of an item: as they are, as an earlier run had them (the last is tried first), or none."""
    shown = [frame for frame in before if frame["customer"].nunique() >= batch]
    past = [content(frame, item) for frame in shown]
    if not past:
        return now[item]
    for values in (now[item], *(_put_back(now, frame, item) for frame in reversed(shown))):
        found = content(now.assign(**{item: values}), item)
        if len(customers(found)) >= batch and not reveals(found, past, batch):
            return values
    return now[item] * np.nan


def content(frame: pd.DataFrame, item: str) -> Content:
    """One rep's ratings of an item."""
    rated = frame[frame[item].notna()]
    counted = Counter(_told(rated, item))
    of_customer: Counter[str] = Counter()
    for (customer, _, _), count in counted.items():
        of_customer[customer] += count
    return {
        (customer, wave, value, number): 1 / of_customer[customer]
        for (customer, wave, value), count in counted.items()
        for number in range(count)
    }


def customers(ratings: Iterable[Rating]) -> set[str]:
    """Whose ratings these are."""
    return {customer for customer, *_ in ratings}


def _put_back(now: pd.DataFrame, before: pd.DataFrame, item: str) -> pd.Series:
    """The ratings of every customer who changed theirs become those of the earlier run; what it did not hold waits.
    What is no longer there, because somebody was erased, is not brought back."""
    import pandas as pd

    changed = customers(content(now, item).keys() ^ content(before, item).keys())
    had: dict[tuple[str, str], list[float]] = defaultdict(list)
    for customer, wave, value in _told(before, item):
        had[customer, wave].append(value)
    still = {of: iter(values) for of, values in had.items()}
    values = [
        next(still.get((customer, wave), iter(())), np.nan) if customer in changed else value
        for customer, wave, value in _told(now, item)
    ]
    return pd.Series(values, index=now.index, name=item, dtype=float)


def _told(frame: pd.DataFrame, item: str) -> Iterator[tuple[str, str, float]]:
    """Customer, wave and points of every row."""
    return zip(*(frame[name].tolist() for name in ("customer", "wave", item)), strict=True)


def reveals(now: Content, past: Sequence[Content], batch: int) -> bool:
    """Can the mean of `now`, beside those of `past`, be turned into one of fewer customers than a batch?

    Means are sums over groups of ratings that count alike in each of them. Some sum and difference of the means is
    about a few groups alone if, without these groups, the newest mean follows from the others.
    """
    rows = list(dict.fromkeys(frozenset(one.items()) for one in past))
    newest = frozenset(now.items())
    if newest in rows:
        return False
    shares = [dict(row) for row in (newest, *rows)]
    groups: dict[tuple[float, ...], set[str]] = defaultdict(set)
    for rating in set().union(*shares):
        groups[tuple(row.get(rating, 0.0) for row in shares)].add(rating[0])
    pattern = np.array(list(groups)).T
    if _follows(pattern):
        return False
    small = [place for place, customers in enumerate(groups.values()) if len(customers) < batch]
    if len(small) > _MANY:
        return True
    members = list(groups.values())
    return any(_follows(np.delete(pattern, chosen, axis=1)) for chosen in _few(small, members, batch))


def _few(small: Sequence[int], members: Sequence[set[str]], batch: int) -> Iterator[list[int]]:
    """Every choice of groups that together have fewer customers than a batch."""
    for size in range(1, min(len(small), batch - 1) + 1):
        for chosen in combinations(small, size):
            if len(set().union(*(members[place] for place in chosen))) < batch:
                yield list(chosen)


def _follows(pattern: NDArray[np.float64]) -> bool:
    """Is the first row a combination of the others?"""
    if not pattern.shape[1]:
        return True
    return bool(np.linalg.matrix_rank(pattern) == np.linalg.matrix_rank(pattern[1:]))
