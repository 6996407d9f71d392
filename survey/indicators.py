"""What was measured of each rep in a period, and what happened: the facts and events an appraisal is drawn up from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.intake.cells import (
    Code,
    Day,
    Multiplier,
    Number,
    OptionalNumber,
    OptionalWords,
    PositiveNumber,
    Text,
    UnfitCell,
    Words,
)
from survey.intake.columns import headed
from survey.intake.rows import Intake, Part, Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, ids, keep, known, receive
from survey.models import ConductEvent, IndicatorFact, Period, Rep
from survey.refusals import N_, Refused
from survey.roster.customers import NO_REP, REP

NO_PERIOD = N_("There is no such period. Add it with: evenhand period add")
_PERIOD = ("period", "考核期", "考核周期", "期间", "周期")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow(Row):
    KEY: ClassVar = ("period", "rep", "indicator")
    period: Code = headed(*_PERIOD)
    rep: Code = headed(*REP)
    indicator: Text = headed("indicator", "指标", "指标编号", "指标代码", "指标名称")
    value: Number = headed("value", "actual", "实际值", "实际", "完成值", "完成", "数值")
    target: OptionalNumber = headed("target", "目标值", "目标", default=None)
    note: OptionalWords = headed("note", "备注", "说明", default=None)
    evidence: OptionalWords = headed("evidence", "证据", "依据", "凭证", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow(Row):
    KEY: ClassVar = ("period", "rep", "category", "on", "fact")
    period: Code = headed(*_PERIOD)
    rep: Code = headed(*REP)
    category: Text = headed("category", "类别", "扣分类别", "事项类别")
    on: Day = headed("on", "date", "日期", "发生日期", "发生日")
    points: PositiveNumber = headed("points", "扣分", "扣分值", "分值")
    fact: Words = headed("fact", "事由", "事实", "事件", "事项")
    evidence: OptionalWords = headed("evidence", "证据", "依据", "凭证", default=None)
    multiplier: Multiplier = headed("multiplier", "倍数", "加倍", default=1.0)


def take_in_facts(
    session: Session, sheet: Sheet, *, period: str | None = None, valid_rows: bool = False, by: str, at: datetime
) -> Report:
    """Bring in measured indicators; one is known by period, rep and indicator.

    `period` stands in for a column the file does not have. Raises MissingColumn, DoubleColumn, NoRows; rows are
    refused in the report.
    """
    facts = _part(FactRow, sheet, period)
    intake = receive(session, sheet, facts)
    _check_place(session, intake, facts, period)
    intake.refuse_contradictions(facts)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(
        session, intake, facts, IndicatorFact, key=("period_id", "rep_id", "indicator"), joined=_place(session)
    )  # fmt: skip
    return finish(session, intake, "facts", by=by, at=at)


def take_in_events(
    session: Session, sheet: Sheet, *, period: str | None = None, valid_rows: bool = False, by: str, at: datetime
) -> Report:
    """Bring in what happened; an event is known by period, rep, category, day and fact.

    `period` stands in for a column the file does not have. Raises MissingColumn, DoubleColumn, NoRows; rows are
    refused in the report.
    """
    events = _part(EventRow, sheet, period)
    intake = receive(session, sheet, events)
    _check_place(session, intake, events, period)
    _check_days(session, intake, events)
    intake.refuse_contradictions(events)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(
        session, intake, events, ConductEvent, key=("period_id", "rep_id", "category", "on", "fact"),
        joined=_place(session),
    )  # fmt: skip
    return finish(session, intake, "events", by=by, at=at)


def _part(model: Any, sheet: Sheet, period: str | None) -> Part[Any]:
    return part_of(model, sheet, given={"period": period} if period else None)


def _check_place(session: Session, intake: Intake, part: Part[Any], period: str | None) -> None:
    intake.check(part, "period", known(ids(session, Period), NO_PERIOD))
    if period:
        another = Refused(
            N_("This row is of another period than the one this import is for (%(period)s)."), period=period
        )
        intake.check(part, "period", lambda code: None if code == period else another)
    intake.check(part, "rep", known(ids(session, Rep), NO_REP))


def _check_days(session: Session, intake: Intake, events: Part[EventRow]) -> None:
    """An event counts in the period it happened in."""
    periods = {period.code: period for period in session.scalars(select(Period))}
    for number, row in [*intake.standing(events)]:
        period = periods[row.period]
        if not period.from_on <= row.on <= period.to_on:
            outside = UnfitCell(
                N_("This day is outside period %(code)s (%(from_on)s to %(to_on)s)."),
                code=period.code, from_on=period.from_on, to_on=period.to_on,
            )  # fmt: skip
            intake.refuse(events, number, "on", outside)


def _place(session: Session) -> Callable[[Any], dict[str, Any]]:
    periods, reps = ids(session, Period), ids(session, Rep)
    return lambda row: {"period_id": periods[row.period], "rep_id": reps[row.rep]}
