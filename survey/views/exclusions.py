"""Customers proposed to be left out of a campaign, and the second person's decision."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from survey import access, campaigns, context, i18n
from survey.invitations import exclusions
from survey.models.asking import Campaign
from survey.refusals import Refused

blueprint = Blueprint("exclusions", __name__, url_prefix="/campaigns/<code>/exclusions")


class ProposalForm(FlaskForm):
    customer = StringField(_("Customer code"), validators=[DataRequired(_("Give the customer’s code."))])
    reason = TextAreaField(
        _("Reason"),
        validators=[
            DataRequired(_("Say why this customer should be left out.")),
            Length(max=exclusions.LONGEST_REASON),
        ],
    )


@blueprint.get("")
@access.permission("decide exclusions")
def listed(code: str) -> ResponseReturnValue:
    """Every proposal and what became of it, with the form for another."""
    return _page(_campaign(code), ProposalForm())


@blueprint.post("")
@access.permission("decide exclusions")
def propose(code: str) -> ResponseReturnValue:
    """Propose to leave a customer out."""
    campaign, form = _campaign(code), ProposalForm()
    if form.validate():
        try:
            exclusions.propose(
                context.session(), campaign, form.customer.data, reason=form.reason.data, by=context.actor(),
                at=context.now(),
            )  # fmt: skip
        except Refused as refusal:
            form.form_errors.append(i18n.told(refusal))
        else:
            context.session().commit()
            flash(gettext("Proposed. A second person decides."))
            return redirect(url_for(".listed", code=code), code=303)
    context.session().rollback()
    return _page(_campaign(code), form), 400


@blueprint.post("/<int:exclusion_id>")
@access.permission("decide exclusions")
def decide(code: str, exclusion_id: int) -> ResponseReturnValue:
    """The second person agrees, or refuses."""
    decision = request.form.get("decision")
    if decision not in {"accept", "refuse"}:
        abort(400)
    try:
        exclusions.decide(
            context.session(), _campaign(code), exclusion_id, accept=decision == "accept", on=context.today(),
            by=context.actor(), at=context.now(),
        )  # fmt: skip
    except exclusions.UnknownExclusion:
        abort(404)
    except Refused as refusal:
        context.session().rollback()
        flash(i18n.told(refusal), "error")
    else:
        context.session().commit()
        flash(gettext("Decided."))
    return redirect(url_for(".listed", code=code), code=303)


def _page(campaign: Campaign, form: ProposalForm) -> str:
    return render_template(
        "exclusions/listed.html", campaign=campaign, rows=exclusions.listed(context.session(), campaign), form=form,
        me=context.actor(),
    )  # fmt: skip


def _campaign(code: str) -> Campaign:
    try:
        return campaigns.named(context.session(), code)
    except campaigns.UnknownCampaign:
        abort(404)
