"""Numbers as they are printed: rounded once, so that what stands on the page still adds up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from scoring.outcome import between, printed_parts, printed_sum

UNIT = 0.1
"""Scores and their steps are printed to one decimal."""
RASTER = (400, 200)
"""A crowd of dots is drawn on so many places across and down: closer ones could not be told apart."""


def spots(
    points: Iterable[Any], standings: Collection[str], across: str, up: str, most: float, axis: Mapping[str, float]
) -> list[str]:
    """Where on the raster points of these standings lie ("x,y"), each place once. `across` and `up` name their two
    numbers, from 0 to `most` and from `axis.low` to `axis.high`."""
    wide, high = RASTER[0] / most, RASTER[1] / (axis["high"] - axis["low"])
    top, x, y = axis["high"], attrgetter(across), attrgetter(up)
    places = {
        (round(wide * x(point)), round(high * (top - y(point)))) for point in points if point.standing in standings
    }
    return [f"{right},{down}" for right, down in sorted(places)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsAsPrinted:
    """A score's way from raw to reported, every part rounded to 0.1 and the sums exact on paper.

    `mix` is the sum of `adjusters` when those are given. `reported` and `shrinkage` are None before a run knows
    how far to trust a rep's answers.
    """

    raw: float
    mix: float
    adjusters: Mapping[str, float]
    territory: float
    centring: float
    adjusted: float
    shrinkage: float | None
    reported: float | None

    def __post_init__(self) -> None:
        total = self.raw + self.mix + self.territory + self.centring
        if abs(total - self.adjusted) > UNIT / 4:
            raise ValueError(f"printed steps add up to {total:.1f}, not to {self.adjusted:.1f}")


def steps_as_printed(
    *, raw: float, mix: float, territory: float, centring: float, adjusted: float, reported: float | None = None,
    adjusters: Mapping[str, float] | None = None,
) -> StepsAsPrinted:  # fmt: skip
    """Round a score and its steps together. Levels are rounded plainly; steps take up the difference."""
    start, end = printed_sum(raw), printed_sum(adjusted)
    of_mix, of_territory, of_centring = printed_parts((mix, territory, centring), total=between(start, end))
    named = adjusters or {}
    parts = printed_parts(tuple(named.values()), total=of_mix)
    final = None if reported is None else printed_sum(reported)
    return StepsAsPrinted(
        raw=float(start), mix=float(of_mix), territory=float(of_territory), centring=float(of_centring),
        adjusted=float(end), reported=None if final is None else float(final),
        shrinkage=None if final is None else float(between(end, final)),
        adjusters={name: float(part) for name, part in zip(named, parts, strict=True)},
    )  # fmt: skip
