"""The administrator's desk: what comes next, the settings, the health of the installation."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import orders
from survey.app import create_app
from survey.config import Settings
from survey.context import db
from survey.context import now as clock
from survey.models.company import Company, JournalEntry
from survey.models.orders import WorkOrder
from survey.nameserver import LookupFailed
from survey.users import letters
from survey.worker.orders import perform
from tests.conftest import free_port, settings_for
from tests.post_office import open_post_office
from tests.signing_in import PASSWORD, pass_second_factor

from .conftest import Page
from .test_first_run import picture

COMPANY = {
    "name": "Harbour", "name_zh": "港湾", "time_zone": "Asia/Shanghai", "privacy_contact": "p@harbour.example",
    "results_within": "7", "lost_after": "60",
}  # fmt: skip


@pytest.fixture
def administrator(person: Callable[..., str], sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(person("administrator"))


def _post(client: FlaskClient, path: str, **fields: object):
    return client.post(path, data={**fields, "csrf_token": Page(client.get("/settings").text).token})


def _next(client: FlaskClient) -> str:
    page = client.get("/desk?lang=en").text
    return page.split("<h2>Next: ")[1].split("</h2>")[0]


def test_each_step_leads_to_the_next(administrator: FlaskClient, session: Session, scored: object) -> None:
    assert administrator.get("/").location == "/desk"
    assert _next(administrator) == "Name the company"
    assert _post(administrator, "/settings", **COMPANY).status_code == 303
    assert _next(administrator) == "Make customers reachable"
    page = Page(administrator.get("/desk?lang=en").text).text
    assert "Reps are in the roster 10" in page
    assert "12 more to invite" in page
    assert "A period is scored" in page


def test_the_company_is_changed_and_its_logo_shown_and_taken_away(
    administrator: FlaskClient, client: FlaskClient, session: Session
) -> None:
    _post(administrator, "/settings", **COMPANY, logo=(io.BytesIO(picture()), "logo.png"))
    page = administrator.get("/settings").text
    assert 'src="/logo.png?v=' in page
    kept = client.get("/logo.png")
    assert Image.open(io.BytesIO(kept.data)).size[1] <= 96
    assert "immutable" in kept.headers["Cache-Control"]
    session.expire_all()
    stored = session.scalars(select(Company)).one()
    assert (stored.name_zh, stored.results_within, stored.lost_after) == ("港湾", 7, 60)
    assert "logo set" in session.scalars(select(JournalEntry.action)).all()
    session.rollback()
    assert _post(administrator, "/settings", **{**COMPANY, "lost_after": "6"}).status_code == 400
    _post(administrator, "/settings", **COMPANY, no_logo="y")
    assert client.get("/logo.png").status_code == 404
    assert "/logo.png" not in administrator.get("/settings").text


@pytest.mark.parametrize(
    "file",
    [b"GIF89a" + b"\0" * 50, b"\x89PNG\r\n\x1a\n" + b"\0" * 50, picture()[:500], b"<svg/>", b"\xff\xd8\xff" * 99],
)
def test_what_is_no_picture_is_refused(administrator: FlaskClient, client: FlaskClient, file: bytes) -> None:
    assert _post(administrator, "/settings", **COMPANY, logo=(io.BytesIO(file), "logo.png")).status_code == 400
    assert client.get("/logo.png").status_code == 404


def test_secrets_of_the_environment_are_not_shown(
    person: Callable[..., str], session: Session, app: Flask, tmp_path: Path, database_url: str
) -> None:
    """A test letter goes through the real server; SPF and DKIM are asked for the sender's domain."""
    email = person("administrator")
    session.rollback()
    with open_post_office(free_port()) as office:
        other = create_app(
            settings_for(
                tmp_path, database_url, smtp_host="127.0.0.1", smtp_port=office.port, smtp_starttls=False,
                smtp_password="canary-1", sms_url="http://127.0.0.1:9/", sms_headers={"X-Key": "canary-2"},
                mail_from="survey@harbour.example",
            )
        )  # fmt: skip
        other.test_client_class = app.test_client_class
        asked: list[str] = []
        other.config["NAMESERVER"] = lambda name: asked.append(name) or ("v=spf1 mx -all",)
        client = other.test_client()
        token = Page(client.get("/login").text).token
        client.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token})
        pass_second_factor(client, session, email)
        page = client.get("/settings").text
        assert "canary" not in page
        assert f"127.0.0.1:{office.port}" in page
        _post(client, "/settings/test/mail")
        assert office.recipients == [email]
        assert "survey@harbour.example" in str(office.received[0]["From"])
        _post(client, "/settings/test/sms?lang=en", phone="+8613800000000")
        assert "ServerUnreachable" not in client.get("/settings").text
        health = client.get("/health?lang=en").text
        assert "v=spf1 mx -all" in health
        assert "no key stands under any of the usual names" in health
        assert asked[0] == "harbour.example"
        assert "default._domainkey.harbour.example" in asked

        def silent(_name: str) -> tuple[str, ...]:
            raise LookupFailed("Timeout")

        other.config["NAMESERVER"] = silent
        assert "could not be looked up just now" in client.get("/health?lang=en").text
        with other.app_context():
            db.engine.dispose()


def test_the_health_page_says_what_the_doctor_says(
    administrator: FlaskClient, session: Session, settings: Settings, evenhand: Callable[..., object]
) -> None:
    page = Page(administrator.get("/health?lang=en").text).text
    told = evenhand("doctor").stdout  # type: ignore[attr-defined]
    for line in told.splitlines():
        words = line.strip().partition(": ")[2] if line[:1] != " " else line.strip()
        assert " ".join(words.split()) in page, words
    session.rollback()
    letters.write(session, "li@h.example", "invited", language="zh", at=clock() - timedelta(hours=1))
    session.commit()
    assert "waited for longer than 15 minutes: 1" in administrator.get("/health?lang=en").text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_backup_is_taken_by_a_button_and_its_page_says_where_it_lies(
    app: Flask, administrator: FlaskClient, session: Session, settings: Settings, tmp_path: Path,
    evenhand: Callable[..., Result],
) -> None:  # fmt: skip
    _post(administrator, "/health/backup")
    assert session.scalars(select(WorkOrder)).all() == []
    assert "Set BACKUP_DIR to a directory" in administrator.get("/health?lang=en").text
    app.config["SETTINGS"] = settings.model_copy(update={"backup_dir": tmp_path / "backups"})
    assert _post(administrator, "/health/backup").status_code == 303
    assert "Waiting for a worker" in administrator.get("/health?lang=en").text
    _post(administrator, "/health/backup?lang=en")
    assert "under way already" in administrator.get("/health?lang=en").text
    order = orders.claim(session, at=clock())
    assert order
    session.commit()
    perform(order.id)
    page = administrator.get("/health?lang=en").text
    assert order.came_of["file"] in page
    assert f'href="{order.came_of["file"]}' not in page
    assert order.asked_by == "administrator@harbour.example"
    assert "UTC" not in page, "the clock is the company's, in the findings as beside them"
    told = {one["name"]: one["seen"] for one in json.loads(evenhand("doctor", "--json").stdout)}
    assert told["last backup"].endswith(" UTC")
