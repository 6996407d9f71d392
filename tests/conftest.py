"""Real parts for every test: databases built by the migrations, on both engines, and an application over them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from survey.app import alembic, create_app
from survey.config import Settings, load
from survey.context import db

ENGINES = ("sqlite", "postgresql")
NOW = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)


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


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Tests that take this (or `app` below) run on both engines."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database."""
    if engine_name == "sqlite":
        target = tmp_path / "evenhand.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), target)
        yield f"sqlite:///{target}"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('migrated_postgres')}")
    yield f"{server}/{name}"
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return settings_for(tmp_path, database_url)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    app.config["TESTING"] = True
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
def now() -> datetime:
    """A fixed instant for rooms that are told the time."""
    return NOW


@pytest.fixture
def make_client(app: Flask) -> Callable[[], FlaskClient]:
    """Several people at once, each with their own cookies."""
    return app.test_client
