"""The second factor: what a password alone opens (nothing), and what a code is worth (one entry)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.context import now
from survey.models.company import JournalEntry
from survey.users import second_factor
from tests.signing_in import KEY, PASSWORD

from .conftest import Page

CODES = second_factor.Codes(key=KEY)


def _token(client: FlaskClient, path: str) -> str:
    return Page(client.get(path).text).token


def _password(client: FlaskClient, email: str, path: str = "/login") -> None:
    data = {"email": email, "password": PASSWORD, "csrf_token": _token(client, path)}
    assert client.post(path, data=data).status_code == 302


def _give(client: FlaskClient, code: str, path: str = "/second-factor"):
    return client.post(path, data={"code": code, "csrf_token": _token(client, path)})


def _code(session: Session, email: str, *, later: int = 0) -> str:
    session.rollback()
    secret = CODES.secret_of(users.named(session, email))
    session.rollback()
    return CODES.shown(secret, at=now() + timedelta(seconds=later))


def test_a_password_alone_opens_nothing_to_an_administrator(
    app: Flask, client: FlaskClient, person: Callable[..., str]
) -> None:
    _password(client, person("administrator"), "/login?next=/roster")
    app.config["WTF_CSRF_ENABLED"] = False
    for path in ("/roster", "/account", "/campaigns", "/"):
        assert client.get(path).location == f"/second-factor?next={path}"
    assert client.post("/roster/import").location == "/second-factor?next=/"
    assert client.post("/account/password").location == "/second-factor?next=/"
    assert client.get("/second-factor/set-up").location == "/second-factor", "the app in use is asked first"
    assert client.post("/second-factor/set-up", data={"code": "000000"}).location == "/second-factor"


def test_the_right_code_lets_in_and_leads_on(client: FlaskClient, session: Session, person: Callable[..., str]) -> None:
    email = person("administrator")
    _password(client, email)
    client.get("/second-factor")
    with client.session_transaction() as before:
        token = before["csrf_token"]
    answer = _give(client, _code(session, email), "/second-factor?next=/roster")
    assert (answer.status_code, answer.location) == (303, "/roster")
    assert client.get("/roster").status_code == 200
    with client.session_transaction() as after:
        assert after["csrf_token"] != token


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "0" * 5000, "a-b", "\x00"])
def test_a_wrong_code_is_said_and_opens_nothing(client: FlaskClient, person: Callable[..., str], code: str) -> None:
    _password(client, person("administrator"))
    assert _give(client, code).status_code == 400
    assert client.get("/roster").location == "/second-factor?next=/roster"


def test_a_code_is_good_once_and_not_for_long(
    client: FlaskClient, session: Session, make_client: Callable[[], FlaskClient], person: Callable[..., str]
) -> None:
    email = person("administrator")
    _password(client, email)
    code = _code(session, email)
    assert _give(client, _code(session, email, later=-3600)).status_code == 400
    assert _give(client, code).status_code == 303
    other = make_client()
    _password(other, email)
    assert _give(other, code).status_code == 400
    assert other.get("/roster").status_code == 302


def test_a_recovery_code_lets_in_once_however_it_is_typed(
    client: FlaskClient, session: Session, make_client: Callable[[], FlaskClient], person: Callable[..., str]
) -> None:
    email = person("administrator")
    kept = second_factor.renew_recovery_codes(session, users.named(session, email), at=now())
    session.commit()
    assert len(set(kept)) == 10
    _password(client, email)
    assert _give(client, kept[3].upper().replace("-", " ")).status_code == 303
    assert client.get("/roster").status_code == 200
    other = make_client()
    _password(other, email)
    assert _give(other, kept[3]).status_code == 400
    session.rollback()
    assert second_factor.left(session, users.named(session, email)) == 9
    assert "recovery code used" in session.scalars(select(JournalEntry.action)).all()


def test_an_administrator_without_an_app_sets_one_up_first(
    client: FlaskClient, session: Session, person: Callable[..., str]
) -> None:
    email = person("administrator")
    second_factor.forget(session, users.named(session, email), by="command line", at=now())
    session.commit()
    _password(client, email)
    assert client.get("/second-factor?next=/roster").location == "/second-factor/set-up?next=/roster"
    page = client.get("/second-factor/set-up?next=/roster").text
    shown = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert shown
    assert "<svg" in page
    secret = shown.group(1).replace(" ", "")
    data = {"csrf_token": Page(page).token}
    assert client.post("/second-factor/set-up", data={**data, "code": "000000"}).status_code == 400
    code = CODES.shown(secret, at=now())
    kept = client.post("/second-factor/set-up?next=/roster", data={**data, "code": code})
    assert kept.status_code == 200
    assert len(re.findall(r"<li><code>[2-9a-z]{5}-[2-9a-z]{5}</code>", kept.text)) == 10
    assert 'href="/roster"' in kept.text
    assert client.get("/roster").status_code == 200
    session.rollback()
    user = users.named(session, email)
    assert secret not in (user.totp or ""), "a copy of the database makes no codes"
    assert CODES.secret_of(user) == secret


def test_guessing_codes_is_limited(client: FlaskClient, session: Session, person: Callable[..., str]) -> None:
    email = person("administrator")
    _password(client, email)
    codes = [_give(client, "000000").status_code for _ in range(5)]
    assert codes == [400] * 5
    assert _give(client, _code(session, email)).status_code == 429


def test_whoever_wants_one_has_to_give_it_from_then_on(
    client: FlaskClient, session: Session, make_client: Callable[[], FlaskClient], person: Callable[..., str],
    scored: object,
) -> None:  # fmt: skip
    email = person("manager", "boss@harbour.example")
    _password(client, email)
    assert client.get("/team").status_code == 200
    page = client.get("/second-factor/set-up").text
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page).group(1).replace(" ", "")  # type: ignore[union-attr]
    assert _give(client, CODES.shown(secret, at=now()), "/second-factor/set-up").status_code == 200
    assert client.get("/team").status_code == 200
    other = make_client()
    _password(other, email)
    assert other.get("/team").location == "/second-factor?next=/team"


def test_what_was_passed_is_worth_nothing_after_signing_out(
    client: FlaskClient, session: Session, person: Callable[..., str]
) -> None:
    email = person("administrator")
    _password(client, email)
    assert _give(client, _code(session, email)).status_code == 303
    client.post("/logout", data={"csrf_token": _token(client, "/roster")})
    _password(client, email)
    assert client.get("/roster").location == "/second-factor?next=/roster"


def test_the_librarys_own_tokens_open_nothing(
    client: FlaskClient, session: Session, person: Callable[..., str]
) -> None:
    email = person("manager")
    data = {"email": email, "password": PASSWORD, "csrf_token": _token(client, "/login")}
    answer = client.post("/login?include_auth_token", json=data, headers={"X-CSRFToken": data["csrf_token"]})
    token = (answer.get_json(silent=True) or {}).get("response", {}).get("user", {}).get("authentication_token", "none")
    client.delete_cookie("session")
    assert client.get("/account", headers={"Authentication-Token": token}).location == "/login?next=/account"
