"""The facts an appraisal starts from: what was entered, agreed as a goal or counted in a log, each with its target and
where that target comes from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.asides import ASIDES
from scoring.facts import Fact
from scoring.logs import Work
from scoring.scheme import Scheme
from scoring.scheme.lines import Deduction, Indicator
from scoring.wording import number
from survey.appraisals import aims
from survey.appraisals.aims import AGREED, SCHEME, Aim
from survey.appraisals.counting import AWAY, counted, meaning_of, works
from survey.appraisals.verifying import borne_out
from survey.indicators import diagnoses
from survey.models.company import Period
from survey.models.facts import FairTarget, Goal, IndicatorFact, LossDiagnosis
from survey.models.roster import Rep, ReportingLine

COUNTED = "counted"
"""The evidence of a value that nobody entered: it was counted in the log."""

_Place = tuple[int, str]
FEWEST_OF_A_TEAM = 3
"""So many reps of one manager make a team: of two, each would read the other's figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    """Everything written down about a period, by (rep id, indicator code), days away by rep id."""

    period: Period
    scheme: Scheme
    reps: Mapping[int, Rep]
    lines: Mapping[str, Indicator]
    entered: Mapping[_Place, IndicatorFact]
    away: Mapping[int, IndicatorFact]
    goals: Mapping[_Place, Goal]
    fair: Mapping[_Place, FairTarget]
    logged: Mapping[int, Work]
    counts: Mapping[_Place, tuple[float | None, float | None]]
    opened: Mapping[int, LossDiagnosis]
    borne: Mapping[_Place, tuple[int, int]]


def facts(session: Session, period: Period, scheme: Scheme, *, scored: Collection[str] = ()) -> list[Fact]:
    """The period's facts, also of indicators the scheme has no line for. An indicator may be written as its code or as
    its name in either language.

    A log alone makes nobody subject to a scheme: it counts for reps with an entered fact or an accepted goal of it, and
    for those among `scored` (codes); and only where a target was agreed.

    An entered value stands before a goal's, and a goal's before what the log counts. A target computed for the rep's
    territory stands before the one entered, that before the goal's and a multiple of last year's, and the scheme's own
    comes last. Raises FactRefused.
    """
    books = _opened(session, period, scheme)
    under = {rep for rep, code in {**books.entered, **books.goals} if code in books.lines}
    under |= {rep.id for rep in books.reps.values() if rep.code in scored}
    also = (
        place for place in {**books.goals, **books.counts} if place not in books.entered and place[1] in books.lines
    )
    found = [_fact(books, rep, code, subject=rep in under) for rep, code in [*books.entered, *also]]
    return _with_teams(session, books, [one for one in found if one is not None])


def _opened(session: Session, period: Period, scheme: Scheme) -> _Books:
    known = names(scheme.indicators)
    lines = {one.code: one for one in scheme.indicators}
    reps = {rep.id: rep for rep in session.scalars(select(Rep))}
    entered = aims.entered(session, period, known)
    reads_logs = any(one.measure or one.beside or one.stretch for one in scheme.indicators)
    logged = works(session, period, reps) if reads_logs else {}
    borne = borne_out(session, period, scheme)
    return _Books(
        period=period, scheme=scheme, reps=reps, lines=lines, entered=entered,
        away={rep: row for (rep, code), row in entered.items() if meaning_of(code) == AWAY},
        goals=aims.goals(session, period, known), fair=aims.fair_targets(session, period, known), logged=logged,
        counts={**borne, **counted(scheme, logged)}, opened=diagnoses.of_period(session, period), borne=borne,
    )  # fmt: skip


def _fact(books: _Books, rep_id: int, code: str, *, subject: bool) -> Fact | None:
    """One rep's fact; None where nothing was entered and the log says nothing that counts."""
    row, goal, line = books.entered.get((rep_id, code)), books.goals.get((rep_id, code)), books.lines.get(code)
    value, planned = books.counts.get((rep_id, code), (None, None))
    agreed = row.target if row else None
    if row is not None and row.missing == "not_measured" and value is not None:
        row = None  # only its target was agreed; the value is counted
    given = row is not None or (goal is not None and goal.done is not None)
    amounts = books.logged[rep_id].amounts if rep_id in books.logged else {}
    aim = _first_of(
        aims.territory_aim(books.fair.get((rep_id, code))),
        Aim(target=agreed, source="agreed", why=AGREED),
        aims.goal_aim(goal),
        Aim(target=planned, source="plan", why=("计划应完成", "as planned to date")),
        aims.stretched(line, amounts.get("last_year_sales")),
        Aim(target=line.target if line else None, source="scheme", why=SCHEME),
    )
    if not given and (value is None or not subject or aim.target is None):
        return None
    values = _values(row, goal, value)
    if diagnoses.is_lost(code):
        values = _spared(values, books.opened.get(rep_id))
    if line is not None:
        aim, values = _in_post(books, books.reps[rep_id], line, aim, values)
        if line.beside and values.get("value") is not None:
            values = _with_aside(values, line, amounts)
    confirmed, asked = books.borne.get((rep_id, code), (None, None))
    return Fact(
        rep=books.reps[rep_id].code, indicator=code, target=aim.target, target_source=aim.source, why_target=aim.told,
        confirmed=confirmed, asked=asked, **values,
    )  # fmt: skip


def _in_post(
    books: _Books, rep: Rep, line: Indicator, aim: Aim, values: dict[str, Any]
) -> tuple[Aim, dict[str, Any]]:  # fmt: skip
    """What the days and the months in post make of a target, where the scheme asks."""
    if line.prorate:
        being = aims.presence(rep, books.period, books.away.get(rep.id))
        aim, values = aims.by_days(aim, values, being, books.scheme)
    if line.ramp:
        aim, values = aims.ramped(aim, values, books.scheme, aims.tenure(rep.hired_on, books.period.to_on))
    return aim, values


def _first_of(*found: Aim) -> Aim:
    return next((one for one in found if one.target is not None), found[-1])


def names(lines: Iterable[Indicator | Deduction]) -> Mapping[str, str]:
    """Every name a line may be written by, to its code."""
    return {name.casefold(): line.code for line in lines for name in (line.name_en, line.name_zh, line.code)}


def _values(row: IndicatorFact | None, goal: Goal | None, counted: float | None) -> dict[str, Any]:
    if row is not None:
        return {
            "value": row.value, "missing": row.missing or "", "approved_by": row.approved_by or "",
            "note": row.note or "", "evidence": row.evidence or "",
        }  # fmt: skip
    if goal is not None and goal.done is not None:
        return {"value": goal.done, "note": goal.text}
    return {"value": counted, "evidence": COUNTED}


def _spared(values: dict[str, Any], diagnosis: LossDiagnosis | None) -> dict[str, Any]:
    """Losses the company caused, by an approved diagnosis, do not count against the rep."""
    if diagnosis is None or diagnosis.approved_at is None or not diagnosis.exempted or values.get("value") is None:
        return values
    lost, exempted = values["value"], min(values["value"], diagnosis.exempted)
    record = f"{diagnoses.number(diagnosis)}, {diagnosis.approved_by}"
    remark = (
        f"流失 {number(lost)}，其中 {number(exempted)} 属公司原因，不计（{record}）",
        f"{number(exempted)} of {number(lost)} lost were the company’s doing and do not count ({record})",
    )
    return {**values, "value": lost - exempted, "remark": remark}


def _with_aside(values: dict[str, Any], line: Indicator, amounts: Mapping[str, float]) -> dict[str, Any]:
    """What the scheme wants told beside the value. Losses that do not count against the rep do not count here."""
    counted_losses = {"lost_customers": values["value"]} if diagnoses.is_lost(line.code) else {}
    growth = {"growth": values["value"]} if line.measure == "sales_growth" else {}
    aside = ASIDES[line.beside]({**amounts, **counted_losses, **growth, "lost_worth": line.lost_worth})
    if aside is None:
        return values
    before = values.get("remark", ("", ""))
    remark = "；".join(filter(None, (before[0], aside.zh))), "; ".join(filter(None, (before[1], aside.en)))
    return {**values, "remark": remark, "behind": aside.numbers}


def _with_teams(session: Session, books: _Books, found: list[Fact]) -> list[Fact]:
    """The facts; those that share with a team know what it reached: the sum of its values over that of its targets."""
    shared = {code for code, line in books.lines.items() if line.team_share}
    if not shared:
        return found
    managers = {books.reps[rep].code: manager for rep, manager in _managers(session, books.period).items()}
    teams: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for one in found:
        if one.indicator in shared and one.rep in managers and one.value is not None and one.target:
            teams[managers[one.rep], one.indicator].append(one)
    reached = {
        place: math.fsum(one.value or 0.0 for one in team) / math.fsum(one.target or 0.0 for one in team)
        for place, team in teams.items()
        if len(team) >= FEWEST_OF_A_TEAM
    }
    return [replace(one, team=reached.get((managers.get(one.rep, ""), one.indicator))) for one in found]


def _managers(session: Session, period: Period) -> dict[int, str]:
    """Each rep's manager on the period's last day, by rep id."""
    rows = session.execute(
        select(ReportingLine.rep_id, ReportingLine.manager_email)
        .where(ReportingLine.since_on <= period.to_on)
        .order_by(ReportingLine.since_on, ReportingLine.id)
    )
    return {rep: manager.lower() for rep, manager in rows}
