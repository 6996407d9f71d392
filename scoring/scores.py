"""A score as a value that carries its working: raw, customer mix, territory and centring must add up to adjusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.findings import Refusal
from scoring.ratings import Floats

EVIDENCE = ("withheld", "thin", "provisional", "full")

ADDS_UP = 1e-9


class StepsDoNotAddUp(Refusal):
    """A score whose working does not give its result."""

    sentence = (
        "The steps of %(rep)s on %(item)s do not add up: raw %(raw)r, mix %(mix)r, territory %(territory)r and centring "
        "%(centring)r do not give %(adjusted)r."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one adjuster put on a rep's raw mean of an item, in points."""

    rep: str
    item: str
    adjuster: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One rep on one item or composite, on 0–100, unrounded and unclipped.

    ``raw`` + ``mix`` + ``territory`` + ``centring`` = ``adjusted``, with standard error ``se`` on ``df`` degrees of freedom
    and the 95 % interval ``low`` to ``high``. ``reported`` is the adjusted score shrunk once, with ``reported_sd``;
    ``peer`` and ``company`` are what it would be under those policies. ``missing`` names the composite's items without an
    answer. A withheld score keeps its counts and nothing else.
    """

    rep: str
    item: str
    responses: int
    customers: int
    raw: float | None
    mix: float | None
    territory: float | None
    centring: float | None
    adjusted: float | None
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    reliability: float | None
    reported: float | None
    reported_sd: float | None
    peer: float | None
    company: float | None
    case: str | None
    component: int | None
    fragile: bool | None
    rank_low: int | None = None
    rank_high: int | None = None
    evidence: str
    top_box: float | None = None
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            raise ValueError(f"evidence is {self.evidence!r}; it must be one of {', '.join(EVIDENCE)}")
        if self.adjusted is None:
            return
        parts = (self.raw, self.mix, self.territory, self.centring)
        if any(part is None for part in parts) or not (
            abs(sum(part for part in parts if part is not None) - self.adjusted) <= ADDS_UP
        ):
            raise StepsDoNotAddUp(
                rep=self.rep, item=self.item, raw=self.raw, mix=self.mix, territory=self.territory,
                centring=self.centring, adjusted=self.adjusted,
            )  # fmt: skip


NUMBERS = (
    "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high", "reliability", "reported", "reported_sd",
    "peer", "company", "top_box",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """All reps' scores of one item, by column (reps,). NaN is a number that does not exist.

    ``numbers`` holds every number of :class:`Score`; ``steps`` (adjusters, reps) splits ``mix``; ``missing`` (reps,) lists
    the composite's absent items. Unlike a Score it keeps the numbers of withheld reps, which the company's sums contain.
    """

    item: str
    reps: tuple[str, ...]
    responses: NDArray[np.int64]
    customers: NDArray[np.int64]
    numbers: dict[str, Floats]
    adjusters: tuple[str, ...]
    steps: Floats
    case: NDArray[np.str_]
    component: NDArray[np.int64]
    fragile: NDArray[np.bool_]
    evidence: NDArray[np.str_]
    missing: Sequence[tuple[str, ...]]

    def __post_init__(self) -> None:
        parts = [self.numbers[name] for name in ("raw", "mix", "territory", "centring")]
        here = ~np.isnan(self.numbers["adjusted"])
        gap = np.abs(np.sum(parts, axis=0) - self.numbers["adjusted"])[here]
        inner = np.abs(self.steps.sum(axis=0) - self.numbers["mix"])[here]
        wrong = np.flatnonzero(~((gap <= ADDS_UP) & (inner <= ADDS_UP)))
        if wrong.size:
            rep = int(np.flatnonzero(here)[wrong[0]])
            values = {name: float(self.numbers[name][rep]) for name in ("raw", "mix", "territory", "centring", "adjusted")}
            raise StepsDoNotAddUp(rep=self.reps[rep], item=self.item, **values)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Reps (reps,) whose score is not withheld."""
        return self.evidence != "withheld"

    def columns(self) -> dict[str, Any]:
        """The columns of scores.csv, None where a withheld rep's number would stand."""
        shown = self.shown
        numbers = {name: np.where(shown, self.numbers[name], np.nan) for name in NUMBERS}
        known = self.case != ""
        return {
            "rep": list(self.reps), "item": [self.item] * len(self.reps),
            "responses": self.responses.tolist(), "customers": self.customers.tolist(),
            **{name: _optional(numbers[name]) for name in NUMBERS[:-1]},
            "case": [one or None for one in self.case.tolist()],
            "component": [one if there else None for one, there in zip(self.component.tolist(), known, strict=True)],
            "fragile": [one if there else None for one, there in zip(self.fragile.tolist(), known, strict=True)],
            "rank_low": [None] * len(self.reps), "rank_high": [None] * len(self.reps),
            "evidence": self.evidence.tolist(),
            "top_box": _optional(numbers["top_box"]),
            "missing": list(self.missing),
        }  # fmt: skip

    def scores(self) -> Iterator[Score]:
        """One Score per rep."""
        columns = self.columns()
        for values in zip(*columns.values(), strict=True):
            yield Score(**dict(zip(columns, values, strict=True)))

    def step_columns(self) -> dict[str, Any]:
        """The columns of steps.csv: a line per shown rep and adjuster."""
        there = np.flatnonzero(self.shown & ~np.isnan(self.numbers["adjusted"]))
        return {
            "rep": [self.reps[number] for number in there for _ in self.adjusters],
            "item": [self.item] * (len(there) * len(self.adjusters)),
            "adjuster": list(self.adjusters) * len(there),
            "amount": self.steps[:, there].T.ravel().tolist(),
        }

    def lines(self) -> Iterator[Step]:
        """One Step per shown rep and adjuster."""
        for rep, item, adjuster, amount in zip(*self.step_columns().values(), strict=True):
            yield Step(rep=rep, item=item, adjuster=adjuster, amount=amount)


def _optional(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
