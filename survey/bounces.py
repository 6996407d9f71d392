"""Delivery reports: a mailbox file in, what each message in it says out."""

from __future__ import annotations

import hashlib
import logging
import mailbox
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from pathlib import Path
from typing import Literal

from flufl.bounce import all_failures

from survey.letters import without_links
from survey.refusals import N_, Refused

Kind = Literal["hard", "soft", "delayed"]
ADDRESSED = ("To", "Delivered-To", "X-Original-To", "Envelope-To")
LONGEST_REASON = 300
UNREADABLE = (
    LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError, MessageError
)  # fmt: skip
"""What reading trips over in a message that is no message; one such must not hide the reports after it."""
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
_OURS = re.compile(r"\+([0-9a-f]{32})@")
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One delivery report. `hard`: the address does not exist; `soft`: the server gave up for now (a full mailbox);
    `delayed`: it is still trying. `digest` tells one report from another."""

    digest: str
    message_id: str
    kind: Kind
    reason: str


class UnreadableMailbox(Refused):
    pass


def count(file: Path) -> int:
    """How many messages a mailbox file holds. Raises UnreadableMailbox."""
    with _opened(file) as box:
        return len(box)


def read(file: Path) -> Iterator[Report | None]:
    """Every message of an mbox file in order; None for one that is no report about a letter of ours.

    Which letter a report is about is told by the address it came to (ours carries the letter's id), or else by the
    Message-ID it quotes. Raises UnreadableMailbox.
    """
    with _opened(file) as box:
        for key in box.keys():  # noqa: SIM118 - going through the box itself would end at an unreadable message
            yield _report(box, key)


@contextmanager
def _opened(file: Path) -> Iterator[mailbox.mbox]:
    try:
        with closing(mailbox.mbox(file, create=False)) as box:
            if not len(box) and file.stat().st_size:
                raise UnreadableMailbox(N_("%(file)s is no mailbox file (mbox): no message begins in it."), file=file)
            yield box
    except mailbox.NoSuchMailboxError:
        raise UnreadableMailbox(N_("There is no file %(file)s."), file=file) from None
    except OSError as trouble:
        raise UnreadableMailbox(
            N_("%(file)s cannot be read: %(said)s."), file=file, said=trouble.strerror or trouble
        ) from None


def _report(box: mailbox.mbox, key: str) -> Report | None:
    try:
        message = box.get_message(key)
        message_id, kind = _letter(message), _kind(message)
        if message_id is None or kind is None:
            return None
        digest = hashlib.sha256(message.as_bytes()).hexdigest()
        return Report(digest=digest, message_id=message_id, kind=kind, reason=_reason(message))
    except UNREADABLE:
        return None


def _letter(message: Message) -> str | None:
    for name in ADDRESSED:
        for value in message.get_all(name, ()):
            if found := _OURS.search(str(value)):
                return found[1]
    for part in message.walk():
        if part is message:
            continue
        quoted = str(part.get_payload()) if part.get_content_type() == "text/rfc822-headers" else ""
        if found := _MESSAGE_ID.search(f"{part.get('Message-ID', '')}\n{quoted}"):
            return found[1]
    return None


def _kind(message: Message) -> Kind | None:
    delayed, failed = all_failures(message)
    if failed:
        return "soft" if any(status.startswith("4") for status in _fields(message, "Status")) else "hard"
    return "delayed" if delayed else None


def _fields(message: Message, name: str) -> list[str]:
    """What the machine-readable part says under a name, recipient by recipient."""
    parts = (part for part in message.walk() if part.get_content_type() == "message/delivery-status")
    blocks = (block for part in parts if part.is_multipart() for block in part.get_payload())
    return [" ".join(str(block[name]).split()) for block in blocks if isinstance(block, Message) and block[name]]


def _reason(message: Message) -> str:
    told = [*_fields(message, "Status"), *_fields(message, "Diagnostic-Code")]
    return without_links(" ".join(told))[:LONGEST_REASON] or "The mail came back."
