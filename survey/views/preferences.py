"""How a customer wishes to be written to. Reading the page changes nothing; a scanner that sends the form back as it
came changes nothing either, because nothing is chosen in it."""

from __future__ import annotations

import logging

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.fields import SelectChoice

from survey import access, i18n
from survey.context import now, session, settings
from survey.invitations import links, people
from survey.models.roster import Contact
from survey.refusals import Refused
from survey.views import answering

blueprint = Blueprint("preferences", __name__)
log = logging.getLogger("evenhand.preferences")

WISHES = {
    "zh": _("Write to me in Chinese"),
    "en": _("Write to me in English"),
    "stop": _("Do not write to me about surveys any more"),
}


class PreferencesForm(FlaskForm):
    """There is no session to protect: the link itself is the secret."""

    class Meta:
        csrf = False

    wish = RadioField(choices=[SelectChoice(value, label) for value, label in WISHES.items()], validate_choice=False)


@blueprint.get("/s/<token>/stop")
@access.permission(access.PUBLIC)
def preferences(token: str) -> ResponseReturnValue:
    """Ask what the person wishes; only the POST changes anything. It works as long as the mail is kept."""
    return _page(_contact(token))


@blueprint.post("/s/<token>/stop")
@access.permission(access.PUBLIC)
def wish(token: str) -> ResponseReturnValue:
    """What was chosen on the page, or one click in the mail program's own button (RFC 8058): no more mail."""
    contact = _contact(token)
    one_click = request.form.get("List-Unsubscribe") == "One-Click"
    chosen = "stop" if one_click else PreferencesForm().wish.data
    if contact is None or chosen not in WISHES:
        return _page(contact, unchosen=True), 400
    if chosen == "stop":
        people.opt_out(session(), contact, at=now())
    else:
        people.write_in(session(), contact, chosen)
        i18n.speak(chosen)
    session().commit()
    log.info("link %s: %s", links.name_for_logs(token, settings().token_keys), chosen)
    return _page(contact, done=chosen)


def _contact(token: str) -> Contact | None:
    """Whose link this is; the page speaks their language."""
    contact = links.holder(session(), token, keys=settings().token_keys).contact
    if contact and request.args.get("lang") not in i18n.LANGUAGES:
        i18n.speak(contact.language)
    return contact


def _page(contact: Contact | None, *, done: str = "", unchosen: bool = False) -> str:
    stopped = bool(contact and contact.opted_out_at)
    return render_template(
        "preferences/preferences.html",
        form=PreferencesForm(formdata=None),
        done=done,
        unchosen=unchosen,
        stopped=stopped,
    )


blueprint.register_error_handler(Refused, answering.refuse)
