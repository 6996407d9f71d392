"""How much a file may hold, so that no file can fill the memory."""

from __future__ import annotations

from survey.refusals import N_, Refused

LARGEST_FILE = 64 * 2**20
LARGEST_UNPACKED = 512 * 2**20
MOST_ROWS = 300_000
MOST_COLUMNS = 200
MOST_CELLS = 6_000_000


class FileRefused(Refused):
    """A file cannot be read as a table at all."""


def check_width(columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise FileRefused(
            N_("The sheet has %(columns)s columns; at most %(most)s are taken. Keep the ones that matter."),
            columns=columns, most=MOST_COLUMNS,
        )  # fmt: skip


def check_size(rows: int, columns: int) -> None:
    """Refuse a sheet with more rows, columns or cells than can be taken."""
    check_width(columns)
    if rows > MOST_ROWS or rows * columns > MOST_CELLS:
        raise FileRefused(
            N_("The sheet has %(rows)s rows and %(columns)s columns, more than can be taken at once. Split the file."),
            rows=rows, columns=columns,
        )  # fmt: skip
