"""The parts of a total: each indicator's points with their working, each deduction with its events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scoring import wording
from scoring.appraisal.remarks import counted, remark
from scoring.facts import Event, Fact, Surveyed
from scoring.outcome import EventLine, Part, between, printed_parts, printed_sum
from scoring.rules import RULES, capped_events, number_of, satisfaction_variance
from scoring.scheme import Scheme
from scoring.scheme.lines import Deduction, Indicator

_ROW_NAMES = {
    "reweighting": ("缺项折算", "Rescaled for missing indicators"),
    "total_cap": ("扣分总封顶", "Deductions capped in total"),
    "limit": ("总分上下限", "Limits of the total"),
}


def points_of(
    scheme: Scheme, indicator: Indicator, actual: float, target: float | None, *, sd: float = 0.0
) -> float:  # fmt: skip
    rule = RULES[indicator.rule]
    aim = {"target": target} if rule.needs_target else {}
    noise = {"sd": sd} if rule.survey else {}
    return rule.points(weight=indicator.weight, actual=actual, **aim, **noise, **scheme.parameters(indicator))


def _part(indicator: Indicator, **values: Any) -> Part:
    return Part(
        **{
            "kind": "indicator",
            "code": indicator.code,
            "name_zh": indicator.name_zh,
            "name_en": indicator.name_en,
            "group": indicator.group,
            "unit": indicator.unit,
            "rule": indicator.rule,
            "weight": indicator.weight,
            "working": {},
            **values,
        }
    )


def _dropped(indicator: Indicator, reason: str, note: str = "") -> Part:
    why = wording.why_missing(reason)
    return _part(
        indicator, points=None, missing=reason, covered=False, note_zh=note, note_en=note, why_zh=why[0], why_en=why[1]
    )


def fact_part(scheme: Scheme, indicator: Indicator, fact: Fact | None) -> Part:
    if fact is None:
        return _dropped(indicator, "not_measured")
    if fact.missing == "withheld_by_rep":
        return replace(
            _dropped(indicator, fact.missing, fact.note), points=0.0, covered=True, working={"evidence": fact.evidence}
        )
    if fact.value is None:
        return replace(
            _dropped(indicator, fact.missing, fact.note),
            remark_zh=fact.remark[0], remark_en=fact.remark[1], working={"approved_by": fact.approved_by},
        )  # fmt: skip
    target = fact.target if fact.target is not None else indicator.target
    aim = {"target": target} if RULES[indicator.rule].needs_target else {}
    actual, drawn = counted(indicator, fact, target)
    verified = drawn if "asked" in drawn else {}
    note = wording.note_verified(verified) if indicator.verified_by else ("", "")
    beside = remark(indicator, fact, drawn, target)
    return _part(
        indicator,
        actual=actual,
        points=points_of(scheme, indicator, actual, target),
        covered=bool(verified) or not indicator.verified_by,
        target=aim.get("target"),
        target_source="" if not aim else fact.target_source if fact.target is not None else "scheme",
        note_zh="；".join(filter(None, (note[0], fact.note))),
        note_en="; ".join(filter(None, (note[1], fact.note))),
        remark_zh=beside[0],
        remark_en=beside[1],
        working={
            "rule": RULES[indicator.rule].number,
            "weight": indicator.weight,
            "actual": actual,
            **drawn,
            **aim,
            **scheme.parameters(indicator),
            "evidence": fact.evidence,
            **({"beside": dict(fact.behind)} if fact.behind else {}),
            **({"target_why_zh": fact.why_target[0], "target_why_en": fact.why_target[1]} if fact.why_target else {}),
        },
    )


def surveyed_part(scheme: Scheme, indicator: Indicator, score: Surveyed | None, average: float | None) -> Part:
    if score is None:
        return _dropped(indicator, "not_measured")
    if score.evidence == "withheld":
        return replace(_dropped(indicator, "privacy_suppressed"), evidence="withheld")
    if score.reported is None or score.reported_sd is None:
        return replace(_dropped(indicator, "not_measured"), evidence=score.evidence)
    line = zero_and_full(scheme, indicator)
    variance = satisfaction_variance(weight=indicator.weight, mean=score.reported, sd=score.reported_sd, **line)
    note = wording.note_satisfaction(score.evidence)
    return _part(
        indicator,
        actual=score.reported,
        points=points_of(scheme, indicator, score.reported, None, sd=score.reported_sd),
        sd=math.sqrt(variance),
        target=line["full_at"],
        target_source="scheme",
        evidence=score.evidence,
        covered=score.evidence != "thin",
        note_zh=note[0],
        note_en=note[1],
        working={
            "rule": RULES[indicator.rule].number,
            "weight": indicator.weight,
            "actual": score.reported,
            **scheme.parameters(indicator),
            "reported_sd": score.reported_sd,
            "reported_printed": printed_sum(score.reported),
            **_steps(score, average),
        },
    )


def zero_and_full(scheme: Scheme, indicator: Indicator) -> dict[str, float]:
    given = scheme.parameters(indicator)
    return {key: number_of(given, key) for key in ("zero_at", "full_at")}


def _steps(score: Surveyed, average: float | None) -> dict[str, Any]:
    """The way from the raw average to the reported score: levels rounded plainly, steps printed so that they add up."""
    if score.raw is None or score.mix is None or score.territory is None or score.centring is None:
        return {}
    if score.adjusted is None or score.reported is None:
        return {}
    raw, adjusted, reported = (printed_sum(level) for level in (score.raw, score.adjusted, score.reported))
    amounts = (score.mix, score.territory, score.centring)
    mix, territory, centring = printed_parts(amounts, total=between(raw, adjusted))
    return {
        "steps": [
            ["raw", score.raw, raw],
            ["mix", score.mix, mix],
            ["territory", score.territory, territory],
            ["centring", score.centring, centring],
            ["adjusted", score.adjusted, adjusted],
            ["shrinkage", score.reported - score.adjusted, between(adjusted, reported)],
            ["reported", score.reported, reported],
        ],
        "responses": score.responses,
        "customers": score.customers,
        "reliability": score.reliability,
        "average": average,
    }


def deduction_part(deduction: Deduction, events: Sequence[Event], *, measured: bool) -> Part:
    """A category of events, capped. What the survey already shows is not deducted again, if the survey gave points."""
    own = sorted(
        (event for event in events if event.category == deduction.code),
        key=lambda event: (
            event.on, event.fact, event.points, event.evidence, event.in_survey, event.overturned, event.expired,
            event.reply,
        ),
    )  # fmt: skip
    lines = tuple(_event_line(event, deduction, measured=measured) for event in own)
    counted = [line.counted for line in lines if line.counted]
    uncapped = math.fsum(counted)
    note = wording.note_deduction(uncapped, deduction.cap)
    stood = [line for line in lines if not line.overturned]
    spared = sum(line.in_survey and not line.expired for line in stood) if measured else 0
    why = wording.why_deducted(
        counted, uncapped, deduction.cap, spared, overturned=len(lines) - len(stood),
        expired=sum(line.expired for line in stood),
    )  # fmt: skip
    return Part(
        kind="deduction",
        code=deduction.code,
        name_zh=deduction.name_zh,
        name_en=deduction.name_en,
        points=capped_events(counted, cap=deduction.cap),
        uncapped=-uncapped,
        note_zh=note[0],
        note_en=note[1],
        why_zh=why[0],
        why_en=why[1],
        working={"rule": "R6", "events": counted, "cap": deduction.cap},
        events=lines,
    )


def _event_line(event: Event, deduction: Deduction, *, measured: bool) -> EventLine:
    multiplier = event.multiplier if event.multiplier is not None else deduction.multiplier
    spared = event.overturned or event.expired or (event.in_survey and measured)
    return EventLine(
        on=event.on,
        fact=event.fact,
        evidence=event.evidence,
        points=event.points,
        multiplier=multiplier,
        counted=0.0 if spared else event.points * multiplier,
        in_survey=event.in_survey,
        overturned=event.overturned,
        expired=event.expired,
        reply=event.reply,
    )


def special_row(kind: str, points: float, **working: float) -> Part:
    zh, en = _ROW_NAMES[kind]
    why = {
        "reweighting": lambda: wording.why_reweighted(
            working["earned"], working["weight"], printed_sum(working["main"])
        ),
        "total_cap": lambda: wording.why_total_cap(working["cap"]),
        "limit": lambda: wording.why_limit(working["total"]),
    }[kind]()
    return Part(
        kind=kind, code=kind, name_zh=zh, name_en=en, points=points, why_zh=why[0], why_en=why[1], working=working
    )
