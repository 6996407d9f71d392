"""Invitations that reached nobody: correct the address, and send them again."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import Length

from survey import access, campaigns, context, i18n
from survey.invitations import addresses, delivery
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.refusals import Refused
from survey.views.campaigns import reach
from survey.worker import jobs

blueprint = Blueprint("undelivered", __name__, url_prefix="/campaigns/<code>/undelivered")

MOST_LISTED = 500


class AddressForm(FlaskForm):
    email = StringField(_("E-mail address"), validators=[Length(max=300)])
    phone = StringField(_("Phone number"), validators=[Length(max=40)])
    wechat = StringField(_("WeChat name or id"), validators=[Length(max=300)])


@blueprint.get("")
@access.permission("run campaigns")
def listed(code: str) -> ResponseReturnValue:
    """Everybody whom nothing reached, and why."""
    campaign = _campaign(code)
    rows = delivery.undelivered(context.session(), campaign, most=MOST_LISTED)
    return render_template("undelivered/listed.html", campaign=campaign, rows=rows)


@blueprint.get("/<int:invitation_id>")
@access.permission("run campaigns")
def shown(code: str, invitation_id: int) -> ResponseReturnValue:
    """One person's addresses."""
    invitation, contact = _invited(_campaign(code), invitation_id)
    form = AddressForm(obj=contact)
    return render_template("undelivered/shown.html", code=code, invitation=invitation, form=form)


@blueprint.post("/<int:invitation_id>")
@access.permission("run campaigns")
def correct(code: str, invitation_id: int) -> ResponseReturnValue:
    """Keep the new address, and send the last message again with a new link."""
    invitation, contact = _invited(_campaign(code), invitation_id)
    form = AddressForm()
    if form.validate():
        by, at = context.actor(), context.now()
        try:
            changes = delivery.correct_address(
                context.session(), contact, email=form.email.data, phone=form.phone.data, wechat=form.wechat.data,
                by=by, at=at,
            )  # fmt: skip
            delivery.resend(context.session(), invitation, reach=reach(), by=by, at=at)
            addresses.follow(context.session(), changes, reach=reach(), by=by, at=at)  # in other campaigns too
        except Refused as refusal:
            form.form_errors.append(i18n.told(refusal))
        else:
            context.session().commit()
            jobs.wake()
            flash(gettext("The message is sent again, with a new link; the links before no longer work."))
            return redirect(url_for(".listed", code=code), code=303)
    context.session().rollback()
    invitation, _contact = _invited(_campaign(code), invitation_id)
    return render_template("undelivered/shown.html", code=code, invitation=invitation, form=form), 400


def _invited(campaign: Campaign, invitation_id: int) -> tuple[Invitation, Contact]:
    try:
        found = delivery.find(context.session(), campaign, invitation_id)
    except delivery.UnknownInvitation:
        abort(404)
    assert found.contact is not None  # an invitation without a contact is not found
    return found, found.contact


def _campaign(code: str) -> Campaign:
    try:
        return campaigns.named(context.session(), code)
    except campaigns.UnknownCampaign:
        abort(404)
