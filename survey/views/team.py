"""The pages of scores: a team beside one another, and one rep with the working shown."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, context
from survey.appraisals.about import mentions
from survey.dashboards.rep import rep_page
from survey.dashboards.shown import NotToBeSeen
from survey.dashboards.team import team_page
from survey.views.appraisals import reader

blueprint = Blueprint("team", __name__)


@blueprint.get("/team")
@access.permission("read scores")
def team() -> ResponseReturnValue:
    """The reps the person may see, in one period and dimension."""
    try:
        page = team_page(context.session(), access.visible_reps(), *_chosen())
    except NotToBeSeen:
        abort(404)
    return render_template("team/team.html", page=page, choice=page.choice)


@blueprint.get("/reps/<code>")
@access.permission("read scores")
def rep(code: str) -> ResponseReturnValue:
    """One rep, with every step from the raw answers to the reported score."""
    try:
        page = rep_page(context.session(), access.visible_reps(), code, *_chosen())
    except NotToBeSeen:
        abort(404)
    choice = page.choice
    addresses = {item: url_for(".rep", code=page.code, period=choice.period, item=item) for item in choice.items}
    mentioned = mentions(context.session(), reader(), page.code, choice.period) if choice.period else ()
    return render_template("team/rep.html", page=page, choice=choice, addresses=addresses, mentioned=mentioned)


def _chosen() -> tuple[str | None, str | None]:
    return request.args.get("period") or None, request.args.get("item") or None
