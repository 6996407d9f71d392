"""The way in: everyone lands where their work is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, i18n
from survey.refusals import N_
from survey.views import outbox

blueprint = Blueprint("home", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One page of the navigation, the permission it asks for, and whether this installation has it."""

    permission: str
    endpoint: str
    label: str
    exists: Callable[[], bool] = lambda: True


NAVIGATION: tuple[Entry, ...] = (
    Entry(permission="read scores", endpoint="team.team", label=N_("Team")),
    Entry(permission="read appraisals", endpoint="appraisals.listed", label=N_("Appraisals")),
    Entry(permission="follow up", endpoint="follow_ups.listed", label=N_("Follow-ups")),
    Entry(permission="keep roster", endpoint="roster.overview", label=N_("Roster")),
    Entry(permission="keep questionnaires", endpoint="questionnaires.listed", label=N_("Questionnaires")),
    Entry(permission="check assignments", endpoint="checking.mine", label=N_("My customers")),
    Entry(permission="decide objections", endpoint="checking.listed", label=N_("Objections")),
    Entry(permission="watch campaigns", endpoint="campaigns.listed", label=N_("Campaigns")),
    Entry(permission="read facts", endpoint="facts.listed", label=N_("Facts")),
    Entry(permission="interview", endpoint="interviews.queue", label=N_("Interviews")),
    Entry(permission="read outbox", endpoint="outbox.letters", label=N_("Outbox"), exists=outbox.is_kept),
    Entry(permission="read schemes", endpoint="schemes.listed", label=N_("Schemes")),
)
"""In the order people read it. The first one a person may open is where they land."""


def entries() -> list[Entry]:
    """What the person before us may open."""
    return [entry for entry in NAVIGATION if access.holds(entry.permission) and entry.exists()]


@blueprint.app_context_processor
def _navigation() -> dict[str, object]:
    return {"navigation": entries}


@blueprint.get("/")
@access.permission(access.SIGNED_IN)
def start() -> ResponseReturnValue:
    """Send the person to the first page they may open."""
    open_to_them = entries()
    if open_to_them:
        return redirect(url_for(open_to_them[0].endpoint))
    return render_template("home/start.html")


@blueprint.post("/language")
@access.permission(access.PUBLIC)
def choose_language() -> ResponseReturnValue:
    """Remember the language chosen, and go back."""
    code = request.form.get("lang", "")
    if code not in i18n.LANGUAGES:
        abort(400)
    response = make_response(redirect(_within(request.form.get("back", "/"))))
    response.set_cookie(i18n.COOKIE, code, max_age=31_536_000, samesite="Lax", httponly=True, secure=request.is_secure)
    return response


def _within(address: str) -> str:
    """A path of this site, whatever was asked for: `//host` and `/\\host` lead elsewhere in a browser."""
    strange = not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable()
    return "/" if strange else address
