"""From a score sheet to an outcome: interval, bands, what may follow, and the words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from statistics import median

from scoring import bands, wording
from scoring.appraisal.parts import points_of, zero_and_full
from scoring.appraisal.sheet import NOISE, Sheet
from scoring.outcome import Outcome, Part, added, printed_parts
from scoring.scheme import Scheme
from scoring.scheme.lines import Band

_NORMAL_95 = 1.959963984540054


def _spread(sheet: Sheet) -> float | None:
    """The σ by which bands are judged: of satisfaction where the scheme surveys it once, else of the total."""
    if len(sheet.surveyed) == 1:
        return sheet.measured[0][2].reported_sd if sheet.measured else None
    return sheet.sd


def typical_spreads(sheets: Iterable[Sheet], positions: Mapping[str, str]) -> dict[str, float]:
    """The median σ by position, so that a noisy score earns no more benefit of the doubt than a usual one."""
    spreads: dict[str, list[float]] = defaultdict(list)
    for sheet in sheets:
        spread = _spread(sheet)
        if spread is not None:
            spreads[positions.get(sheet.rep, "")].append(spread)
    return {position: median(found) for position, found in spreads.items()}


def _reaches(scheme: Scheme, sheet: Sheet, spread: float | None) -> Callable[[float], float] | None:
    """P(F ≥ cut) with σ = ``spread``; None when no error was measured.

    F is the total with the points of the true score, g(θ). Whether the sheet prints g at the reported score or the
    expectation of g, the chance that F reaches a cut is that of θ reaching the score the cut needs.
    """
    if spread is None or sheet.total is None or sheet.scale is None:
        return None
    if len(sheet.surveyed) > 1:
        return bands.at_least(sheet.total, spread)
    part, indicator, score = sheet.measured[0]
    return bands.at_least_by_satisfaction(
        others=(sheet.main or 0.0) - sheet.scale * (part.points or 0.0) + sheet.deducted,
        weight=sheet.scale * indicator.weight,
        reported=score.reported or 0.0,
        sd=spread,
        **zero_and_full(scheme, indicator),
    )


def _band_under(scheme: Scheme, sheet: Sheet, policy: str) -> Band | None:
    """The band with satisfaction taken at another territory policy; None if it is unknown there."""
    if sheet.main is None or sheet.scale is None or not sheet.measured or _rating(scheme, sheet) == "not_rateable":
        return None
    moved = 0.0
    for part, indicator, score in sheet.measured:
        elsewhere: float | None = getattr(score, policy)
        if elsewhere is None:
            return None
        sd = score.reported_sd or 0.0
        moved += points_of(scheme, indicator, elsewhere, None, sd=sd) - (part.points or 0.0)
    return bands.band_at(scheme.bands, _within(sheet.main + sheet.scale * moved + sheet.deducted))


def _barred(scheme: Scheme, sheet: Sheet, *, sensitive: bool, adopted_in_time: bool) -> tuple[str, ...]:
    """Why no adverse consequence may follow: adopted late, coverage, territory, evidence or error not measured."""
    scored = [one for one in sheet.parts if one.kind == "indicator"]
    reasons = {
        "adopted_late": not adopted_in_time,
        "coverage": _rating(scheme, sheet) == "not_rateable",
        "territory": sensitive,
        "evidence": any(score is None or score.evidence != "full" for _, score in sheet.surveyed),
        "not_measured": not sheet.measured
        or any(one.sd is None for one in scored if (one.weight or 0.0) >= scheme.limits.measured_weight),
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def conclude(
    scheme: Scheme, sheet: Sheet, *, typical: float | None, digest: str, adopted_in_time: bool = True
) -> Outcome:
    """The outcome of one sheet; ``typical`` is the median σ of the rep's position, ``digest`` the scheme's hash."""
    peer, company = (_band_under(scheme, sheet, policy) for policy in ("peer", "company"))
    sensitive = peer is not None and company is not None and peer != company
    barred = _barred(scheme, sheet, sensitive=sensitive, adopted_in_time=adopted_in_time)
    printed = printed_parts([one.points for one in sheet.parts if one.points is not None])
    parts = _with_words(sheet.parts, printed if sheet.total is not None else [""] * len(printed))
    low, high = _interval(sheet)
    earned = math.fsum(one.points or 0.0 for one in sheet.parts if one.kind == "indicator")
    return Outcome(
        rep=sheet.rep,
        scheme=scheme.code,
        scheme_version=scheme.version,
        scheme_hash=digest,
        total=sheet.total,
        printed=added(one.printed for one in parts if one.printed) if sheet.total is not None else "",
        main=sheet.main,
        main_printed=_main_printed(parts) if sheet.main is not None else "",
        low=low,
        high=high,
        sd=sheet.sd,
        if_zero=_within(earned + sheet.deducted),
        if_full=_within(earned + sheet.dropped + sheet.deducted),
        coverage=sheet.coverage,
        rating=_rating(scheme, sheet),
        **asdict(_verdict(scheme, sheet, typical, ends=(peer, company) if sensitive else (), barred=bool(barred))),
        adverse_barred=barred,
        territory_sensitive=sensitive,
        peer_band=peer.code if peer else "",
        company_band=company.code if company else "",
        parts=parts,
    )


def _verdict(
    scheme: Scheme, sheet: Sheet, typical: float | None, *, ends: Sequence[Band | None], barred: bool
) -> bands.Verdict:
    """The proposal; between the territory policies' bands ``ends``, if they differ, the more favourable."""
    if sheet.total is None or _rating(scheme, sheet) == "not_rateable":
        return bands.Verdict()
    spread = _spread(sheet)
    thin = any(one.evidence == "thin" for one in sheet.parts)
    calm = None if thin or spread is None or typical is None else min(spread, typical)
    favourable = max((one for one in ends if one is not None), key=lambda one: one.cut, default=None)
    return bands.verdict(
        scheme.bands,
        scheme.limits,
        band=favourable or bands.band_at(scheme.bands, sheet.total),
        reaches=_reaches(scheme, sheet, spread),
        reaches_calmly=_reaches(scheme, sheet, calm),
        adverse_barred=barred,
    )


def _rating(scheme: Scheme, sheet: Sheet) -> str:
    if sheet.total is None or sheet.coverage < scheme.limits.rateable - NOISE:
        return "not_rateable"
    return "rated" if sheet.coverage >= scheme.limits.complete - NOISE else "flagged"


def _within(total: float) -> float:
    return min(100.0, max(0.0, total))


def _interval(sheet: Sheet) -> tuple[float | None, float | None]:
    """The 95 % interval of the total, inside 0–100; None where no error was measured."""
    if sheet.total is None or sheet.sd is None:
        return None, None
    return _within(sheet.total - _NORMAL_95 * sheet.sd), _within(sheet.total + _NORMAL_95 * sheet.sd)


def _main_printed(parts: Sequence[Part]) -> str:
    return added(one.printed for one in parts if one.printed and one.kind in ("indicator", "reweighting"))


def _with_words(parts: Sequence[Part], printed: Sequence[str]) -> tuple[Part, ...]:
    """The parts with their printed amounts, and each indicator's sentence with the amount it prints."""
    shown = iter(printed)
    worded = []
    for part in parts:
        text = next(shown) if part.points is not None else ""
        why = part.why_zh, part.why_en
        if part.kind == "indicator" and not part.missing:
            why = wording.why_indicator(
                part.rule, part.working, unit=part.unit, weight=part.weight or 0.0, printed=text
            )
        worded.append(replace(part, printed=text, why_zh=why[0], why_en=why[1]))
    return tuple(worded)
