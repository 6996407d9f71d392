"""Before a draw each rep looks through the assignments held for them and may object; another person decides.

A rep sees customers, territories and days, nothing of who is drawn, asked or has answered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from survey import journal, users
from survey.models.company import Period
from survey.models.roster import Assignment, AssignmentCheck, AssignmentConfirmation, Objection, Rep
from survey.refusals import N_, Refused
from survey.roster import periods
from survey.roster.hearing import LONGEST_REASON, hearing, of_period, served_in
from survey.users import User, letters
from survey.users.inviting import COMPANY_LANGUAGE

WORKING_DAYS = 5
SATURDAY = 5
VERDICTS = ("upheld", "rejected")


class AskedAlready(Refused):
    pass


class ObjectionRefused(Refused):
    pass


class UnknownObjection(Refused):
    pass


class DecisionRefused(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held for one rep in one period, and what they said of it."""

    check: AssignmentCheck
    rep: Rep
    assignments: tuple[Assignment, ...]
    objections: tuple[Objection, ...]
    confirmed_at: datetime | None
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
    """Ask every rep to look through the assignments of a period, once; whoever can sign in gets a letter.

    Raises UnknownPeriod, AskedAlready.
    """
    stretch = periods.find(session, period)
    before = of_period(session, stretch)
    if before:
        raise AskedAlready(
            N_("The reps were asked about %(period)s on %(asked_on)s already."), period=period, asked_on=before.asked_on
        )
    check = AssignmentCheck(period=stretch, asked_on=on, until_on=working_days_after(on, WORKING_DAYS), by=by)
    session.add(check)
    session.flush()
    silent = {say.code for say in hearing(session, stretch, on=on).says if say.said == "silent"}
    for user in session.scalars(_logins(silent)):
        letters.write(session, user.email, "check", language=user.language or COMPANY_LANGUAGE, at=at)
    details = {"until": check.until_on.isoformat()}
    journal.record(session, "assignments to be checked", period, details, by=by, at=at)
    return check


def _logins(codes: Collection[str]) -> Select[User]:
    """The accounts of these reps."""
    addresses = select(func.lower(Rep.email)).where(Rep.code.in_(codes), Rep.email.is_not(None))
    return select(User).where(User.email.in_(addresses), User.active).order_by(User.id)


def asked(session: Session) -> Sequence[AssignmentCheck]:
    """Every check, the newest first."""
    newest_first = select(AssignmentCheck).options(joinedload(AssignmentCheck.period))
    return session.scalars(newest_first.order_by(AssignmentCheck.id.desc())).all()


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
            served_in(check.period),
        )
        .options(joinedload(Assignment.customer), joinedload(Assignment.territory))
        .order_by(Assignment.served_from, Assignment.id)
    )
    confirmed = select(AssignmentConfirmation.confirmed_at).where(
        AssignmentConfirmation.check_id == check.id, AssignmentConfirmation.rep_id == rep.id
    )
    said = select(Objection).where(Objection.check_id == check.id, Objection.rep_id == rep.id).order_by(Objection.id)
    return Held(
        check=check,
        rep=rep,
        assignments=tuple(session.scalars(overlapping)),
        objections=tuple(session.scalars(said)),
        confirmed_at=session.scalar(confirmed),
        open=on <= check.until_on,
    )


def confirm(session: Session, check_id: int, *, on: date, by: str, at: datetime) -> None:
    """The rep signed in as `by` has looked through what is held for them and found it right; said twice, it is said
    once. Raises UnknownObjection when the check is not theirs, ObjectionRefused."""
    mine = _mine(session, check_id, by, on=on)
    if mine.confirmed_at is not None or mine.objections:
        return
    session.add(AssignmentConfirmation(check_id=check_id, rep_id=mine.rep.id, confirmed_at=at))
    journal.record(session, "assignments confirmed", mine.rep.code, {"check": check_id}, by=by, at=at)


def _mine(session: Session, check_id: int, email: str, *, on: date) -> Held:
    """A rep's own part of a check that still takes objections. Raises UnknownObjection, ObjectionRefused."""
    mine = next((one for one in held(session, email, on=on) if one.check.id == check_id), None)
    if mine is None:
        raise UnknownObjection(N_("There is no such assignment of yours."))
    if not mine.open:
        raise ObjectionRefused(N_("Objections were possible until %(until_on)s."), until_on=mine.check.until_on)
    return mine


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
    mine = _mine(session, check_id, by, on=on)
    if assignment_id is not None and assignment_id not in {one.id for one in mine.assignments}:
        raise UnknownObjection(N_("There is no such assignment of yours."))
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
