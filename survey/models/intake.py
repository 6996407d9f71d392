"""Files that came in, and what undoing them takes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.database import Base
from survey.models.columns import Json


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
