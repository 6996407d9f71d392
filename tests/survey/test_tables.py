"""Files are read as people mean them, or refused with one sentence that says what to do."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey import tables
from survey.intake.sheet import Line, Sheet
from survey.tables.limits import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS, FileRefused
from survey.tables.writing import Column, Table, comma_separated

CHINESE = "业务员编号,姓名\nR1,喆玥堃昇\n"


def _csv(folder: Path, content: bytes | str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def _xlsx(folder: Path, fill: Callable[[Any, Any], None]) -> Path:
    path = folder / "table.xlsx"
    book = xlsxwriter.Workbook(path)
    fill(book, book.add_worksheet())
    book.close()
    return path


def _with_part(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The same workbook with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in parts.items():
            archive.writestr(one, content)
    return path


def _rows(sheet: Sheet) -> list[tuple[str, ...]]:
    return [line.cells for line in sheet.lines]


def _refusal(path: Path) -> str:
    with pytest.raises(FileRefused) as refused:
        tables.read(path)
    said = str(refused.value)
    assert "\n" not in said
    return said


# -- text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_is_read_in_every_encoding_people_save(tmp_path: Path, encoding: str) -> None:
    sheet = tables.read(_csv(tmp_path, CHINESE, encoding))
    assert sheet.headers == ("业务员编号", "姓名")
    assert _rows(sheet) == [("R1", "喆玥堃昇")]


def test_utf_16_with_the_other_byte_order_and_tabs_as_spreadsheets_save_it(tmp_path: Path) -> None:
    text = CHINESE.replace(",", "\t")
    sheet = tables.read(_csv(tmp_path, b"\xfe\xff" + text.encode("utf-16-be")))
    assert _rows(sheet) == [("R1", "喆玥堃昇")]


def test_a_sheet_says_how_its_text_was_read_and_keeps_the_files_fingerprint(tmp_path: Path) -> None:
    path = _csv(tmp_path, CHINESE, "gb18030")
    sheet = tables.read(path)
    assert sheet.encoding == "gb18030"
    assert sheet.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert tables.read(_csv(tmp_path, CHINESE)).encoding == "utf-8"


def test_rows_are_numbered_as_in_the_sheet_and_blank_ones_are_passed_over(tmp_path: Path) -> None:
    sheet = tables.read(_csv(tmp_path, 'code,name\nT1,"two\nlines"\n\n,\nT2,x\n'))
    assert list(sheet.lines) == [Line(2, ("T1", "two\nlines")), Line(5, ("T2", "x"))]
    assert sheet.cells(5) == ("T2", "x")


def test_nothing_is_taken_for_a_missing_value_or_a_formula(tmp_path: Path) -> None:
    row = ("NA", "null", "=1+1", "+1", "-1", "@x", "007", "1e5", " x ")
    sheet = tables.read(_csv(tmp_path, ",".join("abcdefghi") + "\n" + ",".join(row) + "\n"))
    assert _rows(sheet) == [row]


def test_short_and_long_rows_keep_their_length_so_that_they_can_be_refused(tmp_path: Path) -> None:
    sheet = tables.read(_csv(tmp_path, "a,b,c\n1,2,3\n1\n1,2,3,4\n1,2,3,4,5,6\n4,5,6\n"))
    assert [len(cells) for cells in _rows(sheet)] == [3, 1, 4, 4, 3]
    assert sheet.cells(3) == ("1",)


def test_blank_columns_after_the_last_header_are_no_columns(tmp_path: Path) -> None:
    sheet = tables.read(_csv(tmp_path, "a,b,,\n1,2,,\n3,4,5,\n"))
    assert sheet.headers == ("a", "b")
    assert _rows(sheet) == [("1", "2"), ("3", "4", "5", "")]


def test_semicolons_separate_where_the_header_says_so(tmp_path: Path) -> None:
    assert _rows(tables.read(_csv(tmp_path, "a;b\n1,5;2\n"))) == [("1,5", "2")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"\n\na,b\n1,2\n", "Row 1 is blank"),
        (b",b\n1,2\n", "Column 1 has no header"),
        (b"a,b\n1,\x002\n", "Line 2 holds NUL"),
        ("a,b\n1,2\n".encode("utf-16-le"), "NUL"),
        ("编号,名称\nT1,华北".encode()[:-1], "cut off"),
        (b"a,b\n1,\"2\n3,4\n", "row 2 opens a quotation mark"),
        (b'a,b\n1,2\n"x"y,4\n', "row 3 do not pair up"),
        (b"a,b\n1,\xff\xff\n", "neither UTF-8"),
        ("编号\u200b,名称\n1,2\n".encode(), "U+200B ZERO WIDTH SPACE"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "old (.xls) or password-protected"),
        pytest.param(b"," * (MOST_COLUMNS + 1), "columns", id="wide"),
        pytest.param(b"a\n" + b"1\n" * (MOST_ROWS + 1), "more than can be taken", id="long"),
        pytest.param(b"a,b\n" + b"," * 7_000_000, "more cells than can be taken", id="large"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_table_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in _refusal(_csv(tmp_path, content))


def test_a_file_beyond_the_limit_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert "at most 64 MB" in _refusal(path)


# -- workbooks --------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_as_it_is_seen(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        day, percent = book.add_format({"num_format": "yyyy/m/d"}), book.add_format({"num_format": "0.0%"})
        sheet.write_row(0, 0, ["编号", "日期", "完成率", "数", "文字"])
        sheet.write_row(2, 0, ["T1"])
        sheet.write_datetime(2, 1, datetime(2026, 7, 1), day)  # noqa: DTZ001 - a spreadsheet's days have no zone
        sheet.write_number(2, 2, 0.923, percent)
        sheet.write_number(2, 3, 1001)
        sheet.write_string(2, 4, "=1+1")

    sheet = tables.read(_xlsx(tmp_path, fill))
    assert sheet.headers == ("编号", "日期", "完成率", "数", "文字")
    assert list(sheet.lines) == [Line(3, ("T1", "2026-07-01 00:00:00", "92.3%", "1001", "=1+1"))]


@pytest.mark.parametrize(("value", "shown"), [(0.07, "7%"), (1.05, "105%"), (0.92, "92%"), (0, "0%"), (12, "1200%")])
def test_a_percentage_is_read_without_rounding(tmp_path: Path, value: float, shown: str) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_string(0, 0, "value")
        sheet.write_number(1, 0, value, book.add_format({"num_format": 9}))

    assert _rows(tables.read(_xlsx(tmp_path, fill))) == [(shown,)]


def test_only_the_first_sheet_is_read_and_formats_far_out_do_no_harm(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, ["1", "2"])
        sheet.write_blank(1_000_000, 16_000, None, book.add_format({"bold": True}))
        book.add_worksheet().write_formula(0, 0, "=1/0")

    assert _rows(tables.read(_xlsx(tmp_path, fill))) == [("1", "2")]


def _merge(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.merge_range("A2:A4", "x")


def _formula(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula("B2", "=A1", value=7)


def _error(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula("B3", "=NA()", value="#N/A")


def _wide(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, [f"c{place}" for place in range(16_384)])


def _far(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_string(1_048_575, 16_383, "x")


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (_merge, "A2:A4 are merged"),
        (_formula, "formulas in B2"),
        (_error, "B3"),
        (_wide, "16384 columns"),
        (_far, "16384 columns"),
        (lambda book, sheet: None, "empty"),
        (lambda book, sheet: sheet.write_string("B3", "x"), "Row 1 is blank"),
    ],
)
def test_what_cannot_be_taken_from_a_workbook_is_named(tmp_path: Path, fill: Any, says: str) -> None:
    assert says in _refusal(_xlsx(tmp_path, fill))


def test_an_error_pasted_as_a_value_is_not_read_as_blank(tmp_path: Path) -> None:
    path = _xlsx(tmp_path, _error)
    without_formula = _with_part(path, "xl/worksheets/sheet1.xml", lambda part: part.replace(b"<f>NA()</f>", b""))
    assert "#N/A in B3" in _refusal(without_formula)


def _plain(book: Any, sheet: Any) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_row(1, 0, ["1", "2"])


@pytest.mark.parametrize("dimension", [b"A1:XFD1048576", b"A1", b"B7:C9"])
def test_a_sheets_own_word_on_its_size_is_not_believed(tmp_path: Path, dimension: bytes) -> None:
    path = _with_part(
        _xlsx(tmp_path, _plain), "xl/worksheets/sheet1.xml", lambda part: part.replace(b"A1:B2", dimension)
    )
    assert _rows(tables.read(path)) == [("1", "2")]


def test_cells_without_places_are_counted_from_the_left(tmp_path: Path) -> None:
    def strip_places(part: bytes) -> bytes:
        for place in (b"A1", b"B1", b"A2", b"B2"):
            part = part.replace(b'<c r="' + place + b'"', b"<c")
        return part

    path = _with_part(_xlsx(tmp_path, _plain), "xl/worksheets/sheet1.xml", strip_places)
    assert _rows(tables.read(path)) == [("1", "2")]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_workbook_broken_off_is_refused(tmp_path: Path, share: float) -> None:
    content = _xlsx(tmp_path, _plain).read_bytes()
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged" in _refusal(path)


def test_an_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "not an .xlsx file" in _refusal(path)


def test_a_text_called_xlsx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    path.write_text("a,b\n1,2\n")
    assert "not an .xlsx file" in _refusal(path)


def test_a_part_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    """A megabyte of archive that would become a gigabyte of text."""
    start, end = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>', b"</t></si></sst>"
    path = _xlsx(tmp_path, _plain)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != "xl/sharedStrings.xml"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as bomb:
            bomb.write(start)
            for _ in range(1024):
                bomb.write(b" " * 2**20)
            bomb.write(end)
    assert path.stat().st_size < 3 * 2**20
    assert "larger than 512 MB" in _refusal(path)


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = _xlsx(tmp_path, _plain)
    content = bytearray(path.read_bytes())
    entry = content.index(b"xl/sharedStrings.xml", content.index(b"PK\x01\x02")) - 46
    struct.pack_into("<L", content, entry + 24, 3)
    path.write_bytes(content)
    assert "damaged" in _refusal(path)


def test_a_table_of_strings_that_announces_billions_is_refused(tmp_path: Path) -> None:
    """Setting room aside for them would end the process."""
    path = _with_part(
        _xlsx(tmp_path, _plain), "xl/sharedStrings.xml",
        lambda part: part.replace(b'uniqueCount="4"', b'uniqueCount="4294967296"'),
    )  # fmt: skip
    assert "damaged" in _refusal(path)


def test_entities_in_a_workbook_are_not_unfolded(tmp_path: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    path = _with_part(_xlsx(tmp_path, _plain), "xl/worksheets/sheet1.xml", lambda _: bomb)
    assert "not made by a spreadsheet program" in _refusal(path)


@pytest.mark.parametrize("part", [b"<worksheet><sheetData><row r='x'/></sheetData></worksheet>", b"<worksheet", b"\0"])
def test_markup_that_is_broken_inside_is_refused(tmp_path: Path, part: bytes) -> None:
    assert "damaged" in _refusal(_with_part(_xlsx(tmp_path, _plain), "xl/worksheets/sheet1.xml", lambda _: part))


# -- anything at all --------------------------------------------------------------------------------------------


def _read_whole(path: Path) -> Iterable[Line]:
    try:
        return list(tables.read(path).lines)
    except FileRefused:
        return []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=400), st.text(alphabet='ab,;\t\n\r"\0中é', max_size=200).map(str.encode)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for line in _read_whole(_csv(tmp_path, content)):
        assert all(isinstance(cell, str) for cell in line.cells)


@pytest.fixture(scope="module")
def workbook() -> io.BytesIO:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    _plain(book, book.add_worksheet())
    book.close()
    return buffer


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_workbook_with_one_wrong_byte_is_read_or_refused(
    tmp_path: Path, workbook: io.BytesIO, place: float, byte: int
) -> None:
    content = bytearray(workbook.getvalue())
    content[int(place * len(content))] = byte
    path = tmp_path / "table.xlsx"
    path.write_bytes(content)
    _read_whole(path)


def test_nothing_is_written_as_less_than_nothing() -> None:
    """A change of −0.04 rounds to no change."""
    table = Table(name="x", columns=[Column(label="change", kind="score")], rows=[[-0.04], [-0.06], [None]])
    assert comma_separated(table).decode("utf-8-sig").split() == ["change", "0.0", "-0.1", '""']
