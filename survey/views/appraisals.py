"""The pages of appraisals: the list, one on screen with the form of the person who decides, and the PDF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_security import current_user
from flask_wtf import FlaskForm
from wtforms import RadioField, TextAreaField
from wtforms.validators import Length

from survey import access, appraisals, context, exports, i18n
from survey.appraisals import NotToBeSeen, Reader, StatementChanged
from survey.appraisals.comparing import comparison
from survey.appraisals.explaining import explanation
from survey.appraisals.overriding import FEWEST, overridden
from survey.appraisals.rewards import recommendations
from survey.appraisals.room import rooms
from survey.appraisals.statement import Paper, Statement
from survey.dashboards.waiting import waiting
from survey.intake.cells import UnfitCell, number
from survey.pdf import Press
from survey.refusals import Refused

blueprint = Blueprint("appraisals", __name__)
press = Press()
MOST_PAGES = 100_000


class DecisionForm(FlaskForm):
    """The band a reviewer decides on, and why when it is another than the proposed one."""

    band = RadioField(_("Band"))
    reason = TextAreaField(_("Reason"), validators=[Length(max=2000)])


@blueprint.get("/appraisals")
@access.permission("read appraisals")
def listed() -> ResponseReturnValue:
    """Every appraisal the person may see, by name, on pages; before them, what waits for a reviewer."""
    period = (request.args.get("period") or "").replace("\x00", "") or None
    page = min(request.args.get("page", default=1, type=int), MOST_PAGES)
    listing = appraisals.listed(context.session(), reader(), period, page=page)
    waits = None
    if access.holds("sign appraisals"):
        within = context.company().results_within
        waits = waiting(context.session(), within=within, on=context.today(), at=context.now())
    return render_template("appraisals/listed.html", listing=listing, period=period, waits=waits)


@blueprint.get("/appraisals/rewards")
@access.permission("sign appraisals")
def rewarded() -> ResponseReturnValue:
    """Who may be recommended for a reward, by band; amounts a person tries out are added up and kept nowhere."""
    wished = request.args.get("period") or None, request.args.get("scheme") or None
    try:
        page = recommendations(context.session(), reader(), *wished)
    except NotToBeSeen:
        abort(404)
    typed = {band.code: request.args.get(f"amount-{band.code}", "") for band, _ in page.bands} if page else {}
    amounts = {code: amount for code, text in typed.items() if (amount := _amount(text)) is not None}
    costs = page.costs(amounts) if page else ()
    total = sum(together for *_, together in costs)
    return render_template("appraisals/rewarded.html", page=page, typed=typed, costs=costs, total=total)


def _amount(text: str) -> float | None:
    try:
        amount = number(text.strip())
    except UnfitCell:
        return None
    return amount if amount >= 0 else None


@blueprint.get("/appraisals/comparison")
@access.permission("read scores")
def compared() -> ResponseReturnValue:
    """Reps of a position beside one another, by name."""
    wished = request.args.get("period") or None, request.args.get("scheme") or None
    try:
        page = comparison(context.session(), reader(), *wished)
    except NotToBeSeen:
        abort(404)
    session = context.session()
    departed = overridden(session, page.period, page.scheme) if page and access.holds("sign appraisals") else ()
    return render_template("appraisals/compared.html", page=page, overridden=departed, fewest=FEWEST)


@blueprint.get("/appraisals/<int:appraisal_id>")
@access.permission("read appraisals")
def shown(appraisal_id: int) -> ResponseReturnValue:
    """One appraisal with its working; who may decide on it finds the form below."""
    paper = _paper(appraisal_id)
    return render_template("appraisals/shown.html", paper=paper, form=_form(paper.statement))


@blueprint.post("/appraisals/<int:appraisal_id>")
@access.permission("sign appraisals")
def decide(appraisal_id: int) -> ResponseReturnValue:
    """A reviewer makes it final."""
    paper = _paper(appraisal_id)
    form = _form(paper.statement)
    if form.validate():
        try:
            appraisals.finalise(
                context.session(), appraisal_id, band=form.band.data or "", reason=form.reason.data or "",
                by=context.actor(), at=context.now(),
            )  # fmt: skip
        except NotToBeSeen:
            abort(404)
        except Refused as refusal:
            form.form_errors.append(i18n.told(refusal))
        else:
            context.session().commit()
            return redirect(url_for(".shown", appraisal_id=appraisal_id), code=303)
    context.session().rollback()
    return render_template("appraisals/shown.html", paper=paper, form=form), 400


@blueprint.get("/appraisals/<int:appraisal_id>/explanation")
@access.permission("read appraisals")
def explained(appraisal_id: int) -> ResponseReturnValue:
    """Why these points: every part with its rule, its numbers and a sentence."""
    paper = _paper(appraisal_id)
    return render_template("appraisals/explained.html", paper=paper, tree=explanation(paper))


@blueprint.get("/appraisals/<int:appraisal_id>/explanation.json")
@access.permission("read appraisals")
def explained_in_json(appraisal_id: int) -> ResponseReturnValue:
    """The same as data, from which every point can be worked out again."""
    paper = _paper(appraisal_id)
    body = json.dumps(explanation(paper), ensure_ascii=False, indent=1)
    response = Response(body, mimetype="application/json")
    name = f"{exports.file_name(paper, i18n.language()).removesuffix('.pdf')}.json"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/appraisals/<int:appraisal_id>.pdf")
@access.permission("read appraisals")
def pdf(appraisal_id: int) -> ResponseReturnValue:
    """The appraisal on paper, in the reader's language."""
    paper = _paper(appraisal_id)
    language = i18n.language()
    pages = pages_of(paper, language, printed_on=context.today())
    first = next(pages)
    context.session().rollback()  # printing takes its time, and hardly anything more from the database
    try:
        printed = press.print_first(chain([first], pages))
    except Refused as refusal:
        flash(i18n.told(refusal), "error")
        return redirect(url_for(".shown", appraisal_id=appraisal_id), code=303)
    name = exports.file_name(paper, language)
    response = Response(printed, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=name)
    return response


def pages_of(paper: Paper, language: str, *, printed_on: date) -> Iterator[str]:
    """The pages a PDF is printed from, in one language or in both: the same in the shapes of its rooms, each made when
    it is asked for."""
    for room in rooms(paper, language):
        spoken = i18n.language()
        i18n.speak(language)
        try:
            page = render_template("pdf/statement.html", paper=paper, room=room, printed_on=printed_on)
        finally:
            i18n.speak(spoken)
        yield i18n.paired(page) if language == i18n.BOTH else page


def reader() -> Reader:
    """Whose appraisals the person before us may read, and in which states."""
    roles = current_user.role_names
    if "reviewer" in roles:
        states = appraisals.REVIEWERS_READ
    elif "manager" in roles:
        states = appraisals.MANAGERS_READ
    else:
        states = appraisals.REPS_READ
    return Reader(reps=access.visible_reps(), states=states, email=current_user.email)


def _paper(appraisal_id: int) -> Paper:
    try:
        return appraisals.paper(context.session(), appraisal_id, reader())
    except NotToBeSeen:
        abort(404)
    except StatementChanged:
        abort(409)


def _form(statement: Statement) -> DecisionForm:
    """The bands of the scheme; none where too little is covered for one."""
    form = DecisionForm(data={"band": statement.outcome.band} if request.method == "GET" else None)
    form.band.choices = (
        [(band.code, _band(band)) for band in statement.bands] if statement.outcome.band else [("", "–")]
    )
    return form


def _band(band: Any) -> str:
    return f"{band.code} {band.name_zh if i18n.language() == 'zh' else band.name_en}"
