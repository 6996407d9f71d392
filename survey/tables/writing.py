"""Writing a workbook: words and numbers only. Nothing in it is a formula or a link, whatever a text begins with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass


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
