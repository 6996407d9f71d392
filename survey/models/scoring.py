"""Stored runs: everything a page or a paper says of a score."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import Json, one_of
from survey.models.company import Period
from survey.models.roster import Rep


class Run(Base):
    """One act of scoring: the frozen spec, the ratings it read, and what the method said of them."""

    __tablename__ = "run"
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"), index=True)
    spec: Mapped[str] = mapped_column(Text)
    spec_hash: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    snapshot: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    record: Mapped[Json] = mapped_column(JSON, deferred=True)
    created_at: Mapped[datetime]
    by: Mapped[str]
    earlier_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))  # what its changes are changes from
    period: Mapped[Period] = relationship()


class RunItem(Base):
    """What one run says of an item as a whole: the middle of the funnel, the variance of one customer and the
    over-dispersion; how far raw and adjusted agree; what ties the compared scores together (`scoring.ties`)."""

    __tablename__ = "run_item"
    __table_args__ = (UniqueConstraint("run_id", "item"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    item: Mapped[str]
    average: Mapped[float | None]
    customer_variance: Mapped[float | None]
    dispersion: Mapped[float | None]
    kendall: Mapped[float | None]
    spearman: Mapped[float | None]
    moved_sd: Mapped[float | None]
    ties: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class RepScore(Base):
    """What one run says of one rep on one item (or the composite). Numbers are empty when withheld. `q` is the false
    discovery rate at which the rep's difference from the average is named, `effective` the customers of the funnel."""

    __tablename__ = "rep_score"
    # How many customers stand behind thousands of scores is added up from the index alone.
    __table_args__ = (UniqueConstraint("run_id", "item", "rep_id", postgresql_include=["customers", "evidence"]),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    item: Mapped[str]
    responses: Mapped[int | None]
    customers: Mapped[int | None]
    raw: Mapped[float | None]
    mix: Mapped[float | None]
    territory: Mapped[float | None]
    centring: Mapped[float | None]
    adjusted: Mapped[float | None]
    se: Mapped[float | None]
    df: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    reliability: Mapped[float | None]
    reported: Mapped[float | None]
    reported_sd: Mapped[float | None]
    peer: Mapped[float | None]
    company: Mapped[float | None]
    case: Mapped[str | None] = mapped_column(String(1))
    component: Mapped[int | None]
    fragile: Mapped[bool | None]
    rank_low: Mapped[int | None]
    rank_high: Mapped[int | None]
    evidence: Mapped[str] = mapped_column(one_of("evidence", "withheld", "thin", "provisional", "full"))
    q: Mapped[float | None]
    effective: Mapped[float | None]
    run: Mapped[Run] = relationship()
    rep: Mapped[Rep] = relationship()


class ScoreStep(Base):
    """One adjuster's part of a rep's mix step."""

    __tablename__ = "score_step"
    __table_args__ = (UniqueConstraint("run_id", "rep_id", "item", "adjuster"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    item: Mapped[str]
    adjuster: Mapped[str]
    amount: Mapped[float]


class AnswerCount(Base):
    """How often one point of an item's scale was chosen about one rep. What is withheld has no rows."""

    __tablename__ = "answer_count"
    # Summed over thousands of reps from the index alone.
    __table_args__ = (UniqueConstraint("run_id", "item", "value", "rep_id", postgresql_include=["answers"]),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    item: Mapped[str]
    value: Mapped[float]
    answers: Mapped[int]


class RepPlace(Base):
    """A territory in which one run's customers were asked about a rep."""

    __tablename__ = "rep_place"
    __table_args__ = (UniqueConstraint("run_id", "rep_id", "territory_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), index=True)


class RepReach(Base):
    """How many were asked about a rep when the run was made, and how many had answered: empty when withheld. Reps with
    imported history have no row: who was asked then is not known."""

    __tablename__ = "rep_reach"
    __table_args__ = (UniqueConstraint("run_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    asked: Mapped[int]
    answered: Mapped[int | None]


class ScoreChange(Base):
    """One rep's change on one item since the earlier run, from one fit of both; only where both say enough. `common` is
    everybody's change, `expected` what a rep who stayed the same would show, `q` the false discovery rate."""

    __tablename__ = "score_change"
    __table_args__ = (UniqueConstraint("run_id", "item", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    item: Mapped[str]
    earlier: Mapped[float]
    later: Mapped[float]
    difference: Mapped[float]
    se: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]
    q: Mapped[float]
    common: Mapped[float]
    expected: Mapped[float | None]
