"""Who may open which page: every route, every role, and whose reps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from survey import access, users
from survey.app import create_app
from survey.config import Settings
from survey.models.roster import Rep

CHANGES_THE_ASKER = {"/logout", "/account/sign-out-everywhere", "/people/invite"}
"""They end the session, or make a manager of an administrator whom reps report to."""
STANDING_IN = {"code": "R01", "filename": "site.css", "token": "0" * 26, "view": "reps", "form": "csv"}
"""What fills the places of an address; any other place gets a number nobody has."""


def _requests(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Method, address and permission of every route."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, _address(app, rule), access.permission_of(app, rule.endpoint)


def _address(app: Flask, rule: Rule) -> str:
    filling = {name: STANDING_IN.get(name, "999999") for name in rule.arguments}
    path = rule.rule
    for part in rule.rule.split("<")[1:]:
        place = part.split(">")[0]
        path = path.replace(f"<{place}>", filling[place.split(":")[-1]])
    return path


def test_every_permission_is_a_known_one(app: Flask) -> None:
    known = {access.PUBLIC, access.HALF_SIGNED_IN, access.SIGNED_IN, *access.GRANTS}
    assert {permission for _, _, permission in _requests(app)} <= known


def test_a_route_that_says_nothing_keeps_the_application_from_starting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(access.BORROWED, "static")
    with pytest.raises(access.RouteWithoutPermission, match="static"):
        create_app(settings)


def test_a_stranger_is_sent_to_sign_in(app: Flask, client: FlaskClient, scored: object) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    for method, address, permission in _requests(app):
        if permission == access.PUBLIC:
            continue
        answer = client.open(address, method=method)
        assert answer.status_code == 302, f"{method} {address}"
        assert answer.location.startswith("/login"), f"{method} {address}"


@pytest.mark.parametrize("role", users.ROLES)
def test_each_role_opens_its_pages_and_no_other(
    app: Flask, scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], role: str
) -> None:
    client = sign_in(person(role, "boss@harbour.example"))
    app.config["WTF_CSRF_ENABLED"] = False
    for method, address, permission in _requests(app):
        if permission == access.PUBLIC or address in CHANGES_THE_ASKER:
            continue
        answer = client.open(address, method=method)
        if role not in access.GRANTS.get(permission, users.ROLES):
            assert answer.status_code == 404, f"{role}: {method} {address}"
        else:
            assert answer.status_code < 500, f"{role}: {method} {address}"
            assert not (answer.location or "").startswith("/login"), f"{role}: {method} {address}"


def test_reading_without_a_body_and_asking_what_is_allowed(
    app: Flask, scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager", "boss@harbour.example"))
    for address in ("/team", "/reps/R01", "/login"):
        read = client.head(address)
        assert read.status_code in {200, 302}
        assert read.get_data() == b""
        allowed = client.options(address)
        assert allowed.status_code == 200
        assert "GET" in allowed.headers["Allow"]


@pytest.mark.parametrize(
    ("role", "email", "seen"),
    [
        ("reviewer", "", "all"),
        ("manager", "boss@harbour.example", "of_the_boss"),
        ("manager", "other@harbour.example", "of_the_other"),
        ("manager", "lead@harbour.example", ("R07", "R08")),
        ("manager", "nobody@harbour.example", ()),
        ("administrator", "", ()),
        ("interviewer", "", ()),
        ("auditor", "", ()),
        ("rep", "r02@harbour.example", ()),
    ],
)
def test_each_sees_their_own_people_and_a_plain_404_otherwise(
    session: Session, scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient],
    role: str, email: str, seen: str | tuple[str, ...],
) -> None:  # fmt: skip
    client = sign_in(person(role, email))
    everybody = tuple(session.scalars(select(Rep.code).order_by(Rep.code)))
    expected = everybody if seen == "all" else getattr(scored, seen) if isinstance(seen, str) else seen
    opened = tuple(code for code in everybody if client.get(f"/reps/{code}").status_code == 200)
    assert opened == expected
    assert {client.get(f"/reps/{code}").status_code for code in set(everybody) - set(expected)} <= {404}
    listed = client.get("/team").get_data(as_text=True)
    assert all((f"/reps/{code}?" in listed) == (code in expected) for code in everybody)


def test_the_answer_for_anothers_rep_is_the_answer_for_nobodys(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager", "boss@harbour.example"))
    assert client.get("/reps/R09").get_data() == client.get("/reps/R99").get_data()
