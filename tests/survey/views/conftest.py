"""Clients that look at every page they fetch, and people who sign in the way people do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey.context import db
from tests.signing_in import PASSWORD, add_person, pass_second_factor
from tests.walking.markup import faults

LANGUAGES = {"zh-Hans", "en"}
# What a template leaves behind when something was not rendered. "None given" and "None needed" are answers to choose.
UNRENDERED = re.compile(r"\{\{|\}\}|\{%|%\(|\bNone\b(?! given| needed)|\bnan\b|\bUndefined\b|&lt;|object at 0x")


class Page(HTMLParser):
    """What a reader gets of a page: its language, its title, its text, its attributes, the form's token and whatever
    else a form carries unseen."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.language = self.title = self.token = ""
        self.texts: list[str] = []
        self.values: list[str] = []
        self.links: list[str] = []
        self.hidden: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open.append(tag)
        self.values += given.values()
        if tag == "html":
            self.language = given.get("lang", "")
        if given.get("name") == "csrf_token":
            self.token = given.get("value", "")
        if given.get("type") == "hidden":
            self.hidden[given.get("name", "")] = given.get("value", "")
        if tag == "a":
            self.links.append(given.get("href", ""))

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.title += data
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


class CheckingClient(FlaskClient):
    """Every HTML page fetched has a title, a language, nothing unrendered, and is sound.

    Each request stands in a context of its own, as on a server: the one the `session` fixture keeps open would carry
    the person and the language of one request into the next, and its reading would hold up their writing.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            db.session.rollback()
        with self.application.app_context():
            response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and response.get_data():
            markup, path = response.get_data(as_text=True), response.request.path
            check(markup, of=path)
            check_markup(markup, of=path, status=response.status_code)
        return response


def check(markup: str, *, of: str) -> None:
    if "<html" not in markup:  # the body of a redirect, which nobody reads
        return
    if _is_plainly_whole(markup):
        return
    page = Page(markup)
    assert page.title.strip(), f"{of} has no title"
    assert page.language in LANGUAGES, f"{of} does not say its language"
    for text in (*page.texts, *page.values):
        assert not UNRENDERED.search(text), f"{of} shows {text!r}"


def _is_plainly_whole(markup: str) -> bool:
    """A page that has a title and a language and nowhere, not even between its tags, anything unrendered needs no
    taking apart to see it."""
    language, title = re.search(r'<html\b[^>]*\slang="([^"]*)"', markup), re.search(r"<title>\s*[^<\s]", markup)
    return bool(title and language and language[1] in LANGUAGES and not UNRENDERED.search(unescape(markup)))


def check_markup(markup: str, *, of: str, status: int) -> None:
    """Sound HTML, also in the states no walk comes to: a form sent back, a refusal. Once for each kind of page, for a
    strict parser takes its time; what is not there looks the same wherever in a part of the site it is not."""
    kind = ("/".join(of.split("/")[:2]) if status == 404 else re.sub(r"\d+", "", of), status)
    if kind not in _PARSED and "<html" in markup:
        _PARSED.add(kind)
        # Control characters are sent on purpose and shown as what they are.
        unsound = [one for one in faults(markup) if "invalid-codepoint" not in one]
        assert not unsound, f"{of} answers {status} with unsound HTML: {unsound}"


_PARSED: set[tuple[str, int]] = set()


@pytest.fixture
def app(app: Flask) -> Iterator[Flask]:
    """The application, handing out checking clients and refusing templates that name what is not there."""
    usual = app.jinja_env.undefined
    app.test_client_class = CheckingClient
    app.jinja_env.undefined = StrictUndefined
    yield app
    app.test_client_class = None
    app.jinja_env.undefined = usual


@pytest.fixture
def look() -> Callable[[TestResponse], Page]:
    """The page in a response."""
    return lambda response: Page(response.get_data(as_text=True))


@pytest.fixture
def person(session: Session) -> Callable[..., str]:
    """Let somebody sign in: `person("manager", "boss@harbour.example")` is their address."""

    def create(role: str, email: str = "", name: str = "李敏") -> str:
        return add_person(session, role, email or f"{role}@harbour.example", name).email

    return create


@pytest.fixture
def sign_in(make_client: Callable[[], FlaskClient], session: Session) -> Callable[[str], FlaskClient]:
    """A client signed in through the form, as this address."""

    def enter(email: str, password: str = PASSWORD) -> FlaskClient:
        client = make_client()
        form = Page(client.get("/login").get_data(as_text=True))
        answer = client.post("/login", data={"email": email, "password": password, "csrf_token": form.token})
        assert answer.status_code == 302, "the sign-in was refused"
        pass_second_factor(client, session, email)
        return client

    return enter
