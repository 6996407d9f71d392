"""What a period's logs and plain amounts come to, rep by rep: read from their rows, worked out by `scoring.logs`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from scoring.logs import MEASURES, Call, Work
from scoring.rules import Stage
from scoring.scheme import Scheme
from survey.appraisals.lanes import Lane, LaneStage
from survey.indicators import provisions
from survey.indicators.diagnoses import LOST
from survey.indicators.occasions import named, occasions
from survey.models.company import Period
from survey.models.facts import IndicatorFact, Project, ProjectStage, Visit
from survey.models.roster import Assignment, Customer

AWAY = "days_away"
"""The amount that says how many days of the period somebody was on leave or elsewhere."""

_NAMED = {
    "working_days": ("工作日",), "calls": ("访问次数", "拜访次数"), "orders": ("订单数",), "sales": ("销售额",),
    "expense": ("销售费用",), "last_sales": ("上期销售额",), "last_year_sales": ("上年销售额", "去年同期销售额"),
    "new_customer_sales": ("新客户销售额",), "new_customers": ("new customers", "新客户", "新客户数", "新客户开发数"),
    "lost_customers": LOST, "cost": ("销售成本",), "discounts": ("折让",), "collection_days": ("收款期",),
    "interest": ("资金利率",), "bad_debt_rate": ("坏账率",), AWAY: ("不在岗天数", "请假天数"),
}  # fmt: skip
_AMOUNTS = {name: meaning for meaning, others in _NAMED.items() for name in (meaning, *others)}


def meaning_of(indicator: str) -> str | None:
    """Which amount facts of this name are; None where they are an indicator of its own."""
    return _AMOUNTS.get(indicator.casefold())


def is_amount(indicator: str) -> bool:
    """Whether facts of this name are amounts that measures are computed from."""
    return meaning_of(indicator) is not None


def works(session: Session, period: Period, reps: Iterable[int]) -> dict[int, Work]:
    """What each rep logged in a period, by rep id; who logged nothing has none."""
    calls, served = _calls(session, period), _served(session, period)
    stages = {
        rep: [_stage(project, one, period) for project, asked in of_rep for one in asked]
        for rep, of_rep in _under_way(session, period).items()
    }
    amounts, trained = _amounts(session, period), provisions.trained(session, period)
    days = occasions(period.from_on, period.to_on)
    return {
        rep: Work(
            from_on=period.from_on, to_on=period.to_on, calls=calls.get(rep, ()), customers=served.get(rep, ()),
            stages=stages.get(rep, ()), occasions=frozenset(days), amounts=amounts.get(rep, {}),
            trained=trained.get(rep, 0.0),
        )
        for rep in reps
        if rep in calls or rep in stages or rep in amounts or rep in trained
    }  # fmt: skip


def counted(scheme: Scheme, logged: Mapping[int, Work]) -> dict[tuple[int, str], tuple[float | None, float | None]]:
    """What the logs come to for indicators with a measure, by (rep id, code): value and target."""
    found: dict[tuple[int, str], tuple[float | None, float | None]] = {}
    for line in (one for one in scheme.indicators if one.measure):
        for rep, work in logged.items():
            result = MEASURES[line.measure](replace(work, late_step=line.late_step))
            if result is not None:
                found[rep, line.code] = result
    return found


def lanes(session: Session, period: Period, scheme: Scheme) -> dict[int, tuple[Lane, ...]]:
    """Each rep's projects as they are drawn, by rep id, where the scheme counts their stages."""
    line = next((one for one in scheme.indicators if one.measure == "project_stages"), None)
    if line is None:
        return {}
    return {
        rep: tuple(
            Lane(
                code=project.code, name=project.name, importance=project.importance,
                stages=tuple(_drawn(project, one, period, line.late_step) for one in project.stages),
            )
            for project, _ in of_rep
        )
        for rep, of_rep in _under_way(session, period).items()
    }  # fmt: skip


def _drawn(project: Project, row: ProjectStage, period: Period, late_step: float) -> LaneStage:
    stage = _stage(project, row, period)
    return LaneStage(
        name=row.stage, weight=row.weight, planned_on=row.planned_on, planned=0.0 if row.removed else stage.planned,
        done=0.0 if row.removed else stage.done, days_late=stage.days_late if late_step else 0,
        kept=stage.kept(late_step), removed=row.removed or "", approved_by=row.approved_by if row.removed else None,
    )  # fmt: skip


def _under_way(session: Session, period: Period) -> dict[int, list[tuple[Project, list[ProjectStage]]]]:
    """By rep id, every project that was under way in the period, with the stages that are still asked for."""
    found: dict[int, list[tuple[Project, list[ProjectStage]]]] = defaultdict(list)
    for project in session.scalars(select(Project).options(selectinload(Project.stages)).order_by(Project.code)):
        asked = [one for one in project.stages if not one.removed]
        if not all(one.done >= 100 and (one.done_on or one.planned_on) < period.from_on for one in asked):
            found[project.rep_id].append((project, asked))
    return found


def _stage(project: Project, row: ProjectStage, period: Period) -> Stage:
    """As planned and done by the period's last day; late by the day it was finished, as far as that is known."""
    return Stage(
        weight=row.weight,
        planned=1.0 if row.planned_on <= period.to_on else 0.0,
        done=row.done / 100 if row.done_on is None or row.done_on <= period.to_on else 0.0,
        project_weight=project.importance,
        days_late=max(0, (row.done_on - row.planned_on).days) if row.done_on else 0,
    )


def _amounts(session: Session, period: Period) -> dict[int, dict[str, float]]:
    """The plain amounts entered for each rep, by what they mean."""
    rows = session.execute(
        select(IndicatorFact.rep_id, IndicatorFact.indicator, IndicatorFact.value).where(
            IndicatorFact.period_id == period.id, IndicatorFact.value.is_not(None)
        )
    )
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for rep, indicator, value in rows:
        meaning = meaning_of(indicator)
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
