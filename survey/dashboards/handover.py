"""What the record of a rep's customer relationships holds when somebody takes over: days and counts, never what was
said, and nothing of anybody's private life. The relationship stays with the company when the rep leaves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from survey.indicators.occasions import ENGLISH, named
from survey.indicators.page import NotToBeSeen
from survey.models.facts import Visit
from survey.models.roster import Assignment, Rep
from survey.refusals import N_

RECENT = timedelta(days=365)
LATELY = timedelta(days=31)
"""Customers handed over so shortly before the last day are the leaver's still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One customer: since when and until when served, by whom from then on, and what the log of the last year counts:
    visits, those with a purpose, needs recorded, things done; `greeted` names the days of the calendar (in Chinese and
    English), `other_occasions` counts what else they were greeted for, which may be private."""

    code: str
    name: str
    since_on: date
    until_on: date | None
    successor: str
    last_on: date | None
    visits: int
    purposes: int
    needs: int
    helps: int
    greeted: tuple[tuple[str, str], ...]
    other_occasions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A rep's customers as of a day (`on`: their last one, or today), by name."""

    rep: str
    code: str
    left_on: date | None
    on: date
    rows: tuple[Relation, ...]


def hand_over(session: Session, reps: Select[int], rep_code: str, *, on: date) -> HandOver:
    """The record of one of these reps. Raises NotToBeSeen."""
    rep = session.scalar(select(Rep).where(Rep.code == rep_code, Rep.id.in_(reps)))
    if rep is None:
        raise NotToBeSeen(N_("There is nothing here to be seen."))
    day = min(on, rep.left_on or on)
    held = session.scalars(
        select(Assignment)
        .where(
            Assignment.rep_id == rep.id,
            Assignment.served_from <= day,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= day - LATELY),
        )
        .options(joinedload(Assignment.customer))
    ).all()
    visits = defaultdict(list)
    for visit in session.scalars(select(Visit).where(Visit.rep_id == rep.id, Visit.on.between(day - RECENT, day))):
        visits[visit.customer].append(visit)
    successors = _successors(session, rep, {one.customer_id for one in held}, on)
    rows = [_relation(one, visits[one.customer.code], successors.get(one.customer_id, "")) for one in held]
    return HandOver(
        rep=rep.name, code=rep.code, left_on=rep.left_on, on=day,
        rows=tuple(sorted(rows, key=lambda one: (one.name, one.code, one.since_on))),
    )  # fmt: skip


def _relation(assignment: Assignment, visits: list[Visit], successor: str) -> Relation:
    occasions = {named(one.occasion) for one in visits if one.occasion}
    return Relation(
        code=assignment.customer.code,
        name=assignment.customer.name,
        since_on=assignment.served_from,
        until_on=assignment.served_to,
        successor=successor,
        last_on=max((one.on for one in visits), default=None),
        visits=len(visits),
        purposes=sum(bool(one.purpose) for one in visits),
        needs=sum(bool(one.need) for one in visits),
        helps=sum(bool(one.help) for one in visits),
        greeted=tuple((name, ENGLISH[name]) for name in sorted(occasions & ENGLISH.keys())),
        other_occasions=len(occasions - ENGLISH.keys()),
    )


def _successors(session: Session, rep: Rep, customers: set[int], on: date) -> dict[int, str]:
    """Who else serves these customers now or from a later day, by customer id."""
    rows = session.execute(
        select(Assignment.customer_id, Rep.name)
        .join(Rep, Rep.id == Assignment.rep_id)
        .where(
            Assignment.customer_id.in_(customers), Assignment.rep_id != rep.id,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= on),
        )
        .order_by(Assignment.served_from)
    )  # fmt: skip
    return dict(iter(rows))
