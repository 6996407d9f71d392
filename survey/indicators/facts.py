"""Indicator facts: what was measured of each rep in a period, or why it was not."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import diagnoses, revisions
from survey.indicators.bounds import PERIOD, check_place, part_in_period, place_of
from survey.intake.cells import Code, MissingReason, OptionalNumber, OptionalText, OptionalWords, Text
from survey.intake.columns import headed
from survey.intake.rows import Report, Row
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.company import Period
from survey.models.facts import IndicatorFact
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import REP

KEY = ("period_id", "rep_id", "indicator")


class FactRefused(Refused):
    """A fact that says too little or too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow(Row):
    KEY: ClassVar = ("period", "rep", "indicator")
    period: Code = headed(*PERIOD)
    rep: Code = headed(*REP)
    indicator: Text = headed("indicator", "指标", "指标编号", "指标代码", "指标名称")
    value: OptionalNumber = headed("value", "actual", "实际值", "实际", "完成值", "完成", "数值")
    target: OptionalNumber = headed("target", "目标值", "目标", default=None)
    missing: MissingReason = headed("missing", "缺项原因", "缺项", default=None)
    approved_by: OptionalText = headed("approved_by", "批准人", "核准人", default=None)
    source: OptionalText = headed("source", "来源", "数据来源", default=None)
    note: OptionalWords = headed("note", "备注", "说明", default=None)
    evidence: OptionalWords = headed("evidence", "证据", "依据", "凭证", default=None)


def take_in(
    session: Session, sheet: Sheet, *, period: str | None = None, reason: str = "", valid_rows: bool = False, by: str,
    at: datetime,
) -> Report:  # fmt: skip
    """Bring in measured indicators; a fact is known by period, rep and indicator.

    `period` stands in for a column the file does not have; `reason` says why stored values change. Raises
    MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    facts = part_in_period(FactRow, sheet, period)
    intake = receive(session, sheet, facts)
    check_place(session, intake, facts, period)
    for number, row in [*intake.standing(facts)]:
        wrong = fault(row.value, row.missing, note=row.note, evidence=row.evidence, approved_by=row.approved_by)
        if wrong:
            intake.refuse(facts, number, "value", wrong)
    intake.refuse_contradictions(facts)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    lost = any(diagnoses.is_lost(row.indicator) for _, row in intake.standing(facts))
    changed = keep(session, intake, facts, IndicatorFact, key=KEY, joined=place_of(session))
    revisions.keep_old(session, IndicatorFact, changed, intake, reason=reason, by=by, at=at)
    if lost:
        diagnoses.open_where_due(session, by=by, at=at)
    return finish(session, intake, "facts", by=by, at=at)


def fault(
    value: float | None, missing: str | None, *, note: str | None, evidence: str | None, approved_by: str | None
) -> FactRefused | None:
    """What is wrong with a fact. Without a value it says why; leaving an indicator out needs a reason and who approved
    it; counting it as 0 because the rep withheld it needs evidence."""
    if value is None and missing is None:
        return FactRefused(N_("Give a value, or say why there is none: not_applicable, not_measured, withheld_by_rep."))
    if value is not None and missing is not None:
        return FactRefused(N_("There is a value and also a reason why there is none. Keep one of the two."))
    if missing == "not_applicable" and not (note and approved_by):
        return FactRefused(N_("Leaving an indicator out needs the reason (note) and who approved it (approved_by)."))
    if missing == "withheld_by_rep" and not evidence:
        return FactRefused(N_("Counting it as 0 needs evidence that the rep was asked for it."))
    return None


def enter(
    session: Session, period: Period, rep: Rep, row: FactRow, *, reason: str = "", by: str, at: datetime
) -> IndicatorFact:
    """Write one fact down, or correct it with a reason. Raises FactRefused, ReasonMissing."""
    wrong = fault(row.value, row.missing, note=row.note, evidence=row.evidence, approved_by=row.approved_by)
    if wrong:
        raise wrong
    values = {
        name: getattr(row, name) for name in ("value", "target", "missing", "approved_by", "source", "note", "evidence")
    }
    stored = session.scalar(
        select(IndicatorFact).where(
            IndicatorFact.period_id == period.id,
            IndicatorFact.rep_id == rep.id,
            IndicatorFact.indicator == row.indicator,
        )
    )
    if stored is None:
        stored = IndicatorFact(period_id=period.id, rep_id=rep.id, indicator=row.indicator, **values)
        session.add(stored)
    elif not revisions.correct(session, stored, values, reason=reason, by=by, at=at):
        return stored
    session.flush()
    details = {"period": period.code, "indicator": row.indicator}
    journal.record(session, "fact entered", rep.code, details, by=by, at=at)
    if diagnoses.is_lost(row.indicator):
        diagnoses.open_where_due(session, by=by, at=at, rep=rep)
    return stored
