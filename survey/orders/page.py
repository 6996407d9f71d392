"""What the page of a period shows: how far it is from the first answer to the signed paper, and the work on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import orders, schemes
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.models.appraising import Appraisal
from survey.models.asking import Campaign, Invitation
from survey.models.company import Period
from survey.models.orders import WorkOrder
from survey.models.scoring import Run
from survey.runs import stored

ANSWERED = ("partial", "completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One campaign of a period: how many people it asked and how many answered."""

    code: str
    state: str
    imported: bool
    closes_on: date
    asked: int
    answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPage:
    """`evidence`: how many reps have how much of it in the last run, whose spec is the one that ships or a company's
    own (`own_spec`); `waiting`: ratings held back for the next batch. `papers`: appraisals by state, last revisions."""

    period: Period
    campaigns: tuple[Asked, ...]
    run: Run | None
    evidence: Mapping[str, int]
    waiting: int
    own_spec: bool
    adopted: tuple[schemes.Listed, ...]
    papers: Mapping[str, int]
    orders: Sequence[WorkOrder]

    @property
    def under_way(self) -> bool:
        return any(order.state in orders.UNFINISHED for order in self.orders)

    def last(self, kind: str) -> WorkOrder | None:
        """The newest work of a kind."""
        return next((order for order in self.orders if order.kind == kind), None)


def period_page(session: Session, period: Period) -> PeriodPage:
    run = stored.latest(session, period)
    return PeriodPage(
        period=period, campaigns=_campaigns(session, period), run=run,
        evidence=stored.evidence(session, run) if run else {},
        waiting=run.record.get("waiting", 0) if run else 0,
        own_spec=spec_before(session, period) is not None,
        adopted=tuple(one for one in schemes.listed(session) if one.adopted_at),
        papers=_papers(session, period), orders=orders.of_period(session, period),
    )  # fmt: skip


def spec_before(session: Session, period: Period) -> str | None:
    """The company's own spec by which this period, or else the last scored before it, was scored; none where that was
    the one that ships."""
    newest = (
        select(Run.spec)
        .join(Period, Period.id == Run.period_id)
        .where(Period.from_on <= period.from_on)
        .order_by(Period.from_on.desc(), Run.id.desc())
    )
    text = session.scalar(newest.limit(1))
    return None if text == shipped_spec() else text


def shipped_spec() -> str:
    return DEFAULT_SPEC.read_text(encoding="utf-8")


def _campaigns(session: Session, period: Period) -> tuple[Asked, ...]:
    answered = func.count().filter(Invitation.disposition.in_(ANSWERED))
    found = session.execute(
        select(Campaign, func.count(Invitation.id), answered)
        .outerjoin(Invitation, Invitation.campaign_id == Campaign.id)
        .where(Campaign.period_id == period.id)
        .group_by(Campaign.id)
        .order_by(Campaign.opens_on, Campaign.id)
    )
    return tuple(
        Asked(
            code=one.code, state=one.state, imported=one.imported, closes_on=one.closes_on, asked=asked, answered=done
        )
        for one, asked, done in found
    )  # fmt: skip


def _papers(session: Session, period: Period) -> dict[str, int]:
    """Every appraisal once, by the state of its last revision."""
    last = (
        select(Appraisal.number, func.max(Appraisal.revision).label("revision"))
        .where(Appraisal.period_id == period.id)
        .group_by(Appraisal.number)
        .subquery()
    )
    found = session.execute(
        select(Appraisal.state, func.count())
        .join(last, (last.c.number == Appraisal.number) & (last.c.revision == Appraisal.revision))
        .group_by(Appraisal.state)
    )
    return dict(iter(found))
