"""Improvement plans: what is done, by when, what the company gives, how it is measured, and that the rep agrees.

Whoever falls below the standard is helped: their appraisal becomes final only once there is a plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic.dataclasses import dataclass
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey import journal
from survey.intake.cells import Code, Day, OptionalWords, Text, Words
from survey.models import Period, PlanItem, Rep
from survey.refusals import N_, Refused

MOST = 3
"""More at once than anybody can change."""


class PlanRefused(Refused):
    pass


class UnknownPlan(Refused):
    """There is no such item, or it is not this person's to agree to: the answer is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One item as it is written down; without its days it is no plan."""

    rep: Code
    item: Text
    measure: Words
    support: Words
    starts_on: Day
    due_on: Day
    metric: Words
    reward: OptionalWords = None


def write(session: Session, period: Period, rep: Rep, row: PlanRow, *, by: str, at: datetime) -> PlanItem:
    """Write one item down; it is the rep's to agree to. Raises PlanRefused for days that run backwards, for the same
    item twice and for a fourth one."""
    if row.due_on <= row.starts_on:
        raise PlanRefused(N_("The item would be due before it starts."))
    stored = session.scalars(
        select(PlanItem.item).where(PlanItem.period_id == period.id, PlanItem.rep_id == rep.id)
    ).all()
    if row.item in stored:
        raise PlanRefused(N_("This item is in the plan already."))
    if len(stored) >= MOST:
        raise PlanRefused(N_("A plan has %(most)s items at most; more at once helps nobody."), most=MOST)
    item = PlanItem(
        period_id=period.id, rep_id=rep.id, item=row.item, measure=row.measure, support=row.support,
        starts_on=row.starts_on, due_on=row.due_on, metric=row.metric, reward=row.reward, written_at=at, written_by=by,
    )  # fmt: skip
    session.add(item)
    session.flush()
    journal.record(session, "plan item written", rep.code, {"period": period.code, "item": item.id}, by=by, at=at)
    return item


def agree(session: Session, item_id: int, own: Select[Any], *, by: str, at: datetime, on: date) -> PlanItem:
    """The rep agrees to an item of their own (`own`: their rep ids). Raises UnknownPlan."""
    found = session.execute(
        select(PlanItem, Rep.code).join(Rep).where(PlanItem.id == item_id, PlanItem.rep_id.in_(own))
    ).first()
    if found is None:
        raise UnknownPlan(N_("There is no item %(id)s to agree to."), id=item_id)
    item, code = found
    if item.agreed_on is None:
        item.agreed_on = on
        journal.record(session, "plan item agreed to", code, {"item": item.id}, by=by, at=at)
    return item


def of_rep(session: Session, period: Period, rep: Rep) -> Sequence[PlanItem]:
    """The items of one rep in one period, in the order they were written."""
    return session.scalars(
        select(PlanItem).where(PlanItem.period_id == period.id, PlanItem.rep_id == rep.id).order_by(PlanItem.id)
    ).all()


def exists(session: Session, period_id: int, rep_id: int) -> bool:
    """Whether there is a plan."""
    own = select(func.count()).where(PlanItem.period_id == period_id, PlanItem.rep_id == rep_id)
    return bool(session.scalar(own))


def by_place(session: Session, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[PlanItem]]:
    """The items of several reps, by (period id, rep id)."""
    found: dict[tuple[int, int], list[PlanItem]] = defaultdict(list)
    rows = session.scalars(
        select(PlanItem)
        .where(PlanItem.period_id.in_({period for period, _ in places}), PlanItem.rep_id.in_({r for _, r in places}))
        .order_by(PlanItem.id)
    )
    for row in rows:
        found[row.period_id, row.rep_id].append(row)
    return found
