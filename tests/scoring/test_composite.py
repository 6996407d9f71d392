"""Items are adjusted first and combined afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.adjustment import Adjustment, adjust
from scoring.composite import weigh
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec
from scoring.synthetic import Company, invent

ITEMS = ("knowledge", "delivery", "responsiveness")
COMPANY = Company(reps=24, territories=6, items=ITEMS, movers=0.3, answers=(8, 30))


def run(table: pd.DataFrame, composite: CompositeSpec, **settings: object) -> Adjustment:
    spec = AdjustmentSpec(
        items=tuple(ItemSpec(name=name, lo=1, hi=5) for name in ITEMS), composite=composite,
        adjusters=(AdjusterSpec(name="segment", kind="category", reason="known"),), **settings,  # type: ignore[arg-type]
    )  # fmt: skip
    return adjust(Ratings.from_table(table, spec), spec)


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ((60, 70, 80), (1 / 3, 1 / 3, 1 / 3)), ((0, 22, 24), (0, 0.5, 0.5)), ((10, 22, 34), (0.2, 0.4, 0.4)),
        ((2, 3, 5), (0.2, 0.3, 0.5)),
    ],
)  # fmt: skip
def test_cahps_weights(counts: tuple[float, ...], weights: tuple[float, ...]) -> None:
    made = weigh(np.array(counts, dtype=float)[:, None], np.full(3, 1 / 3), np.zeros(3), "cahps")
    assert made.rep[:, 0] == pytest.approx(weights)


def test_a_unit_above_average_on_every_item_is_above_average() -> None:
    level = np.array([3.45, 2.75, 2.65])
    made = weigh(np.array([[10.0], [22], [34]]), np.full(3, 1 / 3), level, "cahps")
    assert made.total(np.array([[3.55], [2.80], [2.75]])) == pytest.approx([3.03], abs=5e-3)
    assert made.base == pytest.approx(2.95)


def test_fixed_weights_leave_out_what_is_missing() -> None:
    made = weigh(np.array([[5.0, 0], [5, 9], [5, 9]]), np.array([0.5, 0.3, 0.2]), np.zeros(3), "fixed")
    assert pytest.approx(np.array([[0.5, 0.3, 0.2], [0, 0.6, 0.4]])) == made.rep.T
    nobody = weigh(np.zeros((3, 1)), np.full(3, 1 / 3), np.zeros(3), "fixed")
    assert np.isnan(nobody.total(np.full((3, 1), np.nan)))


@pytest.mark.parametrize("how", ["fixed", "cahps"])
def test_the_composites_steps_are_the_items_steps_weighted(how: str) -> None:
    found = run(
        invent(COMPANY, seed=1).table, CompositeSpec(name="all", items=ITEMS, weights=(2, 1, 1)), composite_weights=how
    )
    *items, whole = (result.table for result in found.results)
    counts = np.array(
        [result.fit.measured.cells.by_rep(result.fit.measured.cells.weight) for result in found.results[:3]]
    )  # type: ignore[union-attr]
    share = np.array([0.5, 0.25, 0.25])
    weights = (
        np.repeat(share[:, None], 24, axis=1)
        if how == "fixed"
        else np.minimum(counts, 20) / np.minimum(counts, 20).sum(axis=0)
    )
    level = [np.average(table.numbers["raw"], weights=count) for table, count in zip(items, counts, strict=True)]
    for name in ("mix", "territory", "centring"):
        expected = sum(weight * table.numbers[name] for weight, table in zip(weights, items, strict=True))
        assert whole.numbers[name] == pytest.approx(expected, abs=1e-10)
    for name in ("raw", "adjusted"):
        away = [table.numbers[name] - mean for table, mean in zip(items, level, strict=True)]
        assert whole.numbers[name] == pytest.approx(np.sum(weights * away, axis=0) + share @ level, abs=1e-9)


def test_a_composite_of_one_item_is_the_item_but_for_the_smoothing() -> None:
    found = run(invent(COMPANY, seed=2).table, CompositeSpec(name="all", items=("delivery",)))
    item, whole = found.results[1], found.results[-1]
    for name in ("raw", "mix", "territory", "centring", "adjusted", "reported", "reliability", "peer", "company"):
        assert whole.table.numbers[name] == pytest.approx(item.table.numbers[name], abs=1e-8), name
    assert whole.table.numbers["se"] == pytest.approx(item.table.numbers["se"], rel=0.05)
    assert whole.fit is not None
    assert item.fit is not None
    assert whole.fit.measured.own.pooled == pytest.approx(item.fit.measured.own.pooled)


def test_a_missing_dimension_is_named_and_the_rest_rescaled() -> None:
    table = invent(COMPANY, seed=1).table
    table["delivery"] = table["delivery"].astype(float).mask(table["rep"] == "R000003")
    found = run(table, CompositeSpec(name="all", items=ITEMS))
    scores = {(score.rep, score.item): score for score in found.scores}
    score = scores["R000003", "all"]
    assert score.missing == ("delivery",)
    assert scores["R000004", "all"].missing == ()
    assert scores["R000003", "delivery"].evidence == "withheld"
    level = [
        np.average(r.table.numbers["raw"][r.fit.measured.reps], weights=r.fit.measured.cells.rep_share)
        for r in found.results[:3]
    ]  # type: ignore[union-attr]
    away = [scores["R000003", name].adjusted - level[k] for k, name in ((0, "knowledge"), (2, "responsiveness"))]  # type: ignore[operator]
    assert score.adjusted == pytest.approx(np.mean(away) + np.mean(level))


def test_an_item_nobody_answered_is_missing_for_all() -> None:
    table = invent(COMPANY, seed=1).table.assign(delivery=np.nan)
    found = run(table, CompositeSpec(name="all", items=ITEMS))
    assert [finding.name for finding in found.results[1].findings] == ["unanswered"]
    assert {score.missing for score in found.scores if score.item == "all"} == {("delivery",)}
    assert {score.evidence for score in found.scores if score.item == "delivery"} == {"withheld"}
    other = run(table, CompositeSpec(name="all", items=("knowledge", "responsiveness")))
    assert found.results[-1].table.numbers["adjusted"] == pytest.approx(other.results[-1].table.numbers["adjusted"])
    assert [result.item for result in found.results] == [*ITEMS, "all"]


def test_several_answers_to_one_sheet_make_the_composite_surer_than_its_items() -> None:
    found = run(invent(COMPANY, seed=1).table, CompositeSpec(name="all", items=ITEMS))
    *items, whole = (result.table.numbers["se"] for result in found.results)
    assert np.mean(whole) < min(np.mean(se) for se in items)
    assert np.mean(whole) > np.mean(items) / np.sqrt(3)
