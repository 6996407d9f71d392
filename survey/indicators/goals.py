"""Goals agreed with a rep: measurable, with a day they are due, and accepted by whom they bind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.indicators.bounds import PERIOD, check_place, outside_of, part_in_period, place_of
from survey.intake.cells import Code, Number, OptionalDay, OptionalNumber, OptionalText, Words
from survey.intake.columns import headed
from survey.intake.rows import Report, Row
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.company import Period
from survey.models.facts import Goal
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import REP

KEY = ("period_id", "rep_id", "text")


class GoalRefused(Refused):
    """A goal nobody could tell whether it was reached; `problems` names every reason."""


class UnknownGoal(Refused):
    """There is no such goal, or it is not this person's to accept: the answer is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRow(Row):
    KEY: ClassVar = ("period", "rep", "text")
    period: Code = headed(*PERIOD)
    rep: Code = headed(*REP)
    text: Words = headed("text", "goal", "目标内容", "目标描述", "内容")
    indicator: OptionalText = headed("indicator", "指标", "指标编号", "指标代码", default=None)
    target: OptionalNumber = headed("target", "目标值", "目标", default=None)
    unit: OptionalText = headed("unit", "单位", default=None)
    due_on: OptionalDay = headed("due_on", "due", "截止日期", "完成期限", default=None)
    proposed_by: OptionalText = headed("proposed_by", "提出人", default=None)
    accepted_by: OptionalText = headed("accepted_by", "认可人", "确认人", default=None)
    accepted_on: OptionalDay = headed("accepted_on", "认可日期", "确认日期", default=None)
    done: OptionalNumber = headed("done", "已完成", "完成值", "实际值", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRow:
    """How much of a goal was reached."""

    rep: Code
    done: Number


def reasons(row: GoalRow, period: Period, *, agreed: bool = True) -> Iterator[tuple[str, Refused]]:
    """Why a goal cannot be kept, as (field, reason): not measurable, no day it is due, not accepted (if `agreed`)."""
    if row.target is None or row.unit is None:
        yield "target", Refused(N_("Not measurable: say how much (target) of what (unit), such as 100 contracts."))
    if row.due_on is None:
        yield "due_on", Refused(N_("Not time-bound: say by which day (due_on)."))
    elif outside := outside_of(period, row.due_on):
        yield "due_on", outside
    if agreed and not (row.accepted_by and row.accepted_on):
        yield "accepted_on", Refused(N_("Not agreed: say who accepted it and when (accepted_by, accepted_on)."))


def take_in(
    session: Session, sheet: Sheet, *, period: str | None = None, reason: str = "", valid_rows: bool = False, by: str,
    at: datetime,
) -> Report:  # fmt: skip
    """Bring in agreed goals; one is known by period, rep and text.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report, with every reason.
    """
    goals = part_in_period(GoalRow, sheet, period)
    intake = receive(session, sheet, goals)
    check_place(session, intake, goals, period)
    periods = {one.code: one for one in session.scalars(select(Period))}
    for number, row in [*intake.standing(goals)]:
        for name, why in reasons(row, periods[row.period]):
            intake.refuse(goals, number, name, why)
    intake.refuse_contradictions(goals)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    changed = keep(session, intake, goals, Goal, key=KEY, joined=place_of(session))
    revisions.keep_old(session, Goal, changed, intake, reason=reason, by=by, at=at)
    return finish(session, intake, "goals", by=by, at=at)


def propose(session: Session, period: Period, rep: Rep, row: GoalRow, *, by: str, at: datetime) -> Goal:
    """Propose a goal; it counts once the rep accepts it. Raises GoalRefused with every reason."""
    wrong = tuple(why for _, why in reasons(row, period, agreed=False))
    same = select(Goal.id).where(Goal.period_id == period.id, Goal.rep_id == rep.id, Goal.text == row.text)
    if session.scalar(same) is not None:
        wrong = (*wrong, Refused(N_("This goal is written down already.")))
    if wrong or row.target is None or row.unit is None or row.due_on is None:
        raise GoalRefused(N_("“%(text)s” is no goal yet."), text=row.text, problems=wrong)
    goal = Goal(
        period_id=period.id, rep_id=rep.id, text=row.text, indicator=row.indicator, target=row.target, unit=row.unit,
        due_on=row.due_on, proposed_by=by,
    )  # fmt: skip
    session.add(goal)
    session.flush()
    journal.record(session, "goal proposed", rep.code, {"period": period.code, "goal": goal.id}, by=by, at=at)
    return goal


def accept(session: Session, goal_id: int, own: Select[Any], *, by: str, at: datetime, on: date) -> Goal:
    """The rep accepts a goal of their own (`own`: their rep ids). Raises UnknownGoal."""
    found = session.execute(select(Goal, Rep.code).join(Rep).where(Goal.id == goal_id, Goal.rep_id.in_(own))).first()
    if found is None:
        raise UnknownGoal(N_("There is no goal %(id)s to be accepted."), id=goal_id)
    goal, code = found
    if goal.accepted_on is None:
        goal.accepted_by, goal.accepted_on = by, on
        journal.record(session, "goal accepted", code, {"goal": goal.id}, by=by, at=at)
    return goal


def reach(
    session: Session, goal_id: int, reps: Select[Any], done: float, *, reason: str, by: str, at: datetime
) -> Goal:
    """How much of a goal was reached; another amount later needs a reason. Raises UnknownGoal, ReasonMissing."""
    found = session.execute(select(Goal, Rep.code).join(Rep).where(Goal.id == goal_id, Goal.rep_id.in_(reps))).first()
    if found is None:
        raise UnknownGoal(N_("There is no goal %(id)s to be seen."), id=goal_id)
    goal, code = found
    if goal.done is None:
        goal.done = done
    elif not revisions.correct(session, goal, {"done": done}, reason=reason, by=by, at=at):
        return goal
    journal.record(session, "goal reached", code, {"goal": goal.id, "done": done}, by=by, at=at)
    return goal
