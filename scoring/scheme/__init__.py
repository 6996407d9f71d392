"""A scheme: the indicators, deductions and bands by which a position is appraised. Data, never code.

A scheme is written as TOML and read by ``Scheme.from_toml``. Every table lists under ``stated`` which of its values
the source text states; the others are defaults of ours, and ``Scheme.values`` tells them apart. ``check`` also gives
advice, after the text's own caution: too few indicators cannot guide, too many without focus leave a rep at a loss, and
too many deductions discourage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from scoring.rules import RULES, Value
from scoring.scheme.lines import Band, Deduction, Indicator, Limits, Ramp
from scoring.scheme.linter import mistakes_in
from scoring.toml_tables import Mistake, TomlTables

_TABLES = frozenset({"indicator", "deduction", "band", "limits", "ramp"})
_KINDS = {"table": "tuple[Row, ...]", "all_or_nothing": "bool", "points": "str"}  # others: numbers


class SchemeRefused(ValueError):
    """A scheme with mistakes in it: ``mistakes`` holds all of them, each with its place and remedy."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A checked scheme; raises SchemeRefused, naming every mistake, if anything in it is wrong.

    ``cap`` is the attainment at which ratio indicators stop earning (1.0 = 100 %), ``deduction_cap`` the most that all
    deductions cost together. ``indicators`` carry 100 points; ``bands`` run from the highest down to the one from 0.
    ``positions`` are the jobs it is for (none: any); ``ramp`` is for the indicators that ask for it.
    """

    code: str
    version: int = 1
    title_zh: str
    title_en: str
    source_zh: str
    source_en: str
    cap: float = 1.0
    deduction_cap: float = 20.0
    positions: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    indicators: tuple[Indicator, ...]
    deductions: tuple[Deduction, ...] = ()
    bands: tuple[Band, ...]
    limits: Limits = field(default_factory=Limits)
    ramp: Ramp = field(default_factory=Ramp)

    def __post_init__(self) -> None:
        _refuse(mistakes_in({one.name: getattr(self, one.name) for one in fields(self)}))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """The scheme written in ``text``. Raises SchemeRefused with every mistake, its line and remedy."""
        values, mistakes = _read(text)
        _refuse(mistakes)
        return cls(**values)

    @property
    def warnings(self) -> tuple[Mistake, ...]:
        found = mistakes_in({one.name: getattr(self, one.name) for one in fields(self)})
        return tuple(mistake for mistake in found if mistake.warning)

    @property
    def hash(self) -> str:
        """SHA-256 of the content: comments, spacing and the order of keys do not count."""
        canonical = json.dumps(self.record(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """The scheme as plain JSON values, every default filled in."""
        indicators = [{**asdict(one), "parameters": dict(self.parameters(one))} for one in self.indicators]
        record: dict[str, Any] = json.loads(json.dumps({**asdict(self), "indicators": indicators}))
        return record

    def parameters(self, indicator: Indicator) -> Mapping[str, Value]:
        """What the indicator's rule works with: its own parameters over the scheme's cap over the rule's defaults."""
        rule = RULES[indicator.rule]
        cap = {"cap": self.cap} if indicator.rule == "ratio" else {}
        return {**rule.defaults, **cap, **indicator.parameters}

    def values(self) -> Iterator[tuple[str, str, str, Any, bool]]:
        """Every value as (table, code, key, value, stated): stated by the source text, or else a default of ours."""
        for key in ("title_zh", "title_en", "cap", "deduction_cap", "positions"):
            if getattr(self, key) not in ("", ()):
                yield "", self.code, key, getattr(self, key), key in self.stated
        record = self.record()
        for table, stored in (("indicator", "indicators"), ("deduction", "deductions"), ("band", "bands")):
            for entry in record[stored]:
                yield from _told_apart(table, entry)
        yield from _told_apart("limits", {"code": "", **record["limits"]})
        if any(one.ramp for one in self.indicators):
            yield from _told_apart("ramp", {"code": "", **record["ramp"]})


def check(text: str) -> tuple[Mistake, ...]:
    """Every mistake and every warning in a scheme's TOML text, in the order of its lines."""
    return tuple(_read(text)[1])


def _refuse(mistakes: Sequence[Mistake]) -> None:
    wrong = [mistake for mistake in mistakes if not mistake.warning]
    if wrong:
        raise SchemeRefused(wrong)


def _told_apart(table: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any, bool]]:
    shown = {key: value for key, value in entry.items() if key not in {"code", "stated", "parameters"}}
    idle = {key for key in ("late_step", "team_share") if not entry.get(key)}
    idle |= {"lost_worth"} if entry.get("beside") != "net_new_customers" else set()
    for key, value in (shown | entry.get("parameters", {})).items():
        if key not in idle and value is not None and value is not False and value not in ("", []):
            stated = key in entry["stated"] or (key.startswith("name_") and "name" in entry["stated"])
            yield table, entry["code"], key, value, stated


def _read(text: str) -> tuple[dict[str, Any], Sequence[Mistake]]:
    """A scheme's values, and what is to be said about them in the order of the text's lines."""
    toml = TomlTables(text)
    if toml.mistakes:
        return {}, toml.mistakes
    values = toml.read(Scheme, toml.content, ("", 0), also=_TABLES)
    values["indicators"] = tuple(_indicator(toml, i, table) for i, table in enumerate(toml.tables("indicator")))
    for name, kind in (("deduction", Deduction), ("band", Band)):
        tables = enumerate(toml.tables(name))
        values[f"{name}s"] = tuple(kind(**toml.read(kind, table, (name, i))) for i, table in tables)
    values["limits"] = Limits(**toml.read(Limits, toml.table("limits"), ("limits", 0)))
    values["ramp"] = Ramp(**toml.read(Ramp, toml.table("ramp"), ("ramp", 0)))
    unweighed = any(mistake.key == "weight" for mistake in toml.mistakes)
    for mistake in mistakes_in(values):
        if not (unweighed and mistake.key == "weights"):
            toml.note(mistake)
    return values, sorted(toml.mistakes, key=lambda mistake: (mistake.line or 0, mistake.position, mistake.key))


def _indicator(toml: TomlTables, position: int, table: Mapping[str, Any]) -> Indicator:
    place = ("indicator", position)
    given_rule = table.get("rule")
    rule = RULES.get(given_rule) if isinstance(given_rule, str) else None
    known = {key for one in RULES.values() if rule in (None, one) for key in one.parameters}
    values = toml.read(Indicator, table, place, also=frozenset(known))
    given = sorted(known & table.keys()) if rule else []
    parameters = {key: toml.value(_KINDS.get(key, "float"), key, table[key], place) for key in given}
    return Indicator(**values, parameters=parameters)
