from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scoring.adjustment import Adjustment, adjust
from scoring.comparison import (
    NotCompared,
    NotScored,
    compared,
    distances,
    false_discovery_rates,
    side_by_side,
    standings,
    ties,
    with_ranks,
)
from scoring.comparison import ranks as ranks_module
from scoring.comparison.agreement import agreement
from scoring.comparison.change import changes, stacked
from scoring.comparison.funnel import funnel, overdispersion
from scoring.comparison.ranks import PeerGroupTooLarge, Ranking, expected_ranks
from scoring.contrasts import between, interval_null_p
from scoring.ratings import Ratings
from scoring.simulation import spec as spec_text
from scoring.spec import AdjustmentSpec
from scoring.synthetic import Company, World, invent
from scoring.ties import Ties

ITEM = "satisfaction"
CERTAIN = 1e9


def _adjusted(table: pd.DataFrame, **settings: object) -> Adjustment:
    spec = AdjustmentSpec.from_toml(spec_text((ITEM,)))
    changed = AdjustmentSpec(items=spec.items, adjusters=spec.adjusters, **settings)  # type: ignore[arg-type]
    return adjust(Ratings.from_table(table, changed), changed)


@cache
def _world() -> World:
    return invent(Company(reps=40, answers=(5, 60), rep_sd=10.0), seed=21)


@cache
def _run() -> Adjustment:
    return with_ranks(_adjusted(_world().table))


# Differences from the average


def test_interval_null_p_counts_only_what_exceeds_the_smallest_difference() -> None:
    one = np.array([1.0])
    p = interval_null_p(5 * one, 1.5 * one, np.inf * one, 2.0)[0]
    assert p == pytest.approx(0.0227517, abs=1e-7)
    assert interval_null_p(0 * one, one, np.inf * one, 2.0)[0] == pytest.approx(1.0)
    assert interval_null_p(5 * one, 1.5 * one, 4 * one, 2.0)[0] > 0.05
    two_sided = 2 * stats.norm.sf(5 / 1.5)
    assert interval_null_p(-5 * one, 1.5 * one, np.inf * one, 0.0)[0] == pytest.approx(two_sided)
    assert interval_null_p(5 * one, 0 * one, 40 * one, 2.0)[0] == 1.0  # answers that never vary show no chance


def test_false_discovery_rates_are_those_of_the_others_when_one_is_unknown() -> None:
    p = np.array([0.001, 0.03, 0.04, 0.6])
    with_unknown = false_discovery_rates(np.array([0.001, np.nan, 0.03, 0.04, 0.6]))
    np.testing.assert_allclose(with_unknown[[0, 2, 3, 4]], stats.false_discovery_control(p))
    assert np.isnan(with_unknown[1])
    assert np.isnan(false_discovery_rates(np.array([np.nan]))).all()


def test_only_sufficient_evidence_is_compared() -> None:
    words = dict(zip(_run().ratings.reps, _run().results[0].table.evidence.tolist(), strict=True))
    assert {"thin", "provisional", "full"} <= set(words.values())
    shown = {standing.rep for standing in standings(_run(), ITEM)}
    assert shown == {rep for rep, word in words.items() if word in ("provisional", "full")}


def test_a_standing_tells_the_scores_own_difference_and_error() -> None:
    scores = {score.rep: score for score in _run().scores}
    table = _run().results[0].table
    average = float(np.average(table.numbers["raw"], weights=table.customers))
    for standing in standings(_run(), ITEM):
        score = scores[standing.rep]
        assert standing.contrast.difference == pytest.approx(score.adjusted - average, abs=1e-6)
        assert standing.contrast.se == pytest.approx(score.se)
        assert standing.contrast.high - standing.contrast.low == pytest.approx(score.high - score.low)


def test_verdicts_follow_the_false_discovery_rate() -> None:
    found = standings(_run(), ITEM)
    for standing in found:
        if standing.q > 0.05:
            assert standing.verdict == "cannot be told apart"
        else:
            assert standing.verdict == ("above" if standing.contrast.difference > 0 else "below")
    assert {standing.verdict for standing in found} == {"above", "below", "cannot be told apart"}


# Side by side


def test_two_reps_with_like_scores_cannot_be_told_apart_and_the_extremes_can() -> None:
    peers = compared(_run(), ITEM)
    order = np.argsort(peers.score)
    names = [peers.reps[place] for place in order]
    assert side_by_side(_run(), ITEM, names[0], names[1]).verdict == "cannot be told apart"
    assert side_by_side(_run(), ITEM, names[-1], names[0]).verdict == "above"
    assert side_by_side(_run(), ITEM, names[0], names[-1]).verdict == "below"


def test_the_error_of_a_difference_uses_the_covariance() -> None:
    peers = compared(_run(), ITEM)
    one, other = peers.reps[:2]
    contrast = side_by_side(_run(), ITEM, one, other)
    direction = np.zeros(len(peers.reps))
    direction[:2] = 1, -1
    assert contrast.se == pytest.approx(np.sqrt(direction @ peers.covariance @ direction))
    assert peers.covariance[0, 1] != 0


def test_what_is_kept_of_the_covariance_gives_the_same_difference_of_any_two() -> None:
    peers, kept = compared(_run(), ITEM), ties(_run().results[0], _run().ratings.reps)
    assert kept is not None
    again = Ties.unpacked(kept.packed())
    assert again.reps == peers.reps
    spread = np.abs(peers.covariance - np.diag(np.diag(peers.covariance))).max()
    assert spread > 1e-3
    for one in range(0, len(peers.reps), 3):
        for other in range(len(peers.reps)):
            if one == other:
                continue
            covariance = again.between(peers.reps[one], peers.reps[other])
            assert covariance == pytest.approx(peers.covariance[one, other], abs=1e-5 * spread)
            pair = [one, other]
            found = between(peers.score[pair], np.sqrt(peers.variance[pair]), peers.df[pair], covariance, 2.0)
            assert found.se == pytest.approx(peers.contrast(one, other).se, rel=1e-5)
    assert again.between(peers.reps[0], "nobody") is None


@pytest.mark.parametrize("policy", ["company", "peer"])
def test_ties_are_kept_under_every_policy(policy: str) -> None:
    run = _adjusted(_world().table, territory=policy)
    peers, kept = compared(run, ITEM), ties(run.results[0], run.ratings.reps)
    assert kept is not None
    found = [[kept.between(one, other) for other in peers.reps if other != one] for one in peers.reps]
    apart = ~np.eye(len(peers.reps), dtype=bool)
    np.testing.assert_allclose(np.ravel(found), peers.covariance[apart], atol=1e-5)


def test_distances_are_the_rates_of_the_standings() -> None:
    rates = dict(zip(_run().ratings.reps, distances(_run().results[0], 2.0).tolist(), strict=True))
    for standing in standings(_run(), ITEM):
        assert rates.pop(standing.rep) == pytest.approx(standing.q, abs=1e-12)
    assert np.isnan(list(rates.values())).all()


def test_how_far_the_adjustment_moved_anybody_is_told() -> None:
    result = _run().results[0]
    found = agreement(result)
    shown = result.table.shown
    raw, adjusted = result.table.numbers["raw"][shown], result.table.numbers["adjusted"][shown]
    assert found.reps == shown.sum()
    assert found.kendall == pytest.approx(stats.kendalltau(raw, adjusted).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(raw, adjusted).statistic)
    assert 0.5 < found.kendall < found.spearman < 1
    assert found.sd == pytest.approx(np.std(adjusted - raw, ddof=1))


def test_a_thin_score_is_never_put_beside_another() -> None:
    words = dict(zip(_run().ratings.reps, _run().results[0].table.evidence.tolist(), strict=True))
    thin = next(rep for rep, word in words.items() if word == "thin")
    full = next(rep for rep, word in words.items() if word == "full")
    with pytest.raises(NotCompared, match=thin):
        side_by_side(_run(), ITEM, full, thin)


def test_unknown_items_and_reps_are_named() -> None:
    with pytest.raises(NotScored, match="courtesy"):
        standings(_run(), "courtesy")
    with pytest.raises(NotScored, match="nobody"):
        standings(_run(), ITEM, among=["nobody"])


# Ranks


def _random(reps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    root = draw.normal(0, 1, (reps, 4))
    return draw.normal(0, 5, reps), np.diag(np.exp(draw.normal(0, 0.7, reps))) + root @ root.T


def test_expected_ranks_of_eight_reps() -> None:
    estimate = np.array([91, 88.5, 86, 85.5, 84, 79, 78, 70])
    covariance = np.diag(np.array([2, 2.5, 2, 3, 2, 2, 4, 2.0]) ** 2)
    expected = [1.328, 2.316, 3.472, 3.712, 4.463, 6.330, 6.417, 7.962]
    np.testing.assert_allclose(expected_ranks(estimate, covariance), expected, atol=5e-4)


def test_pairwise_ranks_of_the_eight_totals_worked_by_hand() -> None:
    """Eight totals with their standard errors, P(i > j) = Φ((F_i − F_j)/√(σ_i² + σ_j²)), and from it the ranks
    1 + #{j: P(j > i) ≥ .95} to n − #{j: P(i > j) ≥ .95}, worked by hand.

    What is published holds for all reps at once, so it is never narrower than these.
    """
    total = np.array([91, 88.5, 86, 85.5, 84, 79, 78, 70])
    variance = np.array([2, 2.5, 2, 3, 2, 2, 4, 2.0]) ** 2
    ahead = np.array(
        [
            [expected_ranks(total[[one, other]], np.diag(variance[[one, other]]))[1] - 1 for other in range(8)]
            for one in range(8)
        ]
    )
    np.testing.assert_allclose(ahead[1, 2], 0.78, atol=5e-3)
    better, worse = (ahead.T >= 0.95).sum(axis=1), (ahead >= 0.95).sum(axis=1)
    ranks = list(zip((1 + better).tolist(), (8 - worse).tolist(), strict=True))
    assert ranks == [(1, 3), (1, 5), (2, 5), (1, 6), (2, 6), (6, 7), (4, 7), (8, 8)]
    published = Ranking(total, np.diag(variance), np.full(8, CERTAIN)).simultaneous()
    assert (published.low <= 1 + better).all()
    assert (published.high >= 8 - worse).all()


def test_expected_ranks_sum_to_the_sum_of_ranks_and_are_all_the_middle_when_reps_do_not_differ() -> None:
    estimate, covariance = _random(30, 1)
    assert expected_ranks(estimate, covariance).sum() == pytest.approx(30 * 31 / 2)
    np.testing.assert_allclose(expected_ranks(np.full(7, 80.0), np.zeros((7, 7))), 4.0)


def test_correlated_errors_sharpen_expected_ranks() -> None:
    estimate = np.array([1.0, 0.0])
    together = np.array([[1.0, 0.9], [0.9, 1.0]])
    assert expected_ranks(estimate, together)[0] < expected_ranks(estimate, np.eye(2))[0]


def test_certain_scores_have_one_rank_and_hopeless_ones_all() -> None:
    score = np.array([70.0, 90.0, 80.0])
    sure = Ranking(score, np.eye(3) * 1e-6, np.full(3, CERTAIN)).simultaneous()
    assert sure.low.tolist() == sure.high.tolist() == [3, 1, 2]
    unsure = Ranking(score, np.eye(3) * 1e6, np.full(3, CERTAIN)).simultaneous()
    assert unsure.low.tolist() == [1, 1, 1]
    assert unsure.high.tolist() == [3, 3, 3]


def test_a_marginal_set_lies_inside_the_simultaneous_one() -> None:
    score, covariance = _random(60, 2)
    ranking = Ranking(score, covariance, np.full(60, 30.0))
    together, alone = ranking.simultaneous(), ranking.marginal()
    assert (together.low <= alone.low).all()
    assert (alone.high <= together.high).all()
    assert (alone.high - alone.low).sum() < (together.high - together.low).sum()


def test_few_degrees_of_freedom_widen_the_sets() -> None:
    score, covariance = _random(60, 3)
    many, few = (Ranking(score, covariance, np.full(60, df)).simultaneous() for df in (CERTAIN, 4.0))
    assert (few.high - few.low).sum() > (many.high - many.low).sum()


def test_a_contrast_that_is_not_identified_is_never_called_a_difference() -> None:
    score, covariance = np.array([80.0, 60.0]), np.ones((2, 2))
    sets = Ranking(score, covariance, np.full(2, CERTAIN)).simultaneous()
    assert sets.high.tolist() == [2, 2]


def test_the_order_of_reps_and_a_shift_of_all_scores_change_no_set() -> None:
    score, covariance = _random(50, 4)
    df = np.linspace(5, 50, 50)
    before = Ranking(score, covariance, df).simultaneous()
    mixed = np.random.default_rng(5).permutation(50)
    after = Ranking(score[mixed] + 10, covariance[np.ix_(mixed, mixed)], df[mixed]).simultaneous()
    assert after.low.tolist() == before.low[mixed].tolist()
    assert after.high.tolist() == before.high[mixed].tolist()


@pytest.mark.parametrize("reps", [2, 3, 90])
def test_the_largest_difference_is_found_without_looking_at_all_pairs(reps: int) -> None:
    _, covariance = _random(reps, 6)
    ranking = Ranking(np.zeros(reps), covariance, np.full(reps, CERTAIN))
    chance, weight = ranking._chance, ranking._weight
    direct = np.abs(chance[:, :, None] - chance[:, None, :]) * weight
    np.testing.assert_allclose(ranks_module._largest(chance, weight), direct.max(axis=(1, 2)), rtol=1e-6)
    quantiles = np.quantile(direct.max(axis=2), 0.95, axis=0)
    np.testing.assert_allclose(ranks_module._critical_of_each(chance, weight, 0.95), quantiles, rtol=1e-6)


def test_sets_cover_the_true_ranks_of_all_reps_at_once() -> None:
    draw = np.random.default_rng(7)
    worlds, reps = 200, 25
    together, alone = 0, 0.0
    for _ in range(worlds):
        truth = draw.normal(0, 3, reps)
        root = draw.normal(0, 0.5, (reps, 3))
        covariance = np.diag(np.exp(draw.normal(0, 0.5, reps))) + root @ root.T
        score = truth + np.linalg.cholesky(covariance) @ draw.normal(size=reps)
        rank = 1 + (truth[:, None] < truth).sum(axis=1)
        ranking = Ranking(score, covariance, np.full(reps, CERTAIN))
        sets, own = ranking.simultaneous(), ranking.marginal()
        together += bool(((sets.low <= rank) & (rank <= sets.high)).all())
        alone += float(((own.low <= rank) & (rank <= own.high)).mean())
    assert together / worlds >= 0.93
    assert alone / worlds >= 0.95


def test_a_covariance_that_is_not_quite_one_is_still_ranked() -> None:
    covariance = np.eye(3) + 0.51 * (1 - np.eye(3)) * np.array([[0, 1, -1], [1, 0, 1], [-1, 1, 0]])
    assert np.linalg.eigvalsh(covariance)[0] < 0
    sets = Ranking(np.array([3.0, 2.0, 1.0]), covariance, np.full(3, CERTAIN)).simultaneous()
    assert (sets.low <= sets.high).all()


def test_more_reps_than_can_be_ranked_together_are_refused() -> None:
    with pytest.raises(PeerGroupTooLarge, match="2001"):
        Ranking(np.zeros(2001), np.zeros((2001, 2001)), np.zeros(2001))


def test_a_group_too_large_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.comparison.MOST", 5)
    with pytest.raises(PeerGroupTooLarge, match="at most 5"):
        standings(_run(), ITEM)


def test_ranks_are_given_to_compared_reps_only_and_stay_within_their_number() -> None:
    number = len(standings(_run(), ITEM))
    by_rep = {standing.rep: standing for standing in standings(_run(), ITEM)}
    for score in _run().scores:
        if score.rep in by_rep:
            assert 1 <= score.rank_low <= score.rank_high <= number
            assert (score.rank_low, score.rank_high) == (by_rep[score.rep].rank_low, by_rep[score.rep].rank_high)
            assert score.rank_low <= by_rep[score.rep].alone_low
            assert 1 <= by_rep[score.rep].expected_rank <= number
        else:
            assert score.rank_low is None
            assert score.rank_high is None


def test_a_smaller_peer_group_is_ranked_by_itself() -> None:
    names = [standing.rep for standing in standings(_run(), ITEM)][:9]
    small = standings(_run(), ITEM, among=names)
    assert [standing.rep for standing in small] == names
    assert max(standing.rank_high for standing in small) == 9


def test_fewer_than_eight_reps_are_not_compared() -> None:
    run = with_ranks(_adjusted(invent(Company(reps=6, territories=2, answers=(30, 40)), seed=22).table))
    assert standings(run, ITEM) == ()
    assert {score.rank_low for score in run.scores} == {None}


def test_too_many_reps_get_a_finding_instead_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.comparison.MOST", 5)
    run = with_ranks(_adjusted(_world().table))
    assert {score.rank_low for score in run.scores} == {None}
    assert [str(finding) for finding in run.findings if finding.name == "ranked_in_groups"]


# Funnel


def test_the_limits_narrow_with_the_customers_and_hold_what_chance_leaves() -> None:
    narrow = funnel(_run().results[0])
    assert narrow is not None
    low, high = narrow.limits(np.array([10.0, 40.0]), 0.95)
    np.testing.assert_allclose(high - low, 2 * 1.959964 * np.sqrt(narrow.variance / np.array([10.0, 40.0])), rtol=1e-6)
    np.testing.assert_allclose((high + low) / 2, narrow.average)
    assert set(narrow.outside(0.998)) <= set(narrow.outside(0.95))


def test_reps_who_do_not_differ_stay_in_the_funnel_and_others_spread_beyond_it() -> None:
    alike = Company(reps=150, rep_sd=0.0, territory_sd=0.0, answers=(20, 40), territories=10)
    same, different = (
        funnel(_adjusted(invent(company, seed=23).table, territory="company").results[0])
        for company in (alike, Company(reps=150, rep_sd=10.0, territory_sd=0.0, answers=(20, 40), territories=10))
    )
    assert same is not None
    assert different is not None
    assert len(same.outside(0.95)) / 150 < 0.10
    assert 0.6 < same.dispersion < 1.4
    assert different.dispersion > 3


def test_overdispersion_is_not_made_by_a_single_outlier() -> None:
    z = np.random.default_rng(8).normal(size=200)
    assert overdispersion(np.append(z, 50.0)) < 1.2
    assert np.isnan(overdispersion(np.zeros(0)))


# Change between periods


@pytest.fixture(scope="module")
def two_periods() -> tuple[World, Adjustment]:
    company = Company(reps=60, territories=6, answers=(60, 80), waves=2, drift=8.0, repeats=0.4, movers=0.0)
    world = invent(company, seed=24)
    return world, _adjusted(_both(world))


def _both(world: World) -> pd.DataFrame:
    periods = [world.table[world.table["wave"] == wave].drop(columns="wave") for wave in (1, 2)]
    return stacked(*periods)


def test_change_is_covered_by_its_interval_and_the_common_change_is_told(
    two_periods: tuple[World, Adjustment],
) -> None:
    world, run = two_periods
    found = changes(run, ITEM)
    assert len(found) > 40
    truth = world.drift.reindex([change.rep for change in found]) + 1.0
    inside = [change.contrast.low <= true <= change.contrast.high for change, true in zip(found, truth, strict=True)]
    assert 0.85 <= np.mean(inside) <= 1.0
    assert np.corrcoef(truth, [change.contrast.difference for change in found])[0, 1] > 0.8
    assert found[0].common == pytest.approx(1.0 + np.average(world.drift), abs=2.0)


def test_customers_who_answer_twice_make_the_change_surer(two_periods: tuple[World, Adjustment]) -> None:
    world, run = two_periods
    table = _both(world)
    strangers = _adjusted(table.assign(customer=table["customer"] + table["rep"].str[-1]))
    sure = np.mean([change.contrast.se for change in changes(run, ITEM)])
    assert sure < np.mean([change.contrast.se for change in changes(strangers, ITEM)])


def test_a_high_score_is_expected_to_fall_back_and_a_low_one_to_rise(two_periods: tuple[World, Adjustment]) -> None:
    _, run = two_periods
    found = changes(run, ITEM)
    middle = np.average([one.earlier for one in found])
    for change in found:
        assert change.expected is not None
        if abs(change.earlier - middle) > 3:
            assert (change.expected < change.common) == (change.earlier > middle)


def test_regression_to_the_mean_is_what_happens_when_nobody_changes() -> None:
    company = Company(reps=150, territories=5, answers=(16, 28), waves=2, movers=0.0, territory_sd=0.0)
    found = changes(_adjusted(_both(invent(company, seed=26)), territory="company", thin_below=0.01), ITEM)
    slope = np.polyfit([c.expected for c in found], [c.contrast.difference for c in found], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.4)


def test_changes_of_many_reps_are_found_in_parts(
    two_periods: tuple[World, Adjustment], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = two_periods
    together = changes(run, ITEM)
    monkeypatch.setattr("scoring.comparison.change.MOST", 14)
    for whole, part in zip(together, changes(run, ITEM), strict=True):
        assert part.rep == whole.rep
        assert part.contrast.se == pytest.approx(whole.contrast.se)


def test_a_rep_of_one_period_only_has_no_change(two_periods: tuple[World, Adjustment]) -> None:
    world, _ = two_periods
    table = _both(world)
    gone = table[table["rep"] != "R000001\x1f2"]
    assert "R000001" not in {change.rep for change in changes(_adjusted(gone), ITEM)}
