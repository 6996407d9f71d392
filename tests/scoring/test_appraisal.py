"""Scores, facts and schemes against the worked examples, and what an outcome must keep to whatever comes in."""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import bands
from scoring.appraisal import appraise, unused
from scoring.appraisal_files import add_appraise
from scoring.explanation import explained, retraced
from scoring.facts import Event, Fact, FactRefused, FactsRefused
from scoring.measures import contribution
from scoring.outcome import Outcome, Part, PartsDoNotAddUp, printed_parts, printed_sum
from scoring.rules import RULES
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator
from scoring.scores import Score

FOLDER = Path(__file__).parents[2] / "survey" / "schemes"
KELON = {
    "collection": (92, 100),
    "invoicing": (105, 100),
    "outlets": (80, 100),
    "network": (6, 8),
    "receivables": (9, 10),
}
EVENTS = (("inventory", 3), ("complaint", 2), ("complaint", 2), ("complaint", 3), ("daily", 2))
NORMAL = NormalDist()


def shipped(code: str) -> Scheme:
    return Scheme.from_toml((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))


def facts(rep: str = "K", **values: tuple[float, float]) -> list[Fact]:
    given = values or KELON
    return [Fact(rep=rep, indicator=code, value=value, target=target) for code, (value, target) in given.items()]


def events(rep: str = "K", listed: Iterable[tuple[str, float]] = EVENTS) -> list[Event]:
    return [
        Event(rep=rep, category=category, on=f"2026-07-{day:02}", points=points)
        for day, (category, points) in enumerate(listed, start=1)
    ]


def score(rep: str = "K", reported: float | None = 84.0, sd: float | None = 4.3, **given: object) -> Score:
    values: dict[str, object] = {
        "rep": rep, "item": "satisfaction", "responses": 34, "customers": 30, "raw": None, "mix": None,
        "territory": None, "centring": None, "adjusted": None,
        "se": None, "df": None, "low": None, "high": None, "reliability": 0.8,
        "reported": reported, "reported_sd": sd, "peer": None, "company": None, "case": "A", "component": 1,
        "fragile": False, "evidence": "full",
    }  # fmt: skip
    return Score(**{**values, **given})  # type: ignore[arg-type]


def part(outcome: Outcome, code: str) -> Part:
    return next(one for one in outcome.parts if one.code == code)


def kelon(**changes: object) -> Outcome:
    return appraise([], facts(), events(), replace(shipped("kelon-branch-manager"), **changes))[0]  # type: ignore[arg-type]


class TestKelon:
    """回笼 92 %, 开单 105 %, 网点 80 %, 网络 6/8, 应收 9/10; inventory −3, complaints −7, daily −2."""

    def test_the_published_example(self) -> None:
        outcome = kelon()
        points = {one.code: one.printed for one in outcome.parts}
        assert points == {
            "collection": "36.8", "invoicing": "30.0", "outlets": "8.0", "network": "7.5", "receivables": "9.0",
            "inventory": "-3.0", "complaint": "-5.0", "exposure": "0.0", "daily": "-2.0",
        }  # fmt: skip
        assert (outcome.main_printed, outcome.printed) == ("91.3", "81.3")
        assert outcome.main == pytest.approx(91.3)
        assert outcome.total == pytest.approx(81.3)
        assert (outcome.coverage, outcome.rating, outcome.band) == (1.0, "rated", "B")

    def test_the_cap_is_shown_with_what_it_cut(self) -> None:
        complaint = part(kelon(), "complaint")
        assert complaint.uncapped == -7
        assert (complaint.note_zh, complaint.note_en) == ("−7，封顶 −5", "−7, capped at −5")
        assert complaint.why_zh == "扣 2 + 2 + 3 = 7 分，封顶 5 分。"
        assert part(kelon(), "daily").note_en == ""

    def test_one_more_complaint_changes_nothing_but_the_note(self) -> None:
        more = appraise([], facts(), events(listed=[*EVENTS, ("complaint", 2)]), shipped("kelon-branch-manager"))[0]
        assert more.total == kelon().total
        assert part(more, "complaint").note_en == "−9, capped at −5"

    def test_a_cap_of_120_percent_pays_for_excess(self) -> None:
        assert kelon(cap=1.2).printed == "82.8"

    def test_without_sampling_error_the_interval_is_not_measured(self) -> None:
        outcome = kelon()
        assert (outcome.low, outcome.high, outcome.sd, outcome.band_probability) == (None, None, None, None)
        assert outcome.bands == ()
        assert "not_measured" in outcome.adverse_barred

    def test_an_absent_indicator_is_rescaled_away(self) -> None:
        held = [one for one in facts() if one.indicator != "network"]
        outcome = appraise([], held, events(), shipped("kelon-branch-manager"))[0]
        assert outcome.main_printed == "93.1"
        assert outcome.main == pytest.approx((36.8 + 30 + 8 + 9) / 0.9)
        assert (outcome.coverage, outcome.rating) == (pytest.approx(0.90), "rated")
        assert outcome.total == pytest.approx(outcome.main - 10), "deductions are never rescaled"
        assert part(outcome, "network").points is None
        assert part(outcome, "network").missing == "not_measured"
        assert outcome.if_zero == pytest.approx(83.8 - 10)
        assert outcome.if_full == pytest.approx(93.8 - 10)

    def test_everything_lost_is_zero_and_not_below(self) -> None:
        nothing = facts(**{code: (0, target) for code, (_, target) in KELON.items()})
        worst = [(category, 9.0) for category in ("inventory", "complaint", "exposure", "daily")]
        outcome = appraise([], nothing, events(listed=worst), shipped("kelon-branch-manager"))[0]
        assert outcome.total == 0
        assert sum(one.points or 0 for one in outcome.parts if one.kind == "deduction") == -20
        assert part(outcome, "limit").points == 20

    def test_overlay(self) -> None:
        outcome = appraise([score()], facts(), events(), shipped("kelon-branch-manager-satisfaction"))[0]
        assert part(outcome, "satisfaction").points == pytest.approx(16)
        assert (outcome.main_printed, outcome.printed) == ("89.0", "79.0")

    def test_a_complaint_the_survey_already_shows_is_not_deducted_again(self) -> None:
        seen = [replace(one, in_survey=one.category == "complaint") for one in events()]
        overlaid = appraise([score()], facts(), seen, shipped("kelon-branch-manager-satisfaction"))[0]
        assert part(overlaid, "complaint").points == 0
        assert "3 more already count in the satisfaction" in part(overlaid, "complaint").why_en
        published = appraise([], facts(), seen, shipped("kelon-branch-manager"))[0]
        assert part(published, "complaint").points == -5
        unseen = appraise([], facts(), seen, shipped("kelon-branch-manager-satisfaction"))[0]
        assert part(unseen, "complaint").points == -5, "without satisfaction points nothing was lowered yet"

    def test_an_overturned_event_is_listed_with_its_reply_and_costs_nothing(self) -> None:
        happened = [replace(one, reply="物流停运") for one in events()]
        overturned = [replace(one, overturned=one.category == "complaint") for one in happened]
        scheme = shipped("kelon-branch-manager")
        standing, dropped = (appraise([], facts(), listed, scheme)[0] for listed in (happened, overturned))
        assert (standing.printed, dropped.printed) == ("81.3", "86.3")
        complaint = part(dropped, "complaint")
        assert [(line.counted, line.overturned, line.reply) for line in complaint.events] == [(0, True, "物流停运")] * 3
        assert "3 more did not stand" in complaint.why_en
        assert Outcome.from_record(dropped.record()) == dropped

    def test_an_expired_event_is_listed_and_costs_nothing(self) -> None:
        happened = [replace(one, expired=one.category == "complaint" and one.points == 3) for one in events()]
        outcome = appraise([], facts(), happened, shipped("kelon-branch-manager"))[0]
        assert outcome.printed == "82.3", "complaints are 2 + 2 = 4 now, below their cap of 5"
        complaint = part(outcome, "complaint")
        assert [(line.counted, line.expired) for line in complaint.events] == [(2, False), (2, False), (0, True)]
        assert (
            complaint.why_en
            == "2 + 2 = 4 points, at most 5 in this category. 1 more have expired and cost nothing any more."
        )
        assert "已过有效期" in complaint.why_zh

    def test_deductions_together_stop_at_the_total_cap(self) -> None:
        worst = [(category, 9.0) for category in ("inventory", "complaint", "exposure", "daily")]
        outcome = appraise(
            [], facts(), events(listed=worst), replace(shipped("kelon-branch-manager"), deduction_cap=12.0)
        )[0]
        assert outcome.total == pytest.approx(91.3 - 12)
        assert part(outcome, "total_cap").points == 8
        assert outcome.if_zero == outcome.if_full == outcome.total

    def test_multipliers_count_before_the_cap(self) -> None:
        doubled = [replace(one, multiplier=2.0) for one in events(listed=[("daily", 2), ("exposure", 4)])]
        outcome = appraise([], facts(), doubled, shipped("kelon-branch-manager"))[0]
        assert (part(outcome, "daily").points, part(outcome, "exposure").points) == (-4, -5)
        assert part(outcome, "exposure").uncapped == -8


class TestTaiwan:
    def test_profit_contribution_of_the_worked_row(self) -> None:
        earned = contribution(
            sales=1_000_000,
            cost=700_000,
            discounts=30_000,
            expense=40_000,
            collection_days=73,
            interest=0.06,
            bad_debt_rate=0.005,
        )
        assert earned.rate == pytest.approx(21.3)
        given = facts("T", attainment=(90, 100), profit=(earned.rate, 21.3), market_share=(12, 15), expenses=(6, 5))
        rating = Fact(rep="T", indicator="supervisor", value=4)
        outcome = appraise([score("T")], [*given, rating], [], shipped("taiwan-six"))[0]
        points = {one.code: one.points for one in outcome.parts}
        assert points == pytest.approx(
            {"attainment": 31.5, "satisfaction": 16, "profit": 15, "market_share": 8, "expenses": 8, "supervisor": 7.5}
        )
        assert outcome.printed == "86.0"
        assert "未作宽严校正" in part(outcome, "supervisor").why_zh


class TestMissing:
    def sales_scheme(self) -> Scheme:
        weights = {"a": 50.0, "b": 25.0, "c": 25.0}
        lines = [
            Indicator(code=code, name_zh=code, name_en=code, group="process", weight=weight, rule="ratio", target=10)
            for code, weight in weights.items()
        ]
        return replace(shipped("kelon-branch-manager"), indicators=tuple(lines), deductions=())

    def test_two_halves_and_an_absence_make_a_half_and_not_a_third(self) -> None:
        given = [Fact(rep="R", indicator=code, value=5) for code in ("a", "b")]
        outcome = appraise([], given, [], self.sales_scheme())[0]
        assert outcome.total == pytest.approx(50)
        assert (outcome.coverage, outcome.rating) == (0.75, "flagged")

    def test_too_little_coverage_has_a_total_but_no_band(self) -> None:
        outcome = appraise([], [Fact(rep="R", indicator="a", value=5)], [], self.sales_scheme())[0]
        assert outcome.total == pytest.approx(50)
        assert (outcome.rating, outcome.band, outcome.reward_band) == ("not_rateable", "", "")
        assert "coverage" in outcome.adverse_barred

    def test_nothing_known_is_no_total(self) -> None:
        outcome = appraise([], [], events("R", [("daily", 2)]), shipped("kelon-branch-manager"))[0]
        assert (outcome.total, outcome.printed, outcome.rating) == (None, "", "not_rateable")
        assert Outcome.from_record(json.loads(json.dumps(outcome.record()))) == outcome

    def test_what_the_rep_withholds_counts_as_nothing_and_stays_covered(self) -> None:
        given = [Fact(rep="R", indicator=code, value=10) for code in ("a", "b")]
        given.append(Fact(rep="R", indicator="c", missing="withheld_by_rep", evidence="asked on 1 and 8 July"))
        outcome = appraise([], given, [], self.sales_scheme())[0]
        assert (outcome.total, outcome.coverage) == (pytest.approx(75), 1.0)
        assert part(outcome, "c").why_en == "Not handed in by the rep: 0 points, open to reply."

    def test_what_does_not_apply_is_dropped_with_reason_and_approver(self) -> None:
        given = [Fact(rep="R", indicator=code, value=10) for code in ("a", "b")]
        given.append(Fact(rep="R", indicator="c", missing="not_applicable", note="new outlet", approved_by="Li"))
        outcome = appraise([], given, [], self.sales_scheme())[0]
        assert (outcome.total, outcome.coverage) == (pytest.approx(100), 0.75)
        assert part(outcome, "c").missing == "not_applicable"

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"missing": "not_applicable"}, "who approved it"),
            ({"missing": "withheld_by_rep"}, "record the evidence"),
            ({"missing": "forgotten"}, "use one of not_applicable"),
            ({}, "needs either a value or the reason"),
            ({"value": 3, "missing": "not_measured"}, "needs either a value or the reason"),
            ({"value": math.nan}, "not a finite number"),
        ],
    )
    def test_a_fact_without_what_it_takes_is_refused(self, wrong: dict[str, object], told: str) -> None:
        with pytest.raises(FactRefused, match=told):
            Fact(rep="R", indicator="c", **wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("wrong", [{"points": -1}, {"points": math.inf}, {"points": 1, "multiplier": 0}])
    def test_an_event_that_would_give_points_is_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(FactRefused):
            Event(rep="R", category="daily", on="2026-07-01", **wrong)

    def test_every_misfit_is_named_at_once(self) -> None:
        wrong = [
            Fact(rep="R", indicator="network", value=6),
            Fact(rep="R", indicator="collection", value=6, target=0),
            Fact(rep="R", indicator="satisfaction", value=90),
            Fact(rep="R", indicator="outlets", value=6),
            Fact(rep="R", indicator="outlets", value=7),
        ]
        with pytest.raises(FactsRefused) as refused:
            appraise([], wrong, [], shipped("kelon-branch-manager-satisfaction"))
        told = refused.value.problems
        assert [
            any(text in problem for problem in told) for text in ("no target", "target 0", "typed in", "two facts")
        ] == [True] * 4
        assert len(told) == 4

    def test_codes_the_scheme_does_not_know_are_listed(self) -> None:
        strange = [Fact(rep="R", indicator="colection", value=1, target=1)]
        assert unused(shipped("kelon-branch-manager"), strange, events(listed=[("late", 1)])) == ("colection", "late")


class TestExpectedPoints:
    """A scheme may pay the expectation over the uncertainty instead of the points at the reported score."""

    WORKED = (
        ("A", 87.46, 2.22), ("B", 88.61, 4.25), ("C", 79.52, 2.52), ("D", 86.47, 6.02), ("E", 75.09, 2.41),
        ("G", 77.79, 6.38),
    )  # fmt: skip

    def outcomes(self, points: str) -> dict[str, Outcome]:
        scheme = shipped("kelon-branch-manager-satisfaction")
        asked = [
            replace(one, parameters={**one.parameters, "points": points}) if one.survey else one
            for one in scheme.indicators
        ]
        scores = [score(rep, reported=mean, sd=sd) for rep, mean, sd in self.WORKED]
        given = [one for rep, *_ in self.WORKED for one in facts(rep)]
        return {one.rep: one for one in appraise(scores, given, [], replace(scheme, indicators=tuple(asked)))}

    def test_the_worked_table(self) -> None:
        """Its two columns of points: at the shrunk score, and expected."""
        for points, printed in (
            ("plug-in", ["18.3", "19.1", "13.0", "17.6", "10.1", "11.9"]),
            ("expected", ["18.2", "18.3", "13.0", "17.0", "10.1", "11.8"]),
        ):
            earned = [part(one, "satisfaction").points for one in self.outcomes(points).values()]
            assert [printed_sum(one or 0) for one in earned] == printed

    def test_parts_add_up_can_be_retraced_and_say_what_it_costs(self) -> None:
        for outcome in self.outcomes("expected").values():
            assert sum(Decimal(one.printed) for one in outcome.parts) == Decimal(outcome.printed)
            assert retraced(json.loads(json.dumps(explained(outcome, deduction_cap=20)))) == outcome.total
        said = part(self.outcomes("expected")["B"], "satisfaction")
        assert "expectation over the uncertainty of this score (standard deviation 4.2)" in said.why_en
        assert "标准差 4.2" in said.why_zh
        assert "expectation" not in part(self.outcomes("plug-in")["B"], "satisfaction").why_en

    def test_the_spread_and_the_chances_of_the_bands_are_those_of_the_same_score(self) -> None:
        plain, expected = self.outcomes("plug-in"), self.outcomes("expected")
        for rep, outcome in expected.items():
            assert part(outcome, "satisfaction").sd == part(plain[rep], "satisfaction").sd
            assert dict(outcome.bands) == pytest.approx(dict(plain[rep].bands))


class TestEvidence:
    def only(self, *scores: Score) -> tuple[Outcome, ...]:
        return appraise(scores, [], [], shipped("satisfaction-only"))

    def taiwan(self, one: Score) -> Outcome:
        given = facts(one.rep, attainment=(90, 100), profit=(20, 20), market_share=(12, 15), expenses=(5, 5))
        rating = Fact(rep=one.rep, indicator="supervisor", value=4)
        return appraise([one], [*given, rating], [], shipped("taiwan-six"))[0]

    def test_withheld_satisfaction_is_dropped_for_privacy(self) -> None:
        outcome = self.taiwan(score(reported=None, sd=None, evidence="withheld"))
        dropped = part(outcome, "satisfaction")
        assert (dropped.points, dropped.missing, dropped.actual) == (None, "privacy_suppressed", None)
        assert outcome.coverage == pytest.approx(0.8)
        assert outcome.total == pytest.approx(100 * (31.5 + 15 + 8 + 10 + 7.5) / 80)
        assert outcome.low is None

    def test_thin_satisfaction_keeps_its_points_but_covers_nothing(self) -> None:
        thin, full = self.taiwan(score(evidence="thin")), self.taiwan(score())
        assert thin.total == full.total
        assert (thin.coverage, full.coverage) == (pytest.approx(0.8), 1.0)
        assert (thin.rating, full.rating) == ("flagged", "rated")
        assert thin.low is not None
        assert part(thin, "satisfaction").note_en == "not enough answers to compare"

    def test_thin_satisfaction_alone_is_not_rateable(self) -> None:
        assert self.only(score(evidence="thin"))[0].rating == "not_rateable"

    def test_a_score_without_a_reported_value_was_not_measured(self) -> None:
        outcome = self.taiwan(score(reported=None, sd=None, evidence="thin"))
        assert part(outcome, "satisfaction").missing == "not_measured"

    def test_thin_satisfaction_earns_no_benefit_of_the_doubt(self) -> None:
        """72 points elsewhere and 7.9 of satisfaction: just below 80, P(B) = .48."""
        outcomes = [self.taiwan(score(reported=71.9, evidence=evidence)) for evidence in ("thin", "full")]
        assert [(one.band, one.neighbour, one.reward_band) for one in outcomes] == [("C", "B", "C"), ("C", "B", "B")]

    @pytest.mark.parametrize(("evidence", "adverse"), [("full", "E"), ("provisional", "")])
    def test_adverse_consequences_need_full_evidence(self, evidence: str, adverse: str) -> None:
        outcome = self.only(score(reported=66, sd=3, evidence=evidence))[0]
        assert outcome.band == "E"
        assert outcome.adverse_band == adverse
        assert ("evidence" in outcome.adverse_barred) == (not adverse)

    def test_adverse_consequences_need_to_be_ninety_percent_sure(self) -> None:
        """60 ≙ a reported 78: P(F < 60) is .84 at 77 with sd 1, .98 at 76."""
        assert self.only(score(reported=77, sd=1))[0].adverse_band == "D"
        assert self.only(score(reported=76, sd=1))[0].adverse_band == "E"
        assert self.only(score(reported=80, sd=4))[0].adverse_band == ""

    def test_under_a_scheme_adopted_late_nothing_adverse_may_follow(self) -> None:
        sure = score(reported=70, sd=2)
        (outcome,) = appraise([sure], [], [], shipped("satisfaction-only"), adopted_in_time=False)
        assert (outcome.band, outcome.adverse_band, outcome.adverse_barred) == ("E", "", ("adopted_late",))

    def test_no_adverse_consequence_while_heavy_indicators_have_no_error(self) -> None:
        given = facts("K", **dict.fromkeys(KELON, (1, 100)))
        outcome = appraise([score(reported=61, sd=1)], given, [], shipped("kelon-branch-manager-satisfaction"))[0]
        assert outcome.band == "E"
        assert (outcome.adverse_band, outcome.adverse_barred) == ("", ("not_measured",))

    def test_the_typical_spread_limits_the_benefit_of_the_doubt(self) -> None:
        """83.5 is 1.94 below the score that reaches B: P(B) is .37 with an sd of 6, .10 with the usual 1.5."""
        calm = [score(f"R{number}", 83.5, 1.5) for number in range(5)]
        noisy = score("N", 83.5, 6.0)
        scheme = shipped("kelon-branch-manager-satisfaction")

        def rewards(*scores: Score) -> dict[str, tuple[str, str]]:
            given = [fact for one in scores for fact in facts(one.rep)]
            happened = [event for one in scores for event in events(one.rep)]
            return {one.rep: (one.band, one.reward_band) for one in appraise(scores, given, happened, scheme)}

        assert rewards(noisy)["N"] == ("C", "B")
        together = rewards(*calm, noisy)
        assert together["N"] == together["R0"] == ("C", "C"), "noise earns nothing"

    def test_the_benefit_of_the_doubt_goes_up_only(self) -> None:
        """80 ≙ a reported 84: P(B) is .41 at 83.7 with sd 1.5, .25 at 83."""
        assert self.only(score(reported=83.7, sd=1.5))[0].reward_band == "B"
        assert self.only(score(reported=84.3, sd=1.5))[0].reward_band == "B"
        assert self.only(score(reported=83.0, sd=1.5))[0].reward_band == "C"


class TestVerification:
    """18 of 20 customers, says the rep, call each other by name."""

    SCHEME = shipped("customer-relationship")

    def names(self, **told: int) -> Part:
        fact = Fact(rep="R", indicator="mutual_names", value=18, target=20, **told)
        return part(appraise([], [fact], [], self.SCHEME)[0], "mutual_names")

    def test_what_nobody_bears_out_keeps_its_points_and_covers_nothing(self) -> None:
        alone = self.names()
        assert (alone.points, alone.covered) == (10, False)
        assert alone.note_en == "self-reported, not borne out by customers, not covered"

    def test_only_the_verified_share_scores(self) -> None:
        """9 of 12 customers know the rep: 75 % of 90 %, Wilson 46.8–91.1 %."""
        verified = self.names(confirmed=9, asked=12)
        assert (verified.actual, verified.points) == (15, pytest.approx(10 * 0.75 / 0.9))
        assert verified.covered
        assert "9 of 12 customers bear it out (75 %, 95 % interval 47–91 %)" in verified.note_en
        assert "95% 区间 47–91%" in verified.note_zh
        assert verified.working["reported_by_rep"] == 18

    def test_customers_who_all_agree_do_not_add_to_what_was_reported(self) -> None:
        assert self.names(confirmed=12, asked=12).actual == 18

    @pytest.mark.parametrize("told", [{"confirmed": 3}, {"confirmed": 5, "asked": 4}, {"confirmed": -1, "asked": 4}])
    def test_counts_that_are_none_are_refused(self, told: dict[str, int]) -> None:
        with pytest.raises(FactRefused, match="give both counts"):
            self.names(**told)


class TestTerritory:
    def test_the_more_favourable_of_the_policies_bands_counts_and_nothing_adverse_follows(self) -> None:
        low, high = score("L", 76, 1, peer=76, company=80), score("H", 76, 1, peer=80, company=76)
        for outcome in appraise([low, high], [], [], shipped("satisfaction-only")):
            assert outcome.territory_sensitive
            assert {outcome.peer_band, outcome.company_band} == {"D", "E"}
            assert outcome.band == "D"
            assert outcome.adverse_band == ""
            assert "territory" in outcome.adverse_barred

    def test_policies_that_agree_on_the_band_change_nothing(self) -> None:
        outcome = appraise([score(peer=84.5, company=86)], [], [], shipped("satisfaction-only"))[0]
        assert (outcome.territory_sensitive, outcome.peer_band, outcome.company_band) == (False, "B", "B")

    def test_a_rep_alone_in_the_territory_has_no_range(self) -> None:
        outcome = appraise([score(case="C")], [], [], shipped("satisfaction-only"))[0]
        assert (outcome.territory_sensitive, outcome.peer_band) == (False, "")


class TestBands:
    CUTS = shipped("satisfaction-only").bands

    def chances(self, total: float, sd: float) -> dict[str, float]:
        found = bands.probabilities(self.CUTS, bands.at_least(total, sd))
        return dict(zip("ABCDE", found, strict=True))

    def test_worked_probabilities(self) -> None:
        """F = 81.3 and 85, σ = 2.5, cuts 60/70/80/90."""
        borderline = self.chances(81.3, 2.5)
        assert (borderline["B"], borderline["C"]) == (pytest.approx(0.698, abs=5e-4), pytest.approx(0.302, abs=5e-4))
        assert self.chances(85, 2.5)["B"] == pytest.approx(0.954, abs=5e-4)

    def test_a_borderline_total_names_two_bands_and_a_clear_one_names_one(self) -> None:
        def proposal(total: float) -> bands.Verdict:
            reaches = bands.at_least(total, 2.5)
            return bands.verdict(
                self.CUTS, shipped("satisfaction-only").limits, band=bands.band_at(self.CUTS, total), reaches=reaches,
                reaches_calmly=reaches, adverse_barred=True,
            )  # fmt: skip

        assert (proposal(81.3).band, proposal(81.3).neighbour, proposal(81.3).reward_band) == ("B", "C", "B")
        assert (proposal(85).band, proposal(85).neighbour) == ("B", "")
        assert (proposal(79).band, proposal(79).neighbour, proposal(79).reward_band) == ("C", "B", "B")

    @pytest.mark.parametrize(
        ("total", "band"), [(90, "A"), (89.999, "B"), (80 - 1e-12, "B"), (60, "D"), (59.9, "E"), (0, "E")]
    )
    def test_bands_are_half_open(self, total: float, band: str) -> None:
        assert bands.band_at(self.CUTS, total).code == band

    def test_with_satisfaction_alone_uncertain_probabilities_are_those_of_the_score(self) -> None:
        outcome = appraise([score()], facts(), events(), shipped("kelon-branch-manager-satisfaction"))[0]
        others = 0.8 * 91.3 - 10
        needed = 60 + (70 - others) * 30 / 20
        chance = dict(outcome.bands)
        assert chance["C"] + chance["B"] + chance["A"] == pytest.approx(NORMAL.cdf((84 - needed) / 4.3))
        assert chance["A"] == 0, "90 is out of reach with 63.04 + 20"
        assert sum(chance.values()) == pytest.approx(1)
        assert outcome.band_probability == chance[outcome.band]

    def test_rescaling_counts_in_the_probabilities(self) -> None:
        """Without 开单, 24 points, all others are worth 1/.76 as much."""
        held = [one for one in facts() if one.indicator != "invoicing"]
        outcome = appraise([score()], held, events(), shipped("kelon-branch-manager-satisfaction"))[0]
        others = (29.44 + 6.4 + 6 + 7.2) / 0.76 - 10
        needed = 60 + (70 - others) * 30 / (20 / 0.76)
        chance = dict(outcome.bands)
        assert chance["C"] + chance["B"] + chance["A"] == pytest.approx(NORMAL.cdf((84 - needed) / 4.3))

    def test_the_interval_is_the_exact_one_of_clipped_points(self) -> None:
        """θ̃ 88.6, sd 4.3, w 20, L 60, T 90: sd of the points 1.98155."""
        outcome = appraise([score(reported=88.6)], facts(), [], shipped("kelon-branch-manager-satisfaction"))[0]
        assert outcome.sd == pytest.approx(1.98155, abs=5e-6)
        assert outcome.total is not None
        assert outcome.high == pytest.approx(outcome.total + 1.959964 * 1.98155, abs=1e-4)
        assert outcome.low == pytest.approx(outcome.total - 1.959964 * 1.98155, abs=1e-4)

    def test_rescaling_widens_the_interval_with_the_points(self) -> None:
        held = [one for one in facts() if one.indicator != "collection"]
        whole = appraise([score()], facts(), [], shipped("kelon-branch-manager-satisfaction"))[0]
        rescaled = appraise([score()], held, [], shipped("kelon-branch-manager-satisfaction"))[0]
        assert whole.sd is not None
        assert rescaled.sd == pytest.approx(whole.sd / 0.68)

    def test_no_spread_at_all_is_certain(self) -> None:
        outcome = appraise([score(sd=0.0)], [], [], shipped("satisfaction-only"))[0]
        assert dict(outcome.bands) == {"A": 0, "B": 1, "C": 0, "D": 0, "E": 0}


class TestSeveralDimensions:
    def scheme(self) -> Scheme:
        base = shipped("satisfaction-only")
        halves = [replace(base.indicators[0], code=item, item=item, weight=50.0) for item in ("knowledge", "delivery")]
        return replace(base, indicators=tuple(halves))

    def test_each_indicator_takes_its_own_item(self) -> None:
        scores = [score(item="knowledge", reported=75), score(item="delivery", reported=90)]
        outcome = appraise(scores, [], [], self.scheme())[0]
        assert [one.points for one in outcome.parts] == pytest.approx([25, 50])

    def test_shared_customers_are_taken_at_their_worst(self) -> None:
        scores = [score(item="knowledge", reported=75, sd=2), score(item="delivery", reported=75, sd=2)]
        outcome = appraise(scores, [], [], self.scheme())[0]
        assert outcome.sd == pytest.approx(2 * 50 * 2 / 30, rel=1e-4)
        assert outcome.band_probability == pytest.approx(NORMAL.cdf((60 - 50) / outcome.sd), rel=1e-6)

    def test_an_item_nobody_asked_is_refused(self) -> None:
        with pytest.raises(FactsRefused, match="No score is for delivery"):
            appraise([score(item="knowledge")], [], [], self.scheme())


class TestWords:
    def test_the_satisfaction_sentence_walks_from_raw_to_points(self) -> None:
        steps = {"raw": 93.2, "mix": -0.7, "territory": -0.4, "centring": -0.1, "adjusted": 92.0, "reported": 88.6}
        told = appraise(
            [score(responses=12, customers=11, **steps)],
            facts(),
            [],
            shipped("kelon-branch-manager-satisfaction"),
            averages={"satisfaction": 82.84},
        )[0]
        why = part(told, "satisfaction")
        assert why.why_zh == (
            "11 位客户的 12 份答卷原始平均 93.2；客户结构 −0.7，区域 −0.4，归中 −0.1 → 92.0；"
            "答卷有限，向平均 82.8 收缩 −3.4 → 88.6；60 分得 0，90 分得满分；满分 20 分，得 19.1 分。"
        )
        assert why.why_en == (
            "12 answers of 11 customers average 93.2; customer mix −0.7, territory −0.4, centring −0.1 → 92.0; drawn "
            "towards the average 82.8 by −3.4 → 88.6; 60 earns nothing and 90 everything; that is 19.1 of 20 points."
        )

    def test_a_step_deduction_says_that_a_step_begun_costs_as_a_whole_one(self) -> None:
        """98.5 of 100 %, a point for every per cent: two steps, 3 of 5 points, where 5 − 1.5 would be 3.5."""
        happened = [Event(rep="Z", category="market_control", on="2026-07-01", points=1)]
        given = [Fact(rep="Z", indicator="territory_control", value=98.5)]
        told = appraise([], given, happened, shipped("zongshen"))[0]
        why = part(told, "territory_control")
        assert why.why_zh == "实际 98.5%，目标 100%，每低 1%（不足的按一档计）扣 1 分；满分 5 分，得 3.0 分。"
        assert why.why_en == (
            "98.5 % against a target of 100 %, less 1 point for every 1 % begun below it; that is 3.0 of 5 points."
        )
        assert part(told, "market_control").why_en == "1 point, at most 4 in this category."

    def test_how_many_answers_would_make_it_sure_is_said(self) -> None:
        """12 answers keep 63 % of the distance; 28 would keep 80 %."""
        steps = {"raw": 93.2, "mix": -0.7, "territory": -0.4, "centring": -0.1, "adjusted": 92.0, "reported": 88.6}
        told = appraise([score(responses=12, reliability=0.63, **steps)], [], [], shipped("satisfaction-only"))[0]
        assert "约 28 份答卷时可达 0.80" in part(told, "satisfaction").why_zh
        assert "about 28 answers would bring it to 0.80" in part(told, "satisfaction").why_en

    def test_printed_steps_add_up(self) -> None:
        steps = {"raw": 80.04, "mix": 0.04, "territory": 0.04, "centring": 0.04, "adjusted": 80.16, "reported": 80.2}
        outcome = appraise([score(**steps)], [], [], shipped("satisfaction-only"))[0]
        shown = {name: Decimal(printed) for name, _, printed in part(outcome, "satisfaction").working["steps"]}
        assert shown["raw"] + shown["mix"] + shown["territory"] + shown["centring"] == shown["adjusted"]
        assert shown["adjusted"] + shown["shrinkage"] == shown["reported"]
        assert (shown["raw"], shown["adjusted"], shown["reported"]) == (
            Decimal("80.0"),
            Decimal("80.2"),
            Decimal("80.2"),
        )

    def test_steps_of_an_unclipped_score_below_zero_add_up_too(self) -> None:
        steps = {"raw": 1.25, "mix": -1.5, "territory": -0.5, "centring": 0.25, "adjusted": -0.5, "reported": 12.0}
        outcome = appraise([score(**steps)], [], [], shipped("satisfaction-only"))[0]
        texts = [printed for _, _, printed in part(outcome, "satisfaction").working["steps"]]
        assert texts == ["1.2", "-1.5", "-0.5", "0.3", "-0.5", "12.5", "12.0"]

    def test_every_part_says_why_in_both_languages(self) -> None:
        outcome = appraise([score()], facts()[1:], events(), shipped("kelon-branch-manager-satisfaction"))[0]
        for one in outcome.parts:
            assert one.why_zh.endswith("。")
            assert one.why_en.endswith(".")

    def test_the_working_reproduces_the_points(self) -> None:
        outcome = appraise([score()], facts(), events(), shipped("kelon-branch-manager-satisfaction"))[0]
        loaded = shipped("kelon-branch-manager-satisfaction")
        for line in loaded.indicators:
            working = part(outcome, line.code).working
            names = {"weight", "actual", *loaded.parameters(line)} | (
                {"target"} if RULES[line.rule].needs_target else set()
            )
            again = RULES[line.rule].points(**{name: working[name] for name in names})
            assert again == part(outcome, line.code).points


class TestOutcome:
    def test_it_survives_storage(self) -> None:
        outcome = appraise([score()], facts()[1:], events(), shipped("kelon-branch-manager-satisfaction"))[0]
        assert Outcome.from_record(json.loads(json.dumps(outcome.record()))) == outcome

    def test_it_refuses_parts_that_do_not_add_up(self) -> None:
        outcome = kelon()
        with pytest.raises(PartsDoNotAddUp, match=r"sum to 81\.3"):
            replace(outcome, total=85.0, printed="85.0")
        with pytest.raises(PartsDoNotAddUp, match="is printed"):
            replace(outcome, printed="81.4")

    def test_largest_remainders_get_the_tenths(self) -> None:
        assert printed_parts([33.333, 33.333, 33.334]) == ("33.3", "33.3", "33.4")
        assert printed_parts([0.04, 0.04, 0.04]) == ("0.1", "0.0", "0.0")
        assert printed_parts([36.8, -5, 0]) == ("36.8", "-5.0", "0.0")
        assert printed_sum(79.95) == "80.0"
        assert printed_sum(-0.04) == "0.0"

    @given(st.lists(st.floats(-100, 100), max_size=20))
    def test_printed_parts_always_sum_to_the_printed_total(self, amounts: list[float]) -> None:
        shown = printed_parts(amounts)
        assert sum(map(Decimal, shown), Decimal(0)) == Decimal(printed_sum(math.fsum(amounts)))
        assert all(
            abs(Decimal(text) - Decimal(amount)) < Decimal("0.11") for text, amount in zip(shown, amounts, strict=True)
        )


AMOUNTS = st.floats(0, 250, allow_nan=False)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Score], list[Fact], list[Event]]:
    """A rep under the overlaid Kelon scheme: some facts missing, any events, satisfaction of any evidence."""
    given = [
        Fact(rep="K", indicator=code, value=draw(AMOUNTS), target=draw(st.floats(1, 200)))
        for code in KELON
        if draw(st.booleans())
    ]
    listed = draw(
        st.lists(
            st.tuples(st.sampled_from(["inventory", "complaint", "exposure", "daily"]), st.floats(0, 9), st.booleans()),
            max_size=8,
        )
    )
    happened = [
        Event(rep="K", category=category, on=f"2026-07-{day:02}", points=points, in_survey=seen)
        for day, (category, points, seen) in enumerate(listed, start=1)
    ]
    reported = draw(st.floats(30, 110))
    surveyed = score(
        reported=reported,
        sd=draw(st.floats(0, 15)),
        evidence=draw(st.sampled_from(["thin", "provisional", "full"])),
        peer=reported + draw(st.floats(-5, 5)),
        company=reported + draw(st.floats(-5, 5)),
    )
    return ([surveyed] if draw(st.booleans()) else []), given, happened


class TestWhateverComesIn:
    SCHEME = shipped("kelon-branch-manager-satisfaction")

    def outcome(self, case: tuple[list[Score], list[Fact], list[Event]]) -> Outcome:
        return appraise(*case, self.SCHEME, reps=["K"])[0]

    @given(cases())
    def test_totals_stay_within_0_and_100_and_parts_sum(
        self, case: tuple[list[Score], list[Fact], list[Event]]
    ) -> None:
        outcome = self.outcome(case)
        if outcome.total is None:
            assert not case[0]
            assert not case[1]
            return
        assert 0 <= outcome.total <= 100
        assert math.fsum(one.points or 0.0 for one in outcome.parts) == pytest.approx(outcome.total, abs=1e-9)
        assert sum((Decimal(one.printed) for one in outcome.parts if one.printed), Decimal(0)) == Decimal(
            outcome.printed
        )
        if outcome.low is not None and outcome.high is not None:
            assert 0 <= outcome.low <= outcome.total <= outcome.high <= 100
        if outcome.bands:
            assert sum(chance for _, chance in outcome.bands) == pytest.approx(1)
        assert outcome.if_zero <= outcome.total + 1e-9
        assert outcome.total <= outcome.if_full + 1e-9

    @given(cases(), st.randoms(use_true_random=False))
    def test_the_order_of_facts_and_events_does_not_matter(
        self, case: tuple[list[Score], list[Fact], list[Event]], shuffler: random.Random
    ) -> None:
        scores, given, happened = case
        shuffled = (scores, shuffler.sample(given, len(given)), shuffler.sample(happened, len(happened)))
        assert self.outcome(shuffled) == self.outcome(case)

    @given(cases(), st.floats(0, 100))
    def test_a_better_fact_never_lowers_the_total(
        self, case: tuple[list[Score], list[Fact], list[Event]], gain: float
    ) -> None:
        scores, given, happened = case
        before = self.outcome(case).total
        for place, fact in enumerate(given):
            better = [*given]
            better[place] = replace(fact, value=(fact.value or 0.0) + gain)
            after = self.outcome((scores, better, happened)).total
            assert before is not None
            assert after is not None
            assert after >= before - 1e-9

    @given(cases(), st.floats(0, 20))
    def test_a_better_score_never_lowers_the_total(
        self, case: tuple[list[Score], list[Fact], list[Event]], gain: float
    ) -> None:
        scores, given, happened = case
        before = self.outcome(case).total
        better = [replace(one, reported=(one.reported or 0.0) + gain) for one in scores]
        after = self.outcome((better, given, happened)).total
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after >= before - 1e-9

    @given(cases())
    def test_deductions_are_never_rescaled(self, case: tuple[list[Score], list[Fact], list[Event]]) -> None:
        scores, _, happened = case
        whole = self.outcome((scores, facts(), happened))
        partial = self.outcome(case)
        deducted = [
            {one.code: one.points for one in outcome.parts if one.kind == "deduction"} for outcome in (whole, partial)
        ]
        assert deducted[0] == deducted[1]

    @given(cases())
    def test_missing_is_not_zero(self, case: tuple[list[Score], list[Fact], list[Event]]) -> None:
        scores, given, happened = case
        present = {one.indicator for one in given}
        zeros = [Fact(rep="K", indicator=code, value=0, target=1) for code in KELON if code not in present]
        if not zeros or not (scores or given):
            return
        missing, counted = self.outcome(case), self.outcome((scores, [*given, *zeros], happened))
        assert missing.coverage < counted.coverage
        assert counted.total == pytest.approx(missing.if_zero if scores else counted.total)
        assert missing.total is not None
        assert counted.total is not None
        assert missing.total >= counted.total - 1e-9


class TestFiles:
    """The command over files: what goes in, what comes out, what is refused."""

    SCORES = "rep,item,responses,customers,reported,reported_sd,peer,company,evidence\n"
    FACTS = "period,rep,indicator,value,target,note,evidence\n"

    def run(
        self, folder: Path, *, scores: str, given: str, scheme: str, happened: str = "", extra: tuple[str, ...] = ()
    ) -> int:
        (folder / "scores.csv").write_text(self.SCORES + scores, encoding="utf-8")
        (folder / "facts.csv").write_text(self.FACTS + given, encoding="utf-8-sig")
        arguments = [
            "appraise",
            str(folder / "scores.csv"),
            "--facts",
            str(folder / "facts.csv"),
            "--out",
            str(folder / "out"),
        ]
        if happened:
            (folder / "events.csv").write_text("rep,category,on,points,multiplier\n" + happened, encoding="utf-8")
            arguments += ["--events", str(folder / "events.csv")]
        parser = argparse.ArgumentParser()
        add_appraise(parser.add_subparsers())
        parsed = parser.parse_args([*arguments, "--scheme", str(FOLDER / f"{scheme}.toml"), *extra])
        return int(parsed.run(parsed))

    KELON_ROWS = "".join(f"2026-H1,K,{code},{value},{target},,\n" for code, (value, target) in KELON.items())
    KELON_EVENTS = "".join(f"K,{category},2026-07-01,{points},\n" for category, points in EVENTS)

    def test_kelon_from_files(self, tmp_path: Path) -> None:
        code = self.run(
            tmp_path, scores="", given=self.KELON_ROWS, scheme="kelon-branch-manager", happened=self.KELON_EVENTS
        )
        assert code == 0
        with (tmp_path / "out" / "outcomes.csv").open(encoding="utf-8") as file:
            (outcome,) = csv.DictReader(file)
        assert float(outcome["total"]) == pytest.approx(81.3)
        assert (outcome["rep"], outcome["low"], outcome["high"], outcome["band"]) == ("K", "", "", "B")
        assert (outcome["band_probability"], float(outcome["coverage"]), outcome["territory_sensitive"]) == (
            "",
            1,
            "False",
        )
        with (tmp_path / "out" / "parts.csv").open(encoding="utf-8") as file:
            rows = {row["indicator"]: row for row in csv.DictReader(file)}
        assert sum(float(row["points"]) for row in rows.values()) == pytest.approx(81.3)
        assert (rows["collection"]["target"], rows["collection"]["target_source"]) == ("100.0", "agreed")
        assert (rows["collection"]["actual"], rows["collection"]["weight"]) == ("92.0", "40.0")
        assert rows["complaint"]["note"] == "−7, capped at −5"

    def test_satisfaction_comes_from_the_only_item(self, tmp_path: Path) -> None:
        code = self.run(tmp_path, scores="K,overall,30,28,84,2,83,85,full\n", given="", scheme="satisfaction-only")
        assert code == 0
        assert "K,80.0," in (tmp_path / "out" / "outcomes.csv").read_text(encoding="utf-8")

    def test_which_item_is_meant_must_be_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        two = "K,speed,30,28,84,2,,,full\nK,care,30,28,84,2,,,full\n"
        assert self.run(tmp_path, scores=two, given="", scheme="satisfaction-only") == 1
        assert "--composite ITEM" in capsys.readouterr().err
        assert self.run(tmp_path, scores=two, given="", scheme="satisfaction-only", extra=("--composite", "care")) == 0

    def test_every_bad_row_is_named(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = "2026-H1,K,collection,92%,100,,\n2026-H1,K,invoicing,,100,,\n2026-H1,K,outlets,1\n"
        assert (
            self.run(tmp_path, scores="K,overall,30,28,84,2,,,splendid\n", given=rows, scheme="kelon-branch-manager")
            == 1
        )
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 4
        assert "facts.csv, line 2: value is '92%'" in told[1]
        assert "either a value or the reason" in told[2]
        assert "line 4: the row has more or fewer cells" in told[3]
        assert "evidence is 'splendid'" in told[0]
        assert not (tmp_path / "out").exists()

    def test_several_periods_need_a_choice(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = self.KELON_ROWS + self.KELON_ROWS.replace("2026-H1", "2025-H2").replace("92", "50")
        assert self.run(tmp_path, scores="", given=rows, scheme="kelon-branch-manager") == 1
        assert "2025-H2, 2026-H1" in capsys.readouterr().err
        chosen = ("--period", "2026-H1")
        assert self.run(tmp_path, scores="", given=rows, scheme="kelon-branch-manager", extra=chosen) == 0
        assert "K,91.3" in (tmp_path / "out" / "outcomes.csv").read_text(encoding="utf-8")

    def test_a_missing_file_and_a_wrong_scheme_are_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, scores="", given="", scheme="no-such-scheme") == 1
        assert "no-such-scheme.toml: No such file" in capsys.readouterr().err
        (tmp_path / "bad.toml").write_text("code = 3\n", encoding="utf-8")
        assert self.run(tmp_path, scores="", given="", scheme=str(tmp_path / "bad")) == 1
        assert "bad.toml: line 1: code is 3; give text in quotes" in capsys.readouterr().err

    def test_lines_of_other_schemes_are_mentioned(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = self.KELON_ROWS + "2026-H1,K,colection,92,100,,\n"
        assert self.run(tmp_path, scores="", given=rows, scheme="kelon-branch-manager") == 0
        assert "has no line for colection" in capsys.readouterr().err
