"""How rows are kept: compared with what is stored, then written in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from survey import journal
from survey.intake.rows import Intake, Outcome, Part, R, Report, Row
from survey.intake.sheet import Sheet
from survey.refusals import Refused

_LOCK = 0x45764A6D  # one import at a time on PostgreSQL; SQLite's write lock does the same


def receive(session: Session, sheet: Sheet, *parts: Part[Any]) -> Intake:
    """Begin an import: wait until no other is under way, then read the rows."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    return Intake(sheet=sheet, parts=parts)


def ids(session: Session, model: Any) -> dict[str, int]:
    """Every code of a table with its id."""
    return dict(session.execute(select(model.code, model.id)).all())


def reserve(session: Session, model: Any, count: int) -> Sequence[int]:
    """Fresh ids for rows that other new rows will point to, so that all of them are written in bulk.

    On SQLite nobody else writes meanwhile; on PostgreSQL the sequence hands each number out once.
    """
    if session.get_bind().dialect.name == "postgresql":
        numbers = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
        return session.scalars(numbers, {"table": model.__tablename__, "count": count}).all()
    first = (session.scalar(select(func.max(model.id))) or 0) + 1
    return range(first, first + count)


def known(codes: Iterable[str], sentence: str) -> Callable[[str], Refused | None]:
    """A check that refuses, with this sentence, every code not among the known."""
    there = frozenset(codes)
    return lambda code: None if code in there else Refused(sentence)


def _nothing(_row: Row) -> dict[str, Any]:
    return {}


def keep(
    session: Session,
    intake: Intake,
    part: Part[R],
    model: Any,
    *,
    key: tuple[str, ...],
    joined: Callable[[R], dict[str, Any]] = _nothing,
) -> None:
    """Store a part's standing rows and mark what became of each.

    Fields go to the columns of the same name; `joined` adds the rest (ids of other rows). `key` are the columns that
    find a stored row. A field without a column in the file is left as it is; a new row takes its default.
    """
    numbers, wanted = _columns(intake, part, model, key, joined)
    told = [name for name in next(iter(wanted.values()), ()) if name not in part.silent]
    stored = _stored(session, model, key, told)
    new, changed = [], []
    for its_key, columns in wanted.items():
        before, ours = stored.get(its_key), {name: columns[name] for name in told}
        outcome: Outcome = "unchanged"
        if before is None:
            new.append(columns)
            outcome = "created"
        elif any(before[name] != ours[name] for name in told):
            changed.append({"id": before["id"], **ours})
            outcome = "updated"
        intake.mark(numbers[its_key], outcome)
    if new:
        session.execute(insert(model), new)
    if changed:
        session.execute(update(model), changed)


def _columns(
    intake: Intake, part: Part[R], model: Any, key: tuple[str, ...], joined: Callable[[R], dict[str, Any]]
) -> tuple[dict[tuple[Any, ...], int], dict[tuple[Any, ...], dict[str, Any]]]:
    """Each key's first row number, and its columns."""
    fields = [name for name in part.model.model_fields if name in model.__table__.columns]
    numbers: dict[tuple[Any, ...], int] = {}
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, row in intake.standing(part):
        columns = {name: getattr(row, name) for name in fields} | joined(row)
        its_key = tuple(columns[name] for name in key)
        numbers.setdefault(its_key, number)
        wanted[its_key] = columns
    return numbers, wanted


def _stored(session: Session, model: Any, key: tuple[str, ...], told: Iterable[str]) -> dict[tuple[Any, ...], Any]:
    columns = [model.id, *(getattr(model, name) for name in dict.fromkeys((*key, *told)))]
    rows = session.execute(select(*columns)).mappings()
    return {tuple(row[name] for name in key): row for row in rows}


def finish(session: Session, intake: Intake, subject: str, *, by: str, at: datetime) -> Report:
    """Close an import: the report, and one line in the journal (counts and the file's fingerprint, no content)."""
    report = intake.report(stored=True)
    counts = {
        "read": report.read, "created": report.created, "updated": report.updated, "unchanged": report.unchanged,
        "refused": len(intake.refused_rows), "sha256": intake.sheet.digest,
    }  # fmt: skip
    journal.record(session, "imported", subject, counts, by=by, at=at)
    return report
