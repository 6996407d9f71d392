"""A backup every night without a command: when it is due, what stays in its directory, what is said when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import journal, orders, worker
from survey.backups import archive, latest, nightly
from survey.config import Settings
from survey.context import now as clock
from survey.models.orders import WorkOrder
from survey.worker.orders import perform

SHANGHAI = ZoneInfo("Asia/Shanghai")
OWN = "evenhand-2026-07-06.zip"
OLD = ("evenhand-2020-01-01-030000.zip", "evenhand-2020-01-02-030000.zip")
HALF_DONE = ".evenhand-2020-01-01-030000.zip.x1y2"


@pytest.fixture
def folder(app: Flask, settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "disk" / "backups"
    app.config["SETTINGS"] = settings.model_copy(update={"backup_dir": folder, "backups_kept": 2})
    return folder


def _done(session: Session) -> WorkOrder:
    order = orders.claim(session, at=clock())
    assert order
    session.commit()
    perform(order.id)
    return order


def test_the_worker_backs_up_once_a_night_and_the_oldest_leaves(session: Session, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in (OWN, *OLD, HALF_DONE):
        (folder / name).touch()
    journal.record(session, "tried", "it", by="a", at=clock())
    session.commit()
    worker.tidy()
    order = _done(session)
    assert (order.state, order.asked_by) == ("done", "worker"), order.refusals
    file = Path(order.came_of["file"])
    assert {one.name for one in folder.iterdir()} == {OWN, OLD[1], file.name}
    with archive.read(file) as reader:
        assert len(list(reader.rows("journal_entry"))) == reader.manifest.entries == 2
    last = latest.last(session)
    assert last
    assert (last.file, last.bytes) == (file, file.stat().st_size)
    worker.tidy()
    assert session.scalar(select(func.count()).select_from(WorkOrder)) == 1


def test_it_falls_due_at_three_where_the_company_is(session: Session) -> None:
    def due(at: datetime) -> bool:
        return nightly.is_due(session, zone=SHANGHAI, at=at)

    three = datetime(2026, 7, 5, 19, 0, tzinfo=UTC)
    assert due(three), "the first is taken at once"
    order = orders.back_up(session, by="a", at=three - timedelta(hours=1))
    assert not due(three), "it is under way"
    order.state = "failed"
    assert not due(three - timedelta(seconds=1))
    assert due(three)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_backup_that_failed_is_told_and_leaves_nothing(
    session: Session, folder: Path, evenhand: Callable[..., Result]
) -> None:
    folder.parent.touch()  # a file stands where the directory should
    worker.tidy()
    order = _done(session)
    assert order.state == "failed"
    assert "could not be written" in order.refusals[0]["sentence"]
    told = evenhand("doctor").stdout
    assert f"The backup could not be written to {folder}" in told
    assert "Back up now" in told
    assert latest.last(session) is None
