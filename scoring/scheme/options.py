"""What is wrong with the options of one indicator: its log, what is told beside it, newcomers, teams, levels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from scoring.asides import ASIDES
from scoring.logs import MEASURES
from scoring.rules import RULES, number_of
from scoring.scheme.lines import Indicator
from scoring.toml_tables import Mistake, brief

_MOST_STRETCH = 5.0
_MOST_TEAM = 0.5


def mistakes_of(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    """Of an indicator whose rule is known."""
    yield from _counting(here, one)
    yield from _aiming(here, one)
    yield from _team(here, one)
    yield from _verification(here, one)
    yield from _anchors(here, one)


def _counting(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    survey = RULES[one.rule].survey
    if one.measure and (survey or one.measure not in MEASURES):
        what = "points of a survey need no log" if survey else f"measure is {brief(one.measure)}"
        zh = "问卷得分无需从记录计数" if survey else f"measure 为 {brief(one.measure)}"
        zh += f"；请删去，或从 {'、'.join(MEASURES)} 中选择。"
        yield here(key="measure", what=what, remedy=f"remove it, or choose from {', '.join(MEASURES)}", zh=zh)
    if one.beside and (survey or one.beside not in ASIDES):
        what = "nothing is told beside a survey" if survey else f"beside is {brief(one.beside)}"
        zh = "问卷得分旁没有附注" if survey else f"beside 为 {brief(one.beside)}"
        zh += f"；请删去，或从 {'、'.join(ASIDES)} 中选择。"
        yield here(key="beside", what=what, remedy=f"remove it, or choose from {', '.join(ASIDES)}", zh=zh)
    if not 2 <= one.lost_worth <= 3:
        what = f"a lost customer counts as {one.lost_worth:g} new ones"
        zh = f"流失一个客户按 {one.lost_worth:g} 个新客户计；请填写 2 至 3 之间的数字。"
        yield here(key="lost_worth", what=what, remedy="give a number from 2 to 3", zh=zh)
    if not 0 <= one.late_step < 1 or (one.late_step and one.measure != "project_stages"):
        staged, remedy = (
            one.measure == "project_stages",
            "give a share below 1 such as 0.05 with project_stages, or none",
        )
        what = f"late_step is {one.late_step:g}" if staged else "only project_stages can be late"
        zh = f"late_step 为 {one.late_step:g}" if staged else "只有 project_stages 才有延误"
        zh += "；请与 project_stages 一同填写小于 1 的比例，例如 0.05，或删去。"
        yield here(key="late_step", what=what, remedy=remedy, zh=zh)


def _aiming(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    aimed = RULES[one.rule].needs_target
    for key in ("ramp", "prorate", "minimum", "stretch"):
        if getattr(one, key) and not aimed:
            said = {"ramp": "could grow", "prorate": "could shrink"}.get(key, "could be set so")
            zh = f"规则 {one.rule} 没有目标，{key} 无从适用；请删去 {key}。"
            yield here(key=key, what=f"the rule {one.rule} has no target that {said}", remedy=f"remove {key}", zh=zh)
    if not aimed:
        return
    if one.minimum and (one.ramp or one.prorate):
        remedy, zh = "remove ramp and prorate, or minimum", "下限固定不变；请删去 ramp 与 prorate，或删去 minimum。"
        yield here(key="minimum", what="a required minimum never moves", remedy=remedy, zh=zh)
    elif one.ramp and one.group != "result":
        what = f"a ramp is for what comes of the work, and the group here is {one.group}"
        remedy = "ask duties of everybody alike: remove ramp"
        zh = f"{one.name_zh}：目标随在岗时间递增只适用于结果类指标；职责对人人相同，请删去 ramp。"
        yield here(key="ramp", what=what, remedy=remedy, warning=True, zh=zh)
    if one.stretch is not None and (one.target is not None or not 0 < one.stretch <= _MOST_STRETCH):
        what = f"stretch is {one.stretch:g}" if one.target is None else "there is a target and also a stretch"
        zh = f"stretch 为 {one.stretch:g}" if one.target is None else "既有 target，又有 stretch"
        zh += "；请只填写上年销售额的倍数，例如 1.2。"
        remedy = "give the multiple of last year’s sales alone, such as 1.2"
        yield here(key="stretch", what=what, remedy=remedy, zh=zh)


def _team(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    if one.team_share and (one.rule != "ratio" or one.verified_by):
        what = "only an attainment by the rule ratio can be shared with the team"
        zh = "只有按 ratio 规则计算的达成率才能与团队共担；请删去 team_share。"
        yield here(key="team_share", what=what, remedy="remove team_share", zh=zh)
    elif not 0 <= one.team_share <= _MOST_TEAM:
        what = f"team_share is {one.team_share:g}"
        zh = f"team_share 为 {one.team_share:g}；请填写 0 至 0.5 的比例，例如 0.1。"
        yield here(key="team_share", what=what, remedy="give a share from 0 to 0.5, such as 0.1", zh=zh)


def _verification(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    if not one.verified_by:
        if one.confirmed_by or one.denied_by:
            remedy, zh = "name the question these points belong to", "缺少 verified_by；请写明这些选项属于哪一题。"
            yield here(key="verified_by", what="verified_by is missing", remedy=remedy, zh=zh)
        return
    if not RULES[one.rule].divides:
        what = f"the rule {one.rule} has no share that customers could bear out"
        zh = f"规则 {one.rule} 没有可由客户印证的比例；请删去 verified_by，或改用 ratio、threshold_share。"
        yield here(key="verified_by", what=what, remedy="remove verified_by, or use ratio or threshold_share", zh=zh)
    for key in ("confirmed_by", "denied_by"):
        if not getattr(one, key):
            remedy, zh = "list the points of the question's scale, such as [1]", "请列出该题量表上的分值，例如 [1]。"
            yield here(key=key, what=f"{key} is missing", remedy=remedy, zh=f"缺少 {key}；{zh}")
    both = sorted(set(one.confirmed_by) & set(one.denied_by))
    if both:
        what = f"the point {both[0]:g} both bears it out and does not"
        zh = f"分值 {both[0]:g} 既算印证又算否认；请每个分值只列一次。"
        yield here(key="denied_by", what=what, remedy="list each point once", zh=zh)


def _anchors(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    given = {"anchors_zh": one.anchors_zh, "anchors_en": one.anchors_en}
    if one.rule != "anchored_rating":
        for key, texts in given.items():
            if texts:
                zh = f"只有评分才有各级文字说明；请删去 {key}。"
                yield here(key=key, what="only a rating has levels in words", remedy=f"remove {key}", zh=zh)
        return
    if not any(given.values()):
        what = "no level of the rating is described in words"
        yield here(
            key="rule", what=what, remedy="write anchors_zh and anchors_en from the lowest level up", warning=True,
            zh=f"{one.name_zh}：评分各级没有文字说明；请从最低级起写明 anchors_zh 与 anchors_en。",
        )  # fmt: skip
        return
    scale = {**RULES[one.rule].defaults, **one.parameters}
    levels = number_of(scale, "highest") - number_of(scale, "lowest") + 1
    for key, texts in given.items() if levels > 0 else ():
        if len(texts) != levels or not all(text.strip() for text in texts):
            described = len([text for text in texts if text.strip()])
            what = f"{key} describes {described} of {levels:g} levels"
            zh = f"{key} 写了 {levels:g} 级中的 {described} 级；请从最低级起逐级写明。"
            yield here(key=key, what=what, remedy="describe every level once, from the lowest up", zh=zh)
