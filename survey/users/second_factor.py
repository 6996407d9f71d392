"""The second factor: a code from an authenticator app (RFC 6238), or one of the recovery codes kept for a lost phone.

The secret is kept encrypted under the installation's own key, so a copy of the database alone makes no codes. A code is
good once. Recovery codes are random enough that their plain hash tells nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from passlib.exc import TokenError, UsedTokenError
from passlib.totp import TOTP
from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from survey import journal
from survey.refusals import N_, Refused
from survey.users import RecoveryCode, User

REQUIRED_OF = frozenset({"administrator"})
RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that could be taken for another


class WrongCode(Refused):
    pass


@dataclass(frozen=True, slots=True)
class Codes:
    """Makes and checks codes under the installation's key. `once` is whether a code is good a single time."""

    key: str
    issuer: str = "Evenhand"
    once: bool = True

    @property
    def _factory(self) -> Any:
        return TOTP.using(secrets={"1": hashlib.sha256(f"second factor {self.key}".encode()).hexdigest()})

    def new_secret(self) -> str:
        """A fresh secret as people type it: 32 letters and digits."""
        return str(self._factory.new().base32_key)

    def address(self, secret: str, email: str) -> str:
        """What an authenticator app reads from the picture."""
        return str(self._factory(key=secret, format="base32").to_uri(label=email, issuer=self.issuer))

    def secret_of(self, user: User) -> str:
        """The secret of a person who has one."""
        return str(self._factory.from_json(user.totp).base32_key)

    def shown(self, secret: str, *, at: datetime) -> str:
        """What an app with this secret shows at a moment."""
        return str(self._factory(key=secret, format="base32").generate(time=at.timestamp()).token)

    def sealed(self, secret: str) -> str:
        return str(self._factory(key=secret, format="base32").to_json())

    def step(self, code: str, sealed: str, *, after: int | None, at: datetime) -> int:
        """The number of the thirty seconds a code belongs to. Raises WrongCode; `after` is the last one used."""
        try:
            last = after if self.once else None
            return int(self._factory.verify(code, sealed, last_counter=last, time=at.timestamp(), window=30).counter)
        except UsedTokenError:
            raise WrongCode(N_("This code was used already. Wait for the next one.")) from None
        except TokenError:
            raise WrongCode(N_("This code is not right, or no longer. Check the app and try again.")) from None


def is_needed(user: User) -> bool:
    """Must this person pass a second factor? Administrators must; whoever has set one up wants to."""
    return user.totp is not None or bool(user.role_names & REQUIRED_OF)


def set_up(session: Session, user: User, secret: str, code: str, *, codes: Codes, at: datetime) -> list[str]:
    """Take an app into use once it shows a right code. Gives new recovery codes, shown this once. Raises WrongCode."""
    sealed = codes.sealed(secret)
    user.totp_step = codes.step(code, sealed, after=None, at=at)
    user.totp = sealed
    journal.record(session, "second factor set up", user.email, by=user.email, at=at)
    return _new_recovery_codes(session, user)


def renew_recovery_codes(session: Session, user: User, *, at: datetime) -> list[str]:
    """New recovery codes in place of the old ones, shown this once."""
    journal.record(session, "recovery codes renewed", user.email, by=user.email, at=at)
    return _new_recovery_codes(session, user)


def _new_recovery_codes(session: Session, user: User) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    fresh = ["-".join(_word(5) for _ in range(2)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user.id, digest=_digest(code)) for code in fresh)
    session.flush()
    return fresh


def _word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _digest(code: str) -> str:
    kept = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(kept.encode()).hexdigest()


def check(session: Session, user: User, code: str, *, codes: Codes, at: datetime) -> None:
    """Is this a code of the person's app, or a recovery code of theirs? Either is used up by it. Raises WrongCode."""
    typed = "".join(code.split())
    if len(typed) == 6 and typed.isascii() and typed.isdigit() and user.totp:
        step = codes.step(typed, user.totp, after=user.totp_step, at=at)
        before = or_(User.totp_step.is_(None), User.totp_step < step)
        first = _changes(session, update(User).where(User.id == user.id, before).values(totp_step=step))
        if codes.once and not first:
            raise WrongCode(N_("This code was used already. Wait for the next one."))
        return
    spent = delete(RecoveryCode).where(RecoveryCode.user_id == user.id, RecoveryCode.digest == _digest(typed))
    if not _changes(session, spent):
        raise WrongCode(N_("This code is not right, or no longer. Check the app and try again."))
    journal.record(session, "recovery code used", user.email, by=user.email, at=at)


def _changes(session: Session, statement: Any) -> bool:
    """Did it meet a row? Of two who use one code at the same moment only one does."""
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return isinstance(done, CursorResult) and done.rowcount == 1


def left(session: Session, user: User) -> int:
    """How many recovery codes are still unused."""
    return session.scalar(select(func.count()).where(RecoveryCode.user_id == user.id)) or 0


def forget(session: Session, user: User, *, by: str, at: datetime) -> None:
    """Take the second factor away, for somebody who lost phone and recovery codes; the next sign-in sets up another."""
    user.totp = user.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    journal.record(session, "second factor taken away", user.email, by=by, at=at)
