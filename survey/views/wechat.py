"""Writing to customers by hand, from the company's own WeChat account: the next person, the words, what came of it.

The link is made when somebody presses "Write the message", and stands in the answer to that alone: no page that can be
looked at again shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

from survey import access, campaigns, channels, i18n, sms
from survey.channels import WeChatByHand
from survey.context import actor, company, now, session, settings
from survey.intake import cells
from survey.invitations import by_hand
from survey.invitations.by_hand import NobodyToWriteTo, Reader
from survey.models.asking import Campaign
from survey.refusals import Refused
from survey.worker import writing

blueprint = Blueprint("wechat", __name__, url_prefix="/campaigns/<code>/wechat")


class TakenForm(FlaskForm):
    """The message in hand."""

    message_id = HiddenField()


class UnreachedForm(TakenForm):
    """Why nobody is found under the name we have."""

    reason = StringField(_("Why"), validators=[DataRequired(_("Say in a few words why.")), Length(max=200)])


@blueprint.get("")
@access.permission("write by hand")
def desk(code: str) -> ResponseReturnValue:
    """How many wait, and who is next or in hand."""
    return _page(_campaign(code))


@blueprint.post("/message")
@access.permission("write by hand")
def write(code: str) -> ResponseReturnValue:
    """Take the next message, or the one in hand once more, make its links, and show the words to send."""
    campaign = _campaign(code)
    try:
        messages = by_hand.take(session(), campaign, zone=ZoneInfo(company().time_zone), by=actor(), at=now())
    except NobodyToWriteTo as nobody:
        session().commit()  # who was written to today waits until tomorrow
        flash(i18n.told(nobody))
        return redirect(url_for(".desk", code=code), code=303)
    words = sms.words(writing.letter(messages, WeChatByHand()))
    session().commit()
    return _page(campaign, words=words)


@blueprint.post("/sent")
@access.permission("write by hand")
def sent(code: str) -> ResponseReturnValue:
    """It went. The next one is offered."""

    def keep(message_id: str) -> str:
        by_hand.sent(session(), message_id, by=actor(), at=now())
        return str(gettext("Kept as sent."))

    return _settled(code, keep)


@blueprint.post("/later")
@access.permission("write by hand")
def later(code: str) -> ResponseReturnValue:
    """Not now: it waits again, behind the others."""

    def put_back(message_id: str) -> str:
        by_hand.put_back(session(), message_id, by=actor(), at=now())
        return str(gettext("The message waits again, behind all others."))

    return _settled(code, put_back)


@blueprint.post("/unreached")
@access.permission("write by hand")
def unreached(code: str) -> ResponseReturnValue:
    """Nobody is found there: nothing more goes to this name until it is corrected."""
    campaign, form = _campaign(code), UnreachedForm()
    if not form.validate():
        return _page(campaign, form), 400

    def give_up(message_id: str) -> str:
        reason = cells.short(cells.on_one_line(form.reason.data or ""))
        by_hand.unreached(session(), message_id, reason, by=actor(), at=now())
        return str(gettext("Kept. It stands among what could not be delivered, where the name can be corrected."))

    return _settled(code, give_up)


def _settled(code: str, settle: Callable[[str], str]) -> ResponseReturnValue:
    """Keep what came of a message, and go on to the next."""
    _campaign(code)
    try:
        said = settle(TakenForm().message_id.data or "")
    except Refused as refusal:
        session().rollback()
        flash(i18n.told(refusal), "error")
    else:
        session().commit()
        flash(said, "done")
    return redirect(url_for(".desk", code=code), code=303)


def _page(campaign: Campaign, form: UnreachedForm | None = None, *, words: str = "") -> str:
    """The desk; with the words of the message in hand when they have just been made."""
    seen = by_hand.desk(session(), campaign, by=actor(), at=now())
    return render_template(
        "wechat/desk.html", campaign=campaign, seen=seen, words=words, form=form or _blank(seen.own),
        opened=form is not None,
    )  # fmt: skip


def _blank(own: Reader | None) -> UnreachedForm:
    return UnreachedForm(formdata=None, data={"message_id": own.message_id if own else ""})


def _campaign(code: str) -> Campaign:
    """The campaign, where a person writes what goes by WeChat."""
    if not channels.by_hand(settings()):
        abort(404)
    try:
        return campaigns.named(session(), code)
    except campaigns.UnknownCampaign:
        abort(404)
