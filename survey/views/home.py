"""The way in: everyone lands where their work is."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, i18n

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@access.permission(access.SIGNED_IN)
def start() -> ResponseReturnValue:
    """Send the person to the first page they may open."""
    for name, endpoint in _FIRST_PAGES:
        if access.holds(name):
            return redirect(url_for(endpoint))
    abort(404)


_FIRST_PAGES: tuple[tuple[str, str], ...] = ()


@blueprint.post("/language")
@access.permission(access.PUBLIC)
def choose_language() -> ResponseReturnValue:
    """Remember the language chosen, and go back."""
    code = request.form.get("lang", "")
    if code not in i18n.LANGUAGES:
        abort(400)
    back = request.form.get("back", "/")
    response = make_response(redirect(back if back.startswith("/") and not back.startswith("//") else "/"))
    response.set_cookie(i18n.COOKIE, code, max_age=31_536_000, samesite="Lax", httponly=True, secure=request.is_secure)
    return response
