"""The pages of facts: a manager writes down what was measured and happened, the rep replies, a reviewer decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.fields.choices import SelectChoice

from survey import access, context, i18n, plans, schemes
from survey.dashboards.at_risk import at_risk, risk_page
from survey.dashboards.handover import hand_over
from survey.indicators import diagnoses, events, goals, notes, provisions, summaries
from survey.indicators.page import NotToBeSeen, RepPage, list_page, place, rep_page
from survey.models.company import Period
from survey.models.facts import SelfSummary
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.views.facts.forms import (
    FORMS,
    AnswerForm,
    CausesForm,
    DecisionForm,
    ExemptionForm,
    FollowedForm,
    GivenForm,
    ReachedForm,
    ReplyForm,
    SummaryForm,
)
from survey.views.facts.writing import WRITERS, UnfitFields, row_of

blueprint = Blueprint("facts", __name__)


class AboutOneself(Refused):
    pass


UNKNOWN = (
    NotToBeSeen, events.UnknownEvent, goals.UnknownGoal, diagnoses.UnknownDiagnosis, plans.UnknownPlan,
    notes.UnknownNote, provisions.UnknownProvision,
)  # fmt: skip


@blueprint.get("/facts")
@access.permission("read facts")
def listed() -> ResponseReturnValue:
    """How much is written down about every rep the person may see."""
    try:
        page = list_page(context.session(), access.visible_reps(), request.args.get("period") or None)
    except NotToBeSeen:
        abort(404)
    risks = at_risk(
        context.session(), access.visible_reps(), days=context.company().lost_after, on=context.today()
    )  # fmt: skip
    return render_template("facts/listed.html", page=page, risks=risks)


@blueprint.get("/facts/<rep>")
@access.permission("read facts")
def shown(rep: str) -> ResponseReturnValue:
    """Everything about one rep in one period."""
    return _page(rep)


@blueprint.get("/facts/<rep>/handover")
@access.permission("read facts")
def handed_over(rep: str) -> ResponseReturnValue:
    """What the record of a rep's customer relationships holds, for whoever takes over."""
    try:
        record = hand_over(context.session(), access.visible_reps(), rep, on=context.today())
    except NotToBeSeen:
        abort(404)
    return render_template("facts/handed_over.html", record=record)


@blueprint.get("/facts/<rep>/at-risk")
@access.permission("read facts")
def losing(rep: str) -> ResponseReturnValue:
    """The customers of a rep who order no more, or far less than before."""
    try:
        page = risk_page(
            context.session(), access.visible_reps(), rep, days=context.company().lost_after, on=context.today()
        )
    except NotToBeSeen:
        abort(404)
    return render_template("facts/losing.html", page=page)


@blueprint.post("/facts/<rep>/<kind>")
@access.permission("enter facts")
def enter(rep: str, kind: str) -> ResponseReturnValue:
    """A manager writes down a fact, an event, a note, or proposes a goal."""
    if kind not in FORMS:
        abort(404)
    form = FORMS[kind]()
    return _done(rep, form, kind, lambda who, period: WRITERS[kind](who, period, form))


@blueprint.post("/facts/<rep>/events/<int:event_id>/reply")
@access.permission("reply to facts")
def reply(rep: str, event_id: int) -> ResponseReturnValue:
    """The rep says something to an event of their own."""
    form = ReplyForm()

    def write(who: Rep, _period: Period) -> None:
        _about_oneself(who)
        event = events.find(context.session(), event_id, access.visible_reps())
        events.reply(context.session(), event, form.reply.data or "", by=context.actor(), at=context.now())

    return _done(rep, form, "reply", write)


@blueprint.post("/facts/<rep>/events/<int:event_id>/decision")
@access.permission("review facts")
def decide(rep: str, event_id: int) -> ResponseReturnValue:
    """A reviewer confirms an event, or overturns it so that it costs nothing."""
    form = DecisionForm()

    def write(_who: Rep, _period: Period) -> None:
        event = events.find(context.session(), event_id, access.visible_reps())
        events.decide(
            context.session(), event, form.decision.data, form.reason.data or "", by=context.actor(), at=context.now()
        )

    return _done(rep, form, "decision", write)


@blueprint.post("/facts/<rep>/goals/<int:goal_id>/acceptance")
@access.permission("reply to facts")
def accept(rep: str, goal_id: int) -> ResponseReturnValue:
    """The rep accepts a goal of their own."""

    def write(who: Rep, _period: Period) -> None:
        _about_oneself(who)
        own = access.visible_reps()
        goals.accept(
            context.session(), goal_id, own, by=context.actor(), at=context.now(), on=context.today()
        )  # fmt: skip

    return _done(rep, FlaskForm(), "acceptance", write)


@blueprint.post("/facts/<rep>/plan/<int:item_id>/agreement")
@access.permission("reply to facts")
def agree(rep: str, item_id: int) -> ResponseReturnValue:
    """The rep says how far they agree to an item of their own plan; 0 refuses it."""
    form = AnswerForm()

    def write(who: Rep, _period: Period) -> None:
        _about_oneself(who)
        consent = -1 if form.consent.data is None else form.consent.data
        plans.answer(
            context.session(), item_id, access.own_reps(), consent, by=context.actor(), at=context.now(),
            on=context.today(),
        )  # fmt: skip

    return _done(rep, form, "agreement", write)


@blueprint.post("/facts/<rep>/plan/<int:item_id>/outcome")
@access.permission("enter facts")
def followed(rep: str, item_id: int) -> ResponseReturnValue:
    """A manager writes down what the company gave, and what came of an item."""
    form = FollowedForm()

    def write(who: Rep, _period: Period) -> None:
        _about_another(who)
        told = ("support_given_on", "outcome", "outcome_note")
        row = row_of(plans.FollowedRow, who, **{name: form[name].data for name in told})
        plans.follow(
            context.session(), item_id, access.visible_reps(), row, reason=form.reason.data or "", by=context.actor(),
            at=context.now(), on=context.today(),
        )  # fmt: skip

    return _done(rep, form, "outcome", write)


@blueprint.post("/facts/<rep>/provisions/<int:provision_id>/given")
@access.permission("enter facts")
def given(rep: str, provision_id: int) -> ResponseReturnValue:
    """A manager writes down that the company gave what it owed."""
    form = GivenForm()

    def write(who: Rep, _period: Period) -> None:
        _about_another(who)
        row = row_of(provisions.DoneRow, who, done_on=form.done_on.data, result=form.result.data)
        provisions.give(
            context.session(), provision_id, access.visible_reps(), row, reason=form.reason.data or "",
            by=context.actor(), at=context.now(), on=context.today(),
        )  # fmt: skip

    return _done(rep, form, "given", write)


@blueprint.post("/facts/<rep>/notes/<int:note_id>/reply")
@access.permission("reply to facts")
def answer(rep: str, note_id: int) -> ResponseReturnValue:
    """The rep says something to a note about themselves."""
    form = ReplyForm()

    def write(who: Rep, _period: Period) -> None:
        _about_oneself(who)
        notes.reply(
            context.session(), note_id, access.own_reps(), form.reply.data or "", by=context.actor(), at=context.now()
        )

    return _done(rep, form, "answer", write)


@blueprint.post("/facts/<rep>/summary")
@access.permission("reply to facts")
def summarise(rep: str) -> ResponseReturnValue:
    """The rep keeps a draft of their own summary of the period, or sends it."""
    form = SummaryForm()

    def write(who: Rep, period: Period) -> None:
        _about_oneself(who)
        row = row_of(summaries.SummaryRow, who, **{name: form[name].data for name in ("reached", "hard", "better")})
        summaries.write(
            context.session(), period, who, row, send=form.send.data == "yes", by=context.actor(), at=context.now(),
            on=context.today(),
        )  # fmt: skip

    return _done(rep, form, "summary", write)


@blueprint.post("/facts/<rep>/goals/<int:goal_id>/reached")
@access.permission("enter facts")
def reached(rep: str, goal_id: int) -> ResponseReturnValue:
    """A manager writes down how much of a goal was reached."""
    form = ReachedForm()

    def write(who: Rep, _period: Period) -> None:
        _about_another(who)
        done = row_of(goals.ReachedRow, who, done=form.done.data).done
        goals.reach(
            context.session(), goal_id, access.visible_reps(), done, reason=form.reason.data or "", by=context.actor(),
            at=context.now(),
        )  # fmt: skip

    return _done(rep, form, "reached", write)


@blueprint.post("/facts/<rep>/diagnoses/<int:diagnosis_id>/causes")
@access.permission("enter facts")
def causes(rep: str, diagnosis_id: int) -> ResponseReturnValue:
    """A manager says why customers were lost."""
    form = CausesForm()

    def write(who: Rep, _period: Period) -> None:
        _about_another(who)
        row = diagnoses.find(context.session(), diagnosis_id, access.visible_reps())
        diagnoses.answer(
            context.session(), row, form.causes.data or [], form.finding.data or "", by=context.actor(),
            at=context.now(),
        )  # fmt: skip

    return _done(rep, form, "causes", write)


@blueprint.post("/facts/<rep>/diagnoses/<int:diagnosis_id>/exemption")
@access.permission("review facts")
def exempt(rep: str, diagnosis_id: int) -> ResponseReturnValue:
    """A reviewer says how many losses the company caused."""
    form = ExemptionForm()

    def write(_who: Rep, _period: Period) -> None:
        row = diagnoses.find(context.session(), diagnosis_id, access.visible_reps())
        lost = -1 if form.exempted.data is None else form.exempted.data
        diagnoses.exempt(
            context.session(), row, lost, form.reason.data or "", by=context.actor(), at=context.now()
        )  # fmt: skip

    return _done(rep, form, "exemption", write)


def _about_oneself(rep: Rep) -> None:
    """What only the rep may say; to anybody else there is nothing here."""
    if (rep.email or "").lower() != context.actor().lower():
        raise NotToBeSeen(N_("There is nothing here to be seen."))


def _about_another(rep: Rep) -> None:
    if (rep.email or "").lower() == context.actor().lower():
        raise AboutOneself(N_("Nobody writes down facts about themselves."))


def _done(rep: str, form: Any, kind: str, write: Callable[[Rep, Period], None]) -> ResponseReturnValue:
    """Write, or show the page again with what is wrong."""
    session = context.session()
    try:
        who, period = place(session, access.visible_reps(), rep, request.args.get("period") or None)
        if form.validate():
            if kind in FORMS:
                _about_another(who)
            write(who, period)
            session.commit()
            return redirect(url_for(".shown", rep=rep, period=period.code, _anchor=kind), code=303)
    except UNKNOWN:
        abort(404)
    except UnfitFields as refusal:
        for name, why in refusal.fields.items():
            field: Field | None = form._fields.get(name)
            (field.errors if field else form.form_errors).append(i18n.told(why))
    except Refused as refusal:
        form.form_errors += [i18n.told(one) for one in (refusal.problems or (refusal,))]
    session.rollback()
    return _page(rep, kind, form), 400


def _page(rep: str, kind: str = "", form: Any = None) -> str:
    try:
        page = rep_page(context.session(), access.visible_reps(), rep, request.args.get("period") or None)
    except NotToBeSeen:
        abort(404)
    shown = {name: form if name == kind else one(formdata=None) for name, one in FORMS.items()}
    for name, one in shown.items():  # several forms share the page: their fields need ids of their own
        for field in one:
            field.id = f"{name}-{field.short_name}"
            field.label.field_id = field.id
    for name, kinds in (("note", notes.SOURCES), ("provision", provisions.KINDS)):
        field = shown[name].source if name == "note" else shown[name].kind
        field.choices = [SelectChoice(code, zh if i18n.language() == "zh" else en) for code, (zh, en) in kinds.items()]
    own = (page.rep.email or "").lower() == context.actor().lower()
    plan = plans.of_rep(context.session(), page.period, page.rep)
    before, last = plans.last_before(context.session(), page.period, page.rep)
    return render_template(
        "facts/shown.html", page=page, forms=shown, failed=form, failed_kind=kind, own=own, sources=notes.SOURCES,
        kinds=provisions.KINDS, plan=plan, plan_old=plans.history(context.session(), plan), before=before, last=last,
        summary=_summary(page, own=own), writes_summary=own and _may_summarise(page), vague=notes.is_vague,
        causes=diagnoses.CAUSES, companys=diagnoses.COMPANYS, rated=schemes.rated(context.session()),
    )  # fmt: skip


def _may_summarise(page: RepPage) -> bool:
    is_open = summaries.is_open(context.session(), page.period, page.rep, on=context.today())
    return is_open and access.holds("reply to facts")


def _summary(page: RepPage, *, own: bool) -> SelfSummary | None:
    """A draft is the rep's alone."""
    summary = summaries.of_rep(context.session(), page.period, page.rep)
    return summary if own or (summary and summary.sent_at) else None
