"""Corrections are revisions: the old values stay, with who put what in their place, when, and why."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.intake.rows import Intake
from survey.intake.storing import Changed
from survey.models.facts import Revision
from survey.refusals import N_, Refused


class ReasonMissing(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """One correction: what the changed fields held before it."""

    before: Mapping[str, Any]
    reason: str
    at: datetime
    by: str


def keep_old(
    session: Session, model: Any, changed: Iterable[Changed], intake: Intake, *, reason: str, by: str, at: datetime
) -> None:
    """Keep what an import changed. Without a reason, the file it came from is the reason."""
    why = reason.strip() or f"import {intake.sheet.digest[:12]}"
    rows = [_row(model, one.id, one.before, why, by=by, at=at) for one in changed]
    if rows:
        session.execute(insert(Revision), rows)


def correct(session: Session, row: Any, values: Mapping[str, Any], *, reason: str, by: str, at: datetime) -> bool:
    """Put other values into a stored entry; False if they are the same. Raises ReasonMissing."""
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    if not before:
        return False
    if not reason.strip():
        raise ReasonMissing(N_("Write down why the stored value is corrected; the old one is kept beside it."))
    session.execute(insert(Revision), [_row(type(row), row.id, before, reason.strip(), by=by, at=at)])
    for name, value in values.items():
        setattr(row, name, value)
    return True


def history(session: Session, model: Any, ids: Iterable[int]) -> dict[int, tuple[Old, ...]]:
    """What these entries held before, newest first, by id."""
    found: dict[int, list[Old]] = defaultdict(list)
    rows = session.scalars(
        select(Revision)
        .where(Revision.kind == model.__tablename__, Revision.entry_id.in_([*ids]))
        .order_by(Revision.id.desc())
    )
    for row in rows:
        found[row.entry_id].append(Old(before=row.before, reason=row.reason, at=row.at, by=row.by))
    return {entry: tuple(old) for entry, old in found.items()}


def _row(model: Any, entry: int, before: Mapping[str, Any], reason: str, *, by: str, at: datetime) -> dict[str, Any]:
    plain = json.loads(json.dumps(dict(before), default=_plain))
    return {"kind": model.__tablename__, "entry_id": entry, "before": plain, "reason": reason, "by": by, "at": at}


def _plain(value: date) -> str:
    return value.isoformat()
