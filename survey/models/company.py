"""The company, its appraisal periods, and the journal."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.database import Base
from survey.models.columns import Json


class Company(Base):
    """The one company this installation belongs to. `results_within`: so many days after a campaign has closed its
    results should be there to be read. `lost_after`: so many days without an order put a customer at risk."""

    __tablename__ = "company"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str]
    time_zone: Mapped[str]
    privacy_contact: Mapped[str]
    results_within: Mapped[int] = mapped_column(default=5)
    lost_after: Mapped[int] = mapped_column(default=90)
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    logo_digest: Mapped[str | None] = mapped_column(String(64))


class JournalEntry(Base):
    """One line of the append-only journal; `hash` covers the line and the hash before it."""

    __tablename__ = "journal_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[Json] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class Period(Base):
    """A stored code such as 2026-H1 with its first and last day in the company's time zone."""

    __tablename__ = "period"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    from_on: Mapped[date]
    to_on: Mapped[date]
