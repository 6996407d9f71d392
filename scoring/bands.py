"""From a total and its uncertainty to a band: how probable each one is, and what may follow from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scoring.scheme.lines import Band, Limits

_NOISE = 9  # decimals: a total of 79.99999999999999 is 80


def band_at(bands: Sequence[Band], total: float) -> Band:
    """The band that holds ``total``: from its cut up to the next one's."""
    return next(band for band in bands if round(total, _NOISE) >= band.cut)


def at_least(total: float, sd: float) -> Callable[[float], float]:
    """P(F ≥ c) = Φ((F − c)/σ) as a function of the cut c, for a total with several uncertain indicators."""
    return lambda cut: _phi(total - cut, sd)


def at_least_by_satisfaction(
    *, others: float, weight: float, reported: float, sd: float, zero_at: float, full_at: float
) -> Callable[[float], float]:
    """P(F ≥ c) where satisfaction alone is uncertain: Φ((θ − t)/sd), t = L + (c − F_o)(T − L)/w.

    ``others`` is F_o, the other indicators' points less deductions, ``weight`` w the satisfaction points to be had,
    both after reweighting. 1 if c ≤ F_o, 0 if c > F_o + w: satisfaction can neither lose nor win that cut.
    """

    def probability(cut: float) -> float:
        needed = round(cut - others, _NOISE)
        if needed <= 0:
            return 1.0
        if needed > round(weight, _NOISE):
            return 0.0
        return _phi(reported - (zero_at + needed * (full_at - zero_at) / weight), sd)

    return probability


def _phi(distance: float, sd: float) -> float:
    if sd == 0:
        return 1.0 if round(distance, _NOISE) >= 0 else 0.0
    return 0.5 * math.erfc(-distance / sd / math.sqrt(2))


def probabilities(bands: Sequence[Band], reaches: Callable[[float], float]) -> tuple[float, ...]:
    """P of each band, highest first, from P(F ≥ cut); they sum to 1."""
    reached = [reaches(band.cut) for band in bands[:-1]] + [1.0]
    return tuple(here - above for here, above in zip(reached, [0.0, *reached[:-1]], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is proposed to the reviewer; all empty for a rep who cannot be rated.

    ``band`` with its ``band_probability`` (None: no error was measured) among ``bands``, (code, probability) from
    the highest; ``neighbour``, the likelier adjacent band, when one band alone would claim too much;
    ``reward_band``, which a reward may use; ``adverse_band``, the worst that may have an adverse consequence
    (empty: none).
    """

    band: str = ""
    band_probability: float | None = None
    bands: tuple[tuple[str, float], ...] = ()
    neighbour: str = ""
    neighbour_probability: float | None = None
    reward_band: str = ""
    adverse_band: str = ""


def verdict(
    bands: Sequence[Band],
    limits: Limits,
    *,
    band: Band,
    reaches: Callable[[float], float] | None,
    reaches_calmly: Callable[[float], float] | None,
    adverse_barred: bool,
) -> Verdict:
    """The proposal for a total in ``band``.

    ``reaches`` is P(F ≥ cut), None when no error was measured; ``reaches_calmly`` the same with σ no larger than the
    median of the position, so that noise earns nothing (None: no benefit of the doubt).
    """
    if reaches is None:
        return Verdict(band=band.code, reward_band=band.code)
    chances = probabilities(bands, reaches)
    place = bands.index(band)
    second = None
    if chances[place] < limits.single_band:
        adjacent = [other for other in (place - 1, place + 1) if 0 <= other < len(bands)]
        second = max(adjacent, key=lambda other: chances[other], default=None)
    higher = place if second is None else min(place, second)
    doubt = reaches_calmly is not None and probabilities(bands, reaches_calmly)[higher] >= limits.benefit
    return Verdict(
        band=band.code,
        band_probability=chances[place],
        bands=tuple((one.code, chance) for one, chance in zip(bands, chances, strict=True)),
        neighbour="" if second is None else bands[second].code,
        neighbour_probability=None if second is None else chances[second],
        reward_band=bands[higher].code if doubt else band.code,
        adverse_band="" if adverse_barred else _worst_sure(bands, limits, reaches),
    )


def _worst_sure(bands: Sequence[Band], limits: Limits, reaches: Callable[[float], float]) -> str:
    """The worst adverse band whose upper cut the total misses surely enough."""
    sure = [
        lower.code
        for upper, lower in itertools.pairwise(bands)
        if lower.adverse and 1 - reaches(upper.cut) >= limits.adverse
    ]
    return sure[-1] if sure else ""
