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
from survey.indicators import diagnoses, events, goals, notes
from survey.indicators.page import NotToBeSeen, list_page, place, rep_page
from survey.models import Period, Rep
from survey.refusals import N_, Refused
from survey.views.facts.forms import FORMS, CausesForm, DecisionForm, ExemptionForm, ReachedForm, ReplyForm
from survey.views.facts.writing import WRITERS, UnfitFields, row_of

blueprint = Blueprint("facts", __name__)


class AboutOneself(Refused):
    pass


@blueprint.get("/facts")
@access.permission("read facts")
def listed() -> ResponseReturnValue:
    """How much is written down about every rep the person may see."""
    try:
        page = list_page(context.session(), access.visible_reps(), request.args.get("period") or None)
    except NotToBeSeen:
        abort(404)
    return render_template("facts/listed.html", page=page)


@blueprint.get("/facts/<rep>")
@access.permission("read facts")
def shown(rep: str) -> ResponseReturnValue:
    """Everything about one rep in one period."""
    return _page(rep)


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
        if (who.email or "").lower() != context.actor().lower():
            raise events.UnknownEvent(N_("There is no event %(id)s to be seen."), id=event_id)
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
        if (who.email or "").lower() != context.actor().lower():
            raise goals.UnknownGoal(N_("There is no goal %(id)s to be accepted."), id=goal_id)
        own = access.visible_reps()
        goals.accept(
            context.session(), goal_id, own, by=context.actor(), at=context.now(), on=context.today()
        )  # fmt: skip

    return _done(rep, FlaskForm(), "acceptance", write)


@blueprint.post("/facts/<rep>/plan/<int:item_id>/agreement")
@access.permission("reply to facts")
def agree(rep: str, item_id: int) -> ResponseReturnValue:
    """The rep agrees to an item of their own plan."""

    def write(who: Rep, _period: Period) -> None:
        if (who.email or "").lower() != context.actor().lower():
            raise plans.UnknownPlan(N_("There is no item %(id)s to agree to."), id=item_id)
        own = access.visible_reps()
        plans.agree(context.session(), item_id, own, by=context.actor(), at=context.now(), on=context.today())

    return _done(rep, FlaskForm(), "agreement", write)


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
    except (NotToBeSeen, events.UnknownEvent, goals.UnknownGoal, diagnoses.UnknownDiagnosis, plans.UnknownPlan):
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
    shown["note"].source.choices = [
        SelectChoice(code, zh if i18n.language() == "zh" else en) for code, (zh, en) in notes.SOURCES.items()
    ]
    own = (page.rep.email or "").lower() == context.actor().lower()
    return render_template(
        "facts/shown.html", page=page, forms=shown, failed=form, failed_kind=kind, own=own, sources=notes.SOURCES,
        plan=plans.of_rep(context.session(), page.period, page.rep), causes=diagnoses.CAUSES,
        companys=diagnoses.COMPANYS, rated=schemes.rated(context.session()),
    )  # fmt: skip
