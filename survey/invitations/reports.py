"""What mail servers tell later: a letter they had taken did not arrive after all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from survey.bounces import Report
from survey.invitations import outbox
from survey.invitations.people import stop_at
from survey.models.asking import Invitation, Token
from survey.models.sending import DeliveryReport, MailboxReading, OutboxMessage
from survey.refusals import Refused, kept

Effect = Literal["stopped", "tried again", "noted", "known", "foreign"]
EFFECTS: tuple[str, ...] = get_args(Effect)


def record(session: Session, report: Report, *, at: datetime) -> Effect:
    """Act on one report, once: a hard bounce stops everything to that address, a soft one sends again later, a delay is
    noted, and so is what concerns an address corrected since. `known`: this report was read before; `foreign`: it is
    about no message of ours, or about somebody who was erased."""
    if session.scalar(select(DeliveryReport.id).where(DeliveryReport.digest == report.digest)) is not None:
        return "known"
    messages = session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.message_id == report.message_id)
        .options(joinedload(OutboxMessage.invitation).joinedload(Invitation.contact))
        .order_by(OutboxMessage.id)
        .with_for_update(of=OutboxMessage)
    ).all()
    if not messages or any(message.invitation.contact is None for message in messages):
        return "foreign"  # whoever was erased is not heard of again
    session.add(
        DeliveryReport(
            digest=report.digest, outbox_message_id=messages[0].id, permanent=report.kind == "hard",
            reason=report.reason, read_at=at,
        )
    )  # fmt: skip
    arrived = [message for message in messages if message.state == "sent"]
    sent = _not_corrected_since(session, arrived)
    if arrived and not sent:
        return "noted"
    if report.kind == "hard":
        _stop(session, sent, report.reason)
        return "stopped"
    if report.kind == "soft":
        _send_again(session, sent, report.reason, at=at)
        return "tried again"
    return "noted"


def last_reading(session: Session) -> MailboxReading | None:
    """How the mailbox file of the settings was last read."""
    return session.scalar(select(MailboxReading))


def keep_reading(
    session: Session, file: str, *, mark: str, effects: Mapping[str, int], problem: Refused | None, at: datetime
) -> None:
    """Keep how it was read this time in place of the time before."""
    row = last_reading(session)
    if row is None:
        row = MailboxReading()
        session.add(row)
    row.file, row.mark, row.effects, row.read_at = file, mark, dict(effects), at
    row.problem = kept(problem) if problem else None
    session.flush()


def _not_corrected_since(session: Session, messages: list[OutboxMessage]) -> list[OutboxMessage]:
    """The messages that went to an address still held: correcting one takes back the links sent before."""
    taken_back = (
        select(Token.invitation_id, func.max(Token.revoked_at))
        .where(Token.invitation_id.in_([message.invitation_id for message in messages]))
        .group_by(Token.invitation_id)
    )
    corrected = {invitation_id: at for invitation_id, at in session.execute(taken_back) if at is not None}
    return [
        message
        for message in messages
        if message.sent_at is None
        or message.invitation_id not in corrected
        or message.sent_at > corrected[message.invitation_id]
    ]


def _stop(session: Session, messages: list[OutboxMessage], reason: str) -> None:
    outbox.mark_refused(session, messages, reason)
    for message in messages:
        contact = message.invitation.contact
        if contact is not None and contact.email:
            stop_at(session, contact, contact.email, reason)


def _send_again(session: Session, messages: list[OutboxMessage], reason: str, *, at: datetime) -> None:
    outbox.put_back(messages, reason, at=at)
    for message in messages:
        message.sent_at = None
    waiting = [message.invitation_id for message in messages if message.state == "queued"]
    session.execute(
        update(Invitation)
        .where(Invitation.id.in_(waiting), Invitation.disposition == "sent")
        .values(disposition="queued")
    )
