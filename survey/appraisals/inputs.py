"""What an appraisal is drawn up from: a period's facts, its events, and the scores of its last run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from scoring.facts import Event
from scoring.scheme import Scheme
from survey.appraisals.aims import tenure
from survey.appraisals.measured import names
from survey.appraisals.statement import Causes, Person
from survey.indicators import diagnoses
from survey.models.company import Period
from survey.models.facts import ConductEvent
from survey.models.roster import Assignment, Rep, ReportingLine, Territory
from survey.models.scoring import RepScore, Run
from survey.refusals import N_, Refused
from survey.users import User


class UnknownRep(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScore:
    """A stored score as an appraisal reads it, with the rep's code for a name."""

    rep: str
    item: str
    evidence: str
    responses: int
    customers: int
    raw: float | None
    mix: float | None
    territory: float | None
    centring: float | None
    adjusted: float | None
    reliability: float | None
    reported: float | None
    reported_sd: float | None
    peer: float | None
    company: float | None


def rep_of(session: Session, code: str) -> Rep:
    """The rep of this code. Raises UnknownRep."""
    rep = session.scalar(select(Rep).where(Rep.code == code))
    if rep is None:
        raise UnknownRep(N_("There is no rep %(rep)s."), rep=code)
    return rep


def events(session: Session, period: Period, scheme: Scheme) -> list[Event]:
    """The period's events. A multiplier of 1 leaves it to the scheme to say how often an event counts; what expired by
    the period's last day costs nothing, whenever the appraisal is drawn up."""
    known = names(scheme.deductions)
    found = session.execute(select(ConductEvent, Rep.code).join(Rep).where(ConductEvent.period_id == period.id))
    return [
        Event(
            rep=rep, category=known.get(event.category.casefold(), event.category), on=event.on.isoformat(),
            points=event.points, fact=event.fact, evidence=event.evidence or "",
            multiplier=None if event.multiplier == 1 else event.multiplier, in_survey=event.in_survey,
            overturned=event.decision == "overturned", reply=event.reply or "",
            expired=event.expires_on is not None and event.expires_on <= period.to_on,
        )
        for event, rep in found
    ]  # fmt: skip


def causes(session: Session, period: Period) -> dict[int, Causes]:
    """The diagnoses of repeated losses, by rep id."""
    named = diagnoses.CAUSES
    return {
        rep: Causes(
            number=diagnoses.number(row), losses=tuple(row.losses),
            causes_zh=tuple(named[code][0] for code in row.causes),
            causes_en=tuple(named[code][1] for code in row.causes), exempted=row.exempted,
            approved_by=row.approved_by or "",
        )
        for rep, row in diagnoses.of_period(session, period).items()
    }  # fmt: skip


def scores(session: Session, run: Run) -> dict[tuple[str, str], RepScore]:
    """What a run says of every rep, by (rep, item)."""
    found = session.execute(select(RepScore, Rep.code).join(Rep).where(RepScore.run_id == run.id))
    return {(rep, row.item): row for row, rep in found}


def as_read(rep: str, row: RepScore) -> StoredScore:
    return StoredScore(
        rep=rep, item=row.item, evidence=row.evidence, responses=row.responses or 0, customers=row.customers or 0,
        raw=row.raw, mix=row.mix, territory=row.territory, centring=row.centring, adjusted=row.adjusted,
        reliability=row.reliability, reported=row.reported, reported_sd=row.reported_sd, peer=row.peer,
        company=row.company,
    )  # fmt: skip


def people(session: Session, period: Period, reps: Iterable[Rep]) -> dict[int, Person]:
    """The head of each rep's appraisal, by rep id, as of the period's last day."""
    territories, managers = _territories(session, period), _managers(session, period)
    return {
        rep.id: Person(
            code=rep.code, name=rep.name, position=rep.position or "", territories=territories.get(rep.id, ()),
            tenure_months=tenure(rep.hired_on, period.to_on), manager=managers.get(rep.id, ""),
        )
        for rep in reps
    }  # fmt: skip


def _territories(session: Session, period: Period) -> dict[int, tuple[str, ...]]:
    served = session.execute(
        select(Assignment.rep_id, Territory.name)
        .join(Territory, Territory.id == Assignment.territory_id)
        .where(
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .distinct()
        .order_by(Territory.name)
    )
    names: dict[int, tuple[str, ...]] = {}
    for rep_id, name in served:
        names[rep_id] = (*names.get(rep_id, ()), name)
    return names


def _managers(session: Session, period: Period) -> dict[int, str]:
    """Each rep's last manager up to the period's end, by name where the address belongs to somebody we know.

    A roster that came in after the period knows no earlier manager than its first: that one stands.
    """
    lines = session.execute(
        select(ReportingLine.rep_id, ReportingLine.manager_email, ReportingLine.since_on).order_by(
            ReportingLine.since_on, ReportingLine.id
        )
    ).all()
    named = {
        str(email).lower(): name
        for person in (User, Rep)
        for email, name in session.execute(select(person.email, person.name).where(person.email.is_not(None)))
    }
    in_time = {rep_id: email for rep_id, email, since in lines if since <= period.to_on}
    first = {rep_id: email for rep_id, email, _since in reversed(lines)}
    return {rep_id: named.get(email.lower(), email) for rep_id, email in (first | in_time).items()}


def manager_addresses(session: Session, rep: Rep, *, since: date) -> frozenset[str]:
    """Everyone who managed a rep from `since` on, directly or through others, in small letters."""
    found: frozenset[str] = frozenset()
    below = select(Rep.id).where(Rep.id == rep.id)
    while True:
        above = session.scalars(
            select(func.lower(ReportingLine.manager_email)).where(
                ReportingLine.rep_id.in_(below),
                or_(ReportingLine.until_on.is_(None), ReportingLine.until_on > since),
            )
        )
        new = frozenset(above) - found
        if not new:
            return found
        found |= new
        below = select(Rep.id).where(func.lower(Rep.email).in_(new))
