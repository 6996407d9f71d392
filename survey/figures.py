"""Numbers as they are printed: rounded once, so that what stands on the page still adds up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

UNIT = 0.1
"""Scores and their steps are printed to one decimal."""


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
    start, end = round(raw, 1), round(adjusted, 1)
    mix, territory, centring = parts_as_printed((mix, territory, centring), end - start)
    named = adjusters or {}
    parts = parts_as_printed(tuple(named.values()), mix)
    final = None if reported is None else round(reported, 1)
    return StepsAsPrinted(
        raw=start, mix=mix, territory=territory, centring=centring, adjusted=end, reported=final,
        shrinkage=None if final is None else round(final - end, 1), adjusters=dict(zip(named, parts, strict=True)),
    )  # fmt: skip


def parts_as_printed(parts: tuple[float, ...], total: float, unit: float = UNIT) -> tuple[float, ...]:
    """Round parts to multiples of `unit` so that they add up to the rounded total (largest remainders first).

    Every part stays within one unit of its true value as long as the parts add up to the total within rounding.
    """
    if not parts:
        return ()
    scaled = [part / unit for part in parts]
    floors = [math.floor(value) for value in scaled]
    missing = round(total / unit) - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda i: floors[i] - scaled[i])
    each, extra = divmod(missing, len(parts))
    for place, i in enumerate(by_remainder):
        floors[i] += each + (place < extra)
    digits = max(0, -math.floor(math.log10(unit)))
    return tuple(round(value * unit, digits) for value in floors)
