"""What is wrong with a scheme, all of it at once, and what is unwise about it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from scoring.rules import RULES, number_of
from scoring.scheme.lines import GROUPS, Band, Deduction, Indicator, Limits, Line, Ramp
from scoring.scheme.options import mistakes_of
from scoring.toml_tables import WIDEST, Mistake, brief, named

FULL_POINTS = 100.0
MOST_VERSIONS = 9_999
HIGHEST_CAP = 2.0
_CODE = re.compile(r"(?=.{1,60}$)[a-z0-9]+(?:[-_][a-z0-9]+)*")
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
            zh = f"{key} 为空；请填写，两种语言都要印出。"
            yield Mistake(key=key, what=f"{key} is empty", remedy="fill it in; it is printed in both languages", zh=zh)
    if values["code"] and not _CODE.fullmatch(values["code"]):
        yield _unfit_code(partial(Mistake), values["code"])
    version, cap = values.get("version", 1), values.get("cap", 1.0)
    if not 1 <= version <= MOST_VERSIONS:
        what = f"version is {version}"
        zh = f"version 为 {version}；版本号请从 1 起，至多 {MOST_VERSIONS}。"
        yield Mistake(key="version", what=what, remedy=f"count versions from 1 to {MOST_VERSIONS}", zh=zh)
    if not 1 <= cap <= HIGHEST_CAP:
        zh = f"cap 为 {cap:g}；请填写仍可得分的最高达成率，1.0 至 2.0。"
        remedy = "give the attainment that still earns, from 1.0 to 2.0"
        yield Mistake(key="cap", what=f"cap is {cap:g}", remedy=remedy, zh=zh)
    if not 0 <= values.get("deduction_cap", 20.0) <= FULL_POINTS:
        what = f"deduction_cap is {values['deduction_cap']:g}"
        zh = f"deduction_cap 为 {values['deduction_cap']:g}；请填写扣分总额的上限，0 至 100。"
        remedy = "give the most that may be deducted, from 0 to 100"
        yield Mistake(key="deduction_cap", what=what, remedy=remedy, zh=zh)
    unnamed = [position for position in values.get("positions", ()) if not position or position != position.strip()]
    if unnamed:
        what = f"positions names {brief(unnamed[0])}, which nobody holds"
        zh = f"positions 中的 {brief(unnamed[0])} 无人担任；请按名册写岗位名称，或删去 positions。"
        yield Mistake(key="positions", what=what, remedy="name each job as the roster does, or remove positions", zh=zh)
    yield from _stated(partial(Mistake), values.get("stated", ()), _TOP)


def _lines(table: str, lines: Sequence[Line]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for position, line in enumerate(lines):
        here = partial(Mistake, table=table, position=position)
        if not line.code:
            zh = "code 为空；请为每一项各定一个代码。"
            yield here(key="code", what="code is empty", remedy="give each one its own code", zh=zh)
        elif table != "band" and not _CODE.fullmatch(line.code):
            yield _unfit_code(here, line.code)
        elif line.code in seen:
            shown = brief(line.code)
            zh = f"代码 {shown} 用了两次；请为每一项各定一个代码。"
            yield here(key="code", what=f"code {shown} is used twice", remedy="give each one its own code", zh=zh)
        seen.add(line.code)
        for key in ("name_zh", "name_en"):
            if not getattr(line, key).strip():
                zh = f"{key} 为空；请用中英文各起一个名称。"
                yield here(key=key, what=f"{key} is empty", remedy="name it in both languages", zh=zh)
        known = {one.name for one in fields(line)} | {"name"}
        if isinstance(line, Indicator):
            known |= {key for name, rule in RULES.items() if name == line.rule for key in rule.parameters}
        yield from _stated(here, line.stated, known)
        yield from _vast(here, {key: getattr(line, key, None) for key in known} | dict(getattr(line, "parameters", {})))


def _vast(here: partial[Mistake], given: Mapping[str, Any]) -> Iterator[Mistake]:
    for key, value in given.items():
        if any(abs(number) > WIDEST for number in _numbers_in(value)):
            zh = f"{key} 超出 {WIDEST:g}；请填写工作中用得到的数字。"
            yield here(
                key=key, what=f"{key} goes beyond {WIDEST:g}", remedy="give a number that work is done with", zh=zh
            )


def _numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _numbers_in(one)


def _unfit_code(here: partial[Mistake], code: str) -> Mistake:
    remedy = "use small letters, digits and hyphens, 60 at most"
    zh = f"code 为 {brief(code)}；请只用小写字母、数字和连字符，至多 60 个。"
    return here(key="code", what=f"code is {brief(code)}", remedy=remedy, zh=zh)


def _stated(here: partial[Mistake], stated: Sequence[str], known: set[str]) -> Iterator[Mistake]:
    names = sorted(known - {"stated", "parameters", "code"})
    for key in (key for key in stated if key not in known):
        what = f"stated names {brief(key)}, which is no value here"
        zh = f"stated 中的 {brief(key)} 在此处不是一项取值；请从 {'、'.join(names)} 中选择。"
        yield here(key="stated", what=what, remedy=f"choose from {', '.join(names)}", zh=zh)


def _indicators(indicators: Sequence[Indicator]) -> Iterator[Mistake]:
    for position, one in enumerate(indicators):
        here = partial(Mistake, table="indicator", position=position)
        if one.group not in GROUPS:
            zh = f"group 为 {brief(one.group)}；请从 {'、'.join(GROUPS)} 中选择。"
            what = f"group is {brief(one.group)}"
            yield here(key="group", what=what, remedy=f"choose from {', '.join(GROUPS)}", zh=zh)
        if not 0 < one.weight <= FULL_POINTS:
            zh = f"weight 为 {one.weight:g}；请填写大于 0、不超过 100 的分数。"
            yield here(key="weight", what=f"weight is {one.weight:g}", remedy="give points above 0, up to 100", zh=zh)
        elif one.weight < 5:
            what = f"a weight of {one.weight:g} hardly matters"
            zh = f"{one.name_zh}：权重 {one.weight:g} 分，影响甚微；请给 5 分以上，或删去。"
            yield here(key="weight", what=what, remedy="give 5 points or more, or leave it out", warning=True, zh=zh)
        if one.rule not in RULES:
            zh = f"rule 为 {brief(one.rule)}；请从 {'、'.join(RULES)} 中选择。"
            yield here(key="rule", what=f"rule is {brief(one.rule)}", remedy=f"choose from {', '.join(RULES)}", zh=zh)
        else:
            yield from _rule_use(here, one)


def _ratings(indicators: Sequence[Indicator], most: float) -> Iterator[Mistake]:
    """What one person thinks of another is worth something, but not everything."""
    rated = [(place, one.weight) for place, one in enumerate(indicators) if one.rule == "anchored_rating"]
    weights = _sum(weight for _, weight in rated)
    if weights > most:
        what = f"ratings by a supervisor carry {weights:g} points"
        remedy = f"give them {most:g} together at most (limits: rating_weight)"
        zh = f"主管评分合计 {weights:g} 分；请合计不超过 {most:g} 分（limits 中的 rating_weight）。"
        yield Mistake(table="indicator", position=rated[-1][0], key="weight", what=what, remedy=remedy, zh=zh)


def _rule_use(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    rule = RULES[one.rule]
    if one.target is not None and not rule.needs_target:
        zh = f"规则 {one.rule} 没有目标；请删去 target。"
        yield here(key="target", what=f"the rule {one.rule} has no target", remedy="remove target", zh=zh)
    if one.target is not None and rule.divides and one.target <= 0:
        zh = f"target 为 {one.target:g}；请填写大于 0 的目标。"
        yield here(key="target", what=f"target is {one.target:g}", remedy="give a target above 0", zh=zh)
    if one.item and not rule.survey:
        what = "only a satisfaction indicator names a surveyed item"
        zh = "只有满意度指标才写调查项目；请删去 item，或改用规则 satisfaction。"
        yield here(key="item", what=what, remedy="remove item, or use the rule satisfaction", zh=zh)
    yield from _reach(here, one)
    yield from mistakes_of(here, one)
    absent = rule.required - one.parameters.keys()
    for key in sorted(absent):
        zh = f"规则 {one.rule} 需要 {key}；请补上 {key} = …。"
        yield here(key=key, what=f"the rule {one.rule} needs {key}", remedy=f"add {key} = …", zh=zh)
    for key, what, remedy, zh in rule.check({**rule.defaults, **one.parameters}):
        if key not in absent:
            yield here(key=key, what=what, remedy=remedy, zh=zh)


def _reach(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    """Whether the points stay within what the weight and the target allow."""
    given = one.parameters
    if "floor" in given and not 0 <= number_of(given, "floor") <= 1:
        zh = f"floor 为 {given['floor']:g}；请填写 0 至 1 的比例。"
        yield here(key="floor", what=f"floor is {given['floor']:g}", remedy="give a share from 0 to 1", zh=zh)
    if "cap" in given and number_of(given, "cap") > HIGHEST_CAP:
        zh = f"cap 为 {given['cap']:g}；请不超过 {HIGHEST_CAP:g}。"
        yield here(key="cap", what=f"cap is {given['cap']:g}", remedy=f"give {HIGHEST_CAP:g} at most", zh=zh)
    if one.target is not None and number_of(given, "zero_at") <= one.target:
        what = f"zero_at ({given['zero_at']:g}) is not above the target ({one.target:g})"
        zh = f"zero_at（{given['zero_at']:g}）不高于目标（{one.target:g}）；请填写高于目标、得 0 分的水平。"
        yield here(key="zero_at", what=what, remedy="give the level, above the target, that scores 0", zh=zh)
    rows = given.get("table")
    if isinstance(rows, tuple) and any(points > one.weight for _, points in rows):
        what = f"the table gives more than the weight of {one.weight:g}"
        zh = f"table 给出的分数超过权重 {one.weight:g}；请让最高一行恰为全部权重。"
        yield here(key="table", what=what, remedy="let the best row give the whole weight", zh=zh)


def _deductions(deductions: Sequence[Deduction], taken: set[str]) -> Iterator[Mistake]:
    for position, one in enumerate(deductions):
        here = partial(Mistake, table="deduction", position=position)
        if one.code in taken:
            what = f"code {brief(one.code)} is also an indicator's"
            zh = f"代码 {brief(one.code)} 已用于一个指标；请另定代码。"
            yield here(key="code", what=what, remedy="give it its own code", zh=zh)
        for key in ("cap", "multiplier"):
            if getattr(one, key) <= 0:
                zh = f"{key} 为 {getattr(one, key):g}；请填写大于 0 的数字。"
                yield here(key=key, what=f"{key} is {getattr(one, key):g}", remedy="give a number above 0", zh=zh)


def _repeats(table: str, lines: Sequence[Indicator | Deduction], indicators: Sequence[Indicator]) -> Iterator[Mistake]:
    codes = {one.code: one.name_zh for one in indicators}
    choose, choose_zh = named(sorted(codes)), named(sorted(codes), "、")
    for position, line in enumerate(lines):
        here = partial(Mistake, table=table, position=position, key="repeats")
        for other in line.repeats:
            if other == line.code:
                remedy, zh = "name the other indicators that count the same fact", "请写出对同一事实计数的其他指标。"
                yield here(what=f"{other} repeats itself", remedy=remedy, zh=f"{other} 与自身重复；{zh}")
            elif other in codes:
                yield here(
                    what=f"one fact can count twice, in {line.code} and in {other}",
                    remedy="choose one channel for each event, and mark events that the survey already shows",
                    warning=True,
                    zh=f"{line.name_zh}：同一事实可能在这里和“{codes[other]}”中重复计算；请为每件事选定一个途径，"
                    "客户评价中已体现的请标明。",
                )
            else:
                what = f"repeats names {brief(other)}, which is no indicator here"
                zh = f"repeats 中的 {brief(other)} 不是本方案的指标；请从 {choose_zh} 中选择。"
                yield here(what=what, remedy=f"choose from {choose}", zh=zh)


def _bands(bands: Sequence[Band]) -> Iterator[Mistake]:
    if not bands:
        zh = "没有等级；请从最高等级起逐一写 [[band]]。"
        yield Mistake(
            table="band", what="there are no bands", remedy="add [[band]] tables from the highest down", zh=zh
        )
        return
    for position, (higher, lower) in enumerate(itertools.pairwise(bands), start=1):
        here = partial(Mistake, table="band", position=position)
        if lower.cut >= higher.cut:
            what = f"cut {lower.cut:g} is not below {higher.code}'s {higher.cut:g}"
            zh = f"分界 {lower.cut:g} 不低于 {higher.code} 的 {higher.cut:g}；请从最高分界写到最低。"
            yield here(key="cut", what=what, remedy="list bands from the highest cut to the lowest", zh=zh)
        if higher.adverse and not lower.adverse:
            what = f"{lower.code} is milder than {higher.code}, the band above it"
            zh = f"{higher.code} 标了 adverse，低一级的 {lower.code} 却没有；请从最低等级起连续标明，不要间断。"
            yield here(key="adverse", what=what, remedy="mark the lowest bands as adverse, without gaps", zh=zh)
    last = partial(Mistake, table="band", position=len(bands) - 1, key="cut")
    if bands[-1].cut != 0:
        zh = f"总分低于 {bands[-1].cut:g} 者没有等级；请让最低等级从 0 开始。"
        yield last(what=f"totals below {bands[-1].cut:g} have no band", remedy="let the lowest band start at 0", zh=zh)
    if all(band.adverse for band in bands):
        what = "every band would have adverse consequences"
        zh = "每个等级都带来不利后果；请只把最低的等级标为 adverse。"
        yield Mistake(table="band", key="adverse", what=what, remedy="mark the lowest bands alone as adverse", zh=zh)
    if bands[0].cut > FULL_POINTS:
        what, zh = f"nobody reaches {bands[0].cut:g}", f"无人能达到 {bands[0].cut:g} 分；分界请不超过 100。"
        yield Mistake(table="band", key="cut", what=what, remedy="give a cut up to 100", zh=zh)


def _limits(limits: Limits) -> Iterator[Mistake]:
    here = partial(Mistake, table="limits")
    for key in ("single_band", "benefit", "adverse", "rateable", "complete"):
        if not 0 <= getattr(limits, key) <= 1:
            zh = f"{key} 为 {getattr(limits, key):g}；请填写 0 至 1 的比例。"
            yield here(key=key, what=f"{key} is {getattr(limits, key):g}", remedy="give a share from 0 to 1", zh=zh)
    if limits.rateable > limits.complete:
        what = f"rateable ({limits.rateable:g}) is above complete ({limits.complete:g})"
        zh = f"rateable（{limits.rateable:g}）高于 complete（{limits.complete:g}）；"
        zh += "低于 rateable 不评等级，低于 complete 加注说明，前者不应更高。"
        remedy = "without a band below rateable, with a remark below complete"
        yield here(key="rateable", what=what, remedy=remedy, zh=zh)
    for key in ("measured_weight", "rating_weight"):
        if not 0 <= getattr(limits, key) <= FULL_POINTS:
            zh = f"{key} 为 {getattr(limits, key):g}；请填写 0 至 100 的分数。"
            yield here(key=key, what=f"{key} is {getattr(limits, key):g}", remedy="give points from 0 to 100", zh=zh)
    yield from _stated(here, limits.stated, {one.name for one in fields(limits)})


def _ramp(ramp: Ramp) -> Iterator[Mistake]:
    here = partial(Mistake, table="ramp")
    if not 0 <= ramp.start <= 1:
        remedy, zh = "give the first month's share, from 0 to 1", "请填写第一个月的比例，0 至 1。"
        yield here(key="start", what=f"start is {ramp.start:g}", remedy=remedy, zh=f"start 为 {ramp.start:g}；{zh}")
    if ramp.full_after <= 0:
        what, zh = f"full_after is {ramp.full_after:g}", f"full_after 为 {ramp.full_after:g}；请填写大于 0 的月数。"
        yield here(key="full_after", what=what, remedy="give months above 0", zh=zh)
    if any(not 0 <= share <= _MOST_SENIOR for share in ramp.table) or list(ramp.table) != sorted(ramp.table):
        what, remedy = "the shares do not grow from 0 to 1.2 at most", "write such as [0.5, 0.75, 1]"
        zh = "各月比例须由 0 起逐月不减，至多 1.2；请写成例如 [0.5, 0.75, 1]。"
        yield here(key="table", what=what, remedy=remedy, zh=zh)
    yield from _stated(here, ramp.stated, {one.name for one in fields(ramp)})


def _balance(indicators: Sequence[Indicator], deductions: Sequence[Deduction], most: float) -> Iterator[Mistake]:
    """Whether the scheme as a whole can guide (too few, too many, too narrow) and does not punish too much."""
    if not indicators:
        zh = "没有指标；请写 [[indicator]]。"
        yield Mistake(table="indicator", what="there are no indicators", remedy="add [[indicator]] tables", zh=zh)
        return
    weights = _sum(one.weight for one in indicators)
    if abs(weights - FULL_POINTS) > 1e-6:
        zh = f"权重合计 {weights:g}；请使合计为 100。"
        yield Mistake(key="weights", what=f"the weights sum to {weights:g}", remedy="make them sum to 100", zh=zh)
    advise = partial(Mistake, warning=True)
    if len(indicators) < 3:
        alone = "1 indicator" if len(indicators) == 1 else f"{len(indicators)} indicators"
        what = f"{alone} alone cannot guide the whole work"
        zh = f"只有 {len(indicators)} 个指标，不足以引导全部工作；一般为三至十个。"
        yield advise(key="few", what=what, remedy="three to ten are usual", zh=zh)
    if len(indicators) > 10:
        what = f"{len(indicators)} indicators have no focus"
        zh = f"指标多达 {len(indicators)} 个，没有重点；请留下最要紧的十个。"
        yield advise(key="many", what=what, remedy="keep the ten that matter most", zh=zh)
    if all(one.sales for one in indicators):
        what = "the scheme counts sales alone, which is narrow and short-sighted"
        zh = "方案只看销售额，失之狭隘、短视；请加入服务或过程指标。"
        yield advise(key="sales", what=what, remedy="add service or process", zh=zh)
    if not any(one.group == "process" for one in indicators):
        what = "there is no indicator of the process group"
        zh = "没有过程类指标；请把一些不直接产生销售的职责计入得分。"
        yield advise(key="process", what=what, remedy="score some of the duties that do not sell at once", zh=zh)
    at_most = min(most, _sum(one.cap for one in deductions))
    if at_most > 20:
        what = f"deductions can take {at_most:g} of 100 points"
        zh = f"扣分最多可达 {at_most:g} 分（满分 100）；请不超过 20 分，扣分过多会失去激励作用。"
        yield advise(key="deductions", what=what, remedy="keep them to 20, or they stop motivating", zh=zh)


def _sum(points: Iterable[float]) -> float:
    try:
        return math.fsum(points)
    except OverflowError:
        return math.inf
