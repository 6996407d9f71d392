"""Delivery reports from a mailbox file: what stops, what is tried again, what is none of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import bounces, invitations, worker
from survey.config import Settings
from survey.context import now
from survey.invitations import delivery, outbox, reminders
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.models.sending import DeliveryReport, MailboxReading, OutboxMessage
from tests.asking import BY, found, plan

DSN = """From MAILER-DAEMON Mon Jul  6 10:00:00 2026
From: MAILER-DAEMON@mx.c1.example
To: {to}
Subject: Delivery Status Notification
Message-ID: <report-{number}@mx.c1.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not arrive.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.c1.example

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b
Content-Type: text/rfc822-headers

Message-ID: <{quoted}@localhost>
Subject: how well do we serve you?

--b--

"""
HARD = {"action": "failed", "status": "5.1.1", "said": "550 5.1.1 no such user"}
SOFT = {"action": "failed", "status": "4.2.2", "said": "452 4.2.2 mailbox full"}
DELAYED = {"action": "delayed", "status": "4.4.1", "said": "451 4.4.1 no answer"}

Read = Callable[..., dict[str, int]]


@pytest.fixture
def sent(session: Session) -> Campaign:
    """Two letters went out."""
    found(session)
    campaign = plan(session, at=now())
    invitations.invite(session, campaign, by=BY, at=now())
    session.commit()
    assert worker.drain().sent == 2
    return campaign


@pytest.fixture
def read(session: Session, evenhand: Callable[..., Result], tmp_path: Path) -> Read:
    """Read a mailbox of these messages with the command; gives what it counted."""

    def read(*messages: str) -> dict[str, int]:
        file = tmp_path / "mailbox"
        file.write_text("".join(messages), encoding="utf-8")
        session.commit()
        done = evenhand("bounces", file, "--json")
        assert done.exit_code == 0, done.stderr
        session.expire_all()
        return {name: count for name, count in json.loads(done.stdout).items() if count}

    return read


def _message(session: Session, name: str = "王芳") -> OutboxMessage:
    return session.scalars(
        select(OutboxMessage).join(OutboxMessage.invitation).join(Invitation.contact).where(Contact.name == name)
    ).one()


def _report(session: Session, kind: dict[str, str], *, number: int = 1, verp: bool = True, quoted: str = "") -> str:
    message_id = _message(session).message_id
    return DSN.format(
        **kind, number=number, address="wang@c1.example", quoted=quoted or message_id,
        to=f"survey+{message_id}@localhost" if verp else "survey@localhost",
    )  # fmt: skip


@pytest.mark.parametrize("verp", [True, False])
def test_a_hard_bounce_stops_everything_to_that_address(
    session: Session, sent: Campaign, read: Read, verp: bool
) -> None:
    assert read(_report(session, HARD, verp=verp, quoted="f" * 32 if verp else "")) == {"stopped": 1}
    message = _message(session)
    assert message.state == "failed"
    assert message.last_error == "5.1.1 smtp; 550 5.1.1 no such user"
    assert message.invitation.disposition == "bounced"
    contact = message.invitation.contact
    assert contact
    assert contact.undeliverable == contact.email == "wang@c1.example"
    sent.rest_days = 0
    later = plan(session, "S2", at=now())
    later.rest_days = 0
    done = invitations.invite(session, later, by=BY, at=now())
    assert (done.invited, done.unreachable) == (1, ("C1", "C3")), "a later campaign does not write there either"
    assert session.scalars(select(DeliveryReport.permanent)).all() == [True]


def test_a_report_that_quotes_a_link_does_not_bring_it_into_the_database(
    session: Session, sent: Campaign, read: Read
) -> None:
    quoting = HARD | {"said": "554 5.7.1 listed: http://localhost/s/0123456789abcdefghjkmnpqrs"}
    assert read(_report(session, quoting)) == {"stopped": 1}
    assert _message(session).last_error == "5.1.1 smtp; 554 5.7.1 listed: http://localhost/s/…"


@pytest.mark.parametrize("kind", [HARD, SOFT], ids=["hard", "soft"])
def test_a_late_report_about_the_address_before_spares_the_corrected_one(
    session: Session, sent: Campaign, read: Read, kind: dict[str, str]
) -> None:
    late = _report(session, kind)
    message = _message(session)
    reminders.remind(session, sent, by=BY, at=now())
    session.execute(update(OutboxMessage).where(OutboxMessage.number == 1).values(state="failed"))
    contact = message.invitation.contact
    assert contact
    delivery.correct_address(session, contact, email="wang@new.example", by=BY, at=now())
    delivery.resend(session, message.invitation, by=BY, at=now())
    assert read(late) == {"noted": 1}
    assert contact.undeliverable is None
    assert message.state == "sent"
    again = session.scalars(select(OutboxMessage).where(OutboxMessage.number == 1)).all()
    assert sorted(one.state for one in again) == ["failed", "queued"]
    assert message.invitation.disposition == "queued"


def test_an_answer_stands_even_if_a_report_comes_after_it(session: Session, sent: Campaign, read: Read) -> None:
    session.execute(update(Invitation).values(disposition="completed"))
    assert read(_report(session, HARD)) == {"stopped": 1}
    assert _message(session).invitation.disposition == "completed"


def test_a_soft_bounce_is_sent_again_later_and_given_up_at_last(session: Session, sent: Campaign, read: Read) -> None:
    first_id = _message(session).message_id
    assert read(_report(session, SOFT)) == {"tried again": 1}
    message = _message(session)
    assert (message.state, message.invitation.disposition) == ("queued", "queued")
    assert message.not_before > now()
    message.not_before = now()
    session.commit()
    assert worker.drain().sent == 1
    session.expire_all()
    assert (message.state, message.message_id) == ("sent", first_id)
    session.execute(update(OutboxMessage).values(attempts=outbox.MOST_ATTEMPTS))
    assert read(_report(session, SOFT, number=2)) == {"tried again": 1}
    assert _message(session).state == "failed"


def test_a_delay_is_noted_and_nothing_else(session: Session, sent: Campaign, read: Read) -> None:
    assert read(_report(session, DELAYED)) == {"noted": 1}
    assert _message(session).state == "sent"


def test_a_report_read_again_changes_nothing(session: Session, sent: Campaign, read: Read) -> None:
    soft = _report(session, SOFT)
    assert read(soft) == {"tried again": 1}
    session.execute(update(OutboxMessage).values(state="sent", sent_at=now()))
    assert read(soft, _report(session, DELAYED, number=2)) == {"known": 1, "noted": 1}
    assert _message(session).state == "sent"


def test_what_is_no_report_or_none_of_ours_is_left_alone(session: Session, sent: Campaign, read: Read) -> None:
    stranger = _report(session, HARD, verp=False, quoted="e" * 32)
    away = f"From a@b Mon Jul  6 10:00:00 2026\nTo: survey+{_message(session).message_id}@localhost\n\nI am away.\n\n"
    broken = "From a@b Mon Jul  6 10:00:00 2026\n\xff\x00: ??\nContent-Type: multipart/report; boundary=b\n\n--b\n\n"
    assert read(stranger, away, broken, "") == {"foreign": 3}
    assert _message(session).state == "sent"
    assert session.scalars(select(DeliveryReport)).all() == []


def test_reports_in_the_words_of_other_servers_are_understood(session: Session, sent: Campaign, read: Read) -> None:
    message_id = _message(session).message_id
    qmail = (
        "From MAILER-DAEMON Mon Jul  6 10:00:00 2026\nFrom: MAILER-DAEMON@mx.c1.example\n"
        f"To: survey+{message_id}@localhost\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.c1.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<wang@c1.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        f"--- Below this line is a copy of the message.\n\nMessage-ID: <{message_id}@localhost>\n\n"
    )
    assert read(qmail) == {"stopped": 1}


def test_a_mailbox_without_mail_is_read_in_peace(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.touch()
    assert (bounces.count(file), list(bounces.read(file))) == (0, [])


def test_it_says_what_it_found(
    session: Session, sent: Campaign, evenhand: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "mailbox"
    file.write_text(_report(session, HARD))
    session.rollback()
    done = evenhand("bounces", file)
    assert done.stdout == ("Stopped 1, to be tried again 0, only noted 0, read before 0, about no message of ours 0.\n")
    assert evenhand("bounces", tmp_path / "nothing").exit_code == 2


def test_the_worker_reads_the_file_of_the_settings_whenever_something_new_lies_in_it(
    app: Flask, session: Session, sent: Campaign, settings: Settings, evenhand: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "returns"
    app.config["SETTINGS"] = settings.model_copy(update={"bounce_file": file})

    def looked() -> str:
        session.execute(update(MailboxReading).values(read_at=now() - timedelta(minutes=20)))
        session.commit()
        worker.tidy()
        told = evenhand("doctor").stdout
        return next(line for line in told.splitlines() if "delivery reports" in line)

    assert f"{file} was not read yet" in evenhand("doctor").stdout
    assert "none has come" in looked()
    unreadable = "From \xff\n\nWhat is this?\n\n"
    file.write_text(unreadable + _report(session, HARD), encoding="latin-1")
    assert "stopped 1" in looked()
    assert _message(session).state == "failed"
    assert "stopped 1" in looked(), "what was read already is left alone"
    with file.open("a") as more:
        more.write(_report(session, DELAYED, number=2))
    assert "stopped 0, letters to be tried again 0, only noted 1, read before 1, about no letter of ours 1" in looked()
    file.write_bytes(bytes(range(256)))
    assert "WRONG" in looked()
    assert f"{file} is no mailbox file" in looked()
    assert _message(session).state == "failed"
