"""The visit log: who was called on, when, what for, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy.orm import Session

from survey.indicators import revisions
from survey.indicators.bounds import check_rep, rep_of
from survey.intake.cells import Code, Count, Day, OptionalText, OptionalWords, Text, Yes
from survey.intake.columns import headed
from survey.intake.rows import Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models import Visit
from survey.roster.customers import REP


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
    intake.refuse_contradictions(visits)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    changed = keep(session, intake, visits, Visit, key=("rep_id", "customer", "on", "place"), joined=rep_of(session))
    revisions.keep_old(session, Visit, changed, intake, reason=reason, by=by, at=at)
    return finish(session, intake, "visits", by=by, at=at)
