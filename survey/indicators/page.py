"""What is written down about reps in a period, as people read it: one line a rep, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from scoring.targets import too_ambitious
from survey import names
from survey.indicators import diagnoses, provisions, revisions
from survey.indicators.notes import SOURCES
from survey.indicators.revisions import Old
from survey.models.company import Period
from survey.models.facts import (
    ConductEvent,
    FairTarget,
    Goal,
    IndicatorFact,
    LossDiagnosis,
    MonitoringNote,
    Project,
    Provision,
    Visit,
)
from survey.models.roster import Rep
from survey.refusals import N_, Refused

LATEST = 10
"""How many visits are listed, of all that are counted."""


class NotToBeSeen(Refused):
    """There is no such rep or period, or it is not this person's to see: the answer is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How much is written down about one rep; `open_events` wait for a reviewer."""

    rep: int
    code: str
    name: str
    facts: int
    events: int
    open_events: int
    goals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One accepted goal of a rep beside what came of it; `share` is done over planned, in per cent."""

    code: str
    name: str
    text: str
    unit: str
    target: float
    done: float | None
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Every rep the person may see, by name, in one of the periods, and their goals beside the results. Without periods
    there are no rows."""

    periods: tuple[str, ...]
    period: str | None
    rows: tuple[Counted, ...]
    planned: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored entry with what it held before, newest first."""

    row: Any
    old: tuple[Old, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepPage:
    """Everything about one rep in one period. `sources` counts the notes by where they come from.

    `diagnosis` is there when customers were lost again and again; `ambitious` are the ids of goals more than two
    standard errors above what the territory lets one expect.
    """

    rep: Rep
    period: Period
    periods: tuple[str, ...]
    facts: tuple[Entry, ...]
    events: tuple[Entry, ...]
    goals: tuple[Entry, ...]
    notes: tuple[MonitoringNote, ...]
    provisions: tuple[Provision, ...]
    trained: float
    sources: Mapping[str, int]
    visits: int
    first_visit: date | None
    last_visit: date | None
    latest: Sequence[Visit]
    projects: tuple[Project, ...]
    diagnosis: LossDiagnosis | None
    ambitious: frozenset[int]


def list_page(session: Session, reps: Select[Any], period_code: str | None) -> ListPage:
    """What is written down about everybody. Raises NotToBeSeen for an unknown period."""
    periods = _periods(session)
    if not periods:
        return ListPage(periods=(), period=None, rows=())
    period = _chosen(periods, period_code)
    counts = {
        name: _counts(session, model, period, *conditions)
        for name, model, conditions in (
            ("facts", IndicatorFact, ()),
            ("events", ConductEvent, ()),
            ("open_events", ConductEvent, (ConductEvent.decision == "open",)),
            ("goals", Goal, ()),
        )
    }
    people = names.by_name(session.execute(select(Rep.id, Rep.code, Rep.name).where(Rep.id.in_(reps))))
    return ListPage(
        periods=tuple(one.code for one in periods),
        period=period.code,
        rows=tuple(
            Counted(rep=rep, code=code, name=name, **{kind: of_kind.get(rep, 0) for kind, of_kind in counts.items()})
            for rep, code, name in people
        ),
        planned=_planned(session, reps, period),
    )


def _planned(session: Session, reps: Select[Any], period: Period) -> tuple[Planned, ...]:
    rows = session.execute(
        select(Goal, Rep.code, Rep.name)
        .join(Rep)
        .where(Goal.period_id == period.id, Goal.accepted_on.is_not(None), Goal.rep_id.in_(reps))
        .order_by(Goal.due_on, Goal.id)
    )
    planned = (
        Planned(
            code=code, name=name, text=goal.text, unit=goal.unit, target=goal.target, done=goal.done,
            share=None if goal.done is None or not goal.target else 100 * goal.done / goal.target,
        )
        for goal, code, name in rows
    )  # fmt: skip
    return tuple(names.by_name(planned))


def _counts(session: Session, model: Any, period: Period, *conditions: Any) -> dict[int, int]:
    found = session.execute(
        select(model.rep_id, func.count()).where(model.period_id == period.id, *conditions).group_by(model.rep_id)
    )
    return dict(iter(found))


def place(session: Session, reps: Select[Any], rep_code: str, period_code: str | None) -> tuple[Rep, Period]:
    """A rep among these and a period (the newest where none is named). Raises NotToBeSeen."""
    rep = session.scalar(select(Rep).where(Rep.code == rep_code, Rep.id.in_(reps)))
    periods = _periods(session)
    if rep is None or not periods:
        raise _not_to_be_seen()
    return rep, _chosen(periods, period_code)


def rep_page(session: Session, reps: Select[Any], rep_code: str, period_code: str | None) -> RepPage:
    """Everything about one rep in one period. Raises NotToBeSeen."""
    rep, period = place(session, reps, rep_code, period_code)
    of_rep = {
        model: session.scalars(
            select(model).where(model.period_id == period.id, model.rep_id == rep.id).order_by(*order)
        ).all()
        for model, order in (
            (IndicatorFact, (IndicatorFact.indicator,)),
            (ConductEvent, (ConductEvent.on, ConductEvent.id)),
            (Goal, (Goal.due_on, Goal.id)),
        )
    }  # type: Mapping[Any, Sequence[Any]]
    days = (Visit.rep_id == rep.id, Visit.on.between(period.from_on, period.to_on))
    visits, first, last = session.execute(
        select(func.count(), func.min(Visit.on), func.max(Visit.on)).where(*days)
    ).one()
    notes = session.scalars(
        select(MonitoringNote)
        .where(MonitoringNote.rep_id == rep.id, MonitoringNote.on.between(period.from_on, period.to_on))
        .order_by(MonitoringNote.on.desc(), MonitoringNote.id)
    ).all()
    given = provisions.of_reps(session, period, [rep.id])
    projects = session.scalars(
        select(Project).where(Project.rep_id == rep.id).options(selectinload(Project.stages)).order_by(Project.code)
    ).all()
    return RepPage(
        rep=rep,
        period=period,
        periods=tuple(one.code for one in _periods(session)),
        facts=_entries(session, IndicatorFact, of_rep[IndicatorFact]),
        events=_entries(session, ConductEvent, of_rep[ConductEvent]),
        goals=_entries(session, Goal, of_rep[Goal]),
        notes=tuple(notes),
        provisions=tuple(given),
        trained=provisions.trained(session, period).get(rep.id, 0.0),
        sources={source: sum(note.source == source for note in notes) for source in SOURCES},
        visits=visits,
        first_visit=first,
        last_visit=last,
        latest=session.scalars(
            select(Visit).where(*days).order_by(Visit.on.desc(), Visit.id.desc()).limit(LATEST)
        ).all(),
        projects=tuple(projects),
        diagnosis=diagnoses.of_period(session, period).get(rep.id),
        ambitious=_ambitious(session, rep, period, of_rep[Goal]),
    )


def _ambitious(session: Session, rep: Rep, period: Period, goals: Sequence[Goal]) -> frozenset[int]:
    fair = {
        row.indicator: row
        for row in session.scalars(
            select(FairTarget).where(FairTarget.period_id == period.id, FairTarget.rep_id == rep.id)
        )
    }
    found = ((goal, fair.get(goal.indicator or "")) for goal in goals)
    return frozenset(
        goal.id
        for goal, row in found
        if row is not None and row.se_log is not None
        and too_ambitious(goal.target, adjusted=row.adjusted, se_log=row.se_log)
    )  # fmt: skip


def _entries(session: Session, model: Any, rows: Sequence[Any]) -> tuple[Entry, ...]:
    old = revisions.history(session, model, [row.id for row in rows])
    return tuple(Entry(row=row, old=old.get(row.id, ())) for row in rows)


def _periods(session: Session) -> Sequence[Period]:
    return session.scalars(select(Period).order_by(Period.from_on.desc())).all()


def _chosen(periods: Sequence[Period], code: str | None) -> Period:
    found = next((one for one in periods if code in (None, one.code)), None)
    if found is None:
        raise _not_to_be_seen()
    return found


def _not_to_be_seen() -> NotToBeSeen:
    return NotToBeSeen(N_("There is nothing here to be seen."))
