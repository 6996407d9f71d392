"""The roster as pages show it: who sells where, who buys, who serves whom, and who left with customers still theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from survey import names
from survey.models.retention import Erasure
from survey.models.roster import Assignment, Contact, Customer, Rep, ReportingLine, Territory
from survey.refusals import N_, Refused

PAGE = 50
MOST_ASSIGNMENTS = 500


class UnknownRep(Refused):
    pass


class UnknownCustomer(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RepLine:
    """One rep in a list: how many customers are theirs on the day, and whether somebody should take them over."""

    rep: Rep
    customers: int
    left: bool

    @property
    def to_hand_over(self) -> bool:
        return self.left and self.customers > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How much there is, and the reps by name."""

    territories: int
    reps: tuple[RepLine, ...]
    customers: int
    contacts: int
    reachable: int
    unserved: int

    @property
    def leavers(self) -> tuple[RepLine, ...]:
        return tuple(line for line in self.reps if line.to_hand_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepPage:
    """One rep with their manager and assignments, those of the day first."""

    rep: Rep
    manager: str | None
    current: tuple[Assignment, ...]
    past: tuple[Assignment, ...]
    left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerList:
    """One page of customers whose code or name contains what was looked for."""

    rows: tuple[Customer, ...]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPage:
    customer: Customer
    contacts: tuple[Contact, ...]
    assignments: tuple[Assignment, ...]


def there() -> ColumnElement[bool]:
    """The customers who were not erased."""
    return Customer.id.not_in(select(Erasure.customer_id))


def serving(on: date) -> ColumnElement[bool]:
    """The assignments that hold on a day, or begin after it."""
    return or_(Assignment.served_to.is_(None), Assignment.served_to >= on)


def overview(session: Session, *, on: date) -> Overview:
    def count(question: Select[int]) -> int:
        return session.scalar(question) or 0

    reachable = or_(Contact.email.is_not(None), Contact.phone.is_not(None), Contact.wechat.is_not(None))
    served = select(Assignment.customer_id).where(serving(on))
    return Overview(
        territories=count(select(func.count(Territory.id))),
        reps=reps(session, on=on),
        customers=count(select(func.count(Customer.id)).where(there())),
        contacts=count(select(func.count(Contact.id))),
        reachable=count(select(func.count(Contact.id)).where(reachable, Contact.opted_out_at.is_(None))),
        unserved=count(select(func.count(Customer.id)).where(there(), Customer.id.not_in(served))),
    )


def reps(session: Session, *, on: date) -> tuple[RepLine, ...]:
    """Every rep by name, with the number of customers they serve on the day."""
    now_served = and_(Assignment.rep_id == Rep.id, serving(on))
    counted = (
        select(Rep, func.count(Assignment.customer_id.distinct())).outerjoin(Assignment, now_served).group_by(Rep.id)
    )
    found = dict(iter(session.execute(counted)))
    return tuple(RepLine(rep=rep, customers=found[rep], left=_left(rep, on)) for rep in names.by_name(found))


def _left(rep: Rep, on: date) -> bool:
    return rep.left_on is not None and rep.left_on <= on


def rep_named(session: Session, code: str) -> Rep:
    """Raises UnknownRep."""
    rep = session.scalar(select(Rep).where(Rep.code == code))
    if rep is None:
        raise UnknownRep(N_("There is no rep %(code)s."), code=code)
    return rep


def rep_page(session: Session, code: str, *, on: date) -> RepPage:
    """Raises UnknownRep."""
    rep = rep_named(session, code)
    manager = select(ReportingLine.manager_email).where(
        ReportingLine.rep_id == rep.id, ReportingLine.until_on.is_(None)
    )
    held = _assignments(session, Assignment.rep_id == rep.id, MOST_ASSIGNMENTS)
    return RepPage(
        rep=rep,
        manager=session.scalar(manager),
        current=tuple(one for one in held if one.served_to is None or one.served_to >= on),
        past=tuple(one for one in held if one.served_to is not None and one.served_to < on),
        left=_left(rep, on),
    )


def customers(session: Session, *, sought: str = "", page: int = 1) -> CustomerList:
    """Fifty at a time, by code."""
    found = select(Customer).where(there())
    if sought.strip():
        like = f"%{_literal(sought.strip())}%"
        found = found.where(or_(Customer.code.ilike(like, escape="\\"), Customer.name.ilike(like, escape="\\")))
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    page = min(max(1, page), max(1, -(-total // PAGE)))
    rows = session.scalars(found.order_by(Customer.code).offset((page - 1) * PAGE).limit(PAGE)).all()
    return CustomerList(rows=tuple(rows), total=total, page=page)


def _literal(sought: str) -> str:
    """The text without meaning to LIKE."""
    return sought.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def customer_page(session: Session, code: str) -> CustomerPage:
    """Raises UnknownCustomer."""
    customer = session.scalar(select(Customer).where(Customer.code == code, there()))
    if customer is None:
        raise UnknownCustomer(N_("There is no customer %(code)s."), code=code)
    contacts = session.scalars(select(Contact).where(Contact.customer_id == customer.id).order_by(Contact.name))
    return CustomerPage(
        customer=customer,
        contacts=tuple(contacts),
        assignments=tuple(_assignments(session, Assignment.customer_id == customer.id, MOST_ASSIGNMENTS)),
    )


def _assignments(session: Session, which: ColumnElement[bool], most: int) -> Sequence[Assignment]:
    question = (
        select(Assignment)
        .where(which)
        .options(joinedload(Assignment.customer), joinedload(Assignment.rep), joinedload(Assignment.territory))
        .order_by(Assignment.served_from.desc(), Assignment.id)
        .limit(most)
    )
    return session.scalars(question).all()
