"""The journal: what people did, in order, each line bound to the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, text
from sqlalchemy.orm import Session

from survey.models.company import JournalEntry

COMMAND_LINE = "command line"
GENESIS = "0" * 64
_LOCK = 0x45764A6C  # one writer at a time on PostgreSQL; SQLite's write lock does the same


def record(
    session: Session, action: str, subject: str, details: Mapping[str, Any] | None = None, *, by: str, at: datetime
) -> JournalEntry:
    """Append one line. It becomes part of the caller's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    previous = session.scalar(select(JournalEntry.hash).order_by(JournalEntry.id.desc()).limit(1)) or GENESIS
    entry = JournalEntry(
        at=at, by=by, action=action, subject=subject, details=dict(details or {}), previous_hash=previous
    )
    entry.hash = _hash(entry)
    session.add(entry)
    session.flush()
    return entry


def sealed(words: str) -> str:
    """What a line keeps of free words, which may name anybody: their SHA-256. So they can be erased where they stand,
    which no line can, and a change of them still shows."""
    return hashlib.sha256(words.encode()).hexdigest() if words else ""


def _hash(entry: JournalEntry | Row[Any]) -> str:
    line = [entry.previous_hash, entry.at.astimezone(UTC).isoformat(), entry.by, entry.action, entry.subject]
    return hashlib.sha256(json.dumps([*line, entry.details], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How many lines were read, the last hash (the anchor), and every line that does not fit."""

    entries: int
    anchor: str
    broken: tuple[str, ...]


def verify(session: Session, kept: Iterable[str] = ()) -> Verification:
    """Read the whole journal and name every line that was changed, inserted or left out.

    The lines at its end can be cut off without a trace in the journal itself: `kept` are anchors kept elsewhere (or
    their first characters), and one that leads to no line is named too.
    """
    return verify_rows(session.connection(), kept)


def verify_rows(connection: Connection, kept: Iterable[str] = ()) -> Verification:
    """The same over a bare connection."""
    previous, count, broken = GENESIS, 0, []
    missing = {anchor.strip().lower() for anchor in kept}
    for entry in connection.execute(_LINES):
        count += 1
        if entry.previous_hash != previous:
            broken.append(f"Line {entry.id}: does not follow the line before it; a line was removed or inserted here.")
        if entry.hash != _hash(entry):
            broken.append(f"Line {entry.id}: its text was changed after it was written.")
        previous = entry.hash
        missing -= {anchor for anchor in missing if previous.startswith(anchor)}
    broken += (f"Anchor {anchor}: no line has it; the journal was cut or replaced." for anchor in sorted(missing))
    return Verification(entries=count, anchor=previous, broken=tuple(broken))


_LINES = select(JournalEntry.__table__).order_by(JournalEntry.id).execution_options(yield_per=1_000)


def anchor(session: Session) -> str:
    """The hash of the last line: whoever keeps it can tell later whether anything before it was touched."""
    return session.scalar(select(JournalEntry.hash).order_by(JournalEntry.id.desc()).limit(1)) or GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Some lines, newest first, the hash of the last line of all, and the number before which older ones begin."""

    shown: tuple[JournalEntry, ...]
    anchor: str
    older: int | None


PAGE = 100


def lines(session: Session, *, words: str = "", meant: Collection[str] = (), before: int | None = None) -> Lines:
    """The newest lines whose actor, action or subject holds the words, from before a line on. `meant` are actions the
    words name in another language."""
    chosen = select(JournalEntry).order_by(JournalEntry.id.desc()).limit(PAGE + 1)
    if words.strip():
        inside = words.strip().lower()
        places = (JournalEntry.by, JournalEntry.action, JournalEntry.subject)
        chosen = chosen.where(
            or_(
                *(func.lower(place).contains(inside, autoescape=True) for place in places),
                JournalEntry.action.in_(meant),
            )
        )
    if before is not None:
        chosen = chosen.where(JournalEntry.id < before)
    found = session.scalars(chosen).all()
    older = found[PAGE - 1].id if len(found) > PAGE else None
    return Lines(shown=tuple(found[:PAGE]), anchor=anchor(session), older=older)
