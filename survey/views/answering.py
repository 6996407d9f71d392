"""The customer's page. Reading it changes nothing; one POST records; no cookie is set; no script is needed."""

from __future__ import annotations

import logging

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from survey import access, follow_ups, i18n, invitations, responses
from survey.context import db, now, session, settings
from survey.database import begin_write
from survey.follow_ups import UNHAPPY
from survey.invitations import links
from survey.models.asking import Invitation
from survey.refusals import N_, Refused
from survey.responses import Submission, drafts
from survey.views import sheets
from survey.views.sheets import NotThisPage, SheetForm, UnreadableForm

blueprint = Blueprint("answering", __name__)
log = logging.getLogger("evenhand.answering")

BUTTONS = frozenset({"stay", "switch", "send", "save"})


class NotAsked(Refused):
    """A yes to being contacted that belongs to no answer of this link."""


STATUS: dict[type[Refused], int] = {
    links.UnknownToken: 404,
    links.LinkClosed: 410,
    responses.AnswersFinal: 410,
    links.TooManyMisses: 429,
    UnreadableForm: 400,
    NotAsked: 400,
}


@blueprint.get("/s/<token>")
@access.permission(access.PUBLIC)
def sheet(token: str) -> ResponseReturnValue:
    """The question sheet, with nothing chosen and nothing shown of what was answered before.

    A draft is only spoken of: programs that open links and submit what they find must not send it.
    """
    invitation = _invitation(token)
    responses.require_time_left(session(), invitation, at=now())
    return _page(invitation, sheets.fresh(invitation))


@blueprint.post("/s/<token>")
@access.permission(access.PUBLIC)
def answer(token: str) -> ResponseReturnValue:
    """Record what a person chose, keep it as a draft, or show the same page in the other language.

    Enter in a field presses a button that asks for nothing: the browser stays where it is.
    """
    invitation = _invitation(token)
    form = sheets.posted(invitation, BUTTONS)
    try:
        nonce = sheets.nonce(form, invitation)
        if "stay" in request.form:
            return "", 204
        if "switch" in request.form:
            return _page(invitation, form)
        if not form.validate():
            return _page(invitation, form), 400
        act = _save if "save" in request.form else _record
        return act(token, invitation, form, nonce)
    except (NotThisPage, responses.NothingAnswered) as problem:
        return _page(invitation, form, problem), 400


def _record(token: str, invitation: Invitation, form: SheetForm, nonce: str) -> ResponseReturnValue:
    submission = Submission(nonce=nonce, language=i18n.language(), link=links.digests(token, settings().token_keys))
    recorded = responses.record(session(), invitation, form.sheets(), submission, at=now())
    # What counts decides: on a repeat that is what was stored the first time, not what is in this copy of the form.
    unhappy = follow_ups.is_unhappy(session(), invitation) if recorded.repeated else form.has_rating_at_most(UNHAPPY)
    session().commit()
    log.info("link %s: %s", _log_name(token), "repeated" if recorded.repeated else "answered")
    ask = _asking().dumps(invitation.id) if unhappy else None
    return redirect(url_for("answering.thanks", token=token, lang=i18n.language(), ask=ask), 303)


def _save(token: str, invitation: Invitation, form: SheetForm, nonce: str) -> ResponseReturnValue:
    link = links.digests(token, settings().token_keys)
    drafts.save(session(), invitation, form.sheets(), nonce=nonce, link=link, at=now())
    session().commit()
    log.info("link %s: kept for later", _log_name(token))
    return redirect(url_for("answering.kept", token=token, lang=i18n.language()), 303)


@blueprint.get("/s/<token>/draft")
@access.permission(access.PUBLIC)
def kept(token: str) -> ResponseReturnValue:
    """What was chosen waits here, unsent. It is not shown before the button is pressed."""
    invitation = _invitation(token)
    if drafts.saved_at(session(), invitation) is None:
        return redirect(url_for("answering.sheet", token=token))
    return render_template("answering/kept.html", closes_on=invitation.campaign.closes_on)


@blueprint.post("/s/<token>/draft")
@access.permission(access.PUBLIC)
def resume(token: str) -> ResponseReturnValue:
    """Show the sheet with what was kept, on whatever device this is. Nothing changes."""
    invitation = _invitation(token)
    responses.require_time_left(session(), invitation, at=now())
    return _page(invitation, sheets.fresh(invitation, drafts.chosen(session(), invitation)))


@blueprint.get("/s/<token>/thanks")
@access.permission(access.PUBLIC)
def thanks(token: str) -> ResponseReturnValue:
    """The same thanks for every answer. Whoever has just sent an unhappy one is asked whether we may get in touch."""
    invitation = _invitation(token)
    if not responses.answered_before(session(), invitation):
        return redirect(url_for("answering.sheet", token=token))
    return _thanks(invitation, asks=_asks(invitation) and not follow_ups.agreed(session(), invitation))


@blueprint.post("/s/<token>/contact")
@access.permission(access.PUBLIC)
def contact(token: str) -> ResponseReturnValue:
    """May we contact you? Only a yes leaves anything."""
    invitation = _invitation(token)
    if not _asks(invitation):
        raise NotAsked(N_("This is not the form on the page. Please open the link in your mail again."))
    if request.form.get("contact") not in ("yes", "no"):
        return _thanks(invitation, asks=True, problem=True), 400
    if request.form["contact"] == "yes":
        follow_ups.agree(session(), invitation, at=now())
        session().commit()
        log.info("link %s: may be contacted", _log_name(token))
    return redirect(
        url_for("answering.thanks", token=token, lang=i18n.language(), contact=request.form["contact"]), 303
    )


def _thanks(invitation: Invitation, *, asks: bool, problem: bool = False) -> str:
    until = responses.changeable_until(session(), invitation)
    return render_template(
        "answering/thanks.html",
        until=until if until and now() < until else None,
        subjects=invitation.subjects,
        asks=asks,
        problem=problem,
        agreed=request.args.get("contact") == "yes",
    )


@blueprint.get("/s/<token>/wrong-person")
@access.permission(access.PUBLIC)
def ask_whether_wrong(token: str) -> ResponseReturnValue:
    """Ask whether the link reached the wrong person; only a POST in which somebody chose it says so."""
    return _wrong_person(_invitation(token))


@blueprint.post("/s/<token>/wrong-person")
@access.permission(access.PUBLIC)
def wrong_person(token: str) -> ResponseReturnValue:
    """Whoever got this link cannot answer: nobody is asked again through it. A program that submits the form as it
    came has chosen nothing, and changes nothing."""
    invitation = _invitation(token)
    said = request.form.get("person")
    if said == "right":
        return redirect(url_for("answering.sheet", token=token, lang=i18n.language()), 303)
    if said != "wrong":
        return _wrong_person(invitation, unchosen=True), 400
    invitations.mark_wrong_person(session(), invitation)
    session().commit()
    log.info("link %s: wrong person", _log_name(token))
    return _wrong_person(invitation, said=True)


def _wrong_person(invitation: Invitation, *, said: bool = False, unchosen: bool = False) -> str:
    return render_template("answering/wrong_person.html", said=said, unchosen=unchosen, subjects=invitation.subjects)


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
    """Redeem the link and speak its reader's language. That only reads, so in SQLite nobody is held up by it: whoever
    writes next is alone with the file no longer than writing takes. What ends a link in between, the writing sees."""
    invitation = links.redeem(db.session, token, keys=settings().token_keys, at=now())
    db.session.commit()
    if request.args.get("lang") not in i18n.LANGUAGES and invitation.contact:
        i18n.speak(invitation.contact.language)
    return invitation


def _log_name(token: str) -> str:
    return links.name_for_logs(token, settings().token_keys)


def _asking() -> URLSafeSerializer:
    """Signs that an unhappy answer was just sent. Nobody who merely holds the link learns that one was."""
    return URLSafeSerializer(settings().secret_key.get_secret_value(), salt="may we contact you")


def _asks(invitation: Invitation) -> bool:
    try:
        return bool(_asking().loads(request.args.get("ask", "")) == invitation.id)
    except BadSignature:
        return False


def _page(invitation: Invitation, form: SheetForm, problem: Refused | None = None) -> str:
    language = i18n.language()
    form.language.data = language
    return render_template(
        "answering/sheet.html",
        form=form,
        subjects=invitation.subjects,
        period=invitation.campaign.asked_about[language],
        answered_before=responses.answered_before(session(), invitation),
        kept_at=drafts.saved_at(session(), invitation) if request.method == "GET" else None,
        problem=problem and i18n.told(problem),
    )
