"""Why this number: a tree that holds everything an outcome's points follow from, and gives them again.

The tree is plain JSON. Its leaves are indicators with their rule, value, target and parameters, and deductions with
their events; above them stand the sums in their order. `retraced` works the tree out anew with the rules and refuses
it unless every point comes out the same to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scoring.outcome import Outcome, Part
from scoring.rules import RULES, capped_events

FULL = 100.0


class NotReproduced(ValueError):
    """A node of the tree whose points do not follow from what stands below it."""

    def __init__(self, node: str, *, stored: float | None, again: float | None) -> None:
        super().__init__(f"{node} has {stored!r} points, but its parts give {again!r}.")


def explained(outcome: Outcome, *, deduction_cap: float) -> dict[str, Any]:
    """The tree of one outcome; `deduction_cap` is the most that the scheme's deductions cost together."""
    indicators = [_indicator(part) for part in outcome.parts if part.kind == "indicator"]
    deductions = [_deduction(part) for part in outcome.parts if part.kind == "deduction"]
    relief = math.fsum(part.points or 0.0 for part in outcome.parts if part.kind == "total_cap")
    return {
        "rep": outcome.rep,
        "scheme": {"code": outcome.scheme, "version": outcome.scheme_version, "hash": outcome.scheme_hash},
        "total": {
            "points": outcome.total,
            "printed": outcome.printed,
            "how": "main + deductions, held within 0 and 100",
            "main": {
                "points": outcome.main,
                "printed": outcome.main_printed,
                "how": "all weights / weights with points × the sum of the points",
                "of": indicators,
            },
            "deductions": {
                "points": math.fsum(one["points"] for one in deductions) + relief,
                "how": "the sum, at most the cap",
                "cap": deduction_cap,
                "of": deductions,
            },
        },
        "corrections": [
            {"code": part.code, "points": part.points, "printed": part.printed, "why": _why(part)}
            for part in outcome.parts
            if part.kind not in ("indicator", "deduction")
        ],
    }


def retraced(tree: Mapping[str, Any]) -> float | None:
    """The total, worked out from the leaves of a tree; None where no indicator has points. Raises NotReproduced."""
    total = tree["total"]
    main, deductions = total["main"], total["deductions"]
    for leaf in main["of"]:
        _same(leaf["code"], leaf["points"], _indicator_again(leaf))
    for leaf in deductions["of"]:
        _same(leaf["code"], leaf["points"], capped_events(leaf["events"], cap=leaf["cap"]))
    scored = [leaf for leaf in main["of"] if leaf["points"] is not None]
    held = math.fsum(leaf["weight"] for leaf in scored)
    if not held:
        _same("total", total["points"], None)
        return None
    whole = math.fsum(leaf["weight"] for leaf in main["of"])
    earned = whole / held * math.fsum(leaf["points"] for leaf in scored)
    _same("main", main["points"], earned)
    deducted = math.fsum(leaf["points"] for leaf in deductions["of"])
    relief = max(0.0, -deductions["cap"] - deducted)
    _same("deductions", deductions["points"], deducted + relief)
    again: float = min(FULL, max(0.0, earned + deducted + relief))
    _same("total", total["points"], again)
    return again


def _indicator(part: Part) -> dict[str, Any]:
    rule = RULES[part.rule]
    known = {"weight", "actual", "target", "rule", *rule.parameters}
    return {
        "code": part.code,
        "name": {"zh": part.name_zh, "en": part.name_en},
        "rule": part.rule,
        "rule_number": rule.number,
        "rule_name": {"zh": rule.zh, "en": rule.en},
        "weight": part.weight,
        "missing": part.missing,
        "actual": part.working.get("actual"),
        "target": part.working.get("target"),
        "target_source": part.target_source,
        "parameters": {key: part.working[key] for key in sorted(rule.parameters & part.working.keys())},
        "also": {key: value for key, value in part.working.items() if key not in known},
        "points": part.points,
        "printed": part.printed,
        "remark": {"zh": part.remark_zh, "en": part.remark_en},
        "why": _why(part),
    }


def _indicator_again(leaf: Mapping[str, Any]) -> float | None:
    if leaf["missing"]:
        return 0.0 if leaf["missing"] == "withheld_by_rep" else None
    rule = RULES[leaf["rule"]]
    aim = {"target": leaf["target"]} if rule.needs_target else {}
    noise = {"sd": leaf["also"]["reported_sd"]} if rule.survey else {}
    points: float = rule.points(weight=leaf["weight"], actual=leaf["actual"], **aim, **noise, **leaf["parameters"])
    return points


def _deduction(part: Part) -> dict[str, Any]:
    return {
        "code": part.code,
        "name": {"zh": part.name_zh, "en": part.name_en},
        "events": list(part.working["events"]),
        "cap": part.working["cap"],
        "points": part.points,
        "printed": part.printed,
        "why": _why(part),
    }


def _why(part: Part) -> dict[str, str]:
    return {"zh": part.why_zh, "en": part.why_en}


def _same(node: str, stored: float | None, again: float | None) -> None:
    if stored != again:
        raise NotReproduced(node, stored=stored, again=again)
