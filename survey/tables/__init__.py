"""Reading a table: a CSV or XLSX file in, its rows out, or one clear sentence why not.

Nothing in a file is run, fetched or guessed. The text of a CSV is UTF-8, UTF-16 with its mark, or else GB18030.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from survey.intake.cells import hidden_character, legible
from survey.intake.sheet import Cells, Sheet
from survey.refusals import N_
from survey.tables.delimited import text_table
from survey.tables.limits import LARGEST_FILE, FileRefused, check_width
from survey.tables.rows import Body, cells_of
from survey.tables.workbook import workbook_table

OLD_OFFICE = b"\xd0\xcf\x11\xe0"
ZIP = b"PK\x03\x04"


def read(path: Path) -> Sheet:
    """Read a file's first sheet: headers in row 1, one entry in each row under them. Blank rows are passed over.

    Raises FileRefused.
    """
    _check_bytes(path.stat().st_size)
    return parse(path.read_bytes(), name=path.name)


def parse(content: bytes, *, name: str) -> Sheet:
    """The same of a file that is in memory already. Raises FileRefused."""
    _check_bytes(len(content))
    if not content.strip():
        raise FileRefused(N_("The file is empty."))
    encoding = ""
    if content.startswith(OLD_OFFICE):
        raise FileRefused(
            N_("This is an old (.xls) or password-protected workbook. Save it as an unprotected .xlsx or as CSV.")
        )
    if content.startswith(ZIP) or name.lower().endswith(".xlsx"):
        table = workbook_table(content)
    else:
        table, encoding = text_table(content)
    first = next(cells_of(table[:1]), ())
    headers = _headers(first)
    body = Body(table=table, headers=len(headers), width=len(first))
    return Sheet(
        headers=headers, lines=body, cells=body.cells, digest=hashlib.sha256(content).hexdigest(), encoding=encoding,
        name=name,
    )  # fmt: skip


def _check_bytes(size: int) -> None:
    if size > LARGEST_FILE:
        raise FileRefused(
            N_("The file has %(size)s MB; at most %(largest)s MB are taken. Split it."),
            size=size // 2**20, largest=LARGEST_FILE // 2**20,
        )  # fmt: skip


def _headers(first: Cells) -> tuple[str, ...]:
    """The headers, without blank columns at the end."""
    headers = [header.strip() for header in first]
    while headers and not headers[-1]:
        headers.pop()
    if not headers:
        raise FileRefused(N_("Row 1 is blank. Put the headers there, one for each column."))
    check_width(len(headers))
    for place, header in enumerate(headers, start=1):
        if not header:
            raise FileRefused(N_("Column %(place)s has no header. Name every column in row 1."), place=place)
        hidden = hidden_character(header)
        if hidden:
            raise FileRefused(
                N_("The header “%(header)s” contains the hidden character %(character)s. Type it anew."),
                header=legible(header), character=hidden,
            )  # fmt: skip
    return tuple(headers)
