"""When to look at the outbox: jobs that any number of workers share.

A job carries nothing but its name: what is to be sent stands in the outbox, so a job lost with its worker loses no
letter, and one too many finds nothing to do. The queue lies beside the data: in PostgreSQL, or in a SQLite file.
"""

from __future__ import annotations

import json
import logging
import signal
import sqlite3
from contextlib import closing
from datetime import datetime
from threading import Event

import psycopg
from flask import Flask, current_app
from huey import Huey, PostgresHuey, SqliteHuey, crontab
from huey.registry import Message
from huey.serializer import Serializer, SignedSerializer
from sqlalchemy.exc import DBAPIError

from survey import channels, database, worker
from survey.config import Settings
from survey.context import now, session, settings
from survey.database import BUSY_SECONDS, journal_mode
from survey.invitations import outbox
from survey.users import letters
from survey.worker.orders import Workshop

BATCH = 200
"""Letters in one job: small enough to be shared, large enough to make a connection worth its while."""
MOST_JOBS = 32
PAUSE_SECONDS = 10
"""Before a server that could not be reached is tried again."""
LOOK_SECONDS = 1.0
"""How soon long work begins that was asked for on a page."""
HEALTH_LOOKS = 10
_MAKING_TABLES = 0x45764A51
log = logging.getLogger("evenhand.worker")


class _Plain(Serializer):  # type: ignore[misc]  # untyped library
    """Jobs as JSON: nothing that comes out of a queue is executed by reading it."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data._asdict(), default=datetime.isoformat).encode()

    def _deserialize(self, data: bytes) -> Message:
        fields = json.loads(data)
        eta = fields.pop("eta")
        return Message(eta=eta and datetime.fromisoformat(eta), **fields)


class _Signed(SignedSerializer, _Plain):  # type: ignore[misc]  # untyped library
    """Signed besides, so that only this installation gives jobs to its workers."""


def queue(app: Flask, stop: Event | None = None) -> Huey:
    """The queue of this installation and the jobs its workers know. `stop` ends a job after the letter in hand."""
    huey = _storage(app.config["SETTINGS"])

    @huey.task(name="send")  # type: ignore[untyped-decorator]
    def send() -> None:
        """Send some of what is due; whoever leaves more behind puts the job back."""
        with app.app_context():
            tally = worker.drain(stop, most=BATCH)
        if tally.trouble:
            log.warning("no letter goes out for now: %s", tally.trouble)
            send.schedule(delay=PAUSE_SECONDS)
        elif tally.total == BATCH:
            send()

    @huey.periodic_task(crontab(), name="look")  # type: ignore[untyped-decorator]
    def look() -> None:
        """Every minute: tidy up, and give out as many jobs as there are letters for."""
        with app.app_context():
            worker.tidy()
            due = outbox.waiting(session(), by_hand=channels.by_hand(settings()), at=now())
            due += letters.waiting(session(), at=now())
            jobs = min(MOST_JOBS, -(-due // BATCH))
        for _ in range(jobs - huey.pending_count()):
            send()

    @huey.on_shutdown()  # type: ignore[untyped-decorator]
    def hang_up() -> None:
        """In the thread that ends: it alone knows its connection."""
        huey.storage.close()

    huey.look = look
    return huey


def wake() -> None:
    """Let a worker look at the outbox now rather than within a minute. Call it after the commit; without a queue the
    letters still go, at the next look."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        huey = queue(app)
        with closing(huey.storage):
            huey.look()
    except (sqlite3.Error, psycopg.Error) as trouble:
        log.warning("the queue cannot be reached: %s", trouble)


def run(app: Flask, stop: Event, *, threads: int = 1, schedule: bool = True) -> None:
    """Work until told to stop, finishing the letters in hand. The clock's work (`look`) is for one worker of many."""
    huey = queue(app, stop)
    consumer = huey.create_consumer(workers=threads, periodic=schedule, max_delay=1.0)
    huey.look()
    # Its own `start` would take the process's signals, and the demo works beside a web server.
    consumer.scheduler.start()
    for _worker, thread in consumer.worker_threads:
        thread.start()
    workshop, looks = Workshop(), 0
    while not stop.wait(LOOK_SECONDS):
        looks += 1
        with app.app_context():
            _look_into(workshop)
        if looks % HEALTH_LOOKS == 0:
            consumer.check_worker_health()
    with app.app_context():
        workshop.close()
    consumer.stop(graceful=True)
    huey.storage.close()


def _look_into(workshop: Workshop) -> None:
    """A database that is away for a moment ends no worker."""
    try:
        workshop.look()
    except DBAPIError as trouble:
        session().rollback()
        log.warning("the database: %s", database.refusal(trouble) or trouble)


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _storage(settings: Settings) -> Huey:
    options = {
        "results": False,
        "serializer": _Signed(secret=settings.secret_key.get_secret_value(), salt="evenhand jobs"),
    }
    if settings.database.startswith("postgresql"):
        dsn = settings.database.replace("+psycopg", "", 1)
        with psycopg.connect(dsn) as first_come:  # two workers that begin at once must not both make its tables
            first_come.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING_TABLES,))
            return PostgresHuey("evenhand", dsn=dsn, **options)
    return SqliteHuey(
        "evenhand", filename=str(settings.evenhand_dir / "queue.sqlite"), timeout=BUSY_SECONDS,
        journal_mode=journal_mode(sqlite3.sqlite_version_info), **options,
    )  # fmt: skip
