"""Scores, facts and a scheme become one outcome per rep.

The order of evaluation is fixed: points of each indicator, clipped on their own → rescaled for missing indicators →
summed → less deductions, each capped, then all of them → clipped to 0–100 → band with its probability. Nothing is
shrunk here: satisfaction arrives shrunk once. Missing is never zero, deductions are never rescaled, and no rule
compares reps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from scoring.appraisal.conclusion import conclude, typical_spreads
from scoring.appraisal.parts import points_of
from scoring.appraisal.sheet import filled
from scoring.facts import Event, Fact, FactsRefused, SatisfactionScore
from scoring.outcome import Outcome
from scoring.rules import RULES, NoZeroLevel
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator

COMPOSITE = "satisfaction"


def appraise(
    scores: Iterable[SatisfactionScore],
    facts: Iterable[Fact],
    events: Iterable[Event],
    scheme: Scheme,
    *,
    composite: str = COMPOSITE,
    positions: Mapping[str, str] | None = None,
    reps: Iterable[str] | None = None,
) -> tuple[Outcome, ...]:
    """Apply ``scheme`` to every rep, sorted by rep.

    ``composite`` is the item a satisfaction indicator means when it names none. The reward band looks at the median
    uncertainty of the position, so pass all of a position's reps together; ``positions`` tells them apart by rep
    (default: one position). ``reps`` defaults to everyone with a score or a fact. Facts and events the scheme has
    no line for are left alone (``unused`` lists them).

    Raises FactsRefused, naming every fact that does not fit the scheme.
    """
    listed, found = tuple(facts), tuple(scores)
    wanted = {one.item or composite for one in scheme.indicators if one.survey}
    score_of = {(one.rep, one.item): one for one in found if one.item in wanted}
    fact_of = {(one.rep, one.indicator): one for one in listed}
    _refuse_misfits(listed, found, scheme, wanted)
    events_of: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        events_of[event.rep].append(event)
    names = set(reps) if reps is not None else {rep for rep, _ in [*score_of, *fact_of]} | events_of.keys()
    sheets = [
        filled(
            scheme,
            rep,
            facts={one.code: fact_of.get((rep, one.code)) for one in scheme.indicators},
            scores={one.code: score_of.get((rep, one.item or composite)) for one in scheme.indicators if one.survey},
            events=events_of[rep],
        )
        for rep in sorted(names)
    ]
    typical = typical_spreads(sheets, positions or {})
    return tuple(conclude(scheme, sheet, typical.get((positions or {}).get(sheet.rep, ""))) for sheet in sheets)


def unused(scheme: Scheme, facts: Iterable[Fact], events: Iterable[Event]) -> tuple[str, ...]:
    """Codes among the facts and events for which the scheme has no line, sorted."""
    known = {one.code for one in scheme.indicators}
    categories = {one.code for one in scheme.deductions}
    return tuple(sorted({one.indicator for one in facts} - known | {one.category for one in events} - categories))


def _refuse_misfits(
    facts: Sequence[Fact], scores: Sequence[SatisfactionScore], scheme: Scheme, wanted: set[str]
) -> None:
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
    if rule.needs_target and target is None:
        return [f"{where} has no target and the scheme gives none; add the target that was agreed."]
    if rule.divides and target is not None and target <= 0:
        return [f"{where} has target {target:g}; give a target above 0, or record it as not_applicable."]
    try:
        points_of(scheme, indicator, fact.value, target)
    except NoZeroLevel as error:
        return [f"{where}: {error}."]
    return []


def _repeated(kind: str, keys: Iterable[tuple[str, str]]) -> list[str]:
    seen: set[tuple[str, str]] = set()
    twice: set[tuple[str, str]] = set()
    for key in keys:
        (twice if key in seen else seen).add(key)
    return [f"There are two {kind}s of {rep} for {code}; keep one." for rep, code in sorted(twice)]
