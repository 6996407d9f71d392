"""SQLite under many hands: writers of one process queue, and none is forgotten."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from survey.database import begin_write, prepare

WRITERS, TURNS, IMPATIENT = 24, 5, 20  # milliseconds


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A database whose own waiting is over long before everybody had their turn."""
    engine = create_engine(f"sqlite:///{tmp_path / 'queue.sqlite'}", pool_size=WRITERS + 1)
    prepare(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE line (writer INTEGER)")
    return engine


def write(engine: Engine, writer: int) -> None:
    with Session(engine) as session:
        for _ in range(TURNS):
            begin_write(session)
            session.execute(text(f"PRAGMA busy_timeout={IMPATIENT}"))
            session.execute(text("INSERT INTO line VALUES (:writer)"), {"writer": writer})
            time.sleep(0.005)
            session.commit()


def test_every_writer_gets_a_turn(engine: Engine) -> None:
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(lambda writer: write(engine, writer), range(WRITERS)))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM line")) == WRITERS * TURNS
    engine.dispose()
