"""One's own account: changing the password and ending sessions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from flask_security import verify_password
from sqlalchemy import update
from sqlalchemy.orm import Session

from survey import users
from survey.users import SignIn, sign_ins
from tests.signing_in import PASSWORD

from .conftest import Page

NEW = "violet kettle under seven bridges"


def _post(client: FlaskClient, path: str, **fields: str):
    return client.post(path, data={**fields, "csrf_token": Page(client.get("/account").text).token})


def test_a_new_password_ends_every_other_session(
    session: Session, person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    email = person("administrator")
    here, elsewhere = sign_in(email), sign_in(email)
    assert _post(here, "/account/password", current=PASSWORD, chosen=NEW).status_code == 303
    assert here.get("/account").status_code == 200, "this session goes on"
    assert elsewhere.get("/account").location.startswith("/login")
    session.rollback()
    assert verify_password(NEW, users.named(session, email).password)
    assert sign_in(email, NEW).get("/account").status_code == 200


@pytest.mark.parametrize(
    ("current", "chosen"),
    [
        ("guess", NEW),
        (PASSWORD, "short"),
        (PASSWORD, "x" * 500),
        (PASSWORD, "manager4manager"),
        (PASSWORD, "aaaaaaaaaaaaaaa"),
        ("", ""),
    ],
)
def test_what_is_no_password_changes_nothing(
    session: Session, person: Callable[..., str], sign_in: Callable[..., FlaskClient], current: str, chosen: str
) -> None:
    client = sign_in(person("manager"))
    assert _post(client, "/account/password", current=current, chosen=chosen).status_code == 400
    session.rollback()
    assert verify_password(PASSWORD, users.named(session, "manager@harbour.example").password)


def test_signing_out_everywhere(person: Callable[..., str], sign_in: Callable[..., FlaskClient]) -> None:
    email = person("manager")
    here, elsewhere = sign_in(email), sign_in(email)
    assert _post(here, "/account/sign-out-everywhere").location == "/login"
    for client in (here, elsewhere):
        assert client.get("/account").location == "/login?next=/account"


def test_one_session_is_ended_from_another_and_nobody_elses(
    person: Callable[..., str], sign_in: Callable[..., FlaskClient], session: Session
) -> None:
    email = person("manager")
    lost, here, stranger = sign_in(email), sign_in(email), sign_in(person("rep"))
    session.execute(update(SignIn).where(SignIn.id == 1).values(device="Firefox, Windows"))
    session.commit()
    page = here.get("/account?lang=en").text
    assert "Firefox, Windows" in page
    assert re.findall(r'action="(/account/sessions/\d+/end)"', page) == ["/account/sessions/1/end"]
    _post(stranger, "/account/sessions/1/end")
    assert lost.get("/account").status_code == 200
    assert _post(here, "/account/sessions/1/end").location == "/account"
    assert lost.get("/account").location == "/login?next=/account"
    assert lost.get("/login").status_code == 200, "the ended session is a stranger's on public pages too"
    assert here.get("/account").status_code == 200
    _post(here, "/logout")
    assert sign_in(email).get("/account?lang=en").text.count("since") == 1


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0 MicroMessenger/8.0.49", "WeChat, Android"),
        ("curl/8.5", ""),
    ],
)
def test_a_device_is_named_roughly(agent: str, device: str) -> None:
    assert sign_ins.device_of(agent) == device


def test_recovery_codes_are_renewed_for_the_password_alone(
    person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(person("administrator"))
    assert _post(client, "/second-factor/recovery-codes", password="guess").location == "/account?refused=recovery"
    renewed = _post(client, "/second-factor/recovery-codes", password=PASSWORD)
    assert renewed.text.count("<li><code>") == 10
