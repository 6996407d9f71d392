"""A thousand letters through trouble: workers that are killed, lines that break, a row that cannot be sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from survey import invitations, worker
from survey.app import create_app
from survey.context import db, now
from survey.invitations import delivery
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from tests.asking import BY, crowd, found, plan
from tests.conftest import free_port, settings_for
from tests.post_office import PostOffice, open_post_office

ROOT = Path(__file__).resolve().parent.parent.parent
MANY = 1000
KILLS = 20
PATIENCE = 600.0


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office(free_port()) as office:
        yield office


@pytest.fixture
def campaign(session: Session) -> Campaign:
    """A thousand people are to be asked."""
    found(session)
    crowd(session, MANY - 2)
    campaign = plan(session, at=now())
    invitations.invite(session, campaign, by=BY, at=now())
    session.commit()
    return campaign


@pytest.fixture
def start(tmp_path: Path, database_url: str, office: PostOffice) -> Iterator[Callable[[], int]]:
    """Start `evenhand worker` in a process of its own; gives the number of the process."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "EVENHAND_DIR": str(tmp_path), "DATABASE_URL": database_url,
        "SECRET_KEY": "s" * 40, "TOKEN_KEYS": f'{{"test": "{"t" * 40}"}}', "BASE_URL": "http://localhost",
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(office.port), "SMTP_STARTTLS": "false",
    }  # fmt: skip
    begun: list[int] = []
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery"], env=environment, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    orders, born = nursery.stdin, nursery.stdout
    assert orders
    assert born

    def start() -> int:
        orders.write("one\n")
        orders.flush()
        begun.append(int(born.readline()))
        return begun[-1]

    with nursery:
        yield start
        for number in begun:
            _end(number, signal.SIGKILL)


def _end(number: int, how: signal.Signals) -> None:
    """Send a signal to a worker and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(number, how)
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            os.kill(number, 0)
            time.sleep(0.01)
        pytest.fail(f"worker {number} did not end")


def _until(office: PostOffice, letters: int) -> None:
    began = time.monotonic()
    while len(office.received) < letters:
        assert time.monotonic() - began < PATIENCE, f"{len(office.received)} letters came, {letters} were expected"
        time.sleep(0.01)


@pytest.mark.slow
def test_no_letter_is_lost_and_hardly_one_doubled_when_workers_are_killed_and_lines_break(
    session: Session, campaign: Campaign, office: PostOffice, start: Callable[[], int]
) -> None:
    session.rollback()
    working, cuts = [start(), start()], 0
    for kill in range(1, KILLS + 1):
        _until(office, kill * 40)
        cuts += office.cut()
        _until(office, kill * 40 + 10)
        _end(working.pop(0), signal.SIGKILL)
        working.append(start())
    assert cuts >= KILLS
    for one in working:
        _end(one, signal.SIGTERM)
    assert _unsent(session), "the trouble came while letters were waiting"
    _let_time_pass(session)
    start()
    began = time.monotonic()
    while _unsent(session):
        assert time.monotonic() - began < PATIENCE, f"{_unsent(session)} letters still wait"
        time.sleep(0.2)
    assert Counter(session.scalars(select(OutboxMessage.state))) == Counter(sent=MANY)
    letters = Counter((letter["To"], letter["Message-ID"]) for letter in office.received)
    assert len(letters) == MANY == len({address for address, _ in letters}), "a repeat has the same Message-ID"
    assert len(office.received) - MANY <= KILLS


def _unsent(session: Session) -> int:
    waiting = select(func.count()).where(OutboxMessage.state.in_(("queued", "claimed")))
    found = session.scalar(waiting) or 0
    session.rollback()
    return found


def _let_time_pass(session: Session) -> None:
    """The leases of the dead and the pauses after broken lines are over; no worker is alive to hold anything."""
    session.execute(update(OutboxMessage).where(OutboxMessage.state == "claimed").values(lease_until=now()))
    session.execute(update(OutboxMessage).where(OutboxMessage.state == "queued").values(not_before=now()))
    session.commit()


def test_one_row_that_cannot_be_sent_is_reported_and_all_others_go(
    session: Session, campaign: Campaign, office: PostOffice, tmp_path: Path, database_url: str
) -> None:
    session.execute(update(Contact).where(Contact.name == "M500").values(email="not an address"))
    session.commit()
    app = create_app(
        settings_for(tmp_path, database_url, smtp_host="127.0.0.1", smtp_port=office.port, smtp_starttls=False)
    )
    with app.app_context():
        tally = worker.drain()
        db.session.close()
        db.engine.dispose()
    assert (tally.sent, tally.refused, tally.delayed) == (MANY - 1, 1, 0)
    assert len({letter["Message-ID"] for letter in office.received}) == len(office.received) == MANY - 1
    (failure,) = delivery.undelivered(session, campaign)
    assert (failure.customer, failure.contact) == ("M500", "M500")
    assert "not an address" in failure.reason
    assert Counter(session.scalars(select(Invitation.disposition))) == Counter(sent=MANY - 1, bounced=1)
