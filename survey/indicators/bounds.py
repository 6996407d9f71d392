"""What the rows of facts, events and goals have in common: they speak of one rep in one period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.intake.cells import UnfitCell
from survey.intake.rows import Intake, Part, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import ids, known
from survey.models.company import Period
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import NO_REP

NO_PERIOD = N_("There is no such period. Add it on the page Periods, or with: evenhand period add")
PERIOD = ("period", "考核期", "考核周期", "期间", "周期")


def part_in_period(model: Any, sheet: Sheet, period: str | None) -> Part[Any]:
    """A part whose period may be said once for the whole file."""
    return part_of(model, sheet, given={"period": period} if period else None)


def check_place(session: Session, intake: Intake, part: Part[Any], period: str | None) -> None:
    """Refuse rows of unknown periods and reps, and of another period than the import is for."""
    intake.check(part, "period", known(ids(session, Period), NO_PERIOD))
    if period:
        another = Refused(
            N_("This row is of another period than the one this import is for (%(period)s)."), period=period
        )
        intake.check(part, "period", lambda code: None if code == period else another)
    check_rep(session, intake, part)


def check_rep(session: Session, intake: Intake, part: Part[Any]) -> None:
    intake.check(part, "rep", known(ids(session, Rep), NO_REP))


def check_days(session: Session, intake: Intake, part: Part[Any], name: str) -> None:
    """Refuse rows whose day in this field lies outside their period."""
    periods = {period.code: period for period in session.scalars(select(Period))}
    for number, row in [*intake.standing(part)]:
        outside = outside_of(periods[row.period], getattr(row, name))
        if outside:
            intake.refuse(part, number, name, outside)


def outside_of(period: Period, on: date) -> UnfitCell | None:
    """Why a day does not count in a period, if it does not."""
    if period.from_on <= on <= period.to_on:
        return None
    return UnfitCell(
        N_("This day is outside period %(code)s (%(from_on)s to %(to_on)s)."),
        code=period.code, from_on=period.from_on, to_on=period.to_on,
    )  # fmt: skip


def place_of(session: Session) -> Callable[[Any], dict[str, Any]]:
    """The ids a row's period and rep stand for."""
    periods, reps = ids(session, Period), ids(session, Rep)
    return lambda row: {"period_id": periods[row.period], "rep_id": reps[row.rep]}


def rep_of(session: Session) -> Callable[[Any], dict[str, Any]]:
    reps = ids(session, Rep)
    return lambda row: {"rep_id": reps[row.rep]}
