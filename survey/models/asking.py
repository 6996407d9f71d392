"""Who is asked, by which sheet and link."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import Json, one_of
from survey.models.company import Period
from survey.models.roster import Contact, Customer, Rep


class QuestionnaireVersion(Base):
    """One version of a question sheet; frozen once anything was sent with it."""

    __tablename__ = "questionnaire_version"
    __table_args__ = (UniqueConstraint("code", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    content: Mapped[Json] = mapped_column(JSON)
    frozen_at: Mapped[datetime | None]


class Campaign(Base):
    """A questionnaire put to customers between two dates. `asked_about` is what {period} becomes, by language.

    While it is paused answers are taken, but nothing is sent. `remind_after_days` counts from the invitation.
    """

    __tablename__ = "campaign"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"), index=True)
    questionnaire_version_id: Mapped[int] = mapped_column(ForeignKey("questionnaire_version.id"))
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    asked_about: Mapped[Json] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(one_of("campaign_state", "draft", "open", "closed"))
    imported: Mapped[bool] = mapped_column(default=False)
    rest_days: Mapped[int] = mapped_column(default=30)
    paused_at: Mapped[datetime | None]
    remind_after_days: Mapped[list[int]] = mapped_column(JSON, default=lambda: [4, 9])
    period: Mapped[Period] = relationship()
    questionnaire: Mapped[QuestionnaireVersion] = relationship()
    sample_plan: Mapped[SamplePlan | None] = relationship(back_populates="campaign")


class SamplePlan(Base):
    """The draw of a campaign that asks a sample; one that asks everybody has none. `reliability` is what is wanted for
    every rep. The seed is set before anybody is drawn; what the planner supposed and how many customers it wanted to
    ask about each rep stand here once the draw was made."""

    __tablename__ = "sample_plan"
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), unique=True)
    reliability: Mapped[float]
    seed: Mapped[str] = mapped_column(String(64))
    icc: Mapped[float | None]
    response_rate: Mapped[float | None]
    wanted: Mapped[int | None]
    drawn_at: Mapped[datetime | None]
    campaign: Mapped[Campaign] = relationship(back_populates="sample_plan")


class FrameEntry(Base):
    """A customer whom the draw could have asked about a rep, and whether it did: kept, so that it can be repeated.
    `number` is the customer's in the draw, kept once they are erased and the code it came from is gone."""

    __tablename__ = "frame_entry"
    __table_args__ = (UniqueConstraint("campaign_id", "customer_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"))
    stratum: Mapped[str]
    drawn: Mapped[bool]
    number: Mapped[str | None] = mapped_column(String(64))


class Exclusion(Base):
    """A customer left out of a campaign: proposed with a reason, decided by a second person."""

    __tablename__ = "exclusion"
    __table_args__ = (UniqueConstraint("campaign_id", "customer_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    reason: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str]
    decision: Mapped[str] = mapped_column(one_of("exclusion_decision", "open", "accepted", "refused"), default="open")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    campaign: Mapped[Campaign] = relationship()
    customer: Mapped[Customer] = relationship()


class Invitation(Base):
    """One person in one campaign: one link, even for several reps. Imported history has no contact."""

    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("campaign_id", "contact_id"), Index(None, "campaign_id", "disposition"))
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    mode: Mapped[str] = mapped_column(one_of("mode", "web", "phone", "paper"))
    disposition: Mapped[str] = mapped_column(
        one_of(
            "disposition", "queued", "sent", "bounced", "opened", "partial", "completed", "opted out",
            "wrong person", "expired",
        )
    )  # fmt: skip
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    campaign: Mapped[Campaign] = relationship()
    customer: Mapped[Customer] = relationship()
    contact: Mapped[Contact | None] = relationship()
    subjects: Mapped[list[Subject]] = relationship(back_populates="invitation", order_by="Subject.id")


class Token(Base):
    """The keyed digest of one link. The link itself is stored nowhere."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    key_id: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    invitation: Mapped[Invitation] = relationship()


class TokenMiss(Base):
    """A link that led nowhere, counted by a keyed digest of the address it was tried from."""

    __tablename__ = "token_miss"
    __table_args__ = (Index(None, "address_digest", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    address_digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Subject(Base):
    """The rep asked about in one invitation; territory and adjusters copied as of the asking. `served_share` is the
    share of the period's days on which the rep served the customer."""

    __tablename__ = "subject"
    __table_args__ = (UniqueConstraint("invitation_id", "rep_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"))
    rep_id: Mapped[int] = mapped_column(ForeignKey("rep.id"), index=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    adjusters: Mapped[Json] = mapped_column(JSON)
    served_share: Mapped[float] = mapped_column(default=1.0)
    invitation: Mapped[Invitation] = relationship(back_populates="subjects")
    rep: Mapped[Rep] = relationship()
