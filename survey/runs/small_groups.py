"""What a run leaves out because so few customers stand behind it that its numbers would tell their answers.

Not showing a score is not enough. Levels, territories, slopes and variances are estimated from all answers together, so
the mean of a rep who is withheld could be solved for from the scores of everybody else; and what an attribute is worth
that a single customer has is that customer's answer. So such ratings and attributes do not enter the run at all: no
number that is published of it depends on them, whoever reads it and whatever else they know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring.findings import Finding
from scoring.spec import AdjustmentSpec
from survey.refusals import N_

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_PLENTY = 20
"""So many times the smallest group in rows are never so few customers; nobody has to count them."""


def left_out(table: pd.DataFrame, spec: AdjustmentSpec) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """The answers without what could be read from a run of them, and what readers of the run must know.

    A rep's ratings of an item are left out below `minimum_customers` customers; an item nobody has enough of stays, for
    then no score of it is shown at all. An attribute's value counts as unknown where its effect would rest on fewer
    customers than that, those who have it or those it is held against. Of a customer's unanswered rows one is enough.
    """
    table = table.copy()
    rep, customer = _codes(table["rep"]), _codes(table["customer"])
    items = [item.name for item in spec.items]
    for item in items:
        rated = table[item].notna().to_numpy()
        enough = _customers(rep[rated], customer[rated], int(rep.max()) + 1) >= spec.minimum_customers
        if enough.any():
            table.loc[~enough[rep], item] = np.nan
    cell = _codes(table["rep"].astype(str) + "\x1f" + table["territory"].astype(str))
    findings: list[Finding] = []
    for adjuster in spec.adjusters:
        if adjuster.kind == "category" and adjuster.name in table.columns and adjuster.name != "wave":
            unknown = _few(table, adjuster.name, items, cell, customer, spec.minimum_customers)
            table.loc[table[adjuster.name].isin(unknown), adjuster.name] = None
            findings += [_finding(adjuster.name, level) for level in unknown]
    silent = table[items].isna().all(axis=1)
    return table[~(silent & table.duplicated())].reset_index(drop=True), tuple(findings)


def _codes(names: pd.Series) -> Codes:
    import pandas as pd

    return np.asarray(pd.factorize(names)[0], dtype=np.int64)


def _customers(group: Codes, customer: Codes, groups: int) -> Codes:
    """How many customers each group has (groups,)."""
    width = int(customer.max(initial=0)) + 1
    return np.bincount(np.unique(group * width + customer) // width, minlength=groups)


def _few(
    table: pd.DataFrame, attribute: str, items: Sequence[str], cell: Codes, customer: Codes, minimum: int
) -> list[str]:
    """The values whose effect on some item would rest on too few customers. Effects are learnt within cells: only where
    one cell has the value and others as well does it count."""
    import pandas as pd

    level, names = pd.factorize(table[attribute])
    rated = [table[item].notna().to_numpy() for item in items]
    found: list[str] = []
    while True:
        known = level >= 0
        told = [known & answered for answered in rated]
        pairs, place = np.unique(cell * (len(names) + 1) + level + 1, return_inverse=True)
        levels = _Levels(cell=cell, level=level, customer=customer, pairs=pairs, place=place, count=len(names))
        fresh = {one for answered in told for one in levels.too_few(answered, minimum)}
        if not fresh:
            return sorted(found)
        found += [str(names[one]) for one in fresh]
        level = np.where(np.isin(level, list(fresh)), -1, level)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Levels:
    """The rows of a run by cell and by value of an attribute; `pairs` are the combinations that there are (as
    cell·(count + 1) + value + 1), `place` says which of them a row is."""

    cell: Codes
    level: Codes
    customer: Codes
    pairs: Codes
    place: Codes
    count: int

    def too_few(self, rated: Flags, minimum: int) -> list[int]:
        """The values that fewer than `minimum` customers have, or have not, in cells that hold both."""
        cell, level = self.pairs // (self.count + 1), self.pairs % (self.count + 1) - 1
        rows = np.bincount(self.place[rated], minlength=len(self.pairs))
        others = np.bincount(cell, rows)[cell] - rows
        mixed = (rows > 0) & (others > 0) & (level >= 0)
        having, lacking = (
            np.bincount(level[mixed], side[mixed], minlength=self.count) for side in (rows, others)
        )  # fmt: skip
        doubtful = np.flatnonzero((having > 0) & (np.minimum(having, lacking) < _PLENTY * minimum))
        return [
            one for one in doubtful.tolist() if self._smaller_side(one, rated, cell[mixed & (level == one)]) < minimum
        ]

    def _smaller_side(self, one: int, rated: Flags, cells: Codes) -> int:
        """The customers with a value or without it, whichever are fewer, in these cells."""
        here = np.flatnonzero(rated & np.isin(self.cell, cells))
        having = self.level[here] == one
        return min(len(np.unique(self.customer[here[side]])) for side in (having, ~having))


def _finding(adjuster: str, level: str) -> Finding:
    return Finding(
        name="few_customers",
        sentence=N_(
            "%(adjuster)s: so few customers can be compared on “%(level)s” that its effect would tell their answers; "
            "it counts as unknown."
        ),
        values={"adjuster": adjuster, "level": level},
    )
