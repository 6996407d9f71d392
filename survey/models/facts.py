"""What is known of a rep's work beside the scores."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import Json, one_of
from survey.models.company import Period
from survey.models.roster import Rep


class IndicatorFact(Base):
    """A measured indicator of one rep in one period; value and target share a unit. Without a value, `missing` says
    why, and `approved_by` who agreed to leave it out. `source` is how it was found out."""

    __tablename__ = "indicator_fact"
    __table_args__ = (
        UniqueConstraint("period_id", "rep_id", "indicator"),
        CheckConstraint("(value IS NULL) = (missing IS NOT NULL)", name="missing_without_value"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    indicator: Mapped[str]
    value: Mapped[float | None]
    target: Mapped[float | None]
    missing: Mapped[str | None] = mapped_column(
        one_of("missing_reason", "not_applicable", "not_measured", "withheld_by_rep")
    )
    approved_by: Mapped[str | None]
    source: Mapped[str | None]
    note: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    period: Mapped[Period] = relationship()
    rep: Mapped[Rep] = relationship()


class ConductEvent(Base):
    """Something that happened on a day and costs points (a positive number) in a category. The rep may reply to it; a
    reviewer confirms it or overturns it. `in_survey`: customers' ratings already show it. `expires_on`: the first day
    on which it no longer counts."""

    __tablename__ = "conduct_event"
    __table_args__ = (UniqueConstraint("period_id", "rep_id", "category", "on", "fact"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    category: Mapped[str]
    on: Mapped[date]
    points: Mapped[float]
    fact: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    multiplier: Mapped[float]
    in_survey: Mapped[bool] = mapped_column(default=False)
    expires_on: Mapped[date | None]
    reply: Mapped[str | None] = mapped_column(Text)
    replied_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(one_of("event_decision", "open", "confirmed", "overturned"), default="open")
    decision_reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    period: Mapped[Period] = relationship()
    rep: Mapped[Rep] = relationship()


class Visit(Base):
    """One call on somebody: a customer by code, or a name that is no customer yet. `place` counts calls of one day."""

    __tablename__ = "visit"
    __table_args__ = (UniqueConstraint("rep_id", "customer", "on", "place"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    customer: Mapped[str]
    on: Mapped[date]
    place: Mapped[int]
    first: Mapped[bool]
    ordered: Mapped[bool]
    purpose: Mapped[str | None] = mapped_column(Text)
    need: Mapped[str | None] = mapped_column(Text)
    help: Mapped[str | None] = mapped_column(Text)
    occasion: Mapped[str | None]
    accompanied_by: Mapped[str | None]
    evidence: Mapped[str | None] = mapped_column(Text)


class Sale(Base):
    """One order of a customer, known by its `number`; what came back is below zero."""

    __tablename__ = "sale"
    __table_args__ = (Index(None, "customer_id", "on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    on: Mapped[date] = mapped_column(index=True)
    amount: Mapped[float]


class Project(Base):
    """A long sale in stages; `importance` weighs it against the rep's other projects."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    name: Mapped[str]
    importance: Mapped[float]
    stages: Mapped[list[ProjectStage]] = relationship(back_populates="project", order_by="ProjectStage.planned_on")


class ProjectStage(Base):
    """One stage: its weight, when it is planned, what share of it is done (0–100 %). `removed` is why it is no longer
    asked for."""

    __tablename__ = "project_stage"
    __table_args__ = (UniqueConstraint("project_id", "stage"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    stage: Mapped[str]
    weight: Mapped[float]
    planned_on: Mapped[date]
    done: Mapped[float]
    done_on: Mapped[date | None]
    evidence: Mapped[str | None] = mapped_column(Text)
    approved_by: Mapped[str | None]
    removed: Mapped[str | None] = mapped_column(Text)
    project: Mapped[Project] = relationship(back_populates="stages")


class Goal(Base):
    """What was agreed with a rep: how much of which indicator, in which unit, by when; `done` is the value reached."""

    __tablename__ = "goal"
    __table_args__ = (UniqueConstraint("period_id", "rep_id", "text"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    indicator: Mapped[str | None]
    target: Mapped[float]
    unit: Mapped[str]
    due_on: Mapped[date]
    proposed_by: Mapped[str | None]
    accepted_by: Mapped[str | None]
    accepted_on: Mapped[date | None]
    done: Mapped[float | None]


class MonitoringNote(Base):
    """Something seen or heard in the course of the work, written down on the day, and open to the rep, who may reply.
    `details` of an accompanied visit: customer, well, better, agreed."""

    __tablename__ = "monitoring_note"
    __table_args__ = (UniqueConstraint("rep_id", "on", "source", "text"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    on: Mapped[date]
    source: Mapped[str] = mapped_column(one_of("note_source", "observation", "plan", "report", "survey", "feedback"))
    text: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    indicator: Mapped[str | None]
    details: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    written_at: Mapped[datetime]
    written_by: Mapped[str]
    reply: Mapped[str | None] = mapped_column(Text)
    replied_at: Mapped[datetime | None]


class Provision(Base):
    """What the company owes a rep or gave them: a training, an exam, a sharing session, a resource. `due_on` is when it
    is owed, `done_on` when it was given; `hours` and `result` belong to trainings and exams."""

    __tablename__ = "provision"
    __table_args__ = (CheckConstraint("due_on IS NOT NULL OR done_on IS NOT NULL", name="dated"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    kind: Mapped[str] = mapped_column(one_of("provision_kind", "training", "exam", "sharing", "resource"))
    what: Mapped[str]
    hours: Mapped[float | None]
    result: Mapped[str | None]
    due_on: Mapped[date | None]
    done_on: Mapped[date | None]
    given_by: Mapped[str | None]
    written_at: Mapped[datetime]
    written_by: Mapped[str]


class SelfSummary(Base):
    """What a rep says of their own period. Until it is sent (`sent_at`) nobody else reads it."""

    __tablename__ = "self_summary"
    __table_args__ = (UniqueConstraint("period_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    reached: Mapped[str] = mapped_column(Text)
    hard: Mapped[str] = mapped_column(Text)
    better: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class Revision(Base):
    """What an entry held before it was corrected: the old values, why, and by whom. `kind` is the entry's table."""

    __tablename__ = "revision"
    __table_args__ = (Index(None, "kind", "entry_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    entry_id: Mapped[int]
    before: Mapped[Json] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by: Mapped[str]


class LossDiagnosis(Base):
    """Why customers were lost again and again, the company's own causes included: what a manager found, and how many of
    the losses (the period before, if any, and this one) do not count against the rep."""

    __tablename__ = "loss_diagnosis"
    __table_args__ = (UniqueConstraint("period_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    losses: Mapped[list[int]] = mapped_column(JSON)
    causes: Mapped[list[str]] = mapped_column(JSON)
    finding: Mapped[str | None] = mapped_column(Text)
    exempted: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    period: Mapped[Period] = relationship()
    rep: Mapped[Rep] = relationship()


class FairTarget(Base):
    """A target computed from what the rep's territory lets one expect, with everything it was computed from."""

    __tablename__ = "fair_target"
    __table_args__ = (UniqueConstraint("period_id", "rep_id", "indicator"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    indicator: Mapped[str]
    target: Mapped[float]
    quota: Mapped[float | None]
    adjusted: Mapped[float]
    se_log: Mapped[float | None]
    method: Mapped[str] = mapped_column(one_of("target_method", "regression", "index"))
    provenance: Mapped[Json] = mapped_column(JSON)
    why_zh: Mapped[str] = mapped_column(Text)
    why_en: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]
    set_by: Mapped[str]


class PlanItem(Base):
    """One item of a rep's improvement plan: what is done, what the company gives (who, by when, whether it came),
    between which days, looked at on which (`reviews`, ISO dates), how it is measured, what it earns, what came of it.

    Four principles score it, 1–5: what the company needs, how soon it shows, what it returns, and the rep's own
    `consent` (None until they answer; 0: refused, and the item is left out whatever the others say)."""

    __tablename__ = "plan_item"
    __table_args__ = (UniqueConstraint("period_id", "rep_id", "item"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    item: Mapped[str]
    measure: Mapped[str] = mapped_column(Text)
    support: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date]
    due_on: Mapped[date]
    metric: Mapped[str] = mapped_column(Text)
    reward: Mapped[str | None] = mapped_column(Text)
    need: Mapped[int]
    quick: Mapped[int]
    payoff: Mapped[int]
    consent: Mapped[int | None]
    agreed_on: Mapped[date | None]
    reviews: Mapped[list[str]] = mapped_column(JSON)
    support_by: Mapped[str]
    support_due_on: Mapped[date | None]
    support_given_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(one_of("plan_outcome", "reached", "partly", "missed"))
    outcome_note: Mapped[str | None] = mapped_column(Text)
    outcome_on: Mapped[date | None]
    written_at: Mapped[datetime]
    written_by: Mapped[str]

    @property
    def refused(self) -> bool:
        return self.consent == 0

    @property
    def review_days(self) -> list[date]:
        return [date.fromisoformat(one) for one in self.reviews]

    @property
    def score(self) -> int:
        """The sum of the principles that are known."""
        return self.need + self.quick + self.payoff + (self.consent or 0)
