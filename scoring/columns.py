"""The columns of a table of ratings: names become codes, answers numbers, rows one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.findings import N_, Finding, Refusal
from scoring.sums import Codes, Floats, Places

SHARDS = 64
"""Sums run over this many parts, cut by a hash of the customer, always in the same order."""


class MissingIdentity(Refusal):
    """A row does not say who was rated, where, or by whom."""

    sentence = "Row %(row)s of the ratings has no %(column)s; every row needs a rep, a territory and a customer."


class NotFinite(Refusal):
    """An infinite number in the table."""

    sentence = "Row %(row)s of the ratings has an infinite %(column)s; correct it or leave it blank."


class TooLarge(Refusal):
    """A number whose square could not be summed."""

    sentence = "Row %(row)s of the ratings has the %(column)s %(value)g, which no customer can have; correct it."


class NotNames(Refusal):
    """A column of lists or the like, which name nobody."""

    sentence = "The column %(column)s of the ratings holds lists, not names; write one name in every row."


class NotNumbers(Refusal):
    """A column of dates or durations where numbers are wanted."""

    sentence = (
        "The column %(column)s of the ratings holds dates or durations, not numbers; turn them into numbers, such as "
        "years, or take the column out of the spec."
    )


class BadWeight(Refusal):
    """A weight that is missing, zero, negative, or out of all proportion."""

    sentence = (
        "Row %(row)s of the ratings has the weight %(value)s; every weight must lie between a millionth and a million."
    )


LARGEST = 1e15
"""No attribute of a customer is larger; squares of what is overflow."""

WEIGHTS = (1e-6, 1e6)
"""Beside a weight beyond these nobody else would count."""


def _codes(table: pd.DataFrame, column: str, *, blank: bool = False) -> tuple[Codes, NDArray[Any]]:
    """Codes into the distinct names of a column, in order of appearance; −1 where it is blank, if it may be."""
    try:
        codes, found = pd.factorize(table[column])
    except TypeError:
        raise NotNames(column=column) from None
    values = pd.Series(np.asarray(found))
    if pd.api.types.is_float_dtype(values):
        _refuse_infinite(np.asarray(table[column], dtype=np.float64), column)
        if (values % 1 == 0).all():
            values = values.astype(np.int64)  # whole numbers spoilt by a blank elsewhere in their column
    texts = values.astype(str).str.strip()
    recode, names = pd.factorize(texts.where(texts != ""))
    recoded = np.append(recode, -1)[codes].astype(np.int32)
    if not blank and (absent := np.flatnonzero(recoded < 0)).size:
        raise MissingIdentity(row=int(absent[0]) + 1, column=column)
    return recoded, np.asarray(names, dtype=object)


def read_names(table: pd.DataFrame, column: str, *, blank: bool = False) -> tuple[Codes, tuple[str, ...]]:
    """Codes into the sorted distinct names of a column."""
    codes, names = _codes(table, column, blank=blank)
    order = np.argsort(names, kind="stable")
    place = np.full(len(names) + 1, -1, dtype=np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    return place[codes], tuple(names[order])


def read_customers(table: pd.DataFrame) -> tuple[Codes, NDArray[Any], Places]:
    """Customers numbered by shard, then by hash, and the first customer of every shard with the end (65,)."""
    codes, names = _codes(table, "customer")
    hashed = pd.util.hash_array(names, categorize=False)
    shard = (hashed % np.uint64(SHARDS)).astype(np.int64)
    order = np.lexsort((hashed, shard))
    place = np.empty(len(names), dtype=np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(shard, minlength=SHARDS))])
    return place[codes], names[order], bounds.astype(np.int64)


def read_weights(table: pd.DataFrame) -> Floats:
    """The weights of the rows, 1 where the table has none."""
    if "weight" not in table.columns:
        return np.ones(len(table))
    weight = np.asarray(pd.to_numeric(table["weight"], errors="coerce"), dtype=np.float64)
    _refuse_infinite(weight, "weight")
    if (bad := np.flatnonzero(~((weight >= WEIGHTS[0]) & (weight <= WEIGHTS[1])))).size:
        raise BadWeight(row=int(bad[0]) + 1, value=table["weight"].iloc[int(bad[0])])
    return weight


def read_numbers(table: pd.DataFrame, column: str, findings: list[Finding]) -> Floats:
    """A column as numbers, NaN where blank or unreadable; the unreadable are counted."""
    raw = table[column]
    if raw.dtype.kind in "mM":
        raise NotNumbers(column=column)
    numbers = np.asarray(pd.to_numeric(raw, errors="coerce"), dtype=np.float64) + 0.0
    _refuse_infinite(numbers, column)
    if pd.api.types.is_numeric_dtype(raw):
        return numbers
    words = raw[np.isnan(numbers)].dropna().astype(str).str.strip()
    if unread := int(np.count_nonzero(words != "")):
        findings.append(
            Finding(
                name="not_a_number",
                sentence=N_("%(count)s values of %(column)s are not numbers and count as missing."),
                values={"column": column, "count": unread},
            )
        )
    return numbers


def read_attribute(table: pd.DataFrame, column: str, findings: list[Finding]) -> Floats:
    """An attribute of customers as numbers, NaN where blank or unreadable."""
    numbers = read_numbers(table, column, findings)
    if (large := np.flatnonzero(np.abs(numbers) > LARGEST)).size:
        raise TooLarge(row=int(large[0]) + 1, column=column, value=float(numbers[large[0]]))
    return numbers


def read_answers(table: pd.DataFrame, column: str, lo: float, hi: float, findings: list[Finding]) -> Floats:
    """Raw answers; off the scale is missing, never the nearest end of it."""
    answers = read_numbers(table, column, findings)
    outside = (answers < lo) | (answers > hi)
    if count := int(np.count_nonzero(outside)):
        answers = np.where(outside, np.nan, answers)
        findings.append(
            Finding(
                name="off_the_scale",
                sentence=N_("%(count)s answers to %(item)s lie outside %(lo)g to %(hi)g and count as missing."),
                item=column,
                values={"item": column, "count": count, "lo": lo, "hi": hi},
            )
        )
    return answers


def _refuse_infinite(numbers: Floats, column: str) -> None:
    if (infinite := np.flatnonzero(np.isinf(numbers))).size:
        raise NotFinite(row=int(infinite[0]) + 1, column=column)


def canonical(rep: Codes, territory: Codes, customer: Codes, contents: Sequence[NDArray[Any]]) -> tuple[Places, int]:
    """The order that depends on nothing but the rows, and how many rows repeat another one exactly."""
    key = (customer.astype(np.int64) * (int(rep.max()) + 1) + rep) * (int(territory.max()) + 1) + territory
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if not tied.size:
        return order, 0
    rows = order[tied]
    keys = [*(column[rows] for column in reversed(contents)), key[rows]]
    order[tied] = rows = rows[np.lexsort(keys)]
    equal = key[rows][1:] == key[rows][:-1]
    for column in contents:
        after, before = column[rows][1:], column[rows][:-1]
        equal &= (after == before) | (np.isnan(after) & np.isnan(before))
    return order, int(np.count_nonzero(equal))
