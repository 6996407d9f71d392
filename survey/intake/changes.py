"""What an import did to the stored rows, so that it can be undone until something rests on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Stretch = tuple[int, int]
Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One row that was changed: the columns' values before and after."""

    id: int
    before: Values
    after: Values


@dataclass(slots=True, kw_only=True)
class Changes:
    """Per table, the ids of new rows (as stretches from first to last) and the rows that were changed."""

    created: dict[str, list[Stretch]] = field(default_factory=dict)
    updated: dict[str, list[Update]] = field(default_factory=dict)

    def create(self, table: str, ids: Iterable[int]) -> None:
        stretches = self.created.setdefault(table, [])
        for id_ in ids:
            if stretches and stretches[-1][1] + 1 == id_:
                stretches[-1] = (stretches[-1][0], id_)
            else:
                stretches.append((id_, id_))

    def update(self, table: str, id_: int, names: Sequence[str], before: Sequence[Any], after: Sequence[Any]) -> None:
        """Note those of the named columns whose value became another."""
        moved = [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
        update = Update(
            id=id_,
            before={names[place]: _kept(before[place]) for place in moved},
            after={names[place]: _kept(after[place]) for place in moved},
        )
        self.updated.setdefault(table, []).append(update)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table for table, rows in (*self.created.items(), *self.updated.items()) if rows)

    def record(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            table: {
                "created": self.created.get(table, []),
                "updated": [[one.id, one.before, one.after] for one in self.updated.get(table, [])],
            }
            for table in sorted(self.tables)
        }


def recorded(record: Mapping[str, Any]) -> Changes:
    """The changes again from their record. Days are ISO text in `before` and `after`."""
    return Changes(
        created={table: [(first, last) for first, last in of["created"]] for table, of in record.items()},
        updated={
            table: [Update(id=id_, before=before, after=after) for id_, before, after in of["updated"]]
            for table, of in record.items()
        },
    )


def _kept(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
