"""What a password must be, and the links by which people choose one.

A link is signed and names a person, an end, and the password it is to replace (none, for an invitation): once another
is chosen, the link is of no more use. It is stored nowhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal, users
from survey.refusals import N_, Refused
from survey.users import User

SHORTEST = 12
LONGEST = 128
GOOD_FOR = {"invited": timedelta(days=7), "forgotten": timedelta(hours=2)}
"""What a link was sent for → how long it is good."""


class PasswordTooShort(Refused):
    pass


class PasswordTooLong(Refused):
    pass


class PasswordGuessable(Refused):
    pass


class DeadLink(Refused):
    """The link is of no use: mistyped, too old, or used already."""


def check(password: str, *, of: User | None = None) -> None:
    """Raises PasswordTooShort, PasswordTooLong, PasswordGuessable."""
    if len(password) < SHORTEST:
        raise PasswordTooShort(N_("A password needs at least %(least)s characters."), least=SHORTEST)
    if len(password) > LONGEST:
        raise PasswordTooLong(N_("A password has at most %(most)s characters."), most=LONGEST)
    told = {part for part in (of.email, of.email.partition("@")[0], of.name) if len(part) > 3} if of else set()
    if len(set(password)) < 5 or any(part.lower() in password.lower() for part in told):
        raise PasswordGuessable(N_("This is easily guessed: use neither your name or address nor only a few letters."))


@dataclass(frozen=True, slots=True)
class Links:
    """Mints and reads the links' tokens under the installation's key."""

    key: str

    @property
    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="choose a password", signer_kwargs={"digest_method": hashlib.sha256})

    def mint(self, user: User, kind: str, *, at: datetime) -> str:
        return str(self._serializer.dumps([user.id, int((at + GOOD_FOR[kind]).timestamp()), _fingerprint(user)]))

    def holder(self, session: Session, token: str, *, at: datetime) -> User:
        """Whose link this is. Raises DeadLink."""
        dead = DeadLink(N_("This link is no longer good, or was used already. Ask for a new one."))
        try:
            number, until, fingerprint = self._serializer.loads(token)
            user = session.scalar(select(User).where(User.id == number, User.active).with_for_update())
        except (BadData, ValueError, TypeError):
            raise dead from None
        if user is None or at.timestamp() > until or fingerprint != _fingerprint(user):
            raise dead
        return user


def _fingerprint(user: User) -> str:
    return hashlib.sha256(f"{user.email} {user.password or ''}".encode()).hexdigest()[:24]


def change(session: Session, user: User, password_hash: str, *, at: datetime) -> None:
    """Put a new password in place of the old one, and end every session the person has."""
    action = "password changed" if user.password else "password chosen"
    journal.record(session, action, user.email, by=user.email, at=at)
    user.password = password_hash
    users.end_sessions(user)
