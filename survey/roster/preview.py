"""What an import would do, entry by entry: for a person to look at before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.intake.changes import Changes
from survey.intake.rows import Report
from survey.intake.sheet import Sheet
from survey.models import Assignment, Contact, Customer, Rep, ReportingLine, Territory
from survey.roster import files

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


def preview(session: Session, kind: str, sheet: Sheet, *, on: date, by: str, at: datetime) -> Preview:
    """Do the import with all its rows that are right, and tell what it did. The caller rolls it back.

    Raises what `files.take_in` raises.
    """
    report = files.take_in(session, kind, sheet, valid_rows=True, on=on, by=by, at=at)
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
        if ids:
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


_NAMED: dict[str, tuple[Any, Callable[[], Any]]] = {
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
}
