"""What a request or a command stands in: its session, its settings, its company, and the only clock."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app, g, has_request_context, request
from flask_security import current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.config import Settings
from survey.database import begin_write
from survey.models.company import Company

db = SQLAlchemy(session_options={"expire_on_commit": False})
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def session() -> Session:
    """The session of this request or command. It queues for the write lock at once unless it only reads."""
    current = db.session
    if not has_request_context() or request.method not in READING:
        begin_write(current)
    return current


def reader() -> Session:
    """The session of this request or command with nothing begun in it, for a long look at a file before the first
    write: nobody else waits meanwhile. Whoever writes then begins it (`database.begin_write`)."""
    company()
    db.session.commit()  # who asks and where we are was a read
    return db.session


def settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])


def company() -> Company:
    """The company this installation belongs to; until it is named, a plain placeholder that is not stored."""
    if "company" not in g:
        g.company = db.session.scalar(select(Company)) or Company(
            name="Evenhand",
            name_zh="衡评",
            time_zone="Asia/Shanghai",
            privacy_contact=settings().mail_from,
            results_within=5,
            lost_after=90,
        )
    return cast(Company, g.company)


def logo() -> str:
    """The company's logo written out as an address, for paper; nothing where there is none. Pages fetch it instead."""
    picture = company().logo if company().logo_digest else None
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """The date where the company is."""
    return now().astimezone(ZoneInfo(company().time_zone)).date()


def actor() -> str:
    """Who is doing this, as the journal writes it."""
    if has_request_context() and current_user.is_authenticated:
        return cast(str, current_user.email)
    return journal.COMMAND_LINE
