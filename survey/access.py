"""Who may open which page. Deny by default: a route without a stated permission keeps the application from starting."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, flash, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import user_logged_out
from flask_security import (
    Security,
    current_user,
    hash_password,
    login_user,
    url_for_security,
    user_authenticated,
)
from flask_security.datastore import FSQLALiteUserDatastore
from flask_security.utils import set_request_attr
from sqlalchemy import Select
from werkzeug.exceptions import HTTPException

from survey import users
from survey.context import READING, company, db, now, settings, today
from survey.context import session as writing
from survey.users import Role, User, people, second_factor, sign_ins

PASSED = "second_factor"
SIGN_IN = "sign_in"
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

PUBLIC = "public"
HALF_SIGNED_IN = "half signed in"
"""Open to whoever has given their password, the second factor still to come."""
SIGNED_IN = "signed in"
GRANTS: dict[str, frozenset[str]] = {
    "read scores": frozenset({"reviewer", "manager"}),
    "read method": frozenset({"reviewer", "auditor", "manager", "rep"}),
    "audit method": frozenset({"reviewer", "auditor"}),
    "read own scores": frozenset({"rep"}),
    "read appraisals": frozenset({"reviewer", "manager", "rep"}),
    "sign appraisals": frozenset({"reviewer"}),
    "read outbox": frozenset({"administrator"}),
    "follow up": frozenset({"reviewer", "manager"}),
    "read facts": frozenset({"reviewer", "manager", "rep"}),
    "enter facts": frozenset({"manager"}),
    "review facts": frozenset({"reviewer"}),
    "set targets": frozenset({"reviewer"}),
    "reply to facts": frozenset({"rep"}),
    "score periods": frozenset({"administrator", "reviewer"}),
    "read schemes": frozenset({"administrator", "reviewer", "manager", "rep", "auditor"}),
    "adopt schemes": frozenset({"administrator", "reviewer"}),
    "keep roster": frozenset({"administrator"}),
    "read journal": frozenset({"auditor", "administrator"}),
    "keep people": frozenset({"administrator"}),
    "keep settings": frozenset({"administrator"}),
    "keep questionnaires": frozenset({"administrator"}),
    "check assignments": frozenset({"rep"}),
    "decide objections": frozenset({"administrator", "reviewer"}),
    "run campaigns": frozenset({"administrator"}),
    "watch campaigns": frozenset({"administrator", "reviewer", "manager"}),
    "decide exclusions": frozenset({"administrator", "reviewer"}),
    "interview": frozenset({"interviewer"}),
    "write by hand": frozenset({"administrator", "interviewer"}),
}
"""Permission → the roles that hold it."""

BARRED: dict[str, frozenset[str]] = {"write by hand": frozenset({"manager", "rep"})}
"""Permission → the roles that rule it out, whatever others a person holds: no link passes through a rep."""

BORROWED = {
    "static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": HALF_SIGNED_IN,
    "security.static": PUBLIC,
}
"""Endpoints that come with a library, and their permission."""


limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=True)


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
    if not _has_given_password():
        return False
    if name == HALF_SIGNED_IN:
        return True
    return has_passed() and (name == SIGNED_IN or _is_granted(name))


def _is_granted(name: str) -> bool:
    """Do the roles of the person before us bring this permission?"""
    roles = current_user.role_names
    return bool(GRANTS[name] & roles) and not BARRED.get(name, frozenset()) & roles


def _has_given_password() -> bool:
    """By the form, in this session: the library's tokens open nothing here."""
    return bool(current_user.is_authenticated and "_user_id" in session)


def has_passed() -> bool:
    """Has the person before us done all it takes to sign in? Every sign-out makes what is noted here worthless."""
    return not second_factor.is_needed(current_user) or session.get(PASSED) == current_user.fs_uniquifier


def let_in() -> None:
    """The second factor was right. What the session held until now, the form token included, ends here."""
    session[PASSED] = current_user.fs_uniquifier
    _forget_form_token()


def hashed(password: str) -> str:
    """A password as it is kept, of the letters the sign-in form will make of it."""
    return str(hash_password(unicodedata.normalize("NFKD", password)))


def begin(user: User) -> None:
    """Begin a session for somebody who just chose a password. A second factor they have is still asked for."""
    db.session.commit()
    session.clear()
    login_user(user)


def begin_anew(user: User) -> None:
    """Begin this session again, after every session of the person ended with a change of password."""
    begin(user)
    let_in()


def codes() -> second_factor.Codes:
    """The second factor's codes under this installation's key. Many people try the demo's one administrator at the same
    time, so there a code is good for as long as it is shown."""
    told = settings()
    return second_factor.Codes(key=told.secret_key.get_secret_value(), issuer=company().name, once=not told.is_demo)


def way_back() -> str:
    """Where the person wanted to go and may: a path of this site, whatever the address says."""
    return way_in(within(request.args.get("next", "/")))


def may_open(address: str) -> bool:
    """Would a page of this site show itself to the person before us, as far as their roles decide? Whether the thing it
    names is theirs to see, it says itself."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(urlsplit(address).path, method="GET")
    except HTTPException:  # nothing lies there, or it leads on
        return True
    name = permission_of(current_app, endpoint)
    return name not in GRANTS or _is_granted(name)


def way_in(address: str) -> str:
    """Where somebody who has just signed in lands: what they asked for, or where their own work begins when a link led
    them to what is not for them."""
    if may_open(address):
        return address
    flash(gettext("The link leads to a page that your role does not open. Your own work begins here."))
    return "/"


def within(address: str) -> str:
    """A path of this site, whatever was asked for: `//host` and `/\\host` lead elsewhere in a browser."""
    strange = not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable()
    return "/" if strange else address


def visible_reps() -> Select[int]:
    """The rep ids the signed-in person may see today."""
    return users.visible_reps(current_user, on=today())


def guarded(*, whose: Callable[[], str], most: str, counts_all: bool = False) -> Callable[[View], View]:
    """Bound the guessing in a form: 10 wrong posts a minute from one place, and `most` about one person (`whose`).

    What succeeded does not count (a whole office may sign in from behind one address), unless `counts_all`.
    """
    wrong = None if counts_all else _is_wrong

    def bound(view: View) -> View:
        for limit, key in (("10 per minute", get_remote_address), (most, whose)):
            view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=wrong)(view)  # type: ignore[assignment]  # untyped for views
        return view

    return bound


def _is_wrong(response: Response) -> bool:
    return response.status_code not in {302, 303}


def typed_address() -> str:
    """The address in the form, in the one form it is kept in, so that spelling it otherwise is no new chance."""
    return f"address {request.form.get('email', '').strip().lower()[:320]}"


def the_person() -> str:
    """Whoever has given their password."""
    return f"person {current_user.id}" if current_user.is_authenticated else get_remote_address()


def own_reps() -> Select[int]:
    """The rep ids of the signed-in person themselves."""
    return users.own_reps(current_user)


def _guard(app: Flask) -> Callable[[], ResponseReturnValue | None]:
    stated = {endpoint: permission_of(app, endpoint) for endpoint in app.view_functions}

    def guard() -> ResponseReturnValue | None:
        if request.endpoint == "security.login" and request.method in READING and not people.exist(db.session):
            return redirect(url_for("first_run.form"))
        if request.endpoint is None or holds(stated[request.endpoint]):
            if request.method not in READING:
                db.session.commit()  # knowing who asks was a read; the work itself may open as a writer
            return None
        back = request.full_path.rstrip("?") if request.method in READING else "/"
        if not _has_given_password():
            return redirect(url_for_security("login", next=back))
        if not has_passed():
            return redirect(url_for("second_factor.ask", next=back))
        return abort(404)

    return guard


def _begin_session(_app: Flask, user: User, **_: object) -> None:
    """A new session begins at sign-in: nothing given to the visitor before it, the form token included, is worth
    anything after."""
    session.pop(PASSED, None)
    _forget_form_token()
    db.session.commit()  # knowing who it is was a read
    device = sign_ins.device_of(request.user_agent.string)
    session[SIGN_IN] = sign_ins.begin(writing(), user, device=device, at=now())
    db.session.commit()


def _forget_form_token() -> None:
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)


def _end_session(_app: Flask, user: User) -> None:
    """Cookies carry the session, so a copy of one would outlive its owner's sign-out: its row goes."""
    found = sign_ins.find(db.session, user, str(session.pop(SIGN_IN, "")))
    if found is not None:
        sign_ins.end(db.session, user, found.id)
    db.session.commit()


def this_session() -> int | None:
    """The number of the session of the person before us."""
    found = sign_ins.find(db.session, current_user, str(session.get(SIGN_IN, "")))
    return found.id if found else None


def _load_user(identity: str) -> User | None:
    """Whoever's session was ended elsewhere is a stranger on every page, the public ones too."""
    key = session.get(SIGN_IN)
    user = sign_ins.whose(db.session, identity, str(key)) if key else None
    if user:  # as the library's own loader notes it
        set_request_attr("fs_authn_via", "session")
        set_request_attr("fs_paa", session.get("fs_paa", 0))
    return user


def init_sign_in(app: Flask) -> None:
    limiter.init_app(app)
    Security(app, FSQLALiteUserDatastore(db, User, Role))
    app.login_manager.user_loader(_load_user)  # type: ignore[attr-defined]
    user_authenticated.connect(_begin_session, app)
    user_logged_out.connect(_end_session, app)
    sign_in = app.view_functions["security.login"]

    def landing() -> ResponseReturnValue:
        answer = make_response(sign_in())
        if answer.status_code == 302 and has_passed() and current_user.is_authenticated:
            answer.location = way_in(answer.location or "/")
        return answer

    app.view_functions["security.login"] = guarded(whose=typed_address, most="30 per hour")(landing)


def init_app(app: Flask) -> None:
    """Guard every route. Call it after the last route is registered."""
    app.before_request(_guard(app))
