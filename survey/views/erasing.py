"""Erasing a customer in the browser: what is held of them, and the code typed once more before it goes."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired

from survey import access, context, i18n, retention
from survey.refusals import Refused
from survey.worker import erasing

blueprint = Blueprint("erasing", __name__)


class EraseForm(FlaskForm):
    """The customer's code, typed as confirmation."""

    code = StringField(_("The customer’s code"), validators=[DataRequired(_("Type the customer’s code."))])


@blueprint.get("/roster/customers/<code>/erase")
@access.permission("keep roster")
def asked(code: str) -> ResponseReturnValue:
    """What would go and what would stay."""
    return _page(code, EraseForm(formdata=None))


@blueprint.post("/roster/customers/<code>/erase")
@access.permission("keep roster")
def erase(code: str) -> ResponseReturnValue:
    """Erase the customer, if the code was typed."""
    form = EraseForm()
    if form.validate() and (form.code.data or "").strip() != code:
        form.code.errors = [gettext("This is not this customer’s code. Nothing was erased.")]
    if form.errors:
        return _page(code, form), 400
    _held(code)
    context.db.session.rollback()
    try:
        done = erasing.erase(code)
    except Refused as refusal:
        context.db.session.rollback()
        form.form_errors.append(i18n.told(refusal))
        return _page(code, form), 400
    for said in _said(done):
        flash(said, "done")
    if done.held_up:
        flash(
            gettext(
                "Their traces in the database’s files are not gone yet: %(said)s Have this run on the server: "
                "evenhand erase customer %(code)s",
                said=i18n.told(done.held_up),
                code=code,
            ),
            "error",
        )
    return redirect(url_for("roster.customers"), code=303)


def _page(code: str, form: EraseForm) -> str:
    nights = context.settings().backups_kept if context.settings().backup_dir else None
    return render_template("roster/erase.html", code=code, held=_held(code), form=form, nights=nights)


def _held(code: str) -> retention.Holding:
    """What is held of a customer who is there still; of nobody else there is a page."""
    try:
        held = retention.holding(context.db.session, code)
    except retention.UnknownCustomer:
        abort(404)
    if held.erased_at is not None:
        abort(404)
    return held


def _said(done: erasing.Outcome) -> Iterator[str]:
    erased = done.erased
    yield gettext("The customer is erased.")
    if erased.kept:
        yield ngettext(
            "%(num)s rating stays without a name, among enough others.",
            "%(num)s ratings stay without a name, each among enough others.",
            erased.kept,
        )
    if erased.score_again:
        yield gettext(
            "Scores of %(periods)s rest on ratings that are gone. Have the period scored again, then its appraisals "
            "drawn up: what is proposed gets a revision, what is final stays.",
            periods=", ".join(erased.score_again),
        )
    if erased.uploads:
        yield gettext("Files on their way in were deleted, whatever they held. Upload them again.")
    if erased.shared:
        yield gettext(
            "These are said of others as well, so they were left where people wrote them: %(words)s.",
            words=", ".join(erased.shared),
        )
    if erased.also:
        yield gettext("The same person or address stands at other customers: %(codes)s.", codes=", ".join(erased.also))
