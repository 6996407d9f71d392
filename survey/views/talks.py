"""The sheet for a manager's talk with a rep: on screen, from the printer, and as a PDF."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, context, i18n
from survey.dashboards.shown import NotToBeSeen
from survey.dashboards.talk import Talk, talk
from survey.pdf import Press
from survey.refusals import Refused
from survey.views.appraisals import reader

blueprint = Blueprint("talks", __name__)
press = Press()


@blueprint.get("/reps/<code>/talk")
@access.permission("read scores")
def sheet(code: str) -> ResponseReturnValue:
    """What the answers about a rep support, what they do not, and what to ask."""
    return render_template("talks/sheet.html", talk=_talk(code))


@blueprint.get("/reps/<code>/talk.pdf")
@access.permission("read scores")
def pdf(code: str) -> ResponseReturnValue:
    """The same on one page of paper."""
    prepared = _talk(code)
    choice = prepared.page.choice
    if choice.item is None:
        abort(404)
    page = render_template("pdf/talk.html", talk=prepared, printed_on=context.today())
    context.session().rollback()  # printing takes its time, and needs nothing more from the database
    try:
        printed = press.print(page)
    except Refused as refusal:
        flash(i18n.told(refusal), "error")
        return redirect(url_for(".sheet", code=code, period=choice.period), code=303)
    response = Response(printed, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"talk-{choice.period}.pdf")
    return response


def _talk(code: str) -> Talk:
    period = request.args.get("period") or None
    try:
        return talk(context.session(), access.visible_reps(), reader(), code, period, on=context.today())
    except NotToBeSeen:
        abort(404)
