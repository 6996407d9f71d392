"""How rows are kept: compared with what is stored, then written in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text, update
from sqlalchemy.orm import Session

from survey import journal
from survey.database import begin_write
from survey.intake.changes import Changes
from survey.intake.rows import Intake, Part, R, Report, Row
from survey.intake.sheet import Sheet
from survey.models.intake import FileImport
from survey.refusals import Refused

_LOCK = 0x45764A6D  # one import at a time on PostgreSQL; SQLite's write lock does the same

BATCH = 5_000


def receive(session: Session, sheet: Sheet, *parts: Part[Any]) -> Intake:
    """Begin an import: read the rows, which may take a minute, and only then wait until no other is under way and
    nobody else writes."""
    intake = Intake(sheet=sheet, parts=parts)
    begin_write(session)
    wait_for_others(session)
    return intake


def wait_for_others(session: Session) -> None:
    """One at a time brings files in or takes them back."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


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


def create(session: Session, changes: Changes, model: Any, rows: Sequence[Any], columns: Callable[[Any], Any]) -> None:
    """Write new rows under ids of their own, and note them."""
    numbers = reserve(session, model, len(rows))
    add(session, model, ({"id": id_} | columns(row) for id_, row in zip(numbers, rows, strict=True)))
    changes.create(model.__tablename__, numbers)


def add(session: Session, model: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Write new rows past the session's own bookkeeping; all have the same columns."""
    if session.get_bind().dialect.name == "postgresql":
        _copy(session.connection(), model.__table__, iter(rows))
        return
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        session.execute(insert(model.__table__), batch)


def _copy(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    """PostgreSQL's own way for many rows, some ten times as fast as inserting them."""
    first = next(rows, None)
    if first is None:
        return
    prepare = connection.dialect.identifier_preparer.quote
    bound = {
        name: table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in first
    }
    command = f"COPY {prepare(table.name)} ({', '.join(map(prepare, first))}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        for row in chain((first,), rows):
            copy.write_row([bind(row[name]) if bind else row[name] for name, bind in bound.items()])


def known(codes: Iterable[str], sentence: str) -> Callable[[str], Refused | None]:
    """A check that refuses, with this sentence, every code not among the known."""
    there = frozenset(codes)
    return lambda code: None if code in there else Refused(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A stored row that an import changed, and what its changed columns held before."""

    id: int
    before: Mapping[str, Any]


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
) -> tuple[Changed, ...]:
    """Store a part's standing rows and mark what became of each; the stored rows that changed are handed back.

    Fields go to the columns of the same name; `joined` adds the rest (ids of other rows). `key` are the columns that
    find a stored row. A field without a column in the file is left as it is; a new row takes its default.
    """
    fields = [name for name in part.fields if name in model.__table__.columns]
    told = [name for name in fields if name not in part.silent]

    def columns(row: R) -> dict[str, Any]:
        return {name: getattr(row, name) for name in fields} | joined(row)

    stored, seen = _stored(session, model, key, told), set()
    new, changed, kept = [], [], []
    for number, row in intake.standing(part):
        its_columns = columns(row)
        its_key = tuple(its_columns[name] for name in key)
        if its_key in seen:
            continue
        seen.add(its_key)
        ours = tuple(its_columns[name] for name in told)
        id_, before = stored.get(its_key, (None, ()))
        if id_ is None:
            new.append(row)
            intake.mark(number, "created")
        elif before != ours:
            changed.append({"id": id_, **dict(zip(told, ours, strict=True))})
            old = zip(told, before, ours, strict=True)
            kept.append(Changed(id=id_, before={name: was for name, was, now in old if was != now}))
            intake.changes.update(model.__tablename__, id_, told, before, ours)
            intake.mark(number, "updated")
    create(session, intake.changes, model, new, columns)
    if changed:
        session.execute(update(model), changed)
    return tuple(kept)


def _stored(
    session: Session, model: Any, key: tuple[str, ...], told: Sequence[str]
) -> dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]]:
    """Every stored row's id and told columns, by its key."""
    rows = session.execute(select(model.id, *(getattr(model, name) for name in (*key, *told))))
    return {tuple(row[1 : 1 + len(key)]): (row[0], tuple(row[1 + len(key) :])) for row in rows}


def finish(session: Session, intake: Intake, kind: str, *, by: str, at: datetime) -> Report:
    """Close an import: the report, the record of what it changed, and one line in the journal (counts and the file's
    fingerprint, no content)."""
    report = intake.report(stored=True)
    counts = {
        "read": report.read, "created": report.created, "updated": report.updated, "unchanged": report.unchanged,
        "refused": len(intake.refused_rows),
    }  # fmt: skip
    done = FileImport(
        kind=kind, file_name=intake.sheet.name, digest=intake.sheet.digest, counts=counts,
        changes=intake.changes.record(), at=at, by=by,
    )  # fmt: skip
    session.add(done)
    session.flush()
    journal.record(session, "imported", kind, {**counts, "sha256": intake.sheet.digest}, by=by, at=at)
    return replace(report, number=done.id, changes=intake.changes)
