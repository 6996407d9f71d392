"""The table that enters is checked, put in one order, and known by its fingerprint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.columns import BadWeight, MissingIdentity, NotFinite, NotNames, NotNumbers, TooLarge
from scoring.ratings import (
    Category,
    ColumnTwice,
    MissingColumn,
    NoRatings,
    Number,
    OneCustomer,
    OneRep,
    Ratings,
)
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec

SPEC = AdjustmentSpec(
    items=(ItemSpec(name="advice", lo=1, hi=5),),
    adjusters=(
        AdjusterSpec(name="segment", kind="category", reason="known"),
        AdjusterSpec(name="tenure", kind="number", reason="known"),
        AdjusterSpec(name="mode", kind="category", reason="design"),
    ),
)


def table(**changed: object) -> pd.DataFrame:
    columns: dict[str, object] = {
        "rep": ["b", "a", "b", "a"], "territory": ["n", "n", "s", "n"], "customer": ["w", "x", "y", "z"],
        "mode": ["web", "phone", "web", None], "segment": ["big", None, "small", "big"], "tenure": [1.5, 2, np.nan, 4],
        "advice": [5, 4, np.nan, 1],
    }  # fmt: skip
    return pd.DataFrame({name: value for name, value in (columns | changed).items() if value is not None})


def names(ratings: Ratings) -> list[str]:
    return [finding.name for finding in ratings.findings]


def test_columns_become_codes_and_blanks_stay_unknown() -> None:
    ratings = Ratings.from_table(table(), SPEC)
    assert ratings.reps == ("a", "b")
    assert ratings.territories == ("n", "s")
    segment, tenure = ratings.adjusters["segment"], ratings.adjusters["tenure"]
    assert isinstance(segment, Category)
    assert isinstance(tenure, Number)
    assert segment.levels == ("big", "small")
    rows = {customer: row for row, customer in enumerate(ratings.customers[ratings.customer])}
    assert segment.codes[rows["x"]] == -1
    assert np.isnan(tenure.values[rows["y"]])
    assert [ratings.reps[ratings.rep[rows[customer]]] for customer in "wxyz"] == ["b", "a", "b", "a"]
    assert ratings.items["advice"][[rows[customer] for customer in "wxz"]].tolist() == [5, 4, 1]
    assert list(zip(ratings.cell_rep, ratings.cell_territory, strict=True)) == [(0, 0), (1, 0), (1, 1)]
    assert ratings.findings == ()


def test_any_order_of_rows_is_the_same_table() -> None:
    twice = pd.concat([table(), table(advice=[3, 3, 3, 3])])
    one, other = Ratings.from_table(twice, SPEC), Ratings.from_table(twice.iloc[::-1], SPEC)
    assert one.fingerprint == other.fingerprint
    assert np.array_equal(one.items["advice"], other.items["advice"], equal_nan=True)
    assert one.shards[0] == 0
    assert one.shards[-1] == len(one) == 8


def test_the_fingerprint_knows_every_value() -> None:
    whole = Ratings.from_table(table(), SPEC).fingerprint
    changed = (
        {"rep": ["b", "a", "b", "b"]}, {"territory": ["n", "n", "s", "s"]}, {"customer": list("wxyq")},
        {"advice": [5, 4, 2, 1]}, {"tenure": [1.5, 2, 3, 4]}, {"segment": ["big", "small", "small", "big"]},
        {"weight": [1, 1, 1, 2]}, {"mode": ["web", "web", "web", "web"]},
    )  # fmt: skip
    assert len({whole, *(Ratings.from_table(table(**change), SPEC).fingerprint for change in changed)}) == 9


def test_names_are_text_whatever_the_file_made_of_them() -> None:
    texts = Ratings.from_table(table(rep=["7", "8", "7", "8"], segment=[" 1", "2", "1 ", ""]), SPEC)
    numbers = Ratings.from_table(table(rep=[7, 8, 7, 8], segment=[1.0, 2.0, 1.0, np.nan]), SPEC)
    assert texts.fingerprint == numbers.fingerprint


def test_answers_off_the_scale_are_missing_and_counted() -> None:
    ratings = Ratings.from_table(table(advice=[0, 6, 3, 5]), SPEC)
    assert np.sort(ratings.items["advice"])[:2].tolist() == [3, 5]
    (finding,) = ratings.findings
    assert (finding.name, finding.values["count"]) == ("off_the_scale", 2)
    assert str(finding) == "2 answers to advice lie outside 1 to 5 and count as missing."


def test_words_among_the_answers_are_missing_and_counted() -> None:
    ratings = Ratings.from_table(table(advice=["5", "not applicable", "", "1"]), SPEC)
    assert np.count_nonzero(np.isnan(ratings.items["advice"])) == 2
    assert [(finding.name, finding.values["count"]) for finding in ratings.findings] == [("not_a_number", 1)]


def test_repeated_rows_are_a_finding() -> None:
    (finding,) = Ratings.from_table(pd.concat([table(), table()]), SPEC).findings
    assert (finding.name, finding.values["count"]) == ("duplicate_rows", 4)
    assert "Under customer weights this changes no score" in str(finding)
    (finding,) = Ratings.from_table(pd.concat([table(), table()]), replace(SPEC, weights="response")).findings
    assert "Under response weights every repetition counts" in str(finding)
    later = pd.concat([table().assign(wave=1), table().assign(wave=2)])
    assert names(Ratings.from_table(later, SPEC)) == []


def test_mode_may_be_absent_and_is_missed() -> None:
    assert names(Ratings.from_table(table().drop(columns="mode"), SPEC)) == ["column_absent"]


@pytest.mark.parametrize("column", ["rep", "territory", "customer", "advice", "segment"])
def test_a_missing_column_is_refused(column: str) -> None:
    with pytest.raises(MissingColumn, match=f"no column {column}"):
        Ratings.from_table(table().drop(columns=column), SPEC)


@pytest.mark.parametrize("column", ["rep", "territory", "customer"])
@pytest.mark.parametrize("blank", ["", None, "  "])
def test_a_row_without_identity_is_refused(column: str, blank: str | None) -> None:
    with pytest.raises(MissingIdentity, match=f"Row 3 of the ratings has no {column}"):
        Ratings.from_table(table(**{column: ["p", "q", blank, "r"]}), SPEC)


@pytest.mark.parametrize("column", ["advice", "tenure", "weight"])
def test_an_infinite_number_is_refused(column: str) -> None:
    with pytest.raises(NotFinite, match=f"Row 2 of the ratings has an infinite {column}"):
        Ratings.from_table(table(**{column: [1, np.inf, 2, 3]}), SPEC)


def test_an_infinite_name_is_refused() -> None:
    with pytest.raises(NotFinite, match="Row 3 of the ratings has an infinite rep"):
        Ratings.from_table(table(rep=[1.0, 2.0, np.inf, 2.0]), SPEC)


def test_lists_name_nobody_and_dates_are_no_numbers() -> None:
    with pytest.raises(NotNames, match="segment of the ratings holds lists"):
        Ratings.from_table(table(segment=[["a"], ["b"], ["a"], ["b"]]), SPEC)
    since = pd.Series(pd.to_datetime(["2020-01-01", None, "2021-05-05", "2022-02-02"]))
    for column in ("tenure", "advice"):
        with pytest.raises(NotNumbers, match=f"{column} of the ratings holds dates"):
            Ratings.from_table(table(**{column: since}), SPEC)


def test_an_attribute_too_large_to_compute_with_is_refused() -> None:
    with pytest.raises(TooLarge, match="Row 2 of the ratings has the tenure 1e"):
        Ratings.from_table(table(tenure=[1, 1e300, 2, 3]), SPEC)


def test_a_column_given_twice_is_refused() -> None:
    twice = pd.concat([table(), table()[["advice"]]], axis=1)
    with pytest.raises(ColumnTwice, match="the column advice twice"):
        Ratings.from_table(twice, SPEC)


@pytest.mark.parametrize("weight", [0, -1, np.nan, "heavy", 1e300, 1e-300])
def test_a_weight_must_be_positive_and_in_proportion(weight: object) -> None:
    with pytest.raises(BadWeight, match="Row 4"):
        Ratings.from_table(table(weight=[1, 1, 1, weight]), SPEC)


def test_scores_need_answers_reps_and_customers() -> None:
    with pytest.raises(NoRatings, match="Nobody has answered any of the items advice"):
        Ratings.from_table(table(advice=[np.nan] * 4), SPEC)
    with pytest.raises(NoRatings):
        Ratings.from_table(table().iloc[:0], SPEC)
    with pytest.raises(OneRep, match="one rep, a"):
        Ratings.from_table(table(rep="a"), SPEC)
    with pytest.raises(OneCustomer, match="one customer, c"):
        Ratings.from_table(table(customer="c"), SPEC)


def test_a_customer_counts_once_per_rep_unless_responses_count() -> None:
    ratings = Ratings.from_table(table(customer=["w", "x", "w", "x"], weight=[1, 3, 2, 1]), SPEC)
    answered = np.ones(4, dtype=bool)
    by_rep = np.bincount(ratings.rep, ratings.weigh(answered, "customer"))
    assert by_rep == pytest.approx([1, 1])
    assert np.sort(ratings.weigh(answered, "customer")) == pytest.approx([1 / 4, 1 / 3, 2 / 3, 3 / 4])
    assert np.sort(ratings.weigh(answered, "response")) == pytest.approx([1, 1, 2, 3])
    heavy = ratings.weigh(ratings.weight == 3, "customer")
    assert heavy.max() == 1
    assert heavy.sum() == 1


def test_a_territory_counts_with_two_reps_answered_or_not() -> None:
    ratings = Ratings.from_table(table(advice=[np.nan, 3, 3, np.nan]), SPEC)
    assert ratings.comparable_territories == 1
