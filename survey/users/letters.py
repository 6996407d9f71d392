"""Mail about signing in, waiting to be sent: an invitation to choose a password, a new password for who forgot theirs,
a word that something was changed.

Whoever asks for a new password leaves a row with what they typed and no more, so the site answers known and unknown
alike; only when the letter is to leave does the worker see whether anybody goes by that address. A row is claimed for a
while, as the outbox's are, and a repeat carries the same Message-ID.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from survey.users import AccountLetter, User

KINDS = ("invited", "forgotten", "test", "check")
LEASE = timedelta(minutes=2)
PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 12
QUIET = timedelta(minutes=5)
"""Nobody gets a second letter of one kind sooner, however often it is asked for."""
STALE = timedelta(days=3)


def write(session: Session, address: str, kind: str, *, language: str, at: datetime) -> AccountLetter:
    """Put a letter into the queue."""
    to = address.strip().lower()
    letter = AccountLetter(
        address=to, kind=kind, language=language, message_id=uuid.uuid4().hex, state="queued", attempts=0,
        not_before=at, created_at=at,
    )  # fmt: skip
    session.add(letter)
    session.flush()
    return letter


def waiting(session: Session, *, at: datetime) -> int:
    """How many letters are due."""
    return session.scalar(_due(at).with_only_columns(func.count())) or 0


def claim(session: Session, *, at: datetime) -> tuple[AccountLetter, User] | None:
    """Take the next letter that is due and whom it is for; None when nothing is.

    What is addressed to nobody, or was sent to them a moment ago, is dropped without a word.
    """
    waiting = _due(at).order_by(AccountLetter.id).with_for_update(skip_locked=True).limit(1)
    while (letter := session.scalar(waiting)) is not None:
        user = session.scalar(select(User).where(User.email == letter.address, User.active))
        if user is not None and not _had_one(session, letter, at):
            letter.state, letter.lease_until = "claimed", at + LEASE
            letter.attempts += 1
            return letter, user
        session.delete(letter)
        session.flush()
    return None


def _due(at: datetime) -> Select[AccountLetter]:
    return select(AccountLetter).where(AccountLetter.state == "queued", AccountLetter.not_before <= at)


def _had_one(session: Session, letter: AccountLetter, at: datetime) -> bool:
    same = (AccountLetter.address == letter.address, AccountLetter.kind == letter.kind, AccountLetter.id != letter.id)
    lately = (AccountLetter.state == "sent", AccountLetter.sent_at > at - QUIET)
    return session.scalar(select(AccountLetter.id).where(*same, *lately).limit(1)) is not None


def mark_sent(letter: AccountLetter, *, at: datetime) -> None:
    letter.state, letter.sent_at, letter.lease_until, letter.last_error = "sent", at, None, None


def mark_refused(letter: AccountLetter, reason: str) -> None:
    letter.state, letter.lease_until, letter.last_error = "failed", None, reason


def put_back(letter: AccountLetter, reason: str, *, at: datetime) -> None:
    """It was not taken this time: later again, and at last given up."""
    letter.lease_until, letter.last_error = None, reason
    letter.state = "failed" if letter.attempts >= MOST_ATTEMPTS else "queued"
    letter.not_before = at + min(PAUSE * 2 ** (letter.attempts - 1), LONGEST_PAUSE)


def sweep(session: Session, *, at: datetime) -> None:
    """Letters whose worker never reported back wait again. A link nobody wants any more is not sent days later."""
    lost = update(AccountLetter).where(AccountLetter.state == "claimed")
    session.execute(lost.where((AccountLetter.lease_until <= at) | (AccountLetter.lease_until > at + LEASE)).values(
        state="queued", lease_until=None
    ))  # fmt: skip
    old = update(AccountLetter).where(AccountLetter.state == "queued", AccountLetter.created_at < at - STALE)
    session.execute(old.where(AccountLetter.kind == "forgotten").values(state="failed"))
