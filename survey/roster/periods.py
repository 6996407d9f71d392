"""Periods: stored codes such as 2026-H1 with a first and a last day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.models.company import Period
from survey.refusals import N_, Refused

FARTHEST = timedelta(days=100 * 366)
"""No period and no campaign ends later than so long from now: a later day is a slip of the keyboard, and the calendar
itself ends in 9999."""


class UnknownPeriod(Refused):
    pass


class PeriodRefused(Refused):
    pass


def add(session: Session, code: str, *, from_on: date, to_on: date, by: str, at: datetime) -> Period:
    """Store a period. The same period again is left as it is; other dates for a stored code are refused.

    Raises PeriodRefused.
    """
    if to_on < from_on:
        raise PeriodRefused(N_("Period %(code)s would end before it begins."), code=code)
    if to_on - at.date() > FARTHEST:
        raise PeriodRefused(N_("Period %(code)s would end on %(to_on)s. Check the year."), code=code, to_on=to_on)
    period = session.scalar(select(Period).where(Period.code == code))
    if period is None:
        period = Period(code=code, from_on=from_on, to_on=to_on)
        session.add(period)
        session.flush()
        journal.record(session, "period added", code, {"from": f"{from_on}", "to": f"{to_on}"}, by=by, at=at)
    elif (period.from_on, period.to_on) != (from_on, to_on):
        raise PeriodRefused(
            N_("Period %(code)s exists already, from %(from_on)s to %(to_on)s."),
            code=code, from_on=period.from_on, to_on=period.to_on,
        )  # fmt: skip
    return period


def find(session: Session, code: str) -> Period:
    """The period of this code. Raises UnknownPeriod."""
    period = session.scalar(select(Period).where(Period.code == code))
    if period is None:
        raise UnknownPeriod(
            N_("There is no period %(code)s. Add it: evenhand period add %(code)s --from D --to D."), code=code
        )
    return period


def numbered(session: Session, number: int) -> Period:
    """Raises UnknownPeriod."""
    period = session.get(Period, number)
    if period is None:
        raise UnknownPeriod(N_("There is no such period."))
    return period


def listed(session: Session) -> Sequence[Period]:
    """Every period, the latest first."""
    return session.scalars(select(Period).order_by(Period.from_on.desc(), Period.id.desc())).all()
