"""Every page of an installation, found the way people find them: by following links from where each role lands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from survey import access
from survey.context import db
from survey.users import User, sign_ins

ROLES = ("administrator", "reviewer", "manager", "rep", "interviewer", "auditor")
STRANGER = "nobody"
ENOUGH = 2
"""Pages of one kind that one role looks at: the second often has what the first lacks."""

_LINK = re.compile(r'<a\b[^>]*\bhref="([^"]*)"')
_ELSEWHERE = ("static", "security.static", "manual.picture", "talks.together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One page: who looks at it (`nobody` without signing in), which view draws it, where it lies."""

    role: str
    endpoint: str
    address: str


def sign_in(app: Flask, client: FlaskClient, email: str) -> None:
    """Let this client be somebody without their password, as the cookie of a signed-in browser does."""
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == email)).one()
        uniquifier = user.fs_uniquifier
        key = sign_ins.begin(db.session, user, device="", at=datetime.now(UTC))
        db.session.commit()
    with client.session_transaction() as session:
        session.update({"_user_id": uniquifier, "_fresh": True, "fs_cc": "set", access.SIGN_IN: key})
        if passed := getattr(access, "PASSED", None):  # the second factor, for whoever needs one
            session[passed] = uniquifier


def walk(app: Flask, client: FlaskClient, role: str, starts: Iterable[str]) -> Iterator[tuple[Place, str]]:
    """Every page of HTML this client reaches from these addresses, with its markup."""
    waiting, known, seen = list(starts), set(starts), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        endpoint = endpoint_of(app, address)
        if endpoint is None or endpoint in _ELSEWHERE or seen[endpoint] >= ENOUGH:
            continue
        with app.app_context():
            answer = client.get(address)
        if answer.status_code in (301, 302, 303):
            found = [answer.headers["Location"]]
        else:
            assert answer.status_code == 200, f"{role} follows a link to {address}: {answer.status_code}"
            seen[endpoint] += 1
            if answer.mimetype != "text/html":
                continue
            markup = answer.get_data(as_text=True)
            yield Place(role=role, endpoint=endpoint, address=address), markup
            found = [unescape(link) for link in _LINK.findall(markup)]
        for link in found:
            target = _within(address, link)
            if target and target not in known:
                known.add(target)
                waiting.append(target)


def _within(address: str, link: str) -> str | None:
    """Where on this site a link leads."""
    parts = urlsplit(urljoin(f"http://localhost{address}", link))
    if parts.hostname != "localhost" or parts.scheme != "http":
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def endpoint_of(app: Flask, address: str) -> str | None:
    """The view behind an address, if it can be looked at."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(urlsplit(address).path, method="GET")
    except RequestRedirect as redirect:
        return endpoint_of(app, redirect.new_url)
    except HTTPException:
        return None
    return str(endpoint)


def cookies_of(client: FlaskClient, address: str) -> list[dict[str, str]]:
    """This client's cookies, as a browser context takes them."""
    session = client.get_cookie("session")
    return [{"name": "session", "value": session.value, "url": address}] if session else []
