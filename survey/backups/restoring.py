"""Putting a backup back: all of it or nothing, then held against what was written, row by row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from survey import journal
from survey.backups import archive, values
from survey.backups.archive import BackupBroken, Manifest, Reader
from survey.backups.taking import FOLDERS, fingerprints, revision
from survey.database import Base
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused

_AT_ONCE = 1_000


class NotEmpty(Refused):
    """The installation holds something that would be lost."""


class OtherTables(Refused):
    """The backup's tables are not those of this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back. `other_keys` are the keys this installation lacks or has differently; `waiting` the messages
    that the worker will send when it starts."""

    rows: int
    files: int
    entries: int
    anchor: str
    taken_at: str
    other_keys: tuple[str, ...]
    waiting: int


def restore(
    session: Session, path: Path, *, folder: Path, keys: Mapping[str, str], replace: bool, by: str, at: datetime,
    begin: Callable[[int], object] = lambda _rows: None, tell: Callable[[int], object] = lambda _rows: None,
) -> Restored:  # fmt: skip
    """Put back what `path` holds: into empty tables, or with `replace` in the place of what is there.

    In the caller's one transaction; files get their names at its end, when every row has been read again and found
    to be the one written. Raises NotABackup, BackupBroken, BackupNewer, OtherTables, NotEmpty.
    """
    with archive.read(path) as reader:
        manifest, connection = reader.manifest, session.connection()
        _check_tables(connection, manifest, path)
        begin(2 * manifest.rows)
        _hold(connection)
        _make_room(connection, replace=replace)
        try:
            for table in Base.metadata.sorted_tables:
                _put_back(connection, table, reader.rows(table.name), tell)
        except IntegrityError:
            raise _not_the_same(path) from None
        _compare(connection, manifest, path, tell)
        _check_journal(session, manifest, path)
        waiting = session.scalar(
            select(func.count()).select_from(OutboxMessage).where(OutboxMessage.state.in_(("queued", "claimed")))
        )
        journal.record(
            session, "restored", path.name, {"taken_at": manifest.taken_at, "rows": manifest.rows}, by=by, at=at
        )
        _put_files(reader, folder)
    ours = fingerprints(keys)
    return Restored(
        rows=manifest.rows, files=len(manifest.files), entries=manifest.entries, anchor=manifest.anchor,
        taken_at=manifest.taken_at, waiting=waiting or 0,
        other_keys=tuple(name for name, print_ in manifest.keys.items() if ours.get(name) != print_),
    )  # fmt: skip


def _check_tables(connection: Connection, manifest: Manifest, path: Path) -> None:
    here = {table.name: tuple(table.columns.keys()) for table in Base.metadata.sorted_tables}
    there = {name: part.columns for name, part in manifest.tables.items()}
    if manifest.tables_of != revision(connection) or here != there:
        raise OtherTables(
            N_(
                "%(file)s was made by %(software)s, whose tables (%(theirs)s) are not those of this version "
                "(%(ours)s). Restore it with the version that made it, then update."
            ),
            file=path, software=manifest.software, theirs=manifest.tables_of, ours=revision(connection),
        )  # fmt: skip


def _hold(connection: Connection) -> None:
    """Nobody else writes while everything is replaced. SQLite's writers wait already."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(table.name) for table in Base.metadata.sorted_tables)
    connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))


def _make_room(connection: Connection, *, replace: bool) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        if not connection.scalar(select(exists().select_from(table))):
            continue
        if not replace:
            raise NotEmpty(
                N_(
                    "This installation is not empty (there are rows in “%(table)s”). Restore into a new one, or add "
                    "--replace to lose everything it holds."
                ),
                table=table.name,
            )
        connection.execute(delete(table))


def _put_back(connection: Connection, table: Table, rows: Iterable[archive.Row], tell: Callable[[int], object]) -> None:
    read = values.reader_of(table)
    for batch in _batches(map(read, rows)):
        connection.execute(insert(table), batch)
        tell(len(batch))
    _continue_numbers(connection, table)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _AT_ONCE)):
        yield batch


def _continue_numbers(connection: Connection, table: Table) -> None:
    """PostgreSQL counts on from a number of its own, which has not seen these rows."""
    if connection.dialect.name == "sqlite" or "id" not in table.columns:
        return
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    last = connection.scalar(select(func.max(table.c.id)))
    connection.execute(
        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :used)"),
        {"name": quoted, "last": last or 1, "used": last is not None},
    )


def _compare(connection: Connection, manifest: Manifest, path: Path, tell: Callable[[int], object]) -> None:
    for table in Base.metadata.sorted_tables:
        part = manifest.tables[table.name]
        if archive.digest(values.rows(connection, table)) != (part.count, part.sha256):
            raise _not_the_same(path)
        tell(part.count)


def _check_journal(session: Session, manifest: Manifest, path: Path) -> None:
    found = journal.verify(session)
    if found.broken or (found.entries, found.anchor) != (manifest.entries, manifest.anchor):
        raise _not_the_same(path)


def _not_the_same(path: Path) -> BackupBroken:
    return BackupBroken(
        N_("What came back is not what was backed up, so nothing was kept. Use another copy than %(file)s."), file=path
    )


def _put_files(reader: Reader, folder: Path) -> None:
    """Whole files or none of that name; only into the folders that a backup takes from."""
    for name in reader.manifest.files:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or place.parts[0] not in FOLDERS:
            raise BackupBroken(N_("The backup holds a file for a place that is not ours: %(name)s."), name=name)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.part")
        with partial.open("wb") as file:
            file.write(reader.file(name))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
