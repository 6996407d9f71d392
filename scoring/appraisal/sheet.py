"""One rep's score sheet: every part in order, rescaled, summed and capped, before bands and words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.appraisal.parts import deduction_part, fact_part, special_row, surveyed_part
from scoring.facts import Event, Fact, Surveyed
from scoring.outcome import Part
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator

NOISE = 1e-9  # what sums of floats may differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One rep's parts before printing, and what the band is judged by. ``scale`` rescales for missing indicators."""

    rep: str
    parts: tuple[Part, ...]
    surveyed: tuple[tuple[Indicator, Surveyed | None], ...]
    scale: float | None
    main: float | None
    deducted: float
    total: float | None
    coverage: float
    sd: float | None
    dropped: float

    @property
    def measured(self) -> list[tuple[Part, Indicator, Surveyed]]:
        """The satisfaction parts that have points."""
        by_code = {one.code: (one, score) for one, score in self.surveyed if score is not None}
        return [(one, *by_code[one.code]) for one in self.parts if one.points is not None and one.code in by_code]


def filled(
    scheme: Scheme,
    rep: str,
    *,
    facts: Mapping[str, Fact],
    scores: Mapping[str, Surveyed],
    averages: Mapping[str, float],
    events: Sequence[Event],
) -> Sheet:
    """The sheet of ``rep``; facts, scores and the items' averages by indicator code."""
    indicators = tuple(
        surveyed_part(scheme, one, scores.get(one.code), averages.get(one.code))
        if one.survey
        else fact_part(scheme, one, facts.get(one.code))
        for one in scheme.indicators
    )
    scored = [one for one in indicators if one.points is not None]
    measured = any(one.sd is not None for one in scored)
    deductions = tuple(deduction_part(one, events, measured=measured) for one in scheme.deductions)
    weights = math.fsum(one.weight for one in scheme.indicators)
    held = math.fsum(one.weight or 0.0 for one in scored)
    covered = math.fsum(one.weight or 0.0 for one in scored if one.covered)
    earned = math.fsum(one.points or 0.0 for one in scored)
    scale = weights / held if held else None
    main = scale * earned if scale is not None else None
    deducted = math.fsum(one.points or 0.0 for one in deductions)
    relief = max(0.0, -scheme.deduction_cap - deducted)
    total = min(100.0, max(0.0, main + deducted + relief)) if main is not None else None
    parts = [*indicators]
    if main is not None and held < weights - NOISE:
        parts.append(special_row("reweighting", main - earned, earned=earned, weight=held, main=main))
    parts += deductions
    if relief:
        parts.append(special_row("total_cap", relief, cap=scheme.deduction_cap))
    if main is not None and total is not None and abs(total - main - deducted - relief) > NOISE:
        parts.append(special_row("limit", total - main - deducted - relief, total=total))
    spreads = [one.sd for one in scored if one.sd is not None]
    return Sheet(
        rep=rep,
        parts=tuple(parts),
        surveyed=tuple((one, scores.get(one.code)) for one in scheme.indicators if one.survey),
        scale=scale,
        main=main,
        deducted=deducted + relief,
        total=total,
        coverage=covered / weights,
        # Items of one survey share their customers: without the covariance, the largest it can be is assumed.
        sd=scale * math.fsum(spreads) if scale is not None and spreads else None,
        dropped=weights - held,
    )
