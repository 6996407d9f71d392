"""Answering: durable answers a second through gunicorn, beside what the engine and the server can do at all."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import Line, Section
from tests.bench.runner import Measured
from tests.serving import Answered, Post, post_all, served

if TYPE_CHECKING:
    from survey.config import Settings

ANSWERS, PACED, HELLOS, COMMITS, CLIENTS, PACE = 800, 250, 2000, 1000, 16, 50


def answering(folder: Path) -> Section:
    """Each answer is a first one, of another customer, with three ratings; the form is signed beforehand."""
    lines: list[Line] = []
    remarks: list[str] = []
    with _postgres(folder) as server:
        for engine, url in (("SQLite", ""), ("PostgreSQL", server)):
            directory = folder / engine
            settings, posts = _asked(directory, url, ANSWERS + PACED)
            bare = _bare_commits(directory, url)
            with served("wsgi:app", settings) as port:
                storm, storm_seconds = _timed(port, posts[:ANSWERS])
                paced = post_all(port, posts[ANSWERS:], clients=CLIENTS, rate=PACE)
            with served("tests.bench.hello:app", settings) as port:
                hello, hello_seconds = _timed(port, [Post(path="/hello")] * HELLOS)
            rates = {name: len(told) / seconds for name, told, seconds in (
                ("answers", storm, storm_seconds), ("hello", hello, hello_seconds),
            )}  # fmt: skip
            lines += [
                Line(what=f"{engine}: {ANSWERS:,} durable answers, {CLIENTS} clients", measured=_one(storm_seconds)),
                Line(what=f"{engine}: {COMMITS:,} bare one-row commits", measured=_one(bare)),
                Line(what=f"{HELLOS:,} times hello", measured=_one(hello_seconds)),
            ]
            share = rates["answers"] / (COMMITS / bare)
            late = statistics.quantiles([one.seconds for one in paced], n=20)[-1] * 1000
            refused = sum(one.status != 303 for one in (*storm, *paced))
            remarks.append(
                f"{engine}: {rates['answers']:.0f} answers a second; {COMMITS / bare:.0f} bare commits a second "
                f"(answers are {share:.0%} of them, aim 50 %); {rates['hello']:.0f} times hello a second; at {PACE} "
                f"answers a second 95 % took at most {late:.0f} ms (aim < 300 ms); {refused} were not accepted."
            )
    return Section(
        title="Answering, through gunicorn with two workers of two threads", lines=tuple(lines),
        remarks=(*remarks, "The clients share the machine's processors with the server and the database."),
    )  # fmt: skip


def _one(seconds: float) -> Measured:
    return Measured(seconds=(seconds,), busy=(0.0,))


def _timed(port: int, posts: list[Post]) -> tuple[list[Answered], float]:
    post_all(port, [Post(path="/privacy")] * CLIENTS, clients=CLIENTS)  # every worker has drawn its first page
    begin = time.perf_counter()
    told = post_all(port, posts, clients=CLIENTS)
    return told, time.perf_counter() - begin


def _asked(directory: Path, url: str, number: int) -> tuple[Settings, list[Post]]:
    """A company whose customers have been asked, and the form of each, filled in."""
    from survey.app import alembic, create_app
    from survey.config import load
    from survey.context import db, now
    from survey.models.asking import Invitation
    from survey.views import sheets
    from tests.asking import CORE, ask_many

    settings = load(
        _env_file=None, evenhand_dir=directory, database_url=url, base_url="http://localhost", secret_key="s" * 40,
        token_keys={"bench": "t" * 40},
    )  # fmt: skip
    replies = {f"{item}-1": value for item, value in CORE.items()}
    app = create_app(settings)
    with app.app_context():
        alembic.upgrade()
        asked = ask_many(db.session, settings, number, at=now())
        posts = [
            Post(path=link, fields={**replies, "language": "en", "send": "1", "nonce": sheets.new_nonce(invitation)})
            for link, number in asked
            for invitation in (db.session.get_one(Invitation, number),)
        ]
        db.session.close()
        db.engine.dispose()
    return settings, posts


def _bare_commits(directory: Path, url: str) -> float:
    """Seconds for a thousand transactions of one row each, as durable as the product's.

    PostgreSQL takes as many writers as there are clients. SQLite has one writer at a time, so it gets one.
    """
    write, writers = (_postgres_writer(url), CLIENTS) if url else (_sqlite_writer(directory / "bare.sqlite"), 1)
    begin = time.perf_counter()
    with ThreadPoolExecutor(writers) as crowd:
        list(crowd.map(write, range(writers)))
    return time.perf_counter() - begin


def _sqlite_writer(path: Path) -> Callable[[int], None]:
    from survey.database import journal_mode

    def write(_number: int) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(f"PRAGMA journal_mode={journal_mode(sqlite3.sqlite_version_info)}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, words TEXT)")
        for _ in range(COMMITS):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (words) VALUES ('an answer')")
            connection.execute("COMMIT")
        connection.close()

    return write


def _postgres_writer(url: str) -> Callable[[int], None]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as first:
        first.execute("CREATE TABLE bare (id serial PRIMARY KEY, words text)")

    def write(number: int) -> None:
        with psycopg.connect(url) as connection:
            for _ in range(number, COMMITS, CLIENTS):
                connection.execute("INSERT INTO bare (words) VALUES ('an answer')")
                connection.commit()

    return write


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """A server of our own that waits for the disk as it does in earnest; gives the URL of its database."""
    import os

    import psycopg

    from tests.conftest import free_port

    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder.chmod(0o755)
    data, port = folder / "postgres", free_port()
    data.mkdir()
    if as_user:
        shutil.chown(data, "postgres")
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=data, **as_user)
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-k", data, "-h", "127.0.0.1"],
        cwd=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user,
    )  # fmt: skip
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        for _ in range(200):
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=60)
