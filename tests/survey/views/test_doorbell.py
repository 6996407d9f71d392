"""Whether the public address leads here: tried against real servers that are ours, another's, or nobody's."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from survey.doorbell import NotAtTheDoor, ring
from tests.certificates import certificate_for_here
from tests.conftest import free_port
from tests.survey.views.conftest import Page

SIGN = "privacy@harbour.example"


@contextmanager
def answering(site: Callable[..., object], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a site on this machine; gives its address."""
    server = make_server("127.0.0.1", 0, site, threaded=True, ssl_context=tls)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=60)
    server.server_close()


@Request.application
def another(request: Request) -> Response:
    """A site that is not ours: /moved/… leads on, /gone/… fails."""
    if request.path.startswith("/moved"):
        return Response(status=301, headers={"Location": "https://elsewhere.example/privacy"})
    return Response("Welcome!", status=502 if request.path.startswith("/gone") else 200)


def test_it_says_who_answers_instead() -> None:
    with answering(another) as address:
        for below, told in (("", "Something else"), ("/moved", "leads on to https://elsewhere"), ("/gone", r"\(502\)")):
            with pytest.raises(NotAtTheDoor, match=told):
                ring(address + below, sign=SIGN)
    with pytest.raises(NotAtTheDoor, match=r"Nobody answers at .* refused"):
        ring(f"http://127.0.0.1:{free_port()}", sign=SIGN)


def test_a_certificate_nobody_trusts_is_told(tmp_path: Path) -> None:
    with (
        answering(another, certificate_for_here(tmp_path)) as address,
        pytest.raises(NotAtTheDoor, match="not trusted"),
    ):
        ring(address, sign=SIGN)


def test_an_administrator_opens_the_public_address(
    app: Flask, session: Session, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    administrator = sign_in(person("administrator"))
    session.rollback()

    def opened() -> str:
        token = Page(administrator.get("/settings").text).token
        administrator.post("/settings/test/address?lang=en", data={"csrf_token": token})
        return " ".join(Page(administrator.get("/settings?lang=en").text).text.split())

    with answering(app) as address:
        here = address.replace("127.0.0.1", "localhost")
        app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"base_url": here})
        assert f"{here} leads here." in opened()
    assert f"Nobody answers at {here}" in opened()
