"""When to look at the outbox: a queue that any number of workers share, and that may be lost without loss."""

from __future__ import annotations

import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from huey.registry import Message
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from survey import invitations
from survey.app import create_app
from survey.config import Settings
from survey.context import db, now
from survey.models.asking import Campaign
from survey.models.sending import OutboxMessage
from survey.worker import jobs
from tests.asking import BY, crowd, found, plan
from tests.conftest import free_port, settings_for
from tests.post_office import PostOffice, open_post_office

PATIENCE = 300.0


@pytest.fixture
def waiting(session: Session) -> Campaign:
    found(session)
    crowd(session, 10)
    campaign = plan(session, at=now())
    invitations.invite(session, campaign, by=BY, at=now())
    session.commit()
    return campaign


@pytest.fixture
def work() -> Iterator[Callable[..., None]]:
    """Let workers of these installations work at the side."""
    stop, threads, begun = Event(), [], []

    def work(*apps: Flask, **options: Any) -> None:
        begun.extend(apps)
        for number, app in enumerate(apps):
            thread = Thread(target=jobs.run, args=(app, stop), kwargs={"schedule": number == 0, **options})
            thread.start()
            threads.append(thread)

    yield work
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    for app in begun:
        with app.app_context():
            db.engine.dispose()


def _until_sent(session: Session, letters: int) -> None:
    began = time.monotonic()
    states: Counter[str] = Counter()
    while states["sent"] < letters:
        assert time.monotonic() - began < PATIENCE, states
        time.sleep(0.1)
        states = Counter(session.scalars(select(OutboxMessage.state)))
        session.rollback()


def test_a_worker_sends_what_waits_when_it_begins_and_what_it_is_woken_for(
    app: Flask, session: Session, waiting: Campaign, work: Callable[..., None]
) -> None:
    work(app)
    _until_sent(session, 12)
    crowd_more(session)
    invitations.invite(session, waiting, by=BY, at=now())
    session.commit()
    jobs.wake()
    _until_sent(session, 13)


def crowd_more(session: Session) -> None:
    """One customer more, in the crowd's way."""
    session.execute(text("UPDATE customer SET code = 'L' || code WHERE code LIKE 'M%'"))
    session.execute(text("UPDATE contact SET email = 'l' || email WHERE email LIKE 'm%'"))
    crowd(session, 1)


def test_two_workers_share_one_queue(
    session: Session, waiting: Campaign, work: Callable[..., None], tmp_path: Path, database_url: str
) -> None:
    with open_post_office(free_port()) as office:
        settings = settings_for(
            tmp_path, database_url, smtp_host="127.0.0.1", smtp_port=office.port, smtp_starttls=False
        )
        work(create_app(settings), create_app(settings), threads=2)
        _until_sent(session, 12)
        assert _ids(office) == Counter(dict.fromkeys(session.scalars(select(OutboxMessage.message_id)), 1))


def _ids(office: PostOffice) -> Counter[str]:
    return Counter(letter["Message-ID"].strip("<>").partition("@")[0] for letter in office.received)


def test_without_a_queue_nothing_fails_and_the_next_look_sends(
    session: Session, waiting: Campaign, app: Flask, settings: Settings, engine_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (settings.evenhand_dir / "queue.sqlite").mkdir()
    if engine_name == "postgresql":
        app.config["SETTINGS"] = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    jobs.wake()
    assert "queue cannot be reached" in caplog.text
    assert session.scalars(select(OutboxMessage.state)).first() == "queued"


# -- what lies in the queue -------------------------------------------------------------------------------------


def test_a_job_is_plain_and_signed(app: Flask, settings: Settings) -> None:
    serializer = jobs.queue(app).serializer
    job = Message("1", "survey.worker.jobs.send", None, 0, 0, None, (), {})
    written = serializer.serialize(job)
    assert b'"name": "survey.worker.jobs.send"' in written
    read = serializer.deserialize(written)
    assert (read.id, read.name, list(read.args), read.kwargs) == ("1", "survey.worker.jobs.send", [], {})
    for forged in (written.replace(b"send", b"look"), pickle.dumps(job), b""):
        with pytest.raises(ValueError, match=r"Signature|Separator"):
            serializer.deserialize(forged)


def test_the_queue_is_no_part_of_the_tables(app: Flask, session: Session, evenhand: Callable[..., Any]) -> None:
    jobs.wake()
    session.rollback()
    assert evenhand("db", "check").exit_code == 0
