"""The design: which columns there are, what fills their gaps, and what the machine objects to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.adjusters import Design, icc_within_territory
from scoring.adjustment import adjust
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec

ROWS = 40
NUMBERS = np.random.default_rng(3).normal(size=ROWS)
NOISE = np.random.default_rng(4).normal(size=ROWS)
ANSWERS = np.random.default_rng(5).integers(0, 101, ROWS)
REP = np.repeat([f"r{number}" for number in range(10)], 4)


def spec(**kinds: str) -> AdjustmentSpec:
    return AdjustmentSpec(
        items=(ItemSpec(name="y", lo=0, hi=100),),
        adjusters=tuple(AdjusterSpec(name=name, kind=kind, reason="known") for name, kind in kinds.items()),  # type: ignore[arg-type]
    )


def ratings(kinds: dict[str, str], **columns: object) -> Ratings:
    table = pd.DataFrame(
        {"rep": REP, "territory": "here", "customer": [f"c{row:02}" for row in range(ROWS)]} | {"y": ANSWERS, **columns}
    )
    return Ratings.from_table(table, spec(**kinds))


def design(kinds: dict[str, str], **columns: object) -> tuple[Design, pd.DataFrame]:
    """The design and its block, by customer."""
    checked = ratings(kinds, **columns)
    made = Design.build(checked, spec(**kinds))
    block = made.block(checked, slice(0, len(checked)))
    return made, pd.DataFrame(block, columns=made.terms, index=checked.customers[checked.customer]).sort_index()


def objections(kinds: dict[str, str], **columns: object) -> list[tuple[str, object]]:
    run = adjust(ratings(kinds, **columns), spec(**kinds))
    findings = (*run.findings, *run.results[0].findings)
    return [(finding.name, finding.values["adjuster"]) for finding in findings if "adjuster" in finding.values]


def test_a_category_has_a_column_for_each_level_after_the_first() -> None:
    made, block = design({"size": "category"}, size=["m", "s", "l", "s"] * 10)
    assert made.terms == ("size[m]", "size[s]")
    assert made.adjusters == ("size",)
    assert block["size[m]"].tolist() == [1, 0, 0, 0] * 10
    assert block["size[s]"].tolist() == [0, 1, 0, 1] * 10


def test_an_unknown_value_becomes_the_mean_of_the_reps_other_customers() -> None:
    years = np.arange(ROWS, dtype=float)
    years[[0, 5]] = np.nan
    sizes = np.array(["s", "m", "m", None] * 10, dtype=object)
    made, block = design(
        {"years": "number", "size": "category"}, years=years, size=np.where(np.arange(40) < 4, sizes, "s")
    )
    known = block["years"] - block["years"].iloc[1] + 1.0
    assert known.iloc[0] == pytest.approx(2.0)
    assert known.iloc[5] == pytest.approx((4 + 6 + 7) / 3)
    assert block["size[s]"].iloc[3] == pytest.approx(1 / 3)
    assert made.imputed == {"years": 0.05, "size": 0.025}


def test_unanswered_rows_count_for_the_mean_and_every_customer_counts_once() -> None:
    years = np.tile([np.nan, 1.0, 2.0, 2.0], 10)
    customer = [f"c{row:02}" for row in range(ROWS)]
    customer[2] = customer[3] = "twice"
    y = np.where(np.arange(ROWS) == 1, np.nan, 50.0 + np.arange(ROWS))
    table = pd.DataFrame({"rep": REP, "territory": "here", "customer": customer, "y": y, "years": years})
    everyone = Ratings.from_table(table.assign(years=np.where(np.arange(ROWS) > 3, 1.5, years)), spec(years="number"))
    made = Design.build(everyone, spec(years="number"))
    first = int(np.flatnonzero(everyone.customers[everyone.customer] == "c00")[0])
    later = int(np.flatnonzero(everyone.customers[everyone.customer] == "c10")[0])
    block = made.block(everyone, slice(0, len(everyone)))
    assert block[first, 0] == pytest.approx(block[later, 0])


def test_a_rep_of_whom_nothing_is_known_gets_the_mean_of_all() -> None:
    years = np.where(np.arange(ROWS) < 4, np.nan, np.arange(ROWS, dtype=float))
    _, block = design({"years": "number"}, years=years)
    assert block["years"].iloc[0] == pytest.approx(block["years"].iloc[4:].mean())


def test_an_adjuster_that_cannot_be_used_is_left_out_and_named() -> None:
    by_rep = np.repeat(np.arange(10.0), 4)
    assert objections({"c": "category"}, c="same") == [("constant", "c")]
    assert objections({"c": "number"}, c=3) == [("constant", "c")]
    assert ("constant", "c") in objections({"c": "number"}, c=by_rep)
    assert objections({"c": "number"}, c=np.where(np.arange(ROWS) % 4 == 0, np.nan, NUMBERS)) == [
        ("mostly_missing", "c")
    ]
    assert ("collinear", "b") in objections({"a": "number", "b": "number"}, a=NUMBERS, b=2 * NUMBERS + by_rep)
    assert ("nearly_collinear", "a") in objections({"a": "number", "b": "number"}, a=NUMBERS, b=NUMBERS + 0.1 * NOISE)
    assert ("rep_controlled", "c") in objections({"c": "number"}, c=by_rep + 0.5 * NUMBERS)
    assert objections({"c": "number"}, c=NUMBERS) == []


def test_a_category_that_names_customers_is_left_out() -> None:
    names = [f"v{row // 2}" for row in range(ROWS)]
    assert ("identifying", "c") in objections({"c": "category"}, c=[f"v{row}" for row in range(ROWS)])
    assert ("identifying", "c") not in objections({"c": "category"}, c=names)


def test_a_level_that_never_varies_is_left_out_alone() -> None:
    level = np.array(["a", "b"] * 20, dtype=object)
    level[:4] = "only"
    kinds = {"c": "category"}
    run = adjust(ratings(kinds, c=level), spec(**kinds))
    assert set(run.results[0].coefficients) == {"c[b]"}
    assert ("constant", "c[only]") in objections(kinds, c=level)


def test_an_adjuster_dropped_for_one_item_leaves_nothing_in_the_steps() -> None:
    kinds = {"a": "number", "b": "number"}
    run = adjust(ratings(kinds, a=NUMBERS, b=np.repeat(np.arange(10.0), 4)), spec(**kinds))
    steps = {step.adjuster: step.amount for step in run.steps if step.rep == "r3"}
    assert steps.keys() <= {"a", "b"}
    assert run.results[0].table.steps[1].tolist() == [0.0] * 10


def test_icc_is_the_one_way_analysis_of_variance() -> None:
    draw = np.random.default_rng(3)
    values = draw.normal(size=(6, 5)) + 2 * draw.normal(size=(6, 1))
    territory = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)
    within = np.sum((values - values.mean(axis=1, keepdims=True)) ** 2)
    between = sum(5 * np.sum((values[t].mean(axis=1) - values[t].mean()) ** 2) for t in ([0, 1, 2], [3, 4, 5]))
    found = icc_within_territory(np.array([[within]]), values.mean(axis=1)[:, None], np.full(6, 5.0), territory)
    mean_between, mean_within = between / 4, within / 24
    assert found == pytest.approx((mean_between - mean_within) / (mean_between + 4 * mean_within))


def test_icc_of_a_category_does_not_depend_on_the_first_level() -> None:
    shares = np.random.default_rng(3).dirichlet([1, 1, 1], size=6)
    counts = np.full(6, 10.0)
    territory = np.zeros(6, dtype=np.int32)
    covariance = sum(10 * (np.diag(share) - np.outer(share, share)) for share in shares)
    found = [
        icc_within_territory(
            np.delete(np.delete(covariance, out, 0), out, 1), np.delete(shares, out, 1), counts, territory
        )
        for out in range(3)
    ]
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx(found[2])
