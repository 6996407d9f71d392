"""The outbox: mail as files, for administrators, where there is no mail server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from survey import worker
from survey.app import create_app
from survey.config import Settings
from survey.context import db, now
from tests.asking import ask
from tests.conftest import settings_for
from tests.signing_in import pass_second_factor

SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def written(session: Session, settings: Settings) -> list[str]:
    """The names of two letters in the outbox."""
    ask(session, settings, at=now())
    worker.drain()
    return sorted(file.stem for file in settings.outbox.glob("*.eml"))


@pytest.fixture
def administrator(person: Callable[..., str], sign_in: SignIn) -> FlaskClient:
    return sign_in(person("administrator"))


def test_an_administrator_reads_what_was_written_and_opens_the_link(
    administrator: FlaskClient, client: FlaskClient, written: list[str]
) -> None:
    listed = administrator.get("/outbox")
    assert listed.status_code == 200
    assert {f"/outbox/{name}" for name in written} <= set(re.findall(r'href="([^"]+)"', listed.text))
    assert "wang@c1.example" in listed.text
    letter = administrator.get(f"/outbox/{written[0]}").text
    link = re.findall(r'href="http://localhost(/s/[0-9a-z]{26})"', letter)[0]
    assert client.get(link).status_code == 200


def test_an_administrator_finds_it_in_the_menu(administrator: FlaskClient) -> None:
    assert administrator.get("/").location == "/desk"
    assert 'href="/outbox"' in administrator.get("/roster").text
    assert "Nothing has been written" in administrator.get("/outbox?lang=en").text


@pytest.mark.parametrize("role", ["reviewer", "manager", "rep", "interviewer", "auditor"])
def test_nobody_else_sees_it(person: Callable[..., str], sign_in: SignIn, written: list[str], role: str) -> None:
    other = sign_in(person(role))
    for path in ("/outbox", f"/outbox/{written[0]}"):
        assert other.get(path).status_code == 404
    assert "/outbox" not in other.get("/", follow_redirects=True).text


def test_strangers_are_asked_to_sign_in(client: FlaskClient, written: list[str]) -> None:
    assert client.get(f"/outbox/{written[0]}").status_code == 302


def test_only_letters_can_be_opened(administrator: FlaskClient, settings: Settings, written: list[str]) -> None:
    (settings.evenhand_dir / "secret.eml").write_text("Subject: secret\n\nsecret")
    for name in ("..%2fsecret", "../secret", "0" * 32, "keys.env", "%00", "." * 100):
        assert administrator.get(f"/outbox/{name}").status_code == 404


def test_with_a_mail_server_there_is_no_such_page(
    session: Session, settings: Settings, written: list[str], person: Callable[..., str],
    tmp_path: Path, database_url: str, app: Flask,
) -> None:  # fmt: skip
    email = person("administrator")
    session.rollback()
    sending = create_app(settings_for(tmp_path, database_url, smtp_host="127.0.0.1"))
    sending.test_client_class = app.test_client_class
    client = sending.test_client()
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)[0]
    form = {"email": email, "password": "correct horse battery staple", "csrf_token": token}
    assert client.post("/login", data=form).status_code == 302
    pass_second_factor(client, session, email)
    for path in ("/outbox", f"/outbox/{written[0]}"):
        assert client.get(path).status_code == 404
    assert "/outbox" not in client.get("/").text
    with sending.app_context():
        db.engine.dispose()
