"""The pages of scores: a team beside one another, and one rep with the working shown."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from survey import access, context, i18n
from survey.appraisals.about import mentions
from survey.dashboards.rep import rep_page
from survey.dashboards.shown import NotToBeSeen
from survey.dashboards.team import Team, files
from survey.dashboards.team import team as team_of
from survey.dashboards.team.answers import answers_page
from survey.dashboards.team.choosing import Wish
from survey.dashboards.team.pair import pair_page
from survey.dashboards.team.pictures import (
    MOST_DRAWN,
    adjustment_page,
    funnel_page,
    sheets,
    territories_page,
    trend_page,
)
from survey.tables import writing
from survey.views.appraisals import reader

blueprint = Blueprint("team", __name__)
MOST_PAGES = 100_000
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/team")
@access.permission("read scores")
def team() -> ResponseReturnValue:
    """The reps the person may see, in one period and dimension."""
    return render_template("team/team.html", team=team_page(crowd=False))


@blueprint.get("/team/funnel")
@access.permission("read scores")
def funnel() -> ResponseReturnValue:
    """Their scores against the number of customers, with the limits of chance."""
    found = team_page()
    return render_template("team/funnel.html", team=found, page=funnel_page(found), most=MOST_DRAWN)


@blueprint.get("/team/territories")
@access.permission("read scores")
def territories() -> ResponseReturnValue:
    """The team territory by territory."""
    found = team_page()
    pages = sheets(territories_page(context.session(), found)) if found.run else ((),)
    number = min(_wish().page, len(pages))
    return render_template(
        "team/territories.html", team=found, places=pages[number - 1], number=number, pages=pages
    )  # fmt: skip


@blueprint.get("/team/answers")
@access.permission("read scores")
def answers() -> ResponseReturnValue:
    """What was answered about them, and by how many of those asked."""
    found = team_page(crowd=False)
    return render_template(
        "team/answers.html", team=found, page=answers_page(context.session(), found) if found.run else None,
        most=MOST_DRAWN,
    )  # fmt: skip


@blueprint.get("/team/trend")
@access.permission("read scores")
def trend() -> ResponseReturnValue:
    """Their change since the period before."""
    found = team_page()
    return render_template(
        "team/trend.html", team=found, page=trend_page(context.session(), found) if found.run else None
    )


@blueprint.get("/team/adjustment")
@access.permission("read scores")
def adjustment() -> ResponseReturnValue:
    """What the adjustment did to them."""
    found = team_page(sort="-moved")
    return render_template(
        "team/adjustment.html", team=found, page=adjustment_page(context.session(), found) if found.run else None
    )


@blueprint.get("/team/pair")
@access.permission("read scores")
def pair() -> ResponseReturnValue:
    """Two of them side by side."""
    wish = _wish()
    try:
        page = pair_page(
            context.session(), access.visible_reps(), [code for code in request.args.getlist("rep") if code],
            wish.period, wish.item,
        )  # fmt: skip
    except NotToBeSeen:
        abort(404)
    return render_template("team/pair.html", page=page, choice=page.choice, wish=wish)


@blueprint.get("/team/<any(reps, funnel, territories, answers, rates, trend, adjustment):view>.<any(csv, xlsx):form>")
@access.permission("read scores")
def file(view: str, form: str) -> ResponseReturnValue:
    """One of these pages as a file, with the same filters and nothing more."""
    found = team_page(whole=True, sort="-moved" if view == "adjustment" else None)
    if found.run is None:
        abort(404)
    speech = files.Speech(say=gettext, wording=lambda words: i18n.said(words.zh, words.en))
    table = files.table(context.session(), found, view, speech)
    content, kind = (
        (writing.comma_separated(table), "text/csv; charset=utf-8")
        if form == "csv"
        else (writing.typed_workbook(table), WORKBOOK)
    )
    response = Response(content, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=f"team-{view}.{form}")
    return response


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


def team_page(*, whole: bool = False, crowd: bool = True, sort: str | None = None) -> Team:
    """The team as the address asks for it."""
    try:
        return team_of(
            context.session(), access.visible_reps(), _wish(sort), on=context.today(), whole=whole, crowd=crowd
        )
    except NotToBeSeen:
        abort(404)


def _wish(sort: str | None = None) -> Wish:
    """What the address asks for; an unreadable page number is the first page."""
    given = {name: request.args.get(name) or None for name in Wish.__dataclass_fields__ if name != "page"}
    number = request.args.get("page", "")
    page = min(int(number), MOST_PAGES) if number.isascii() and number.isdecimal() and len(number) < 7 else 1
    return Wish(**{**given, "sort": given["sort"] or sort}, page=page)


def _chosen() -> tuple[str | None, str | None]:
    return request.args.get("period") or None, request.args.get("item") or None


@blueprint.app_template_global()
def team_address(wish: Wish, endpoint: str = "", **changes: str | int | None) -> str:
    """The address of a team page with the same filters and these changes."""
    values: dict[str, Any] = wish.address(**changes)
    return url_for(endpoint or str(request.endpoint), **values)
