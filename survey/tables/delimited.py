"""CSV: text decoded without guessing, rows split by one delimiter."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Any

from survey.refusals import N_
from survey.tables.limits import MOST_CELLS, FileRefused, check_size, check_width
from survey.tables.rows import PIECE

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",\t;"
CUT_OFF = N_("The file is cut off: it ends in the middle of a character. Get it again.")


def text_table(content: bytes) -> tuple[pd.DataFrame, str]:
    """The rows of a text as a table of text, and the encoding found. A row's missing cells are missing values, and one
    column more than the header has shows that a row is too long.

    Raises FileRefused.
    """
    text, encoding = _text(content)
    head = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    columns = head.count(delimiter) + 1
    check_width(columns)
    check_size(text.count("\n"), columns)
    if text.count(delimiter) > MOST_CELLS:
        raise FileRefused(N_("The file holds more cells than can be taken at once. Split it."))
    return _table(text, delimiter), encoding


def _text(content: bytes) -> tuple[str, str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding != "gb18030" and error.reason in {"unexpected end of data", "truncated data"}:
                raise FileRefused(CUT_OFF) from None
            continue
        if "\0" in text:
            raise FileRefused(
                N_("Line %(line)s holds NUL bytes: this is not a text file, or it is damaged. Save it as CSV (UTF-8)."),
                line=text.count("\n", 0, text.index("\0")) + 1,
            )
        return text, encoding.removesuffix("-sig")
    raise FileRefused(N_("The text is neither UTF-8, UTF-16 nor GB18030. Save it as CSV (UTF-8)."))


def _table(text: str, delimiter: str) -> pd.DataFrame:
    import pandas as pd

    reading: dict[str, Any] = {
        "sep": delimiter, "engine": "python", "dtype": str, "keep_default_na": False, "skip_blank_lines": False,
        "header": None,
    }  # fmt: skip
    try:
        width = pd.read_csv(io.StringIO(text), nrows=1, **reading).shape[1]
        pieces = pd.read_csv(
            io.StringIO(text), names=range(width + 1), index_col=False, chunksize=PIECE,
            on_bad_lines=lambda cells: cells[: width + 1], **reading,
        )  # fmt: skip
        return pd.concat(pieces, ignore_index=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error):
        raise _unreadable(text, delimiter) from None


def _unreadable(text: str, delimiter: str) -> FileRefused:
    """Say in which row the quotes went wrong."""
    row = 1
    try:
        for row, _cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), start=2):  # noqa: B007
            pass
    except csv.Error as error:
        if "unexpected end" in str(error):
            return FileRefused(
                N_("The file is cut off: row %(row)s opens a quotation mark that is never closed."), row=row
            )
    return FileRefused(N_("The quotation marks in row %(row)s do not pair up. Save the file as CSV again."), row=row)
