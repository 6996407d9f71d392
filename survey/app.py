"""The application factory: extensions, headers, doors."""

from __future__ import annotations

import logging
from datetime import timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_alembic import Alembic
from flask_wtf import CSRFProtect
from secure import (
    ContentSecurityPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, IntegerConverter, Map

from survey import access, config, context, database, figures, i18n
from survey.config import Settings, SettingsRefused
from survey.views import BLUEPRINTS, answering, preferences, previewing

MAX_BODY_BYTES = 512 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1"})
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

alembic = Alembic(metadatas=database.Base.metadata, run_mkdir=False, command_name="")
log = logging.getLogger("evenhand")
logging.getLogger("alembic").setLevel(logging.WARNING)
csrf = CSRFProtect()


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application from its settings (the environment's unless given).

    Raises SettingsRefused when the environment is incomplete or its directory cannot be made.
    """
    settings = settings or config.load()
    app = Flask("survey", root_path=str(Path(__file__).parent), template_folder=str(TEMPLATES))
    app.config.from_mapping(_configuration(settings))
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    _make_directory(settings.evenhand_dir)
    _extend(app)
    app.url_map.converters.update({"int": _RowNumber, "default": _Code})
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    # They have no session whose forms could be forged; a preview stores nothing.
    for customers in (answering.blueprint, preferences.blueprint, previewing.blueprint):
        csrf.exempt(customers)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(DataError, _unfit)
    app.register_error_handler(OverflowError, _unfit)
    app.register_error_handler(IntegrityError, _overtaken)
    app.register_error_handler(OperationalError, _come_back)
    app.after_request(_add_headers)
    access.init_app(app)
    return app


class _RowNumber(IntegerConverter):
    """A number in an address, as far as a table's key can count: past that there is no page."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**31 - 1)


class _Code(BaseConverter):
    """A code in an address: no row has a NUL in it, and PostgreSQL will not even look."""

    regex = r"[^/\x00]+"
    part_isolating = True


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsRefused(f"EVENHAND_DIR: {directory} cannot be made: {error.strerror}.") from None


def _extend(app: Flask) -> None:
    context.db.init_app(app)
    # No session of ours is asynchronous, and closing none would start an event loop after every request: 2 ms each.
    closing = app.teardown_appcontext_funcs
    closing[:] = [function for function in closing if not iscoroutinefunction(function)]
    with app.app_context():
        database.prepare(context.db.engine)
    alembic.init_app(app)
    i18n.init_app(app)
    csrf.init_app(app)
    access.init_sign_in(app)
    app.jinja_env.globals.update(company=context.company, logo=context.logo, holds=access.holds, spots=figures.spots)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _configuration(settings: Settings) -> dict[str, object]:
    https = settings.base_url.startswith("https://")
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "SQLALCHEMY_ENGINES": {"default": {"url": settings.database, "hide_parameters": True}},
        "ALEMBIC": {"script_location": "migrations"},
        "ALEMBIC_CONTEXT": {
            "render_as_batch": True,
            "compare_server_default": False,
            "include_name": lambda name, kind, _parents: not (kind == "table" and name.startswith("huey_")),
        },
        "BABEL_TRANSLATION_DIRECTORIES": "translations",
        "TRUSTED_HOSTS": _trusted_hosts(settings.base_url),
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "RATELIMIT_STORAGE_URI": settings.ratelimit_storage_uri,
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SALT": settings.secret_key.get_secret_value(),
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
        "SECURITY_REGISTERABLE": False,
        "SECURITY_SEND_REGISTER_EMAIL": False,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/login",
        "SECURITY_I18N_DIRNAME": "builtin",
        "SECURITY_USE_REGISTER_V2": True,
        "SECURITY_FRESHNESS": timedelta(-1),
    }


def _trusted_hosts(base_url: str) -> list[str]:
    """The public name alone, so that no forged Host reaches a link; one's own machine goes by two names."""
    host = urlsplit(base_url).hostname or ""
    return sorted(LOOPBACK) if host in LOOPBACK else [host]


def _strict(policy: ContentSecurityPolicy) -> Secure:
    csp = (
        policy.default_src("'none'")
        .style_src("'self'")
        .script_src("'self'")
        .img_src("'self'")
        .font_src("'self'")
        .form_action("'self'")
        .base_uri("'none'")
        .frame_ancestors("'none'")
    )
    return Secure(
        csp=csp,
        referrer=ReferrerPolicy().set("no-referrer"),
        xcto=XContentTypeOptions(),
        xfo=XFrameOptions().set("DENY"),
    )


LIVE = frozenset({"campaigns.shown"})
"""Pages that ask for themselves again, so that what they show is live; no other may ask for anything."""
_page_headers = _strict(ContentSecurityPolicy())
_live_headers = _strict(ContentSecurityPolicy().connect_src("'self'"))
_https_headers = Secure(hsts=StrictTransportSecurity().max_age(31_536_000))


def _add_headers(response: Response) -> Response:
    """The same strict headers on every response, errors too. Nothing but the bundled assets may be cached."""
    (_live_headers if request.endpoint in LIVE else _page_headers).set_headers(response)
    if request.is_secure:
        _https_headers.set_headers(response)
    if request.endpoint == "settings.logo" and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _unfit(error: DataError | OverflowError) -> ResponseReturnValue:
    """A NUL, say: PostgreSQL keeps none. Or a number no table can count to: SQLite's driver says so in its own way.
    What overflows anywhere else is our own mistake."""
    if isinstance(error, OverflowError) and "SQLite" not in str(error):
        raise error
    return _error_page(BadRequest())


def _overtaken(error: IntegrityError) -> ResponseReturnValue:
    """Two did the same at the same moment, each having looked before the other wrote: the first one's stays. A row that
    is unfit for its table is our own mistake."""
    if not database.is_overtaken(error):
        raise error
    log.warning("database: %s", str(error.orig).partition("\n")[0])  # what follows quotes the row
    return _error_page(Conflict())


def _come_back(error: OperationalError) -> ResponseReturnValue:
    """The database is busy or away. What it has acknowledged it keeps; the rest may be sent again shortly."""
    log.warning("database: %s", database.refusal(error))
    return render_template("layouts/error.html", code=503), 503, {"Retry-After": "5"}


def _error_page(error: HTTPException) -> ResponseReturnValue:
    """One calm sentence, in the reader's language, under the status the machine needs. What was begun is given up
    first, for the page asks who reads it."""
    if error.response is not None:
        return error.response
    context.db.session.rollback()
    if isinstance(error, SecurityError):  # no page of ours is drawn under a name that is not ours
        return Response("This site does not go by that name.\n", 400, content_type="text/plain; charset=utf-8")
    return render_template("layouts/error.html", code=error.code), error.code or 500
