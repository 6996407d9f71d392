"""What is withheld cannot be worked out from what is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from scoring.adjustment import Adjustment, adjust
from scoring.comparison import with_ranks
from scoring.ratings import Ratings
from scoring.scores import Score
from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec
from scoring.synthetic import Company, invent

ITEMS = ("knowledge", "delivery", "responsiveness")
SPEC = AdjustmentSpec(
    items=tuple(ItemSpec(name=name, lo=1, hi=5) for name in ITEMS),
    adjusters=(AdjusterSpec(name="segment", kind="category", reason="fixed by the company before the period"),),
    composite=CompositeSpec(name="satisfaction", items=ITEMS),
)


def world() -> pd.DataFrame:
    return invent(Company(reps=16, territories=4, answers=(14, 20), items=ITEMS), seed=3).table


def silenced(table: pd.DataFrame, rep: str, item: str, customers: int) -> pd.DataFrame:
    """Only so many of the rep's customers answered the item."""
    table = table.copy()
    mine = table["rep"] == rep
    kept = table.loc[mine & table[item].notna(), "customer"].drop_duplicates().head(customers)
    table.loc[mine & ~table["customer"].isin(kept), item] = np.nan
    return table


def score(table: pd.DataFrame, spec: AdjustmentSpec = SPEC) -> Adjustment:
    return with_ranks(adjust(Ratings.from_table(table, spec), spec))


def of(found: Adjustment, rep: str) -> dict[str, Score]:
    return {one.item: one for one in found.scores if one.rep == rep}


def test_beside_a_withheld_item_the_one_with_fewest_customers_is_withheld_too() -> None:
    table = world()
    rep = table["rep"].iloc[0]
    found = score(silenced(silenced(table, rep, "delivery", 3), rep, "knowledge", 9))
    mine = of(found, rep)
    assert mine["delivery"].evidence == "withheld"
    assert mine["knowledge"].evidence == "withheld"
    assert mine["knowledge"].adjusted is None
    assert mine["knowledge"].rank_low is None
    assert mine["responsiveness"].adjusted is not None
    assert mine["satisfaction"].adjusted is not None
    assert not [step for step in found.steps if step.rep == rep and step.item in ("delivery", "knowledge")]
    told = [finding for result in found.results for finding in result.findings if finding.name == "complement_withheld"]
    assert [(finding.item, finding.values["count"]) for finding in told] == [("knowledge", 1)]


def test_nobody_else_is_withheld_and_no_number_moves() -> None:
    table = world()
    rep = table["rep"].iloc[0]
    thinned = silenced(table, rep, "delivery", 3)
    with_composite, without = score(thinned), score(thinned, replace(SPEC, composite=None))
    for one in without.scores:
        same = of(with_composite, one.rep)[one.item]
        if one.rep == rep and one.item != "delivery" and same.evidence == "withheld":
            continue
        assert (same.adjusted, same.evidence) == (one.adjusted, one.evidence)
    assert sum(one.evidence == "withheld" for one in without.scores) == 1


@pytest.mark.parametrize("customers", [0, 5])
def test_an_item_nobody_answered_or_enough_answered_needs_no_complement(customers: int) -> None:
    table = world()
    rep = table["rep"].iloc[0]
    mine = of(score(silenced(table, rep, "delivery", customers)), rep)
    assert mine["knowledge"].evidence != "withheld"
    assert mine["responsiveness"].evidence != "withheld"


@pytest.mark.parametrize("how", ["fixed", "cahps"])
def test_a_linear_program_over_everything_shown_cannot_pin_a_withheld_score(how: str) -> None:
    spec = replace(SPEC, composite_weights=how)
    table = world()
    reps = sorted(table["rep"].unique())
    table = silenced(table, reps[0], "delivery", 3)
    table = silenced(silenced(table, reps[1], "delivery", 1), reps[1], "responsiveness", 2)
    table = silenced(table, reps[2], "knowledge", 4)
    found = score(table, spec)
    for rep in reps[:3]:
        mine = of(found, rep)
        assert mine["satisfaction"].adjusted is not None
        for item in ITEMS:
            if mine[item].customers < spec.minimum_customers:
                low, high = possible(found, mine, item, how)
                assert high - low > 50


def possible(found: Adjustment, mine: dict[str, Score], wanted: str, how: str) -> tuple[float, float]:
    """The least and greatest raw mean of an item that agree with all a reader is shown about one rep."""
    counts = np.array([mine[item].customers for item in ITEMS], dtype=float)
    shares = np.minimum(counts, 20) if how == "cahps" else (counts > 0).astype(float)
    shares /= shares.sum()
    whole, shown = mine["satisfaction"], [item for item in ITEMS if mine[item].raw is not None]
    fixed = {item: mine[item].raw for item in shown}
    bounds = [(fixed[item], fixed[item]) if item in fixed else (0.0, 100.0) for item in ITEMS]
    ends = []
    for sign in (1.0, -1.0):
        aim = sign * np.array([float(item == wanted) for item in ITEMS])
        # the item levels are known to the reader as well: at worst they cancel, as they do for fixed weights
        answer = linprog(aim, A_eq=[shares], b_eq=[_sum(whole, found, shares)], bounds=bounds)
        assert answer.success, answer.message
        ends.append(sign * answer.fun)
    return ends[0], ends[1]


def _sum(whole: Score, found: Adjustment, shares: np.ndarray) -> float:
    assert whole.raw is not None
    means = np.array(
        [
            np.average(result.table.numbers["raw"], weights=result.table.customers)
            for result in found.results
            if result.item in ITEMS
        ]
    )
    return float(whole.raw + shares @ means - means.mean())
