"""The team page: reps by name, never by rank."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from survey.dashboards.shown import Choice, ShownScore, as_shown, look_up, means_of, territories_of
from survey.models import Period, Rep, RepScore


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    code: str
    name: str
    territories: tuple[str, ...]
    score: ShownScore


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPage:
    """Reps by name. `mean` is of all shown reps of the company, weighted as the run weighs them."""

    choice: Choice
    rows: tuple[TeamRow, ...]
    mean: float | None


def team_page(session: Session, viewer_reps: Select[int], period: str | None, item: str | None) -> TeamPage:
    """The viewer's reps in one period and dimension (the newest scored period and the composite unless told).

    Raises NotToBeSeen for a period or dimension that does not exist.
    """
    shown = look_up(session, period, item)
    if shown.run is None:
        return TeamPage(choice=shown.choice, rows=(), mean=None)
    of_item = and_(RepScore.rep_id == Rep.id, RepScore.run_id == shown.run.id, RepScore.item == shown.choice.item)
    found = session.execute(
        select(Rep, RepScore)
        .outerjoin(RepScore, of_item)
        .where(Rep.id.in_(viewer_reps), or_(RepScore.id.is_not(None), _employed_in(shown.run.period)))
    ).all()
    territories = territories_of(session, shown.run.period, viewer_reps)
    rows = [
        TeamRow(code=rep.code, name=rep.name, territories=territories[rep.id], score=as_shown(score))
        for rep, score in found
    ]
    means = means_of(session, shown.run, shown.spec)
    return TeamPage(
        choice=shown.choice,
        rows=tuple(sorted(rows, key=lambda row: (row.name, row.code))),
        mean=means.get(str(shown.choice.item)),
    )


def _employed_in(period: Period) -> ColumnElement[bool]:
    return and_(
        or_(Rep.hired_on.is_(None), Rep.hired_on <= period.to_on),
        or_(Rep.left_on.is_(None), Rep.left_on >= period.from_on),
    )
