"""The company, and what the environment says about reaching people: shown, tried out, and never a secret among it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_security import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from markupsafe import escape
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from survey import access, context, doorbell, i18n, pictures
from survey.doorbell import NotAtTheDoor
from survey.letters import LetterDelayed, LetterRefused, LineCut, Note, ServerUnreachable
from survey.mail import Mail
from survey.refusals import Refused
from survey.roster import company
from survey.sms import TextMessages
from survey.views.campaigns import Between

blueprint = Blueprint("settings", __name__)


class CompanyForm(FlaskForm):
    """The company in both languages, its clock, whom to ask about privacy, and its logo."""

    name = StringField(
        _("Company, in English"), validators=[InputRequired(_("Give the company’s name.")), Length(max=120)]
    )
    name_zh = StringField(_("Company, in Chinese"), validators=[Length(max=120)])
    time_zone = SelectField(_("Time zone"), choices=sorted(zone for zone in available_timezones() if "/" in zone))
    privacy_contact = StringField(
        _("Whom customers may ask about privacy"),
        validators=[InputRequired(_("Name somebody customers can reach.")), Length(max=300)],
    )
    logo = FileField(_("Logo"))


class SettingsForm(CompanyForm):
    """The same later on; a logo can be taken away."""

    results_within = SelectField(
        _("Days from a campaign’s end until its results are there to be read"),
        coerce=int,
        choices=[SelectChoice(days, str(days)) for days in range(1, 31)],
    )
    lost_after = IntegerField(
        _("Days without an order after which a customer is at risk"),
        validators=[
            InputRequired(_("Give a number of days.")), Between(7, 730, _("Give a number of days from 7 to 730.")),
        ],
    )  # fmt: skip
    no_logo = BooleanField(_("Show no logo"))


class TextTestForm(FlaskForm):
    """Where a text message goes on trial."""

    phone = StringField(_("Phone number"), validators=[InputRequired(_("Give a phone number.")), Length(max=40)])


@blueprint.get("/settings")
@access.permission("keep settings")
def shown() -> ResponseReturnValue:
    """The company's form, and the environment."""
    return _page(SettingsForm(obj=context.company()))


@blueprint.post("/settings")
@access.permission("keep settings")
def change() -> ResponseReturnValue:
    """Change what is known of the company."""
    form = SettingsForm()
    if not form.validate():
        return _page(form), 400
    try:
        keep_company(form, by=context.actor(), results_within=form.results_within.data, lost_after=form.lost_after.data)
        if form.no_logo.data:
            company.keep_logo(context.session(), None, by=context.actor(), at=context.now())
    except Refused as refusal:
        context.session().rollback()
        form.form_errors.append(i18n.told(refusal))
        return _page(form), 400
    context.session().commit()
    flash(gettext("Saved."), "done")
    return redirect(url_for(".shown"), code=303)


def keep_company(
    form: CompanyForm, *, by: str, results_within: int | None = None, lost_after: int | None = None
) -> None:  # fmt: skip
    """Store what a form says of the company, its logo with it. Raises Refused."""
    current, at = context.session(), context.now()
    company.settle(
        current, name=form.name.data, name_zh=form.name_zh.data, time_zone=form.time_zone.data,
        privacy_contact=form.privacy_contact.data, results_within=results_within,
        lost_after=lost_after, by=by, at=at,
    )  # fmt: skip
    file = form.logo.data.read(pictures.LARGEST_FILE + 1) if form.logo.data else b""
    if file:
        company.keep_logo(current, pictures.logo(file), by=by, at=at)


@blueprint.post("/settings/test/address")
@access.permission("keep settings")
@access.guarded(whose=access.the_person, most="30 per hour", counts_all=True)
def try_address() -> ResponseReturnValue:
    """Open the public address as a customer does, and say who answers."""
    address = context.settings().base_url
    try:
        doorbell.ring(address, sign=str(escape(context.company().privacy_contact)))
    except NotAtTheDoor as problem:
        flash(i18n.told(problem), "error")
    else:
        flash(gettext("%(address)s leads here.", address=address), "done")
    return redirect(url_for(".shown"), code=303)


@blueprint.post("/settings/test/mail")
@access.permission("keep settings")
@access.guarded(whose=access.the_person, most="30 per hour", counts_all=True)
def try_mail() -> ResponseReturnValue:
    """Send a letter to oneself, now and not by the worker, and say what came of it."""
    taken = gettext("A letter to %(email)s was taken.", email=current_user.email)
    _try(Mail(context.settings()).open, _note(current_user.email), taken)
    return redirect(url_for(".shown"), code=303)


@blueprint.post("/settings/test/sms")
@access.permission("keep settings")
@access.guarded(whose=access.the_person, most="10 per hour", counts_all=True)
def try_sms() -> ResponseReturnValue:
    """Send a text message, and say what the gateway answered."""
    form = TextTestForm()
    if not (context.settings().sms_url and form.validate()):
        flash(gettext("Give a phone number."), "error")
        return redirect(url_for(".shown"), code=303)
    phone = (form.phone.data or "").strip()
    taken = gettext("A text message to %(phone)s was taken.", phone=phone)
    _try(TextMessages(context.settings()).open, _note(phone), taken)
    return redirect(url_for(".shown"), code=303)


def _try(opened: Callable[[], AbstractContextManager[Callable[[Any], None]]], note: Note, well: str) -> None:
    try:
        with opened() as post:
            post(note)
    except (LetterRefused, LetterDelayed, LineCut, ServerUnreachable) as problem:
        flash(gettext("It was not taken: %(problem)s", problem=problem), "error")
    else:
        flash(well, "done")


def _note(address: str) -> Note:
    told, ours = context.settings(), context.company()
    return Note(
        kind="test", message_id=uuid.uuid4().hex, to_name=current_user.name, to_address=address,
        language=i18n.language(), company_zh=ours.name_zh, company_en=ours.name, written_at=context.now(),
        site=told.base_url,
    )  # fmt: skip


@blueprint.get("/logo.png")
@access.permission(access.PUBLIC)
def logo() -> ResponseReturnValue:
    """The company's logo. Its address changes with it, so it may be kept."""
    picture = context.company().logo
    if picture is None:
        abort(404)
    return Response(picture, mimetype="image/png")


def _page(form: SettingsForm) -> str:
    texting = TextTestForm(formdata=None)
    return render_template("settings/shown.html", form=form, told=context.settings(), texting=texting)
