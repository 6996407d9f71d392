"""Signing in and out: what a stranger learns, and what a stolen cookie is worth."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import users
from survey.users import User
from tests.signing_in import pass_second_factor

PASSWORD = "correct horse battery staple"
Look = Callable[[TestResponse], object]


@pytest.fixture(autouse=True)
def somebody(person: Callable[..., str]) -> None:
    """Where nobody may sign in yet, the first run comes before."""
    person("auditor", "somebody@harbour.example")


def _post(client: FlaskClient, look: Callable[..., object], email: str, password: str, query: str = "") -> TestResponse:
    token = look(client.get("/login")).token  # type: ignore[attr-defined]
    return client.post(f"/login{query}", data={"email": email, "password": password, "csrf_token": token})


def test_passwords_are_kept_as_argon2(session: Session, person: Callable[..., str]) -> None:
    address = person("manager")
    stored = session.scalar(select(User.password).where(User.email == address))
    assert stored is not None
    assert stored.startswith("$argon2id$")


def test_the_right_password_opens_the_first_page_of_the_role(
    scored: object, person: Callable[..., str], client: FlaskClient, look: Look
) -> None:
    response = _post(client, look, person("manager", "boss@harbour.example"), PASSWORD)
    assert (response.status_code, response.location) == (302, "/")
    assert client.get("/").location == "/team"


def test_whatever_letters_the_address_is_typed_in(person: Callable[..., str], client: FlaskClient, look: Look) -> None:
    person("manager", "Boss@Harbour.example")
    assert _post(client, look, "BOSS@harbour.EXAMPLE", PASSWORD).status_code == 302


def test_unknown_person_and_wrong_password_get_the_same_answer(
    person: Callable[..., str], client: FlaskClient, look: Callable[..., object]
) -> None:
    known = person("manager")
    wrong = _post(client, look, known, "not the password")
    unknown = _post(client, look, "nobody@harbour.example", "not the password")
    assert wrong.status_code == unknown.status_code == 200

    def said(response: TestResponse, typed: str) -> str:
        return str(look(response).text).replace(typed, "")  # type: ignore[attr-defined]

    assert said(wrong, known) == said(unknown, "nobody@harbour.example")


def test_an_inactive_person_stays_out(
    session: Session, person: Callable[..., str], client: FlaskClient, look: Look
) -> None:
    address = person("manager")
    session.scalars(select(User).where(User.email == address)).one().active = False
    session.commit()
    assert _post(client, look, address, PASSWORD).status_code == 200
    assert client.get("/").status_code == 302


def test_signing_in_starts_a_new_session(person: Callable[..., str], client: FlaskClient, look: Look) -> None:
    address = person("manager")
    client.get("/login")
    before = client.get_cookie("session")
    with client.session_transaction() as visit:
        token = visit["csrf_token"]
    _post(client, look, address, PASSWORD)
    after = client.get_cookie("session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    client.get("/team")
    with client.session_transaction() as visit:
        assert visit["csrf_token"] != token


def test_signing_out_kills_every_copy_of_the_session(
    person: Callable[..., str],
    sign_in: Callable[[str], FlaskClient],
    make_client: Callable[[], FlaskClient],
    look: Look,
) -> None:
    client = sign_in(person("manager"))
    cookie = client.get_cookie("session")
    assert cookie is not None
    thief = make_client()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/team").status_code == 200
    token = look(client.get("/team")).token  # type: ignore[attr-defined]
    client.post("/logout", data={"csrf_token": token})
    for visitor in (client, thief):
        assert visitor.get("/team").location == "/login?next=/team"


def test_signing_out_needs_the_page_it_was_asked_from(
    person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager"))
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").status_code == 400
    assert client.get("/team").status_code == 200


def test_a_form_without_its_token_signs_nobody_in(person: Callable[..., str], client: FlaskClient) -> None:
    client.post("/login", data={"email": person("manager"), "password": PASSWORD})
    assert client.get("/").location == "/login?next=/"


def test_guessing_is_limited(person: Callable[..., str], client: FlaskClient, look: Look) -> None:
    address = person("manager")
    codes = [_post(client, look, address, "guess").status_code for _ in range(10)]
    assert codes == [200] * 10
    refused = _post(client, look, address, PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    token = look(client.get("/login")).token  # type: ignore[attr-defined]
    data = {"email": address, "password": PASSWORD, "csrf_token": token}
    assert client.post("/login", data=data, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 429


def test_signing_in_leads_back_to_where_one_wanted_to_go(
    scored: object, person: Callable[..., str], client: FlaskClient, look: Look
) -> None:
    asked = client.get("/reps/R01?item=delivery")
    assert asked.location == "/login?next=/reps/R01?item%3Ddelivery"
    address = person("manager", "boss@harbour.example")
    assert _post(client, look, address, PASSWORD, asked.location.removeprefix("/login")).location == (
        "/reps/R01?item=delivery"
    )


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "///evil.example", "javascript:alert(1)"],
)
def test_nowhere_else(person: Callable[..., str], client: FlaskClient, look: Look, elsewhere: str) -> None:
    response = client.get("/login", query_string={"next": elsewhere})
    token = look(response).token  # type: ignore[attr-defined]
    answer = client.post(
        "/login",
        query_string={"next": elsewhere},
        data={"email": person("manager"), "password": PASSWORD, "csrf_token": token, "next": elsewhere},
    )
    assert re.match(r"/(?![/\\])", answer.location or "/")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:80", "localhost@evil.example"]
)
@pytest.mark.parametrize("path", ["/login", "/team", "/nothing"])
def test_a_forged_host_is_refused(client: FlaskClient, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.get_data(as_text=True)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_the_language_is_remembered_and_leads_back(client: FlaskClient, look: Look) -> None:
    token = look(client.get("/login")).token  # type: ignore[attr-defined]
    answer = client.post("/language", data={"lang": "en", "back": "/login?next=/team", "csrf_token": token})
    assert answer.location == "/login?next=/team"
    assert look(client.get("/login")).language == "en"  # type: ignore[attr-defined]


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx", "evil"])
def test_the_language_switch_stays_on_the_site(client: FlaskClient, look: Look, back: str) -> None:
    token = look(client.get("/login")).token  # type: ignore[attr-defined]
    answer = client.post("/language", data={"lang": "zh", "back": back, "csrf_token": token})
    assert answer.location == "/"


def test_a_language_nobody_speaks_here_is_refused(client: FlaskClient, look: Look) -> None:
    token = look(client.get("/login")).token  # type: ignore[attr-defined]
    assert client.post("/language", data={"lang": "fr", "csrf_token": token}).status_code == 400


@pytest.mark.parametrize(("accepts", "spoken"), [("en-GB,en;q=0.9", "en"), ("zh-CN", "zh-Hans"), ("fr", "zh-Hans")])
def test_a_first_visit_speaks_what_the_browser_prefers(
    client: FlaskClient, look: Look, accepts: str, spoken: str
) -> None:
    assert look(client.get("/login", headers={"Accept-Language": accepts})).language == spoken  # type: ignore[attr-defined]


def test_every_answer_carries_the_strict_headers(client: FlaskClient) -> None:
    for path in ("/login", "/", "/nothing", "/static/site.css"):
        with client.get(path) as response:
            headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/login").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_link_that_is_not_ones_own_leads_to_ones_first_page_with_a_sentence(
    person: Callable[..., str], make_client: Callable[[], FlaskClient], look: Look, session: Session
) -> None:
    """Somebody was sent a link to what their role does not open. Signed in already, they get a plain 404 as ever."""
    for role in users.ROLES:
        client, email = make_client(), person(role)
        client.set_cookie("language", "en")
        wanted = "/journal" if role not in ("auditor", "administrator") else "/team"
        token = look(client.get(f"/login?next={wanted}")).token  # type: ignore[attr-defined]
        form = {"email": email, "password": PASSWORD, "csrf_token": token}
        answer = client.post(f"/login?next={wanted}", data=form)
        if role != "administrator":  # who goes on to the second factor
            assert answer.location == "/", role
            landed = client.get("/", follow_redirects=True)
            assert landed.status_code == 200, role
            assert "Your own work begins here." in landed.text
            assert client.get(wanted).status_code == 404
        else:
            pass_second_factor(client, session, email)
            assert client.get(f"/second-factor?next={wanted}").location == "/"
