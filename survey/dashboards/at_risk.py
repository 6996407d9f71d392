"""Customers a rep may be losing: nothing ordered for so many days, or far less than in as many days before.

An early warning and no verdict: a season, a full store or a finished project look just the same, and no points follow.
It reads orders alone, none of what customers answered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from survey.indicators.page import NotToBeSeen
from survey.models.facts import Sale
from survey.models.roster import Assignment, Customer, Rep
from survey.refusals import N_

FALL = 0.30
"""What sales fall by, at least, before a customer who still orders is named."""
_NOISE = 9  # decimals: a fall from 1.1 to 0.77 is 30 %


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRisk:
    """One customer: the day of the last order and the days since; what they bought in the last so many days
    (`lately`) and in as many days `before` them."""

    code: str
    name: str
    last_on: date
    days: int
    before: float
    lately: float
    stopped: bool

    @property
    def fallen(self) -> float:
        return self.before - self.lately

    @property
    def share(self) -> float | None:
        """The fall as a share of what was bought before; None where nothing was."""
        return self.fallen / self.before if self.before > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPage:
    """The customers at risk of one rep, the largest fall first, among all (`customers`) that ever ordered. Sales are
    known up to a day (`until`; None: none were imported), from which so many `days` are counted back."""

    rep: str
    code: str
    days: int
    until: date | None
    customers: int
    rows: tuple[AtRisk, ...]


def risk_page(session: Session, reps: Select[int], rep_code: str, *, days: int, on: date) -> RiskPage:
    """The list of one of these reps on a day, by the customers served then. Raises NotToBeSeen."""
    rep = session.scalar(select(Rep).where(Rep.code == rep_code, Rep.id.in_(reps)))
    if rep is None:
        raise NotToBeSeen(N_("There is nothing here to be seen."))
    until = known_until(session, on)
    bought = _bought(session, select(Rep.id).where(Rep.id == rep.id), until, days, on) if until else {}
    own = bought.get(rep.id, [])
    rows = sorted((one for one in own if _warns(one)), key=lambda one: (-one.fallen, one.name, one.code))
    return RiskPage(rep=rep.name, code=rep.code, days=days, until=until, customers=len(own), rows=tuple(rows))


def at_risk(session: Session, reps: Select[int], *, days: int, on: date) -> dict[int, int] | None:
    """How many customers of each of these reps are at risk, by rep id; None where no sales were imported."""
    until = known_until(session, on)
    if until is None:
        return None
    return {rep: sum(map(_warns, own)) for rep, own in _bought(session, reps, until, days, on).items()}


def known_until(session: Session, on: date) -> date | None:
    """The newest order there is: after it nobody's silence means anything."""
    newest = session.scalar(select(func.max(Sale.on)))
    return min(newest, on) if newest else None


def _warns(one: AtRisk) -> bool:
    return one.stopped or (one.share is not None and round(one.share, _NOISE) >= FALL)


def _bought(session: Session, reps: Select[int], until: date, days: int, on: date) -> dict[int, list[AtRisk]]:
    """Every customer the reps serve on a day who ever ordered, by rep id."""
    lately, before = until - timedelta(days=days), until - timedelta(days=2 * days)

    def amount(*of: Any) -> Any:
        return func.sum(case((and_(*of), Sale.amount), else_=0.0))

    served = (
        select(Assignment.rep_id, Assignment.customer_id)
        .where(
            Assignment.rep_id.in_(reps),
            Assignment.served_from <= on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= on),
        )
        .distinct()
        .subquery()
    )
    last_on = func.max(case((Sale.amount > 0, Sale.on)))
    rows = session.execute(
        select(
            served.c.rep_id, Customer.code, Customer.name, last_on,
            amount(Sale.on > before, Sale.on <= lately), amount(Sale.on > lately, Sale.on <= until),
        )
        .join(Customer, Customer.id == served.c.customer_id)
        .join(Sale, Sale.customer_id == Customer.id)
        .group_by(served.c.rep_id, Customer.id, Customer.code, Customer.name)
        .having(last_on.is_not(None))
    )  # fmt: skip
    found: dict[int, list[AtRisk]] = defaultdict(list)
    for rep, code, name, last, was, now in rows:
        found[rep].append(
            AtRisk(
                code=code, name=name, last_on=last, days=(until - last).days, before=was, lately=now,
                stopped=last <= lately,
            )
        )  # fmt: skip
    return found
