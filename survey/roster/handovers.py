"""Reps leave, and customers go from one rep to another on a day. Both can be undone like an import."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from survey import journal
from survey.intake.changes import Changes
from survey.intake.storing import wait_for_others
from survey.models.intake import FileImport
from survey.models.roster import Assignment, Rep
from survey.refusals import N_, Refused
from survey.roster.people import rep_named, serving

KIND = "hand-over"


class HandOverRefused(Refused):
    pass


class WrongLeaving(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """How many customers went over; `number` is what to undo it by."""

    customers: int
    number: int


def leave(session: Session, code: str, *, on: date | None, by: str, at: datetime) -> Rep:
    """Note a rep's last day (or, with None, that they stay). Raises UnknownRep, WrongLeaving."""
    wait_for_others(session)
    rep = rep_named(session, code)
    if on is not None and rep.hired_on is not None and on < rep.hired_on:
        raise WrongLeaving(N_("%(name)s was hired on %(hired_on)s."), name=rep.name, hired_on=rep.hired_on)
    if rep.left_on == on:
        return rep
    rep.left_on = on
    journal.record(session, "rep left" if on else "rep stays", code, {"on": on and on.isoformat()}, by=by, at=at)
    return rep


def hand_over(
    session: Session,
    code: str,
    *,
    to: str,
    on: date,
    customers: Collection[int] | None = None,
    by: str,
    at: datetime,
) -> HandedOver:
    """From `on` another rep serves these customers (ids; None: all of them), each in the territory they are in.

    The old assignment ends the day before; one that would only begin then changes hands as it is.
    Raises UnknownRep, HandOverRefused.
    """
    wait_for_others(session)
    giving, taking = rep_named(session, code), rep_named(session, to)
    if giving.id == taking.id:
        raise HandOverRefused(N_("Choose another rep to take the customers over."))
    if taking.left_on is not None and taking.left_on < on:
        raise HandOverRefused(
            N_("%(name)s has left on %(left_on)s. Choose somebody who stays."), name=taking.name, left_on=taking.left_on
        )
    held = select(Assignment).where(Assignment.rep_id == giving.id, serving(on)).order_by(Assignment.id)
    if customers is not None:
        held = held.where(Assignment.customer_id.in_(customers))
    going = session.scalars(held.options(joinedload(Assignment.customer))).all()
    if not going:
        raise HandOverRefused(N_("%(name)s serves none of these customers on that day."), name=giving.name)
    work = _Work(session=session, taking=taking, on=on)
    for assignment in going:
        work.pass_on(assignment)
    names = {assignment.customer_id for assignment in going}
    details = {"to": to, "on": on.isoformat(), "customers": len(names)}
    number = _record(session, work.changes, f"{code} → {to}", len(going), by=by, at=at)
    journal.record(session, "customers handed over", code, {**details, "import": number}, by=by, at=at)
    return HandedOver(customers=len(names), number=number)


@dataclass(slots=True, kw_only=True)
class _Work:
    session: Session
    taking: Rep
    on: date
    changes: Changes = field(default_factory=Changes)

    def pass_on(self, assignment: Assignment) -> None:
        if assignment.served_from >= self.on:
            if self._served_already(assignment):
                raise HandOverRefused(
                    N_("%(name)s serves %(customer)s from the same day on already, so there is nothing to hand over."),
                    name=self.taking.name, customer=assignment.customer.name,
                )  # fmt: skip
            self._change(assignment, "rep_id", self.taking.id)
            return
        ends = assignment.served_to
        self._change(assignment, "served_to", self.on - timedelta(days=1))
        taken_over = Assignment(
            customer_id=assignment.customer_id, rep_id=self.taking.id, territory_id=assignment.territory_id,
            served_from=self.on, served_to=ends,
        )  # fmt: skip
        if self._served_already(taken_over):
            return
        self.session.add(taken_over)
        self.session.flush()
        self.changes.create("assignment", [taken_over.id])

    def _change(self, assignment: Assignment, name: str, value: object) -> None:
        self.changes.update("assignment", assignment.id, (name,), (getattr(assignment, name),), (value,))
        setattr(assignment, name, value)
        self.session.flush()

    def _served_already(self, new: Assignment) -> bool:
        """Does the rep who takes over serve this customer there from the same day on?"""
        same = (
            Assignment.customer_id == new.customer_id,
            Assignment.rep_id == self.taking.id,
            Assignment.territory_id == new.territory_id,
            Assignment.served_from == new.served_from,
        )
        return self.session.scalar(select(Assignment.id).where(*same)) is not None


def _record(session: Session, changes: Changes, name: str, read: int, *, by: str, at: datetime) -> int:
    created = sum(last - first + 1 for stretches in changes.created.values() for first, last in stretches)
    counts = {
        "read": read, "created": created, "updated": len(changes.updated.get("assignment", [])), "unchanged": 0,
        "refused": 0,
    }  # fmt: skip
    done = FileImport(
        kind=KIND, file_name=name, digest=hashlib.sha256(name.encode()).hexdigest(), counts=counts,
        changes=changes.record(), at=at, by=by,
    )  # fmt: skip
    session.add(done)
    session.flush()
    return done.id
