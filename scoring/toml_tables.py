"""Reading a TOML file into frozen values so that every mistake is found at once, with its line and a remedy.

The fields of a dataclass are the keys of its table: names, kinds and defaults stand there and nowhere else.
"""

from __future__ import annotations

import math
import re
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

Place = tuple[str, int]  # (name of the table, its position among tables of that name); ("", 0) is the top of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong in a file: where, what, and what to do. ``warning`` marks advice that refuses
    nothing; a page shows it to people who know no TOML, so it is said in Chinese too (``zh``)."""

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

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}."


_KINDS = {
    "str": "text in quotes, without control signs",
    "int": "a whole number",
    "float": "a number",
    "float | None": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of texts",
    "tuple[float, ...]": "a list of numbers",
    "tuple[Row, ...]": "a list of number pairs such as [[1.0, 10], [0.9, 8]]",
}
_PLACEHOLDERS: dict[str, Any] = {"str": "", "int": 0, "float": math.nan, "float | None": None, "bool": False}


LONGEST = 1_000_000


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
            self.mistakes.append(Mistake(what=f"this is not TOML: {error}", remedy="mend the file at that place"))

    def note(self, mistake: Mistake) -> None:
        """Keep a mistake with its line, unless the value could not be read at all, which was noted then."""
        place = (mistake.table, mistake.position, mistake.key)
        if place not in self._unread:
            line = self._lines.get(place) or self._lines.get((mistake.table, mistake.position, ""))
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
        self._not_read(Mistake(table=name, what=what, remedy=f"write each one under [[{name}]]"))
        return []

    def table(self, name: str) -> Mapping[str, Any]:
        """The one ``[name]`` table; empty if there is none."""
        found = self.content.get(name, {})
        if isinstance(found, dict):
            return found
        self.note(Mistake(table=name, what=f"{name} is not a table", remedy=f"write its keys under [{name}]"))
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
                remedy = f"add {key} = … ({_KINDS[str(field.type)]})"
                self._not_read(_at(place, key, what=f"{key} is missing", remedy=remedy))
                values[key] = _PLACEHOLDERS.get(str(field.type), ())
        return values

    def unknown(self, key: str, place: Place, known: list[str]) -> None:
        close = get_close_matches(key, known, n=1)
        remedy = f"write {close[0]} if that is meant" if close else f"remove it; known here: {', '.join(known)}"
        self._not_read(_at(place, key, what=f"{key} is not known here", remedy=remedy))

    def value(self, kind: str, key: str, found: Any, place: Place) -> Any:
        """``found`` as ``kind``; noted as a mistake and replaced by an empty value if it is something else."""
        read = _READERS[kind](found)
        if read is not None:
            return read
        self._not_read(_at(place, key, what=f"{key} is {found!r}", remedy=f"give {_KINDS[kind]}"))
        return _PLACEHOLDERS.get(kind, ())


def _parsed(text: str) -> dict[str, Any]:
    """Raises ValueError for what is no TOML, and for files nobody writes by hand."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and {LONGEST:,} are the most")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its lists are nested too deeply") from None


def _at(place: Place, key: str, *, what: str, remedy: str) -> Mistake:
    return Mistake(table=place[0], position=place[1], key=key, what=what, remedy=remedy)


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
