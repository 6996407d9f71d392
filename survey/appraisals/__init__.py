"""Appraisals: drawn up from stored scores and facts (`drawing`), read as statements, decided by a person.

The person who decides sees what the scheme proposes and why. They may choose another band with a reason; no one can
change a point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from survey import journal, names, plans
from survey.appraisals.beside import Beside
from survey.appraisals.inputs import manager_addresses, rep_of
from survey.appraisals.statement import Decision, Paper, Standing, Statement, journaled_as, snapshot_hash
from survey.models.appraising import Appraisal
from survey.models.company import JournalEntry, Period
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster import periods

PAGE = 50
"""Appraisals on one page of their list."""
REVIEWERS_READ = frozenset({"draft", "proposed", "final"})
MANAGERS_READ = frozenset({"proposed", "final"})
REPS_READ = frozenset({"final"})


class NotToBeSeen(Refused):
    """There is no such appraisal, or it is not this person's to see: the answer is the same."""


class NothingDrawnUp(Refused):
    pass


class NotProposed(Refused):
    pass


class NotASecondPerson(Refused):
    pass


class UnknownBand(Refused):
    pass


class ReasonMissing(Refused):
    pass


class PlanMissing(Refused):
    """Below the standard without a plan: whoever falls short is helped first."""


class StatementChanged(Refused):
    """What is stored is not what was drawn up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads: whose appraisals (`reps`, ids), in which states, and which of them are the reader's own (`email`),
    which they see once they are final."""

    reps: Select[int]
    states: frozenset[str]
    email: str

    @property
    def allowed(self) -> ColumnElement[bool]:
        own = func.lower(Rep.email) == self.email.lower()
        of_others = and_(Appraisal.state.in_(self.states), or_(Rep.email.is_(None), ~own))
        return and_(Appraisal.rep_id.in_(self.reps), or_(of_others, Appraisal.state.in_(REPS_READ)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list of appraisals."""

    id: int
    number: str
    revision: int
    period: str
    rep: str
    name: str
    scheme_zh: str
    scheme_en: str
    state: str
    printed: str
    proposed_band: str
    final_band: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of the list, which page of how many, and how many appraisals there are in all."""

    rows: tuple[Row, ...]
    page: int
    pages: int
    total: int


def listed(session: Session, reader: Reader, period: str | None = None, *, page: int = 1) -> Listing:
    """The last revision the reader may see of every appraisal: newest period first, then by name."""
    found = session.execute(
        select(Appraisal.number, Appraisal.id, Appraisal.revision, Rep.name, Period.from_on)
        .join(Rep, Rep.id == Appraisal.rep_id)
        .join(Period, Period.id == Appraisal.period_id)
        .where(reader.allowed, *([Period.code == period] if period else []))
    )
    last = list({row.number: row.id for row in sorted(found, key=place)}.values())
    pages = max(1, -(-len(last) // PAGE))
    page = max(1, min(page, pages))
    here = last[(page - 1) * PAGE : page * PAGE]
    rows = session.execute(
        select(Appraisal, Rep, Period)
        .join(Rep, Rep.id == Appraisal.rep_id)
        .join(Period, Period.id == Appraisal.period_id)
        .where(Appraisal.id.in_(here))
    )
    shown = {row.id: _row(row, rep, of) for row, rep, of in rows}
    return Listing(rows=tuple(shown[id_] for id_ in here), page=page, pages=pages, total=len(last))


def place(row: Any) -> tuple[Any, ...]:
    """Where a row belongs in a list: newest period first, then by name, then revision by revision."""
    return -row.from_on.toordinal(), names.sort_key(row.name), row.number, row.revision


def _row(row: Appraisal, rep: Rep, of: Period) -> Row:
    return Row(
        id=row.id, number=row.number, revision=row.revision, period=of.code, rep=rep.code, name=rep.name,
        scheme_zh=row.statement["scheme_title_zh"], scheme_en=row.statement["scheme_title_en"],
        state=row.state, printed=row.outcome["printed"], proposed_band=row.band or "", final_band=row.final_band,
    )  # fmt: skip


def paper(session: Session, appraisal_id: int, reader: Reader) -> Paper:
    """One appraisal with everything its pages print. Raises NotToBeSeen, StatementChanged."""
    row = session.scalar(select(Appraisal).join(Rep).where(Appraisal.id == appraisal_id, reader.allowed))
    if row is None:
        raise NotToBeSeen(N_("There is no appraisal %(id)s to be seen."), id=appraisal_id)
    return _papers(session, [row])[0]


def papers(session: Session, period_code: str, rep_code: str | None = None) -> tuple[Paper, ...]:
    """The last revision of every appraisal of a period, or of one rep's, by number.

    Raises UnknownPeriod, UnknownRep, NothingDrawnUp, StatementChanged.
    """
    period = periods.find(session, period_code)
    of_rep = [Appraisal.rep_id == rep_of(session, rep_code).id] if rep_code is not None else []
    rows = session.scalars(
        select(Appraisal)
        .where(Appraisal.period_id == period.id, *of_rep)
        .order_by(Appraisal.number, Appraisal.revision)
    )
    last = {row.number: row for row in rows}
    if not last:
        raise NothingDrawnUp(N_("Nothing was drawn up for %(period)s yet: evenhand appraise."), period=period.code)
    return _papers(session, last.values())


def _papers(session: Session, rows: Iterable[Appraisal]) -> tuple[Paper, ...]:
    chosen = list(rows)
    anchors = _anchors(session, [journaled_as(row.number, row.revision) for row in chosen])
    newest = _newest(session, {row.number for row in chosen})
    beside = Beside(session, chosen)
    return tuple(
        Paper(
            statement=_statement(row),
            standing=_standing(row, anchors.get(journaled_as(row.number, row.revision)), newest[row.number], beside),
        )
        for row in chosen
    )


def _newest(session: Session, numbers: Collection[str]) -> dict[str, int]:
    """The last revision of each appraisal."""
    found = session.execute(
        select(Appraisal.number, func.max(Appraisal.revision))
        .where(Appraisal.number.in_(numbers))
        .group_by(Appraisal.number)
    )
    return dict(iter(found))


def _anchors(session: Session, subjects: list[str]) -> dict[str, str]:
    """The hash of the last journal line about each of these appraisals: it covers every line before it."""
    lines = session.execute(
        select(JournalEntry.subject, JournalEntry.hash)
        .where(JournalEntry.subject.in_(subjects))
        .order_by(JournalEntry.id)
    )
    return dict(iter(lines))


def _statement(row: Appraisal) -> Statement:
    if snapshot_hash(row.statement, row.outcome) != row.snapshot_hash:
        raise _changed(row)
    return Statement.from_record(row.statement, row.outcome)


def _changed(row: Appraisal) -> StatementChanged:
    return StatementChanged(
        N_("%(number)s was changed after it was drawn up; it cannot be shown. Restore it from a backup."),
        number=row.number,
    )


def _standing(row: Appraisal, anchor: str | None, newest: int, beside: Beside) -> Standing:
    if anchor is None:  # nothing is drawn up without a line in the journal
        raise _changed(row)
    decision = None
    if row.finalised_at is not None:
        decision = Decision(
            band=row.final_band or "", reason=row.final_reason or "", by=row.finalised_by or "", at=row.finalised_at
        )
    return Standing(
        id=row.id, state=row.state, replaced_by=newest if newest > row.revision else None,
        snapshot=row.snapshot_hash, anchor=anchor, drawn_up_at=row.drawn_up_at, drawn_up_by=row.drawn_up_by,
        decision=decision, **beside.of(row),
    )  # fmt: skip


def finalise(session: Session, appraisal_id: int, *, band: str, reason: str, by: str, at: datetime) -> Appraisal:
    """A named reviewer decides the band of a proposed appraisal. Points stay as they are.

    `band` is a band of the scheme; where none is proposed because too little is covered, none may be given. Another
    band than the proposed one needs a reason; a band below the standard, an improvement plan. The reviewer is neither
    the rep, nor their manager, nor who drew it up. Raises NotToBeSeen, NotProposed, NotASecondPerson, UnknownBand,
    ReasonMissing, PlanMissing, StatementChanged.
    """
    row = session.scalar(
        select(Appraisal)
        .where(Appraisal.id == appraisal_id)
        .options(joinedload(Appraisal.rep))
        .with_for_update(of=Appraisal)
    )
    if row is None:
        raise NotToBeSeen(N_("There is no appraisal %(id)s to be seen."), id=appraisal_id)
    statement = _statement(row)
    _check_open(session, row)
    _check_second_person(session, row, statement, by)
    reason = reason.strip()
    proposed = statement.outcome.band
    if band not in ({one.code for one in statement.bands} if proposed else {""}):
        raise UnknownBand(N_("“%(band)s” is no band that can be given here."), band=band)
    if band != proposed and not reason:
        raise ReasonMissing(
            N_("Write down why the band is %(band)s and not %(proposed)s."), band=band, proposed=proposed
        )
    if band and statement.band(band).adverse and not plans.exists(session, row.period_id, row.rep_id):
        raise PlanMissing(
            N_("Band %(band)s is below the standard: first write an improvement plan with %(name)s (Facts)."),
            band=band, name=statement.person.name,
        )  # fmt: skip
    row.state, row.final_band, row.final_reason = "final", band or None, reason or None
    row.finalised_at, row.finalised_by = at, by
    details = {"band": band, "proposed": proposed, "reason": journal.sealed(reason), "snapshot": row.snapshot_hash}
    journal.record(session, "appraisal finalised", journaled_as(row.number, row.revision), details, by=by, at=at)
    return row


def _check_open(session: Session, row: Appraisal) -> None:
    last = session.scalar(select(func.max(Appraisal.revision)).where(Appraisal.number == row.number))
    if row.revision != last:
        raise NotProposed(N_("There is a newer revision of %(number)s. Decide on that one."), number=row.number)
    if row.state == "final":
        raise NotProposed(N_("%(number)s is final: %(by)s decided on it."), number=row.number, by=row.finalised_by)
    if row.state == "draft":
        raise NotProposed(N_("%(number)s is a draft. Only what was proposed can become final."), number=row.number)


def _check_second_person(session: Session, row: Appraisal, statement: Statement, by: str) -> None:
    person = by.lower()
    if person == (row.rep.email or "").lower():
        raise NotASecondPerson(N_("Nobody decides on their own appraisal."))
    if person in manager_addresses(session, row.rep, since=statement.from_on):
        raise NotASecondPerson(
            N_("You manage %(name)s. A reviewer who does not has to decide."), name=statement.person.name
        )
    if person == row.drawn_up_by.lower():
        raise NotASecondPerson(N_("You drew this appraisal up. Another reviewer has to decide."))
