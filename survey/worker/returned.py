"""Delivery reports: read from the mailbox file of the settings when something new lies in it, or by a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from survey import bounces
from survey.context import db, now, session, settings
from survey.invitations import reports
from survey.refusals import Refused

AGAIN = timedelta(minutes=10)
"""A file that grows all the time is read no sooner."""
ABSENT = ""


def read(file: Path, tell: Callable[[], object] = lambda: None) -> Counter[str]:
    """Act on every report of a mailbox file; one read before changes nothing. Raises UnreadableMailbox."""
    effects: Counter[str] = Counter()
    for report in bounces.read(file):
        effects[reports.record(session(), report, at=now()) if report else "foreign"] += 1
        session().commit()
        tell()
    return effects


def read_what_came() -> None:
    """Read the file of the settings, if there is one, and keep for the health page what came of it."""
    file = settings().bounce_file
    if file is None or not _is_due(file):
        return
    mark, effects, problem = _mark(file), Counter[str](), None
    try:
        if mark != ABSENT:
            effects = read(file)
    except Refused as refusal:
        problem = refusal
    reports.keep_reading(session(), str(file), mark=mark, effects=effects, problem=problem, at=now())
    session().commit()


def _is_due(file: Path) -> bool:
    last = reports.last_reading(db.session)
    db.session.rollback()
    if last is None or last.file != str(file):
        return True
    return now() - last.read_at >= AGAIN and (last.problem is not None or last.mark != _mark(file))


def _mark(file: Path) -> str:
    """Another one whenever the file is written to; none while the mail server has made none in its directory."""
    try:
        found = file.stat()
    except OSError:
        return ABSENT if file.parent.is_dir() else "?"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
