"""Commands about the installation: what they say when it is not well, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.cli import ScriptInfo
from sqlalchemy import text
from sqlalchemy.orm import Session

from survey.app import create_app
from survey.cli import main
from survey.config import Settings
from survey.models.appraising import Appraisal

Evenhand = Callable[..., Result]


@pytest.fixture
def in_the_dark(settings: Settings) -> Evenhand:
    """`evenhand` with a database server that is not there."""
    lost = settings.model_copy(update={"database_url": "postgresql+psycopg://u:canary@127.0.0.1:1/evenhand"})
    script = ScriptInfo(create_app=lambda: create_app(lost))
    return lambda *words: CliRunner().invoke(main, words, obj=script, catch_exceptions=False)


@pytest.mark.parametrize("command", [("score", "2026-H1"), ("audit", "verify"), ("campaign", "status", "july")])
def test_without_its_tables_every_command_says_what_to_run(
    evenhand: Evenhand, session: Session, command: tuple[str, ...]
) -> None:
    for table in ("period", "journal_entry", "campaign"):
        cascade = " CASCADE" if session.get_bind().dialect.name == "postgresql" else ""
        session.execute(text(f"DROP TABLE {table}{cascade}"))
    session.commit()
    done = evenhand(*command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The database's tables are not those of this version. Run: evenhand db upgrade\n"


@pytest.mark.parametrize("command", [("score", "2026-H1"), ("db", "upgrade")])
def test_a_database_out_of_reach_is_one_sentence_without_its_password(
    in_the_dark: Evenhand, command: tuple[str, ...]
) -> None:
    done = in_the_dark(*command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("The database cannot be used now: ")
    assert len(done.stderr.splitlines()) == 1
    assert "canary" not in done.stderr


def test_the_doctor_finds_a_database_out_of_reach(in_the_dark: Evenhand) -> None:
    done = in_the_dark("doctor", "--json")
    assert done.exit_code == 1
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert not found["database"]["well"]
    assert "DATABASE_URL" in found["database"]["remedy"]
    assert "canary" not in done.output


def test_the_doctor_finds_a_migrated_database_well(evenhand: Evenhand) -> None:
    found = {finding["name"]: finding["well"] for finding in json.loads(evenhand("doctor", "--json").stdout)}
    assert found["database"]
    assert found["tables"]


@pytest.mark.parametrize(
    "command", [("score", "2026-H1", "--spec"), ("schemes", "check"), ("schemes", "adopt"), ("schemes", "show")]
)
def test_a_file_that_is_no_text_is_one_sentence(evenhand: Evenhand, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "picture.toml"
    file.write_bytes(b"\xff\xd8\xff\xe0")
    done = evenhand(*command, file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{file} is not UTF-8 text. Save it as UTF-8.\n"


def test_a_place_that_cannot_be_written_is_one_sentence(
    evenhand: Evenhand, kelon: Appraisal, session: Session, tmp_path: Path
) -> None:
    session.commit()
    (tmp_path / "file").touch()
    done = evenhand("appraisals", "export", "2026-H1", "--out", tmp_path / "file" / "pdf")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path / 'file' / 'pdf'}: Not a directory.\n"
