"""What one cell may hold: codes, words, numbers, days, addresses. Each kind reads what people really type.

Every reader takes the cell's text and returns its value, or raises UnfitCell with the reason in one sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, NoReturn

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, PlainValidator

from survey.refusals import N_, Refused

LONGEST_CODE = 100
LONGEST_TEXT = 300
LONGEST_WORDS = 4000
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
HOME_REGION = "CN"


class UnfitCell(Refused, ValueError):
    """A cell cannot be what its column asks for. (A ValueError, because those are what pydantic collects.)"""


def _refuse(sentence: str, **values: Any) -> NoReturn:
    raise UnfitCell(sentence, **values)


def legible(text: str) -> str:
    """The text as it can be shown safely: hidden characters as their code points."""
    if text.isprintable():
        return text
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in HIDDEN else sign for sign in text)


def hidden_character(text: str) -> str:
    """The first character that cannot be seen or turns the reading order, by name; empty if there is none."""
    if not text.isprintable():
        for sign in text:
            if unicodedata.category(sign) in HIDDEN and sign not in "\t\n\r":
                return f"U+{ord(sign):04X} {unicodedata.name(sign, 'control character')}"
    return ""


def _composed(raw: str) -> str:
    """The same text without look-alike spellings."""
    hidden = hidden_character(raw)
    if hidden:
        _refuse(N_("This cell contains the hidden character %(character)s. Remove it."), character=hidden)
    return raw if raw.isascii() else unicodedata.normalize("NFC", raw)


def on_one_line(raw: str) -> str:
    return " ".join(_composed(raw).split())


def plain_signs(text: str) -> str:
    """Full-width letters, digits and signs as plain ones: ９２％ is 92%."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def no_longer_than(longest: int, text: str) -> str:
    if len(text) > longest:
        _refuse(
            N_("This cell holds %(length)s characters; at most %(longest)s fit."), length=len(text), longest=longest
        )
    return text


# Most columns say few different things: what was read once is not read (nor kept in memory) a thousand times.
remembering = lru_cache(maxsize=1024)


def _needed(read: Callable[[str], Any]) -> PlainValidator:
    @remembering
    def value(raw: str) -> Any:
        text = on_one_line(raw)
        if not text:
            _refuse(N_("This cell must not be empty."))
        return read(text)

    return PlainValidator(value)


def optional(read: Callable[[str], Any]) -> PlainValidator:
    """Reads a cell that may be blank (None)."""

    @remembering
    def value(raw: str) -> Any:
        text = on_one_line(raw)
        return read(text) if text else None

    return PlainValidator(value)


def _code(text: str) -> str:
    return no_longer_than(LONGEST_CODE, plain_signs(text))


def short(text: str) -> str:
    """A few words on one line."""
    return no_longer_than(LONGEST_TEXT, text)


def words(raw: str) -> str | None:
    """Longer writing; its line breaks stay."""
    text = _composed(raw).replace("\r\n", "\n").replace("\r", "\n").strip()
    return no_longer_than(LONGEST_WORDS, text) or None


def _needed_words(raw: str) -> str:
    return words(raw) or _refuse(N_("This cell must not be empty."))


_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?", re.ASCII)


def number(text: str) -> float:
    """12, 1,200.5, １２, 92% (which means 92)."""
    plain = plain_signs(text)
    plain = plain.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(plain):
        _refuse(N_("This is not a number. Write it like 1200 or 1,200.5."))
    value = float(plain.replace(",", ""))
    if abs(value) > 1e15:
        _refuse(N_("This number is too large."))
    return value


def _positive(value: float) -> float:
    if value <= 0:
        _refuse(N_("This number must be above zero."))
    return value


def _not_negative(value: float | None) -> float | None:
    if value is not None and value < 0:
        _refuse(N_("This number must not be below zero."))
    return value


def _multiplier(raw: str) -> float:
    text = on_one_line(raw)
    return _positive(number(text)) if text else 1.0


_DAY = re.compile(
    r"(?P<y>\d{4})(?:(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<d>\d{1,2})|年(?P<zm>\d{1,2})月(?P<zd>\d{1,2})日)"
    r"(?:[T ]?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?",
    re.ASCII,
)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SPREADSHEET_DAY = re.compile(r"[1-9]\d{4}", re.ASCII)
_SPREADSHEET_EPOCH = date(1899, 12, 30)


def day(text: str) -> date:
    """2026-07-01, 2026/7/1, 2026.7.1, 20260701, 2026年7月1日, with or without a time of day; or the day's number in a
    spreadsheet (46204)."""
    plain = plain_signs(text)
    if _SPREADSHEET_DAY.fullmatch(plain):
        return _SPREADSHEET_EPOCH + timedelta(days=int(plain))
    compact, found = _COMPACT_DAY.fullmatch(plain), _DAY.fullmatch(plain)
    if compact:
        parts = compact.groups()
    elif found:
        parts = (found["y"], found["m"] or found["zm"], found["d"] or found["zd"])
    else:
        _refuse(N_("This is not a date we can read. Write it like 2026-07-01, 2026/7/1 or 2026年7月1日."))
    year, month, of_month = map(int, parts)
    try:
        if year >= 1900:
            return date(year, month, of_month)
    except ValueError:
        pass
    _refuse(N_("There is no such day in the calendar."))


def email(text: str) -> str:
    """An address in lower case; nothing is looked up."""
    try:
        return validate_email(plain_signs(text), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        _refuse(N_("This is not an e-mail address."))


def phone(text: str) -> str:
    """A number as +8613800138000; without a country it is one of China's."""
    try:
        found = phonenumbers.parse(plain_signs(text), HOME_REGION)
    except phonenumbers.NumberParseException:
        _refuse(N_("This is not a phone number."))
    if not phonenumbers.is_valid_number(found):
        _refuse(N_("This is not a phone number in use. Check its digits; put + and the country before a foreign one."))
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def _choice(text: str, words: Mapping[str, str]) -> str | None:
    """What this word stands for, whatever its case; None if it is not among `words`."""
    return words.get(plain_signs(text).casefold().replace("_", "-"))


_LANGUAGES = {
    **dict.fromkeys(("zh", "zh-cn", "zh-hans", "zh-hans-cn", "chinese", "中文", "汉语", "简体中文", "中"), "zh"),
    **dict.fromkeys(("en", "en-us", "en-gb", "english", "英文", "英语", "英"), "en"),
}
_MODES = {
    **dict.fromkeys(("web", "online", "网络", "网页", "在线", "线上"), "web"),
    **dict.fromkeys(("phone", "telephone", "电话"), "phone"),
    **dict.fromkeys(("paper", "letter", "纸质", "书面", "信函"), "paper"),
}
_ROLES = {
    **dict.fromkeys(("purchasing", "buyer", "purchase", "采购"), "purchasing"),
    **dict.fromkeys(("technical", "engineering", "技术", "工程"), "technical"),
    **dict.fromkeys(("management", "manager", "管理", "管理层", "经理", "总经理"), "management"),
    **dict.fromkeys(("quality", "质量", "品质", "质检"), "quality"),
    **dict.fromkeys(("store", "shop", "门店", "店铺", "店长"), "store"),
}


_YES = {
    **dict.fromkeys(("yes", "y", "true", "1", "x", "是", "有", "√", "✓", "对"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0", "否", "无", "没有", "×"), "no"),
}
_MISSING = {
    **dict.fromkeys(("not-applicable", "not applicable", "n/a", "不适用"), "not_applicable"),
    **dict.fromkeys(("not-measured", "not measured", "未计量", "公司未计量"), "not_measured"),
    **dict.fromkeys(("withheld-by-rep", "withheld by rep", "not handed in", "未提交", "员工未提交"), "withheld_by_rep"),
}


def _yes(raw: str) -> bool:
    text = on_one_line(raw)
    if not text:
        return False
    said = _choice(text, _YES) or _refuse(N_("Write yes or no (是 or 否) here."))
    return said == "yes"


def missing_reason(text: str) -> str:
    """Why a fact has no value."""
    return _choice(text, _MISSING) or _refuse(
        N_("Write not_applicable, not_measured or withheld_by_rep (不适用, 未计量 or 未提交) here.")
    )


def _share(value: float) -> float:
    if not 0 <= value <= 100:
        _refuse(N_("Give a share from 0 to 100 per cent."))
    return value


def _whole(value: float) -> int:
    if value != int(value) or not 1 <= value <= 1000:
        _refuse(N_("Give a whole number from 1."))
    return int(value)


def role(text: str) -> str:
    """A contact's function under one name in both languages; others stay as they are written."""
    return _choice(text, _ROLES) or short(text)


def spoken(text: str) -> str:
    """A language as zh or en; others stay as they are written."""
    return _choice(text, _LANGUAGES) or short(text)


def _language(raw: str) -> str:
    text = on_one_line(raw)
    if not text:
        return "zh"
    return _choice(text, _LANGUAGES) or _refuse(N_("This language is not known here. Write zh or en (中文 or 英文)."))


def _mode(raw: str) -> str:
    text = on_one_line(raw)
    if not text:
        return "web"
    return _choice(text, _MODES) or _refuse(N_("This way of asking is not known. Write web, phone or paper."))


Code = Annotated[str, _needed(_code)]
Text = Annotated[str, _needed(short)]
OptionalText = Annotated[str | None, optional(short)]
Words = Annotated[str, PlainValidator(_needed_words)]
OptionalWords = Annotated[str | None, PlainValidator(words)]
Number = Annotated[float, _needed(number)]
OptionalNumber = Annotated[float | None, optional(number)]
OptionalAmount = Annotated[float | None, optional(number), AfterValidator(_not_negative)]
PositiveNumber = Annotated[float, _needed(number), AfterValidator(_positive)]
Count = Annotated[int, _needed(number), AfterValidator(_whole)]
Share = Annotated[float, _needed(number), AfterValidator(_share)]
Yes = Annotated[bool, PlainValidator(_yes)]
MissingReason = Annotated[str | None, optional(missing_reason)]
Multiplier = Annotated[float, PlainValidator(_multiplier)]
Day = Annotated[date, _needed(day)]
OptionalDay = Annotated[date | None, optional(day)]
OptionalEmail = Annotated[str | None, optional(email)]
OptionalPhone = Annotated[str | None, optional(phone)]
Language = Annotated[str, PlainValidator(_language)]
Role = Annotated[str | None, optional(role)]
Mode = Annotated[str, PlainValidator(_mode)]
