"""What the same scheme said of a rep before: up to three earlier periods, and what has risen since the last of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.outcome import Outcome, Part
from survey.appraisals.statement import Earlier, Risen
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.company import Period

PERIODS = 4
"""How many a paper shows, its own included."""

MOST_RISEN = 3
_GAIN = 0.0005  # a share of the points that no printed number shows


def earlier(session: Session, period: Period, scheme: str) -> dict[int, tuple[tuple[str, Outcome], ...]]:
    """By rep id, the (period, outcome) of the last periods before this one under a scheme, oldest first; no drafts."""
    found = session.execute(
        select(Appraisal, Period.code)
        .join(Period, Period.id == Appraisal.period_id)
        .join(SchemeVersion, SchemeVersion.id == Appraisal.scheme_version_id)
        .where(SchemeVersion.name == scheme, Appraisal.state != "draft", Period.to_on < period.from_on)
        .order_by(Period.to_on, Appraisal.revision)
    )
    last: dict[int, dict[str, Appraisal]] = {}
    for row, code in found:
        last.setdefault(row.rep_id, {})[code] = row
    return {
        rep_id: tuple((code, Outcome.from_record(row.outcome)) for code, row in list(rows.items())[1 - PERIODS :])
        for rep_id, rows in last.items()
    }


def trend(before: Sequence[tuple[str, Outcome]], period: str, outcome: Outcome) -> tuple[Earlier, ...]:
    """The earlier periods and this one, as printed."""
    return tuple(_line(code, one) for code, one in (*before, (period, outcome)))


def _line(period: str, outcome: Outcome) -> Earlier:
    surveyed = [one.actual for one in outcome.parts if one.rule == "satisfaction" and one.actual is not None]
    return Earlier(
        period=period,
        printed=outcome.printed,
        low=None if outcome.low is None else round(outcome.low, 1),
        high=None if outcome.high is None else round(outcome.high, 1),
        band=outcome.band,
        satisfaction=round(surveyed[0], 1) if len(surveyed) == 1 else None,
    )


def risen(before: Sequence[tuple[str, Outcome]], outcome: Outcome) -> tuple[Risen, ...]:
    """Indicators that earn a larger share of their points than in the last period, the largest gain first."""
    if not before:
        return ()
    past, now = _earned(before[-1][1]), _earned(outcome)
    gains = {code: _share(now[code]) - _share(past[code]) for code in now if code in past}
    best = sorted((code for code, gain in gains.items() if gain > _GAIN), key=lambda code: -gains[code])
    return tuple(
        Risen(
            name_zh=now[code].name_zh, name_en=now[code].name_en, unit=now[code].unit,
            before=_shown(past[code]), now=_shown(now[code]),
        )
        for code in best[:MOST_RISEN]
    )  # fmt: skip


def _earned(outcome: Outcome) -> Mapping[str, Part]:
    return {
        one.code: one
        for one in outcome.parts
        if one.kind == "indicator" and one.points is not None and one.actual is not None
    }


def _share(part: Part) -> float:
    return (part.points or 0.0) / (part.weight or 1.0)


def _shown(part: Part) -> float:
    actual = part.actual or 0.0
    return round(actual, 1) if part.rule == "satisfaction" else actual
