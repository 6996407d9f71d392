"""The visit log: who was called on, when, what for, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.indicators.bounds import check_rep, rep_of
from survey.intake.cells import Code, Count, Day, OptionalText, OptionalWords, Text, Yes
from survey.intake.columns import headed
from survey.intake.rows import Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.facts import Visit
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster import erased
from survey.roster.customers import REP


class VisitRefused(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow(Row):
    KEY: ClassVar = ("rep", "customer", "on", "place")
    rep: Code = headed(*REP)
    customer: Text = headed("customer", "客户编号", "客户代码", "客户", "拜访客户")
    on: Day = headed("on", "date", "日期", "拜访日期")
    place: Count = headed("number", "当日第几次", "次序", default=1)
    first: Yes = headed("first", "首次拜访", "陌生拜访", default=False)
    ordered: Yes = headed("order", "成交", "下单", default=False)
    purpose: OptionalWords = headed("purpose", "目的", "拜访目的", default=None)
    need: OptionalWords = headed("need", "需求", "需求或问题", "问题", default=None)
    help: OptionalWords = headed("help", "实事", "办实事", "帮助", default=None)
    occasion: OptionalText = headed("occasion", "节日", "问候", default=None)
    accompanied_by: OptionalText = headed("accompanied_by", "陪同人", "随访人", default=None)
    evidence: OptionalWords = headed("evidence", "证据", "依据", default=None)


def take_in(
    session: Session, sheet: Sheet, *, reason: str = "", valid_rows: bool = False, by: str, at: datetime
) -> Report:
    """Bring in visits; one is known by rep, customer, day, and its number on that day.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    visits = part_of(VisitRow, sheet)
    intake = receive(session, sheet, visits)
    check_rep(session, intake, visits)
    intake.check(visits, "customer", erased.why_not(session))
    intake.refuse_contradictions(visits)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    changed = keep(session, intake, visits, Visit, key=("rep_id", "customer", "on", "place"), joined=rep_of(session))
    revisions.keep_old(session, Visit, changed, intake, reason=reason, by=by, at=at)
    return finish(session, intake, "visits", by=by, at=at)


def enter(session: Session, rep: Rep, row: VisitRow, *, on: date, by: str, at: datetime) -> Visit:
    """Write one visit down, the next of its day; `on` is today. Raises VisitRefused for a day to come,
    and for a customer who was erased."""
    if row.on > on:
        raise VisitRefused(N_("A visit cannot be of a day to come."))
    gone = erased.why_not(session)(row.customer)
    if gone:
        raise VisitRefused(gone.sentence, **gone.values)
    same_day = (Visit.rep_id == rep.id, Visit.customer == row.customer, Visit.on == row.on)
    last = session.scalar(select(func.max(Visit.place)).where(*same_day)) or 0
    visit = Visit(
        rep_id=rep.id, customer=row.customer, on=row.on, place=last + 1, first=row.first, ordered=row.ordered,
        purpose=row.purpose, need=row.need, help=row.help, occasion=row.occasion, accompanied_by=row.accompanied_by,
        evidence=row.evidence,
    )  # fmt: skip
    session.add(visit)
    session.flush()
    journal.record(session, "visit entered", rep.code, {"visit": visit.id}, by=by, at=at)
    return visit
