"""A row as JSON holds it, and back: instants and dates as ISO 8601, bytes as Base64, all else as it is."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Date, DateTime, LargeBinary, Table, select
from sqlalchemy.types import TypeEngine

from survey.backups.archive import Row
from survey.database import UtcDateTime

_AT_ONCE = 1_000


def rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Every row of a table, in the order of its key, without holding more than a handful in memory."""
    chosen = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(chosen):
        yield [_written(value) for value in row]


def _written(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
    return value


def reader_of(table: Table) -> Callable[[Row], dict[str, Any]]:
    """What turns a line of a backup into values of this table's columns."""
    columns = [(column.name, _read(column.type)) for column in table.columns]

    def read(row: Row) -> dict[str, Any]:
        return {
            name: value if value is None or make is None else make(value)
            for (name, make), value in zip(columns, row, strict=True)
        }

    return read


def _read(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    match kind:
        case UtcDateTime() | DateTime():
            return datetime.fromisoformat
        case Date():
            return date.fromisoformat
        case LargeBinary():
            return base64.b64decode
    return None
