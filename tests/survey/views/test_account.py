"""One's own account: changing the password and ending sessions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from flask_security import verify_password
from sqlalchemy.orm import Session

from survey import users
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


def test_recovery_codes_are_renewed_for_the_password_alone(
    person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(person("administrator"))
    assert _post(client, "/second-factor/recovery-codes", password="guess").location == "/account?refused=recovery"
    renewed = _post(client, "/second-factor/recovery-codes", password=PASSWORD)
    assert renewed.text.count("<li><code>") == 10
