"""A rep's own summary of a period: what was reached, what was hard, what would help.

A draft is the rep's alone. Once sent, the manager and the reviewers read it, and the paper prints it; the rep may send
it again until their appraisal is final, and what stood before is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import PlainValidator
from pydantic.dataclasses import dataclass
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.intake.cells import Code, UnfitCell, no_longer_than, words
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.facts import SelfSummary
from survey.models.roster import Rep
from survey.refusals import N_, Refused

LONGEST = 300
"""Three of these fill the half of a page that they are printed on."""
EARLY = timedelta(days=14)
"""So long before a period's last day its summary may be begun."""
ASKED_FOR = timedelta(weeks=12)
"""So long after a period it is still asked for."""


class SummaryRefused(Refused):
    pass


def _part(raw: str) -> str:
    found = words(raw)
    if not found:
        raise UnfitCell(N_("Write a few words here."))
    return no_longer_than(LONGEST, found)


Part = Annotated[str, PlainValidator(_part)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """Its three parts."""

    rep: Code
    reached: Part
    hard: Part
    better: Part


def write(
    session: Session, period: Period, rep: Rep, row: SummaryRow, *, send: bool, by: str, at: datetime, on: date
) -> SelfSummary:
    """Keep a summary as a draft, or send it. What was sent stays sent. Raises SummaryRefused long before the period's
    end, and once the appraisal is final."""
    if on < period.to_on - EARLY:
        raise SummaryRefused(
            N_("The summary of %(period)s is written from %(day)s on."),
            period=period.code, day=period.to_on - EARLY,
        )  # fmt: skip
    if is_final(session, period, rep):
        raise SummaryRefused(N_("Your appraisal of %(period)s is final; nothing is added to it."), period=period.code)
    values = {"reached": row.reached, "hard": row.hard, "better": row.better}
    summary = of_rep(session, period, rep)
    if summary is None:
        summary = SelfSummary(period_id=period.id, rep_id=rep.id, written_at=at, **values)
        session.add(summary)
    elif summary.sent_at is not None and not revisions.correct(
        session, summary, values, reason="sent again", by=by, at=at
    ):
        return summary
    for name, value in values.items():
        setattr(summary, name, value)
    summary.written_at = at
    if send or summary.sent_at is not None:
        summary.sent_at = at
        session.flush()
        journal.record(session, "self-summary sent", rep.code, {"period": period.code}, by=by, at=at)
    return summary


def is_open(session: Session, period: Period, rep: Rep, *, on: date) -> bool:
    """May the rep write it now?"""
    return on >= period.to_on - EARLY and not is_final(session, period, rep)


def is_final(session: Session, period: Period, rep: Rep) -> bool:
    """Has a reviewer decided on this rep's appraisal?"""
    decided = select(Appraisal.id).where(
        Appraisal.period_id == period.id, Appraisal.rep_id == rep.id, Appraisal.state == "final"
    )
    return session.scalar(decided.limit(1)) is not None


def of_rep(session: Session, period: Period, rep: Rep) -> SelfSummary | None:
    """What there is, a draft too: for the rep alone."""
    return session.scalar(select(SelfSummary).where(SelfSummary.period_id == period.id, SelfSummary.rep_id == rep.id))


def sent(session: Session, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], SelfSummary]:
    """The summaries that were sent, by (period id, rep id)."""
    rows = session.scalars(
        select(SelfSummary).where(
            SelfSummary.sent_at.is_not(None),
            SelfSummary.period_id.in_({period for period, _ in places}),
            SelfSummary.rep_id.in_({rep for _, rep in places}),
        )
    )
    return {(row.period_id, row.rep_id): row for row in rows}


def waiting(session: Session, own: Select[Any], *, on: date) -> str:
    """The period whose summary these reps' owner is to write now: the newest that has ended or nearly has, not sent
    and not decided on; "" where there is none."""
    period = session.scalar(select(Period).where(Period.to_on <= on + EARLY).order_by(Period.to_on.desc()).limit(1))
    rep = session.scalar(select(Rep).where(Rep.id.in_(own)).order_by(Rep.code).limit(1))
    if period is None or rep is None or period.to_on < on - ASKED_FOR:
        return ""
    written = of_rep(session, period, rep)
    if (written and written.sent_at) or is_final(session, period, rep):
        return ""
    return period.code
