"""A rep's own desk: their results with the working, and what waits for them. It shows no colleague's numbers."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from survey import access, context
from survey.appraisals.about import mentions
from survey.dashboards.at_risk import at_risk
from survey.dashboards.due import due
from survey.dashboards.own import desk
from survey.dashboards.rep import rep_page
from survey.dashboards.shown import NotToBeSeen
from survey.indicators import summaries
from survey.views.appraisals import reader

blueprint = Blueprint("mine", __name__, url_prefix="/my")


@blueprint.get("/results")
@access.permission("read own scores")
def results() -> ResponseReturnValue:
    """What customers' answers say about the person before us, and how it came about."""
    current, own = context.session(), access.own_reps()
    mine = desk(current, own, on=context.today())
    if mine is None:
        return render_template("mine/nobody.html")
    try:
        page = rep_page(current, own, mine.code, request.args.get("period") or None, request.args.get("item") or None)
    except NotToBeSeen:
        abort(404)
    choice = page.choice
    addresses = {item: url_for(".results", period=choice.period, item=item) for item in choice.items}
    mentioned = mentions(current, reader(), mine.code)
    return render_template(
        "mine/results.html", desk=mine, page=page, choice=choice, addresses=addresses, mentioned=mentioned,
        summary=summaries.waiting(current, own, on=context.today()), due=due(current, own, on=context.today()),
        risks=sum((at_risk(current, own, days=context.company().lost_after, on=context.today()) or {}).values()),
    )  # fmt: skip
