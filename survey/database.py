"""How we speak to SQLite and PostgreSQL: durable, with foreign keys, and with writers who queue instead of failing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from survey.refusals import N_, Refused

WAL_SOUND_FROM = (3, 51, 3)
BUSY_SECONDS = 15
_OVERTAKEN = frozenset({
    "23503", "23505", "SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE",
})  # fmt: skip
"""Of PostgreSQL and of SQLite: a key that is there already, or is gone."""
_UNDEFINED = frozenset({"42P01", "42703"})  # PostgreSQL: no such table, no such column


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Aware in Python, UTC in the database, on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables. Constraints carry names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime}


def journal_mode(version: tuple[int, ...]) -> str:
    """WAL only where it is sound: SQLite 3.7.0 to 3.51.2 can corrupt a WAL database, so older ones keep the
    rollback journal. Either way `synchronous=FULL`, because an acknowledged answer must survive a power loss."""
    return "WAL" if version >= WAL_SOUND_FROM else "DELETE"


def prepare(engine: Engine) -> None:
    """Give every new SQLite connection its pragmas and explicit transactions. PostgreSQL needs nothing."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind SQLAlchemy's back
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA journal_mode={journal_mode(sqlite3.sqlite_version_info)}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def begin_write(session: Session) -> None:
    """Open this session's transaction as a writer. On SQLite the lock is taken now: a reader who turns writer
    halfway would be refused at once instead of waiting its turn."""
    if session.get_bind().dialect.name == "sqlite" and not session.in_transaction():
        session.connection(execution_options={"sqlite_begin": "BEGIN IMMEDIATE"})


def compact(engine: Engine, tables: Iterable[str]) -> None:
    """Write the database anew without what deleted rows left behind, so that they are in none of its files: on SQLite
    all of it, on PostgreSQL these tables and what its planner remembers of them. Nobody else reads or writes meanwhile.

    Raises NotCompacted.
    """
    try:
        if engine.dialect.name == "sqlite":
            _compact_file(engine)
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"SET lock_timeout = '{BUSY_SECONDS}s'")
            for name in tables:
                connection.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{name}"')
            connection.exec_driver_sql("RESET lock_timeout")
    except (DBAPIError, sqlite3.OperationalError) as trouble:
        said = str(trouble.orig if isinstance(trouble, DBAPIError) else trouble).strip().partition("\n")[0]
        raise NotCompacted(N_("The database could not be written anew now: %(said)s."), said=said.rstrip(".")) from None


def _compact_file(engine: Engine) -> None:
    """Past SQLAlchemy, which would begin a transaction."""
    raw = engine.raw_connection()
    try:
        file: Any = raw.driver_connection
        file.execute("VACUUM")
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


class NotCompacted(Refused):
    """Somebody held the database too long."""


class TablesMissing(Refused):
    """The database has no tables, or those of another version."""


class DatabaseOutOfReach(Refused):
    """The database cannot be opened, does not answer, or cannot write."""


def is_overtaken(error: IntegrityError) -> bool:
    """Is there such a row meanwhile, or no longer one it belongs to? Else the row itself does not fit its table."""
    said = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")
    return said in _OVERTAKEN


def refusal(error: DBAPIError) -> Refused | None:
    """What a database's error means to the person who runs this installation; None for errors that are ours."""
    said = str(error.orig).strip().partition("\n")[0]
    if getattr(error.orig, "sqlstate", None) in _UNDEFINED or said.startswith("no such "):
        return TablesMissing(N_("The database's tables are not those of this version. Run: evenhand db upgrade"))
    # SQLite says that a file is no database, or a damaged one, with the plainest of its errors.
    if isinstance(error, OperationalError) or type(error.orig) is sqlite3.DatabaseError:
        return DatabaseOutOfReach(N_("The database cannot be used now: %(said)s."), said=said.rstrip("."))
    return None
