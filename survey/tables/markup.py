"""The XML inside a workbook: how far the sheet reaches, and what in it cannot be taken as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from survey.refusals import N_
from survey.tables.limits import FileRefused, check_size

_PERCENT_FORMATS = frozenset({"9", "10"})  # the two that every workbook has without naming them
_QUOTED = re.compile(r'"[^"]*"|\\.')

MOST_NAMED = 5

Attributes = dict[str, str]


def _look_through(part: bytes, start: Callable[[str, Attributes], None]) -> None:
    """Call `start` with every element's local name and attributes. Raises FileRefused."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, ValueError):  # a ValueError: a place in the sheet that is no place
        raise FileRefused(N_("The workbook is damaged inside. Open it and save it again.")) from None


def _refuse_document_type(*_: Any) -> None:
    raise FileRefused(N_("The workbook was not made by a spreadsheet program. Open it in one and save it again."))


def sheet_ids(book: bytes) -> list[str]:
    """The relation ids of a workbook's sheets, in order."""
    found: list[str] = []

    def start(name: str, attributes: Attributes) -> None:
        if name == "sheet":
            found.extend(value for key, value in attributes.items() if key.endswith(":id"))

    _look_through(book, start)
    return found


def relations(links: bytes) -> dict[str, str]:
    """Relation id → the part it leads to."""
    found: dict[str, str] = {}

    def start(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and {"Id", "Target"} <= attributes.keys():
            found[attributes["Id"]] = attributes["Target"]

    _look_through(links, start)
    return found


def percent_styles(styles: bytes) -> frozenset[str]:
    """The numbers of the cell styles that show a number as a percentage."""
    formats, in_cells, shown = set(_PERCENT_FORMATS), False, []

    def start(name: str, attributes: Attributes) -> None:
        nonlocal in_cells
        if name == "numFmt" and "%" in _QUOTED.sub("", attributes.get("formatCode", "")):
            formats.add(attributes.get("numFmtId", ""))
        elif name in {"cellXfs", "cellStyleXfs", "dxfs", "cellStyles"}:
            in_cells = name == "cellXfs"
        elif name == "xf" and in_cells:
            shown.append(attributes.get("numFmtId"))

    _look_through(styles, start)
    return frozenset(str(number) for number, format_ in enumerate(shown) if format_ in formats)


@dataclass(slots=True)
class SheetScan:
    """One pass over a sheet. Places are (row, column) from 1; a sheet's own word on its size is not believed."""

    percent: frozenset[str]
    percents: list[tuple[int, int]] = field(default_factory=list)
    rows: int = 0
    columns: int = 0
    merged: list[str] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    row: int = 0
    column: int = 0
    style: str = ""
    kind: str = ""

    def read(self, part: bytes) -> None:
        _look_through(part, self._start)

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._cell(attributes)
        elif name in {"v", "is"}:
            self._content()
        elif name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
        elif name == "f":
            self._note(self.formulas)
        elif name == "mergeCell":
            self.merged.append(attributes.get("ref", ""))

    def _cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self.column += 1
        if place:
            letters = place.rstrip("0123456789")
            self.row, self.column = int(place[len(letters) :]), _column(letters)
        self.style, self.kind = attributes.get("s", ""), attributes.get("t", "n")

    def _content(self) -> None:
        self.rows, self.columns = max(self.rows, self.row), max(self.columns, self.column)
        if self.kind == "e":
            self._note(self.errors)
        elif self.kind == "n" and self.style in self.percent:
            self.percents.append((self.row, self.column))

    def _note(self, places: list[str]) -> None:
        if len(places) <= MOST_NAMED:
            places.append(f"{_letters(self.column)}{self.row}")

    def refuse_what_cannot_be_read(self) -> None:
        """Raises FileRefused: too large, merged cells, formulas, errors."""
        check_size(self.rows, self.columns)
        for places, sentence in (
            (self.merged, N_("The cells %(places)s are merged. Unmerge them, so that every row has its own values.")),
            (self.formulas, N_("There are formulas in %(places)s. Copy the sheet and paste it as values, then save.")),
            (self.errors, N_("There are errors such as #N/A in %(places)s. Correct them or leave those cells blank.")),
        ):
            if places:
                more = ", …" if len(places) > MOST_NAMED else ""
                raise FileRefused(sentence, places=", ".join(places[:MOST_NAMED]) + more)


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter.upper()) - 64
    return place


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
