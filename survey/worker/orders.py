"""Long work, done beside the letters in a process of its own: what it takes of memory goes when it ends, a scoring that
is killed harms no letter, and neither the web server nor the worker ever loads what only scoring needs."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from survey import orders
from survey.backups import latest, nightly
from survey.context import company, db, now, session, settings
from survey.models.orders import WorkOrder
from survey.refusals import N_, Refused

ROOT = Path(__file__).resolve().parents[2]
PRINTED = "printed"
WORKER = "worker"
log = logging.getLogger("evenhand.worker")


class NoDirectory(Refused):
    pass


class Workshop:
    """One order at a time. `look` never waits: it starts what waits, and sees to what is being done."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._held_at = now()

    def look(self) -> bool:
        """Is anything being done? Call it every second or so, within an application's context."""
        if self._child is None:
            return self._begin()
        if self._child.poll() is None:
            if now() - self._held_at > orders.LEASE / 4:
                self._tell(orders.hold)
            return True
        log.info("order %s: its process ended with %s", self._number, self._child.returncode)
        self._child = None
        self._tell(orders.drop)
        return True

    def _begin(self) -> bool:
        due = orders.due(db.session, at=now())
        db.session.rollback()
        order = orders.claim(session(), at=now()) if due else None
        db.session.commit()
        if order is None:
            return False
        self._number, self._held_at = order.id, now()
        self._child = _start(order)
        return True

    def _tell(self, what: Callable[[WorkOrder, datetime], None]) -> None:
        self._held_at = now()
        what(orders.named(session(), self._number), now())
        session().commit()

    def finish(self) -> None:
        """Do what waits to its end."""
        while self.look():
            if self._child is not None:
                self._child.wait()

    def close(self) -> None:
        """Stop what is being done, and leave it to the next worker."""
        if self._child is None:
            return
        self._child.terminate()
        self._child.wait()
        self._child = None
        self._tell(orders.put_back)


def _start(order: WorkOrder) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **settings().as_environment()}
    return subprocess.Popen([sys.executable, "-m", "survey.worker", str(order.id)], cwd=ROOT, env=environment)


def perform(number: int) -> None:
    """Do one order that a worker holds. What is refused ends it with the reasons; anything else leaves it undone."""
    kind = orders.named(db.session, number).kind
    db.session.rollback()
    try:
        KINDS[kind](number)
    except Refused as refusal:
        session().rollback()
        orders.fail(orders.named(session(), number), refusal, at=now())
        session().commit()


def _score(number: int) -> None:
    """As `evenhand score` does: customers go on answering while the numbers are made."""
    from survey import runs
    from survey.runs import stored

    order = orders.named(db.session, number)
    by = order.asked_by
    material = runs.gather(db.session, order.period_code, order.told["spec"])
    db.session.rollback()
    adjustment = runs.scored(material)
    publication = runs.published(material, adjustment)
    run = runs.keep(session(), material, adjustment, publication, by=by, at=now())
    came_of = {"run": run.id, "evidence": stored.evidence(session(), run), "waiting": material.waiting}
    orders.finish(orders.named(session(), number), came_of, at=now())
    session().commit()


def _appraise(number: int) -> None:
    from survey import schemes
    from survey.appraisals import drawing

    order = orders.named(session(), number)
    told = order.told
    version = schemes.version_of(session(), told["scheme"], told["version"])
    done = drawing.draw_up(
        session(), order.period_code, version, draft=told["draft"], by=order.asked_by, at=now()
    )  # fmt: skip
    changes = Counter(change for _, change in done.appraisals)
    came_of = {"changes": dict(changes), "unused": list(done.unused), "adopted_in_time": done.adopted_in_time}
    orders.finish(order, came_of, at=now())
    session().commit()


def _print(number: int) -> None:
    """Every appraisal as a PDF, then all of them in one archive, which takes its place whole."""
    from survey import appraisals
    from survey.worker.printing import print_all

    order = orders.named(db.session, number)
    language = order.told["language"]
    papers = appraisals.papers(db.session, order.period_code)
    db.session.rollback()
    folder = archive_of(number).with_suffix("")
    refused = []
    for place, one in enumerate(print_all(papers, folder, language=language), start=1):
        refused += [one.paper.statement.number] if one.refusal else []
        order = orders.named(session(), number)
        order.done, order.total = place, len(papers)
        session().commit()
    _pack(folder, archive_of(number))
    shutil.rmtree(folder)
    order = orders.named(session(), number)
    orders.finish(order, {"printed": len(papers) - len(refused), "refused": refused}, at=now())
    session().commit()


def _back_up(number: int) -> None:
    """As `evenhand backup` does, into the directory of the settings, where the oldest of them leaves."""
    order, told = orders.named(db.session, number), settings()
    by = order.asked_by
    db.session.rollback()
    if told.backup_dir is None:
        raise NoDirectory(N_("Set BACKUP_DIR to a directory on the server, and start the worker again."))
    progress = _Progress(number)
    done = nightly.take(
        db.engine, told.backup_dir, kept=told.backups_kept, beside=told.evenhand_dir, keys=told.keys,
        zone=ZoneInfo(company().time_zone), at=now(), begin=progress.begin, tell=progress.tell,
    )  # fmt: skip
    latest.note(session(), done.file, done.manifest, sha256=done.sha256, by=by, at=now())
    orders.finish(orders.named(session(), number), {"file": str(done.file)}, at=now())
    session().commit()


class _Progress:
    """How far an order is, told to its row every second, so that a page can say it."""

    def __init__(self, number: int) -> None:
        self._number, self._done, self._total, self._told_at = number, 0, 0, now()

    def begin(self, total: int) -> None:
        self._total = total

    def tell(self, more: int) -> None:
        self._done += more
        if (now() - self._told_at).total_seconds() < 1:
            return
        order = orders.named(session(), self._number)
        order.done, order.total = self._done, self._total
        session().commit()
        self._told_at = now()


def ask_for_what_is_due() -> None:
    """The night's backup, once the night has come, where the settings name a place for it."""
    if settings().backup_dir is None:
        return
    if nightly.is_due(session(), zone=ZoneInfo(company().time_zone), at=now()):
        orders.back_up(session(), by=WORKER, at=now())
    session().commit()


def archive_of(number: int) -> Path:
    """Where the archive of an order to print lies, for a day."""
    return settings().evenhand_dir.resolve() / PRINTED / f"{number}.zip"


def _pack(folder: Path, archive: Path) -> None:
    draft = archive.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as packed:  # PDFs are compressed in themselves
        for file in sorted(folder.iterdir()):
            packed.write(file, file.name)
    draft.replace(archive)


def sweep() -> None:
    """Take away what was printed a day ago: it holds what is about people."""
    place = settings().evenhand_dir / PRINTED
    for one in place.iterdir() if place.is_dir() else ():
        if now().timestamp() - one.stat().st_mtime > orders.KEPT.total_seconds():
            shutil.rmtree(one) if one.is_dir() else one.unlink(missing_ok=True)


KINDS: dict[str, Callable[[int], Any]] = {
    "score": _score, "appraise": _appraise, "print": _print, "backup": _back_up,
}  # fmt: skip
