"""Taking a backup while everybody goes on working: one moment of the database, read whole, then read back."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, text

from survey import journal
from survey.backups import archive, values
from survey.backups.archive import BackupBroken, Manifest
from survey.database import Base
from survey.models.company import JournalEntry
from survey.refusals import N_, Refused

FOLDERS = ("outbox",)
"""What lies beside the database and cannot be made from it again: the letters written as files."""

Told = Callable[[int], object]


class NothingToBackUp(Refused):
    pass


class JournalDoesNotVerify(Refused):
    """A backup of a journal that was touched would pass the damage on as if it were sound."""


def take(
    engine: Engine, path: Path, *, folder: Path, keys: Mapping[str, str], at: datetime,
    begin: Callable[[int], object] = lambda _rows: None, tell: Told = lambda _rows: None,
) -> Manifest:  # fmt: skip
    """Write a backup of the database behind `engine` and of the files in `folder` to `path`, and read it back.

    `begin` hears how many rows there are to write and to read back, `tell` of every thousand done. Customers' answers
    go on being taken; every one acknowledged before the start is in it. Raises FileExists, NothingToBackUp,
    JournalDoesNotVerify, BackupBroken.
    """
    with archive.written(path) as partial:
        with _one_moment(engine, beside=partial) as connection, archive.create(partial) as writer:
            manifest = _described(connection, engine.dialect.name, keys=keys, at=at)
            begin(2 * _count(connection))
            for table in Base.metadata.sorted_tables:
                writer.table(table.name, tuple(table.columns.keys()), _told(values.rows(connection, table), tell))
            for file in _files(folder):
                with file.open("rb") as source:
                    writer.file(file.relative_to(folder).as_posix(), source)
            manifest = replace(manifest, tables=writer.tables, files=writer.files)
            writer.manifest(manifest)
        _read_back(partial, manifest, tell)
    return manifest


@contextmanager
def _one_moment(engine: Engine, *, beside: Path) -> Iterator[Connection]:
    """A connection that sees the database as it was at one instant, however long it is looked at.

    PostgreSQL keeps such a moment for whoever asks. On SQLite a long look would hold up every writer, so the file is
    copied first, in one go: writers wait a second for each gigabyte, and none fails.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as there:
            yield there
        return
    copy = beside.with_name(f"{beside.name}.sqlite")
    try:
        _copy(engine, copy)
        standing = create_engine(f"sqlite:///{copy}")
        with standing.connect() as there:
            yield there
        standing.dispose()
    finally:
        copy.unlink(missing_ok=True)


def _copy(engine: Engine, copy: Path) -> None:
    copy.touch(mode=0o600)
    with closing(engine.raw_connection()) as source, closing(sqlite3.connect(copy)) as target:
        assert isinstance(source.driver_connection, sqlite3.Connection)
        try:
            source.driver_connection.backup(target)
        except sqlite3.Error as error:  # the disk is full, say
            raise BackupBroken(N_("The database could not be copied: %(said)s."), said=error) from None


def _described(connection: Connection, engine: str, *, keys: Mapping[str, str], at: datetime) -> Manifest:
    found = inspect(connection)
    if not found.has_table("alembic_version") or not found.has_table(JournalEntry.__tablename__):
        raise NothingToBackUp(N_("This installation has no tables yet. Run: evenhand db upgrade"))
    verified = journal.verify_rows(connection)
    if verified.broken:
        raise JournalDoesNotVerify(
            N_("The journal was touched, so no backup is made: %(line)s See: evenhand audit verify"),
            line=verified.broken[0],
        )
    return Manifest(
        taken_at=at.astimezone(UTC).isoformat(), software=f"evenhand {version('evenhand')}",
        tables_of=revision(connection), engine=engine, entries=verified.entries, anchor=verified.anchor,
        keys=fingerprints(keys),
    )  # fmt: skip


def revision(connection: Connection) -> str:
    """Which migration the tables of this database are of."""
    return ",".join(sorted(connection.scalars(text("SELECT version_num FROM alembic_version"))))


def fingerprints(keys: Mapping[str, str]) -> dict[str, str]:
    """A value for each key by which the same key is known again, and from which it cannot be had."""
    return {
        name: hmac.new(key.encode(), b"evenhand backup", "sha256").hexdigest()[:16]
        for name, key in sorted(keys.items())
    }  # fmt: skip


def _count(connection: Connection) -> int:
    return sum(
        connection.scalar(select(func.count()).select_from(table)) or 0 for table in Base.metadata.sorted_tables
    )  # fmt: skip


def _files(folder: Path) -> list[Path]:
    """Whole files alone: one that is being written is called `.part` until it is finished."""
    found = (path for name in FOLDERS for path in (folder / name).rglob("*"))
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and path.suffix != ".part")


def _told(rows: Iterator[archive.Row], tell: Told) -> Iterator[archive.Row]:
    count = 0
    for row in rows:
        yield row
        count += 1
        if count % 1_000 == 0:
            tell(1_000)
    tell(count % 1_000)


def _read_back(partial: Path, written: Manifest, tell: Told) -> None:
    """Read the finished file as a restore would. Raises BackupBroken."""
    with archive.read(partial) as reader:
        for name in written.tables:
            for _row in _told(reader.rows(name), tell):
                pass
        for name in written.files:
            reader.file(name)
        if reader.manifest != written:
            raise BackupBroken(N_("%(file)s does not read back as it was written."), file=partial)
