"""Sales from one period to the next as they are drawn: what new and what existing customers brought."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scoring.outcome import Part, printed_parts, printed_sum

_CENTS = 2
_MOST_STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A scale of round steps."""

    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Amounts to the cent, which add up as printed: `last` + `from_new` + `from_existing` = `current`. `new` and
    `existing` are the same in percent of the last period, to 0.1, and add up to `total`."""

    last: float
    from_new: float
    from_existing: float
    current: float
    new: float
    existing: float
    total: float

    @property
    def axis(self) -> Axis:
        return axis_around((self.last, self.last + self.from_new, self.current))


def grown(parts: Iterable[Part]) -> Grown | None:
    """The growth told beside one of an appraisal's indicators; None where none tells it."""
    for part in parts:
        beside: Mapping[str, float] = part.working.get("beside", {})
        if "from_new" in beside:
            return grown_from(beside)
    return None


def grown_from(beside: Mapping[str, float]) -> Grown:
    """What `scoring.asides.growth_split` told, as it is printed."""
    last, current, from_new = (round(beside[name], _CENTS) for name in ("last_sales", "sales", "from_new"))
    total = printed_sum(beside["new"] + beside["existing"])
    new, existing = printed_parts([beside["new"], beside["existing"]], total=total)
    return Grown(
        last=last, from_new=from_new, from_existing=round(current - last - from_new, _CENTS), current=current,
        new=float(new), existing=float(existing), total=float(total),
    )  # fmt: skip


def axis_around(amounts: Iterable[float]) -> Axis:
    """The scale that holds some amounts in six round steps at most: 1, 2 or 5 times a power of ten."""
    found = tuple(amounts)
    low, high = min(found), max(found)
    widest = (high - low or abs(high) or 1.0) / _MOST_STEPS
    power = 10.0 ** math.floor(math.log10(widest))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= widest)
    first, last = math.floor(low / step), math.ceil(high / step)
    last += first == last
    return Axis(low=first * step, high=last * step, ticks=tuple(place * step for place in range(first, last + 1)))
