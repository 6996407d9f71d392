"""Reading a table: a CSV or XLSX file in, its rows out, or one clear sentence why not.

Nothing in a file is run, fetched or guessed. The text of a CSV is UTF-8, UTF-16 with its mark, or else GB18030.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from survey.intake.cells import hidden_character, legible
from survey.intake.sheet import Line, Sheet
from survey.refusals import N_
from survey.tables.delimited import text_rows
from survey.tables.limits import LARGEST_FILE, FileRefused, check_width
from survey.tables.workbook import workbook_rows

OLD_OFFICE = b"\xd0\xcf\x11\xe0"
ZIP = b"PK\x03\x04"


def read(path: Path) -> Sheet:
    """Read a file's first sheet: headers in row 1, one entry per row under them. Blank rows are passed over.

    Raises FileRefused.
    """
    content = _content(path)
    encoding = ""
    if content.startswith(OLD_OFFICE):
        raise FileRefused(
            N_("This is an old (.xls) or password-protected workbook. Save it as an unprotected .xlsx or as CSV.")
        )
    if content.startswith(ZIP) or path.suffix.lower() == ".xlsx":
        rows = workbook_rows(content)
    else:
        rows, encoding = text_rows(content)
    headers, width = _headers(rows[0] if rows else ())
    lines = tuple(_lines(rows, headers, width))
    return Sheet(headers=headers, lines=lines, digest=hashlib.sha256(content).hexdigest(), encoding=encoding)


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise FileRefused(
            N_("The file has %(size)s MB; at most %(largest)s MB are taken. Split it."),
            size=size // 2**20, largest=LARGEST_FILE // 2**20,
        )  # fmt: skip
    content = path.read_bytes()
    if not content.strip():
        raise FileRefused(N_("The file is empty."))
    return content


def _headers(first: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The headers without blank columns at the end, and how many columns the first row has."""
    headers = [header.strip() for header in first]
    width = len(headers)
    while headers and not headers[-1]:
        headers.pop()
    if not headers:
        raise FileRefused(N_("Row 1 is blank. Put the headers there, one for each column."))
    check_width(len(headers))
    for header in headers:
        hidden = hidden_character(header)
        if hidden:
            raise FileRefused(
                N_("The header “%(header)s” contains the hidden character %(character)s. Type it anew."),
                header=legible(header), character=hidden,
            )  # fmt: skip
    if "" in headers:
        raise FileRefused(
            N_("Column %(place)s has no header. Name every column in row 1."), place=headers.index("") + 1
        )
    return tuple(headers), width


def _lines(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> Iterator[Line]:
    """A row keeps as many cells as there are headers; only one whose length is wrong keeps its own."""
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cells):
            continue
        if len(cells) == width and not any(cells[len(headers) :]):
            cells = cells[: len(headers)]  # noqa: PLW2901
        yield Line(number, tuple(cells))
