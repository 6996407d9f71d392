"""Rows at rest: kept as pandas keeps them, a tenth of the room, and turned into lines a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from survey.intake.sheet import Cells, Line

if TYPE_CHECKING:
    import pandas as pd

PIECE = 10_000


def cells_of(table: pd.DataFrame) -> Iterator[Cells]:
    """A table's rows. A missing value is a cell the row does not have; an empty cell is `""`."""
    columns = (table[name].tolist() for name in table)
    return (tuple(cell for cell in cells if isinstance(cell, str)) for cells in zip(*columns, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The rows under the header of a table. `headers` columns have a name; row 1 itself has `width` cells, those
    beyond the named ones blank."""

    table: pd.DataFrame
    headers: int
    width: int

    def __len__(self) -> int:
        return len(self.table) - 1

    def __iter__(self) -> Iterator[Line]:
        for start in range(1, len(self.table), PIECE):
            for number, cells in enumerate(cells_of(self.table[start : start + PIECE]), start=start + 1):
                if any(cells):
                    yield Line(number, self._fitted(cells))

    def cells(self, number: int) -> Cells:
        """The cells of one row by its number; row 1 is the header."""
        return self._fitted(next(cells_of(self.table[number - 1 : number])))

    def _fitted(self, cells: Cells) -> Cells:
        """A row keeps as many cells as there are headers; only one of the wrong length keeps its own."""
        as_wide_as_the_header = len(cells) == self.width and not any(cells[self.headers :])
        return cells[: self.headers] if as_wide_as_the_header else cells
