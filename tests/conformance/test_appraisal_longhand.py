"""Outcomes against the same arithmetic written out by hand, another way, over random schemes and facts.

Nothing here calls the product but to build its values: points by plain comparisons, the spread of satisfaction points
by numerical integration, bands by the error function.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest

from scoring.appraisal import appraise
from scoring.facts import Event, Fact
from scoring.outcome import Outcome
from scoring.scheme import Scheme
from scoring.scheme.lines import Band, Deduction, Indicator, Limits
from scoring.scores import Score

REPS = [f"R{number:02}" for number in range(12)]
RULES = (
    "ratio", "lower_is_better", "step_deduction", "band_table", "pass_fail", "threshold_share", "milestones",
    "anchored_rating", "satisfaction",
)  # fmt: skip


def phi(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def moments_of(points: Callable[[float], float], mean: float, sd: float) -> tuple[float, float]:
    """Mean and standard deviation of points(X), X ~ N(mean, sd²), by Simpson's rule over ±9 sd."""
    steps, sums = 900, [0.0, 0.0, 0.0]
    for step in range(steps + 1):
        z = -9 + 18 * step / steps
        weight = (1 if step in (0, steps) else 4 if step % 2 else 2) * math.exp(-z * z / 2)
        found = points(mean + z * sd)
        for power in range(3):
            sums[power] += weight * found**power
    return sums[1] / sums[0], math.sqrt(max(0.0, sums[2] / sums[0] - (sums[1] / sums[0]) ** 2))


@dataclass
class Line:
    """An indicator with everything its points need."""

    code: str
    rule: str
    weight: float
    given: dict[str, Any]
    target: float | None = None

    def points(self, x: float, target: float | None, cap: float) -> float:
        w, g = self.weight, self.given
        t = self.target if target is None else target
        if self.rule == "ratio":
            share = x / t  # type: ignore[operator]
            share = g["floor"] if share < g["floor"] else cap if share > cap else share
            return w * share
        if self.rule == "lower_is_better":
            if x <= t:  # type: ignore[operator]
                return w
            return 0.0 if x >= g["zero_at"] else w * (g["zero_at"] - x) / (g["zero_at"] - t)  # type: ignore[operator]
        if self.rule == "step_deduction":
            lost, level = 0.0, x
            while level < t - 1e-9:  # type: ignore[operator]
                level, lost = level + g["step"], lost + g["step_points"]
            return max(0.0, w - lost)
        if self.rule == "band_table":
            reached = [points for start, points in g["table"] if x >= start * t - 1e-9 * t]  # type: ignore[operator]
            return min(w, max(reached, default=0.0))
        if self.rule == "pass_fail":
            return w if x >= t else 0.0  # type: ignore[operator]
        if self.rule == "threshold_share":
            needed = g["threshold"] * t  # type: ignore[operator]
            if g["all_or_nothing"]:
                return w if x >= needed - 1e-9 * needed else 0.0
            return w * min(1.0, max(0.0, x / needed))
        if self.rule == "milestones":
            return w * min(1.1, max(0.0, x / t))  # type: ignore[operator]
        low, high = (g["lowest"], g["highest"]) if self.rule == "anchored_rating" else (g["zero_at"], g["full_at"])
        return w * min(1.0, max(0.0, (x - low) / (high - low)))

    def paid(self, x: float, sd: float) -> tuple[float, float]:
        """Points for a surveyed score with its spread, as the scheme chose them, and their own spread."""
        mean, spread = moments_of(lambda true: self.points(true, None, 1.0), x, sd)
        return (mean if self.given["points"] == "expected" else self.points(x, None, 1.0)), spread


@dataclass
class World:
    """A random scheme as the oracle knows it, with what happened to everybody."""

    lines: list[Line]
    caps: dict[str, float]
    times: dict[str, float]
    cap: float
    deduction_cap: float
    bands: list[tuple[str, float, bool]]
    limits: Limits
    facts: list[Fact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    in_time: bool = True

    @property
    def close(self) -> float:
        """How near the totals must come: expected points are integrated here, all others are exact."""
        return 1e-3 if any(one.given.get("points") == "expected" for one in self.lines) else 1e-9

    def scheme(self) -> Scheme:
        return Scheme(
            code="random", title_zh="随机", title_en="Random", source_zh="随机", source_en="random", cap=self.cap,
            deduction_cap=self.deduction_cap, limits=self.limits,
            indicators=tuple(
                Indicator(
                    code=one.code, name_zh=one.code, name_en=one.code, group="process", weight=one.weight,
                    rule=one.rule, target=one.target, item=one.code if one.rule == "satisfaction" else "",
                    parameters={key: value for key, value in one.given.items() if (one.rule, key) != ("ratio", "cap")},
                )
                for one in self.lines
            ),
            deductions=tuple(
                Deduction(code=code, name_zh=code, name_en=code, cap=cap, multiplier=self.times[code])
                for code, cap in self.caps.items()
            ),
            bands=tuple(
                Band(code=code, name_zh=code, name_en=code, cut=cut, adverse=bad) for code, cut, bad in self.bands
            ),
        )  # fmt: skip


@dataclass
class Longhand:
    """One rep's outcome, by hand."""

    total: float | None
    main: float | None
    coverage: float
    sd: float | None
    rating: str
    if_zero: float
    if_full: float
    band: str = ""
    chances: dict[str, float] = field(default_factory=dict)
    reward: str = ""
    adverse: str = ""
    sensitive: bool = False


def within(total: float) -> float:
    return 0.0 if total < 0 else 100.0 if total > 100 else total


def by_hand(world: World) -> dict[str, Longhand]:
    sheets = {rep: _sheet(world, rep) for rep in REPS}
    surveyed = [one for one in world.lines if one.rule == "satisfaction"]
    noise = {
        rep: (sheet["alone_sd"] if len(surveyed) == 1 else sheet["sd"]) for rep, sheet in sheets.items()
    }  # fmt: skip
    found = {}
    for rep, sheet in sheets.items():
        same = [noise[one] for one in REPS if world.positions[one] == world.positions[rep] and noise[one] is not None]
        found[rep] = _judged(world, sheet, noise[rep], median(same) if same else None, len(surveyed) == 1)
    return found


def _sheet(world: World, rep: str) -> dict[str, Any]:
    facts = {one.indicator: one for one in world.facts if one.rep == rep}
    scores = {one.item: one for one in world.scores if one.rep == rep}
    earned = held = covered = spread = 0.0
    unmeasured, moved = [], {"peer": 0.0, "company": 0.0}
    grades, alone, ends_known = [], None, True
    for line in world.lines:
        if line.rule == "satisfaction":
            score = scores.get(line.code)
            grades.append(score.evidence if score else "none")
            if score is None or score.reported is None or score.reported_sd is None:
                continue
            points, sd = line.paid(score.reported, score.reported_sd)
            spread, alone = spread + sd, (line, score, points)
            covered += 0.0 if score.evidence == "thin" else line.weight
            for policy in moved:
                there = getattr(score, policy)
                ends_known = ends_known and there is not None
                moved[policy] += 0.0 if there is None else line.paid(there, score.reported_sd)[0] - points
        else:
            fact = facts.get(line.code)
            if fact is None or fact.missing in ("not_applicable", "not_measured"):
                continue
            points = 0.0 if fact.missing else line.points(fact.value or 0.0, fact.target, world.cap)
            covered += line.weight
            if line.weight >= world.limits.measured_weight:
                unmeasured.append(line.code)
        earned, held = earned + points, held + line.weight
    lost = 0.0
    for code, cap in world.caps.items():
        of_kind = [
            one.points * (world.times[code] if one.multiplier is None else one.multiplier)
            for one in world.events
            if one.rep == rep and one.category == code and not one.overturned and not one.expired
            and not (one.in_survey and alone is not None)
        ]  # fmt: skip
        lost += min(cap, sum(of_kind))
    lost = min(lost, world.deduction_cap)
    scale = 100 / held if held else None
    return {
        "earned": earned, "held": held, "covered": covered / 100, "lost": lost, "scale": scale, "alone": alone,
        "sd": scale * spread if scale and alone is not None else None,
        "alone_sd": alone[1].reported_sd if alone is not None else None,
        "unmeasured": unmeasured, "grades": grades, "moved": moved if alone is not None and ends_known else None,
    }  # fmt: skip


def _judged(world: World, sheet: dict[str, Any], sd: float | None, typical: float | None, single: bool) -> Longhand:
    scale, lost, held = sheet["scale"], sheet["lost"], sheet["held"]
    main = None if scale is None else scale * sheet["earned"]
    total = None if main is None else within(main - lost)
    rating = "not_rateable"
    if total is not None and sheet["covered"] > world.limits.rateable - 1e-9:
        rating = "rated" if sheet["covered"] > world.limits.complete - 1e-9 else "flagged"
    found = Longhand(
        total=total, main=main, coverage=sheet["covered"], sd=sheet["sd"], rating=rating,
        if_zero=within(sheet["earned"] - lost), if_full=within(sheet["earned"] + 100 - held - lost),
    )  # fmt: skip
    if total is None or main is None or rating == "not_rateable":
        return found
    chosen = _grade(world, total)
    if sheet["moved"] is not None:
        ends = [_grade(world, within(main + scale * sheet["moved"][one] - lost)) for one in ("peer", "company")]
        if ends[0] != ends[1]:
            found.sensitive, chosen = True, min(ends)
    found.band = found.reward = world.bands[chosen][0]
    if sd is None:
        return found

    def above(cut: float, noise: float) -> float:
        if not single:
            return phi((total - cut) / noise) if noise else float(total >= cut)
        line, score, points = sheet["alone"]
        needed = cut - (main - lost - scale * points)
        if needed <= 1e-9:
            return 1.0
        if needed > scale * line.weight + 1e-9:
            return 0.0
        span = line.given["full_at"] - line.given["zero_at"]
        return phi((score.reported - line.given["zero_at"] - needed * span / (scale * line.weight)) / noise)

    def chances(noise: float) -> list[float]:
        ups = [above(cut, noise) for _, cut, _ in world.bands[:-1]] + [1.0]
        return [up - (ups[place - 1] if place else 0.0) for place, up in enumerate(ups)]

    sure = chances(sd)
    found.chances = {code: chance for (code, _, _), chance in zip(world.bands, sure, strict=True)}
    higher = chosen
    if sure[chosen] < world.limits.single_band:
        beside = [place for place in (chosen - 1, chosen + 1) if 0 <= place < len(sure)]
        higher = min(chosen, max(beside, key=lambda place: (sure[place], -place)))
    doubt = typical is not None and "thin" not in sheet["grades"]
    if doubt and chances(min(sd, typical or 0.0))[higher] >= world.limits.benefit:
        found.reward = world.bands[higher][0]
    if world.in_time and not found.sensitive and not sheet["unmeasured"] and set(sheet["grades"]) == {"full"}:
        for place in range(1, len(world.bands)):
            if world.bands[place][2] and 1 - above(world.bands[place - 1][1], sd) >= world.limits.adverse:
                found.adverse = world.bands[place][0]
    return found


def _grade(world: World, total: float) -> int:
    return next(place for place, (_, cut, _) in enumerate(world.bands) if total >= cut - 1e-9)


def world_of(seed: int) -> World:
    dice = random.Random(seed)
    surveys = dice.choice([0, 1, 1, 1, 2])
    plain = [dice.choice(RULES[:-1]) for _ in range(dice.randint(1, 5))]
    rules = [*plain, *["satisfaction"] * surveys]
    cuts = sorted(dice.sample(range(1, 100), len(rules) - 1))
    weights = [float(high - low) for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    lines = [_line(dice, place, rule, w) for place, (rule, w) in enumerate(zip(rules, weights, strict=True))]
    grades = sorted(dice.sample(range(20, 98), dice.randint(1, 4)), reverse=True)
    adverse = dice.randint(0, len(grades))
    bands = [
        ("ABCDEF"[place], float(cut), place > adverse) for place, cut in enumerate([*grades, 0])
    ]  # fmt: skip
    caps = {f"d{number}": float(dice.randint(1, 9)) for number in range(dice.randint(0, 4))}
    world = World(
        lines=lines, caps=caps, times={code: dice.choice([1.0, 2.0]) for code in caps}, bands=bands,
        cap=dice.choice([1.0, 1.0, 1.2]), deduction_cap=dice.choice([8.0, 20.0]),
        limits=Limits(rating_weight=100.0)
        if dice.random() < 0.5
        else Limits(benefit=0.1, adverse=0.6, measured_weight=60.0, rating_weight=100.0),
        positions={rep: dice.choice("xy") for rep in REPS}, in_time=dice.random() < 0.8,
    )  # fmt: skip
    for rep in REPS:
        _happen(dice, world, rep)
    return world


def _line(dice: random.Random, place: int, rule: str, weight: float) -> Line:
    given: dict[str, Any] = {
        "ratio": {"floor": dice.choice([0.0, 0.3])},
        "lower_is_better": {"zero_at": 200.0},
        "step_deduction": {"step": dice.choice([1.0, 2.5]), "step_points": dice.choice([0.5, 2.0])},
        "band_table": {"table": ((1.0, weight), (0.8, weight * 0.6), (0.5, weight * 0.2))},
        "threshold_share": {"threshold": dice.choice([0.9, 1.0]), "all_or_nothing": dice.random() < 0.3},
        "anchored_rating": {"lowest": 1.0, "highest": 5.0},
        "satisfaction": {
            "zero_at": 60.0,
            "full_at": dice.choice([85.0, 90.0]),
            "points": "expected" if place % 2 else "plug-in",
        },
    }.get(rule, {})
    return Line(
        code=f"i{place}", rule=rule, weight=weight, given=given,
        target=None if rule in ("anchored_rating", "satisfaction") else 100.0,
    )  # fmt: skip


def _happen(dice: random.Random, world: World, rep: str) -> None:
    good = dice.choice([0.5, 0.8, 0.95, 1.05])
    for line in world.lines:
        if line.rule == "satisfaction":
            world.scores += _score(dice, rep, line.code)
        elif dice.random() < 0.85:
            x = round(dice.uniform(1, 5)) if line.rule == "anchored_rating" else round(dice.gauss(100 * good, 12), 1)
            own = dice.choice([None, 90.0, 110.0]) if line.target else None
            world.facts.append(Fact(rep=rep, indicator=line.code, value=x, target=own, evidence="seen"))
        else:
            world.facts.append(dice.choice(_absences(rep, line.code)))
    for code in world.caps:
        for number in range(dice.randint(0, 3)):
            world.events.append(
                Event(
                    rep=rep, category=code, on=f"2026-03-{number + 1:02}", points=float(dice.randint(1, 5)),
                    multiplier=dice.choice([None, None, 3.0]), in_survey=dice.random() < 0.3,
                    overturned=dice.random() < 0.1, expired=dice.random() < 0.1,
                )
            )  # fmt: skip


def _absences(rep: str, code: str) -> list[Fact]:
    return [
        Fact(rep=rep, indicator=code, missing="not_measured"),
        Fact(rep=rep, indicator=code, missing="not_applicable", note="x", approved_by="y"),
        Fact(rep=rep, indicator=code, missing="withheld_by_rep", evidence="asked twice"),
    ]


def _score(dice: random.Random, rep: str, item: str) -> Iterable[Score]:
    grade = dice.choice(["full", "full", "full", "provisional", "thin", "withheld"])
    shown = grade != "withheld"
    reported = dice.gauss(80, 9)
    moved = dice.choice([0.0, 0.0, 3.0, 9.0])
    values: dict[str, Any] = dict.fromkeys(
        ("raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high", "component", "fragile", "case")
    )
    known = dice.random() < 0.9
    yield Score(
        rep=rep, item=item, responses=30, customers=28, reliability=0.8 if shown else None,
        reported=reported if shown else None, reported_sd=dice.choice([1.5, 3.0, 6.0]) if shown else None,
        peer=reported - moved if shown and known else None, company=reported + moved if shown and known else None,
        evidence=grade, **values,
    )  # fmt: skip


def test_every_outcome_is_what_the_text_says() -> None:
    told = {"adverse": 0, "sensitive": 0, "benefit": 0, "flagged": 0, "none": 0}
    for seed in range(80):
        world = world_of(seed)
        outcomes = appraise(
            world.scores, world.facts, world.events, world.scheme(), positions=world.positions, reps=REPS,
            adopted_in_time=world.in_time,
        )  # fmt: skip
        longhand = by_hand(world)
        for outcome in outcomes:
            _same(outcome, longhand[outcome.rep], f"world {seed}, {outcome.rep}", close=world.close)
            told["adverse"] += bool(outcome.adverse_band)
            told["sensitive"] += outcome.territory_sensitive
            told["benefit"] += outcome.reward_band != outcome.band
            told["flagged"] += outcome.rating == "flagged"
            told["none"] += outcome.rating == "not_rateable"
    assert all(told.values()), f"the worlds never came to every case: {told}"


def _same(outcome: Outcome, hand: Longhand, where: str, *, close: float) -> None:
    for name, ours in (
        ("total", outcome.total), ("main", outcome.main), ("coverage", outcome.coverage), ("if_zero", outcome.if_zero),
        ("if_full", outcome.if_full),
    ):  # fmt: skip
        assert ours == pytest.approx(getattr(hand, name), abs=close), f"{name} of {where}"
    assert (outcome.sd is None) == (hand.sd is None), where
    if hand.sd is not None:
        assert outcome.sd == pytest.approx(hand.sd, rel=2e-3, abs=1e-3), f"sd of {where}"
    assert (outcome.rating, outcome.band, outcome.reward_band, outcome.adverse_band, outcome.territory_sensitive) == (
        hand.rating, hand.band, hand.reward, hand.adverse, hand.sensitive,
    ), where  # fmt: skip
    assert dict(outcome.bands) == pytest.approx(hand.chances, abs=2e-3 if len(hand.chances) else 0), where
    assert outcome.band_probability == pytest.approx(hand.chances.get(hand.band), abs=2e-3), where
