"""The facts an appraisal starts from: what was entered, agreed as a goal or counted in a log, each with its target and
where that target comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from scoring.facts import Fact
from scoring.logs import MEASURES, Call, Work
from scoring.rules import Stage
from scoring.scheme import Scheme
from scoring.scheme.lines import Deduction, Indicator
from scoring.targets import ramp
from scoring.wording import number
from survey.appraisals.verifying import borne_out
from survey.indicators import diagnoses
from survey.indicators.occasions import named, occasions
from survey.models import (
    Assignment,
    Customer,
    FairTarget,
    Goal,
    IndicatorFact,
    LossDiagnosis,
    Period,
    Project,
    Rep,
    Visit,
)

Pair = tuple[str, str]
RAMP = "ramp"
"""The note of an indicator that does not apply yet to somebody new."""

COUNTED = "counted"
"""The evidence of a value that nobody entered: it was counted in the log."""

_AGREED = ("与员工议定", "agreed with the rep")
_SCHEME = ("方案统一规定", "the same for everybody in the scheme")
_NAMED = {
    "working_days": ("工作日",), "calls": ("访问次数", "拜访次数"), "orders": ("订单数",), "sales": ("销售额",),
    "expense": ("销售费用",), "last_sales": ("上期销售额",), "cost": ("销售成本",), "discounts": ("折让",),
    "collection_days": ("收款期",), "interest": ("资金利率",), "bad_debt_rate": ("坏账率",),
}  # fmt: skip
_AMOUNTS = {name: meaning for meaning, others in _NAMED.items() for name in (meaning, *others)}


def is_amount(indicator: str) -> bool:
    """Whether facts of this name are amounts that measures are computed from."""
    return indicator.casefold() in _AMOUNTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """A target, its short source, and the sentence about it."""

    target: float | None
    source: str
    why: Pair


def facts(session: Session, period: Period, scheme: Scheme, *, scored: Collection[str] = ()) -> list[Fact]:
    """The period's facts, also of indicators the scheme has no line for. An indicator may be written as its code or as
    its name in either language.

    A log alone makes nobody subject to a scheme: it counts for reps with an entered fact or an accepted goal of it, and
    for those among `scored` (codes); and only where a target was agreed.

    An entered value stands before a goal's, and a goal's before what the log counts. A target computed for the rep's
    territory stands before the one entered, that before the goal's, and the scheme's own comes last.
    """
    known = names(scheme.indicators)
    lines = {one.code: one for one in scheme.indicators}
    reps = {rep.id: rep for rep in session.scalars(select(Rep))}
    entered = _entered(session, period, known)
    goals = _goals(session, period, known)
    fair = _fair_targets(session, period, known)
    counted = _counted(session, period, scheme, reps)
    opened, borne = diagnoses.of_period(session, period), borne_out(session, period, scheme)
    counted |= {key: said for key, said in borne.items() if key not in counted}
    under = {rep for rep, code in {**entered, **goals} if code in lines}
    under |= {rep.id for rep in reps.values() if rep.code in scored}
    wanted = [*entered, *(key for key in {**goals, **counted} if key not in entered and key[1] in lines)]
    found = []
    for rep_id, code in wanted:
        row, goal, line = entered.get((rep_id, code)), goals.get((rep_id, code)), lines.get(code)
        value, log = counted.get((rep_id, code), (None, None))
        agreed = row.target if row else None
        if row is not None and row.missing == "not_measured" and value is not None:
            row = None  # only its target was agreed; the value is counted
        given = row is not None or (goal is not None and goal.done is not None)
        if not given and (value is None or rep_id not in under):
            continue
        aims = (
            _territory(fair.get((rep_id, code))),
            _Aim(target=agreed, source="agreed", why=_AGREED),
            _goal(goal),
            _Aim(target=log, source="plan", why=("计划应完成", "as planned to date")),
            _Aim(target=line.target if line else None, source="scheme", why=_SCHEME),
        )
        aim = next((one for one in aims if one.target is not None), aims[-1])
        if not given and aim.target is None:
            continue
        values = _values(row, goal, value)
        if diagnoses.is_lost(code):
            values = _spared(values, opened.get(rep_id))
        if line is not None and line.ramp:
            aim, values = _ramped(aim, values, scheme, _months(reps[rep_id], period))
        confirmed, asked = borne.get((rep_id, code), (None, None))
        why = None if aim.target is None or aim.why in (_AGREED, _SCHEME) else aim.why
        found.append(
            Fact(
                rep=reps[rep_id].code, indicator=code, target=aim.target, target_source=aim.source, why_target=why,
                confirmed=confirmed, asked=asked, **values,
            )
        )  # fmt: skip
    return found


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
    said = (
        f"流失 {number(lost)}，其中 {number(exempted)} 属公司原因不计 / {number(exempted)} of {number(lost)} lost were "
        f"the company’s doing and do not count: {diagnoses.number(diagnosis)}, {diagnosis.approved_by}"
    )
    return {**values, "value": lost - exempted, "note": "; ".join(one for one in (values.get("note"), said) if one)}


def _entered(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], IndicatorFact]:
    rows = session.scalars(select(IndicatorFact).where(IndicatorFact.period_id == period.id).order_by(IndicatorFact.id))
    return {(row.rep_id, known.get(row.indicator.casefold(), row.indicator)): row for row in rows}


def _goals(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], Goal]:
    """Goals their reps accepted, by the indicator they name."""
    rows = session.scalars(
        select(Goal)
        .where(Goal.period_id == period.id, Goal.indicator.is_not(None), Goal.accepted_on.is_not(None))
        .order_by(Goal.id)
    )
    return {(row.rep_id, known.get((row.indicator or "").casefold(), row.indicator or "")): row for row in rows}


def _goal(goal: Goal | None) -> _Aim:
    if goal is None:
        return _Aim(target=None, source="goal", why=("", ""))
    zh = f"目标“{goal.text}”，{goal.accepted_by} 于 {goal.accepted_on} 认可"
    en = f"the goal “{goal.text}”, accepted by {goal.accepted_by} on {goal.accepted_on}"
    return _Aim(target=goal.target, source="goal", why=(zh, en))


def _fair_targets(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], FairTarget]:
    rows = session.scalars(select(FairTarget).where(FairTarget.period_id == period.id))
    return {(row.rep_id, known.get(row.indicator.casefold(), row.indicator)): row for row in rows}


def _territory(fair: FairTarget | None) -> _Aim:
    if fair is None:
        return _Aim(target=None, source="territory", why=("", ""))
    return _Aim(target=fair.target, source="territory", why=(fair.why_zh, fair.why_en))


def _ramped(aim: _Aim, values: dict[str, Any], scheme: Scheme, months: int | None) -> tuple[_Aim, dict[str, Any]]:
    """The target after these months in post; at the very start the indicator does not apply."""
    if months is None or aim.target is None:
        return aim, values
    line = scheme.ramp
    share = ramp(months, start=line.start, full_after=line.full_after, table=line.table)
    if share == 1:
        return aim, values
    if share == 0:
        note = RAMP
        return aim, {**values, "value": None, "missing": "not_applicable", "note": note, "approved_by": scheme.code}
    target = aim.target * share
    why = (
        f"{aim.why[0]} {number(aim.target)}，入职 {months} 个月计 {share:.0%}",
        f"{aim.why[1]} {number(aim.target)}, of which {share:.0%} after {months} months in post",
    )
    return _Aim(target=target, source=aim.source, why=why), values


def _months(rep: Rep, period: Period) -> int | None:
    return tenure(rep.hired_on, period.to_on)


def tenure(since: date | None, until: date) -> int | None:
    """Whole months from one day to another; None while the first is unknown or later."""
    if since is None or since > until:
        return None
    return (until.year - since.year) * 12 + until.month - since.month - (until.day < since.day)


def _counted(
    session: Session, period: Period, scheme: Scheme, reps: Mapping[int, Rep]
) -> dict[tuple[int, str], tuple[float | None, float | None]]:
    """What the logs come to for indicators with a measure, by (rep id, code): value and target."""
    measured = {one.code: MEASURES[one.measure] for one in scheme.indicators if one.measure}
    if not measured:
        return {}
    found: dict[tuple[int, str], tuple[float | None, float | None]] = {}
    for rep_id, work in _work(session, period, reps).items():
        for code, measure in measured.items():
            result = measure(work)
            if result is not None:
                found[rep_id, code] = result
    return found


def _work(session: Session, period: Period, reps: Iterable[int]) -> dict[int, Work]:
    calls, served, stages = _calls(session, period), _served(session, period), _stages(session, period)
    amounts = _amounts(session, period)
    days = occasions(period.from_on, period.to_on)
    return {
        rep: Work(
            from_on=period.from_on, to_on=period.to_on, calls=calls.get(rep, ()), customers=served.get(rep, ()),
            stages=stages.get(rep, ()), occasions=frozenset(days), amounts=amounts.get(rep, {}),
        )
        for rep in reps
        if rep in calls or rep in stages or rep in amounts
    }  # fmt: skip


def _amounts(session: Session, period: Period) -> dict[int, dict[str, float]]:
    """The plain amounts entered for each rep, by what they mean."""
    rows = session.execute(
        select(IndicatorFact.rep_id, IndicatorFact.indicator, IndicatorFact.value).where(
            IndicatorFact.period_id == period.id, IndicatorFact.value.is_not(None)
        )
    )
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for rep, indicator, value in rows:
        meaning = _AMOUNTS.get(indicator.casefold())
        if meaning is not None and value is not None:
            found[rep][meaning] = value
    return found


def _calls(session: Session, period: Period) -> dict[int, list[Call]]:
    calls: dict[int, list[Call]] = defaultdict(list)
    for row in session.scalars(select(Visit).where(Visit.on.between(period.from_on, period.to_on))):
        calls[row.rep_id].append(
            Call(
                customer=row.customer, on=row.on, first=row.first, purpose=bool(row.purpose), need=bool(row.need),
                help=bool(row.help), occasion=named(row.occasion),
            )
        )  # fmt: skip
    return calls


def _served(session: Session, period: Period) -> dict[int, set[str]]:
    """The customers each rep served at the period's end."""
    rows = session.execute(
        select(Assignment.rep_id, Customer.code)
        .join(Customer, Customer.id == Assignment.customer_id)
        .where(
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.to_on),
        )
    )
    served: dict[int, set[str]] = defaultdict(set)
    for rep, customer in rows:
        served[rep].add(customer)
    return served


def _stages(session: Session, period: Period) -> dict[int, list[Stage]]:
    """The stages of every project that was under way in the period, planned and done up to its last day."""
    stages: dict[int, list[Stage]] = defaultdict(list)
    for project in session.scalars(select(Project).options(selectinload(Project.stages))):
        asked = [one for one in project.stages if not one.removed]
        over = all(one.done >= 100 and (one.done_on or one.planned_on) < period.from_on for one in asked)
        if over:
            continue
        stages[project.rep_id] += [
            Stage(
                weight=one.weight,
                planned=1.0 if one.planned_on <= period.to_on else 0.0,
                done=one.done / 100 if one.done_on is None or one.done_on <= period.to_on else 0.0,
                project_weight=project.importance,
            )
            for one in asked
        ]
    return stages
