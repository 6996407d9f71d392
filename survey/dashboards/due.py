"""What is due to a rep's customers this week: visits, and greetings for the days customers are greeted on.

Shown where a scheme in force counts such things, for the customers the rep serves today. It reads days and counts; what
was said on a visit stays where it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from survey import schemes
from survey.indicators.occasions import ENGLISH, named, occasions
from survey.models.appraising import SchemeVersion
from survey.models.facts import Visit
from survey.models.roster import Assignment, Customer, Rep

WEEKLY = frozenset({"visited_customers", "helped_customers"})
GREETING = frozenset({"greeted_occasions"})
AHEAD = timedelta(days=14)
"""So long before its day an occasion is listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToVisit:
    """A customer not visited with a purpose this week; `last_on` is the last visit there was, if any."""

    code: str
    name: str
    last_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A day customers are greeted on, and to how many of them a greeting is logged already (within a fortnight)."""

    name_zh: str
    name_en: str
    on: date
    greeted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The week from `monday` to `sunday`: whom to visit, the longest not visited first, of so many `customers`; the
    occasions that come."""

    monday: date
    sunday: date
    customers: int
    to_visit: tuple[ToVisit, ...]
    occasions: tuple[Occasion, ...]

    @property
    def visited(self) -> int:
        return self.customers - len(self.to_visit)


def due(session: Session, own: Select[int], *, on: date) -> Due | None:
    """What is due in the week of a day; None where no scheme in force asks for it, or nobody is served."""
    rep = session.scalar(select(Rep).where(Rep.id.in_(own)).order_by(Rep.code).limit(1))
    asked = _asked(session, rep.position or "") if rep else frozenset()
    if rep is None or not asked & (WEEKLY | GREETING):
        return None
    customers = _served(session, rep, on)
    if not customers:
        return None
    monday = on - timedelta(days=on.weekday())
    sunday = monday + timedelta(days=6)
    visits = session.scalars(select(Visit).where(Visit.rep_id == rep.id, Visit.customer.in_(customers))).all()
    last = {visit.customer: visit.on for visit in sorted(visits, key=lambda one: one.on)}
    this_week = {one.customer for one in visits if one.purpose and monday <= one.on <= sunday}
    missing = [
        ToVisit(code=code, name=name, last_on=last.get(code))
        for code, name in customers.items()
        if code not in this_week
    ]
    coming = occasions(on, on + AHEAD) if asked & GREETING else {}
    return Due(
        monday=monday,
        sunday=sunday,
        customers=len(customers),
        to_visit=tuple(sorted(missing, key=lambda one: (one.last_on or date.min, one.name))) if asked & WEEKLY else (),
        occasions=tuple(
            Occasion(name_zh=name, name_en=ENGLISH[name], on=day, greeted=_greeted(visits, name, day))
            for name, day in sorted(coming.items(), key=lambda one: one[1])
        ),
    )


def _greeted(visits: Collection[Visit], name: str, day: date) -> int:
    return len({one.customer for one in visits if named(one.occasion) == name and abs(one.on - day) <= AHEAD})


def _asked(session: Session, position: str) -> frozenset[str]:
    """What the newest version of each adopted scheme counts for this position."""
    newest = {
        row.name: row
        for row in session.scalars(
            select(SchemeVersion).where(SchemeVersion.adopted_at.is_not(None)).order_by(SchemeVersion.version)
        )
    }
    found = (schemes.read(row.content) for row in newest.values())
    return frozenset(
        line.measure
        for scheme in found
        if not scheme.positions or position in scheme.positions
        for line in scheme.indicators
        if line.measure
    )


def _served(session: Session, rep: Rep, on: date) -> Mapping[str, str]:
    rows = session.execute(
        select(Customer.code, Customer.name)
        .join(Assignment, Assignment.customer_id == Customer.id)
        .where(
            Assignment.rep_id == rep.id,
            Assignment.served_from <= on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= on),
        )
    )
    return dict(iter(rows))
