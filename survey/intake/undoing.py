"""Undoing an import: what it created goes, what it changed returns, unless something rests on it by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session, undefer

from survey import journal
from survey.database import Base
from survey.intake.changes import Changes, Stretch, Update, recorded
from survey.intake.storing import BATCH, wait_for_others
from survey.models.appraising import Appraisal
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.facts import ConductEvent, IndicatorFact, Revision
from survey.models.intake import FileImport
from survey.models.roster import Assignment, Contact, Customer
from survey.models.scoring import Run
from survey.refusals import N_, Refused

LONGEST_LIST = 50


class UnknownImport(Refused):
    pass


class CannotUndo(Refused):
    """The import was undone before, or something rests on it."""


def imports(session: Session) -> Sequence[FileImport]:
    """The newest imports first."""
    return session.scalars(select(FileImport).order_by(FileImport.id.desc()).limit(LONGEST_LIST)).all()


def named(session: Session, number: int) -> FileImport:
    """Raises UnknownImport."""
    done = session.get(FileImport, number)
    if done is None:
        raise UnknownImport(N_("There is no import %(number)s."), number=number)
    return done


def undo(session: Session, number: int, *, by: str, at: datetime) -> FileImport:
    """Take an import back, all of it. Raises UnknownImport, CannotUndo."""
    wait_for_others(session)
    done = session.get(FileImport, number, options=[undefer(FileImport.changes)], populate_existing=True)
    if done is None:
        raise UnknownImport(N_("There is no import %(number)s."), number=number)
    if done.undone_at:
        raise CannotUndo(N_("Import %(number)s was undone already, by %(by)s."), number=number, by=done.undone_by)
    changes = recorded(done.changes)
    _refuse_if_changed_since(session, changes)
    _refuse_if_later_work_changed(session, changes, after=number)
    _refuse_if_used(session, changes)
    _refuse_if_asked_since(session, changes, since=done.at)
    _refuse_if_appraised_since(session, changes, since=done.at)
    _refuse_if_scored_since(session, changes, since=done.at)
    _restore(session, changes, number, by=by, at=at)
    _remove(session, changes)
    session.expire_all()
    done.undone_at, done.undone_by = at, by
    journal.record(session, "import undone", done.kind, {"import": number, "sha256": done.digest}, by=by, at=at)
    return done


def reversed_changes(undone: FileImport) -> Changes:
    """What taking an import back did to the rows it had changed."""
    updated = {
        table: [Update(id=one.id, before=one.after, after=one.before) for one in updates]
        for table, updates in recorded(undone.changes).updated.items()
    }
    return Changes(updated=updated)


def _table(name: str) -> Table:
    return Base.metadata.tables[name]


def _within(column: Any, stretches: Sequence[Stretch]) -> ColumnElement[bool]:
    return or_(*(column.between(first, last) for first, last in stretches))


def _touched(changes: Changes, model: Any) -> Iterator[ColumnElement[bool]]:
    """Conditions that together find every row of a table the import created or changed."""
    name = model.__tablename__
    for stretches in _pieces(changes.created.get(name, []), 200):
        yield _within(model.id, stretches)
    for batch in _pieces([one.id for one in changes.updated.get(name, [])], BATCH):
        yield model.id.in_(batch)


def _pieces(entries: Sequence[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(entries)
    while batch := list(islice(remaining, size)):
        yield batch


def _refuse_if_changed_since(session: Session, changes: Changes) -> None:
    for name, updates in changes.updated.items():
        table = _table(name)
        for batch in _pieces(updates, BATCH):
            now_held = {
                row["id"]: row
                for row in session.execute(select(table).where(table.c.id.in_([one.id for one in batch]))).mappings()
            }
            for one in batch:
                row = now_held.get(one.id)
                if row is None or any(row[column] != _value(table, column, one.after[column]) for column in one.after):
                    raise CannotUndo(
                        N_("An entry this import changed was changed again since. Correct it by another import.")
                    )


def _refuse_if_later_work_changed(session: Session, changes: Changes, *, after: int) -> None:
    """What this import created may have been changed by a later one, or corrected by a person."""
    later = select(FileImport.changes).where(FileImport.id > after, FileImport.undone_at.is_(None))
    touched = {
        (name, one.id)
        for record in session.scalars(later)
        for name, updates in recorded(record).updated.items()
        for one in updates
    }
    touched |= {(kind, id_) for kind, id_ in session.execute(select(Revision.kind, Revision.entry_id))}
    for name, id_ in touched:
        if any(first <= id_ <= last for first, last in changes.created.get(name, [])):
            raise CannotUndo(N_("An entry this import brought was changed since. It stays."))


def _refuse_if_used(session: Session, changes: Changes) -> None:
    """Rows that point to a created row, and were not created with it, would be left hanging."""
    for name, stretches in changes.created.items():
        for other in Base.metadata.sorted_tables:
            own = changes.created.get(other.name, [])
            for column in other.columns:
                if not any(key.column.table.name == name for key in column.foreign_keys):
                    continue
                for some in _pieces(stretches, 200):
                    points = select(func.count()).select_from(other).where(_within(column, some))
                    count = session.scalar(points.where(~_within(other.c.id, own)) if own else points)
                    if count:
                        raise CannotUndo(
                            N_("%(count)s later entries rest on what this import brought. It stays."), count=count
                        )


def _refuse_if_asked_since(session: Session, changes: Changes, *, since: datetime) -> None:
    """Whom a campaign asked, and about whom, followed from the roster as it was then."""
    asked = (
        select(Invitation.customer_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(Invitation.created_at >= since, Campaign.imported.is_(False))
    )
    for model, customer in (
        (Customer, Customer.id),
        (Contact, Contact.customer_id),
        (Assignment, Assignment.customer_id),
    ):
        for some in _touched(changes, model):
            if session.scalar(select(model.id).where(some, customer.in_(asked)).limit(1)):
                raise CannotUndo(N_("Customers of this import were invited since. It stays."))


def _refuse_if_appraised_since(session: Session, changes: Changes, *, since: datetime) -> None:
    for model in (IndicatorFact, ConductEvent):
        for some in _touched(changes, model):
            same = and_(Appraisal.period_id == model.period_id, Appraisal.rep_id == model.rep_id)
            appraised = select(model.id).join(Appraisal, same).where(some, Appraisal.drawn_up_at >= since)
            if session.scalar(appraised.limit(1)):
                raise CannotUndo(N_("Appraisals were drawn up from this import since. It stays."))


def _refuse_if_scored_since(session: Session, changes: Changes, *, since: datetime) -> None:
    for some in _touched(changes, Subject):
        scored = (
            select(Run.id)
            .join(Campaign, Campaign.period_id == Run.period_id)
            .join(Invitation, Invitation.campaign_id == Campaign.id)
            .join(Subject, Subject.invitation_id == Invitation.id)
            .where(some, Run.created_at >= since)
        )
        if session.scalar(scored.limit(1)):
            raise CannotUndo(N_("The answers of this import were scored since. It stays."))


def _restore(session: Session, changes: Changes, number: int, *, by: str, at: datetime) -> None:
    models = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
    for name, updates in changes.updated.items():
        table = _table(name)
        rows = [
            {"id": one.id} | {column: _value(table, column, value) for column, value in one.before.items()}
            for one in updates
        ]
        for batch in _pieces(rows, BATCH):
            session.execute(update(models[name]), batch)
        _note_again(session, name, updates, number, by=by, at=at)


def _note_again(session: Session, name: str, updates: Sequence[Update], number: int, *, by: str, at: datetime) -> None:
    """Where corrections keep the old value, taking one back is one more of them."""
    corrected = set(session.scalars(select(Revision.entry_id).where(Revision.kind == name)))
    rows = [
        {
            "kind": name, "entry_id": one.id, "before": one.after, "reason": f"import {number} undone", "by": by,
            "at": at,
        }
        for one in updates
        if one.id in corrected
    ]  # fmt: skip
    if rows:
        session.execute(insert(Revision), rows)


def _remove(session: Session, changes: Changes) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        for some in _pieces(changes.created.get(table.name, []), 200):
            session.execute(delete(table).where(_within(table.c.id, some)))


def _value(table: Table, column: str, kept: Any) -> Any:
    """What stands in the record as it stands in the column: days are kept as text."""
    of_days = table.c[column].type.python_type is date
    return date.fromisoformat(kept) if of_days and isinstance(kept, str) else kept
