"""What an import would do, entry by entry: for a person to look at before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.intake.changes import Changes
from survey.intake.rows import Report
from survey.models.asking import Campaign
from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal, IndicatorFact, MonitoringNote, Project, ProjectStage, Sale, Visit
from survey.models.roster import Assignment, Contact, Customer, Rep, ReportingLine, Territory

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry that would change: `columns` maps each changed column to what it holds and what it would hold."""

    table: str
    label: str
    columns: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The report as it would be, the first changed entries, and the first new ones by table."""

    report: Report
    changes: tuple[Change, ...]
    created: Mapping[str, tuple[str, ...]]


def preview(session: Session, report: Report) -> Preview:
    """What an import that was just done did. The caller rolls it back."""
    return Preview(report=report, changes=_changes(session, report.changes), created=_created(session, report.changes))


def _changes(session: Session, changes: Changes) -> tuple[Change, ...]:
    every = ((table, update) for table, updates in changes.updated.items() for update in updates)
    first = list(islice(every, MOST_SHOWN))
    labels = {table: _labels(session, table, [update.id for of, update in first if of == table]) for table, _ in first}
    return tuple(
        Change(
            table=table,
            label=labels[table].get(update.id, ""),
            columns={name: (update.before[name], update.after[name]) for name in update.after},
        )
        for table, update in first
    )


def _created(session: Session, changes: Changes) -> dict[str, tuple[str, ...]]:
    found = {}
    for table, stretches in changes.created.items():
        ids = list(islice(chain.from_iterable(range(one, last + 1) for one, last in stretches), MOST_SHOWN))
        if ids and table in _NAMED:
            found[table] = tuple(_labels(session, table, ids).values())
    return found


def _labels(session: Session, table: str, ids: Iterable[int]) -> dict[int, str]:
    """What people call these entries."""
    if table not in _NAMED:
        return {}
    model, question = _NAMED[table]
    rows = session.execute(question().where(model.id.in_(list(ids))).order_by(model.id))
    return {row[0]: " · ".join(str(part) for part in row[1:]) for row in rows}


def _by_code(model: Any) -> tuple[Any, Callable[[], Any]]:
    return model, lambda: select(model.id, model.code, model.name)


def _of_a_rep(model: Any, *columns: Any) -> tuple[Any, Callable[[], Any]]:
    return model, lambda: select(model.id, Rep.code, *columns).join(Rep, Rep.id == model.rep_id)


_NAMED: dict[str, tuple[Any, Callable[[], Any]]] = {
    "campaign": (Campaign, lambda: select(Campaign.id, Campaign.code)),
    "territory": _by_code(Territory),
    "rep": _by_code(Rep),
    "customer": _by_code(Customer),
    "contact": (
        Contact,
        lambda: select(Contact.id, Customer.code, Contact.name).join(Customer, Customer.id == Contact.customer_id),
    ),
    "assignment": (
        Assignment,
        lambda: (
            select(Assignment.id, Customer.code, Rep.code, Territory.code, Assignment.served_from)
            .join(Customer, Customer.id == Assignment.customer_id)
            .join(Rep, Rep.id == Assignment.rep_id)
            .join(Territory, Territory.id == Assignment.territory_id)
        ),
    ),
    "reporting_line": (
        ReportingLine,
        lambda: select(ReportingLine.id, Rep.code, ReportingLine.manager_email).join(
            Rep, Rep.id == ReportingLine.rep_id
        ),
    ),
    "indicator_fact": (
        IndicatorFact,
        lambda: (
            select(IndicatorFact.id, Period.code, Rep.code, IndicatorFact.indicator)
            .join(Period, Period.id == IndicatorFact.period_id)
            .join(Rep, Rep.id == IndicatorFact.rep_id)
        ),
    ),
    "conduct_event": _of_a_rep(ConductEvent, ConductEvent.on, ConductEvent.category),
    "goal": _of_a_rep(Goal, Goal.text),
    "visit": _of_a_rep(Visit, Visit.on, Visit.customer),
    "sale": (
        Sale,
        lambda: select(Sale.id, Sale.number, Customer.code, Sale.on).join(Customer, Customer.id == Sale.customer_id),
    ),
    "monitoring_note": _of_a_rep(MonitoringNote, MonitoringNote.on, MonitoringNote.source),
    "project": _by_code(Project),
    "project_stage": (
        ProjectStage,
        lambda: select(ProjectStage.id, Project.code, ProjectStage.stage).join(
            Project, Project.id == ProjectStage.project_id
        ),
    ),
}
