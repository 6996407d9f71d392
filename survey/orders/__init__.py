"""Long work that somebody asks for on a page and a worker does: scoring, drawing up, printing everything, backing up.

The rows are the truth, as with letters: a worker takes one for a while (a lease) and says again and again that it is at
it. One that died lets its lease run out, and the next worker begins anew; after a third try the work counts as failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec, SpecRefused
from survey import journal, schemes
from survey.appraisals import NothingDrawnUp
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.orders import WorkOrder
from survey.refusals import N_, Refused, kept
from survey.runs import stored

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 3
KEPT = timedelta(days=1)
"""How long what was printed lies ready."""
LARGEST_SPEC = 64 * 1024
UNFINISHED = ("waiting", "begun")


class UnderWay(Refused):
    pass


class UnfitSpec(Refused):
    """The spec has mistakes; `problems` names every one."""


class Interrupted(Refused):
    pass


class UnknownOrder(Refused):
    pass


def score(session: Session, period: Period, spec: str, *, by: str, at: datetime) -> WorkOrder:
    """Have a period scored by this spec. Raises UnderWay, UnfitSpec."""
    try:
        AdjustmentSpec.from_toml(spec)
    except SpecRefused as refusal:
        raise UnfitSpec(refusal.sentence, **refusal.values) from None
    return _ask(session, "score", period, {"spec": spec}, by=by, at=at)


def appraise(session: Session, period: Period, scheme: str, *, draft: bool, by: str, at: datetime) -> WorkOrder:
    """Have the appraisals of a period drawn up under the version of a scheme that is in force.

    Raises UnderWay, UnknownScheme, NotAdopted, NoRun when the scheme needs scores and there are none.
    """
    version = schemes.in_force(session, scheme, period.from_on)
    if stored.latest(session, period) is None and any(one.survey for one in schemes.read(version.content).indicators):
        raise stored.NoRun(N_("Score %(period)s first: this scheme counts satisfaction."), period=period.code)
    told = {"scheme": version.name, "version": version.version, "draft": draft}
    return _ask(session, "appraise", period, told, by=by, at=at)


def print_all(session: Session, period: Period, language: str, *, by: str, at: datetime) -> WorkOrder:
    """Have every appraisal of a period printed. Raises UnderWay, NothingDrawnUp."""
    if session.scalar(select(Appraisal.id).where(Appraisal.period_id == period.id).limit(1)) is None:
        raise NothingDrawnUp(N_("Nothing was drawn up for %(period)s yet."), period=period.code)
    return _ask(session, "print", period, {"language": language}, by=by, at=at)


def back_up(session: Session, *, by: str, at: datetime) -> WorkOrder:
    """Have everything backed up. Raises UnderWay."""
    return _ask(session, "backup", None, {}, by=by, at=at)


def _ask(
    session: Session, kind: str, period: Period | None, told: Mapping[str, Any], *, by: str, at: datetime
) -> WorkOrder:
    same = select(WorkOrder.id).where(
        WorkOrder.kind == kind,
        WorkOrder.period_id == (period.id if period else None),
        WorkOrder.state.in_(UNFINISHED),
    )
    if session.scalar(same.limit(1)) is not None:
        raise UnderWay(N_("This is under way already. Wait until it is done."))
    order = WorkOrder(kind=kind, period=period, told=dict(told), state="waiting", asked_at=at, asked_by=by)
    session.add(order)
    session.flush()
    journal.record(session, f"{kind} asked for", order.period_code, {"order": order.id}, by=by, at=at)
    return order


def named(session: Session, number: int) -> WorkOrder:
    """Raises UnknownOrder."""
    order = session.get(WorkOrder, number, populate_existing=True)
    if order is None:
        raise UnknownOrder(N_("There is no such work."))
    return order


def of_period(session: Session, period: Period) -> Sequence[WorkOrder]:
    """What was asked for of a period, the newest first."""
    return session.scalars(
        select(WorkOrder).where(WorkOrder.period_id == period.id).order_by(WorkOrder.id.desc()).limit(12)
    ).all()


def newest(session: Session, kind: str) -> WorkOrder | None:
    """What was asked for last of one kind, whatever it is about."""
    return session.scalar(select(WorkOrder).where(WorkOrder.kind == kind).order_by(WorkOrder.id.desc()).limit(1))


# -- the worker's side ------------------------------------------------------------------------------------------


def due(session: Session, *, at: datetime) -> bool:
    """Is there anything to begin?"""
    return session.scalar(_waiting(at).with_only_columns(WorkOrder.id).limit(1)) is not None


def claim(session: Session, *, at: datetime) -> WorkOrder | None:
    """Take the next order that waits, or whose worker is gone. One begun three times in vain ends as failed."""
    while (order := _next(session, at)) is not None:
        if order.attempts < MOST_ATTEMPTS:
            order.state, order.begun_at, order.lease_until = "begun", at, at + LEASE
            order.attempts += 1
            order.done = order.total = None
            return order
        fail(
            order, Interrupted(N_("It was begun three times and never came to its end. Is there enough memory?")), at=at
        )
        session.flush()
    return None


def _next(session: Session, at: datetime) -> WorkOrder | None:
    first = _waiting(at).order_by(WorkOrder.id).limit(1)
    return session.scalar(first.with_for_update(skip_locked=True).execution_options(populate_existing=True))


def _waiting(at: datetime) -> Select[WorkOrder]:
    left_behind = (WorkOrder.state == "begun") & (WorkOrder.lease_until < at)
    return select(WorkOrder).where(or_(WorkOrder.state == "waiting", left_behind))


def hold(order: WorkOrder, at: datetime) -> None:
    """Its worker is still at it."""
    if order.state == "begun":
        order.lease_until = at + LEASE


def put_back(order: WorkOrder, _at: datetime) -> None:
    """A worker that stops leaves it to the next; that was no attempt of the work's."""
    if order.state == "begun":
        order.state, order.lease_until = "waiting", None
        order.attempts -= 1


def drop(order: WorkOrder, _at: datetime) -> None:
    """The process that did it died: somebody may try again at once."""
    if order.state == "begun":
        order.state, order.lease_until = "waiting", None


def finish(order: WorkOrder, came_of: Mapping[str, Any], *, at: datetime) -> None:
    order.state, order.ended_at, order.lease_until = "done", at, None
    order.came_of = dict(came_of)


def fail(order: WorkOrder, refusal: Refused, *, at: datetime) -> None:
    order.state, order.ended_at, order.lease_until = "failed", at, None
    order.refusals = [kept(one) for one in (refusal.problems or (refusal,))]
