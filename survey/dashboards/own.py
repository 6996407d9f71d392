"""A rep's own desk: what there is to read and to answer. It names no customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal, IndicatorFact, MonitoringNote, PlanItem
from survey.models.roster import AssignmentCheck, Objection, Rep


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of one's assignments: until when one may object, and how many objections wait for a decision."""

    period: str
    until_on: date
    open: bool
    undecided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is written down in one period: `unanswered` events have no reply yet and nobody has decided on them,
    `proposed` goals are not accepted yet,
    `planned` items of the plan are not answered."""

    period: str
    facts: int
    events: int
    unanswered: int
    proposed: int
    planned: int
    notes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The rep whose desk it is; the checks, the newest first; the periods in which something is written down, too."""

    code: str
    name: str
    checks: tuple[Check, ...]
    written: tuple[Written, ...]


def desk(session: Session, own: Select[int], *, on: date) -> Desk | None:
    """The desk of one of these reps, the first by code; None where there is none in the roster."""
    rep = session.scalar(select(Rep).where(Rep.id.in_(own)).order_by(Rep.code).limit(1))
    if rep is None:
        return None
    return Desk(code=rep.code, name=rep.name, checks=_checks(session, rep, on), written=_written(session, rep))


def _checks(session: Session, rep: Rep, on: date) -> tuple[Check, ...]:
    undecided = (
        select(func.count())
        .where(Objection.check_id == AssignmentCheck.id, Objection.rep_id == rep.id, Objection.verdict.is_(None))
        .scalar_subquery()
    )
    found = session.execute(
        select(Period.code, AssignmentCheck.until_on, undecided)
        .join(Period, Period.id == AssignmentCheck.period_id)
        .order_by(AssignmentCheck.id.desc())
    )
    return tuple(
        Check(period=code, until_on=until, open=on <= until, undecided=count)
        for code, until, count in found
        if on <= until or count
    )


def _written(session: Session, rep: Rep) -> tuple[Written, ...]:
    counts = {
        "facts": _of_period(IndicatorFact, rep),
        "events": _of_period(ConductEvent, rep),
        "unanswered": _of_period(ConductEvent, rep, ConductEvent.reply.is_(None), ConductEvent.decision == "open"),
        "proposed": _of_period(Goal, rep, Goal.accepted_on.is_(None)),
        "planned": _of_period(PlanItem, rep, PlanItem.consent.is_(None)),
        "notes": (
            select(func.count())
            .where(MonitoringNote.rep_id == rep.id, MonitoringNote.on.between(Period.from_on, Period.to_on))
            .scalar_subquery()
        ),
    }
    found = session.execute(select(Period.code, *counts.values()).order_by(Period.from_on.desc()))
    rows = (Written(period=code, **dict(zip(counts, numbers, strict=True))) for code, *numbers in found)
    return tuple(row for row in rows if row.facts or row.events or row.proposed or row.planned or row.notes)


def _of_period(model: Any, rep: Rep, *conditions: Any) -> Any:
    return (
        select(func.count()).where(model.period_id == Period.id, model.rep_id == rep.id, *conditions).scalar_subquery()
    )
