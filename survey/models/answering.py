"""What was answered, on the page or on the telephone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.asking import Invitation, Subject
from survey.models.columns import Json, one_of


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
    mode: Mapped[str] = mapped_column(one_of("mode", "web", "phone", "paper"))
    interviewer: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(one_of("language", "zh", "en"))


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
    state: Mapped[str] = mapped_column(one_of("answer_state", "answered", "not applicable", "skipped", "text"))
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
        one_of("interview_state", "waiting", "completed", "refused", "wrong person", "not reached")
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
        one_of("call_outcome", "no answer", "busy", "call back", "refused", "wrong person", "completed")
    )
