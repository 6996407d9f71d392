"""The method finds the truth that was put in: a few worlds of every design. recovery.md has the same at length."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scoring.adjustment import adjust
from scoring.ratings import Ratings
from scoring.synthetic import Company, invent

from .recovery import DESIGNS, SLOPES, SORTED, WAYS, Design, Summary, distances, draws, summary

pytestmark = pytest.mark.slow

WORLDS = 8


def test_the_readme_prints_the_table_that_was_made() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    made = Path(__file__).with_name("recovery.md").read_text(encoding="utf-8")
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert {design.name for design in DESIGNS} <= {row.split(" | ")[0].removeprefix("| ") for row in rows}
    assert [row for row in readme.splitlines() if row in rows] == rows


@cache
def _numbered(number: int) -> Summary:
    return summary(DESIGNS[number], WORLDS, first=1000 * number)


def _summary(design: Design) -> Summary:
    return _numbered(DESIGNS.index(design))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_intervals_cover_the_estimand(design: Design) -> None:
    found = _summary(design)
    chance = 3 * max(found.coverage_error, np.sqrt(0.95 * 0.05 / found.intervals))
    assert 0.93 - chance <= found.coverage <= 0.97 + chance


def test_intervals_of_all_designs_together_cover_93_to_97_percent() -> None:
    found = [_summary(design) for design in DESIGNS]
    assert len(found) >= 20
    assert sum(one.worlds for one in found) >= 200
    assert 0.93 <= np.average([one.coverage for one in found], weights=[one.intervals for one in found]) <= 0.97
    assert 0.93 <= np.mean([one.coverage for one in found]) <= 0.97


def test_scores_are_unbiased() -> None:
    assert abs(np.mean([_summary(design).bias for design in DESIGNS if design.cases == "ABC"])) < 0.2


def test_slopes_within_cells_are_unbiased_when_good_reps_have_easy_customers() -> None:
    heard = [design for design in DESIGNS if not design.company.silence]
    biases = np.array([_summary(design).slope_bias for design in heard])
    assert np.abs(biases).max() < 4.5
    assert abs(biases.mean()) * np.sqrt(len(biases)) < 3.5


def test_of_the_differences_named_hardly_any_is_false() -> None:
    found = [_summary(design) for design in DESIGNS]
    assert sum(one.named for one in found) > 10
    assert np.mean([one.false for one in found]) <= 0.05


def test_rank_sets_hold_all_true_ranks_at_once() -> None:
    assert np.mean([_summary(design).ranks for design in DESIGNS]) >= 0.95


def test_what_is_reported_is_closer_to_the_truth_than_raw_means_and_other_slopes() -> None:
    found = distances(SLOPES[1], WORLDS, first=70_000)
    assert set(found) == set(WAYS)
    for name in ("raw means", "pooled slopes", "random-effects slopes"):
        closer = found[name] - found["reported"]
        assert closer.mean() > 2 * closer.std(ddof=1) / np.sqrt(WORLDS), name
    assert found["raw means"].mean() > found["pooled slopes"].mean() > found["random-effects slopes"].mean()


def test_differences_within_a_territory_stay_valid_when_good_reps_are_sent_to_hard_ones() -> None:
    covered, company_wide = [], []
    for draw in draws(SORTED, WORLDS, first=80_000):
        company_wide.append(draw.covered)
        cells = draw.fit.measured.cells
        settled = np.bincount(cells.rep)[cells.rep] == 1
        for territory in range(cells.territories):
            reps = cells.rep[settled & (cells.territory == territory)].astype(np.int64)
            covariance, error = draw.fit.covariance.of(reps), draw.error[reps]
            for one in range(0, len(reps) - 1, 2):
                variance = covariance[one, one] + covariance[one + 1, one + 1] - 2 * covariance[one, one + 1]
                half = stats.t.ppf(0.975, draw.fit.df[reps[one]]) * np.sqrt(variance)
                covered.append(abs(error[one] - error[one + 1]) <= half)
    assert 0.91 <= np.mean(covered) <= 0.99
    assert np.mean(np.concatenate(company_wide)) < 0.93


def test_five_reps_are_described_and_not_judged() -> None:
    spec = DESIGNS[0].spec
    inside, intervals = 0, 0
    for seed in range(30):
        world = invent(Company(reps=5, territories=2, answers=(5, 60), mix_correlation=0.0), seed=90_000 + seed)
        run = adjust(Ratings.from_table(world.table, spec), spec)
        assert "few_reps" in {finding.name for finding in run.results[0].findings}
        truth = world.estimand("satisfaction", "company")
        average = np.average(run.results[0].table.numbers["raw"], weights=run.results[0].table.customers)
        for score in run.scores:
            assert score.evidence in ("thin", "withheld")
            assert score.reliability is score.reported is score.reported_sd is score.rank_low is None
            if score.evidence == "thin":
                intervals += 1
                assert score.low is not None
                assert score.high is not None
                inside += score.low <= truth[score.rep] + average <= score.high
    assert 0.88 <= inside / intervals <= 1.0
