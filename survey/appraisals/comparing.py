"""Reps beside one another, within a position and a scheme: how far each indicator was attained, how sure the total is.

Nobody gets a place: reps stand by name, and a set of ranks says which ones cannot be excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.measures import composite_efficiency
from scoring.outcome import Outcome
from survey.appraisals import NotToBeSeen, Reader, place
from survey.appraisals.statement import Peers, Statement
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.roster import Rep
from survey.refusals import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One indicator of the table, with its weight."""

    code: str
    name_zh: str
    name_en: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One rep: the share of each indicator's points in per cent (None: not scored), their weighted mean over what was
    scored, and the total with its interval and band."""

    id: int
    name: str
    shares: tuple[float | None, ...]
    efficiency: float | None
    printed: str
    low: float | None
    high: float | None
    band: str
    peers: Peers | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The reps of one position, by name; `means` are those of the reps shown."""

    name: str
    rows: tuple[Compared, ...]
    means: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One period and scheme, and all the (period, scheme) there are to choose from, newest first."""

    period: str
    scheme: str
    title_zh: str
    title_en: str
    choices: tuple[tuple[str, str], ...]
    headings: tuple[Heading, ...]
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """The newest appraisals of one period and scheme with their reps' names, by name; and what there is to choose."""

    period: str
    scheme: str
    choices: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Appraisal, str], ...]


def newest_papers(
    session: Session, reader: Reader, period: str | None = None, scheme: str | None = None
) -> Papers | None:
    """The newest appraisals the reader may see, of one period and scheme; None when there are none at all.

    Raises NotToBeSeen for a period or scheme without any.
    """
    found = session.execute(
        select(Appraisal, Appraisal.number, Appraisal.revision, Rep.name, Period.code, Period.from_on)
        .join(Rep, Rep.id == Appraisal.rep_id)
        .join(Period, Period.id == Appraisal.period_id)
        .where(reader.allowed)
    )
    last = {one.number: (one.Appraisal, one.name, one.code) for one in sorted(found, key=place)}
    choices = tuple(dict.fromkeys((code, row.statement["scheme"]) for row, _, code in last.values()))
    if not choices:
        return None
    chosen = next((one for one in choices if period in (None, one[0]) and scheme in (None, one[1])), None)
    if chosen is None:
        raise NotToBeSeen(N_("There is nothing here to be seen."))
    rows = tuple((row, name) for row, name, code in last.values() if (code, row.statement["scheme"]) == chosen)
    return Papers(period=chosen[0], scheme=chosen[1], choices=choices, rows=rows)


def comparison(
    session: Session, reader: Reader, period: str | None = None, scheme: str | None = None
) -> Comparison | None:
    """The newest appraisals the reader may see, beside one another; None when there are none at all.

    Raises NotToBeSeen for a period or scheme without any.
    """
    papers = newest_papers(session, reader, period, scheme)
    if papers is None:
        return None
    rows = papers.rows
    statements = [Statement.from_record(row.statement, row.outcome) for row, _ in rows]
    newest = max(statements, key=lambda one: one.scheme_version)
    headings = tuple(
        Heading(code=one.code, name_zh=one.name_zh, name_en=one.name_en, weight=one.weight or 0.0)
        for one in newest.indicators
    )
    compared = [
        (statement.person.position, _row(row, name, statement, headings))
        for (row, name), statement in zip(rows, statements, strict=True)
    ]
    return Comparison(
        period=papers.period,
        scheme=papers.scheme,
        title_zh=newest.scheme_title_zh,
        title_en=newest.scheme_title_en,
        choices=papers.choices,
        headings=headings,
        positions=tuple(
            _position(name, [row for position, row in compared if position == name], len(headings))
            for name in sorted({position for position, _ in compared})
        ),
    )


def _position(name: str, rows: Sequence[Compared], columns: int) -> Position:
    means = tuple(_mean([row.shares[place] for row in rows]) for place in range(columns))
    return Position(name=name, rows=tuple(rows), means=means)


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [one for one in shares if one is not None]
    return sum(known) / len(known) if known else None


def _row(row: Appraisal, name: str, statement: Statement, headings: Sequence[Heading]) -> Compared:
    outcome = statement.outcome
    shares = _shares(outcome, headings)
    scored = [(one.weight, share) for one, share in zip(headings, shares, strict=True) if share is not None]
    return Compared(
        id=row.id,
        name=name,
        shares=shares,
        efficiency=composite_efficiency(*zip(*scored, strict=True)) if scored else None,
        printed=outcome.printed,
        low=outcome.low,
        high=outcome.high,
        band=row.final_band or outcome.band,
        peers=statement.peers,
    )


def _shares(outcome: Outcome, headings: Sequence[Heading]) -> tuple[float | None, ...]:
    earned = {
        one.code: 100 * one.points / one.weight
        for one in outcome.parts
        if one.kind == "indicator" and one.points is not None and one.weight
    }
    return tuple(earned.get(heading.code) for heading in headings)
