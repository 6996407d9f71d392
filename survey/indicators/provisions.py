"""What the company owes a rep and what it gave: trainings, exams, sharing sessions, resources, each with its days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator
from pydantic.dataclasses import dataclass
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.intake.cells import Code, OptionalDay, OptionalNumber, OptionalText, Text, UnfitCell, on_one_line
from survey.models.company import Period
from survey.models.facts import Provision
from survey.models.roster import Rep
from survey.refusals import N_, Refused

KINDS = {
    "training": ("培训", "training"),
    "exam": ("考试", "exam"),
    "sharing": ("分享会", "sharing session"),
    "resource": ("资源", "resource"),
}


class ProvisionRefused(Refused):
    pass


class UnknownProvision(Refused):
    """There is no such entry, or it is not this person's to see: the answer is the same."""


def _kind(raw: str) -> str:
    text = on_one_line(raw)
    if text not in KINDS:
        raise UnfitCell(N_("Choose what kind it is."))
    return text


def _hours(value: float | None) -> float | None:
    if value is not None and not 0 < value <= 1000:
        raise UnfitCell(N_("Give hours above zero."))
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionRow:
    """One thing owed (`due_on`) or given (`done_on`)."""

    rep: Code
    kind: Annotated[str, PlainValidator(_kind)]
    what: Text
    hours: Annotated[OptionalNumber, AfterValidator(_hours)] = None
    result: OptionalText = None
    due_on: OptionalDay = None
    done_on: OptionalDay = None
    given_by: OptionalText = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneRow:
    """When it was given, and what an exam came to."""

    rep: Code
    done_on: OptionalDay = None
    result: OptionalText = None


def write(session: Session, rep: Rep, row: ProvisionRow, *, on: date, by: str, at: datetime) -> Provision:
    """Write down what is owed or was given. Raises ProvisionRefused without any day, and for a day to come on which it
    was given."""
    if row.due_on is None and row.done_on is None:
        raise ProvisionRefused(N_("Say when it is due, or when it was given."))
    _check_past(row.done_on, on)
    entry = Provision(
        rep_id=rep.id, kind=row.kind, what=row.what, hours=row.hours, result=row.result, due_on=row.due_on,
        done_on=row.done_on, given_by=row.given_by, written_at=at, written_by=by,
    )  # fmt: skip
    session.add(entry)
    session.flush()
    journal.record(session, "provision written", rep.code, {"provision": entry.id, "kind": row.kind}, by=by, at=at)
    return entry


def give(
    session: Session, provision_id: int, reps: Select[Any], row: DoneRow, *, reason: str, by: str, at: datetime,
    on: date,
) -> Provision:  # fmt: skip
    """Write down when it was given, and its result; what stands already is corrected with a reason.

    Raises UnknownProvision, ProvisionRefused, ReasonMissing.
    """
    found = session.execute(
        select(Provision, Rep.code).join(Rep).where(Provision.id == provision_id, Provision.rep_id.in_(reps))
    ).first()
    if found is None:
        raise UnknownProvision(N_("There is no entry %(id)s to be seen."), id=provision_id)
    entry, code = found
    _check_past(row.done_on, on)
    told = {
        name: value
        for name in ("done_on", "result")
        if (value := getattr(row, name)) is not None and value != getattr(entry, name)
    }
    if not told:
        raise ProvisionRefused(N_("Nothing new is written here."))
    standing = {name: value for name, value in told.items() if getattr(entry, name) is not None}
    if standing:
        revisions.correct(session, entry, standing, reason=reason, by=by, at=at)
    for name, value in told.items():
        setattr(entry, name, value)
    journal.record(session, "provision given", code, {"provision": entry.id}, by=by, at=at)
    return entry


def _check_past(day: date | None, today: date) -> None:
    if day is not None and day > today:
        raise ProvisionRefused(N_("It cannot have been given on a day to come."))


def of_reps(session: Session, period: Period, reps: Collection[int]) -> Sequence[Provision]:
    """What was given to these reps (ids) or fell due in a period, and what was owed before and not given by its first
    day."""
    in_period = or_(
        Provision.done_on.between(period.from_on, period.to_on),
        and_(Provision.due_on <= period.to_on, or_(Provision.done_on.is_(None), Provision.done_on >= period.from_on)),
    )
    return session.scalars(
        select(Provision)
        .where(Provision.rep_id.in_(reps), in_period)
        .order_by(Provision.rep_id, Provision.due_on, Provision.done_on, Provision.id)
    ).all()


def trained(session: Session, period: Period) -> dict[int, float]:
    """The hours of training that were given in a period, by rep id; who had none is not in it."""
    rows = session.execute(
        select(Provision.rep_id, func.sum(Provision.hours))
        .where(
            Provision.kind == "training",
            Provision.hours.is_not(None),
            Provision.done_on.between(period.from_on, period.to_on),
        )
        .group_by(Provision.rep_id)
    )
    return {rep: hours or 0.0 for rep, hours in rows}
