"""Sending: 20,000 invitations in PostgreSQL, drained by two workers into a mail server on the same machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import Line, Section
from tests.bench.runner import call

if TYPE_CHECKING:
    from tests.bench.child import Watch

HERE = "tests.bench.sending"
ROOT = Path(__file__).resolve().parent.parent.parent
LETTERS, WORKERS = 20_000, 2
LOOK_SECONDS = 0.2


def mailing(folder: Path) -> Section:
    """Rows written first, a lease and two commits a letter, one connection a worker."""
    with postgres(folder) as url:
        drained = call(f"{HERE}:drain", folder, url, LETTERS, WORKERS)
    return Section(
        title="Sending invitations",
        lines=(Line(what=f"{LETTERS:,} letters, {WORKERS} workers, PostgreSQL with fsync, SMTP", measured=drained),),
        remarks=drained.notes,
    )


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server of our own that keeps what it acknowledges; gives its URL."""
    from tests.conftest import free_port

    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    home, port = folder / "postgres", free_port()
    home.mkdir()
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    if as_user:
        folder.chmod(0o755)
        shutil.chown(home, "postgres")
    data = home / "data"
    making = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
    subprocess.run(making, check=True, capture_output=True, cwd=home, **as_user)
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-k", home, "-h", "127.0.0.1"],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user,
    )  # fmt: skip
    ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode and server.poll() is None:
        time.sleep(LOOK_SECONDS)
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def drain(watch: Watch, folder: str, url: str, letters: str, workers: str) -> None:
    """What is measured: from starting the workers until the last letter stands as sent."""
    from survey.app import create_app
    from survey.context import db
    from tests.conftest import free_port, settings_for

    port = free_port()
    app = create_app(settings_for(Path(folder), url))
    office = subprocess.Popen([sys.executable, "-c", f"from {HERE} import take_mail; take_mail({port})"], cwd=ROOT)
    environment = {
        **os.environ, "EVENHAND_DIR": folder, "DATABASE_URL": url, "BASE_URL": "http://localhost",
        "SECRET_KEY": "s" * 40, "TOKEN_KEYS": f'{{"test": "{"t" * 40}"}}', "PYTHONPATH": str(ROOT),
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_STARTTLS": "false",
    }  # fmt: skip
    command = [sys.executable, "-c", "from survey.cli import main; main()", "worker"]
    with app.app_context():
        _ask(int(letters))
        with watch:
            working = [
                subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
                for _ in range(int(workers))
            ]
            while _unsent():
                time.sleep(LOOK_SECONDS)
        db.session.close()
        db.engine.dispose()
    for process in (*working, office):
        process.terminate()
        process.wait()
    watch.notes.append(f"{int(letters) / watch.seconds:,.0f} letters a second, the workers' start included.")


def _ask(letters: int) -> None:
    """As many people as letters, all invited."""
    from survey import invitations
    from survey.app import alembic
    from survey.context import db, now
    from tests.asking import BY, crowd, found, plan

    alembic.upgrade()
    found(db.session)
    crowd(db.session, letters - 2)
    invitations.invite(db.session, plan(db.session, at=now()), by=BY, at=now())
    db.session.commit()


def _unsent() -> int:
    from sqlalchemy import func, select

    from survey.context import db
    from survey.models.sending import OutboxMessage

    waiting = db.session.scalar(select(func.count()).where(OutboxMessage.state != "sent")) or 0
    db.session.rollback()
    return waiting


def take_mail(port: int) -> None:
    """A mail server that takes everything and keeps nothing, until it is ended."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()
