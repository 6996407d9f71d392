"""A fresh installation: nobody but who reads the server's log can set it up, and only once."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.config import Settings
from survey.models.company import Company, JournalEntry
from survey.views import first_run
from tests.signing_in import PASSWORD

from .conftest import Page

GIVEN = {
    "person": "李敏", "email": "Li@Harbour.example", "password": PASSWORD, "name": "Harbour Instruments",
    "name_zh": "港湾仪表", "time_zone": "Europe/Berlin", "privacy_contact": "privacy@harbour.example",
}  # fmt: skip


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 200)) -> bytes:
    written = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(written, kind)
    return written.getvalue()


def _send(client: FlaskClient, **changed: object):
    token = Page(client.get("/first-run").text).token
    return client.post("/first-run", data={**GIVEN, "csrf_token": token, **changed})


@pytest.fixture
def code(settings: Settings) -> str:
    return first_run.setup_code(settings)


def test_the_first_visit_leads_there(client: FlaskClient) -> None:
    assert client.get("/", follow_redirects=True).request.path == "/first-run"
    assert client.get("/login").location == "/first-run"


def test_administrator_and_company_are_made_and_the_second_factor_comes_next(
    client: FlaskClient, session: Session, code: str
) -> None:
    answer = _send(client, code=f" {code.upper()} ", logo=(io.BytesIO(picture("JPEG")), "logo.jpg"))
    assert answer.location == "/second-factor/set-up"
    assert client.get("/desk").location == "/second-factor?next=/desk"
    assert users.named(session, "li@harbour.example").role_names == {"administrator"}
    company = session.scalars(select(Company)).one()
    assert (company.name, company.name_zh, company.time_zone) == ("Harbour Instruments", "港湾仪表", "Europe/Berlin")
    assert "user created" in session.scalars(select(JournalEntry.action)).all()
    session.rollback()
    logo = client.get("/logo.png")
    assert logo.mimetype == "image/png"
    assert len(logo.data) <= 8 * 1024
    assert Image.open(io.BytesIO(logo.data)).format == "PNG"


def test_then_the_page_is_gone(client: FlaskClient, code: str, person: Callable[..., str]) -> None:
    token = Page(client.get("/first-run").text).token
    person("administrator")
    assert client.get("/first-run").status_code == 404
    assert client.post("/first-run", data={**GIVEN, "code": code, "csrf_token": token}).status_code == 404
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "aaaa-bbbb-cccc-dddd"}, {"code": ""}, {"code": "é"}, {"password": "short"}, {"email": "nobody"},
        {"name": ""}, {"privacy_contact": ""}, {"time_zone": "Mars/Olympus"},
        {"logo": b"<svg xmlns='http://www.w3.org/2000/svg'/>"},
    ],
)  # fmt: skip
def test_what_is_wrong_makes_neither(
    client: FlaskClient, session: Session, code: str, wrong: dict[str, object]
) -> None:
    given = {
        name: (io.BytesIO(value), "logo.png") if isinstance(value, bytes) else value for name, value in wrong.items()
    }
    assert _send(client, **{"code": code, **given}).status_code == 400
    assert session.scalars(select(users.User)).all() == []
    assert session.scalars(select(Company)).all() == []
    assert session.scalars(select(JournalEntry)).all() == []


def test_guessing_the_code_is_limited(client: FlaskClient, code: str) -> None:
    codes = [_send(client, code="guess").status_code for _ in range(11)]
    assert codes == [400] * 10 + [429]


def test_the_server_prints_the_code_until_somebody_is_there(
    app: Flask, person: Callable[..., str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first_run.announce(app)
    assert code in capsys.readouterr().err
    person("administrator")
    first_run.announce(app)
    assert capsys.readouterr().err == ""
