"""The worker: no mail is lost, hardly one is sent twice, and one that cannot be sent stops no other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import campaigns, invitations, worker
from survey.app import create_app
from survey.cli import main
from survey.config import Settings
from survey.context import db, now
from survey.database import begin_write
from survey.invitations import clock, links, outbox
from survey.models.asking import Campaign, Invitation, Token
from survey.models.roster import Contact
from survey.models.sending import ClockReading, OutboxMessage
from tests.asking import BY, crowd, found, plan
from tests.conftest import free_port, settings_for
from tests.post_office import PostOffice, open_post_office

ZONE = ZoneInfo("Asia/Shanghai")
LINK = re.compile(r"http://localhost(/s/[0-9a-z]{26})\s")


@pytest.fixture
def waiting(session: Session) -> Campaign:
    """Two messages wait."""
    found(session)
    campaign = plan(session, at=now())
    invitations.invite(session, campaign, by=BY, at=now())
    session.commit()
    return campaign


def _states(session: Session) -> Counter[str]:
    session.expire_all()
    states = Counter(session.scalars(select(OutboxMessage.state)))
    session.rollback()  # on SQLite somebody reading holds up whoever writes
    return states


def _dispositions(session: Session) -> Counter[str]:
    return Counter(session.scalars(select(Invitation.disposition)))


def _letters(settings: Settings) -> dict[str, str]:
    """Path of the link → the letter's text, for every letter in the outbox folder."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(settings.outbox.glob("*.eml"))]
    return {LINK.findall(text)[0]: text for text in texts}


def test_what_waits_is_sent_once_with_a_link_that_opens(
    app: Flask, session: Session, settings: Settings, waiting: Campaign
) -> None:
    assert worker.drain() == worker.Tally(sent=2)
    assert _states(session) == Counter(sent=2)
    assert _dispositions(session) == Counter(sent=2)
    letters = _letters(settings)
    assert len(letters) == 2
    for path in letters:
        assert app.test_client().get(path).status_code == 200
    assert worker.drain() == worker.Tally()
    assert len(_letters(settings)) == 2


def test_the_token_is_made_when_the_mail_is_and_kept_only_as_a_digest(
    session: Session, settings: Settings, waiting: Campaign
) -> None:
    assert session.scalars(select(Token)).all() == []
    worker.drain()
    digests = set(session.scalars(select(Token.digest)))
    tokens = {path.removeprefix("/s/") for path in _letters(settings)}
    assert len(digests) == len(tokens) == 2
    assert not digests & tokens


def test_most_is_a_limit(session: Session, waiting: Campaign) -> None:
    assert worker.drain(most=1).sent == 1
    assert _states(session) == Counter(sent=1, queued=1)


def test_a_worker_that_dies_with_a_letter_in_hand_loses_none(
    session: Session, settings: Settings, waiting: Campaign
) -> None:
    begin_write(session)
    (in_hand,) = _claim(session)
    token = links.mint(session, in_hand.invitation_id, keys=settings.token_keys, at=now())
    session.commit()  # ... and here the power goes off

    assert worker.drain().sent == 1, "others are sent meanwhile"
    assert _states(session) == Counter(sent=1, claimed=1)
    _let_leases_pass(session)
    assert worker.drain().sent == 1
    assert _states(session) == Counter(sent=2)
    assert len(list(settings.outbox.iterdir())) == 2
    assert links.redeem(session, token, keys=settings.token_keys, at=now()), "the first letter's link works too"


def _claim(session: Session, at: datetime | None = None) -> list[OutboxMessage]:
    return outbox.claim(session, channel="mail", zone=ZONE, at=at or now())


def _let_leases_pass(session: Session) -> None:
    over = {"lease_until": now() - timedelta(seconds=1)}
    session.execute(update(OutboxMessage).where(OutboxMessage.state == "claimed").values(over))
    session.commit()
    worker.tidy()


def test_a_lease_is_kept_until_it_is_over(session: Session, waiting: Campaign) -> None:
    at = now()
    begin_write(session)
    (message,) = _claim(session, at)
    outbox.sweep(session, at=at + outbox.LEASE - timedelta(seconds=1))
    session.expire_all()
    assert message.state == "claimed"
    outbox.sweep(session, at=at + outbox.LEASE)
    session.expire_all()
    assert message.state == "queued"


def test_many_workers_send_each_letter_once(app: Flask, session: Session, waiting: Campaign) -> None:
    crowd(session, 30)
    invitations.invite(session, waiting, by=BY, at=now())
    session.commit()

    def work() -> int:
        with app.app_context():
            return worker.drain().sent

    with ThreadPoolExecutor(4) as workers:
        sent = [one.result() for one in [workers.submit(work) for _ in range(4)]]
    assert sum(sent) == 32
    assert _states(session) == Counter(sent=32)
    assert set(session.scalars(select(OutboxMessage.attempts))) == {1}


# -- what is no longer wanted -----------------------------------------------------------------------------------


def test_nothing_is_sent_for_a_campaign_that_closed_or_an_invitation_taken_back(
    session: Session, settings: Settings, waiting: Campaign
) -> None:
    first = session.scalars(select(Invitation).order_by(Invitation.id)).first()
    assert first
    invitations.revoke(session, first, reason="wrong person", by=BY, at=now())
    campaigns.close(session, waiting, by=BY, at=now())
    session.commit()
    assert worker.drain() == worker.Tally()
    assert not settings.outbox.exists()


def test_the_worker_closes_what_is_past_its_last_day_once_the_clock_has_run_steadily(
    session: Session, settings: Settings, waiting: Campaign
) -> None:
    waiting.opens_on = waiting.closes_on = (now() - timedelta(days=3)).date()
    session.commit()
    worker.tidy()
    session.expire_all()
    assert waiting.state == "open", "the first look at a clock proves nothing"
    assert not campaigns.takes_answers(session, waiting, at=now()), "and yet nothing is taken any more"
    session.execute(update(ClockReading).values(steady_since=now() - clock.STEADY))
    session.commit()
    worker.tidy()
    session.expire_all()
    assert waiting.state == "closed"
    assert _dispositions(session) == Counter(expired=2)


def test_an_answer_that_comes_first_is_not_overwritten_by_sent(session: Session, waiting: Campaign) -> None:
    begin_write(session)
    (message,) = _claim(session)
    message.invitation.disposition = "completed"
    session.flush()
    outbox.mark_sent(session, [message], at=now())
    session.commit()
    assert _dispositions(session) == Counter(completed=1, queued=1)


# -- trouble ----------------------------------------------------------------------------------------------------


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office(free_port()) as office:
        yield office


@pytest.fixture
def through(tmp_path: Path, database_url: str) -> Callable[[int], Flask]:
    """The same installation with a mail server at a port."""

    def build(port: int) -> Flask:
        return create_app(
            settings_for(tmp_path, database_url, smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False)
        )

    return build


def _drain(app: Flask) -> worker.Tally:
    with app.app_context():
        try:
            return worker.drain()
        finally:
            db.session.close()
            db.engine.dispose()


def test_one_bad_address_is_reported_and_the_others_are_sent(
    session: Session, waiting: Campaign, office: PostOffice, through: Callable[[int], Flask]
) -> None:
    crowd(session, 8)
    invitations.invite(session, waiting, by=BY, at=now())
    broken = session.scalars(select(Contact).where(Contact.name == "M3")).one()
    broken.email = "not an address"
    session.commit()
    office.answers["m5@m.example"] = "550 no such user"
    tally = _drain(through(office.port))
    assert (tally.sent, tally.refused) == (8, 2)
    assert len(office.received) == 8
    failed = session.scalars(select(OutboxMessage.last_error).where(OutboxMessage.state == "failed")).all()
    assert sorted(str(reason)[:16] for reason in failed) == ["'not an address'", "550 no such user"]
    assert _dispositions(session)["bounced"] == 2


def test_a_server_that_is_down_costs_no_letter_however_long(
    session: Session, waiting: Campaign, through: Callable[[int], Flask]
) -> None:
    port = free_port()
    app = through(port)
    for _ in range(outbox.MOST_ATTEMPTS + 3):
        tally = _drain(app)
        assert (tally.sent, tally.refused) == (0, 0)
        assert "ConnectionRefusedError" in tally.trouble
    assert _states(session) == Counter(queued=2)
    assert set(session.scalars(select(OutboxMessage.attempts))) == {0}, "nothing was claimed for nothing"
    session.rollback()
    with open_post_office(port) as office:
        assert _drain(app).sent == 2
    assert len(office.received) == len({letter["Message-ID"] for letter in office.received}) == 2


def test_a_letter_not_taken_for_now_waits_longer_each_time_and_is_given_up_at_last(
    session: Session, waiting: Campaign, office: PostOffice, through: Callable[[int], Flask]
) -> None:
    office.answers["wang@c1.example"] = "451 try again later"
    app = through(office.port)
    tally = _drain(app)
    assert (tally.sent, tally.delayed) == (1, 1)
    assert _drain(app) == worker.Tally(), "not again at once"
    pauses = []
    for _ in range(outbox.MOST_ATTEMPTS - 1):
        session.execute(update(OutboxMessage).where(OutboxMessage.state == "queued").values(not_before=now()))
        session.commit()
        began = now()
        _drain(app)
        session.expire_all()
        pauses.append(session.scalars(select(OutboxMessage.not_before).order_by(OutboxMessage.id)).first() - began)
    pauses = [timedelta(minutes=pause // timedelta(minutes=1)) for pause in pauses]
    assert pauses == sorted(pauses)
    assert pauses[0] > outbox.FIRST_PAUSE
    assert _states(session) == Counter(sent=1, failed=1)


def test_a_repeat_carries_the_same_message_id(
    session: Session, waiting: Campaign, office: PostOffice, through: Callable[[int], Flask]
) -> None:
    app = through(office.port)
    _drain(app)
    session.execute(
        update(OutboxMessage).values(state="claimed", lease_until=now() - timedelta(seconds=1), sent_at=None)
    )
    session.commit()
    worker.tidy()
    _drain(app)
    assert set(Counter(letter["Message-ID"] for letter in office.received).values()) == {2}


# -- the command ------------------------------------------------------------------------------------------------


def test_once_sends_what_is_due_and_stops(app: Flask, session: Session, waiting: Campaign) -> None:
    session.rollback()
    done = CliRunner().invoke(main, ["worker", "--once"], obj=ScriptInfo(create_app=lambda: app))
    assert (done.exit_code, done.stdout) == (0, "Sent 2, refused 0, to be tried again 0.\n")


def test_told_to_stop_it_begins_nothing(session: Session, waiting: Campaign) -> None:
    stop = Event()
    stop.set()
    assert worker.drain(stop) == worker.Tally()
    assert _states(session) == Counter(queued=2)


def test_logs_name_no_address_no_name_and_no_link(
    session: Session, settings: Settings, waiting: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    worker.drain()
    told = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("evenhand"))
    assert "message" in told
    for secret in ("wang@", "王芳", "李伟", *(path.removeprefix("/s/") for path in _letters(settings))):
        assert secret not in told
