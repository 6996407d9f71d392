"""The roster in the browser: what there is, who has left, and handing customers over."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Optional

from survey import access, context, i18n
from survey.refusals import Refused
from survey.roster import handovers, people

blueprint = Blueprint("roster", __name__)


class LeavingForm(FlaskForm):
    """A rep's last day; blank when they stay."""

    left_on = DateField(_("Last day"), validators=[Optional()])


class HandOverForm(FlaskForm):
    """Who takes the chosen customers over, and from when."""

    to = SelectField(_("To"))
    on = DateField(_("From"), validators=[DataRequired(_("Give the first day."))])


@blueprint.get("/roster")
@access.permission("keep roster")
def overview() -> ResponseReturnValue:
    """How much there is, the reps, and what needs somebody."""
    return render_template("roster/overview.html", page=people.overview(context.session(), on=context.today()))


@blueprint.get("/roster/reps/<code>")
@access.permission("keep roster")
def rep(code: str) -> ResponseReturnValue:
    """One rep with the customers they serve and served, and the forms to leave and to hand over."""
    return _rep_page(code)


@blueprint.post("/roster/reps/<code>/leaving")
@access.permission("keep roster")
def leaving(code: str) -> ResponseReturnValue:
    """Note the last day of a rep, or that they stay."""
    form = LeavingForm()
    if not form.validate():
        return _rep_page(code, leaving_form=form), 400
    try:
        handovers.leave(context.session(), code, on=form.left_on.data, by=context.actor(), at=context.now())
    except people.UnknownRep:
        abort(404)
    except Refused as refusal:
        form.left_on.errors = [i18n.told(refusal)]
        context.session().rollback()
        return _rep_page(code, leaving_form=form), 400
    context.session().commit()
    return redirect(url_for(".rep", code=code), code=303)


@blueprint.post("/roster/reps/<code>/hand-over")
@access.permission("keep roster")
def hand_over(code: str) -> ResponseReturnValue:
    """Pass the chosen customers (or all) on to another rep."""
    form = _hand_over_form(code)
    if not form.validate():
        return _rep_page(code, hand_over_form=form), 400
    chosen = None if request.form.get("which") == "all" else request.form.getlist("customer", type=int)
    try:
        done = handovers.hand_over(
            context.session(), code, to=form.to.data, on=form.on.data, customers=chosen, by=context.actor(),
            at=context.now(),
        )  # fmt: skip
    except people.UnknownRep:
        abort(404)
    except Refused as refusal:
        form.form_errors.append(i18n.told(refusal))
        context.session().rollback()
        return _rep_page(code, hand_over_form=form), 400
    context.session().commit()
    flash(ngettext("%(num)s customer was handed over.", "%(num)s customers were handed over.", done.customers), "done")
    return redirect(url_for("importing.done", number=done.number), code=303)


@blueprint.get("/roster/customers")
@access.permission("keep roster")
def customers() -> ResponseReturnValue:
    """Find a customer by code or name."""
    sought = request.args.get("q", "")[:100]
    found = people.customers(context.session(), sought=sought, page=request.args.get("page", 1, type=int))
    return render_template("roster/customers.html", found=found, sought=sought)


@blueprint.get("/roster/customers/<code>")
@access.permission("keep roster")
def customer(code: str) -> ResponseReturnValue:
    """One customer: attributes, contacts with their roles, and who served them when."""
    try:
        page = people.customer_page(context.session(), code)
    except people.UnknownCustomer:
        abort(404)
    return render_template("roster/customer.html", page=page)


def _rep_page(code: str, *, leaving_form: LeavingForm | None = None, hand_over_form: HandOverForm | None = None) -> str:
    try:
        page = people.rep_page(context.session(), code, on=context.today())
    except people.UnknownRep:
        abort(404)
    return render_template(
        "roster/rep.html", page=page, leaving=leaving_form or LeavingForm(formdata=None, obj=page.rep),
        hand_over=hand_over_form or _hand_over_form(code, asked=False), most=people.MOST_ASSIGNMENTS,
    )  # fmt: skip


def _hand_over_form(code: str, *, asked: bool = True) -> HandOverForm:
    form = HandOverForm() if asked else HandOverForm(formdata=None, data={"on": context.today()})
    lines = people.reps(context.session(), on=context.today())
    form.to.choices = [
        SelectChoice(line.rep.code, f"{line.rep.name} ({line.rep.code})")
        for line in lines
        if not line.left and line.rep.code != code
    ]
    if not form.to.choices:
        form.to.choices = [SelectChoice("", gettext("nobody else"))]
    return form
