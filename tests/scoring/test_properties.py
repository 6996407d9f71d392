"""What must hold for any ratings whatever."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.adjustment import Adjustment, adjust
from scoring.ratings import Ratings
from scoring.score_table import NUMBERS
from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec
from scoring.synthetic import Company, invent

ITEMS = ("advice", "delivery")
ADJUSTERS = (
    AdjusterSpec(name="segment", kind="category", reason="known"),
    AdjusterSpec(name="tenure", kind="number", reason="known"),
    AdjusterSpec(name="mode", kind="category", reason="design"),
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Ratings of any sales force of 2 to 24 reps, with unanswered items and unknown adjusters."""
    company = Company(
        reps=draw(st.integers(2, 24)), territories=draw(st.integers(1, 6)), answers=(3, draw(st.integers(3, 25))),
        items=ITEMS, movers=draw(st.sampled_from([0.0, 0.3, 1.0])), sharing=draw(st.sampled_from([0.0, 0.5])),
        repeats=draw(st.sampled_from([0.0, 0.3])), rep_sd=draw(st.sampled_from([0.0, 6.0])),
        alone=draw(st.integers(0, 1)),
    )  # fmt: skip
    seed = draw(st.integers(0, 2**16))
    table, noise = invent(company, seed=seed).table, np.random.default_rng(seed)
    for name in (*ITEMS, "tenure"):
        table[name] = table[name].astype(float).mask(noise.random(len(table)) < 0.1)
    return table


policies = st.sampled_from(["pooled", "peer", "company"])
weights = st.sampled_from(["customer", "response"])
cases = settings(max_examples=12)


def run(table: pd.DataFrame, *, lo: float = 1, hi: float = 5, **changed: object) -> Adjustment:
    spec = AdjustmentSpec(
        items=tuple(ItemSpec(name=name, lo=lo, hi=hi) for name in ITEMS), adjusters=ADJUSTERS,
        composite=CompositeSpec(name="all", items=ITEMS), **changed,  # type: ignore[arg-type]
    )  # fmt: skip
    return adjust(Ratings.from_table(table, spec), spec)


def same(one: Adjustment, other: Adjustment, *, tolerance: float = 1e-6, but: tuple[str, ...] = ()) -> None:
    """Equal numbers by item, rep for rep."""
    for mine, theirs in zip(one.results, other.results, strict=True):
        for name in set(NUMBERS) - {"df", *but}:
            np.testing.assert_allclose(
                mine.table.numbers[name], theirs.table.numbers[name], atol=tolerance, rtol=1e-6, err_msg=name
            )


@cases
@given(tables(), policies, weights)
def test_steps_add_up_and_the_average_stays(table: pd.DataFrame, territory: str, weight: str) -> None:
    found = run(table, territory=territory, weights=weight)
    for score in found.scores:
        if score.adjusted is not None:
            assert None not in (score.raw, score.mix, score.territory, score.centring)
    by_score: dict[tuple[str, str], float] = {}
    for step in found.steps:
        by_score[step.rep, step.item] = by_score.get((step.rep, step.item), 0.0) + step.amount
    for score in found.scores:
        if score.mix is not None:
            assert by_score[score.rep, score.item] == pytest.approx(score.mix, abs=1e-9)
    for result in found.results[:2]:
        if result.fit:
            share, place = result.fit.measured.cells.rep_share, result.fit.measured.reps
            numbers = result.table.numbers
            assert share @ numbers["adjusted"][place] == pytest.approx(share @ numbers["raw"][place], abs=1e-9)


@cases
@given(tables(), st.integers(0, 1000))
def test_the_same_rows_in_any_order_give_the_same_bytes(table: pd.DataFrame, seed: int) -> None:
    one, other = run(table), run(table.sample(frac=1, random_state=seed))
    assert one.scores == other.scores
    assert one.steps == other.steps
    assert one.record() == other.record()


@cases
@given(tables(), policies)
def test_names_change_nothing(table: pd.DataFrame, territory: str) -> None:
    renamed = table.assign(
        rep="9" + table["rep"].str[::-1], territory=table["territory"].str[::-1], customer="x" + table["customer"]
    )
    one, other = run(table, territory=territory), run(renamed, territory=territory)
    names = ["9" + name[::-1] for name in one.ratings.reps]
    order = [other.ratings.reps.index(name) for name in names]
    for mine, theirs in zip(one.results, other.results, strict=True):
        for name in NUMBERS:
            np.testing.assert_allclose(
                mine.table.numbers[name], theirs.table.numbers[name][order], atol=1e-6, rtol=1e-5, err_msg=name
            )


@cases
@given(tables(), policies)
def test_a_point_more_for_everyone_is_a_point_more_for_everyone(table: pd.DataFrame, territory: str) -> None:
    more = table.assign(**{name: table[name] + 1 for name in ITEMS})
    one, other = run(table, territory=territory, hi=7), run(more, territory=territory, hi=7)
    added = ("raw", "adjusted", "low", "high", "reported", "peer", "company")
    same(one, other, but=("top_box", *added))
    for mine, theirs in zip(one.results, other.results, strict=True):
        for name in added:
            np.testing.assert_allclose(mine.table.numbers[name] + 100 / 6, theirs.table.numbers[name], atol=1e-6)


@cases
@given(tables(), policies)
def test_the_coding_of_the_scale_does_not_matter(table: pd.DataFrame, territory: str) -> None:
    ten = table.assign(**{name: 2.5 * (table[name] - 1) for name in ITEMS})
    same(run(table, territory=territory), run(ten, territory=territory, lo=0, hi=10))


@cases
@given(tables(), policies)
def test_a_reversed_item_is_the_mirror_image(table: pd.DataFrame, territory: str) -> None:
    spec = AdjustmentSpec(
        items=tuple(ItemSpec(name=name, lo=1, hi=5, reversed=True) for name in ITEMS), adjusters=ADJUSTERS,
        composite=CompositeSpec(name="all", items=ITEMS), territory=territory,
    )  # fmt: skip
    mirrored = table.assign(**{name: 6 - table[name] for name in ITEMS})
    same(run(table, territory=territory), adjust(Ratings.from_table(mirrored, spec), spec))


@cases
@given(tables(), st.integers(2, 4), weights, st.data())
def test_answering_again_and_again_changes_nothing(
    table: pd.DataFrame, times: int, weight: str, data: st.DataObject
) -> None:
    """One customer's answers, repeated; under "response" so do answers of weight 1/m."""
    customer = data.draw(st.sampled_from(sorted(table["customer"])))
    theirs = table[table["customer"] == customer]
    each = 1 / times if weight == "response" else 1.0
    again = pd.concat([table.assign(weight=1.0).drop(theirs.index), *[theirs.assign(weight=each)] * times])
    same(run(table, weights=weight), run(again, weights=weight))


@cases
@given(tables(), policies, weights)
def test_a_rep_with_the_average_mix_has_no_mix_step(table: pd.DataFrame, territory: str, weight: str) -> None:
    whole = table.dropna()
    everyone = whole.assign(rep="everyone", customer=whole["rep"] + whole["customer"], territory="T0001")
    found = run(pd.concat([whole, everyone]), territory=territory, weights=weight)
    for result in found.results:
        assert result.table.numbers["mix"][-1] == pytest.approx(0, abs=1e-9)
