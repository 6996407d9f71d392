"""The adjustment spec: everything a company decides about the scores before it sees any answer.

The defaults of every threshold stand here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from scoring.findings import Refusal
from scoring.toml_tables import WIDEST, Mistake, TomlTables

Policy = Literal["pooled", "peer", "company"]
Weights = Literal["customer", "response"]
CompositeWeights = Literal["fixed", "cahps"]
Kind = Literal["category", "number"]

IDENTITY = ("rep", "territory", "customer")
RESERVED = frozenset({*IDENTITY, "weight"})


class SpecRefused(Refusal):
    """The spec cannot be used; the sentence names every place and what to do there."""

    sentence = "%(problem)s"


class ReasonMissing(SpecRefused):
    """An adjuster without a written reason."""


class UnknownKind(SpecRefused):
    """An adjuster that is neither a category nor a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSpec:
    """One question: its scale from ``lo`` to ``hi``; ``reversed`` when ``lo`` is the best answer."""

    name: str
    lo: float
    hi: float
    reversed: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise SpecRefused(problem="An item has no name; give every [[item]] the name of its column.")
        if self.name in RESERVED:
            raise SpecRefused(problem=f"An item is called {self.name}; name the column that holds its answers.")
        if max(abs(self.lo), abs(self.hi)) > WIDEST:
            raise SpecRefused(
                problem=f"Item {self.name}: its scale goes from {self.lo:g} to {self.hi:g}; give the ends of a scale "
                "people answer on."
            )
        if not self.lo < self.hi:
            raise SpecRefused(
                problem=f"Item {self.name}: lo is {self.lo:g} and hi is {self.hi:g}; lo must be below hi."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjusterSpec:
    """One attribute of the customer that is adjusted for, and the written reason why that is fair. ``reason_zh`` is the
    same in Chinese, for specs that are read in both languages."""

    name: str
    kind: Kind
    reason: str
    reason_zh: str = ""

    def __post_init__(self) -> None:
        if not self.name or self.name in RESERVED:
            raise SpecRefused(problem=f"An adjuster is called {self.name!r}; name the column of a customer attribute.")
        if self.kind not in get_args(Kind):
            raise UnknownKind(
                problem=f'Adjuster {self.name}: kind is "{self.kind}"; write kind = "category" or kind = "number".'
            )
        if not self.reason.strip():
            raise ReasonMissing(
                problem=f"Adjuster {self.name} has no reason; write why it is fixed before the period, not chosen by "
                "the rep, and likely to shift how a customer answers."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeSpec:
    """One score over several items. ``weights`` in the order of ``items``; empty means equal."""

    name: str
    items: tuple[str, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not self.items:
            raise SpecRefused(problem="The composite needs a name and at least one item; fill in [composite].")
        if len(set(self.items)) < len(self.items):
            raise SpecRefused(problem=f"Composite {self.name} lists an item twice; list each once.")
        if self.weights and (len(self.weights) != len(self.items) or min(self.weights) <= 0):
            raise SpecRefused(
                problem=f"Composite {self.name} has weights {list(self.weights)}; give one positive weight per item."
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, summing to one."""
        weights = self.weights or (1.0,) * len(self.items)
        return tuple(weight / sum(weights) for weight in weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentSpec:
    """What is scored, what is adjusted for and why, and every threshold.

    ``weights``: "customer" lets each customer count once per rep, "response" each answer by its weight.
    ``territory``: the policy. ``window``: how many periods one run spans. ``thin_below`` and ``full_from`` are
    reliabilities; ``smallest_difference`` is in points of the 0–100 scale; ``territory_from`` names an earlier run
    whose territory effects are kept.
    """

    items: tuple[ItemSpec, ...]
    adjusters: tuple[AdjusterSpec, ...] = ()
    composite: CompositeSpec | None = None
    weights: str = "customer"
    territory: str = "pooled"
    minimum_customers: int = 5
    window: int = 1
    composite_weights: str = "fixed"
    thin_below: float = 0.40
    full_from: float = 0.70
    max_customer_share: float = 0.25
    comments_from: int = 10
    smallest_difference: float = 2.0
    territory_from: str = ""

    def __post_init__(self) -> None:
        if not self.items:
            raise SpecRefused(problem="The spec has no item; add an [[item]] with name, lo and hi.")
        names = [item.name for item in self.items] + [adjuster.name for adjuster in self.adjusters]
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise SpecRefused(problem=f"{name} is listed twice; every item and adjuster is listed once.")
        for setting, allowed in (
            ("weights", get_args(Weights)),
            ("territory", get_args(Policy)),
            ("composite_weights", get_args(CompositeWeights)),
        ):
            if getattr(self, setting) not in allowed:
                raise SpecRefused(
                    problem=f'{setting} is "{getattr(self, setting)}"; it must be one of {", ".join(allowed)}.'
                )
        self._check_thresholds()
        self._check_composite()

    def _check_thresholds(self) -> None:
        for setting in ("minimum_customers", "window", "comments_from"):
            if getattr(self, setting) < 1:
                raise SpecRefused(problem=f"{setting} is {getattr(self, setting)}; it must be 1 or more.")
        if not 0 < self.thin_below <= self.full_from < 1:
            raise SpecRefused(
                problem=f"thin_below is {self.thin_below} and full_from is {self.full_from}; "
                "they are reliabilities between 0 and 1, thin_below the smaller."
            )
        if not 0 < self.max_customer_share <= 1:
            raise SpecRefused(problem=f"max_customer_share is {self.max_customer_share}; give a share between 0 and 1.")
        if self.smallest_difference < 0:
            raise SpecRefused(problem=f"smallest_difference is {self.smallest_difference}; it cannot be negative.")

    def _check_composite(self) -> None:
        known = {item.name for item in self.items}
        for name in self.composite.items if self.composite else ():
            if name not in known:
                raise SpecRefused(problem=f"The composite uses {name}, which is not an [[item]]; add it or remove it.")
        if self.composite and self.composite.name in known:
            raise SpecRefused(problem=f"The composite is called {self.composite.name}, like an item; rename it.")

    @classmethod
    def from_toml(cls, text: str) -> AdjustmentSpec:
        """Read a spec from the text of its TOML file.

        Raises:
            SpecRefused: one sentence per mistake, with line, place and remedy (``ReasonMissing``, ``UnknownKind`` and
                whatever else a value on its own is refused for).
        """
        tables = TomlTables(text)
        top = {key: value for key, value in tables.content.items() if key not in ("item", "adjuster", "composite")}
        settings = tables.read(cls, top, ("", 0), also=frozenset({"item", "adjuster", "composite"}))
        items = [tables.read(ItemSpec, table, ("item", i)) for i, table in enumerate(tables.tables("item"))]
        adjusters = [_adjuster(tables, table, i) for i, table in enumerate(tables.tables("adjuster"))]
        composite = _composite(tables)
        if tables.mistakes:
            raise SpecRefused(problem="\n".join(str(mistake) for mistake in tables.mistakes))
        return cls(
            items=tuple(ItemSpec(**values) for values in items),
            adjusters=tuple(AdjusterSpec(**values) for values in adjusters),
            composite=CompositeSpec(**composite) if composite else None,
            **settings,
        )

    def record(self) -> dict[str, Any]:
        """Plain values for run.json, all settings and thresholds included. A reason in one language only leaves no
        trace of the other, so that such a spec keeps its hash."""
        record = {name: _plain(value) for name, value in asdict(self).items()}
        for adjuster in record["adjusters"]:
            if not adjuster["reason_zh"]:
                del adjuster["reason_zh"]
        return record

    @property
    def hash(self) -> str:
        """SHA-256 of the spec's content: two files that say the same have the same hash."""
        content = json.dumps(self.record(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Numbers as floats, so that 1 and 1.0 are the same spec."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _adjuster(tables: TomlTables, table: Any, position: int) -> dict[str, Any]:
    """A missing reason or a wrong kind is the spec's own refusal, so both are let through to AdjusterSpec."""
    values = tables.read(AdjusterSpec, {"reason": "", **table}, ("adjuster", position), also=frozenset({"kind"}))
    return {**values, "kind": str(table.get("kind", ""))}


def _composite(tables: TomlTables) -> dict[str, Any]:
    table = tables.table("composite")
    if not table:
        return {}
    values = tables.read(CompositeSpec, table, ("composite", 0), also=frozenset({"weights"}))
    weights = table.get("weights", [])
    if not isinstance(weights, list) or any(
        isinstance(one, bool) or not isinstance(one, int | float) for one in weights
    ):
        tables.note(
            Mistake(table="composite", key="weights", what=f"weights is {weights!r}", remedy="give a list of numbers")
        )
        return values
    return {**values, "weights": tuple(float(one) for one in cast(list[float], weights))}
