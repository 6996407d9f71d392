"""All reps' scores of one item by column, checked as a whole and handed out as values or as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.scores import ADDS_UP, Score, Step, StepsDoNotAddUp
from scoring.sums import Flags, Floats, Places

NUMBERS = (
    "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high", "reliability", "reported",
    "reported_sd", "peer", "company", "top_box",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """All reps' scores of one item, by column (reps,). NaN is a number that does not exist.

    ``numbers`` holds every number of :class:`Score`; ``steps`` (adjusters, reps) splits ``mix``; ``missing`` (reps,)
    lists the composite's absent items; ``ranks`` (2, reps) are the lowest and highest rank, 0 for a rep who is not
    ranked. Unlike a Score it keeps the numbers of withheld reps, which the company's sums contain.
    """

    item: str
    reps: tuple[str, ...]
    responses: Places
    customers: Places
    numbers: dict[str, Floats]
    adjusters: tuple[str, ...]
    steps: Floats
    case: NDArray[np.str_]
    component: Places
    fragile: Flags
    evidence: NDArray[np.str_]
    missing: Sequence[tuple[str, ...]]
    ranks: Places | None = None

    def __post_init__(self) -> None:
        parts = [self.numbers[name] for name in ("raw", "mix", "territory", "centring")]
        here = ~np.isnan(self.numbers["adjusted"])
        gap = np.abs(np.sum(parts, axis=0) - self.numbers["adjusted"])[here]
        inner = np.abs(self.steps.sum(axis=0) - self.numbers["mix"])[here]
        wrong = np.flatnonzero(~((gap <= ADDS_UP) & (inner <= ADDS_UP)))
        if wrong.size:
            rep = int(np.flatnonzero(here)[wrong[0]])
            values = {
                name: float(self.numbers[name][rep]) for name in ("raw", "mix", "territory", "centring", "adjusted")
            }
            raise StepsDoNotAddUp(rep=self.reps[rep], item=self.item, **values)

    @property
    def shown(self) -> Flags:
        """Reps (reps,) whose score is not withheld."""
        return np.asarray(self.evidence != "withheld")

    def columns(self) -> dict[str, Any]:
        """The columns of scores.csv, None where a withheld rep's number would stand."""
        shown = self.shown
        numbers = {name: np.where(shown, self.numbers[name], np.nan) for name in NUMBERS}
        known = self.case != ""
        ranks = np.zeros((2, len(self.reps)), dtype=np.int64) if self.ranks is None else self.ranks
        return {
            "rep": list(self.reps), "item": [self.item] * len(self.reps),
            "responses": self.responses.tolist(), "customers": self.customers.tolist(),
            **{name: _optional(numbers[name]) for name in NUMBERS[:-1]},
            "case": [one or None for one in self.case.tolist()],
            "component": [one if there else None for one, there in zip(self.component.tolist(), known, strict=True)],
            "fragile": [one if there else None for one, there in zip(self.fragile.tolist(), known, strict=True)],
            "rank_low": [rank or None for rank in ranks[0].tolist()],
            "rank_high": [rank or None for rank in ranks[1].tolist()],
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
    return [None if missing else value for value, missing in zip(values.tolist(), np.isnan(values), strict=True)]
