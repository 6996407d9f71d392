"""Interviews by telephone: an interviewer's own calls by time, and the page of one call with script and questions."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user

from survey import access, channels, follow_ups, i18n, interviews, responses
from survey.context import actor, company, db, now, session, settings
from survey.interviews import InterviewOver, UnknownInterview
from survey.invitations import by_hand
from survey.models.answering import Interview
from survey.refusals import N_, Refused
from survey.responses import drafts
from survey.views import sheets
from survey.views.sheets import SheetForm, UnreadableForm

blueprint = Blueprint("interviews", __name__)

PARTS = frozenset({"stay", "switch", "send", "outcome", "call_back_at", "csrf_token"})


@blueprint.get("/interviews")
@access.permission("interview")
def queue() -> ResponseReturnValue:
    """Whom to call now, and whom later; and which campaigns have somebody to write to by hand."""
    by_wechat = access.holds("write by hand") and bool(channels.by_hand(settings()))
    return render_template(
        "interviews/queue.html", queue=interviews.queue(session(), actor(), at=now()),
        to_write=by_hand.waiting_by_campaign(session(), at=now()) if by_wechat else {},
    )  # fmt: skip


@blueprint.get("/interviews/<int:interview_id>")
@access.permission("interview")
def call(interview_id: int) -> ResponseReturnValue:
    """One person to call: the number, what to say, what to ask, in the language they speak."""
    interview = _own(interview_id)
    interviews.require_open(session(), interview, at=now())
    if request.args.get("lang") not in i18n.LANGUAGES and interview.invitation.contact:
        i18n.speak(interview.invitation.contact.language)
    kept = drafts.chosen(session(), interview.invitation, interviewer=actor())
    return _page(interview, sheets.fresh(interview.invitation, kept))


@blueprint.post("/interviews/<int:interview_id>")
@access.permission("interview")
def done(interview_id: int) -> ResponseReturnValue:
    """The answers, or what came of the call instead, or the same page in the other language."""
    interview = _own(interview_id)
    form = sheets.posted(interview.invitation, PARTS)
    try:
        nonce = sheets.nonce(form, interview.invitation)
        if "stay" in request.form:
            return "", 204
        if "switch" in request.form:
            return _page(interview, form)
        if not form.validate():
            return _page(interview, form), 400
        act = _note if "outcome" in request.form else _complete
        act(interview, form, nonce)
    except (UnreadableForm, InterviewOver):
        raise
    except Refused as problem:
        db.session.rollback()
        return _page(_own(interview_id), form, problem), 400
    session().commit()
    return redirect(url_for(".queue"), 303) if act is _note else _end(interview)


def _end(interview: Interview) -> ResponseReturnValue:
    """Where an interview goes on: to its last question, or to saying goodbye."""
    if _may_be_asked(interview):
        return redirect(url_for(".ask_contact", interview_id=interview.id, lang=i18n.language()), 303)
    return _goodbye()


@blueprint.get("/interviews/<int:interview_id>/contact")
@access.permission("interview")
def ask_contact(interview_id: int) -> ResponseReturnValue:
    """The last question of a call in which somebody was unhappy, with nothing chosen: may we contact you about this?"""
    interview = _own(interview_id)
    _require_unhappy(interview)
    return _contact_page(interview)


@blueprint.post("/interviews/<int:interview_id>/contact")
@access.permission("interview")
def contact(interview_id: int) -> ResponseReturnValue:
    """Keep a yes. A no, or hanging up, leaves nothing."""
    interview = _own(interview_id)
    _require_unhappy(interview)
    said = request.form.get("contact")
    if said not in ("yes", "no"):
        return _contact_page(interview, unchosen=True), 400
    if said == "yes":
        follow_ups.agree(session(), interview.invitation, at=now())
        session().commit()
    return _goodbye()


def _may_be_asked(interview: Interview) -> bool:
    """Only where an unhappy answer counts, until somebody said yes."""
    invitation = interview.invitation
    return follow_ups.is_unhappy(session(), invitation) and not follow_ups.agreed(session(), invitation)


def _require_unhappy(interview: Interview) -> None:
    """Only the call just made ends with this question, once. Raises InterviewOver, AnswersFinal."""
    if interview.state != "completed" or not _may_be_asked(interview):
        raise InterviewOver(N_("There is nothing more to ask in this interview. Go on with the next one."))
    responses.require_time_left(session(), interview.invitation, at=now())


def _goodbye() -> ResponseReturnValue:
    """Back to the queue, with what is left to be said."""
    flash(gettext("The interview is kept. Say: “Thank you very much for your time. Goodbye.”"), "done")
    return redirect(url_for(".queue"), 303)


def _contact_page(interview: Interview, *, unchosen: bool = False) -> str:
    if request.args.get("lang") not in i18n.LANGUAGES and interview.invitation.contact:
        i18n.speak(interview.invitation.contact.language)
    return render_template(
        "interviews/contact.html", invitation=interview.invitation, subjects=interview.invitation.subjects,
        unchosen=unchosen,
    )  # fmt: skip


def _own(interview_id: int) -> Interview:
    try:
        return interviews.own(session(), interview_id, actor())
    except UnknownInterview:
        abort(404)


def _complete(interview: Interview, form: SheetForm, nonce: str) -> None:
    interviews.complete(
        session(), interview, form.sheets(), nonce=nonce, language=i18n.language(), by=actor(), at=now()
    )  # fmt: skip


def _note(interview: Interview, form: SheetForm, nonce: str) -> None:
    """What was asked before a call broke off is kept for the next one."""
    outcome = request.form["outcome"]
    interviews.note_call(
        session(), interview, outcome, call_back_at=_local(request.form.get("call_back_at", "")), by=actor(), at=now()
    )
    if outcome == "call back" and any(reply.given for said in form.sheets().values() for reply in said.values()):
        drafts.save(session(), interview.invitation, form.sheets(), nonce=nonce, interviewer=actor(), at=now())


def _local(written: str) -> datetime | None:
    """An instant from a day and a time where the company is; None when it is not one."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(company().time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@blueprint.errorhandler(Refused)
def refuse(refusal: Refused) -> ResponseReturnValue:
    db.session.rollback()
    code = 410 if isinstance(refusal, InterviewOver | responses.AnswersFinal) else 400
    return render_template("interviews/refused.html", sentence=i18n.told(refusal)), code


def _page(interview: Interview, form: SheetForm, problem: Refused | None = None) -> str:
    form.language.data = i18n.language()
    return render_template(
        "interviews/call.html",
        interview=interview,
        invitation=interview.invitation,
        form=form,
        caller=current_user.name,
        period=interview.invitation.campaign.asked_about[i18n.language()],
        call_back_at=request.form.get("call_back_at", ""),
        problem=problem and i18n.told(problem),
    )
