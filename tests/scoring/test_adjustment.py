"""The whole method from a table to scores: policies, evidence, what is refused, and what can be had again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from scoring.adjustment import Adjustment, adjust
from scoring.policy import EffectsMissing
from scoring.ratings import Ratings
from scoring.scores import Score
from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec
from scoring.synthetic import Company, invent

ADJUSTERS = (
    AdjusterSpec(name="segment", kind="category", reason="known"),
    AdjusterSpec(name="tenure", kind="number", reason="known"),
)
ITEM = "satisfaction"
NUMBERS = (
    "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high", "reliability", "reported",
    "reported_sd", "peer", "company", "top_box",
)  # fmt: skip


def spec(**settings: object) -> AdjustmentSpec:
    given: dict[str, object] = {"items": (ItemSpec(name=ITEM, lo=1, hi=5),), "adjusters": ADJUSTERS}
    return AdjustmentSpec(**(given | settings))  # type: ignore[arg-type]


def run(table: pd.DataFrame, effects: dict[str, dict[str, float]] | None = None, **settings: object) -> Adjustment:
    made = spec(**settings)
    return adjust(Ratings.from_table(table, made), made, territory_effects=effects)


def world(seed: int = 1, **company: object) -> pd.DataFrame:
    return invent(Company(**({"reps": 24, "territories": 6, "answers": (8, 30)} | company)), seed=seed).table  # type: ignore[arg-type]


def findings(found: Adjustment) -> list[str]:
    return [
        finding.name for finding in (*found.findings, *(one for result in found.results for one in result.findings))
    ]


def by_rep(found: Adjustment) -> dict[str, Score]:
    return {score.rep: score for score in found.scores if score.item == ITEM}


def empty(score: Score, *names: str) -> bool:
    return all(getattr(score, name) is None for name in names)


def test_every_rep_of_the_frame_has_a_score_in_order_of_name() -> None:
    found = run(world())
    assert [score.rep for score in found.scores] == list(found.ratings.reps)
    for score in found.scores:
        assert (score.rank_low, score.rank_high) == (None, None)
        assert score.low is not None
        assert score.high is not None
        assert score.low < score.adjusted < score.high  # type: ignore[operator]


def test_the_adjusted_score_undoes_mix_and_territory() -> None:
    company = Company(
        reps=40,
        territories=8,
        answers=(150, 200),
        mix_between=0.5,
        mix_correlation=0.0,
        territory_sd=8,
        slope=2.0,
        level=55,
    )
    made = invent(company, seed=4)
    found = by_rep(run(made.table))
    truth = made.estimand(ITEM)
    raw = np.array([found[rep].raw for rep in truth.index], dtype=float)
    adjusted = np.array([found[rep].adjusted for rep in truth.index], dtype=float)
    assert np.corrcoef(raw, truth)[0, 1] < 0.7
    assert np.corrcoef(adjusted, truth)[0, 1] > 0.8


class TestPolicies:
    def test_pooled_prints_its_assumption(self) -> None:
        found = run(world(territories=8))
        assert found.policy == "pooled"
        assert findings(found)[-2:] == ["exchangeable", "colleague_pull"]
        assert "80–84 %" in str(found.findings[-1])

    def test_four_to_seven_territories_say_little_about_their_variance(self) -> None:
        assert "territory_variance_poorly_known" in findings(run(world(territories=7)))

    def test_three_territories_are_too_few_to_pool(self) -> None:
        found = run(world(territories=3))
        assert found.policy == "company"
        assert "too_few_territories" in findings(found)
        assert {score.territory for score in found.scores} == {0.0}

    def test_the_frame_decides_before_answers(self) -> None:
        table = world(territories=4)
        silent = table["territory"] == "T000004"
        table[ITEM] = table[ITEM].astype(float).mask(silent & (table["rep"] != table.loc[silent, "rep"].iloc[0]))
        assert run(table).policy == "pooled"

    def test_a_territory_for_every_rep_is_compared_across_the_company(self) -> None:
        table = world(movers=0.0)
        found = run(table.assign(territory=table["rep"]))
        assert found.policy == "company"
        assert {score.case for score in found.scores} == {"C"}
        found = run(table.assign(territory=table["rep"]), territory="peer")
        assert "no_colleagues" in findings(found)

    def test_answers_that_cannot_carry_the_pooled_policy_are_compared_across_the_company(self) -> None:
        table = world(territories=12, reps=24, movers=0.0)
        first = table.groupby("territory")["rep"].transform("min") == table["rep"]
        table = table.assign(other=table[ITEM], **{ITEM: table[ITEM].astype(float).where(first)})
        items = (ItemSpec(name=ITEM, lo=1, hi=5), ItemSpec(name="other", lo=1, hi=5))
        found = run(table, items=items)
        assert {"not_separable", "alone"} <= {finding.name for finding in found.results[0].findings}
        assert found.results[0].record(found.ratings)["policy"] == "company"
        assert found.results[1].record(found.ratings)["policy"] == "pooled"

    def test_the_range_runs_from_colleagues_to_company(self) -> None:
        table = world(alone=1, territory_sd=8)
        pooled, peer, company = (run(table, territory=policy) for policy in ("pooled", "peer", "company"))
        one, other, third = by_rep(pooled), by_rep(peer), by_rep(company)
        for rep, score in one.items():
            if score.case == "C":
                assert empty(score, "peer", "company")
                assert score.territory == 0
                assert score.reported is not None
            else:
                assert score.peer == pytest.approx(other[rep].reported, abs=1e-8)
                assert score.company == pytest.approx(third[rep].reported, abs=1e-8)
                assert other[rep].peer == other[rep].reported
        assert "alone" in findings(pooled)

    def test_peer_compares_within_territories(self) -> None:
        found = run(world(), territory="peer")
        fit = found.results[0].fit
        assert fit is not None
        assert fit.centring == pytest.approx(0, abs=1e-9)
        shift = world()
        shift[ITEM] = np.where(shift["territory"] == "T000002", shift[ITEM] + 1, shift[ITEM])
        wide = (ItemSpec(name=ITEM, lo=1, hi=7),)
        one = by_rep(run(world(movers=0.0), territory="peer", items=wide))
        table = world(movers=0.0)
        table[ITEM] = np.where(table["territory"] == "T000002", table[ITEM] + 1, table[ITEM])
        other = by_rep(run(table, territory="peer", items=wide))
        moved = np.array([other[rep].adjusted - score.adjusted for rep, score in one.items()], dtype=float)  # type: ignore[operator]
        assert np.ptp(moved) == pytest.approx(0, abs=1e-9)

    def test_two_reps_per_territory_cannot_be_told_from_each_other_well(self) -> None:
        found = run(world(reps=12, territories=6, movers=0.0, answers=(60, 60)), territory="peer")
        assert "pairs" in findings(found)
        assert max(score.reliability for score in found.scores) <= 0.5  # type: ignore[type-var]

    def test_kept_effects_are_taken_as_they_are(self) -> None:
        table = world()
        first = run(table)
        effects = {ITEM: first.record()["items"][ITEM]["tau"]}
        again = run(world(2), effects, territory_from="the first run")
        for score, row in zip(again.scores, again.results[0].table.steps.T, strict=True):
            assert score.mix == pytest.approx(row.sum())
        ratings, tau = again.ratings, np.array([effects[ITEM][name] for name in again.ratings.territories])
        fit = again.results[0].fit
        assert fit is not None
        cells = fit.measured.cells
        assert fit.step == pytest.approx(-cells.by_rep(cells.share * tau[cells.territory]))
        assert again.record()["items"][ITEM]["tau"] == effects[ITEM]
        assert again.policy == "frozen"
        assert ratings.territories == first.ratings.territories
        del effects[ITEM]["T000002"]
        partly = run(world(2), effects, territory_from="the first run")
        assert "unknown_territories" in findings(partly)
        assert any("T000002" in str(finding) for finding in partly.results[0].findings)
        with pytest.raises(EffectsMissing, match="the first run"):
            run(table, territory_from="the first run")

    def test_a_colleagues_gain_costs_a_little(self) -> None:
        pull = run(world(reps=30, movers=0.0, territory_sd=8)).record()["items"][ITEM]["colleague_pull"]
        assert len(pull) == 6
        assert all(0 < value < 0.2 for value in pull.values())


class TestEvidence:
    def test_withheld_scores_keep_their_counts_alone(self) -> None:
        table = world()
        few = table["rep"] == "R000005"
        table = table[~few | (table.groupby("rep").cumcount() < 3)]
        found = run(table)
        score = by_rep(found)["R000005"]
        assert (score.evidence, score.responses, score.customers) == ("withheld", 3, 3)
        assert empty(score, *NUMBERS)
        assert not [step for step in found.steps if step.rep == "R000005"]
        assert by_rep(run(table, minimum_customers=2))["R000005"].adjusted is not None

    def test_customers_not_answers_are_counted(self) -> None:
        table = world()
        few = table["rep"] == "R000005"
        table.loc[few, "customer"] = "C" + (table[few].groupby("rep").cumcount() % 4).astype(str)
        score = by_rep(run(table))["R000005"]
        assert (score.customers, score.evidence) == (4, "withheld")
        assert score.responses > 4

    def test_a_rep_without_answers_is_there_and_withheld(self) -> None:
        table = world()
        table[ITEM] = table[ITEM].astype(float).mask(table["rep"] == "R000005")
        score = by_rep(run(table))["R000005"]
        assert (score.responses, score.evidence, score.case, score.component) == (0, "withheld", None, None)

    def test_one_customer_with_too_much_weight_makes_a_score_thin(self) -> None:
        table = world(answers=(30, 40)).assign(weight=1.0)
        mine = table.index[table["rep"] == "R000005"]
        table.loc[mine[0], "weight"] = 30.0
        assert by_rep(run(table, weights="response"))["R000005"].evidence == "thin"
        assert by_rep(run(table, weights="customer"))["R000005"].evidence != "thin"

    def test_words_follow_reliability(self) -> None:
        found = run(world(reps=40, territories=8, answers=(5, 90)))
        for score in found.scores:
            if score.evidence != "withheld":
                assert score.reliability is not None
                expected = "thin" if score.reliability < 0.4 else "provisional" if score.reliability < 0.7 else "full"
                assert score.evidence == expected
        assert {score.evidence for score in found.scores} >= {"thin", "provisional"}

    def test_fewer_than_eight_reps_are_described_only(self) -> None:
        found = run(world(reps=7, territories=3))
        assert "few_reps" in findings(found)
        for score in found.scores:
            assert score.evidence == "thin"
            assert empty(score, "reliability", "reported", "reported_sd", "peer", "company", "rank_low")
            assert score.se is not None
            assert score.territory == 0
        record = found.record()["items"][ITEM]
        assert [record[name] for name in ("mu", "sigma2_rep", "sigma2_territory", "tau")] == [None] * 4
        assert run(world(reps=8, territories=3)).scores[0].reported is not None


class TestNothingToMeasure:
    def check(self, found: Adjustment, name: str) -> None:
        assert name in findings(found)
        for score in found.scores:
            assert score.evidence in {"thin", "withheld"}
            assert empty(score, "se", "df", "low", "high", "reliability", "reported", "reported_sd", "peer", "company")
            if score.evidence == "thin":
                assert score.adjusted == pytest.approx(score.raw)
        json.dumps(found.record(), allow_nan=False)

    def test_all_equal_answers(self) -> None:
        found = run(world().assign(**{ITEM: 4}))
        self.check(found, "no_variation")
        assert {score.adjusted for score in found.scores if score.adjusted is not None} == {75.0}

    def test_no_variation_among_the_customers_of_a_rep(self) -> None:
        table = world()
        self.check(run(table.assign(**{ITEM: 1 + table["rep"].str[-1].astype(int) % 5})), "no_variation")

    def test_one_customer_per_rep(self) -> None:
        self.check(run(world(movers=0.0).groupby("rep").head(1), minimum_customers=1), "no_replication")

    def test_one_rep_with_answers(self) -> None:
        table = world()
        self.check(run(table.assign(**{ITEM: table[ITEM].astype(float).where(table["rep"] == "R000003")})), "one_rep")


def test_the_best_answer_counts_on_any_scale() -> None:
    table = world()
    odd = table.assign(**{ITEM: 1.7 + (table[ITEM] - 1) * (12.55 - 1.7) / 4})
    plain, other = run(table), run(odd, items=(ItemSpec(name=ITEM, lo=1.7, hi=12.55),))
    share = [score.top_box for score in plain.scores]
    assert max(share) > 0
    assert [score.top_box for score in other.scores] == pytest.approx(share)


class TestRecord:
    def test_it_is_plain_and_has_what_the_contract_names(self) -> None:
        record = run(world(), composite=CompositeSpec(name="all", items=(ITEM,))).record()
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert record["spec"]["adjusters"][0]["reason"] == run(world()).spec.adjusters[0].reason
        assert {"spec_hash", "fingerprint", "versions", "findings", "items"} <= record.keys()
        item = record["items"][ITEM]
        assert {
            "coefficients",
            "sigma2_rep",
            "sigma2_territory",
            "mu",
            "tau",
            "tests",
            "impact",
            "findings",
        } <= item.keys()
        assert item["coefficients"].keys() == {"segment[medium]", "segment[small]", "tenure"}
        assert all(row.keys() == {"estimate", "se"} for row in item["coefficients"].values())
        for name in ("sigma2_rep", "sigma2_territory"):
            variance = item[name]
            assert variance["low"] <= variance["estimate"] <= variance["high"]
        assert item["tests"].keys() == {"mundlak", "slope_heterogeneity"}
        assert record["items"]["all"]["coefficients"] == {}
        assert {one["gls"]["holds"] for one in record["items"].values()} == {True}

    @pytest.mark.parametrize("policy", ["company", "peer"])
    def test_other_policies_have_their_own_variances(self, policy: str) -> None:
        item = run(world(), territory=policy).record()["items"][ITEM]
        assert item["sigma2_territory"] is None
        assert item["gls"]["holds"]
        assert item["sigma2_rep"]["interval"] == ("Q profile" if policy == "company" else "profile likelihood")

    def test_tables_hold_what_the_values_hold(self) -> None:
        found = run(world())
        table, steps = found.score_table(), found.step_table()
        assert table["rep"].tolist() == [score.rep for score in found.scores]
        assert table["adjusted"].tolist() == [score.adjusted for score in found.scores]
        assert steps["amount"].tolist() == [step.amount for step in found.steps]

    def test_imputed_shares_are_reported(self) -> None:
        table = world()
        table["tenure"] = table["tenure"].mask(table.index % 10 == 0)
        assert run(table).record()["imputed"]["tenure"] == pytest.approx(0.1, abs=0.02)
