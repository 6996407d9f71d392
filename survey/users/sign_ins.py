"""Where a person is signed in: one row a session, named in its cookie. Without its row a cookie opens nothing, so a
session can be ended from elsewhere, and a copy of a cookie is worth nothing once its owner has signed out."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session, joinedload

from survey.users import SignIn, User

MOST = 20
"""Sessions a person keeps; the oldest ends when another begins."""
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("MicroMessenger", "WeChat"), ("Firefox", "Firefox"),
             ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
            ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip


def begin(session: Session, user: User, *, device: str, at: datetime) -> str:
    """A new session; gives the key its cookie carries. What an earlier sign-out everywhere ended goes now."""
    kept = select(SignIn.id).where(SignIn.user_id == user.id).order_by(SignIn.id.desc()).limit(MOST - 1)
    ended = or_(SignIn.of != _mark(user.fs_uniquifier), SignIn.id.not_in(session.scalars(kept).all()))
    session.execute(delete(SignIn).where(SignIn.user_id == user.id, ended))
    key = secrets.token_urlsafe(16)
    session.add(SignIn(user_id=user.id, of=_mark(user.fs_uniquifier), digest=_digest(key), device=device, begun_at=at))
    session.flush()
    return key


_WHOSE = (
    select(User)
    .join(SignIn, SignIn.user_id == User.id)
    .where(
        User.fs_uniquifier == bindparam("identity"), User.active,
        SignIn.of == bindparam("of"), SignIn.digest == bindparam("digest"),
    )
    .options(joinedload(User.roles))
)  # fmt: skip
"""Made once: every page asks it."""


def whose(session: Session, identity: str, key: str) -> User | None:
    """The active person a cookie names, with their roles, if the session of its key stands."""
    asked = {"identity": identity, "of": _mark(identity), "digest": _digest(key)}
    return session.scalars(_WHOSE, asked).unique().one_or_none()


def find(session: Session, user: User, key: str) -> SignIn | None:
    """The session of this key, if it stands."""
    found = select(SignIn).where(
        SignIn.user_id == user.id, SignIn.of == _mark(user.fs_uniquifier), SignIn.digest == _digest(key)
    )  # fmt: skip
    return session.scalar(found)


def listed(session: Session, user: User) -> Sequence[SignIn]:
    """Every session that stands, the newest first."""
    theirs = select(SignIn).where(SignIn.user_id == user.id, SignIn.of == _mark(user.fs_uniquifier))
    return session.scalars(theirs.order_by(SignIn.id.desc())).all()


def end(session: Session, user: User, number: int) -> None:
    """End one session of this person's; nobody else's."""
    session.execute(delete(SignIn).where(SignIn.user_id == user.id, SignIn.id == number))


def device_of(agent: str) -> str:
    """Roughly what somebody signed in with, from what the browser calls itself: `Firefox, Windows`, or nothing."""
    named = [
        next((name for sign, name in signs if sign in agent), "") for signs in (_BROWSERS, _SYSTEMS)
    ]  # fmt: skip
    return ", ".join(name for name in named if name)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _mark(identity: str) -> str:
    """Changes with every sign-out everywhere, and gives nothing away."""
    return hashlib.sha256(f"sign-in {identity}".encode()).hexdigest()
