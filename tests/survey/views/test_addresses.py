"""Addresses nobody writes by hand: numbers past every row, characters no database keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.survey.views.conftest import Page

PAST_EVERY_ROW = "9" * 20
NUL = "a\0b"


def _reading(app: Flask, **places: str) -> list[str]:
    """The address of every page, its places filled: `int` and `string` by the name of the converter."""
    addresses = []
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            path = rule.rule
            for part in rule.rule.split("<")[1:]:
                place = part.split(">")[0]
                kind = place.split(":")[0] if ":" in place else "string"
                path = path.replace(f"<{place}>", places.get(kind, "x"))
            addresses.append(path)
    return addresses


@pytest.mark.parametrize("role", ["reviewer", "administrator"])
def test_no_address_and_no_question_brings_a_page_down(
    app: Flask, scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], role: str
) -> None:
    client = sign_in(person(role))
    asked = {"period": NUL, "item": NUL, "lang": NUL, "next": NUL, "q": NUL}
    for address in _reading(app, int=PAST_EVERY_ROW, string=NUL):
        assert client.get(address).status_code < 500, address
        assert client.get(address, query_string=asked).status_code < 500, address


def test_a_number_past_every_row_is_a_plain_404(
    app: Flask, scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("reviewer"))
    for number in ("2147483648", PAST_EVERY_ROW):
        assert client.get(f"/appraisals/{number}").status_code == 404
        assert client.get(f"/appraisals/{number}.pdf").status_code == 404


@pytest.mark.parametrize(("email", "password"), [(f"{NUL}@harbour.example", NUL), ("reviewer@harbour.example", NUL)])
def test_signing_in_with_a_nul_is_just_wrong(
    client: FlaskClient, look: Callable[[TestResponse], Page], person: Callable[..., str], email: str, password: str
) -> None:
    person("reviewer")
    token = look(client.get("/login")).token
    answer = client.post("/login", data={"email": email, "password": password, "csrf_token": token})
    assert answer.status_code in {200, 400}
    assert client.get("/").status_code == 302  # still a stranger
