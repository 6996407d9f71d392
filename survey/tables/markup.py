"""The XML inside a workbook, looked through as it passes by: how far the sheet reaches, and what cannot be taken."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any
from xml.parsers import expat

from survey.refusals import N_
from survey.tables.limits import MOST_CELLS, FileRefused, check_size

Attributes = dict[str, str]
MOST_NAMED = 5
_PERCENT_FORMATS = frozenset({"9", "10"})  # the two that every workbook has without naming them
_QUOTED = re.compile(r'"[^"]*"|\\.')


class Markup:
    """Well-formed XML without a document type, fed in pieces; an empty piece ends it."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.StartElementHandler = lambda name, attributes: self.start(name.rpartition(":")[2], attributes)
        self._parser.StartDoctypeDeclHandler = self._refuse_document_type

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins; `name` is without prefix."""

    def feed(self, piece: bytes) -> None:
        """Raises FileRefused."""
        try:
            self._parser.Parse(piece, not piece)
        except (expat.ExpatError, ValueError):  # a ValueError: a number that is none, or is absurd
            raise FileRefused(N_("The workbook is damaged inside. Open it and save it again.")) from None

    def _refuse_document_type(self, *_: Any) -> None:
        raise FileRefused(N_("The workbook was not made by a spreadsheet program. Open it in one and save it again."))


class Counted(Markup):
    """Markup that does not announce more entries than can be taken: a reader may set memory aside for all of them."""

    def start(self, name: str, attributes: Attributes) -> None:
        announced = max(int(attributes.get("count", 0)), int(attributes.get("uniqueCount", 0)))
        if announced > MOST_CELLS:
            raise ValueError(f"{name} announces {announced} entries")


class SheetIds(Markup):
    """The relation ids of a workbook's sheets, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self.found.extend(value for key, value in attributes.items() if key.endswith(":id"))


class Relations(Markup):
    """Relation id → the part it leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


class Styles(Counted):
    """Which cell styles show a number as a percentage."""

    def __init__(self) -> None:
        super().__init__()
        self._formats = set(_PERCENT_FORMATS)
        self._in_cells = False
        self._shown: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        super().start(name, attributes)
        if name == "numFmt" and "%" in _QUOTED.sub("", attributes.get("formatCode", "")):
            self._formats.add(attributes.get("numFmtId", ""))
        elif name in {"cellXfs", "cellStyleXfs", "dxfs", "cellStyles"}:
            self._in_cells = name == "cellXfs"
        elif name == "xf" and self._in_cells:
            self._shown.append(attributes.get("numFmtId", ""))

    @property
    def percent(self) -> frozenset[str]:
        return frozenset(str(number) for number, shown in enumerate(self._shown) if shown in self._formats)


class SheetScan(Markup):
    """What a sheet holds, counted from 1; the sheet's own word on its size is not believed.

    `percents` are the rows in which a column holds a percentage, by column.
    """

    def __init__(self, percent: frozenset[str]) -> None:
        super().__init__()
        self.percents: defaultdict[int, list[int]] = defaultdict(list)
        self._percent_styles = percent
        self._rows = self._columns = 0
        self._merged: list[str] = []
        self._formulas: list[str] = []
        self._errors: list[str] = []
        self._row = self._column = 0
        self._style = self._kind = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._cell(attributes)
        elif name in {"v", "is"}:
            self._content()
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = 0
        elif name == "f":
            self._note(self._formulas)
        elif name == "mergeCell" and len(self._merged) <= MOST_NAMED:
            self._merged.append(attributes.get("ref", ""))

    def _cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self._column += 1
        if place:
            letters = place.rstrip("0123456789")
            self._row, self._column = int(place[len(letters) :]), _column(letters)
        self._style, self._kind = attributes.get("s", ""), attributes.get("t", "n")

    def _content(self) -> None:
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
        if self._kind == "e":
            self._note(self._errors)
        elif self._kind == "n" and self._style in self._percent_styles:
            self.percents[self._column].append(self._row)

    def _note(self, places: list[str]) -> None:
        if len(places) <= MOST_NAMED:
            places.append(f"{_letters(self._column)}{self._row}")

    def refuse_what_cannot_be_read(self) -> None:
        """Raises FileRefused: nothing there, too much there, merged cells, formulas, errors."""
        if not self._rows:
            raise FileRefused(N_("The first sheet of the workbook is empty."))
        check_size(self._rows, self._columns)
        for places, sentence in (
            (self._merged, N_("The cells %(places)s are merged. Unmerge them, so that every row has its own values.")),
            (self._formulas, N_("There are formulas in %(places)s. Copy the sheet and paste it as values, then save.")),
            (self._errors, N_("There are errors such as #N/A in %(places)s. Correct them or leave those cells blank.")),
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
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
