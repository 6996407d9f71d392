"""Who may sign in, in which roles, and whose appraisals they may see.

The one room that knows Flask-Security: its user model needs that library's mixin.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, datetime

from email_validator import EmailNotValidError, validate_email
from flask_security import RoleMixin, UserMixin
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Select,
    String,
    Table,
    Text,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey import journal
from survey.database import Base
from survey.models.roster import Rep, ReportingLine
from survey.refusals import N_, Refused

ROLES = ("administrator", "reviewer", "manager", "rep", "interviewer", "auditor")
EVERYONE = frozenset({"reviewer"})  # roles that see the whole company's scores
SECOND_PERSONS = frozenset({"administrator", "reviewer"})

user_roles = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


class UnknownRole(Refused):
    pass


class EmailTaken(Refused):
    pass


class NotAnEmail(Refused):
    pass


class NotASecondPerson(Refused):
    pass


class Role(Base, RoleMixin):
    __tablename__ = "role"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class User(Base, UserMixin):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    language: Mapped[str | None]
    totp: Mapped[str | None] = mapped_column(Text)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]  # the mixin says list[RoleMixin]
        secondary=user_roles, lazy="selectin"
    )

    @property
    def role_names(self) -> frozenset[str]:
        return frozenset(role.name for role in self.roles)


class RecoveryCode(Base):
    """One unused recovery code, as its hash."""

    __tablename__ = "recovery_code"
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class SignIn(Base):
    """One session of a person's: the digest of the key in its cookie, when it began, roughly on what device. `of` is a
    mark of the person's sessions as a whole; once it is another, every session of before has ended."""

    __tablename__ = "sign_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    of: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    device: Mapped[str]
    begun_at: Mapped[datetime]


class AccountLetter(Base):
    """Mail about signing in that waits to be sent. Nobody is named but by the address typed: whoever asks for a new
    password leaves the same row, known or not. The link is made when the letter leaves, and stored nowhere."""

    __tablename__ = "account_letter"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    kind: Mapped[str] = mapped_column(String(24))
    language: Mapped[str] = mapped_column(String(2))
    message_id: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[str] = mapped_column(String(24), default="queued", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


def create(
    session: Session, *, email: str, name: str, role: str, password_hash: str | None, by: str, at: datetime
) -> User:
    """Add a person who may sign in. The password arrives hashed; None means it is still to be chosen."""
    if role not in ROLES:
        known = ", ".join(ROLES)
        raise UnknownRole(N_("There is no role “%(role)s”. Choose one of: %(roles)s."), role=role, roles=known)
    email = _address(email)
    if session.scalar(select(User.id).where(User.email == email)):
        raise EmailTaken(N_("%(email)s can sign in already."), email=email)
    user = User(email=email, name=name, password=password_hash, active=True, roles=[role_row(session, role)])
    end_sessions(user)
    session.add(user)
    session.flush()
    journal.record(session, "user created", email, {"role": role}, by=by, at=at)
    return user


def give_role(session: Session, user: User, role: str, *, by: str, at: datetime) -> None:
    """One more role for somebody who may sign in."""
    user.roles = [*user.roles, role_row(session, role)]
    session.flush()
    journal.record(session, "roles changed", user.email, {"given": [role], "taken": []}, by=by, at=at)


class UnknownPerson(Refused):
    pass


def named(session: Session, email: str) -> User:
    """The person who signs in with this address. Raises UnknownPerson."""
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise UnknownPerson(N_("Nobody signs in as %(email)s."), email=email)
    return user


def in_role(session: Session, role: str) -> list[str]:
    """The addresses of the people who hold a role and may sign in."""
    holders = select(User.email).where(User.roles.any(Role.name == role), User.active)
    return list(session.scalars(holders.order_by(User.email)))


def end_sessions(user: User) -> None:
    """Sign this person out everywhere: every session names this value."""
    user.fs_uniquifier = secrets.token_hex(16)


def _address(email: str) -> str:
    """The address in the one form it is kept in, so that whoever types it finds it again."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise NotAnEmail(N_("“%(email)s” is not an e-mail address: %(reason)s"), email=email, reason=error) from None


def role_row(session: Session, name: str) -> Role:
    """A role as it is stored; the first who gets it makes it."""
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=name)
        session.add(role)
    return role


def visible_reps(user: User, *, on: date) -> Select[int]:
    """The ids of the reps whose results this person may see: everyone's for a reviewer, a manager's own people
    (those of their sub-managers included) on that day, a rep's own."""
    names = user.role_names
    if names & EVERYONE:
        return select(Rep.id)
    chosen: list[ColumnElement[bool]] = []
    if "manager" in names:
        chosen.append(Rep.id.in_(led_by(user.email, on=on)))
    if "rep" in names:
        chosen.append(Rep.id.in_(own_reps(user)))
    return select(Rep.id).where(or_(false(), *chosen))


def own_reps(user: User) -> Select[int]:
    """The ids under which this person stands in the roster themselves."""
    return select(Rep.id).where(func.lower(Rep.email) == user.email)


def check_second_person(session: Session, *, by: str, first: str, rep_ids: Iterable[int], on: date) -> None:
    """Is this somebody else than `first` who may decide: an administrator or reviewer who manages none of these reps?

    Raises NotASecondPerson.
    """
    if by.lower() == first.lower():
        raise NotASecondPerson(N_("Another person decides: whoever proposes something does not agree to it."))
    user = session.scalar(select(User).where(User.email == by.lower(), User.active))
    if user is None or not user.role_names & SECOND_PERSONS:
        raise NotASecondPerson(N_("Only an administrator or a reviewer who signed in decides this."))
    concerned = set(rep_ids)
    if concerned & set(session.scalars(led_by(user.email, on=on))):
        raise NotASecondPerson(N_("Another person decides: you manage a rep whom this concerns."))
    if concerned & set(session.scalars(select(Rep.id).where(func.lower(Rep.email) == user.email))):
        raise NotASecondPerson(N_("Another person decides: this concerns yourself."))


def led_by(email: str, *, on: date) -> Select[int]:
    """Reps reporting to this address, directly or through reps who are managers themselves."""
    current = (ReportingLine.since_on <= on) & (ReportingLine.until_on.is_(None) | (ReportingLine.until_on > on))
    manager = func.lower(ReportingLine.manager_email)
    led = select(ReportingLine.rep_id).where(current, manager == email).cte(recursive=True)
    deeper = (
        select(ReportingLine.rep_id)
        .join(Rep, func.lower(Rep.email) == manager)
        .join(led, led.c.rep_id == Rep.id)
        .where(current)
    )
    led = led.union(deeper)
    return select(led.c.rep_id)
