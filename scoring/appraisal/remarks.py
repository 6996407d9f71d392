"""What is told beside an indicator's points: what its value was drawn from, a missed minimum, the level rated."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.facts import Fact
from scoring.measures import wilson
from scoring.rules import number_of
from scoring.scheme.lines import Indicator
from scoring.wording import Pair, number, percent

_NOISE = 9


def counted(indicator: Indicator, fact: Fact, target: float | None) -> tuple[float, dict[str, float]]:
    """The value that earns points, and what it was drawn from where that is not simply the fact's.

    Of what a rep reports only the share that customers bear out counts; and where the scheme gives the team a part,
    x' = T·((1 − s)·x/T + s·team).
    """
    actual = fact.value or 0.0
    if target and indicator.verified_by and fact.asked and fact.confirmed is not None:
        low, high = wilson(fact.confirmed, fact.asked)
        drawn = {"reported_by_rep": actual, "confirmed": fact.confirmed, "asked": fact.asked, "low": low, "high": high}
        return min(actual, target * fact.confirmed / fact.asked), drawn
    if target and indicator.team_share and fact.team is not None:
        share = indicator.team_share
        drawn = {"own": actual, "team": fact.team, "team_share": share}
        return (1 - share) * actual + share * fact.team * target, drawn
    return actual, {}


def remark(indicator: Indicator, fact: Fact, drawn: Mapping[str, float], target: float | None) -> Pair:
    """Everything worth saying beside the points, in Chinese and English."""
    said = [fact.remark, _of_the_team(drawn, indicator), _missed(indicator, fact, target), _level(indicator, fact)]
    return "；".join(zh for zh, _ in said if zh), "; ".join(en for _, en in said if en)


def _of_the_team(drawn: Mapping[str, float], indicator: Indicator) -> Pair:
    if "team" not in drawn:
        return "", ""
    own = f"{number(drawn['own'])} {indicator.unit}".strip()
    team, share = percent(drawn["team"]), percent(drawn["team_share"])
    return (
        f"本人 {own}；所在团队达成 {team}，占 {share}".replace(" %", "%"),
        f"own {own}; the team reached {team}, which counts {share}",
    )


def _missed(indicator: Indicator, fact: Fact, target: float | None) -> Pair:
    if not indicator.minimum or target is None or round((fact.value or 0.0) - target, _NOISE) >= 0:
        return "", ""
    least = f"{number(target)} {indicator.unit}".strip()
    return f"未达规定下限 {least}", f"below the required minimum of {least}"


def _level(indicator: Indicator, fact: Fact) -> Pair:
    """The words of the level that was rated; between two levels there are none."""
    if not indicator.anchors_zh or fact.value is None:
        return "", ""
    place = fact.value - number_of({"lowest": 1.0, **indicator.parameters}, "lowest")
    if place != int(place) or not 0 <= place < len(indicator.anchors_zh):
        return "", ""
    return indicator.anchors_zh[int(place)], indicator.anchors_en[int(place)]
