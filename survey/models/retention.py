"""Who was erased."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.database import Base
from survey.models.columns import Json


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
