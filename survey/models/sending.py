"""What is written to customers, and what came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.asking import Invitation
from survey.models.columns import Json, one_of


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
    state: Mapped[str] = mapped_column(one_of("message_state", "queued", "claimed", "sent", "failed", "held"))
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
