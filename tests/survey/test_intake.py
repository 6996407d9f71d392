"""Cells and headers are read as people write them; what cannot be meant is refused with its reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from survey.intake import cells
from survey.intake.cells import UnfitCell, legible
from survey.intake.columns import DoubleColumn, Heading, MissingColumn, match


def _read(kind: Any, text: str) -> Any:
    return TypeAdapter(kind).validate_python(text)


def _reason(kind: Any, text: str) -> str:
    with pytest.raises(ValidationError) as refused:
        _read(kind, text)
    reason = refused.value.errors()[0]["ctx"]["error"]
    assert isinstance(reason, UnfitCell)
    return str(reason)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01", "2026/7/1", "2026.7.1", "20260701", "2026年7月1日", "２０２６年７月１日", " 2026-7-1 ",
        "2026-07-01 00:00:00", "2026-07-01T08:30", "2026/7/1 8:30:15.250", "2026年7月1日 8:30", "46204",
    ],
)  # fmt: skip
def test_days_as_they_are_written(text: str) -> None:
    assert _read(cells.Day, text) == date(2026, 7, 1)


@pytest.mark.parametrize(
    "text", ["01/07/2026", "7/1", "2026", "2026-07", "1 July 2026", "26-07-01", "2026-7/1", "2026-07-01T08:30Z", "4"]
)
def test_a_day_that_could_mean_two_things_is_refused(text: str) -> None:
    assert "not a date" in _reason(cells.Day, text)


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "20261301", "2026年2月30日", "0000-01-01"])
def test_a_day_no_calendar_has_is_refused(text: str) -> None:
    assert "no such day" in _reason(cells.Day, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("1,200.5", 1200.5), ("1，200", 1200), ("１２．５", 12.5), ("92%", 92), ("９２ ％", 92),
        ("-3", -3), ("+3", 3), ("1e3", 1000), ("0.30000000000000004", 0.30000000000000004), ("12,345,678", 12345678),
    ],
)  # fmt: skip
def test_numbers_as_they_are_written(text: str, value: float) -> None:
    assert _read(cells.Number, text) == value


@pytest.mark.parametrize(
    "text", ["1,5", "1.200,5", "12,34", "ten", "nan", "inf", "1/2", "0x10", "1_000", "--1", "٣", "%"]
)
def test_what_is_no_number_for_certain_is_refused(text: str) -> None:
    assert "not a number" in _reason(cells.Number, text)


def test_numbers_keep_within_their_bounds() -> None:
    assert "above zero" in _reason(cells.PositiveNumber, "0")
    assert "below zero" in _reason(cells.OptionalAmount, "-1")
    assert "too large" in _reason(cells.Number, "1e300")


def test_blank_cells_are_nothing_or_refused() -> None:
    for kind in (cells.OptionalText, cells.OptionalNumber, cells.OptionalDay, cells.OptionalEmail, cells.OptionalPhone):
        assert _read(kind, " \t\u3000") is None
    for kind in (cells.Code, cells.Text, cells.Number, cells.Day, cells.Words):
        assert "must not be empty" in _reason(kind, "\u3000 ")


@pytest.mark.parametrize(
    ("text", "value"),
    [("Li.Si@Heng.Example", "li.si@heng.example"), ("ｌｉ＠heng.cn", "li@heng.cn"), (" a+b@x.test ", "a+b@x.test")],
)
def test_mail_addresses_come_in_one_spelling(text: str, value: str) -> None:
    assert _read(cells.OptionalEmail, text) == value


@pytest.mark.parametrize(
    "text", ["li", "li@heng", "li@@heng.cn", "li si@heng.cn", "<li@heng.cn>", "@heng.cn", "li@heng.cn;x@y.cn"]
)
def test_what_is_no_mail_address_is_refused(text: str) -> None:
    assert "e-mail" in _reason(cells.OptionalEmail, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("138 0013 8000", "+8613800138000"), ("１３８００１３８０００", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("021-55551234", "+862155551234"), ("+1 202 555 0143", "+12025550143"),
    ],
)  # fmt: skip
def test_phone_numbers_come_in_one_spelling(text: str, value: str) -> None:
    assert _read(cells.OptionalPhone, text) == value


@pytest.mark.parametrize("text", ["12345", "1380013800", "phone", "138001380001234"])
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    assert "phone number" in _reason(cells.OptionalPhone, text)


@pytest.mark.parametrize(
    ("text", "value"), [("zh", "zh"), ("ZH_CN", "zh"), ("中文", "zh"), ("英文", "en"), ("English", "en"), ("", "zh")]
)
def test_languages_by_name_or_code(text: str, value: str) -> None:
    assert _read(cells.Language, text) == value
    assert "zh or en" in _reason(cells.Language, "Klingon")


@pytest.mark.parametrize(("text", "value"), [("电话", "phone"), ("Web", "web"), ("纸质", "paper"), ("", "web")])
def test_ways_of_asking_by_name_or_code(text: str, value: str) -> None:
    assert _read(cells.Mode, text) == value
    assert "web, phone or paper" in _reason(cells.Mode, "pigeon")


@pytest.mark.parametrize(("text", "value"), [("采购", "purchasing"), ("Quality", "quality"), ("财务", "财务")])
def test_roles_have_one_name_in_both_languages(text: str, value: str) -> None:
    assert _read(cells.Role, text) == value


@pytest.mark.parametrize(
    ("sign", "name"),
    [
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"), ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"), ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\x07", "U+0007 control character"), ("\x1b", "U+001B control character"),
        ("\x85", "U+0085 control character"),
        ("\u2028", "U+2028 LINE SEPARATOR"),
    ],
)  # fmt: skip
def test_characters_nobody_sees_are_refused_by_name(sign: str, name: str) -> None:
    for kind in (cells.Code, cells.Text, cells.Words, cells.OptionalText, cells.Number, cells.Language):
        assert name in _reason(kind, f"a{sign}b")


def test_a_refused_value_can_be_shown_without_harm() -> None:
    assert legible("a\u202eb\x1b[31m") == "a\\u202eb\\u001b[31m"


def test_cells_that_look_like_formulas_stay_text() -> None:
    for text in ("=1+1", "+1", "-1", "@x", '=HYPERLINK("x")'):
        assert _read(cells.Text, text) == text
        assert _read(cells.Words, text) == text


def test_codes_and_names_have_one_spelling() -> None:
    assert _read(cells.Code, " Ｃ００１ ") == "C001"
    assert _read(cells.Text, "甲\u3000 公司\n上海") == "甲 公司 上海"
    assert _read(cells.Text, "e\u0301") == "é"
    assert _read(cells.Words, "one\r\ntwo ") == "one\ntwo"


def test_too_much_text_is_refused() -> None:
    assert "at most 300" in _reason(cells.Text, "x" * 301)
    assert "at most 100" in _reason(cells.Code, "x" * 101)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    for kind in (
        cells.Code,
        cells.Words,
        cells.Number,
        cells.Day,
        cells.OptionalEmail,
        cells.OptionalPhone,
        cells.Mode,
    ):
        try:
            _read(kind, text)
        except ValidationError as refused:
            assert isinstance(refused.errors()[0]["ctx"]["error"], UnfitCell)  # noqa: PT017 - either is right


# -- headers ----------------------------------------------------------------------------------------------------

WANTED = {
    "code": Heading(names=("code", "区域编号", "区域"), needed=True),
    "name": Heading(names=("name", "区域名称", "区域"), needed=True),
    "size_band": Heading(names=("size_band",), needed=False),
}


@pytest.mark.parametrize(
    ("headers", "places"),
    [
        (("name", "code"), {"code": 1, "name": 0}),
        (("Code *", " NAME ", "Size-Band"), {"code": 0, "name": 1, "size_band": 2}),
        (("区域", "区域编号"), {"code": 1, "name": 0}),
        (("ｃｏｄｅ", "区域名称"), {"code": 0, "name": 1}),
    ],
)
def test_columns_are_found_by_what_they_are_called(headers: tuple[str, ...], places: dict[str, int]) -> None:
    assert match(headers, WANTED).places == places


def test_columns_nobody_asked_for_are_named() -> None:
    assert match(("code", "备注", "name"), WANTED).others == {"备注": 1}


def test_a_missing_column_is_named_with_what_there_is() -> None:
    with pytest.raises(MissingColumn, match=r"no column name\. The file has: code, note\."):
        match(("code", "note"), WANTED)


@pytest.mark.parametrize(
    "headers", [("code", "Code", "name"), ("code", "区域编号", "name"), ("code", "name", "备注", "备注")]
)
def test_two_columns_for_one_thing_are_refused(headers: tuple[str, ...]) -> None:
    with pytest.raises(DoubleColumn):
        match(headers, WANTED)
