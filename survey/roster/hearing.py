"""Has every rep had their say about the assignments of a period, before anybody is drawn?

Five working days are the longest anybody waits: once every rep who still works here has looked through what is held for
them, and whatever was objected to is decided, the check is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from survey import names, users
from survey.models.company import Period
from survey.models.roster import Assignment, AssignmentCheck, AssignmentConfirmation, Objection, Rep
from survey.refusals import N_, Refused

LONGEST_REASON = 2000
LONGEST_LINE = 500
OUTSTANDING = ("silent", "no login")


class CheckUnderWay(Refused):
    """Nobody is drawn before the reps had their say."""


class CheckNeverHeld(Refused):
    """To go on without the reps' check is a decision, and a decision is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One rep who served in the period, and what they said of it: `right`, `objecting` (undecided), `decided`,
    `silent`, `no login` (nothing either, for want of an account), or `left` (gone, and not waited for)."""

    code: str
    name: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """The check of one period: `until_on` is None where the reps were never asked; while it is `open`, a draw waits."""

    period: str
    until_on: date | None
    open: bool
    says: tuple[Say, ...]

    @property
    def expected(self) -> tuple[Say, ...]:
        """Those whose word counts."""
        return tuple(say for say in self.says if say.said != "left")

    @property
    def outstanding(self) -> tuple[Say, ...]:
        return tuple(say for say in self.says if say.said in OUTSTANDING)

    @property
    def objecting(self) -> tuple[Say, ...]:
        return tuple(say for say in self.says if say.said == "objecting")


def of_period(session: Session, period: Period) -> AssignmentCheck | None:
    return session.scalar(select(AssignmentCheck).where(AssignmentCheck.period_id == period.id))


def served_in(period: Period) -> ColumnElement[bool]:
    """The assignments that held on any day of a period."""
    still = or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on)
    return and_(Assignment.served_from <= period.to_on, still)


def hearing(session: Session, period: Period, *, on: date) -> Hearing:
    """Where the reps' check of a period stands on a day."""
    check = of_period(session, period)
    serving = select(Assignment.rep_id).where(served_in(period))
    reps = names.by_name(session.scalars(select(Rep).where(Rep.id.in_(serving))))
    confirmed, verdicts = _said(session, check)
    logins = set(users.in_role(session, "rep"))
    says = tuple(Say(code=rep.code, name=rep.name, said=_word(rep, confirmed, verdicts, logins, on=on)) for rep in reps)
    undecided = any(None in of_rep for of_rep in verdicts.values())
    waiting = check is not None and on <= check.until_on and any(say.said in OUTSTANDING for say in says)
    return Hearing(
        period=period.code, until_on=check.until_on if check else None, open=undecided or waiting, says=says
    )  # fmt: skip


def _said(session: Session, check: AssignmentCheck | None) -> tuple[set[int], dict[int, set[str | None]]]:
    """The reps (by id) who found everything right, and the verdicts on what the others objected to."""
    if check is None:
        return set(), {}
    confirmed = select(AssignmentConfirmation.rep_id).where(AssignmentConfirmation.check_id == check.id)
    verdicts: dict[int, set[str | None]] = {}
    objections = select(Objection.rep_id, Objection.verdict).where(Objection.check_id == check.id)
    for rep_id, verdict in session.execute(objections):
        verdicts.setdefault(rep_id, set()).add(verdict)
    return set(session.scalars(confirmed)), verdicts


def _word(
    rep: Rep, confirmed: set[int], verdicts: dict[int, set[str | None]], logins: set[str], *, on: date
) -> str:  # fmt: skip
    if rep.id in verdicts:
        return "objecting" if None in verdicts[rep.id] else "decided"
    if rep.id in confirmed:
        return "right"
    if rep.left_on is not None and rep.left_on <= on:
        return "left"
    return "silent" if rep.email and rep.email.lower() in logins else "no login"


def under_way(session: Session, period: Period, *, on: date) -> bool:
    """Does a draw about this period have to wait?"""
    return hearing(session, period, on=on).open


def require_over(session: Session, period: Period, *, on: date) -> None:
    """A draw waits for the check of its period, where there is one. Raises CheckUnderWay."""
    found = hearing(session, period, on=on)
    if found.open:
        raise CheckUnderWay(
            N_(
                "The reps are checking their assignments of %(period)s until %(until_on)s. Go on when all of them have "
                "looked and every objection is decided, or after that day."
            ),
            period=period.code, until_on=found.until_on,
        )  # fmt: skip


def stated(session: Session, period: Period, reason: str) -> str:
    """The reason to go on although the reps never had their check; blank where they had it. Raises CheckNeverHeld."""
    if of_period(session, period) is not None:
        return ""
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_LINE or not reason.isprintable():
        raise CheckNeverHeld(
            N_(
                "The reps have not looked through their assignments of %(period)s. Let them first, or say in a line "
                "why it goes without: the journal keeps it."
            ),
            period=period.code,
        )  # fmt: skip
    return reason
