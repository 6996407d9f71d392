"""A score refuses to exist unless its steps add up, and a withheld one shows nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring.score_table import NUMBERS, ScoreTable
from scoring.scores import Score, StepsDoNotAddUp

SCORE = Score(
    rep="Li", item="advice", responses=31, customers=30, raw=70.0, mix=1.8, territory=-2.0, centring=0.25,
    adjusted=70.05, se=2.0, df=40.0, low=66.0, high=74.1, reliability=0.8, reported=69.0, reported_sd=1.8, peer=70.0,
    company=68.0, case="A", component=1, fragile=False, evidence="full",
)  # fmt: skip


def table(**numbers: list[float]) -> ScoreTable:
    two = dict.fromkeys(NUMBERS, np.array([1.0, 1.0]))
    two |= {"raw": np.array([60.0, 70.0]), "mix": np.array([1.0, -1.0]), "adjusted": np.array([63.0, 71.0])}
    return ScoreTable(
        item="advice", reps=("Li", "Wu"), responses=np.array([9, 3]), customers=np.array([9, 3]),
        numbers=two | {name: np.array(values) for name, values in numbers.items()}, adjusters=("size", "years"),
        steps=np.array([[0.5, -2.0], [0.5, 1.0]]), case=np.array(["A", "B"]), component=np.array([1, 1]),
        fragile=np.array([False, True]), evidence=np.array(["thin", "withheld"]), missing=[(), ("delivery",)],
    )  # fmt: skip


def test_steps_that_add_up_make_a_score() -> None:
    assert SCORE.rank_low is None
    assert replace(SCORE, adjusted=70.05 + 9e-10).adjusted is not None


@pytest.mark.parametrize("name", ["raw", "mix", "territory", "centring", "adjusted"])
@pytest.mark.parametrize("amount", [1e-8, float("nan"), None])
def test_a_score_whose_steps_do_not_add_up_cannot_exist(name: str, amount: float | None) -> None:
    value = getattr(SCORE, name)
    wrong = None if amount is None else value + amount
    if name == "adjusted" and wrong is None:
        return
    with pytest.raises(StepsDoNotAddUp, match="The steps of Li on advice do not add up"):
        replace(SCORE, **{name: wrong})


def test_the_evidence_is_one_of_four_words() -> None:
    with pytest.raises(ValueError, match="withheld, thin, provisional, full"):
        replace(SCORE, evidence="good")


def test_a_table_hands_out_its_scores_and_steps() -> None:
    shown, withheld = table().scores()
    assert (shown.rep, shown.raw, shown.adjusted, shown.evidence) == ("Li", 60, 63, "thin")
    assert (withheld.customers, withheld.evidence, withheld.case, withheld.missing) == (
        3,
        "withheld",
        "B",
        ("delivery",),
    )
    assert {getattr(withheld, name) for name in NUMBERS} == {None}
    assert [(step.adjuster, step.amount) for step in table().lines()] == [("size", 0.5), ("years", 0.5)]


def test_a_table_refuses_what_a_score_refuses() -> None:
    with pytest.raises(StepsDoNotAddUp, match="Wu"):
        table(adjusted=[63, 72])
    with pytest.raises(StepsDoNotAddUp, match="Li"):
        table(mix=[1.5, -1], adjusted=[63.5, 71])


def test_numbers_that_do_not_exist_are_none() -> None:
    score = next(table(se=[np.nan, 1.0], low=[np.nan, 1.0]).scores())
    assert (score.se, score.low, score.high) == (None, None, 1.0)


def test_ranks_come_with_those_who_have_one() -> None:
    ranked = replace(table(), ranks=np.array([[2, 0], [5, 0]]))
    assert [(score.rank_low, score.rank_high) for score in ranked.scores()] == [(2, 5), (None, None)]
