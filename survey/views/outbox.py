"""Mail that was written to files, because this installation has no mail server yet. With one, there is no such page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from survey import access, context

blueprint = Blueprint("outbox", __name__)

MOST_LISTED = 100
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One file of the outbox, as far as a list shows it."""

    name: str
    written_at: datetime
    to: str
    subject: str


@blueprint.get("/outbox")
@access.permission("read outbox")
def letters() -> ResponseReturnValue:
    """The newest letters."""
    files = sorted(_folder().glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    shown = [_listed(file) for file in files[:MOST_LISTED]]
    return render_template("outbox/letters.html", letters=shown, total=len(files))


@blueprint.get("/outbox/<name>")
@access.permission("read outbox")
def letter(name: str) -> ResponseReturnValue:
    """One letter as its reader gets it, in plain text."""
    file = _folder() / f"{name}.eml"
    if not (_NAME.fullmatch(name) and file.is_file()):
        abort(404)
    message = _read(file)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    return render_template("outbox/letter.html", letter=_listed(file), lines=text.splitlines())


def is_kept() -> bool:
    """Does mail go to files here?"""
    return not context.settings().sends_mail


def _folder() -> Path:
    if not is_kept():
        abort(404)
    return context.settings().outbox


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def _listed(file: Path) -> Letter:
    message = _read(file)
    return Letter(
        name=file.stem,
        written_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        to=str(message["To"]),
        subject=str(message["Subject"]),
    )
