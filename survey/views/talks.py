"""The sheet for a manager's talk with a rep: on screen, from the printer, and as a PDF."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, context, i18n
from survey.dashboards.shown import NotToBeSeen
from survey.dashboards.talk import Talk, talk
from survey.pdf import Press
from survey.refusals import Refused
from survey.views.appraisals import reader
from survey.views.team import team_page

blueprint = Blueprint("talks", __name__)
press = Press()


@blueprint.get("/reps/<code>/talk")
@access.permission("read scores")
def sheet(code: str) -> ResponseReturnValue:
    """What the answers about a rep support, what they do not, and what to ask."""
    return render_template("talks/sheet.html", talk=_talk(code, request.args.get("period") or None))


@blueprint.get("/reps/<code>/talk.pdf")
@access.permission("read scores")
def pdf(code: str) -> ResponseReturnValue:
    """The same on one page of paper."""
    prepared = _talk(code, request.args.get("period") or None)
    return _printed([prepared], url_for(".sheet", code=code, period=prepared.page.choice.period))


@blueprint.get("/team/talks.pdf")
@access.permission("read scores")
def together() -> ResponseReturnValue:
    """The sheets of everybody on a page of the team, one page of paper each."""
    shown = team_page()
    talks = [_talk(row.code, shown.choice.period) for row in shown.page]
    return _printed(talks, url_for("team.team", period=shown.choice.period))


def _printed(talks: Sequence[Talk], back: str) -> ResponseReturnValue:
    if not talks or talks[0].page.choice.item is None:
        abort(404)
    page = render_template("pdf/talk.html", talks=talks, printed_on=context.today())
    context.session().rollback()  # printing takes its time, and needs nothing more from the database
    try:
        printed = press.print(page)
    except Refused as refusal:
        flash(i18n.told(refusal), "error")
        return redirect(back, code=303)
    response = Response(printed, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"talk-{talks[0].page.choice.period}.pdf")
    return response


def _talk(code: str, period: str | None) -> Talk:
    try:
        return talk(context.session(), access.visible_reps(), reader(), code, period, on=context.today())
    except NotToBeSeen:
        abort(404)
