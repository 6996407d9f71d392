"""Scores, facts and a scheme become one outcome per rep.

The order of evaluation is fixed: points of each indicator, clipped on their own → rescaled for missing indicators →
summed → less deductions, each capped, then all of them → clipped to 0–100 → band with its probability. Nothing is
shrunk here: satisfaction arrives shrunk once. Missing is never zero, deductions are never rescaled, and no rule
compares reps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from scoring.appraisal.conclusion import conclude, typical_spreads
from scoring.appraisal.parts import points_of
from scoring.appraisal.sheet import filled
from scoring.facts import Event, Fact, FactsRefused, Surveyed
from scoring.outcome import Outcome
from scoring.rules import RULES, NoZeroLevel, number_of
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator

COMPOSITE = "satisfaction"
_Entry = TypeVar("_Entry", Fact, Surveyed, Event)


def appraise(
    scores: Iterable[Surveyed],
    facts: Iterable[Fact],
    events: Iterable[Event],
    scheme: Scheme,
    *,
    composite: str = COMPOSITE,
    averages: Mapping[str, float] | None = None,
    positions: Mapping[str, str] | None = None,
    reps: Iterable[str] | None = None,
    adopted_in_time: bool = True,
) -> tuple[Outcome, ...]:
    """Apply ``scheme`` to every rep, sorted by rep.

    ``composite`` is the item a satisfaction indicator means when it names none; ``averages`` are the items' means
    towards which scores were shrunk, for the explanation. The reward band looks at the median uncertainty of the
    position, so pass all of a position's reps together; ``positions`` tells them apart by rep (default: one
    position). ``reps`` defaults to everyone with a score, a fact or an event. Facts and events the scheme has no
    line for are left alone (``unused`` lists them). Under a scheme that was not ``adopted_in_time``, before the
    period, nothing adverse may follow: nobody could know by what they would be measured.

    Raises FactsRefused, naming every fact that does not fit the scheme.
    """
    facts, scores = tuple(facts), tuple(scores)
    items = {one.code: one.item or composite for one in scheme.indicators if one.survey}
    _refuse_misfits(facts, scores, scheme, set(items.values()))
    known, place = averages or {}, positions or {}
    fact_of, score_of, events_of = _by_rep(facts), _by_rep(scores), _by_rep(events)
    found = fact_of.keys() | {one.rep for one in scores if one.item in items.values()} | events_of.keys()
    sheets = [
        filled(
            scheme,
            rep,
            facts={one.indicator: one for one in fact_of[rep]},
            scores={code: one for code, item in items.items() for one in score_of[rep] if one.item == item},
            averages={code: known[item] for code, item in items.items() if item in known},
            events=events_of[rep],
        )
        for rep in sorted(set(reps) if reps is not None else found)
    ]
    typical, digest = typical_spreads(sheets, place), scheme.hash
    return tuple(
        conclude(
            scheme, sheet, typical=typical.get(place.get(sheet.rep, "")), digest=digest,
            adopted_in_time=adopted_in_time,
        )
        for sheet in sheets
    )  # fmt: skip


def unused(scheme: Scheme, facts: Iterable[Fact], events: Iterable[Event]) -> tuple[str, ...]:
    """Codes among the facts and events for which the scheme has no line, sorted."""
    known = {one.code for one in scheme.indicators}
    categories = {one.code for one in scheme.deductions}
    return tuple(sorted({one.indicator for one in facts} - known | {one.category for one in events} - categories))


def _refuse_misfits(facts: Sequence[Fact], scores: Sequence[Surveyed], scheme: Scheme, wanted: set[str]) -> None:
    indicators = {one.code: one for one in scheme.indicators}
    problems = [
        problem
        for fact in facts
        if fact.indicator in indicators
        for problem in _misfits(fact, indicators[fact.indicator], scheme)
    ]
    problems += _repeated("fact", ((one.rep, one.indicator) for one in facts))
    problems += _repeated("score", ((one.rep, one.item) for one in scores))
    absent = wanted - {one.item for one in scores}
    if scores and absent:
        items = ", ".join(sorted({one.item for one in scores}))
        problems.append(f"No score is for {', '.join(sorted(absent))}; the scores are for {items}. Name one of these.")
    if problems:
        raise FactsRefused(problems)


def _misfits(fact: Fact, indicator: Indicator, scheme: Scheme) -> list[str]:
    where = f"The fact {fact.indicator} of {fact.rep}"
    rule = RULES[indicator.rule]
    if rule.survey:
        return [f"{where} is typed in, but its points come from the survey alone; remove it."]
    if fact.value is None:
        return []
    target = fact.target if fact.target is not None else indicator.target
    if indicator.rule == "anchored_rating" and _stands_out(scheme, indicator, fact.value) and not fact.evidence.strip():
        return [f"{where} is {fact.value:g}: so low or so high a rating needs a sentence of evidence; add it."]
    return _unfit_target(scheme, indicator, fact.value, target, where)


def _unfit_target(
    scheme: Scheme, indicator: Indicator, value: float, target: float | None, where: str
) -> list[str]:  # fmt: skip
    rule = RULES[indicator.rule]
    if rule.needs_target and target is None:
        return [f"{where} has no target and the scheme gives none; add the target that was agreed."]
    if rule.divides and target is not None and target <= 0:
        return [f"{where} has target {target:g}; give a target above 0, or record it as not_applicable."]
    try:
        points_of(scheme, indicator, value, target)
    except NoZeroLevel as error:
        return [f"{where}: {error}."]
    return []


def _stands_out(scheme: Scheme, indicator: Indicator, rating: float) -> bool:
    """On 1–5 the ratings 1, 2 and 5: what is said so plainly must be shown."""
    given = scheme.parameters(indicator)
    return rating <= number_of(given, "lowest") + 1 or rating >= number_of(given, "highest")


def _repeated(kind: str, keys: Iterable[tuple[str, str]]) -> list[str]:
    seen: set[tuple[str, str]] = set()
    twice: set[tuple[str, str]] = set()
    for key in keys:
        (twice if key in seen else seen).add(key)
    return [f"There are two {kind}s of {rep} for {code}; keep one." for rep, code in sorted(twice)]


def _by_rep(entries: Iterable[_Entry]) -> defaultdict[str, list[_Entry]]:
    grouped: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.rep].append(entry)
    return grouped
