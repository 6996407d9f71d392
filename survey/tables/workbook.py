"""XLSX: what is needed to read the first sheet is unpacked under a limit, looked through, and packed anew.

What was checked is what is read: the reader gets that clean copy and nothing else of the file.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from survey.refusals import N_
from survey.tables.limits import LARGEST_UNPACKED, FileRefused
from survey.tables.markup import Counted, Relations, SheetIds, SheetScan, Styles

if TYPE_CHECKING:
    import pandas as pd

BOOK, BOOK_LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
STYLES, STRINGS = "xl/styles.xml", "xl/sharedStrings.xml"
PLAIN = ("[Content_Types].xml", "_rels/.rels", STRINGS)
PIECE = 2**18
DAMAGED = N_("The workbook is cut off or damaged, or not an .xlsx file. Open it and save it again.")
# What Python's zipfile raises on archives that are cut off, damaged, encrypted or packed in a way it does not know.
BROKEN_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError, OSError,
    struct.error, lzma.LZMAError,
)  # fmt: skip


def workbook_table(content: bytes) -> pd.DataFrame:
    """The first sheet as a table of text, row 1 first, blank rows too.

    A percentage is read as it is seen: 0.92 shown as such is "92%". Raises FileRefused.
    """
    import pandas as pd
    from python_calamine import CalamineError

    try:
        copy, scan = _checked(content)
    except BROKEN_ARCHIVE:
        raise FileRefused(DAMAGED) from None
    scan.refuse_what_cannot_be_read()
    try:
        table = pd.read_excel(copy, sheet_name=0, engine="calamine", header=None, dtype=str, keep_default_na=False)
    except (CalamineError, ValueError):  # a ValueError: a day no calendar has, or a sheet the book does not know
        raise FileRefused(DAMAGED) from None
    for place, rows in scan.percents.items():
        table[place - 1] = pd.Series(_with_percents(table[place - 1].tolist(), rows), dtype=str)
    return table


def _with_percents(cells: list[str], rows: Sequence[int]) -> list[str]:
    for row in rows:
        cells[row - 1] = _as_percent(cells[row - 1])
    return cells


def _as_percent(text: str) -> str:
    try:
        return f"{(Decimal(text) * 100).normalize():f}%"
    except ArithmeticError:
        return text


def _checked(content: bytes) -> tuple[io.BytesIO, SheetScan]:
    """A clean copy with the first sheet alone, and what was seen in that sheet."""
    copy = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as clean,
    ):
        carry = _Carrying(archive, clean)
        ids, links, styles = SheetIds(), Relations(), Styles()
        carry(BOOK, ids.feed)
        carry(BOOK_LINKS, links.feed)
        present = set(archive.namelist())
        if STYLES in present:
            carry(STYLES, styles.feed)
        for name in PLAIN:
            if name in present:
                carry(name, Counted().feed)
        scan = SheetScan(styles.percent)
        carry(_first_sheet(ids, links), scan.feed)
    copy.seek(0)
    return copy, scan


def _first_sheet(ids: SheetIds, links: Relations) -> str:
    sheets = [links.targets[id_] for id_ in ids.found if "worksheet" in links.targets.get(id_, "")]
    if not sheets:
        raise FileRefused(N_("The workbook has no sheet with rows."))
    return posixpath.normpath(posixpath.join("/xl", sheets[0])).lstrip("/")


class _Carrying:
    """Carries parts from one archive to another piece by piece, shows each piece to a reader, and counts what really
    comes out, whatever the archive says of itself."""

    def __init__(self, source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
        self.source, self.target = source, target
        self.left = LARGEST_UNPACKED

    def __call__(self, name: str, show: Callable[[bytes], None]) -> None:
        with self.source.open(name) as part, self.target.open(name, "w") as copy:
            while piece := part.read(PIECE):
                self.left -= len(piece)
                if self.left < 0:
                    raise FileRefused(
                        N_("Unpacked, the workbook is larger than %(largest)s MB: too large to be read. Split it."),
                        largest=LARGEST_UNPACKED // 2**20,
                    )  # fmt: skip
                show(piece)
                copy.write(piece)
            show(b"")
