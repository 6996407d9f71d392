"""Real parts for every test: databases built by the migrations, on both engines, and an application over them."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.ties import Ties
from survey import access, questionnaires
from survey.app import alembic, create_app
from survey.cli import main
from survey.config import Settings, load
from survey.context import db
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Customer, Rep, ReportingLine, Territory
from survey.models.scoring import AnswerCount, RepPlace, RepReach, RepScore, Run, RunItem, ScoreChange, ScoreStep
from tests.keeping import Keeper

ENGINES = ("sqlite", "postgresql")
NOW = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it for garbage took an eighth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server without a database name: `TEST_DATABASE_URL`'s, or one of our own."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given.rstrip("/")
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail("PostgreSQL is required here: apt-get install postgresql")
        pytest.skip("no PostgreSQL on this machine")
    directory = Path(tempfile.mkdtemp(prefix="evenhand-pg-"))
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(directory, "postgres")
    data, port = directory / "data", free_port()
    initdb = [binaries[-1] / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=directory, **as_user)
    server = subprocess.Popen(
        [binaries[-1] / "postgres", "-D", data, "-p", str(port), "-k", directory, "-h", "127.0.0.1", "-F"],
        cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user,
    )  # fmt: skip
    url = f"postgresql://postgres@127.0.0.1:{port}"
    _wait_for(url)
    yield url
    server.terminate()
    server.wait(timeout=30)
    shutil.rmtree(directory)


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            psycopg.connect(f"{url}/postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"the PostgreSQL server did not come up at {url}")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def settings_for(directory: Path, database_url: str, **more: object) -> Settings:
    return load(
        _env_file=None, evenhand_dir=directory, database_url=database_url, base_url="http://localhost",
        secret_key="s" * 40, token_keys={"test": "t" * 40}, **more,
    )  # fmt: skip


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        alembic.upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("template")
    _migrate(settings_for(directory, ""))
    return directory / "evenhand.sqlite"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = f"template_{uuid.uuid4().hex}"
    _execute(postgres, f"CREATE DATABASE {name}")
    _migrate(settings_for(tmp_path_factory.mktemp("template"), f"{postgres}/{name}"))
    return name


# What tables there are and how they are made. A test that changed it leaves a database nobody else wants.
SHAPE = """
SELECT coalesce(string_agg(concat_ws(' ', c.relname, c.relkind, c.relnatts, c.relchecks), ',' ORDER BY c.relname), '')
FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace
"""
# Every sequence begins anew, and every row goes; unlike TRUNCATE this makes no new files, which cost most. Keys between
# tables are not looked at meanwhile (a superuser may say so).
EMPTY = """
DO $$
DECLARE
    one name;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
        PERFORM setval(quote_ident(one)::regclass, 1, false);
    END LOOP;
    FOR one IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', one);
    END LOOP;
END $$
"""


class Databases:
    """PostgreSQL databases of one test process. Making one takes longer than most tests, so it is emptied and lent
    again; what the migrations themselves stored, if anything, would be missed, so they must store nothing."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._shape = self._ask(template, SHAPE)
        self._free: list[str] = []

    def _ask(self, name: str, question: str) -> str:
        with psycopg.connect(f"{self._server}/{name}", autocommit=True) as connection:
            row = connection.execute(question).fetchone()  # type: ignore[call-overload]
            return str(row[0]) if row else ""

    def lend(self) -> str:
        if self._free:
            return self._free.pop()
        name = f"test_{uuid.uuid4().hex}"
        _execute(self._server, f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def take_back(self, name: str) -> None:
        """Empty it for the next test; whoever still holds a connection, a killed worker's perhaps, loses it."""
        with psycopg.connect(f"{self._server}/{name}", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            shape = connection.execute(SHAPE).fetchone()
            unchanged = shape is not None and shape[0] == self._shape
            if unchanged:
                connection.execute(EMPTY)
        if unchanged:
            self._free.append(name)
        else:
            _execute(self._server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres: str, migrated_postgres: str) -> Databases:
    return Databases(postgres, migrated_postgres)


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Tests that take this (or `app` below) run on both engines."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine_name: str) -> Iterator[str]:
    """An empty, migrated database."""
    if engine_name == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite")
        target = template.with_name("lent.sqlite")
        for left in target.parent.glob(f"{target.name}*"):  # a killed process may still hold them: new files, not old
            left.unlink()
        shutil.copy(template, target)
        yield f"sqlite:///{target}"
        return
    databases: Databases = request.getfixturevalue("databases")
    name = databases.lend()
    yield f"{request.getfixturevalue('postgres')}/{name}"
    databases.take_back(name)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, database_url)


class Applications:
    """The application over each database that is lent. Making one takes longer than most tests (two hundred routes to
    compile, every statement to be written in SQL), so it is lent with its database, as it was when it was new."""

    def __init__(self, templates: Path) -> None:
        self._templates = FileSystemBytecodeCache(str(templates))
        self._made: dict[str, tuple[Flask, dict[str, Any]]] = {}

    def lend(self, settings: Settings) -> Flask:
        app, config = self._made.get(settings.database) or self._make(settings)
        app.config.clear()
        app.config.update(config, SETTINGS=settings)
        access.limiter.reset()  # nobody has tried anything yet
        return app

    def _make(self, settings: Settings) -> tuple[Flask, dict[str, Any]]:
        app = create_app(settings)
        app.config["TESTING"] = True
        app.jinja_env.bytecode_cache = self._templates
        # Argon2 as always, but not 64 MB and a tenth of a second for each of the thousand sign-ins of the tests.
        hashing = app.extensions["security"].pwd_context
        hashing.update(argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1)
        return self._made.setdefault(settings.database, (app, dict(app.config)))


@pytest.fixture(scope="session")
def applications(tmp_path_factory: pytest.TempPathFactory) -> Applications:
    return Applications(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def app(settings: Settings, applications: Applications) -> Iterator[Flask]:
    app = applications.lend(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session outside any request, as a command has it. Commit what a request is to see."""
    with app.app_context():
        yield db.session


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def evenhand(app: Flask) -> Callable[..., Result]:
    """The command line over this test's application. What it refuses is in `exit_code` and `stderr`."""
    script = ScriptInfo(create_app=lambda: app)
    return lambda *words: CliRunner().invoke(main, list(map(str, words)), obj=script, catch_exceptions=False)


@pytest.fixture
def bring(evenhand: Callable[..., Result], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Import a text as a CSV file of a kind. Gives the JSON report and, with it, the exit code."""

    def bring(kind: str, text: str, *options: str) -> dict[str, Any]:
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        done = evenhand("import", kind, path, "--json", *options)
        return {**json.loads(done.stdout), "exit": done.exit_code}

    return bring


@pytest.fixture
def now() -> datetime:
    """A fixed instant for rooms that are told the time."""
    return NOW


@pytest.fixture
def make_client(app: Flask) -> Callable[[], FlaskClient]:
    """Several people at once, each with their own cookies."""
    return app.test_client


SPEC = """
minimum_customers = 5
[[item]]
name = "knowledge"
lo = 1
hi = 5
[[item]]
name = "delivery"
lo = 1
hi = 5
[[adjuster]]
name = "segment"
kind = "category"
reason = "fixed by the company before the period"
[composite]
name = "satisfaction"
items = ["knowledge", "delivery"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What `scored` stored: a run for each of two periods, a third period without one, and who reports to whom.

    R01 leads R07 and R08 and reports to the boss with R02 … R06. The other manager has R09 and, from 2026 on, R10.
    """

    boss: str = "boss@harbour.example"
    lead: str = "lead@harbour.example"
    other: str = "other@harbour.example"
    of_the_boss: tuple[str, ...] = ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08")
    of_the_other: tuple[str, ...] = ("R09", "R10")


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Keeper:
    return Keeper(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def scored(session: Session, now: datetime, keep: Keeper) -> Scored:
    """Stored scores of every grade. R04 is withheld, R05 was never answered about, R06 lies beyond 100."""
    company = Scored()
    keep(session, "scored", lambda: _store_company(session, now, company))
    return company


def _store_company(session: Session, now: datetime, company: Scored) -> None:
    periods = [
        Period(code="2025-H2", from_on=date(2025, 7, 1), to_on=date(2025, 12, 31)),
        Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)),
        Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31)),
    ]
    names = (
        "王建国",
        "李思远",
        "张晨曦",
        "Alice Archer",
        "陈志鹏",
        "杨晓东",
        "赵桂英",
        "黄国强",
        "Daniel Doyle",
        "喆玥",
    )
    reps = [
        Rep(code=f"R{number:02}", name=name, email=f"r{number:02}@harbour.example", hired_on=date(2023, 3, 1))
        for number, name in enumerate(names, start=1)
    ]
    reps[0].email = company.lead
    territory, customer = Territory(code="NORTH", name="华北"), Customer(code="C1", name="海川商行")
    session.add_all([*periods, *reps, territory, customer])
    session.flush()
    for rep in reps:
        manager = company.lead if rep.code in {"R07", "R08"} else company.boss
        since = date(2023, 3, 1)
        if rep.code == "R10":
            until = date(2026, 1, 1)
            session.add(ReportingLine(rep_id=rep.id, manager_email=company.boss, since_on=since, until_on=until))
            since = until
        manager = company.other if rep.code in company.of_the_other else manager
        session.add(ReportingLine(rep_id=rep.id, manager_email=manager, since_on=since))
    sheet = questionnaires.newest(session, "core")
    earlier: Run | None = None
    for period in periods[:2]:
        campaign = Campaign(
            code=period.code, period_id=period.id, questionnaire_version_id=sheet.id, opens_on=period.to_on,
            closes_on=period.to_on, asked_about={}, state="closed",
        )  # fmt: skip
        run = Run(
            period_id=period.id, spec=SPEC, spec_hash="0" * 64, fingerprint="0" * 64, snapshot=b"", record={},
            created_at=now, by="command line",
        )  # fmt: skip
        session.add_all([campaign, run])
        session.flush()
        invitation = Invitation(
            campaign_id=campaign.id, customer_id=customer.id, mode="web", disposition="completed", created_at=now
        )
        session.add(invitation)
        session.flush()
        for rep in reps:
            subject = Subject(invitation_id=invitation.id, rep_id=rep.id, territory_id=territory.id, adjusters={})
            session.add(subject)
            _store_scores(session, run, rep)
            session.add(RepPlace(run_id=run.id, rep_id=rep.id, territory_id=territory.id))
        session.flush()
        _store_items(session, run)
        run.earlier_run_id = earlier.id if earlier else None
        if earlier:
            _store_changes(session, run, reps)
        earlier = run


EVIDENCE = {"R02": ("provisional", 24, 0.55), "R03": ("thin", 8, 0.25), "R04": ("withheld", 3, None)}
RAW = {"R01": 86.24, "R02": 71.0, "R03": 60.0, "R06": 99.0, "R07": 78.0, "R08": 62.0, "R09": 77.0, "R10": 79.0}


def _store_items(session: Session, run: Run) -> None:
    """What the run says of each item; nothing ties the scores together."""
    for item in ("satisfaction", "knowledge", "delivery"):
        found = session.execute(
            select(RepScore.adjusted, RepScore.customers, Rep.code, RepScore.evidence)
            .join(Rep, Rep.id == RepScore.rep_id)
            .where(RepScore.run_id == run.id, RepScore.item == item, RepScore.adjusted.is_not(None))
        ).all()
        compared = tuple(sorted(code for *_, code, evidence in found if evidence in ("provisional", "full")))
        nothing = np.zeros(0, dtype=np.int32)
        ties = Ties(
            reps=compared, loadings=np.zeros((len(compared), 1), dtype=np.float32), signs=np.ones(1, dtype=np.int8),
            one=nothing, other=nothing, shared=np.zeros(0),
        )  # fmt: skip
        average = sum(score * customers for score, customers, *_ in found) / sum(row.customers for row in found)
        session.add(
            RunItem(
                run_id=run.id, item=item, average=average, customer_variance=400.0, dispersion=3.21, kendall=0.87,
                spearman=0.95, moved_sd=1.4, ties=ties.packed(),
            )
        )  # fmt: skip


def _store_changes(session: Session, run: Run, reps: list[Rep]) -> None:
    """R01 has risen, R08 fell within what chance does; of the others nothing is known."""
    for rep, difference, q in ((reps[0], 6.04, 0.01), (reps[7], -3.1, 0.3)):
        session.add(
            ScoreChange(
                run_id=run.id, rep_id=rep.id, item="satisfaction", earlier=80.0, later=80.0 + difference,
                difference=difference, se=2.0, low=difference - 4, high=difference + 4, q=q, common=0.52,
                expected=-0.83,
            )
        )  # fmt: skip


def _store_scores(session: Session, run: Run, rep: Rep) -> None:
    if rep.code == "R05":
        return
    evidence, customers, reliability = EVIDENCE.get(rep.code, ("full", 60, 0.9))
    answered = None if reliability is None else customers + 5
    session.add(RepReach(run_id=run.id, rep_id=rep.id, asked=2 * customers + 10, answered=answered))
    for item in ("satisfaction", "knowledge", "delivery"):
        row = RepScore(
            run_id=run.id, rep_id=rep.id, item=item, responses=customers + 5, customers=customers, evidence=evidence
        )
        session.add(row)
        if reliability is None:
            continue
        row.raw, row.mix, row.territory, row.centring = RAW[rep.code], 1.84, 2.33, -0.71
        row.adjusted = row.raw + row.mix + row.territory + row.centring
        row.se, row.df, row.reliability = 24 / customers**0.5, 40.0, reliability
        row.low, row.high = row.adjusted - 2 * row.se, row.adjusted + 2 * row.se
        row.reported, row.reported_sd = 79 + reliability * (row.adjusted - 79), 2.0
        alone = rep.code == "R07"
        row.case, row.component, row.fragile = "C" if alone else "A", 0, False
        row.peer, row.company = (None, None) if alone else (row.reported - 1, row.reported + 1)
        row.effective = customers * 0.9
        row.q = None if evidence == "thin" else 0.01 if abs(row.adjusted - 80) > 8 else 0.4
        if item != "satisfaction":
            session.add_all(
                AnswerCount(run_id=run.id, rep_id=rep.id, item=item, value=float(point), answers=answers)
                for point, answers in ((3, 5), (4, min(10, customers - 5)), (5, customers - 15))
                if answers > 0
            )
        for adjuster, amount in (("segment", 2.27), ("size_band", -0.43)):
            session.add(ScoreStep(run_id=run.id, rep_id=rep.id, item=item, adjuster=adjuster, amount=amount))
