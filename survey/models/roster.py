"""Who is there and who serves whom."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import one_of
from survey.models.company import Period


class Territory(Base):
    __tablename__ = "territory"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    potential: Mapped[float | None]
    competition: Mapped[float | None]
    accounts: Mapped[float | None]
    workload: Mapped[float | None]
    support: Mapped[float | None]


class Rep(Base):
    __tablename__ = "rep"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(index=True)
    position: Mapped[str | None]
    hired_on: Mapped[date | None]
    left_on: Mapped[date | None]


class ReportingLine(Base):
    """Who managed a rep from when until when; the open line (no `until_on`) is today's."""

    __tablename__ = "reporting_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    manager_email: Mapped[str] = mapped_column(index=True)
    since_on: Mapped[date]
    until_on: Mapped[date | None]


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    segment: Mapped[str | None]
    size_band: Mapped[str | None]
    industry: Mapped[str | None]
    channel: Mapped[str | None]
    product_line: Mapped[str | None]
    ship_from: Mapped[str | None]
    customer_since: Mapped[date | None]


class Contact(Base):
    """A person at a customer. `role` is their function (purchasing, technical, management, quality, store)."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[str]
    role: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(index=True)
    phone: Mapped[str | None] = mapped_column(index=True)
    wechat: Mapped[str | None] = mapped_column(index=True)  # the name or id the company's own account knows them by
    language: Mapped[str] = mapped_column(one_of("language", "zh", "en"))
    opted_out_at: Mapped[datetime | None]
    undeliverable: Mapped[str | None]  # the address or number at which nothing arrives; another one is tried again
    customer: Mapped[Customer] = relationship()

    @property
    def known_by(self) -> str | None:
        """What tells this person from others, and is the same wherever they are a contact."""
        return self.email or self.phone or self.wechat or None


class Assignment(Base):
    """Who served whom, where, from when (and until when)."""

    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("customer_id", "rep_id", "territory_id", "served_from"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    served_from: Mapped[date]
    served_to: Mapped[date | None]
    customer: Mapped[Customer] = relationship()
    rep: Mapped[Rep] = relationship()
    territory: Mapped[Territory] = relationship()


class AssignmentCheck(Base):
    """The reps were asked to look through their assignments of a period, and may object until `until_on`."""

    __tablename__ = "assignment_check"
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"), unique=True)
    asked_on: Mapped[date]
    until_on: Mapped[date]
    by: Mapped[str]
    period: Mapped[Period] = relationship()


class AssignmentConfirmation(Base):
    """A rep looked through what is held for them and found it right."""

    __tablename__ = "assignment_confirmation"
    __table_args__ = (UniqueConstraint("check_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey("assignment_check.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    confirmed_at: Mapped[datetime]


class Objection(Base):
    """A rep says that an assignment (or, without one, what is missing) is wrong; another person decides."""

    __tablename__ = "objection"
    id: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey("assignment_check.id"), index=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    raised_at: Mapped[datetime]
    raised_by: Mapped[str]
    verdict: Mapped[str | None] = mapped_column(one_of("verdict", "upheld", "rejected"))
    verdict_reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    check: Mapped[AssignmentCheck] = relationship()
    rep: Mapped[Rep] = relationship()
    assignment: Mapped[Assignment | None] = relationship()
