"""What a fixture stored the first time, put back by the database itself when another test wants the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from survey.database import Base

TABLES = tuple(table.name for table in Base.metadata.sorted_tables)
ROWS = text("SELECT " + " + ".join(f'(SELECT count(*) FROM "{table}")' for table in TABLES))

WHOLE = " UNION ALL ".join(
    f"SELECT '{table}' AS name, md5(string_agg(one::text, ' ' ORDER BY one::text)) AS digest FROM \"{table}\" AS one"
    for table in TABLES
)

# Only tables that were written to. Keys between tables are not looked at meanwhile (a superuser may say so).
KEEP = """
CREATE SCHEMA "{place}";
CREATE TABLE "{place}"."sequences" AS SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public';
DO $$
DECLARE
    one name;
BEGIN
    FOREACH one IN ARRAY string_to_array('{tables}', ' ') LOOP
        EXECUTE format('CREATE TABLE "{place}".%I AS TABLE public.%I', one, one);
    END LOOP;
END $$
"""
PUT_BACK = """
DO $$
DECLARE
    one name;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = '{place}' AND tablename <> 'sequences' LOOP
        EXECUTE format('DELETE FROM public.%I', one);
        EXECUTE format('INSERT INTO public.%I SELECT * FROM "{place}".%I', one, one);
    END LOOP;
    PERFORM setval(quote_ident(sequencename)::regclass, last_value)
        FROM "{place}"."sequences" WHERE last_value IS NOT NULL;
END $$
"""


class Keeper:
    """Making a surveyed company or its appraisals takes a second and is wanted some hundred times.

    Only what was made from an empty database, or from exactly what another fixture made, is kept and put back.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: set[tuple[str, str]] = set()
        self._holds: dict[str, tuple[str, int]] = {}
        self._watching: WeakSet[Engine] = WeakSet()

    def __call__(self, session: Session, name: str, make: Callable[[], object], *, after: str = "") -> None:
        """Store what `make` stores, committed. `after` names what must have been made before, and nothing else."""
        where = self._watched(session)
        rows = self._rows(session)
        clean = self._holds.get(where) == (after, rows) if after else rows == 0
        if clean and (where, name) in self._kept:
            session.close()
            self._put_back(session, name)
        else:
            before = self._contents(session) if clean else {}
            make()
            session.commit()
            if clean:
                self._keep(session, name, before)
                self._kept.add((where, name))
        self._holds[where] = (name if clean else "something else", self._rows(session))
        session.commit()  # a question asked holds up whoever writes, in SQLite

    def _watched(self, session: Session) -> str:
        """The database's address. From now on whatever is written to it is noticed."""
        engine = session.get_bind().engine
        where = engine.url.render_as_string(hide_password=False)
        if engine not in self._watching:
            self._watching.add(engine)

            @event.listens_for(engine, "before_cursor_execute")
            def changed(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
                if not statement.lstrip().startswith(("SELECT", "PRAGMA", "BEGIN")):
                    self._holds.pop(where, None)

        return where

    def _rows(self, session: Session) -> int:
        return int(session.scalar(ROWS) or 0)

    def _contents(self, session: Session) -> dict[str, str | None]:
        """What every table holds, as far as it takes to see whether it was written to."""
        if session.get_bind().dialect.name != "postgresql":
            return {}
        return {row.name: row.digest for row in session.execute(text(WHOLE))}

    def _keep(self, session: Session, name: str, before: dict[str, str | None]) -> None:
        if session.get_bind().dialect.name == "postgresql":
            now = self._contents(session)
            written = " ".join(table for table in TABLES if now[table] != before[table])
            session.execute(text(KEEP.format(place=f"kept {name}", tables=written)))
            session.commit()
        else:
            session.close()
            self._copy(self._file(session), self._folder / name)

    def _put_back(self, session: Session, name: str) -> None:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(PUT_BACK.format(place=f"kept {name}")))
            session.commit()
        else:
            self._copy(self._folder / name, self._file(session))

    @staticmethod
    def _file(session: Session) -> Path:
        return Path(session.get_bind().engine.url.database or "")

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
