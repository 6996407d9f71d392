"""What may be said of a difference. Pages read this without the arithmetic that found it (`scoring.contrasts`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FALSE_DISCOVERIES = 0.05
"""The share of named differences that may be false."""

Verdict = Literal["above", "below", "cannot be told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A difference in points with its standard error, 95 % interval, and interval-null p."""

    difference: float
    se: float
    df: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> Verdict:
        """What may be said of this one difference."""
        return verdict(self.difference, self.p)


def verdict(difference: float, p: float) -> Verdict:
    """What may be said of a difference whose p, or adjusted p, is this."""
    if not p <= FALSE_DISCOVERIES:
        return "cannot be told apart"
    return "above" if difference > 0 else "below"
