"""Every table but the sign-in's (`users.py`). Names ending in `_at` are instants in UTC, in `_on` dates.

`by` columns hold the actor as the journal writes it: a user's e-mail address, or `command line`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Enum, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base

Json = dict[str, Any]


def _one_of(name: str, *values: str) -> Enum:
    return Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


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


# -- roster -----------------------------------------------------------------------------------------------------


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


class Erasure(Base):
    """A customer who was erased, and of whom a row without a name stays for the ratings. `fingerprint` tells the code
    again should a file bring it in. `answers` were deleted, `kept` are ratings that stay under a pseudonym; `runs`: run
    id → {"ratings": taken out of what the run had read, "digest": SHA-256 of what is left}."""

    __tablename__ = "erasure"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    answers: Mapped[int]
    kept: Mapped[int]
    runs: Mapped[Json] = mapped_column(JSON)
    erased_at: Mapped[datetime]
    by: Mapped[str]


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
    language: Mapped[str] = mapped_column(_one_of("language", "zh", "en"))
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


class FileImport(Base):
    """What one file (or one hand-over) brought: the counts, and which rows were created and updated, to undo it by.

    `changes`: table → {"created": stretches [first id, last id], "updated": [id, before, after]}.
    """

    __tablename__ = "file_import"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file_name: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    counts: Mapped[Json] = mapped_column(JSON)
    changes: Mapped[Json] = mapped_column(JSON, deferred=True)
    at: Mapped[datetime]
    by: Mapped[str]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class Upload(Base):
    """A file on its way in through the browser. `chosen`: column → the header that holds it; `period` of rows that name
    none, `reason` why stored values change, `questionnaire` that answers belong to."""

    __tablename__ = "upload"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file_name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    chosen: Mapped[Json] = mapped_column(JSON)
    period: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    questionnaire: Mapped[str | None]
    at: Mapped[datetime]
    by: Mapped[str]


class ColumnMapping(Base):
    """Which headers of a company's own export hold which columns, kept under a name."""

    __tablename__ = "column_mapping"
    __table_args__ = (UniqueConstraint("kind", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    chosen: Mapped[Json] = mapped_column(JSON)
    at: Mapped[datetime]
    by: Mapped[str]


# -- asking -----------------------------------------------------------------------------------------------------


class Period(Base):
    """A stored code such as 2026-H1 with its first and last day in the company's time zone."""

    __tablename__ = "period"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    from_on: Mapped[date]
    to_on: Mapped[date]


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
    verdict: Mapped[str | None] = mapped_column(_one_of("verdict", "upheld", "rejected"))
    verdict_reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    check: Mapped[AssignmentCheck] = relationship()
    rep: Mapped[Rep] = relationship()
    assignment: Mapped[Assignment | None] = relationship()


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
    state: Mapped[str] = mapped_column(_one_of("campaign_state", "draft", "open", "closed"))
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
    decision: Mapped[str] = mapped_column(_one_of("exclusion_decision", "open", "accepted", "refused"), default="open")
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
    mode: Mapped[str] = mapped_column(_one_of("mode", "web", "phone", "paper"))
    disposition: Mapped[str] = mapped_column(
        _one_of(
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


class Response(Base):
    """The one counted response of a subject. `version_no` says which version counts: the last."""

    __tablename__ = "response"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("subject.id"), unique=True)
    first_answered_at: Mapped[datetime]
    version_no: Mapped[int]


class ResponseVersion(Base):
    """What was sent in one submission. The same nonce again is a repeat, not a second version."""

    __tablename__ = "response_version"
    __table_args__ = (UniqueConstraint("response_id", "nonce"), UniqueConstraint("response_id", "version_no"))
    id: Mapped[int] = mapped_column(primary_key=True)
    response_id: Mapped[int] = mapped_column(ForeignKey("response.id"))
    version_no: Mapped[int]
    nonce: Mapped[str] = mapped_column(String(64))
    answered_at: Mapped[datetime]
    mode: Mapped[str] = mapped_column(_one_of("mode", "web", "phone", "paper"))
    interviewer: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(_one_of("language", "zh", "en"))


class Answer(Base):
    """One item of one version: a point of its scale, or not applicable, or skipped, or words."""

    __tablename__ = "answer"
    __table_args__ = (
        UniqueConstraint("response_version_id", "item"),
        CheckConstraint("(state = 'answered') = (value IS NOT NULL)", name="value_when_answered"),
        CheckConstraint("(state = 'text') = (text IS NOT NULL)", name="text_when_text"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    response_version_id: Mapped[int] = mapped_column(ForeignKey("response_version.id"))
    item: Mapped[str]
    scale: Mapped[str]
    state: Mapped[str] = mapped_column(_one_of("answer_state", "answered", "not applicable", "skipped", "text"))
    value: Mapped[float | None]
    text: Mapped[str | None] = mapped_column(Text)


class Draft(Base):
    """What was chosen and not sent: never counted, gone once the invitation is answered or its campaign closes.
    `replies`: subject id → item → what a form posts. `interviewer` when it was taken down on the telephone."""

    __tablename__ = "draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), unique=True)
    replies: Mapped[Json] = mapped_column(JSON)
    interviewer: Mapped[str | None]
    saved_at: Mapped[datetime]


class FollowUp(Base):
    """A customer unhappy with a rep agreed to be contacted: a task of the rep's manager, one a subject."""

    __tablename__ = "follow_up"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("subject.id"), unique=True)
    agreed_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    what_happened: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[Subject] = relationship()


class Interview(Base):
    """One invitation to be asked by telephone, by one interviewer (a user's e-mail address), next at `due_at`."""

    __tablename__ = "interview"
    __table_args__ = (Index(None, "interviewer", "state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), unique=True)
    interviewer: Mapped[str]
    state: Mapped[str] = mapped_column(
        _one_of("interview_state", "waiting", "completed", "refused", "wrong person", "not reached")
    )
    due_at: Mapped[datetime]
    handed_out_at: Mapped[datetime]
    invitation: Mapped[Invitation] = relationship()
    calls: Mapped[list[Call]] = relationship(order_by="Call.id")


class Call(Base):
    """One call and what came of it."""

    __tablename__ = "call"
    id: Mapped[int] = mapped_column(primary_key=True)
    interview_id: Mapped[int] = mapped_column(ForeignKey("interview.id"), index=True)
    called_at: Mapped[datetime]
    by: Mapped[str]
    outcome: Mapped[str] = mapped_column(
        _one_of("call_outcome", "no answer", "busy", "call back", "refused", "wrong person", "completed")
    )


class OutboxMessage(Base):
    """A message to be sent, written before anything leaves. A worker claims it until `lease_until`.

    `number` 0 is the invitation, 1 and 2 its reminders. Messages that share a `message_id` travel in one mail.
    `failed` could not be delivered; `held` is no longer wanted.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        UniqueConstraint("invitation_id", "number"),
        Index(None, "state", "lease_until"),
        Index(None, "state", "channel", "not_before", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"))
    number: Mapped[int]
    channel: Mapped[str]
    message_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(_one_of("message_state", "queued", "claimed", "sent", "failed", "held"))
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    taken_by: Mapped[str | None]  # who writes or wrote it by hand; a worker leaves this empty
    invitation: Mapped[Invitation] = relationship()


class MailboxReading(Base):
    """How the mailbox file of delivery reports was last read: which file, as it stood then (`mark`; blank: there was
    none), what came of the messages in it, or why it could not be read. At most one row."""

    __tablename__ = "mailbox_reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str]
    mark: Mapped[str]
    read_at: Mapped[datetime]
    effects: Mapped[Json] = mapped_column(JSON)
    problem: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))


class DeliveryReport(Base):
    """What a mail server told later about a message it had taken. The same report read again is no second one."""

    __tablename__ = "delivery_report"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    outbox_message_id: Mapped[int] = mapped_column(ForeignKey("outbox_message.id"), index=True)
    permanent: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime]


class ClockReading(Base):
    """When the worker last looked at the clock, and since when the clock has run without a jump. One row."""

    __tablename__ = "clock_reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    steady_since: Mapped[datetime]


# -- scoring ----------------------------------------------------------------------------------------------------


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
    evidence: Mapped[str] = mapped_column(_one_of("evidence", "withheld", "thin", "provisional", "full"))
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


# -- appraising -------------------------------------------------------------------------------------------------


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
        _one_of("missing_reason", "not_applicable", "not_measured", "withheld_by_rep")
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
    decision: Mapped[str] = mapped_column(_one_of("event_decision", "open", "confirmed", "overturned"), default="open")
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
    source: Mapped[str] = mapped_column(_one_of("note_source", "observation", "plan", "report", "survey", "feedback"))
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
    kind: Mapped[str] = mapped_column(_one_of("provision_kind", "training", "exam", "sharing", "resource"))
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
    method: Mapped[str] = mapped_column(_one_of("target_method", "regression", "index"))
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
    outcome: Mapped[str | None] = mapped_column(_one_of("plan_outcome", "reached", "partly", "missed"))
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
    state: Mapped[str] = mapped_column(_one_of("appraisal_state", "draft", "proposed", "final"))
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


class WorkOrder(Base):
    """Long work that somebody asked for on a page, for a worker to do: scoring a period, drawing up its appraisals,
    printing them, and, about no period, backing everything up. `told` is what it was asked with; a worker holds it
    until `lease_until`; `done` of `total` says how far it is where that is known; `came_of` is what came of it,
    `refusals` why nothing did."""

    __tablename__ = "work_order"
    __table_args__ = (Index(None, "state", "lease_until"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(_one_of("order_kind", "score", "appraise", "print", "backup"))
    period_id: Mapped[int | None] = mapped_column(ForeignKey("period.id"), index=True)
    told: Mapped[Json] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(_one_of("order_state", "waiting", "begun", "done", "failed"))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    done: Mapped[int | None]
    total: Mapped[int | None]
    came_of: Mapped[Json] = mapped_column(JSON, default=dict)
    refusals: Mapped[list[Json]] = mapped_column(JSON, default=list)
    period: Mapped[Period | None] = relationship()

    @property
    def period_code(self) -> str:
        """Blank for what is about no period."""
        return self.period.code if self.period else ""
