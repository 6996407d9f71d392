"""What waits for the reviewers: results that should be there to be read, and appraisals that wait for a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.appraising import Appraisal
from survey.models.asking import Campaign
from survey.models.company import Period
from survey.models.facts import ConductEvent
from survey.models.scoring import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscored:
    """A campaign that has closed and whose period was not scored since, though it was due by `due_on`."""

    campaign: str
    period: str
    closed_on: date
    due_on: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Appraisals of a period that wait longer than results should; `events` of it are not reviewed."""

    period: str
    appraisals: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`within` is how many days results may take."""

    within: int
    unscored: tuple[Unscored, ...]
    undecided: tuple[Undecided, ...]


def waiting(session: Session, *, within: int, on: date, at: datetime) -> Waiting:
    """What is overdue on a day (`on`) and hour (`at`)."""
    return Waiting(
        within=within, unscored=_unscored(session, within, on), undecided=_undecided(session, at - timedelta(within))
    )


def _unscored(session: Session, within: int, on: date) -> tuple[Unscored, ...]:
    last_run = select(func.max(Run.created_at)).where(Run.period_id == Campaign.period_id).scalar_subquery()
    closed = session.execute(
        select(Campaign.code, Period.code, Campaign.closes_on, last_run)
        .join(Period, Period.id == Campaign.period_id)
        .where(Campaign.closes_on < on - timedelta(within), Campaign.state.in_(("open", "closed")))
        .order_by(Campaign.closes_on, Campaign.code)
    )
    return tuple(
        Unscored(
            campaign=code, period=period, closed_on=closes_on, due_on=closes_on + timedelta(within),
            days=(on - closes_on).days - within,
        )
        for code, period, closes_on, run in closed
        if run is None or run.date() <= closes_on
    )  # fmt: skip


def _undecided(session: Session, before: datetime) -> tuple[Undecided, ...]:
    newest = select(func.max(Appraisal.id)).group_by(Appraisal.number)
    papers = dict(
        iter(
            session.execute(
                select(Appraisal.period_id, func.count())
                .where(Appraisal.state == "proposed", Appraisal.drawn_up_at < before, Appraisal.id.in_(newest))
                .group_by(Appraisal.period_id)
            )
        )
    )
    events = dict(
        iter(
            session.execute(
                select(ConductEvent.period_id, func.count())
                .where(ConductEvent.decision == "open")
                .group_by(ConductEvent.period_id)
            )
        )
    )
    periods = session.execute(
        select(Period.id, Period.code).where(Period.id.in_(papers | events)).order_by(Period.from_on)
    )
    return tuple(
        Undecided(period=code, appraisals=papers.get(number, 0), events=events.get(number, 0))
        for number, code in periods
    )
