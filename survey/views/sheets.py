"""The form of a question sheet: a field for each item about each rep, and the mark that makes two clicks one answer.

The customer's page and the interviewer's show the same form.
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, cast

from flask import request
from flask_wtf import FlaskForm
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import Field, HiddenField
from wtforms.validators import ValidationError

from survey import i18n, questionnaires
from survey.context import settings
from survey.models.asking import Invitation, Subject
from survey.questionnaires.sheet import SKIPPED, Item, Questionnaire, Reply
from survey.refusals import N_, Refused
from survey.responses.drafts import Chosen

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class UnreadableForm(Refused):
    """What was posted is not this page's form."""


class NotThisPage(Refused):
    """The form's nonce is missing, altered, or from another link's page."""


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


class SheetForm(FlaskForm):
    """The sheet of one invitation. Its signed nonce is its own mark, not the session's: customers have no session."""

    class Meta:
        csrf = False

        def get_translations(self, _form: FlaskForm) -> None:
            """None of the library's own sentences is ever shown, so their catalogue stays where it is."""

    sheet: ClassVar[Questionnaire]
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

    def has_rating_at_most(self, value: int) -> bool:
        """Is any rating on it that was asked this low or lower?"""
        ratings = [item for item in self.sheet.items if item.kind == "rating"]
        return any(
            (rating := said[item.code].value) is not None and rating <= value and self.sheet.asked(item, said)
            for said in self.sheets().values()
            for item in ratings
        )


def fresh(invitation: Invitation, chosen: Chosen | None = None) -> SheetForm:
    """The form as a page shows it first: blank, or with what was kept as a draft."""
    form_class = _form_class(invitation)
    data = {
        form_class.replies[subject_id][code]: words
        for subject_id, replies in (chosen or {}).items()
        for code, words in replies.items()
    }
    form = form_class(formdata=None, data=data)
    form.nonce.data = new_nonce(invitation)
    return form


def posted(invitation: Invitation, buttons: frozenset[str]) -> SheetForm:
    """The form as posted, refused when it has parts this page never sends. From here on its language is spoken.

    Raises UnreadableForm.
    """
    if request.mimetype not in FORM_TYPES:
        raise UnreadableForm(N_("Only the form on the page can be sent. Please open the link in your mail."))
    form = _form_class(invitation)()
    parts = request.form.to_dict(flat=False)
    foreign = parts.keys() - form._fields.keys() - buttons
    if foreign or request.files or any(len(values) > 1 for values in parts.values()):
        raise UnreadableForm(N_("This is not the form on the page. Please open the link in your mail again."))
    wished = request.form.get("switch", form.language.data)
    if wished not in i18n.LANGUAGES:
        raise UnreadableForm(N_("This page is written in Chinese and in English only."))
    i18n.speak(wished)
    return form


def nonce(form: SheetForm, invitation: Invitation) -> str:
    """The submission's own mark, if this page signed it for this invitation. Otherwise the form gets a new one and
    NotThisPage is raised."""
    try:
        invitation_id, own = _nonces().loads(form.nonce.data or "")
    except BadSignature:
        invitation_id, own = None, ""
    if invitation_id != invitation.id:
        form.nonce.data = new_nonce(invitation)
        raise NotThisPage(N_("Your answers are still here, but not sent yet. Please check them and send once more."))
    return str(own)


def new_nonce(invitation: Invitation) -> str:
    return str(_nonces().dumps([invitation.id, secrets.token_urlsafe(18)]))


def _nonces() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt="answering form")


def _form_class(invitation: Invitation) -> type[SheetForm]:
    """The form of this very invitation: a field for each item about each rep."""
    sheet = questionnaires.of(invitation.campaign.questionnaire)
    names = {
        subject.id: {item.code: f"{item.code}-{number}" for item in sheet.items}
        for number, subject in enumerate(invitation.subjects, start=1)
    }
    fields: dict[str, Any] = {
        names[subject.id][item.code]: ReplyField(item, subject)
        for subject in invitation.subjects
        for item in sheet.items
    }
    return cast(type[SheetForm], type("Sheet", (SheetForm,), {**fields, "replies": names, "sheet": sheet}))
