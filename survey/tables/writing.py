"""Writing a workbook: words and numbers only. Nothing in it is a formula or a link, whatever a text begins with."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One sheet of a workbook: bold headers in row 1, rows of text under them."""

    name: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


def workbook(pages: Sequence[Page]) -> bytes:
    """The XLSX file with these sheets. Every cell is text, so that a code keeps its leading zeros."""
    import xlsxwriter

    buffer = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, plain) as book:
        bold, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        for page in pages:
            sheet = book.add_worksheet(page.name)
            sheet.freeze_panes(1, 0)
            for place, header in enumerate(page.headers):
                longest = max(len(str(row[place])) for row in [page.headers, *page.rows])
                sheet.set_column(place, place, min(60, 4 + 2 * longest), text)
                sheet.write_string(0, place, header, bold)
            for number, row in enumerate(page.rows, start=1):
                for place, cell in enumerate(row):
                    sheet.write_string(number, place, cell, text)
    return buffer.getvalue()


Cell = str | float | int | None
Kind = Literal["text", "score", "count", "share", "ratio"]
_FORMS: dict[str, str] = {"text": "@", "score": "0.0", "count": "#,##0", "share": "0%", "ratio": "0.00"}
_DIGITS = {"score": 1, "share": 4, "ratio": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its header, and whether it holds words, points, counts, shares between 0 and 1, or ratios."""

    label: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of words and numbers; an empty cell is None."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def typed_workbook(table: Table) -> bytes:
    """The XLSX file of one table: numbers are numbers in their form, rounded as a page prints them; the header stays in
    sight and filters."""
    import xlsxwriter

    buffer = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, plain) as book:
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", "-", table.name)[:31] or None)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
        for place, column in enumerate(table.columns):
            form = book.add_format({"num_format": _FORMS[column.kind]})
            sheet.set_column(place, place, 20 if column.kind == "text" else 12, form)
            sheet.write_string(0, place, column.label, bold)
            for number, row in enumerate(table.rows, start=1):
                cell = row[place]
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell, form)
                elif cell is not None:
                    sheet.write_number(number, place, round(cell, _DIGITS.get(column.kind, 0)), form)
    return buffer.getvalue()


def comma_separated(table: Table) -> bytes:
    """The CSV file of one table, with the mark by which a spreadsheet knows UTF-8; no cell begins a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([inert(column.label) for column in table.columns])
    for row in table.rows:
        writer.writerow([_written(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)])
    return text.getvalue().encode("utf-8-sig")


def _written(cell: Cell, kind: Kind) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return inert(cell)
    return f"{cell:z.{_DIGITS[kind]}f}" if kind in _DIGITS else str(cell)


def inert(text: str) -> str:
    """A text no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text
