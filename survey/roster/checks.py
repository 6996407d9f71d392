"""Before a draw each rep looks through the assignments held for them and may object; another person decides.

A rep sees customers, territories and days, nothing of who is drawn, asked or has answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from survey import journal, users
from survey.models import Assignment, AssignmentCheck, Objection, Period, Rep
from survey.refusals import N_, Refused
from survey.roster import periods

WORKING_DAYS = 5
SATURDAY = 5
LONGEST_REASON = 2000
VERDICTS = ("upheld", "rejected")


class AskedAlready(Refused):
    pass


class CheckUnderWay(Refused):
    """Nobody is drawn before the reps had their say."""


class ObjectionRefused(Refused):
    pass


class UnknownObjection(Refused):
    pass


class DecisionRefused(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held for one rep in one period, and what they said against it."""

    check: AssignmentCheck
    rep: Rep
    assignments: tuple[Assignment, ...]
    objections: tuple[Objection, ...]
    open: bool

    def objection(self, assignment: Assignment) -> Objection | None:
        return next((one for one in self.objections if one.assignment_id == assignment.id), None)


def working_days_after(day: date, count: int) -> date:
    """The day on which so many days from Monday to Friday have passed. Public holidays are not known here."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < SATURDAY
    return day


def ask(session: Session, period: str, *, on: date, by: str, at: datetime) -> AssignmentCheck:
    """Ask every rep to look through the assignments of a period, once. Raises UnknownPeriod, AskedAlready."""
    stretch = periods.find(session, period)
    before = _of(session, stretch)
    if before:
        raise AskedAlready(
            N_("The reps were asked about %(period)s on %(asked_on)s already."), period=period, asked_on=before.asked_on
        )
    check = AssignmentCheck(period=stretch, asked_on=on, until_on=working_days_after(on, WORKING_DAYS), by=by)
    session.add(check)
    session.flush()
    details = {"until": check.until_on.isoformat()}
    journal.record(session, "assignments to be checked", period, details, by=by, at=at)
    return check


def asked(session: Session) -> Sequence[AssignmentCheck]:
    """Every check, the newest first."""
    newest_first = select(AssignmentCheck).options(joinedload(AssignmentCheck.period))
    return session.scalars(newest_first.order_by(AssignmentCheck.id.desc())).all()


def under_way(session: Session, period: Period, *, on: date) -> bool:
    """May reps still object, or is an objection about this period undecided?"""
    check = _of(session, period)
    if check is None:
        return False
    undecided = select(func.count()).where(Objection.check_id == check.id, Objection.verdict.is_(None))
    return on <= check.until_on or bool(session.scalar(undecided))


def require_over(session: Session, period: Period, *, on: date) -> None:
    """A draw waits for the check of its period, where there is one. Raises CheckUnderWay."""
    check = _of(session, period)
    if check is not None and under_way(session, period, on=on):
        raise CheckUnderWay(
            N_(
                "The reps are checking their assignments of %(period)s: go on after %(until_on)s, once every objection "
                "is decided."
            ),
            period=period.code, until_on=check.until_on,
        )  # fmt: skip


def _of(session: Session, period: Period) -> AssignmentCheck | None:
    return session.scalar(select(AssignmentCheck).where(AssignmentCheck.period_id == period.id))


def unasked_periods(session: Session) -> Sequence[Period]:
    asked_before = select(AssignmentCheck.period_id)
    return session.scalars(select(Period).where(Period.id.not_in(asked_before)).order_by(Period.from_on.desc())).all()


def held(session: Session, email: str, *, on: date) -> tuple[Held, ...]:
    """What is held for the rep of this address, check by check, the newest first."""
    rep = session.scalar(select(Rep).where(func.lower(Rep.email) == email.lower()))
    return tuple(_held(session, check, rep, on=on) for check in asked(session)) if rep else ()


def _held(session: Session, check: AssignmentCheck, rep: Rep, *, on: date) -> Held:
    overlapping = (
        select(Assignment)
        .where(
            Assignment.rep_id == rep.id,
            Assignment.served_from <= check.period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= check.period.from_on),
        )
        .options(joinedload(Assignment.customer), joinedload(Assignment.territory))
        .order_by(Assignment.served_from, Assignment.id)
    )
    said = select(Objection).where(Objection.check_id == check.id, Objection.rep_id == rep.id).order_by(Objection.id)
    return Held(
        check=check,
        rep=rep,
        assignments=tuple(session.scalars(overlapping)),
        objections=tuple(session.scalars(said)),
        open=on <= check.until_on,
    )


def object_to(
    session: Session,
    check_id: int,
    *,
    assignment_id: int | None,
    reason: str,
    on: date,
    by: str,
    at: datetime,
) -> Objection:
    """The rep signed in as `by` says what is wrong with an assignment, or (None) that one is missing.

    Raises UnknownObjection when the check or the assignment is not theirs, ObjectionRefused.
    """
    mine = next((one for one in held(session, by, on=on) if one.check.id == check_id), None)
    if mine is None or (assignment_id is not None and assignment_id not in {one.id for one in mine.assignments}):
        raise UnknownObjection(N_("There is no such assignment of yours."))
    if not mine.open:
        raise ObjectionRefused(N_("Objections were possible until %(until_on)s."), until_on=mine.check.until_on)
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise ObjectionRefused(N_("Say what is wrong, in at most %(longest)s characters."), longest=LONGEST_REASON)
    if any(one.assignment_id == assignment_id and assignment_id is not None for one in mine.objections):
        raise ObjectionRefused(N_("You have objected to this one already."))
    objection = Objection(
        check_id=check_id, rep_id=mine.rep.id, assignment_id=assignment_id, reason=reason, raised_at=at, raised_by=by
    )
    session.add(objection)
    session.flush()
    details = {"objection": objection.id, "assignment": assignment_id}
    journal.record(session, "assignment objected to", mine.rep.code, details, by=by, at=at)
    return objection


def objections(session: Session) -> Sequence[Objection]:
    """Every objection, those still to be decided first."""
    question = select(Objection).options(
        joinedload(Objection.rep),
        joinedload(Objection.check).joinedload(AssignmentCheck.period),
        joinedload(Objection.assignment).joinedload(Assignment.customer),
    )
    return session.scalars(question.order_by(Objection.verdict.is_not(None), Objection.id)).all()


def decide(
    session: Session, objection_id: int, verdict: str, *, reason: str, on: date, by: str, at: datetime
) -> Objection:
    """Somebody who is neither the rep nor their manager says who is right, and why.

    Raises UnknownObjection, DecisionRefused, NotASecondPerson.
    """
    objection = session.get(Objection, objection_id)
    if objection is None:
        raise UnknownObjection(N_("There is no such objection."))
    if objection.verdict is not None:
        raise DecisionRefused(N_("This was decided already, by %(by)s."), by=objection.decided_by)
    users.check_second_person(session, by=by, first=objection.raised_by, rep_ids=[objection.rep_id], on=on)
    reason = reason.strip()
    if verdict not in VERDICTS or not reason or len(reason) > LONGEST_REASON:
        raise DecisionRefused(
            N_("Say which it is, and why, in at most %(longest)s characters."), longest=LONGEST_REASON
        )
    objection.verdict, objection.verdict_reason = verdict, reason
    objection.decided_at, objection.decided_by = at, by
    details = {"objection": objection.id, "verdict": verdict}
    journal.record(session, "objection decided", objection.rep.code, details, by=by, at=at)
    return objection
