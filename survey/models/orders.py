"""What the worker was asked to do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.database import Base
from survey.models.columns import Json, one_of
from survey.models.company import Period


class WorkOrder(Base):
    """Long work that somebody asked for on a page, for a worker to do: scoring a period, drawing up its appraisals,
    printing them, and, about no period, backing everything up. `told` is what it was asked with; a worker holds it
    until `lease_until`; `done` of `total` says how far it is where that is known; `came_of` is what came of it,
    `refusals` why nothing did."""

    __tablename__ = "work_order"
    __table_args__ = (Index(None, "state", "lease_until"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(one_of("order_kind", "score", "appraise", "print", "backup"))
    period_id: Mapped[int | None] = mapped_column(ForeignKey("period.id"), index=True)
    told: Mapped[Json] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(one_of("order_state", "waiting", "begun", "done", "failed"))
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
