"""The customer's page. Reading it changes nothing; one POST records; no cookie is set; no script is needed."""

from __future__ import annotations

import logging
import secrets
from typing import Any, ClassVar, cast

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import Field, HiddenField
from wtforms.validators import ValidationError

from survey import access, i18n, questionnaires, responses
from survey.context import db, now, session, settings
from survey.database import begin_write
from survey.invitations import links, people
from survey.models import Invitation, Subject
from survey.questionnaires.sheet import SKIPPED, Item, Reply
from survey.refusals import N_, Refused

blueprint = Blueprint("answering", __name__)
log = logging.getLogger("evenhand.answering")

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
BUTTONS = frozenset({"stay", "switch", "send"})


class UnreadableForm(Refused):
    """What was posted is not this page's form."""


class NotThisPage(Refused):
    """The form's nonce is missing, altered, or from another link's page."""


STATUS: dict[type[Refused], int] = {
    links.UnknownToken: 404,
    links.LinkClosed: 410,
    responses.AnswersFinal: 410,
    links.TooManyMisses: 429,
    UnreadableForm: 400,
}


class ReplyField(Field):
    """One question about one rep. `data` is what was posted, `reply` what it means."""

    reply: Reply = SKIPPED

    def __init__(self, item: Item, subject: Subject, **options: Any) -> None:
        self.item = item
        self.subject = subject
        super().__init__(**options)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist else ""

    def pre_validate(self, _form: FlaskForm) -> None:
        try:
            self.reply = self.item.reply(self.data or "")
        except Refused as refusal:
            raise ValidationError(i18n.told(refusal)) from None


class AnsweringForm(FlaskForm):
    """The sheet of one invitation. Its signed nonce stands in for the session's token: there is no session."""

    class Meta:
        csrf = False

    replies: ClassVar[dict[int, dict[str, str]]] = {}
    nonce = HiddenField()
    language = HiddenField()

    def about(self, subject: Subject) -> dict[str, ReplyField]:
        """Item code → field, for one rep."""
        return {code: self[name] for code, name in self.replies[subject.id].items()}

    def sheets(self) -> dict[int, dict[str, Reply]]:
        return {
            subject_id: {code: self[name].reply for code, name in names.items()}
            for subject_id, names in self.replies.items()
        }


def _form(invitation: Invitation) -> AnsweringForm:
    """The form of this very invitation: a field for each item about each rep."""
    sheet = questionnaires.read(invitation.campaign.questionnaire.content)
    names = {
        subject.id: {item.code: f"{item.code}-{number}" for item in sheet.items}
        for number, subject in enumerate(invitation.subjects, start=1)
    }
    fields: dict[str, Any] = {
        names[subject.id][item.code]: ReplyField(item, subject)
        for subject in invitation.subjects
        for item in sheet.items
    }
    form_class = type("Sheet", (AnsweringForm,), {**fields, "replies": names})
    return cast(AnsweringForm, form_class())


@blueprint.get("/s/<token>")
@access.permission(access.PUBLIC)
def sheet(token: str) -> ResponseReturnValue:
    """The question sheet, with nothing chosen and nothing shown of what was answered before."""
    invitation = _invitation(token)
    responses.require_time_left(session(), invitation, at=now())
    form = _form(invitation)
    form.nonce.data = _new_nonce(invitation)
    return _page(invitation, form)


@blueprint.post("/s/<token>")
@access.permission(access.PUBLIC)
def answer(token: str) -> ResponseReturnValue:
    """Record what a person chose, or show the same page in the other language without recording.

    Enter in a field presses a button that asks for nothing: the browser stays where it is.
    """
    invitation = _invitation(token)
    form = _posted(invitation)
    try:
        nonce = _nonce(form, invitation)
        if "stay" in request.form:
            return "", 204
        if "switch" in request.form:
            return _page(invitation, form)
        if not form.validate():
            return _page(invitation, form), 400
        recorded = responses.record(
            session(), invitation, form.sheets(), nonce=nonce, language=i18n.language(), at=now()
        )
    except (NotThisPage, responses.NothingAnswered) as problem:
        return _page(invitation, form, problem), 400
    session().commit()
    log.info("link %s: %s", _log_name(token), "repeated" if recorded.repeated else "answered")
    return redirect(url_for("answering.thanks", token=token, lang=i18n.language()), 303)


@blueprint.get("/s/<token>/thanks")
@access.permission(access.PUBLIC)
def thanks(token: str) -> ResponseReturnValue:
    """The same thanks for every answer."""
    invitation = _invitation(token)
    if not responses.answered_before(session(), invitation):
        return redirect(url_for("answering.sheet", token=token))
    return render_template("answering/thanks.html")


@blueprint.get("/s/<token>/stop")
@access.permission(access.PUBLIC)
def ask_to_stop(token: str) -> ResponseReturnValue:
    """Ask whether to stop; only the POST stops anything."""
    _invitation(token)
    return render_template("answering/stop.html", stopped=False)


@blueprint.post("/s/<token>/stop")
@access.permission(access.PUBLIC)
def stop(token: str) -> ResponseReturnValue:
    """One click, here or in the mail program's own button (RFC 8058): no more mail to this person."""
    invitation = _invitation(token)
    if invitation.contact:
        people.opt_out(session(), invitation.contact, at=now())
    session().commit()
    log.info("link %s: no more mail", _log_name(token))
    return render_template("answering/stop.html", stopped=True)


@blueprint.get("/privacy")
@access.permission(access.PUBLIC)
def privacy() -> ResponseReturnValue:
    """What is done with answers, by whom, why, how long, and what people may ask for."""
    return render_template("answering/privacy.html")


@blueprint.errorhandler(Refused)
def refuse(refusal: Refused) -> ResponseReturnValue:
    """One calm sentence under the status that fits."""
    db.session.rollback()
    if isinstance(refusal, links.UnknownToken):
        refusal = _counted(refusal)
    code = STATUS[type(refusal)]
    headers = {"Retry-After": str(int(links.MISS_WINDOW.total_seconds()))} if code == 429 else {}
    return render_template("answering/refused.html", sentence=i18n.told(refusal)), code, headers


def _counted(miss: links.UnknownToken) -> Refused:
    """Count the miss in a transaction of its own; the answer turns into a refusal when there were too many."""
    begin_write(db.session)
    try:
        links.count_miss(db.session, request.remote_addr or "", keys=settings().token_keys, at=now())
    except links.TooManyMisses as too_many:
        return too_many
    db.session.commit()
    return miss


def _invitation(token: str) -> Invitation:
    """Redeem the link and speak its reader's language."""
    invitation = links.redeem(session(), token, keys=settings().token_keys, at=now())
    if request.args.get("lang") not in i18n.LANGUAGES and invitation.contact:
        i18n.speak(invitation.contact.language)
    return invitation


def _log_name(token: str) -> str:
    return links.name_for_logs(token, settings().token_keys)


def _posted(invitation: Invitation) -> AnsweringForm:
    """The form as posted, refused when it has parts this page never sends."""
    if request.mimetype not in FORM_TYPES:
        raise UnreadableForm(N_("Only the form on the page can be sent. Please open the link in your mail."))
    form = _form(invitation)
    posted = request.form.to_dict(flat=False)
    foreign = posted.keys() - form._fields.keys() - BUTTONS
    if foreign or request.files or any(len(values) > 1 for values in posted.values()):
        raise UnreadableForm(N_("This is not the form on the page. Please open the link in your mail again."))
    wished = request.form.get("switch", form.language.data)
    if wished not in i18n.LANGUAGES:
        raise UnreadableForm(N_("This page is written in Chinese and in English only."))
    i18n.speak(wished)
    return form


def _nonces() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt="answering form")


def _nonce(form: AnsweringForm, invitation: Invitation) -> str:
    """The submission's own mark, if this page signed it for this invitation. Otherwise the form gets a new one and
    NotThisPage is raised."""
    try:
        invitation_id, nonce = _nonces().loads(form.nonce.data or "")
    except BadSignature:
        invitation_id, nonce = None, ""
    if invitation_id != invitation.id:
        form.nonce.data = _new_nonce(invitation)
        raise NotThisPage(N_("Your answers are still here, but not sent yet. Please check them and send once more."))
    return str(nonce)


def _new_nonce(invitation: Invitation) -> str:
    return str(_nonces().dumps([invitation.id, secrets.token_urlsafe(18)]))


def _page(invitation: Invitation, form: AnsweringForm, problem: Refused | None = None) -> str:
    sheet = questionnaires.read(invitation.campaign.questionnaire.content)
    language = i18n.language()
    form.language.data = language
    return render_template(
        "answering/sheet.html",
        form=form,
        sheet=sheet,
        subjects=invitation.subjects,
        period=invitation.campaign.asked_about[language],
        answered_before=responses.answered_before(session(), invitation),
        problem=problem and i18n.told(problem),
    )
