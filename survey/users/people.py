"""Everybody who may sign in: looking people up, changing roles, letting go. There is always an administrator left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from survey import journal, names, users
from survey.refusals import N_, Refused
from survey.users import ROLES, AccountLetter, Role, UnknownPerson, UnknownRole, User, second_factor

PAGE = 50


class LastAdministrator(Refused):
    pass


NO_ROLE = N_("Choose at least one role. To keep somebody out, deactivate them.")


class NoRole(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One person as the list shows them. `state` is active, invited (no password yet) or inactive; `trouble` is why the
    last letter did not arrive."""

    id: int
    name: str
    email: str
    roles: tuple[str, ...]
    state: str
    has_second_factor: bool
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A page of people, and how many there are in all that fit."""

    shown: tuple[Listed, ...]
    total: int
    page: int
    pages: int


def listed(session: Session, *, words: str = "", role: str = "", page: int = 1) -> People:
    """Those whose name or address holds the words and who hold the role, by name."""
    fitting = select(User)
    if words.strip():
        inside = words.strip().lower()
        fitting = fitting.where(or_(func.lower(User.name).contains(inside, autoescape=True),
                                    User.email.contains(inside, autoescape=True)))  # fmt: skip
    if role in ROLES:
        fitting = fitting.where(User.roles.any(Role.name == role))
    named = session.execute(fitting.with_only_columns(User.id, User.name, User.email)).all()
    pages = max(1, -(-len(named) // PAGE))
    page = min(max(1, page), pages)
    ordered = sorted(named, key=lambda row: (names.sort_key(row.name), row.email))
    here = {row.id: place for place, row in enumerate(ordered[(page - 1) * PAGE : page * PAGE])}
    found = sorted(session.scalars(select(User).where(User.id.in_(here))), key=lambda user: here[user.id])
    failed = dict(
        session.execute(
            select(AccountLetter.address, AccountLetter.last_error)
            .where(AccountLetter.state == "failed", AccountLetter.address.in_([user.email for user in found]))
            .order_by(AccountLetter.id)
        ).all()
    )
    shown = tuple(_listed(user, failed.get(user.email) or "") for user in found)
    return People(shown=shown, total=len(named), page=page, pages=pages)


def _listed(user: User, trouble: str) -> Listed:
    return Listed(
        id=user.id, name=user.name, email=user.email, roles=tuple(role for role in ROLES if role in user.role_names),
        state=state(user), has_second_factor=user.totp is not None, trouble=trouble if user.password is None else "",
    )  # fmt: skip


def state(user: User) -> str:
    if not user.active:
        return "inactive"
    return "active" if user.password else "invited"


def find(session: Session, number: int) -> User:
    """One person by the number in an address. Raises UnknownPerson."""
    user = session.get(User, number)
    if user is None:
        raise UnknownPerson(N_("There is no such person."))
    return user


def addresses(session: Session) -> frozenset[str]:
    """The addresses that have an account."""
    return frozenset(session.scalars(select(User.email)))


def exist(session: Session) -> bool:
    """Is there anybody at all?"""
    return session.scalar(select(User.id).limit(1)) is not None


def administrators(session: Session, *, but: User | None = None) -> int:
    """How many administrators may sign in."""
    holders = select(func.count(User.id)).where(User.active, User.roles.any(Role.name == "administrator"))
    if but is not None:
        holders = holders.where(User.id != but.id)
    return session.scalar(holders) or 0


def add(session: Session, *, email: str, name: str, roles: Sequence[str], by: str, at: datetime) -> User:
    """Somebody new with these roles. Raises NoRole, UnknownRole, EmailTaken, NotAnEmail."""
    if not roles:
        raise NoRole(NO_ROLE)
    first, *others = roles
    called = " ".join(name.split()) or email
    user = users.create(session, email=email, name=called, role=first, password_hash=None, by=by, at=at)
    for role in others:
        users.give_role(session, user, role, by=by, at=at)
    return user


def set_roles(session: Session, user: User, roles: Iterable[str], *, by: str, at: datetime) -> None:
    """Give a person these roles and no other. Their sessions end where something was taken away.

    Raises NoRole, UnknownRole, LastAdministrator.
    """
    wanted = frozenset(roles)
    if not wanted:
        raise NoRole(NO_ROLE)
    if unknown := wanted - set(ROLES):
        raise UnknownRole(
            N_("There is no role “%(role)s”. Choose one of: %(roles)s."), role=min(unknown), roles=", ".join(ROLES)
        )
    before = user.role_names
    if wanted == before:
        return
    if "administrator" in before - wanted:
        _keep_one(session, user)
    user.roles = [users.role_row(session, name) for name in ROLES if name in wanted]
    if before - wanted:
        users.end_sessions(user)
    session.flush()
    told = {"given": sorted(wanted - before), "taken": sorted(before - wanted)}
    journal.record(session, "roles changed", user.email, told, by=by, at=at)


def rename(session: Session, user: User, name: str, *, by: str, at: datetime) -> None:
    name = " ".join(name.split())
    if name and name != user.name:
        user.name = name
        journal.record(session, "user renamed", user.email, by=by, at=at)


def deactivate(session: Session, user: User, *, by: str, at: datetime) -> None:
    """Keep a person out from this moment. What they did stays. Raises LastAdministrator."""
    if user.active:
        if "administrator" in user.role_names:
            _keep_one(session, user)
        user.active = False
        users.end_sessions(user)
        journal.record(session, "user deactivated", user.email, by=by, at=at)


def activate(session: Session, user: User, *, by: str, at: datetime) -> None:
    if not user.active:
        user.active = True
        journal.record(session, "user activated", user.email, by=by, at=at)


def sign_out_everywhere(session: Session, user: User, *, by: str, at: datetime) -> None:
    users.end_sessions(user)
    journal.record(session, "sessions ended", user.email, by=by, at=at)


def take_second_factor(session: Session, user: User, *, by: str, at: datetime) -> None:
    """Let somebody who lost phone and recovery codes set up another app; their sessions end."""
    second_factor.forget(session, user, by=by, at=at)
    users.end_sessions(user)


def _keep_one(session: Session, user: User) -> None:
    """Two administrators who let each other go at the same moment wait for each other here."""
    others = select(User.id).where(User.active, User.roles.any(Role.name == "administrator"), User.id != user.id)
    session.execute(select(Role).where(Role.name == "administrator").with_for_update())
    if session.scalar(others.limit(1)) is None:
        raise LastAdministrator(N_("%(name)s is the only administrator. Make somebody else one first."), name=user.name)
