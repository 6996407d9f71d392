"""Events that cost points: with evidence, open to the rep's reply, confirmed or overturned by a reviewer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from survey import journal
from survey.indicators import revisions
from survey.indicators.bounds import PERIOD, check_days, check_place, outside_of, part_in_period, place_of
from survey.intake.cells import Code, Day, Multiplier, OptionalDay, OptionalWords, PositiveNumber, Text, Words, Yes
from survey.intake.columns import headed
from survey.intake.rows import Report, Row
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.company import Period
from survey.models.facts import ConductEvent
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import REP

KEY = ("period_id", "rep_id", "category", "on", "fact")


class UnknownEvent(Refused):
    """There is no such event, or it is not this person's to see: the answer is the same."""


class EventRefused(Refused):
    pass


class NothingWritten(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow(Row):
    KEY: ClassVar = ("period", "rep", "category", "on", "fact")
    period: Code = headed(*PERIOD)
    rep: Code = headed(*REP)
    category: Text = headed("category", "类别", "扣分类别", "事项类别")
    on: Day = headed("on", "date", "日期", "发生日期", "发生日")
    points: PositiveNumber = headed("points", "扣分", "扣分值", "分值")
    fact: Words = headed("fact", "事由", "事实", "事件", "事项")
    evidence: OptionalWords = headed("evidence", "证据", "依据", "凭证", default=None)
    multiplier: Multiplier = headed("multiplier", "倍数", "加倍", default=1.0)
    in_survey: Yes = headed("in_survey", "已计入满意度", "满意度已反映", default=False)
    expires_on: OptionalDay = headed("expires_on", "expires", "失效日期", "有效期至", default=None)


def take_in(
    session: Session, sheet: Sheet, *, period: str | None = None, reason: str = "", valid_rows: bool = False, by: str,
    at: datetime,
) -> Report:  # fmt: skip
    """Bring in what happened; an event is known by period, rep, category, day and fact.

    `period` stands in for a column the file does not have; `reason` says why stored values change. Raises
    MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    events = part_in_period(EventRow, sheet, period)
    intake = receive(session, sheet, events)
    check_place(session, intake, events, period)
    check_days(session, intake, events, "on")
    for number, row in [*intake.standing(events)]:
        wrong = never_counts(row)
        if wrong:
            intake.refuse(events, number, "expires_on", wrong)
    intake.refuse_contradictions(events)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    place = place_of(session)
    changed = keep(
        session, intake, events, ConductEvent, key=KEY, joined=lambda row: {**place(row), "decision": "open"}
    )
    revisions.keep_old(session, ConductEvent, changed, intake, reason=reason, by=by, at=at)
    return finish(session, intake, "events", by=by, at=at)


def never_counts(row: EventRow) -> EventRefused | None:
    """Why an event would be over before it began, if it would."""
    if row.expires_on is None or row.expires_on > row.on:
        return None
    return EventRefused(N_("It would expire on the day it happened, or before; give a later day (expires_on)."))


def enter(
    session: Session, period: Period, rep: Rep, row: EventRow, *, reason: str = "", by: str, at: datetime
) -> ConductEvent:
    """Write one event down, or correct what is stored of it, with a reason; a corrected event is open to review again.

    Raises EventRefused for a day outside the period, and for one that is stored already as it is; ReasonMissing.
    """
    outside = outside_of(period, row.on)
    if outside:
        raise EventRefused(outside.sentence, **outside.values)
    wrong = never_counts(row)
    if wrong:
        raise wrong
    values = {
        name: getattr(row, name) for name in ("points", "evidence", "multiplier", "in_survey", "expires_on")
    }  # fmt: skip
    event = session.scalar(
        select(ConductEvent).where(
            ConductEvent.period_id == period.id, ConductEvent.rep_id == rep.id, ConductEvent.category == row.category,
            ConductEvent.on == row.on, ConductEvent.fact == row.fact,
        )
    )  # fmt: skip
    if event is None:
        event = ConductEvent(
            period_id=period.id, rep_id=rep.id, category=row.category, on=row.on, fact=row.fact, decision="open",
            **values,
        )  # fmt: skip
        session.add(event)
    elif all(getattr(event, name) == value for name, value in values.items()):
        raise EventRefused(N_("This event is written down already; one event costs points once."))
    else:
        reviewed = {"decision": "open", "decision_reason": None, "decided_at": None, "decided_by": None}
        revisions.correct(session, event, {**values, **reviewed}, reason=reason, by=by, at=at)
    session.flush()
    _journal(session, "event entered", event, rep.code, by=by, at=at)
    return event


def find(session: Session, event_id: int, reps: Select[Any]) -> ConductEvent:
    """One event of these reps. Raises UnknownEvent."""
    event = session.scalar(
        select(ConductEvent)
        .where(ConductEvent.id == event_id, ConductEvent.rep_id.in_(reps))
        .options(joinedload(ConductEvent.rep), joinedload(ConductEvent.period))
    )
    if event is None:
        raise UnknownEvent(N_("There is no event %(id)s to be seen."), id=event_id)
    return event


def reply(session: Session, event: ConductEvent, text: str, *, by: str, at: datetime) -> None:
    """What the rep says to it; it stands beside the event from then on. Another reply keeps the first as a revision.

    Raises NothingWritten.
    """
    if not text.strip():
        raise NothingWritten(N_("Write your reply first."))
    if event.reply is None:
        event.reply, event.replied_at = text.strip(), at
    else:
        values = {"reply": text.strip(), "replied_at": at}
        revisions.correct(session, event, values, reason="another reply", by=by, at=at)
    _journal(session, "event replied to", event, event.rep.code, by=by, at=at)


def decide(session: Session, event: ConductEvent, decision: str, reason: str, *, by: str, at: datetime) -> None:
    """A reviewer confirms an event or overturns it; what is overturned costs nothing any more.

    Raises EventRefused for the rep's own event, ReasonMissing without a reason.
    """
    if by.lower() == (event.rep.email or "").lower():
        raise EventRefused(N_("Nobody decides on an event of their own."))
    values = {"decision": decision, "decision_reason": reason.strip(), "decided_at": at, "decided_by": by}
    revisions.correct(session, event, values, reason=reason, by=by, at=at)
    _journal(session, f"event {decision}", event, event.rep.code, by=by, at=at)


def _journal(session: Session, action: str, event: ConductEvent, rep: str, *, by: str, at: datetime) -> None:
    details = {"event": event.id, "category": event.category, "on": event.on.isoformat()}
    journal.record(session, action, rep, details, by=by, at=at)
