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
    """One page of the navigation, the permission it asks for, its group, and whether this installation has it."""

    permission: str
    endpoint: str
    label: str
    group: str
    exists: Callable[[], bool] = lambda: True

    @property
    def blueprint(self) -> str:
        return self.endpoint.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries that fold into one word where there are many. Without a label they stand alone."""

    label: str
    entries: tuple[Entry, ...]


RESULTS = N_("Results")
PEOPLE = N_("Roster and people")
ASKING = N_("Surveys")
APPRAISING = N_("Appraising")
SITE = N_("This site")
DESK = N_("Desk")
GROUPS = (DESK, RESULTS, PEOPLE, ASKING, APPRAISING, SITE)
FEW = 6
"""So many pages stand side by side; more are grouped."""


NAVIGATION: tuple[Entry, ...] = (
    Entry(permission="keep settings", endpoint="desk.shown", label=N_("Desk"), group=DESK),
    Entry(permission="read scores", endpoint="team.team", label=N_("Team"), group=RESULTS),
    Entry(permission="read own scores", endpoint="mine.results", label=N_("My results"), group=RESULTS),
    Entry(permission="read appraisals", endpoint="appraisals.listed", label=N_("Appraisals"), group=RESULTS),
    Entry(permission="follow up", endpoint="follow_ups.listed", label=N_("Follow-ups"), group=ASKING),
    Entry(permission="keep roster", endpoint="roster.overview", label=N_("Roster"), group=PEOPLE),
    Entry(permission="keep people", endpoint="people.listed", label=N_("People and roles"), group=PEOPLE),
    Entry(permission="keep questionnaires", endpoint="questionnaires.listed", label=N_("Questionnaires"), group=ASKING),
    Entry(permission="check assignments", endpoint="checking.mine", label=N_("My customers"), group=PEOPLE),
    Entry(permission="decide objections", endpoint="checking.listed", label=N_("Objections"), group=PEOPLE),
    Entry(permission="watch campaigns", endpoint="campaigns.listed", label=N_("Campaigns"), group=ASKING),
    Entry(permission="read facts", endpoint="facts.listed", label=N_("Facts"), group=APPRAISING),
    Entry(permission="set targets", endpoint="targets.shown", label=N_("Fair targets"), group=APPRAISING),
    Entry(permission="interview", endpoint="interviews.queue", label=N_("Interviews"), group=ASKING),
    Entry(permission="read outbox", endpoint="outbox.letters", label=N_("Outbox"), group=ASKING, exists=outbox.is_kept),
    Entry(permission="read method", endpoint="method.shown", label=N_("Method"), group=APPRAISING),
    Entry(permission="score periods", endpoint="periods.listed", label=N_("Periods"), group=APPRAISING),
    Entry(permission="read schemes", endpoint="schemes.listed", label=N_("Schemes"), group=APPRAISING),
    Entry(permission="read journal", endpoint="journal.lines", label=N_("Journal"), group=SITE),
    Entry(permission="keep settings", endpoint="settings.shown", label=N_("Settings"), group=SITE),
    Entry(permission="keep settings", endpoint="health.shown", label=N_("Health"), group=SITE),
)
"""In the order people read it. The first one a person may open is where they land."""


def entries() -> list[Entry]:
    """What the person before us may open."""
    return [entry for entry in NAVIGATION if access.holds(entry.permission) and entry.exists()]


def groups() -> list[Group]:
    """The same in their groups: few pages side by side, many under a word each. A group of one is its page."""
    open_to_them = entries()
    if len(open_to_them) <= FEW:
        return [Group(label="", entries=tuple(open_to_them))]
    grouped = {label: tuple(entry for entry in open_to_them if entry.group == label) for label in GROUPS}
    return [Group(label=label if len(some) > 1 else "", entries=some) for label, some in grouped.items() if some]


@blueprint.app_context_processor
def _navigation() -> dict[str, object]:
    return {"navigation": groups}


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
    response = make_response(redirect(access.within(request.form.get("back", "/"))))
    response.set_cookie(i18n.COOKIE, code, max_age=31_536_000, samesite="Lax", httponly=True, secure=request.is_secure)
    return response
