"""Inviting people to sign in: the managers and reps of the roster all at once, or one person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from survey import journal, users
from survey.models.roster import Rep, ReportingLine
from survey.refusals import N_, Refused
from survey.users import NotAnEmail, User, letters

COMPANY_LANGUAGE = "zh"


class AlreadyIn(Refused):
    """The person has chosen a password: there is nothing to invite to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Somebody of the roster who is to be able to sign in."""

    email: str
    name: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What came of inviting everybody: accounts made, roles added to accounts there were, people left as they are, and
    addresses that are none."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: tuple[str, ...] = ()


def wanted(session: Session, *, on: date) -> list[Wanted]:
    """The managers somebody reports to on that day and the reps with an address who have not left, by address."""
    stays = or_(Rep.left_on.is_(None), Rep.left_on >= on)
    reps = {(email or "").strip().lower(): name for email, name in session.execute(
        select(Rep.email, Rep.name).where(Rep.email.is_not(None), Rep.email != "", stays)
    )}  # fmt: skip
    current = (ReportingLine.since_on <= on) & (ReportingLine.until_on.is_(None) | (ReportingLine.until_on > on))
    managers = set(
        session.scalars(
            select(func.lower(func.trim(ReportingLine.manager_email))).join(Rep, Rep.id == ReportingLine.rep_id)
            .where(current, stays).distinct()
        )
    )  # fmt: skip
    return [
        Wanted(
            email=email, name=reps.get(email) or email.partition("@")[0],
            roles=frozenset(role for role, those in (("manager", managers), ("rep", reps)) if email in those),
        )
        for email in sorted(managers | reps.keys())
    ]  # fmt: skip


def invite_all(
    session: Session, *, on: date, by: str, at: datetime, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Invited:
    """Give everybody of the roster an account and send who is new an invitation. Done again, it changes nothing.

    Somebody deactivated stays so. `tell` hears how many of how many are done.
    """
    everybody = wanted(session, on=on)
    known = {user.email: user for user in session.scalars(select(User))}
    counted = {"created": 0, "updated": 0, "unchanged": 0}
    refused: list[str] = []
    for place, person in enumerate(everybody, start=1):
        try:
            counted[_invite(session, person, known.get(person.email), by=by, at=at)] += 1
        except NotAnEmail as refusal:
            refused.append(str(refusal))
        tell(place, len(everybody))
    return Invited(**counted, refused=tuple(refused))


def _invite(session: Session, person: Wanted, user: User | None, *, by: str, at: datetime) -> str:
    if user is None:
        first, *others = sorted(person.roles)
        user = users.create(
            session, email=person.email, name=person.name, role=first, password_hash=None, by=by, at=at
        )  # fmt: skip
        for role in others:
            users.give_role(session, user, role, by=by, at=at)
        send(session, user, by=by, at=at)
        return "created"
    missing = person.roles - user.role_names
    if not user.active or not missing:
        return "unchanged"
    for role in sorted(missing):
        users.give_role(session, user, role, by=by, at=at)
    return "updated"


def send(session: Session, user: User, *, by: str, at: datetime) -> None:
    """Send somebody (once more) the link to choose a password by. Raises AlreadyIn."""
    if user.password is not None:
        raise AlreadyIn(N_("%(name)s has chosen a password already."), name=user.name)
    letters.write(session, user.email, "invited", language=user.language or COMPANY_LANGUAGE, at=at)
    journal.record(session, "user invited", user.email, by=by, at=at)
