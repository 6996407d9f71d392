"""What was acknowledged is there: an outside ledger against the store, while processes die and the disk fills up."""

from __future__ import annotations

import http.client
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from survey.app import alembic, create_app
from survey.config import Settings
from survey.context import db, now
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Invitation, Subject
from survey.views import sheets
from tests.asking import CORE, ask_many
from tests.conftest import free_port, settings_for
from tests.serving import PATIENCE, Post, Server, children, send

SUBJECTS, CLIENTS = 240, 8
AWAY = {0, 503}
"""What a customer may see while something is down: no answer at all, or to come back shortly."""


class Cluster:
    """A PostgreSQL of our own that keeps what it acknowledges, and may be killed."""

    def __init__(self, home: Path) -> None:
        self._binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self._home, self._log, self._port = home, home.with_suffix(".log"), free_port()
        self._as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
        home.mkdir()
        if self._as_user:
            shutil.chown(home, "postgres")
        making = [self._binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run([*making, "--no-locale"], check=True, capture_output=True, cwd=home, **self._as_user)
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Begun anew as long as something of the one that was killed is still in its way."""
        command = [self._binaries / "postgres", "-D", self._home / "data", "-p", str(self._port), "-k", self._home]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with self._log.open("a") as told:
                self._process = subprocess.Popen(
                    [*command, "-h", "127.0.0.1"], cwd=self._home, stdout=told, stderr=told, **self._as_user
                )
            while self._process.poll() is None:
                try:
                    psycopg.connect(self.url).close()
                except psycopg.OperationalError:
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"the database did not come up: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """The server and all that work for it, without a warning; it begins no more of them meanwhile."""
        os.kill(self._process.pid, signal.SIGSTOP)
        for number in (*children(self._process.pid), self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._process.wait()

    def rise_again(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def cluster(postgres: str) -> Iterator[Cluster]:
    home = Path(tempfile.mkdtemp(prefix="evenhand-pg-"))
    home.chmod(0o755)  # its user comes in here
    cluster = Cluster(home / "cluster")
    yield cluster
    cluster.kill()
    shutil.rmtree(home)


Serve = Callable[[Settings], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a web server of two processes; gone afterwards, whatever happened."""
    begun: list[Server] = []

    def serve(settings: Settings) -> Server:
        begun.append(Server("wsgi:app", settings))
        return begun[-1]

    yield serve
    for server in begun:
        server.kill()


class Ledger:
    """Customers who press Send until it is acknowledged, and what each of them was promised to have said."""

    def __init__(self, session: Session, settings: Settings, subjects: int) -> None:
        asked = ask_many(session, settings, subjects, at=now())
        self.said = {invitation_id: str(1 + place % 5) for place, (_, invitation_id) in enumerate(asked)}
        self._posts = {}
        for link, invitation_id in asked:
            fields = {**{f"{item}-1": value for item, value in CORE.items()}, "language": "en"}
            nonce = sheets.new_nonce(session.get_one(Invitation, invitation_id))
            fields |= {"nonce": nonce, "overall-1": self.said[invitation_id]}
            self._posts[invitation_id] = Post(path=link, fields=fields)
        session.rollback()
        self.acknowledged: list[int] = []
        self.told: set[int] = set()

    def fill(self, port: int, blows: list[Callable[[], object]]) -> None:
        """Everybody answers, some at once; each blow falls as soon as its share of them has been acknowledged."""
        until = time.monotonic() + PATIENCE
        with ThreadPoolExecutor(CLIENTS + 1) as crowd:
            fallen = crowd.submit(self._fall, blows, until)
            pressing = [crowd.submit(self._press, port, invitation_id, until) for invitation_id in self._posts]
        for done in (fallen, *pressing):
            done.result()

    def _fall(self, blows: list[Callable[[], object]], until: float) -> None:
        for number, blow in enumerate(blows, start=1):
            while len(self.acknowledged) < number * len(self._posts) // (len(blows) + 1):
                if time.monotonic() > until:
                    return
                time.sleep(0.005)
            blow()

    def _press(self, port: int, invitation_id: int, until: float) -> None:
        while time.monotonic() < until and self.try_once(port, invitation_id) != 303:
            time.sleep(0.05)

    def try_once(self, port: int, invitation_id: int) -> int:
        line = http.client.HTTPConnection("localhost", port, timeout=PATIENCE)
        status = send(line, self._posts[invitation_id]).status
        line.close()
        if status == 303:
            self.acknowledged.append(invitation_id)
        self.told.add(status)
        return status


def _stored(url: str) -> dict[int, list[float]]:
    """The overall rating each invitation's answer has in the store, read by somebody else; nothing there is a part."""
    engine = create_engine(url)
    with Session(engine) as session:
        rows = session.execute(
            select(Subject.invitation_id, ResponseVersion.id, Answer.item, Answer.value)
            .join(Response, Response.subject_id == Subject.id)
            .join(ResponseVersion, ResponseVersion.response_id == Response.id)
            .outerjoin(Answer, Answer.response_version_id == ResponseVersion.id)
        ).all()
    engine.dispose()
    whole = Counter(version for _, version, _, _ in rows)
    assert len(set(whole.values())) == 1, "every version has every item"
    kept: dict[int, list[float]] = {}
    for invitation_id, _, item, value in rows:
        if item == "overall":
            kept.setdefault(invitation_id, []).append(value)
    return kept


def _promised(ledger: Ledger) -> dict[int, list[float]]:
    return {invitation_id: [float(ledger.said[invitation_id])] for invitation_id in ledger.acknowledged}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_what_was_acknowledged_is_there_though_web_servers_are_killed(
    session: Session, settings: Settings, serve: Serve
) -> None:
    ledger, server = Ledger(session, settings, SUBJECTS), serve(settings)
    lose_one, lose_all = _blows(server)
    ledger.fill(server.port, [lose_one, lose_all, lose_one])
    server.kill()
    assert ledger.told <= {303, *AWAY}
    assert ledger.told & AWAY, "the blows fell while people were answering"
    assert len(ledger.acknowledged) == SUBJECTS
    assert _stored(settings.database) == _promised(ledger)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_acknowledged_is_there_though_the_database_is_killed_too(
    tmp_path: Path, cluster: Cluster, serve: Serve
) -> None:
    settings = settings_for(tmp_path, cluster.url)
    app = create_app(settings)
    with app.app_context():
        alembic.upgrade()
        ledger = Ledger(db.session, settings, SUBJECTS)
        db.session.close()
        db.engine.dispose()
    server = serve(settings)
    ledger.fill(server.port, [cluster.rise_again, *_blows(server), cluster.rise_again])
    server.kill()
    cluster.rise_again()
    assert ledger.told <= {303, *AWAY}
    assert ledger.told & AWAY, "the blows fell while people were answering"
    assert len(ledger.acknowledged) == SUBJECTS
    assert _stored(settings.database) == _promised(ledger)


def _blows(server: Server) -> list[Callable[[], object]]:
    """One of the two processes that answer, then all there is."""

    def lose_one() -> None:
        os.kill(server.workers()[0], signal.SIGKILL)

    def lose_all() -> None:
        server.kill()
        server.start()

    return [lose_one, lose_all]


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_full_disk_loses_nothing_that_was_acknowledged(session: Session, settings: Settings, serve: Serve) -> None:
    """Who is not acknowledged is told to come back, and may, once there is room."""
    ledger, server = Ledger(session, settings, 60), serve(settings)
    file = Path(settings.database.removeprefix("sqlite:///"))
    full = file.stat().st_size // 4096 * 4096
    for number in server.workers():
        resource.prlimit(number, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    statuses = {one: ledger.try_once(server.port, one) for one in ledger.said}
    refused = [one for one, status in statuses.items() if status != 303]
    assert refused, "there was no more room"
    assert {statuses[one] for one in refused} == {503}
    assert _stored(settings.database) == _promised(ledger)
    for number in server.workers():
        resource.prlimit(number, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert {ledger.try_once(server.port, one) for one in refused} == {303}
    server.stop()
    assert _stored(settings.database) == _promised(ledger)
