"""A sheet as a customer sees it, under a signed link that works for a week. Nothing answered here is ever stored."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeTimedSerializer

from survey import access, campaigns, context, i18n
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion, Subject
from survey.models.roster import Rep
from survey.questionnaires import UnknownQuestionnaire, versions
from survey.views import sheets

blueprint = Blueprint("previewing", __name__)

BUTTONS = frozenset({"stay", "switch", "send", "save"})
LIVES = timedelta(days=7)
MONTHS = 6
INVENTED_REP = {"zh": "王建国", "en": "Alice Archer"}


def link(code: str, version: int) -> str:
    """The address of a preview, for whoever it is given to."""
    return url_for("previewing.sheet", token=str(_signer().dumps([code, version])))


@blueprint.get("/preview/<token>")
@access.permission(access.PUBLIC)
def sheet(token: str) -> ResponseReturnValue:
    """The sheet with nothing chosen."""
    invented = _invitation(token)
    return _page(invented, sheets.fresh(invented))


@blueprint.post("/preview/<token>")
@access.permission(access.PUBLIC)
def answer(token: str) -> ResponseReturnValue:
    """What a customer would be told: the same errors, the same thanks. Only the database hears nothing."""
    invented = _invitation(token)
    form = sheets.posted(invented, BUTTONS)
    invented = _invitation(token)  # now in the language of the form
    pressed = next((button for button in ("stay", "switch", "save") if button in request.form), "send")
    if pressed == "stay":
        return "", 204
    if pressed in {"switch", "save"}:
        return _page(invented, form)
    if not form.validate():
        return _page(invented, form), 400
    if not any(reply.given for replies in form.sheets().values() for reply in replies.values()):
        return _page(invented, form, gettext("Please answer at least one question.")), 400
    return render_template("previewing/thanks.html", token=token)


@blueprint.route("/preview/<token>/stop", methods=["GET", "POST"])
@access.permission(access.PUBLIC)
def stop(token: str) -> ResponseReturnValue:
    """Where a test mail's last link leads. There is nobody to leave alone."""
    _invitation(token)
    return render_template("previewing/stop.html")


@blueprint.errorhandler(sheets.UnreadableForm)
def refuse(refusal: sheets.UnreadableForm) -> ResponseReturnValue:
    return render_template("answering/refused.html", sentence=i18n.told(refusal)), 400


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.settings().secret_key.get_secret_value(), salt="questionnaire preview")


def _invitation(token: str) -> Invitation:
    """An invitation that is in no database: one invented rep, asked about with this version."""
    try:
        code, version = _signer().loads(token, max_age=int(LIVES.total_seconds()))
        found = versions.find(context.session(), code, version)
    except (BadSignature, UnknownQuestionnaire):
        abort(404)
    content = dict(found.content)
    campaign = Campaign(
        questionnaire=QuestionnaireVersion(code=code, version=version, content=content),
        asked_about=campaigns.past_months(MONTHS),
    )
    subject = Subject(id=0, rep=Rep(code="", name=INVENTED_REP[i18n.language()]))
    return Invitation(id=0, campaign=campaign, subjects=[subject])


def _page(invented: Invitation, form: sheets.SheetForm, problem: str = "") -> str:
    language = i18n.language()
    form.language.data = language
    form.nonce.data = form.nonce.data or sheets.new_nonce(invented)
    return render_template(
        "previewing/sheet.html", form=form, subjects=invented.subjects, period=invented.campaign.asked_about[language],
        answered_before=False, kept_at=None, problem=problem, preview=True,
    )  # fmt: skip
