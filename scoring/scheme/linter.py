"""What is wrong with a scheme, all of it at once, and what is unwise about it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from scoring.rules import RULES, number_of
from scoring.scheme.lines import GROUPS, Band, Deduction, Indicator, Limits, Line, Ramp
from scoring.scheme.options import mistakes_of
from scoring.toml_tables import Mistake

FULL_POINTS = 100.0
MOST_VERSIONS = 9_999
HIGHEST_CAP = 2.0
_CODE = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_TOP = {"title_zh", "title_en", "cap", "deduction_cap", "positions"}
_MOST_SENIOR = 1.2


def mistakes_in(values: Mapping[str, Any]) -> list[Mistake]:
    """Mistakes and warnings in a scheme's values, given by name as ``Scheme`` takes them."""
    indicators: Sequence[Indicator] = values["indicators"]
    deductions: Sequence[Deduction] = values.get("deductions", ())
    return [
        *_top(values),
        *_lines("indicator", indicators),
        *_lines("deduction", deductions),
        *_lines("band", values["bands"]),
        *_indicators(indicators),
        *_ratings(indicators, values.get("limits", Limits()).rating_weight),
        *_deductions(deductions, {one.code for one in indicators}),
        *_repeats("indicator", indicators, indicators),
        *_repeats("deduction", deductions, indicators),
        *_bands(values["bands"]),
        *_limits(values.get("limits", Limits())),
        *_ramp(values.get("ramp", Ramp())),
        *_balance(indicators, deductions, values.get("deduction_cap", 20.0)),
    ]


def _top(values: Mapping[str, Any]) -> Iterator[Mistake]:
    for key in ("code", "title_zh", "title_en", "source_zh", "source_en"):
        if not values[key].strip():
            yield Mistake(key=key, what=f"{key} is empty", remedy="fill it in; it is printed in both languages")
    if values["code"] and not _CODE.fullmatch(values["code"]):
        yield Mistake(key="code", what=f"code is {values['code']!r}", remedy="use small letters, digits and hyphens")
    version, cap = values.get("version", 1), values.get("cap", 1.0)
    if not 1 <= version <= MOST_VERSIONS:
        what = f"version is {version}"
        yield Mistake(key="version", what=what, remedy=f"count versions from 1 to {MOST_VERSIONS}")
    if not 1 <= cap <= HIGHEST_CAP:
        yield Mistake(key="cap", what=f"cap is {cap:g}", remedy="give the attainment that still earns, from 1.0 to 2.0")
    if not 0 <= values.get("deduction_cap", 20.0) <= FULL_POINTS:
        what = f"deduction_cap is {values['deduction_cap']:g}"
        yield Mistake(key="deduction_cap", what=what, remedy="give the most that may be deducted, from 0 to 100")
    yield from _stated(partial(Mistake), values.get("stated", ()), _TOP)


def _lines(table: str, lines: Sequence[Line]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for position, line in enumerate(lines):
        here = partial(Mistake, table=table, position=position)
        if not line.code:
            yield here(key="code", what="code is empty", remedy="give each one its own code")
        elif table != "band" and not _CODE.fullmatch(line.code):
            yield here(key="code", what=f"code is {line.code!r}", remedy="use small letters, digits and hyphens")
        elif line.code in seen:
            yield here(key="code", what=f"code {line.code!r} is used twice", remedy="give each one its own code")
        seen.add(line.code)
        for key in ("name_zh", "name_en"):
            if not getattr(line, key).strip():
                yield here(key=key, what=f"{key} is empty", remedy="name it in both languages")
        known = {one.name for one in fields(line)} | {"name"}
        if isinstance(line, Indicator):
            known |= {key for name, rule in RULES.items() if name == line.rule for key in rule.parameters}
        yield from _stated(here, line.stated, known)


def _stated(here: partial[Mistake], stated: Sequence[str], known: set[str]) -> Iterator[Mistake]:
    for key in stated:
        if key not in known:
            yield here(
                key="stated",
                what=f"stated names {key!r}, which is no value here",
                remedy=f"choose from {', '.join(sorted(known - {'stated', 'parameters', 'code'}))}",
            )


def _indicators(indicators: Sequence[Indicator]) -> Iterator[Mistake]:
    for position, one in enumerate(indicators):
        here = partial(Mistake, table="indicator", position=position)
        if one.group not in GROUPS:
            yield here(key="group", what=f"group is {one.group!r}", remedy=f"choose from {', '.join(GROUPS)}")
        if not 0 < one.weight <= FULL_POINTS:
            yield here(key="weight", what=f"weight is {one.weight:g}", remedy="give points above 0, up to 100")
        elif one.weight < 5:
            what = f"a weight of {one.weight:g} hardly matters"
            zh = f"权重 {one.weight:g} 几乎不起作用；请给 5 分或以上，或删去这一项。"
            yield here(key="weight", what=what, remedy="give 5 points or more, or leave it out", warning=True, zh=zh)
        if one.rule not in RULES:
            yield here(key="rule", what=f"rule is {one.rule!r}", remedy=f"choose from {', '.join(RULES)}")
        else:
            yield from _rule_use(here, one)


def _ratings(indicators: Sequence[Indicator], most: float) -> Iterator[Mistake]:
    """What one person thinks of another is worth something, but not everything."""
    rated = [(place, one.weight) for place, one in enumerate(indicators) if one.rule == "anchored_rating"]
    weights = math.fsum(weight for _, weight in rated)
    if weights > most:
        what = f"ratings by a supervisor carry {weights:g} points"
        remedy = f"give them {most:g} together at most (limits: rating_weight)"
        yield Mistake(table="indicator", position=rated[-1][0], key="weight", what=what, remedy=remedy)


def _rule_use(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    rule = RULES[one.rule]
    if one.target is not None and not rule.needs_target:
        yield here(key="target", what=f"the rule {one.rule} has no target", remedy="remove target")
    if one.target is not None and rule.divides and one.target <= 0:
        yield here(key="target", what=f"target is {one.target:g}", remedy="give a target above 0")
    if one.item and not rule.survey:
        what = "only a satisfaction indicator names a surveyed item"
        yield here(key="item", what=what, remedy="remove item, or use the rule satisfaction")
    yield from _reach(here, one)
    yield from mistakes_of(here, one)
    for key in sorted(rule.required - one.parameters.keys()):
        yield here(key=key, what=f"the rule {one.rule} needs {key}", remedy=f"add {key} = …")
    if rule.required <= one.parameters.keys():
        for key, what, remedy in rule.check({**rule.defaults, **one.parameters}):
            yield here(key=key, what=what, remedy=remedy)


def _reach(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    """Whether the points stay within what the weight and the target allow."""
    given = one.parameters
    if "floor" in given and not 0 <= number_of(given, "floor") <= 1:
        yield here(key="floor", what=f"floor is {given['floor']:g}", remedy="give a share from 0 to 1")
    if "cap" in given and number_of(given, "cap") > HIGHEST_CAP:
        yield here(key="cap", what=f"cap is {given['cap']:g}", remedy=f"give {HIGHEST_CAP:g} at most")
    if one.target is not None and number_of(given, "zero_at") <= one.target:
        what = f"zero_at ({given['zero_at']:g}) is not above the target ({one.target:g})"
        yield here(key="zero_at", what=what, remedy="give the level, above the target, that scores 0")
    rows = given.get("table")
    if isinstance(rows, tuple) and any(points > one.weight for _, points in rows):
        what = f"the table gives more than the weight of {one.weight:g}"
        yield here(key="table", what=what, remedy="let the best row give the whole weight")


def _deductions(deductions: Sequence[Deduction], taken: set[str]) -> Iterator[Mistake]:
    for position, one in enumerate(deductions):
        here = partial(Mistake, table="deduction", position=position)
        if one.code in taken:
            yield here(key="code", what=f"code {one.code!r} is also an indicator's", remedy="give it its own code")
        for key in ("cap", "multiplier"):
            if getattr(one, key) <= 0:
                yield here(key=key, what=f"{key} is {getattr(one, key):g}", remedy="give a number above 0")


def _repeats(table: str, lines: Sequence[Indicator | Deduction], indicators: Sequence[Indicator]) -> Iterator[Mistake]:
    codes = {one.code for one in indicators}
    for position, line in enumerate(lines):
        here = partial(Mistake, table=table, position=position, key="repeats")
        for other in line.repeats:
            if other == line.code:
                yield here(what=f"{other} repeats itself", remedy="name the other indicators that count the same fact")
            elif other in codes:
                yield here(
                    what=f"one fact can count twice, in {line.code} and in {other}",
                    remedy="choose one channel for each event, and mark events that the survey already shows",
                    warning=True,
                    zh=f"同一件事可能在 {line.code} 和 {other} 中重复计算；每件事请只选一处，问卷已反映的事件请注明。",
                )
            else:
                what = f"repeats names {other!r}, which is no indicator here"
                yield here(what=what, remedy=f"choose from {', '.join(sorted(codes))}")


def _bands(bands: Sequence[Band]) -> Iterator[Mistake]:
    if not bands:
        yield Mistake(table="band", what="there are no bands", remedy="add [[band]] tables from the highest down")
        return
    for position, (higher, lower) in enumerate(itertools.pairwise(bands), start=1):
        here = partial(Mistake, table="band", position=position)
        if lower.cut >= higher.cut:
            what = f"cut {lower.cut:g} is not below {higher.code}'s {higher.cut:g}"
            yield here(key="cut", what=what, remedy="list bands from the highest cut to the lowest")
        if higher.adverse and not lower.adverse:
            what = f"{lower.code} is milder than {higher.code}, the band above it"
            yield here(key="adverse", what=what, remedy="mark the lowest bands as adverse, without gaps")
    last = partial(Mistake, table="band", position=len(bands) - 1, key="cut")
    if bands[-1].cut != 0:
        yield last(what=f"totals below {bands[-1].cut:g} have no band", remedy="let the lowest band start at 0")
    if all(band.adverse for band in bands):
        what = "every band would have adverse consequences"
        yield Mistake(table="band", key="adverse", what=what, remedy="mark the lowest bands alone as adverse")
    if bands[0].cut > FULL_POINTS:
        yield Mistake(table="band", key="cut", what=f"nobody reaches {bands[0].cut:g}", remedy="give a cut up to 100")


def _limits(limits: Limits) -> Iterator[Mistake]:
    here = partial(Mistake, table="limits")
    for key in ("single_band", "benefit", "adverse", "rateable", "complete"):
        if not 0 <= getattr(limits, key) <= 1:
            yield here(key=key, what=f"{key} is {getattr(limits, key):g}", remedy="give a share from 0 to 1")
    if limits.rateable > limits.complete:
        what = f"rateable ({limits.rateable:g}) is above complete ({limits.complete:g})"
        yield here(key="rateable", what=what, remedy="without a band below rateable, with a remark below complete")
    for key in ("measured_weight", "rating_weight"):
        if not 0 <= getattr(limits, key) <= FULL_POINTS:
            yield here(key=key, what=f"{key} is {getattr(limits, key):g}", remedy="give points from 0 to 100")
    yield from _stated(here, limits.stated, {one.name for one in fields(limits)})


def _ramp(ramp: Ramp) -> Iterator[Mistake]:
    here = partial(Mistake, table="ramp")
    if not 0 <= ramp.start <= 1:
        yield here(key="start", what=f"start is {ramp.start:g}", remedy="give the first month's share, from 0 to 1")
    if ramp.full_after <= 0:
        yield here(key="full_after", what=f"full_after is {ramp.full_after:g}", remedy="give months above 0")
    if any(not 0 <= share <= _MOST_SENIOR for share in ramp.table) or list(ramp.table) != sorted(ramp.table):
        yield here(
            key="table", what="the shares do not grow from 0 to 1.2 at most", remedy="write such as [0.5, 0.75, 1]"
        )
    yield from _stated(here, ramp.stated, {one.name for one in fields(ramp)})


def _balance(indicators: Sequence[Indicator], deductions: Sequence[Deduction], most: float) -> Iterator[Mistake]:
    """Whether the scheme as a whole can guide (too few, too many, too narrow) and does not punish too much."""
    if not indicators:
        yield Mistake(table="indicator", what="there are no indicators", remedy="add [[indicator]] tables")
        return
    weights = math.fsum(one.weight for one in indicators)
    if abs(weights - FULL_POINTS) > 1e-6:
        yield Mistake(key="weights", what=f"the weights sum to {weights:g}", remedy="make them sum to 100")
    advise = partial(Mistake, warning=True)
    if len(indicators) < 3:
        what = f"{_counted(len(indicators))} alone cannot guide the whole work"
        zh = f"只有 {len(indicators)} 项指标，不足以引导全部工作；通常为三至十项。"
        yield advise(key="few", what=what, remedy="three to ten are usual", zh=zh)
    if len(indicators) > 10:
        what = f"{len(indicators)} indicators have no focus"
        zh = f"{len(indicators)} 项指标过多，没有重点；请保留最重要的十项。"
        yield advise(key="many", what=what, remedy="keep the ten that matter most", zh=zh)
    if all(one.sales for one in indicators):
        what = "the scheme counts sales alone, which is narrow and short-sighted"
        zh = "方案只考核销售，片面而短视；请加入服务或过程指标。"
        yield advise(key="sales", what=what, remedy="add service or process", zh=zh)
    if not any(one.group == "process" for one in indicators):
        what = "there is no indicator of the process group"
        zh = "没有过程类指标；请对一些不会立即带来销售的职责计分。"
        yield advise(key="process", what=what, remedy="score some of the duties that do not sell at once", zh=zh)
    at_most = min(most, math.fsum(one.cap for one in deductions))
    if at_most > 20:
        what = f"deductions can take {at_most:g} of 100 points"
        zh = f"扣分最多可达 100 分中的 {at_most:g} 分；请控制在 20 分以内，否则不再起激励作用。"
        yield advise(key="deductions", what=what, remedy="keep them to 20, or they stop motivating", zh=zh)


def _counted(indicators: int) -> str:
    return "1 indicator" if indicators == 1 else f"{indicators} indicators"
