"""Improvement plans: what is done, by when, what the company gives, how it is measured, what came of it.

Items are chosen together, by four principles: what the company needs, how soon it shows, what it returns, and whether
the rep agrees. The last is the rep's own answer; what they refuse is left out whatever the others say. Whoever falls
below the standard is helped: their appraisal becomes final only once there is a plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import PlainValidator
from pydantic.dataclasses import dataclass
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.intake.cells import Code, Day, OptionalDay, OptionalWords, Text, UnfitCell, Words, day, on_one_line
from survey.models.company import Period
from survey.models.facts import PlanItem
from survey.models.roster import Rep
from survey.refusals import N_, Refused

MOST = 3
"""More at once than anybody can change."""
FULL_SCORE = 20
OUTCOMES = ("reached", "partly", "missed")


class PlanRefused(Refused):
    pass


class UnknownPlan(Refused):
    """There is no such item, or it is not this person's to answer: the answer is the same."""


def _principle(raw: str) -> int:
    text = on_one_line(raw)
    if text not in ("1", "2", "3", "4", "5"):
        raise UnfitCell(N_("Give 1 to 5: 1 hardly, 5 very much."))
    return int(text)


def _days(raw: str) -> tuple[date, ...]:
    return tuple(sorted({day(one) for one in on_one_line(raw).replace("，", " ").replace(",", " ").split()}))


def _outcome(raw: str) -> str | None:
    text = on_one_line(raw)
    if text and text not in OUTCOMES:
        raise UnfitCell(N_("Choose what came of it."))
    return text or None


Principle = Annotated[int, PlainValidator(_principle)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One item as it is written down; without its days it is no plan. The rep's own principle is not written here."""

    rep: Code
    item: Text
    measure: Words
    support: Words
    support_by: Text
    support_due_on: OptionalDay = None
    starts_on: Day
    due_on: Day
    reviews: Annotated[tuple[date, ...], PlainValidator(_days)] = ()
    metric: Words
    reward: OptionalWords = None
    need: Principle
    quick: Principle
    payoff: Principle


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedRow:
    """What became of an item: when the company gave what it owed, and what came of it."""

    rep: Code
    support_given_on: OptionalDay = None
    outcome: Annotated[str | None, PlainValidator(_outcome)] = None
    outcome_note: OptionalWords = None


def write(session: Session, period: Period, rep: Rep, row: PlanRow, *, by: str, at: datetime) -> PlanItem:
    """Write one item down; it is the rep's to agree to. Raises PlanRefused for days that run backwards or lie outside
    the item, for the same item twice and for a fourth one that nobody refused."""
    if row.due_on <= row.starts_on:
        raise PlanRefused(N_("The item would be due before it starts."))
    if any(not row.starts_on <= one <= row.due_on for one in row.reviews):
        raise PlanRefused(N_("It is looked at between its first and its last day."))
    stored = of_rep(session, period, rep)
    if any(one.item == row.item for one in stored):
        raise PlanRefused(N_("This item is in the plan already."))
    _check_room(stored)
    item = PlanItem(
        period_id=period.id, rep_id=rep.id, item=row.item, measure=row.measure, support=row.support,
        support_by=row.support_by, support_due_on=row.support_due_on, starts_on=row.starts_on, due_on=row.due_on,
        reviews=[one.isoformat() for one in row.reviews], metric=row.metric, reward=row.reward, need=row.need,
        quick=row.quick, payoff=row.payoff, written_at=at, written_by=by,
    )  # fmt: skip
    session.add(item)
    session.flush()
    journal.record(session, "plan item written", rep.code, {"period": period.code, "item": item.id}, by=by, at=at)
    return item


def _check_room(stored: Iterable[PlanItem]) -> None:
    if sum(not one.refused for one in stored) >= MOST:
        raise PlanRefused(N_("A plan has %(most)s items at most; more at once helps nobody."), most=MOST)


def answer(
    session: Session, item_id: int, own: Select[Any], consent: int, *, by: str, at: datetime, on: date
) -> PlanItem:
    """The rep says how far they agree to an item of their own (`own`: their rep ids): 0 refuses it, 5 is wholly. They
    may think again; the first answer is kept. Raises UnknownPlan, PlanRefused."""
    if not 0 <= consent <= 5:
        raise PlanRefused(N_("Say how far you agree, from 0 (not at all) to 5."))
    item, code = _found(session, item_id, own)
    if item.outcome:
        raise PlanRefused(N_("What came of this item is written down already."))
    if item.refused and consent:
        _check_room(_of(session, item.period_id, item.rep_id))
    agreed_on = on if consent else None
    if item.consent is None:
        item.consent, item.agreed_on = consent, agreed_on
    elif item.consent == consent:
        return item
    else:
        values = {"consent": consent, "agreed_on": agreed_on}
        revisions.correct(session, item, values, reason="another answer", by=by, at=at)
    done = "plan item agreed to" if consent else "plan item refused"
    journal.record(session, done, code, {"item": item.id, "consent": consent}, by=by, at=at)
    return item


def follow(
    session: Session, item_id: int, reps: Select[Any], row: FollowedRow, *, reason: str, by: str, at: datetime, on: date
) -> PlanItem:
    """Write down when the company gave what it owed, and what came of an item; what stands already is corrected with a
    reason. Raises UnknownPlan, PlanRefused, ReasonMissing."""
    item, code = _found(session, item_id, reps)
    if row.support_given_on and row.support_given_on > on:
        raise PlanRefused(N_("What the company gave cannot be of a day to come."))
    if row.outcome and not (row.outcome_note or item.outcome_note):
        raise PlanRefused(N_("Say what the outcome shows in: the figure, the fact."))
    told = {
        name: value
        for name in ("support_given_on", "outcome", "outcome_note")
        if (value := getattr(row, name)) is not None and value != getattr(item, name)
    }
    if not told:
        raise PlanRefused(N_("Nothing new is written here."))
    if "outcome" in told:
        told["outcome_on"] = on
    standing = {name: value for name, value in told.items() if getattr(item, name) is not None}
    if standing:
        revisions.correct(session, item, standing, reason=reason, by=by, at=at)
    for name, value in told.items():
        setattr(item, name, value)
    details = {"item": item.id, "outcome": item.outcome, "given": str(item.support_given_on or "")}
    journal.record(session, "plan item followed up", code, details, by=by, at=at)
    return item


def _found(session: Session, item_id: int, reps: Select[Any]) -> tuple[PlanItem, str]:
    found = session.execute(
        select(PlanItem, Rep.code).join(Rep).where(PlanItem.id == item_id, PlanItem.rep_id.in_(reps))
    ).first()
    if found is None:
        raise UnknownPlan(N_("There is no item %(id)s to be answered."), id=item_id)
    return found[0], found[1]


def of_rep(session: Session, period: Period, rep: Rep) -> Sequence[PlanItem]:
    """The items of one rep in one period, what is refused last, what scores most first."""
    return _of(session, period.id, rep.id)


def _of(session: Session, period_id: int, rep_id: int) -> Sequence[PlanItem]:
    rows = session.scalars(select(PlanItem).where(PlanItem.period_id == period_id, PlanItem.rep_id == rep_id))
    return _in_order(rows)


def _in_order(rows: Iterable[PlanItem]) -> list[PlanItem]:
    return sorted(rows, key=lambda one: (one.refused, -one.score, one.id))


def history(session: Session, items: Iterable[PlanItem]) -> dict[int, tuple[revisions.Old, ...]]:
    """What these items held before they were corrected, by id."""
    return revisions.history(session, PlanItem, [one.id for one in items])


def last_before(session: Session, period: Period, rep: Rep) -> tuple[str, Sequence[PlanItem]]:
    """The newest earlier period for which this rep had a plan, and its items; ("", ()) where there was none."""
    return befores(session, [(period.id, rep.id)]).get((period.id, rep.id), ("", ()))


def exists(session: Session, period_id: int, rep_id: int) -> bool:
    """Whether there is a plan: an item the rep has not refused."""
    return session.scalar(select(PlanItem.id).where(_stands(), *_at(period_id, rep_id)).limit(1)) is not None


def _at(period_id: int, rep_id: int) -> tuple[ColumnElement[bool], ...]:
    return PlanItem.period_id == period_id, PlanItem.rep_id == rep_id


def _stands() -> ColumnElement[bool]:
    return or_(PlanItem.consent.is_(None), PlanItem.consent > 0)


def by_place(session: Session, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[PlanItem]]:
    """The items nobody refused, of several reps, by (period id, rep id)."""
    found: dict[tuple[int, int], list[PlanItem]] = defaultdict(list)
    rows = session.scalars(
        select(PlanItem).where(
            _stands(),
            PlanItem.period_id.in_({period for period, _ in places}),
            PlanItem.rep_id.in_({rep for _, rep in places}),
        )
    )
    for row in _in_order(rows):
        found[row.period_id, row.rep_id].append(row)
    return found


def befores(
    session: Session, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, Sequence[PlanItem]]]:
    """The plan each rep had last before a period, by (period id, rep id): its period's code and its items."""
    begins = dict(iter(session.execute(select(Period.id, Period.from_on))))
    rows = session.execute(
        select(PlanItem, Period.code, Period.from_on)
        .join(Period, Period.id == PlanItem.period_id)
        .where(_stands(), PlanItem.rep_id.in_({rep for _, rep in places}))
        .order_by(Period.from_on.desc())
    ).all()
    found: dict[tuple[int, int], tuple[str, Sequence[PlanItem]]] = {}
    for place in places:
        own = [row for row in rows if row[0].rep_id == place[1] and row.from_on < begins[place[0]]]
        if own:
            code = own[0].code
            found[place] = (code, _in_order(item for item, of, _ in own if of == code))
    return found
