"""When the last backup was taken, for whoever looks after the installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.backups.archive import Manifest
from survey.models.company import JournalEntry

ACTION = "backed up"
ENOUGH = timedelta(days=2)
"""A backup a day, and one may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """A backup that was read back whole: when, which file, of how many bytes."""

    at: datetime
    file: Path
    bytes: int


def note(session: Session, file: Path, manifest: Manifest, *, sha256: str, by: str, at: datetime) -> None:
    """Write into the journal that a backup was taken."""
    details = {
        "taken_at": manifest.taken_at, "rows": manifest.rows, "sha256": sha256, "bytes": file.stat().st_size,
        "folder": str(file.absolute().parent),
    }  # fmt: skip
    journal.record(session, ACTION, file.name, details, by=by, at=at)


def last(session: Session) -> Latest | None:
    """The last backup this installation knows of."""
    found = session.scalar(
        select(JournalEntry).where(JournalEntry.action == ACTION).order_by(JournalEntry.id.desc()).limit(1)
    )
    if found is None:
        return None
    return Latest(at=found.at, file=Path(found.details["folder"]) / found.subject, bytes=found.details["bytes"])
