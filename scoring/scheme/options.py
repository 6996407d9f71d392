"""What is wrong with the options of one indicator: its log, what is told beside it, newcomers, teams, levels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from scoring.asides import ASIDES
from scoring.logs import MEASURES
from scoring.rules import RULES, number_of
from scoring.scheme.lines import Indicator
from scoring.toml_tables import Mistake

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
        what = "points of a survey need no log" if survey else f"measure is {one.measure!r}"
        yield here(key="measure", what=what, remedy=f"remove it, or choose from {', '.join(MEASURES)}")
    if one.beside and (survey or one.beside not in ASIDES):
        what = "nothing is told beside a survey" if survey else f"beside is {one.beside!r}"
        yield here(key="beside", what=what, remedy=f"remove it, or choose from {', '.join(ASIDES)}")
    if not 2 <= one.lost_worth <= 3:
        what = f"a lost customer counts as {one.lost_worth:g} new ones"
        yield here(key="lost_worth", what=what, remedy="give a number from 2 to 3")
    if not 0 <= one.late_step < 1 or (one.late_step and one.measure != "project_stages"):
        what = (
            f"late_step is {one.late_step:g}" if one.measure == "project_stages" else "only project_stages can be late"
        )
        yield here(key="late_step", what=what, remedy="give a share below 1 such as 0.05 with project_stages, or none")


def _aiming(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    aimed = RULES[one.rule].needs_target
    for key in ("ramp", "prorate", "minimum", "stretch"):
        if getattr(one, key) and not aimed:
            said = {"ramp": "could grow", "prorate": "could shrink"}.get(key, "could be set so")
            yield here(key=key, what=f"the rule {one.rule} has no target that {said}", remedy=f"remove {key}")
    if not aimed:
        return
    if one.minimum and (one.ramp or one.prorate):
        yield here(key="minimum", what="a required minimum never moves", remedy="remove ramp and prorate, or minimum")
    elif one.ramp and one.group != "result":
        what = f"a ramp is for what comes of the work, and the group here is {one.group}"
        zh = "逐月递增的目标适用于工作成果，不适用于职责；职责应对人人一样，请删去 ramp。"
        yield here(key="ramp", what=what, remedy="ask duties of everybody alike: remove ramp", warning=True, zh=zh)
    if one.stretch is not None and (one.target is not None or not 0 < one.stretch <= _MOST_STRETCH):
        what = f"stretch is {one.stretch:g}" if one.target is None else "there is a target and also a stretch"
        yield here(key="stretch", what=what, remedy="give the multiple of last year’s sales alone, such as 1.2")


def _team(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    if one.team_share and (one.rule != "ratio" or one.verified_by):
        what = "only an attainment by the rule ratio can be shared with the team"
        yield here(key="team_share", what=what, remedy="remove team_share")
    elif not 0 <= one.team_share <= _MOST_TEAM:
        what = f"team_share is {one.team_share:g}"
        yield here(key="team_share", what=what, remedy="give a share from 0 to 0.5, such as 0.1")


def _verification(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    if not one.verified_by:
        if one.confirmed_by or one.denied_by:
            yield here(
                key="verified_by", what="verified_by is missing", remedy="name the question these points belong to"
            )
        return
    if not RULES[one.rule].divides:
        what = f"the rule {one.rule} has no share that customers could bear out"
        yield here(key="verified_by", what=what, remedy="remove verified_by, or use ratio or threshold_share")
    for key in ("confirmed_by", "denied_by"):
        if not getattr(one, key):
            yield here(key=key, what=f"{key} is missing", remedy="list the points of the question's scale, such as [1]")
    both = sorted(set(one.confirmed_by) & set(one.denied_by))
    if both:
        what = f"the point {both[0]:g} both bears it out and does not"
        yield here(key="denied_by", what=what, remedy="list each point once")


def _anchors(here: partial[Mistake], one: Indicator) -> Iterator[Mistake]:
    given = {"anchors_zh": one.anchors_zh, "anchors_en": one.anchors_en}
    if one.rule != "anchored_rating":
        for key, texts in given.items():
            if texts:
                yield here(key=key, what="only a rating has levels in words", remedy=f"remove {key}")
        return
    if not any(given.values()):
        what = "no level of the rating is described in words"
        yield here(
            key="rule",
            what=what,
            remedy="write anchors_zh and anchors_en from the lowest level up",
            warning=True,
            zh="评分的各等级没有文字说明；请由低到高写出 anchors_zh 和 anchors_en。",
        )
        return
    scale = {**RULES[one.rule].defaults, **one.parameters}
    levels = number_of(scale, "highest") - number_of(scale, "lowest") + 1
    for key, texts in given.items():
        if len(texts) != levels or not all(text.strip() for text in texts):
            what = f"{key} describes {len([text for text in texts if text.strip()])} of {levels:g} levels"
            yield here(key=key, what=what, remedy="describe every level once, from the lowest up")
