"""Schemes as adopted, and the appraisals drawn up by them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import Json, one_of
from survey.models.company import Period
from survey.models.roster import Rep


class SchemeVersion(Base):
    """A scheme as adopted by a named person."""

    __tablename__ = "scheme_version"
    __table_args__ = (UniqueConstraint("name", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(String(64))
    adopted_at: Mapped[datetime | None]
    adopted_by: Mapped[str | None]


class Appraisal(Base):
    """One rep's appraisal. `outcome` is what the scheme said, kept whole; `statement` is every value its printed
    form shows, frozen when drawn up; a person's decision stands beside both and changes neither."""

    __tablename__ = "appraisal"
    __table_args__ = (UniqueConstraint("period_id", "rep_id", "scheme_version_id", "revision"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    revision: Mapped[int]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    scheme_version_id: Mapped[int] = mapped_column(ForeignKey("scheme_version.id"))
    state: Mapped[str] = mapped_column(one_of("appraisal_state", "draft", "proposed", "final"))
    total: Mapped[float | None]
    band: Mapped[str | None]
    outcome: Mapped[Json] = mapped_column(JSON)
    statement: Mapped[Json] = mapped_column(JSON)
    snapshot_hash: Mapped[str] = mapped_column(String(64))
    drawn_up_at: Mapped[datetime]
    drawn_up_by: Mapped[str]
    final_band: Mapped[str | None]
    final_reason: Mapped[str | None] = mapped_column(Text)
    finalised_at: Mapped[datetime | None]
    finalised_by: Mapped[str | None]
    rep: Mapped[Rep] = relationship()
    period: Mapped[Period] = relationship()
    scheme: Mapped[SchemeVersion] = relationship()
