"""The demo is what it says: a whole company, known truth, something to open for everybody."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from survey import config
from survey.app import create_app
from survey.cli.invented import FLIPPED
from survey.models.answering import Response
from survey.models.roster import Contact, Customer, Rep, Territory
from survey.models.scoring import RepScore, Run
from survey.users import second_factor

BASE = "http://127.0.0.1:8000"
Built = tuple[Path, dict[str, object]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    directory = tmp_path_factory.mktemp("demo") / "company"
    return directory, _demo(directory)


def _demo(directory: Path, *more: str) -> dict[str, object]:
    command = [str(Path(sys.executable).with_name("evenhand")), "demo", "--dir", str(directory), "--no-serve", "--json"]
    bare = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "TOKEN_KEYS"}}
    done = subprocess.run([*command, *more], capture_output=True, text=True, env=bare, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _scores(session: Session) -> dict[str, RepScore]:
    last = select(func.max(Run.id)).scalar_subquery()
    rows = session.scalars(select(RepScore).where(RepScore.run_id == last, RepScore.item == "satisfaction"))
    return {row.rep.code: row for row in rows}


@pytest.mark.timeout(600)
def test_it_is_a_company_of_the_promised_size(built: Built) -> None:
    with Session(create_engine(str(built[1]["database"]))) as session:
        counts = {
            model: session.scalar(select(func.count()).select_from(model)) for model in (Territory, Rep, Customer)
        }
        assert counts[Territory] == 8
        assert counts[Rep] == 60
        assert 4_800 <= counts[Customer] <= 5_200
        contacts = session.execute(select(func.count()).select_from(Contact).group_by(Contact.customer_id)).scalars()
        assert set(contacts) == {1, 2, 3}
        answered = session.scalar(select(func.count()).select_from(Response)) or 0
        assert 0.35 <= answered / 2 / counts[Customer] <= 0.60


def test_its_scores_show_every_kind_of_evidence_and_one_rep_changes_sides(
    built: Built,
) -> None:
    with Session(create_engine(str(built[1]["database"]))) as session:
        scores = _scores(session)
        evidence = Counter(score.evidence for score in scores.values())
        assert evidence["withheld"] == 3
        assert evidence["provisional"] >= 3
        assert evidence["full"] > 40
        shown = {code: score for code, score in scores.items() if score.adjusted is not None}
        middle = len(shown) / 2
        by_raw = sorted(shown, key=lambda code: shown[code].raw or 0).index(FLIPPED)
        by_adjusted = sorted(shown, key=lambda code: shown[code].adjusted or 0).index(FLIPPED)
        assert by_raw < middle < by_adjusted


def test_the_adjusted_scores_are_nearer_to_the_truth_than_the_raw_ones(built: Built) -> None:
    with (built[0] / "truth.csv").open(encoding="utf-8-sig") as file:
        truth = {row["rep"]: float(row["quality"]) for row in csv.DictReader(file)}
    with Session(create_engine(str(built[1]["database"]))) as session:
        shown = {code: score for code, score in _scores(session).items() if score.adjusted is not None}
    raw = _distance({code: score.raw or 0 for code, score in shown.items()}, truth)
    adjusted = _distance({code: score.adjusted or 0 for code, score in shown.items()}, truth)
    reported = _distance({code: score.reported or 0 for code, score in shown.items()}, truth)
    assert reported < adjusted < raw


def _distance(numbers: dict[str, float], truth: dict[str, float]) -> float:
    """Mean squared distance once both are centred: the truth has no level of its own."""
    level = sum(numbers.values()) / len(numbers)
    centre = sum(truth[code] for code in numbers) / len(numbers)
    return sum((value - level - truth[code] + centre) ** 2 for code, value in numbers.items()) / len(numbers)


def test_everything_it_prints_can_be_opened(built: Built) -> None:
    directory, opened = built
    app = create_app(config.demo_settings(directory, base_url="http://127.0.0.1:8000"))
    links = opened["survey_links"]
    assert isinstance(links, list)
    assert len(links) >= 5
    for link in links:
        assert app.test_client().get(link, base_url="http://127.0.0.1:8000").status_code == 200
    assert "A-" in pypdf.PdfReader(str(opened["pdf"])).pages[0].extract_text()
    assert any(Path(str(opened["outbox"])).glob("*.eml"))
    logins = opened["logins"]
    assert isinstance(logins, list)
    assert {login["role"] for login in logins} >= {"administrator", "reviewer", "manager", "rep", "auditor"}


def test_the_rep_who_signs_in_finds_an_appraisal_and_the_interviewer_finds_calls(built: Built) -> None:
    client = _signed_in(built, "rep")
    listed = client.get("/appraisals", base_url=BASE).text
    (address,) = set(re.findall(r'href="(/appraisals/\d+)"', listed))
    assert client.get(address, base_url=BASE).status_code == 200
    client = _signed_in(built, "interviewer")
    calls = set(re.findall(r'href="(/interviews/\d+)', client.get("/interviews", base_url=BASE).text))
    assert len(calls) == 12
    assert "7946" in client.get(calls.pop(), base_url=BASE).text


def _signed_in(built: Built, role: str) -> FlaskClient:
    directory, opened = built
    (login,) = (one for one in opened["logins"] if one["role"] == role)  # type: ignore[attr-defined]
    client = create_app(config.demo_settings(directory, base_url=BASE)).test_client()
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login", base_url=BASE).text)[0]
    given = {"email": login["email"], "password": login["password"], "csrf_token": token}
    assert client.post("/login", data=given, base_url=BASE).status_code == 302
    return client


def test_the_administrator_signs_in_with_the_key_it_prints(built: Built) -> None:
    directory, opened = built
    (login,) = (one for one in opened["logins"] if one["role"] == "administrator")  # type: ignore[attr-defined]
    assert {one["role"] for one in opened["logins"] if one["totp_secret"]} == {"administrator"}  # type: ignore[attr-defined]
    client = create_app(config.demo_settings(directory, base_url="http://127.0.0.1:8000")).test_client()
    shown = second_factor.Codes(key="").shown(login["totp_secret"], at=datetime.now(UTC))
    for path, given in (
        ("/login", {"email": login["email"], "password": login["password"]}),
        ("/second-factor", {"code": shown}),
    ):
        page = client.get(path, base_url="http://127.0.0.1:8000").text
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
        answer = client.post(path, data={**given, "csrf_token": token}, base_url="http://127.0.0.1:8000")
        assert answer.status_code in {302, 303}
    assert client.get("/desk", base_url="http://127.0.0.1:8000").status_code == 200


@pytest.mark.timeout(600)
def test_run_again_it_keeps_what_is_there(built: Built) -> None:
    directory, first = built
    before = (directory / "truth.csv").stat().st_mtime_ns
    again = _demo(directory)
    assert again["database"] == first["database"]
    assert (directory / "truth.csv").stat().st_mtime_ns == before


@pytest.mark.parametrize("role", ["reviewer", "manager", "rep", "interviewer", "auditor"])
def test_whoever_signs_in_where_it_says_has_a_page(built: Built, role: str) -> None:
    arrived = _signed_in(built, role).get(str(built[1]["site"]), follow_redirects=True)
    assert arrived.status_code == 200


@pytest.mark.parametrize("left", [b"", b"no database at all, and long enough to be looked at " * 40])
def test_what_another_version_built_is_named_in_one_sentence_and_left_alone(tmp_path: Path, left: bytes) -> None:
    (tmp_path / config.DEMO_MARK).touch()
    (tmp_path / "evenhand.sqlite").write_bytes(left)
    command = [str(Path(sys.executable).with_name("evenhand")), "demo", "--dir", str(tmp_path), "--no-serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert str(tmp_path) in said
    assert "another" in said
    assert (tmp_path / "evenhand.sqlite").read_bytes() == left


def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    command = [str(Path(sys.executable).with_name("evenhand")), "demo", "--dir", str(tmp_path), "--no-serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not a demo" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
