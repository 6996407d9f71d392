"""The attack on everything a run publishes: whoever has every table of every run, and knows who answered and what every
customer is like, still cannot read an answer. Small invented companies; every attack is shown to work without its cure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from scoring.adjusters import Design
from scoring.adjustment import Adjustment, adjust
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec
from scoring.synthetic import Company, invent
from survey.runs import batches, small_groups
from survey.runs.publishing import published

ITEMS = ("knowledge", "delivery")
SPEC = AdjustmentSpec(
    items=tuple(ItemSpec(name=name, lo=1, hi=5) for name in ITEMS),
    adjusters=(AdjusterSpec(name="segment", kind="category", reason="fixed by the company before the period"),),
    composite=CompositeSpec(name="satisfaction", items=ITEMS),
)
FEW = SPEC.minimum_customers
Bounds = tuple[float, float]


def company(seed: int) -> pd.DataFrame:
    """Ten reps in four territories. Of one rep four customers answered, of another three `delivery`."""
    table = invent(
        Company(reps=10, territories=4, answers=(8, 16), items=ITEMS, sharing=0, repeats=0, movers=0), seed=seed
    ).table
    reps = sorted(table["rep"].unique())
    for rep, items, customers in ((reps[2], ITEMS, 4), (reps[5], ("delivery",), 3)):
        mine = table["rep"] == rep
        kept = table.loc[mine, "customer"].drop_duplicates().head(customers)
        table.loc[mine & ~table["customer"].isin(kept), list(items)] = np.nan
    return table


def told(adjustment: Adjustment) -> dict[str, Any]:
    """All that any page, file or paper takes from a run: printed nowhere with more digits than here."""
    shown = published(adjustment, b"", None)
    return {
        "scores": [asdict(score) for score in adjustment.scores], "steps": [asdict(step) for step in adjustment.steps],
        "record": adjustment.record(), "items": shown.items, "more": shown.scores, "counts": shown.counts,
    }  # fmt: skip


def scored(table: pd.DataFrame) -> Adjustment:
    return adjust(Ratings.from_table(table, SPEC), SPEC)


@pytest.mark.parametrize("seed", range(2))
def test_no_published_number_depends_on_an_answer_of_a_small_group(seed: int) -> None:
    """So the tables bound such an answer exactly as well as none would."""
    table = company(seed)
    customers = table.dropna(subset=["delivery"]).groupby("rep")["customer"].nunique()
    small = table["rep"].isin(customers.index[customers < FEW]) & table["delivery"].notna()
    assert small.sum() == 7
    first, second = table.assign(), table.assign()
    first.loc[small, "delivery"], second.loc[small, "delivery"] = 1.0, 5.0
    apart = [scored(one) for one in (first, second)]
    moved = np.array([[score.adjusted or 0.0 for score in one.scores] for one in apart])
    assert np.abs(moved[0] - moved[1]).max() > 1, "the attack finds them where they are left in"
    kept = [told(scored(small_groups.left_out(one, SPEC)[0])) for one in (first, second)]
    assert repr(kept[0]) == repr(kept[1])
    assert sum(score["evidence"] == "withheld" for score in kept[0]["scores"]) == 4


@pytest.mark.parametrize("seed", range(2))
def test_what_an_attribute_is_worth_tells_nobodys_answer(seed: int) -> None:
    """The reader knows every customer's attributes, every raw score, and every slope to the last digit."""
    table = company(seed)
    shown = table["rep"] == sorted(table["rep"].unique())[0]
    victim = table.index[shown & table["knowledge"].notna()][0]
    table.loc[shown & (table["segment"] == "small"), "segment"] = "large"
    table.loc[victim, ["segment", "knowledge"]] = "mining", 3.0
    low, high = bounds(table, victim, scored(table))
    assert high - low < 1, "the attack finds the answer where the attribute is left in"
    kept, findings = small_groups.left_out(table, SPEC)
    assert [finding.values for finding in findings] == [{"adjuster": "segment", "level": "mining"}]
    low, high = bounds(kept, victim, scored(kept))
    assert high - low > 80


def bounds(table: pd.DataFrame, victim: int, adjustment: Adjustment) -> Bounds:
    """The least and greatest answer of one row to `knowledge`, on 0–100, that agree with all slopes and raw scores."""
    ratings = Ratings.from_table(table, SPEC)
    rated = ~np.isnan(ratings.items["knowledge"])
    design = Design.build(ratings, SPEC)
    result = next(one for one in adjustment.results if one.item == "knowledge")
    columns = [place for place, term in enumerate(design.terms) if term in result.coefficients]
    x = design.block(ratings, slice(0, len(ratings)))[rated][:, columns]
    cell, rep = (np.eye(codes.max() + 1)[codes[rated]] for codes in (ratings.cell, ratings.rep))
    inside = x - cell @ (cell.T @ x / np.maximum(cell.sum(axis=0), 1)[:, None])
    slopes = np.array([result.coefficients[design.terms[place]]["estimate"] for place in columns])
    raw = np.array([np.nan if score is None else score for score in result.table.columns()["raw"]])
    there = ~np.isnan(raw)
    rows = np.vstack([inside.T, rep[:, there].T])
    sums = np.concatenate([inside.T @ inside @ slopes, rep[:, there].sum(axis=0) * raw[there]])
    slack = np.concatenate([np.full(len(slopes), 1e-6), 0.05 * rep[:, there].sum(axis=0)])
    who = np.array(ratings.customers)[ratings.customer[rated]]
    return extremes((who == table["customer"][victim]).astype(float), rows, sums, slack)


def extremes(aim: np.ndarray, rows: np.ndarray, sums: np.ndarray, slack: np.ndarray) -> Bounds:
    """The least and greatest value of a mean of answers between 0 and 100 of which these sums are known, to a slack."""
    limits = {
        "A_ub": np.vstack([rows, -rows]),
        "b_ub": np.concatenate([sums + slack, slack - sums]),
        "bounds": (0, 100),
    }
    low, high = linprog(aim, **limits), linprog(-aim, **limits)
    assert low.success, low.message
    assert high.success, high.message
    return low.fun, -high.fun


# -- several runs of several periods ------------------------------------------------------------------------------

Asked = tuple[int, int, int]
"""A period, and the first and the last of the customers who answered in it."""
Runs = list[tuple[int, int]]
"""Period and window of each run."""

HISTORIES: dict[str, tuple[list[Asked], Runs]] = {
    "the first, the second, then both with one more": (
        [(0, 0, 8), (1, 10, 18), (2, 30, 31)], [(0, 1), (1, 1), (1, 2), (2, 2)],
    ),
    "a few leave the window": ([(0, 0, 3), (1, 10, 18)], [(1, 2), (2, 2)]),
    "the wide window, then the narrow one": ([(0, 0, 3), (1, 10, 18)], [(1, 2), (1, 1)]),
    "three windows in a row": ([(0, 0, 9), (1, 9, 11), (2, 20, 29)], [(0, 1), (2, 1), (2, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_runs_held_against_each_other_tell_nothing_of_a_few(name: str) -> None:
    asked, runs = HISTORIES[name]
    table = pd.DataFrame(
        [("R1", "T", f"c{number}", f"P{period}", period, 3.0)
         for period, first, end in asked for number in range(first, end)],
        columns=["rep", "territory", "customer", "wave", "period", "knowledge"],
    )  # fmt: skip
    assert min(widths(table, list(read(table, runs, hold=False)))) < 10, "the attack works where nothing is held back"
    tables = list(read(table, runs, hold=True))
    assert min(widths(table, tables)) >= 20
    assert len(tables[0])


def read(table: pd.DataFrame, runs: Runs, *, hold: bool) -> Iterator[pd.DataFrame]:
    """What each run reads, one after the other."""
    done: list[tuple[int, int, pd.DataFrame]] = []
    for period, window in runs:
        there = table[(table["period"] <= period) & (table["period"] > period - window)]
        if hold:
            before = [frame for last, wide, frame in done if last - wide < period and period - window < last]
            there = batches.held(there, before, ["knowledge"], batch=FEW)[0]
        there = there[there["knowledge"].notna()]
        there = there if there["customer"].nunique() >= FEW else there.iloc[:0]
        done.append((period, window, there))
        yield there


def widths(table: pd.DataFrame, tables: list[pd.DataFrame]) -> Iterator[float]:
    """How far apart the least and the greatest mean of every group of answers are that are in the same runs; of a group
    as large as a batch, of one answer. Everybody answered 50, so that no sum is extreme by itself."""
    place = {pair: number for number, pair in enumerate(zip(table["customer"], table["wave"], strict=True))}
    rows = np.zeros((len(tables), len(table)))
    for row, one in zip(rows, tables, strict=True):
        share = 1 / one.groupby("customer")["customer"].transform("size")
        for pair, amount in zip(zip(one["customer"], one["wave"], strict=True), share, strict=True):
            row[place[pair]] = amount
    sums = rows.sum(axis=1)
    groups = {tuple(column): np.flatnonzero((rows == column[:, None]).all(axis=0)) for column in rows.T if column.any()}
    for members in groups.values():
        customers = table["customer"].iloc[members].nunique()
        aim = np.zeros(len(table))
        aim[members[:1] if customers >= FEW else members] = 1 / (1 if customers >= FEW else len(members))
        low, high = extremes(aim, rows, 50 * sums, 0.05 * sums + 1e-6)
        yield high - low
