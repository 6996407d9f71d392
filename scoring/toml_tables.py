"""Reading a TOML file into frozen values so that every mistake is found at once, with its line and a remedy.

The fields of a dataclass are the keys of its table: names, kinds and defaults stand there and nowhere else.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

Place = tuple[str, int]  # (name of the table, its position among tables of that name); ("", 0) is the top of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong in a file: where, what, and what to do. ``zh`` says what and what to do in Chinese. ``warning``
    marks advice that refuses nothing."""

    table: str = ""
    position: int = 0
    key: str = ""
    line: int | None = None
    what: str
    remedy: str
    warning: bool = False
    zh: str = ""

    @property
    def where(self) -> str:
        table = f"[{self.table}] {self.position + 1}" if self.table else ""
        line = f"line {self.line}" if self.line else ""
        return ", ".join(part for part in (line, table) if part) or "the file"

    @property
    def where_zh(self) -> str:
        table = f"第 {self.position + 1} 个 [{self.table}]" if self.table else ""
        line = f"第 {self.line} 行" if self.line else ""
        return "，".join(part for part in (line, table) if part) or "文件"

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}."

    def said(self, language: str) -> str:
        """Where, what and what to do, in `zh` or `en`."""
        return f"{self.where_zh}：{self.zh}" if language == "zh" else str(self)


_KINDS = {
    "str": ("text in quotes, without control signs", "加引号的文字，不含控制符"),
    "int": ("a whole number", "整数"),
    "float": ("a number", "数字"),
    "float | None": ("a number", "数字"),
    "bool": ("true or false", "true 或 false"),
    "tuple[str, ...]": ("a list of texts", "文字列表"),
    "tuple[float, ...]": ("a list of numbers", "数字列表"),
    "tuple[Row, ...]": (
        "a list of number pairs such as [[1.0, 10], [0.9, 8]]", "成对数字的列表，例如 [[1.0, 10], [0.9, 8]]",
    ),
}  # fmt: skip
_PLACEHOLDERS: dict[str, Any] = {"str": "", "int": 0, "float": math.nan, "float | None": None, "bool": False}


WIDEST = 1e15
"""Numbers end within this, so that one can compute with them."""
LONGEST = 1_000_000
_LONGEST_SHOWN = 80
_MOST_NAMED = 30


class _NobodyWrites(ValueError):
    """What may be TOML, but no file that somebody wrote."""

    def __init__(self, what: str, zh: str) -> None:
        super().__init__(what)
        self.zh = zh


def brief(found: Any) -> str:
    """A value as it was written, no longer than a sentence can carry."""
    try:
        told = repr(found)
    except (RecursionError, ValueError):  # tables in tables in tables; a number of more digits than can be written
        return "…"
    return told if len(told) <= _LONGEST_SHOWN else f"{told[:_LONGEST_SHOWN]}…"


def named(names: Iterable[str], comma: str = ", ") -> str:
    """Names to choose from; of very many, the first."""
    first = [*itertools.islice(names, _MOST_NAMED + 1)]
    return comma.join((*first[:_MOST_NAMED], *("…" for _ in first[_MOST_NAMED:])))


class TomlTables:
    """The tables of one TOML text, and the mistakes noted while reading them."""

    def __init__(self, text: str) -> None:
        self.mistakes: list[Mistake] = []
        self._lines = _line_numbers(text)
        self._unread: set[tuple[str, int, str]] = set()
        self.content: dict[str, Any] = {}
        try:
            self.content = _parsed(text)
        except ValueError as error:
            self.mistakes.append(_no_toml(error))

    def note(self, mistake: Mistake) -> None:
        """Keep a mistake with its line, unless the value could not be read at all, which was noted then."""
        place = (mistake.table, mistake.position, mistake.key)
        if place not in self._unread:
            table = (mistake.table or mistake.key, mistake.position, "")
            line = self._lines.get(place) or self._lines.get(table)
            self.mistakes.append(replace(mistake, line=line))

    def _not_read(self, mistake: Mistake) -> None:
        self.note(mistake)
        self._unread.add((mistake.table, mistake.position, mistake.key))

    def tables(self, name: str) -> list[Mapping[str, Any]]:
        """The ``[[name]]`` tables, in order."""
        found = self.content.get(name, [])
        if isinstance(found, list) and all(isinstance(table, dict) for table in found):
            return found
        what = f"{name} is not a list of tables"
        zh = f"{name} 不是表的列表；请把每一项写在 [[{name}]] 之下。"
        self._not_read(Mistake(table=name, what=what, remedy=f"write each one under [[{name}]]", zh=zh))
        return []

    def table(self, name: str) -> Mapping[str, Any]:
        """The one ``[name]`` table; empty if there is none."""
        found = self.content.get(name, {})
        if isinstance(found, dict):
            return found
        zh = f"{name} 不是表；请把各项写在 [{name}] 之下。"
        self.note(Mistake(table=name, what=f"{name} is not a table", remedy=f"write its keys under [{name}]", zh=zh))
        return {}

    def read(
        self, kind: type, table: Mapping[str, Any], place: Place, *, also: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """The arguments of dataclass ``kind`` from ``table``; keys in ``also`` are left to the caller.

        A wrong or absent value is noted and replaced by an empty one, so that the rest is still checked.
        """
        wanted = {field.name: field for field in fields(kind) if str(field.type) in _KINDS}
        for key in table:
            if key not in wanted and key not in also:
                self.unknown(key, place, sorted({*wanted, *also}))
        values = {
            key: self.value(str(field.type), key, table[key], place) for key, field in wanted.items() if key in table
        }
        for key, field in wanted.items():
            if key not in table and field.default is MISSING and field.default_factory is MISSING:
                en, zh = _KINDS[str(field.type)]
                told = f"缺少 {key}；请补上 {key} = …（{zh}）。"
                self._not_read(_at(place, key, what=f"{key} is missing", remedy=f"add {key} = … ({en})", zh=told))
                values[key] = _PLACEHOLDERS.get(str(field.type), ())
        return values

    def unknown(self, key: str, place: Place, known: list[str]) -> None:
        close, shown = get_close_matches(key, known, n=1), brief(key).strip("'")
        remedy = f"write {close[0]} if that is meant" if close else f"remove it; known here: {', '.join(known)}"
        instead = f"若指 {close[0]}，请改写" if close else f"请删去；此处可用：{'、'.join(known)}"
        zh = f"无法识别 {shown}；{instead}。"
        self._not_read(_at(place, key, what=f"{shown} is not known here", remedy=remedy, zh=zh))

    def value(self, kind: str, key: str, found: Any, place: Place) -> Any:
        """``found`` as ``kind``; noted as a mistake and replaced by an empty value if it is something else."""
        read = _READERS[kind](found)
        if read is not None:
            return read
        shown, (en, zh) = brief(found), _KINDS[kind]
        told = f"{key} 写的是 {shown}；此处应为{zh}。"
        self._not_read(_at(place, key, what=f"{key} is {shown}", remedy=f"give {en}", zh=told))
        return _PLACEHOLDERS.get(kind, ())


def _parsed(text: str) -> dict[str, Any]:
    """Raises ValueError for what is no TOML, and for files nobody writes by hand."""
    if len(text) > LONGEST:
        what = f"it has {len(text):,} characters, and {LONGEST:,} are the most"
        raise _NobodyWrites(what, f"有 {len(text):,} 个字符，至多 {LONGEST:,} 个")
    if _DOTTED.search(text):
        raise _NobodyWrites("its names are nested too deeply", "名称的层次过深")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _NobodyWrites("its lists are nested too deeply", "列表的层次过深") from None


def _no_toml(error: ValueError) -> Mistake:
    what, remedy = f"this is not TOML: {error}", "mend the file at that place"
    if isinstance(error, _NobodyWrites):
        return Mistake(what=what, remedy=remedy, zh=f"这不是 TOML：{error.zh}；请改正文件。")
    place = _PLACE.search(str(error))
    zh = (
        f"{f'第 {place[2]} 列' if place else '文件'}不合 TOML 的写法；"
        "请检查文字是否加了引号、括号是否成对、同一个键是否写了两次、数字是否过长。"
    )
    return Mistake(line=int(place[1]) if place else None, what=what, remedy=remedy, zh=zh)


_PLACE = re.compile(r"at line (\d+), column (\d+)")
_DOTTED = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){50}""")
"""A name in a name in a name …: the reader of TOML takes the square of their number in steps."""


def _at(place: Place, key: str, *, what: str, remedy: str, zh: str) -> Mistake:
    return Mistake(table=place[0], position=place[1], key=key, what=what, remedy=remedy, zh=zh)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= sys.float_info.max


def _is_row(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(_is_number(one) for one in found)


def _numbers(found: Any) -> tuple[float, ...] | None:
    fits = isinstance(found, list) and all(_is_number(one) for one in found)
    return tuple(float(one) for one in found) if fits else None


def _rows(found: Any) -> tuple[tuple[float, ...], ...] | None:
    fits = isinstance(found, list) and all(_is_row(one) for one in found)
    return tuple((float(one[0]), float(one[1])) for one in found) if fits else None


def _number(found: Any) -> float | None:
    return float(found) if _is_number(found) else None


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda found: found if _is_text(found) else None,
    "int": lambda found: found if isinstance(found, int) and _is_number(found) else None,
    "float": _number,
    "float | None": _number,
    "bool": lambda found: found if isinstance(found, bool) else None,
    "tuple[str, ...]": lambda found: tuple(found) if isinstance(found, list) and _all_text(found) else None,
    "tuple[float, ...]": _numbers,
    "tuple[Row, ...]": _rows,
}


def _is_text(found: Any) -> bool:
    """Text without signs that cannot be seen or that turn the direction of others."""
    return isinstance(found, str) and not any(unicodedata.category(sign) in _UNSEEN for sign in found if sign != "\n")


_UNSEEN = frozenset({"Cc", "Cf", "Cs"})


def _all_text(found: list[Any]) -> bool:
    return all(_is_text(one) for one in found)


_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def _line_numbers(text: str) -> dict[tuple[str, int, str], int]:
    """Line of every table header and key: {(table, position, key): line}, key "" for the header itself."""
    lines: dict[tuple[str, int, str], int] = {}
    table, position = "", 0
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header[1]
            position = seen.get(table, -1) + 1
            seen[table] = position
            lines[(table, position, "")] = number
        elif key := _KEY.match(line):
            lines.setdefault((table, position, key[1]), number)
    return lines
