"""XLSX: the parts of a workbook are unpacked under a limit, looked through, and only a clean copy of them is read.

What was checked is what is read: the reader sees the first sheet and what it needs, packed anew, and nothing else.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from decimal import Decimal
from typing import Any

from survey.refusals import N_
from survey.tables.limits import LARGEST_UNPACKED, FileRefused
from survey.tables.markup import SheetScan, percent_styles, relations, sheet_ids

BOOK, BOOK_LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
STYLES, STRINGS = "xl/styles.xml", "xl/sharedStrings.xml"
NEEDED = ("[Content_Types].xml", "_rels/.rels", BOOK, BOOK_LINKS, STYLES, STRINGS)
PIECE = 2**18


def _damaged() -> FileRefused:
    return FileRefused(N_("The workbook is cut off or damaged, or not an .xlsx file. Open it and save it again."))


def workbook_rows(content: bytes) -> list[tuple[str, ...]]:
    """Every row of the first sheet, all of one width; row 1 first, blank rows too.

    A percent is read as it is seen: 0.92 shown as a percentage is "92%". Raises FileRefused.
    """
    import pandas as pd
    from python_calamine import CalamineError

    parts, sheet = _unpacked(content)
    scan = SheetScan(percent_styles(parts[STYLES]) if STYLES in parts else frozenset())
    scan.read(parts[sheet])
    scan.refuse_what_cannot_be_read()
    try:
        table = pd.read_excel(
            _packed(parts), sheet_name=0, engine="calamine", header=None, dtype=str, keep_default_na=False
        )
    except (CalamineError, ValueError):
        raise _damaged() from None
    cells = [list(row) for row in zip(*(table[name].tolist() for name in table), strict=True)]
    for row, column in scan.percents:
        if row <= len(cells) and column <= len(cells[row - 1]):
            cells[row - 1][column - 1] = _as_percent(cells[row - 1][column - 1])
    return [tuple(row) for row in cells]


def _as_percent(text: str) -> str:
    try:
        return f"{(Decimal(text) * 100).normalize():f}%"
    except ArithmeticError:
        return text


def _unpacked(content: bytes) -> tuple[dict[str, bytes], str]:
    """The parts needed to read the first sheet, and that sheet's name among them."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpack = _Unpacking(archive)
            sheet = _first_sheet(unpack(BOOK), unpack(BOOK_LINKS))
            present = set(archive.namelist())
            return {name: unpack(name) for name in (*NEEDED, sheet) if name in present or name == sheet}, sheet
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, OSError):
        raise _damaged() from None


def _first_sheet(book: bytes, links: bytes) -> str:
    targets = relations(links)
    sheets = [targets[id_] for id_ in sheet_ids(book) if "worksheet" in targets.get(id_, "")]
    if not sheets:
        raise _damaged()
    return posixpath.normpath(posixpath.join("/xl", sheets[0])).lstrip("/")


class _Unpacking:
    """Unpacks parts piece by piece, counting what really comes out, whatever the archive says of itself."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.left = LARGEST_UNPACKED
        self.done: dict[str, bytes] = {}

    def __call__(self, name: str) -> bytes:
        if name not in self.done:
            self.done[name] = self._whole(name)
        return self.done[name]

    def _whole(self, name: str) -> bytes:
        pieces = []
        with self.archive.open(name) as part:
            while piece := part.read(PIECE):
                self.left -= len(piece)
                if self.left < 0:
                    raise FileRefused(
                        N_("Unpacked, the workbook is larger than %(largest)s MB: too large to be read. Split it."),
                        largest=LARGEST_UNPACKED // 2**20,
                    )  # fmt: skip
                pieces.append(piece)
        return b"".join(pieces)


def _packed(parts: dict[str, bytes]) -> Any:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    packed.seek(0)
    return packed
