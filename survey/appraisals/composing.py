"""Composing a statement: the head, the outcome, and what customers said, rounded once as they are printed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from scoring.outcome import Outcome, added
from scoring.scheme.lines import GROUPS
from scoring.verdicts import verdict
from survey.appraisals import sources
from survey.appraisals.grounds import Grounds
from survey.appraisals.lanes import Lane
from survey.appraisals.statement import (
    BandLine,
    Causes,
    Definition,
    Dimension,
    GroupSum,
    Peers,
    Person,
    Satisfaction,
    Statement,
    Survey,
)
from survey.appraisals.trend import risen, trend
from survey.models.scoring import RepScore
from survey.runs import stored

WITHHELD = "withheld"


def compose(
    grounds: Grounds,
    rep_id: int,
    person: Person,
    outcome: Outcome,
    *,
    colleagues: Collection[str],
    before: Sequence[tuple[str, Outcome]],
    diagnosis: Mapping[str, Any] | None,
    counts: Mapping[str, int],
    causes: Causes | None,
    projects: tuple[Lane, ...],
    number: str,
    revision: int,
) -> Statement:
    """Everything the printed form of one rep's appraisal shows.

    `colleagues` are the codes of everybody in the same position, this rep included; `before` the outcomes of earlier
    periods, oldest first; `diagnosis` the rep's table over periods with its questions; `counts` the entries by source;
    `causes` why customers were lost; `projects` those under way.
    """
    satisfaction = tuple(
        _satisfaction(grounds, person, rep_id, indicator, item) for indicator, item in grounds.surveyed.items()
    )
    return Statement(
        number=number,
        revision=revision,
        company_zh=grounds.company.name_zh,
        company_en=grounds.company.name,
        period=grounds.period.code,
        from_on=grounds.period.from_on,
        to_on=grounds.period.to_on,
        person=person,
        scheme=grounds.version.name,
        scheme_version=grounds.version.version,
        scheme_title_zh=grounds.scheme.title_zh,
        scheme_title_en=grounds.scheme.title_en,
        deduction_cap=grounds.scheme.deduction_cap,
        bands=tuple(
            BandLine(code=one.code, name_zh=one.name_zh, name_en=one.name_en, cut=one.cut, adverse=one.adverse)
            for one in grounds.scheme.bands
        ),
        definitions={
            one.code: Definition(zh=one.definition_zh, en=one.definition_en) for one in grounds.scheme.indicators
        },
        survey=_survey(grounds),
        satisfaction=satisfaction,
        peers=_peers(grounds, person, satisfaction[0], colleagues) if satisfaction else None,
        trend=trend(before, grounds.period.code, outcome),
        risen=risen(before, outcome),
        software=f"evenhand {version('evenhand')}",
        outcome=outcome,
        diagnosis=diagnosis,
        sources=sources.named(counts, satisfaction[0].responses if satisfaction else None),
        causes=causes,
        projects=projects,
        groups=_groups(outcome),
    )


def _groups(outcome: Outcome) -> tuple[GroupSum, ...]:
    """Results, process and the others apart, where there are several."""
    scored = [part for part in outcome.parts if part.kind == "indicator" and part.points is not None]
    of_group = {group: [part for part in scored if part.group == group] for group in GROUPS}
    sums = tuple(
        GroupSum(
            name_zh=GROUPS[group][0], name_en=GROUPS[group][1],
            weight=math.fsum(part.weight or 0.0 for part in parts), printed=added(part.printed for part in parts),
            share=round(
                math.fsum(part.points or 0.0 for part in parts) / math.fsum(part.weight or 0.0 for part in parts), 3
            ),
        )
        for group, parts in of_group.items()
        if parts
    )  # fmt: skip
    return sums if len(sums) > 1 and outcome.total is not None else ()


def _survey(grounds: Grounds) -> Survey | None:
    if grounds.run is None or grounds.spec is None or grounds.scored_on is None:
        return None
    return Survey(
        run=grounds.run.id,
        spec_hash=grounds.run.spec_hash,
        fingerprint=grounds.run.fingerprint,
        scored_on=grounds.scored_on,
        policy=grounds.run.record["policy"],
        periods=grounds.spec.window,
        minimum_customers=grounds.spec.minimum_customers,
    )


def _satisfaction(grounds: Grounds, person: Person, rep_id: int, indicator: str, item: str) -> Satisfaction:
    row = _shown(grounds.scores.get((person.code, item)))
    parts = (
        grounds.spec.composite.items if grounds.spec and grounds.spec.composite and item == grounds.composite else ()
    )
    return Satisfaction(
        indicator=indicator,
        item=item,
        name_zh=grounds.names[item].zh,
        name_en=grounds.names[item].en,
        evidence=row.evidence if row else WITHHELD,
        asked=grounds.asked.get(rep_id, 0),
        responses=row.responses if row else None,
        customers=row.customers if row else None,
        low=_tenth(row.low) if row else None,
        high=_tenth(row.high) if row else None,
        reliability=round(row.reliability, 2) if row and row.reliability is not None else None,
        average=_tenth(grounds.means.get(item)),
        case=row.case if row else None,
        fragile=bool(row and row.fragile),
        steps=stored.steps_of(row, grounds.steps.get((rep_id, item), {})) if row else None,
        dimensions=tuple(_dimension(grounds, person, part) for part in parts),
    )


def _peers(grounds: Grounds, person: Person, own: Satisfaction, colleagues: Collection[str]) -> Peers:
    """Among a position's reps one is better for certain where their set of ranks ends before the other's begins. And of
    all who are certainly better, those who do not hold the position are at most as many as there are outside it.
    """
    rows = {code: _shown(grounds.scores.get((code, own.item))) for code in colleagues}
    sets = {
        code: (row.rank_low, row.rank_high)
        for code, row in rows.items()
        if row is not None and row.rank_low is not None and row.rank_high is not None
    }
    low = high = None
    if person.code in sets:
        best, worst = sets[person.code]
        outside = grounds.ranked[own.item] - len(sets)
        low = max(best - outside, 1 + sum(one_worst < best for _, one_worst in sets.values()))
        high = min(worst, len(sets) - sum(one_best > worst for one_best, _ in sets.values()))
    return Peers(
        reps=sum(row is not None for row in rows.values()), rank_low=low, rank_high=high,
        stands=_stands(rows.get(person.code), grounds.means.get(own.item)),
    )  # fmt: skip


def _stands(row: RepScore | None, average: float | None) -> str:
    """The same as on the team page: what stands when all reps are looked at together (`RepScore.q`)."""
    if row is None or row.q is None or row.adjusted is None or average is None or row.evidence == "thin":
        return ""
    said = verdict(row.adjusted - average, row.q)
    return "alike" if said == "cannot be told apart" else said


def _dimension(grounds: Grounds, person: Person, item: str) -> Dimension:
    row = _shown(grounds.scores.get((person.code, item)))
    return Dimension(
        item=item,
        name_zh=grounds.names[item].zh,
        name_en=grounds.names[item].en,
        evidence=row.evidence if row else WITHHELD,
        responses=row.responses if row else None,
        raw=_tenth(row.raw) if row else None,
        adjusted=_tenth(row.adjusted) if row else None,
        low=_tenth(row.low) if row else None,
        high=_tenth(row.high) if row else None,
    )


def _shown(row: RepScore | None) -> RepScore | None:
    """A withheld score prints nothing, not even how few answered."""
    return row if row is not None and row.evidence != WITHHELD else None


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
