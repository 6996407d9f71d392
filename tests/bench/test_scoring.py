"""The bench itself: what it measures still runs, and what does not come to an end is told as that."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import runner, worlds
from .child import Sampler, Watch
from .report import Line, Section, markdown
from .scoring import adjust_ratings, check, dummies, mixed_model, rank


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    worlds.rows(Watch(), str(folder / "table"), "2000", "40")
    worlds.arrays(Watch(), str(folder / "ratings"), "2000", "40")
    return folder


@pytest.mark.parametrize("measured", [adjust_ratings, rank, mixed_model, dummies])
def test_what_is_measured_on_ratings_runs(measured, small: Path) -> None:
    watch = Watch()
    measured(watch, str(small / "ratings"))
    assert watch.seconds > 0
    assert watch.busy > 0


def test_what_is_measured_on_a_table_runs(small: Path) -> None:
    watch = Watch()
    check(watch, str(small / "table"))
    assert watch.seconds > 0


def test_the_design_has_twenty_columns(small: Path) -> None:
    from scoring.adjusters import Design

    assert len(Design.build(worlds.stored(str(small / "ratings")), worlds.spec()).terms) == 20


def test_time_is_credited_to_functions_of_the_product(small: Path) -> None:
    watch = Sampler()
    adjust_ratings(watch, str(small / "ratings"))
    assert any(name.startswith("scoring.") for name in watch.where)
    assert 0 < sum(watch.where.values()) < 1.05 * watch.busy


def test_what_does_not_end_in_time_is_told_as_that(tmp_path: Path) -> None:
    measured = runner.attempt("tests.bench.test_scoring:endless", limit=1)
    assert measured.unfinished == "not finished within 1 s"
    section = Section(title="Endless", lines=(Line(what="waiting", measured=measured, target="≤ 1 s"),))
    assert "| waiting | not finished within 1 s |" in markdown(section)


def test_a_failure_is_no_figure() -> None:
    with pytest.raises(runner.Broken, match="No such file"):
        runner.call("tests.bench.scoring:adjust_ratings", "nowhere")


def endless(_watch: Watch) -> None:
    while True:
        pass
