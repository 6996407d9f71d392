"""Who may open which page. Deny by default: a route without a stated permission keeps the application from starting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, abort, g, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_login import user_logged_out
from flask_security import Security, current_user, url_for_security, user_authenticated
from flask_security.datastore import FSQLALiteUserDatastore
from sqlalchemy import Select

from survey import users
from survey.context import READING, db, today
from survey.users import Role, User

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

PUBLIC = "public"
SIGNED_IN = "signed in"
GRANTS: dict[str, frozenset[str]] = {
    "read scores": frozenset({"reviewer", "manager"}),
    "read appraisals": frozenset({"reviewer", "manager", "rep"}),
    "sign appraisals": frozenset({"reviewer"}),
    "read outbox": frozenset({"administrator"}),
    "follow up": frozenset({"reviewer", "manager"}),
    "read facts": frozenset({"reviewer", "manager", "rep"}),
    "enter facts": frozenset({"manager"}),
    "review facts": frozenset({"reviewer"}),
    "reply to facts": frozenset({"rep"}),
    "read schemes": frozenset({"administrator", "reviewer", "manager", "rep", "auditor"}),
    "adopt schemes": frozenset({"administrator", "reviewer"}),
    "keep roster": frozenset({"administrator"}),
    "keep questionnaires": frozenset({"administrator"}),
    "check assignments": frozenset({"rep"}),
    "decide objections": frozenset({"administrator", "reviewer"}),
    "run campaigns": frozenset({"administrator"}),
    "watch campaigns": frozenset({"administrator", "reviewer", "manager"}),
    "decide exclusions": frozenset({"administrator", "reviewer"}),
    "interview": frozenset({"interviewer"}),
}
"""Permission → the roles that hold it."""

BORROWED = {
    "static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": SIGNED_IN,
    "security.verify": SIGNED_IN,
    "security.static": PUBLIC,
}
"""Endpoints that come with a library, and their permission."""


class RouteWithoutPermission(Exception):
    """A route was added without saying who may open it."""


def permission(name: str) -> Callable[[View], View]:
    """State who may open a view: a key of GRANTS, or PUBLIC, or SIGNED_IN."""

    def mark(view: View) -> View:
        view.permission = name  # type: ignore[attr-defined]
        return view

    return mark


def permission_of(app: Flask, endpoint: str) -> str:
    stated: str | None = getattr(app.view_functions[endpoint], "permission", None) or BORROWED.get(endpoint)
    if stated is None:
        raise RouteWithoutPermission(f"{endpoint} does not say who may open it")
    return stated


def holds(name: str) -> bool:
    """Does the person before us hold this permission?"""
    if name == PUBLIC:
        return True
    if not current_user.is_authenticated:
        return False
    return name == SIGNED_IN or bool(GRANTS[name] & current_user.role_names)


def visible_reps() -> Select[int]:
    """The rep ids the signed-in person may see today."""
    return users.visible_reps(current_user, on=today())


def _guard(app: Flask) -> Callable[[], ResponseReturnValue | None]:
    stated = {endpoint: permission_of(app, endpoint) for endpoint in app.view_functions}

    def guard() -> ResponseReturnValue | None:
        if request.endpoint is None or holds(stated[request.endpoint]):
            if request.method not in READING:
                db.session.commit()  # knowing who asks was a read; the work itself may open as a writer
            return None
        if not current_user.is_authenticated:
            back = request.full_path.rstrip("?") if request.method in READING else "/"
            return redirect(url_for_security("login", next=back))
        return abort(404)

    return guard


def _forget_the_stranger(_app: Flask, **_: object) -> None:
    """A new session begins at sign-in: nothing given to the visitor before it, the form token included, is worth
    anything after."""
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)


def _end_sessions(_app: Flask, user: User) -> None:
    """Cookies carry the session, so a copy of one would outlive its owner's sign-out: it ends them all."""
    users.end_sessions(user)
    db.session.commit()


def init_sign_in(app: Flask) -> None:
    Security(app, FSQLALiteUserDatastore(db, User, Role))
    user_authenticated.connect(_forget_the_stranger, app)
    user_logged_out.connect(_end_sessions, app)


def init_app(app: Flask) -> None:
    """Guard every route. Call it after the last route is registered."""
    app.before_request(_guard(app))
