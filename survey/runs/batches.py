"""New answers reach a period's scores in batches, so that nobody can read one by subtracting two runs.

A rep's raw score of 24 customers and the one of 25 give the twenty-fifth away. So what changed about a rep since an
earlier run that showed them counts only once as many customers changed as it takes to show anything; until then the
next run holds what the last one held. A period scored once, after its campaigns closed, has nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_WHO = ["rep", "customer"]
_ANSWER = [*_WHO, "wave"]


def held(
    table: pd.DataFrame, earlier: Iterable[pd.DataFrame], items: Sequence[str], *, batch: int
) -> tuple[pd.DataFrame, int]:
    """The answers as far as they may be scored, and how many ratings wait for their batch.

    Args:
        table: one row per rep and invitation, items as numbers, missing where nothing was answered.
        earlier: what runs that people may have seen had read.
        batch: customers it takes to show anything.
    """
    table, waiting = table.copy(), 0
    for before in earlier:
        shown = _shown(before, items, batch)
        for item in (item for item in items if item in before.columns):
            waiting += _held_item(table, before[before["rep"].isin(shown)], item, batch)
    return table, waiting


def _shown(before: pd.DataFrame, items: Sequence[str], batch: int) -> set[str]:
    """Reps about whom enough customers had answered anything for their scores to be seen."""
    answered = before[before[[item for item in items if item in before.columns]].notna().any(axis=1)]
    customers = answered.groupby("rep")["customer"].nunique()
    return set(customers.index[customers >= batch])


def _held_item(table: pd.DataFrame, before: pd.DataFrame, item: str, batch: int) -> int:
    """Put an item back to what it was about every rep of whom fewer customers than a batch changed it."""
    now, then = _fingerprints(table, item), _fingerprints(before, item)
    now = now[now.index.get_level_values("rep").isin(set(before["rep"]))]
    both = now.index.union(then.index)
    differs = (now.reindex(both, fill_value=0) != then.reindex(both, fill_value=0)).any(axis=1)
    changed = both[differs.to_numpy()]
    if not len(changed):
        return 0
    customers = changed.to_frame(index=False).groupby("rep")["customer"].nunique()
    few = set(customers.index[customers < batch])
    return sum(_put_back(table, before, item, who) for who in changed if who[0] in few)


def _fingerprints(table: pd.DataFrame, item: str) -> pd.DataFrame:
    """How many ratings a customer gave a rep on an item, and their first three power sums: the same for the same
    ratings in any order. Only waves are compared that hold both."""
    rated = table.loc[table[item].notna(), [*_WHO, item]]
    values = rated[item].astype(float)
    powers = rated[_WHO].assign(count=1.0, first=values, second=values**2, third=values**3)
    return powers.groupby(_WHO).sum()


def _put_back(table: pd.DataFrame, before: pd.DataFrame, item: str, who: tuple[str, str]) -> int:
    """A customer's ratings of a rep become those of the earlier run; what it did not hold waits. What is no longer
    there, because somebody was erased, is not brought back."""
    rep, customer = who
    mine = table.index[(table["rep"] == rep) & (table["customer"] == customer)]
    old = before[(before["rep"] == rep) & (before["customer"] == customer)]
    kept = old.loc[old[item].notna(), ["wave", item]]
    waiting = int(table.loc[mine, item].notna().sum())
    table.loc[mine, item] = float("nan")
    for wave, values in kept.groupby("wave")[item]:
        places = mine[table.loc[mine, "wave"] == wave][: len(values)]
        table.loc[places, item] = values.to_numpy()[: len(places)]
        waiting -= len(places)
    return max(waiting, 0)
