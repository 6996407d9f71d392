from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.ratings import Ratings
from scoring.simulation import add_simulate
from scoring.spec import AdjustmentSpec
from scoring.synthetic import Company, World, invent

BIG = Company(reps=400, territories=20, answers=(40, 60), sharing=0.0, repeats=0.0, movers=0.0)


def _design(world: World) -> pd.DataFrame:
    """What every row adds to the expected answer beside the rep and the territory."""
    table = world.table
    return pd.DataFrame({
        term: table[name] if not (level := term.removeprefix(name).strip("[]")) else (table[name].astype(str) == level)
        for term in world.beta for name in [term.split("[")[0]]
    }).astype(float)  # fmt: skip


def _score(world: World, item: str = "satisfaction") -> pd.Series:
    return 100 * (world.table[item] - 1) / (world.company.points - 1)


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    one, same, other = (invent(Company(), seed=seed).table for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


@pytest.mark.parametrize("points", [2, 5, 11])
def test_the_expected_answer_is_the_sum_of_its_parts_on_any_scale(points: int) -> None:
    world = invent(replace(BIG, points=points, waves=2), seed=3)
    parts = _design(world) @ pd.Series(world.beta)
    parts += world.theta["satisfaction"].reindex(world.table["rep"]).to_numpy()
    parts += world.tau.reindex(world.table["territory"]).to_numpy()
    rest = _score(world) - parts
    by_part = rest.groupby(pd.qcut(parts, 10)).agg(["mean", "sem"])
    assert (np.abs(by_part["mean"] - rest.mean()) < 4 * by_part["sem"]).all()
    assert set(world.table["satisfaction"]) <= set(range(1, points + 1))


def test_spreads_are_as_asked() -> None:
    world = invent(replace(BIG, reps=2000, territories=400), seed=4)
    assert world.theta["satisfaction"].std() == pytest.approx(5, rel=0.1)
    assert world.tau.std() == pytest.approx(4, rel=0.1)
    assert world.table.groupby("rep").size().between(40, 60).all()


def test_quality_goes_with_mix_as_strongly_as_asked() -> None:
    world = invent(replace(BIG, reps=1500, mix_correlation=0.8, mix_between=0.5), seed=5)
    mix = world.table.groupby("rep")["tenure"].mean()
    assert np.corrcoef(mix, world.theta["satisfaction"])[0, 1] == pytest.approx(0.8, abs=0.05)


def test_good_reps_can_be_sent_to_hard_territories() -> None:
    world = invent(replace(BIG, territories=200, sorting=0.7), seed=6)
    there = world.table.drop_duplicates("rep").set_index("rep")["territory"]
    hardship = world.tau.reindex(there).to_numpy()
    assert np.corrcoef(world.theta["satisfaction"].reindex(there.index), hardship)[0, 1] == pytest.approx(-0.7, abs=0.1)


def test_movers_work_in_two_territories_and_nobody_else_does() -> None:
    territories = invent(replace(BIG, movers=0.4), seed=7).table.groupby("rep")["territory"].nunique()
    assert 0.25 < (territories == 2).mean() < 0.45
    assert territories.max() == 2
    assert invent(BIG, seed=7).table.groupby("rep")["territory"].nunique().max() == 1


def test_reps_alone_have_a_territory_nobody_else_works_in() -> None:
    world = invent(Company(reps=30, territories=4, alone=3, movers=0.5), seed=8)
    lone = world.tau.index[-3:]
    there = world.table.groupby("territory")["rep"].unique()
    assert [len(there[name]) for name in lone] == [1, 1, 1]
    assert world.table.groupby("rep")["territory"].nunique().loc[np.concatenate(there[lone].tolist())].max() == 1


def test_customers_can_answer_about_several_reps_and_about_one_rep_again() -> None:
    quiet = invent(BIG, seed=9).table
    assert quiet["customer"].is_unique
    shared = invent(replace(BIG, sharing=0.3), seed=9).table
    assert (shared.groupby("customer")["rep"].nunique() > 1).sum() > 100
    again = invent(replace(BIG, repeats=0.3), seed=9).table
    assert again.groupby("customer")["rep"].nunique().max() == 1
    assert again.duplicated(["rep", "customer"]).mean() == pytest.approx(0.3, abs=0.03)


def test_a_customer_keeps_the_same_traits() -> None:
    table = invent(replace(BIG, sharing=0.3, repeats=0.3), seed=10).table
    assert (table.groupby("customer")[["tenure", "segment"]].nunique() == 1).all(axis=None)


def test_the_dissatisfied_stay_silent_when_asked_to() -> None:
    world = invent(replace(BIG, silence=0.5), seed=11)
    loud = invent(BIG, seed=11)
    assert world.table["satisfaction"].isna().mean() == pytest.approx(0.5, abs=0.1)
    assert _score(world).mean() > _score(loud).mean() + 3


def test_the_estimand_is_the_difference_from_the_average_answer() -> None:
    world = invent(Company(silence=0.3, items=("a", "b")), seed=12)
    answered = world.table[world.table["b"].notna()].drop_duplicates(["rep", "customer"])
    share = answered.groupby("rep").size().reindex(world.theta.index, fill_value=0) / len(answered)
    estimand = world.estimand("b")
    assert estimand @ share == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(estimand, world.theta["b"] - world.theta["b"] @ share)


def test_the_estimand_of_the_company_policy_keeps_the_territory() -> None:
    world = invent(replace(BIG, reps=40, territories=5), seed=13)
    there = world.table.drop_duplicates("rep").set_index("rep")["territory"]
    kept = world.estimand("satisfaction", "company") - world.estimand("satisfaction")
    expected = pd.Series(world.tau.reindex(there).to_numpy(), index=there.index)
    np.testing.assert_allclose(kept - kept.mean(), expected - expected.mean(), atol=1e-9)


def test_drift_moves_the_answers_of_the_last_wave_only() -> None:
    still, moved = (invent(replace(BIG, waves=2, drift=drift), seed=14) for drift in (0.0, 15.0))
    assert (still.drift == 0).all()
    change = _score(moved).groupby([moved.table["rep"], moved.table["wave"]]).mean().unstack()
    assert np.corrcoef(change[2] - change[1], moved.drift)[0, 1] > 0.8


@pytest.mark.parametrize(
    "wrong", [{"reps": 0}, {"points": 1}, {"answers": (5, 4)}, {"answers": (0, 4)}, {"alone": 60}, {"responses": 59}]
)
def test_a_company_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"rep|answers"):
        Company(**wrong)  # type: ignore[arg-type]


def _simulated(*words: str) -> dict[Path, pd.DataFrame | str]:
    parser = ArgumentParser()
    add_simulate(parser.add_subparsers())
    options = parser.parse_args(["simulate", "--seed", "1", "--out", "there/ratings.csv", *words])
    return dict(options.run(options))


def test_the_command_invents_exactly_as_many_responses_as_asked() -> None:
    files = _simulated("--responses", "10007")
    table = files[Path("there/ratings.csv")]
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 10007
    assert table.groupby("rep").size().between(4, 62).all()


@pytest.mark.parametrize("items", ["1", "3", "5"])
def test_its_spec_fits_its_table_and_its_truth_covers_its_reps(items: str) -> None:
    files = _simulated("--responses", "900", "--items", items)
    table, truth = files[Path("there/ratings.csv")], files[Path("there/ratings-truth.csv")]
    text = files[Path("there/ratings-spec.toml")]
    assert isinstance(table, pd.DataFrame)
    assert isinstance(truth, pd.DataFrame)
    spec = AdjustmentSpec.from_toml(str(text))
    ratings = Ratings.from_table(table, spec)
    assert len(ratings) == 900
    assert {finding.name for finding in ratings.findings} <= {"duplicate_rows"}
    assert (spec.composite is None) == (items == "1")
    scored = {item.name for item in spec.items} | ({spec.composite.name} if spec.composite else set())
    assert set(zip(truth["rep"], truth["item"], strict=True)) == {
        (rep, item) for rep in ratings.reps for item in scored
    }


def test_the_truth_of_the_composite_is_the_mean_of_its_items() -> None:
    truth = _simulated("--responses", "900")[Path("there/ratings-truth.csv")]
    assert isinstance(truth, pd.DataFrame)
    wide = truth.pivot_table(index="rep", columns="item", values="estimand")
    composite = wide.pop("satisfaction")
    np.testing.assert_allclose(composite, wide.mean(axis=1))


@pytest.mark.parametrize("wrong", [("--seed", "-1"), ("--items", "0"), ("--reps", "901")])
def test_the_command_refuses_numbers_no_company_has(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"give|needs"):
        _simulated("--responses", "900", *wrong)
