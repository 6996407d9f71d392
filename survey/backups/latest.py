"""When the last backup was taken, for whoever looks after the installation."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.backups.archive import Manifest
from survey.models import JournalEntry

ACTION = "backed up"
ENOUGH = timedelta(days=2)
"""A backup a day, and one may fail."""


def note(session: Session, name: str, manifest: Manifest, *, sha256: str, by: str, at: datetime) -> None:
    """Write into the journal that a backup was taken."""
    details = {"taken_at": manifest.taken_at, "rows": manifest.rows, "sha256": sha256}
    journal.record(session, ACTION, name, details, by=by, at=at)


def taken_at(session: Session) -> datetime | None:
    """When the last backup this installation knows of was taken."""
    last = select(JournalEntry.at).where(JournalEntry.action == ACTION).order_by(JournalEntry.id.desc()).limit(1)
    return session.scalar(last)
