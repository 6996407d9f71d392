"""The pages of facts: a manager writes down what was measured and happened, the rep replies, a reviewer decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from pydantic import ValidationError
from wtforms import Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from survey import access, context, i18n
from survey.indicators import events, facts, goals, notes
from survey.indicators.page import NotToBeSeen, list_page, place, rep_page
from survey.models import Period, Rep
from survey.refusals import N_, Refused

blueprint = Blueprint("facts", __name__)
LONGEST = Length(max=4000)


class AboutOneself(Refused):
    pass


class FactForm(FlaskForm):
    """One measured indicator; a stored one is corrected, with a reason."""

    indicator = StringField(_("Indicator (code or name)"))
    value = StringField(_("Actual"))
    target = StringField(_("Target"))
    evidence = StringField(_("Evidence"))
    note = TextAreaField(_("Note"), validators=[LONGEST])
    reason = StringField(_("Reason for a correction"))


class EventForm(FlaskForm):
    """One event that costs points."""

    category = StringField(_("Category (code or name)"))
    on = StringField(_("Date"), render_kw={"type": "date"})
    points = StringField(_("Points it costs"))
    fact = TextAreaField(_("What happened"), validators=[LONGEST])
    evidence = StringField(_("Evidence"))
    in_survey = SelectField(
        _("Do customers’ ratings already show it?"),
        choices=[SelectChoice("no", _("No")), SelectChoice("yes", _("Yes"))],
    )


class NoteForm(FlaskForm):
    """Something seen or heard; the rep reads it."""

    on = StringField(_("Date"), render_kw={"type": "date"})
    source = SelectField(_("Source"), choices=[SelectChoice(source) for source in notes.SOURCES])
    text = TextAreaField(_("Note"), validators=[LONGEST])


class GoalForm(FlaskForm):
    """A goal proposed to a rep, who accepts it or not."""

    text = TextAreaField(_("Goal"), validators=[LONGEST])
    indicator = StringField(_("Indicator (code or name)"))
    target = StringField(_("Target"))
    unit = StringField(_("Unit"))
    due_on = StringField(_("Due on"), render_kw={"type": "date"})


class ReplyForm(FlaskForm):
    reply = TextAreaField(_("Your reply"), validators=[LONGEST])


class DecisionForm(FlaskForm):
    decision = RadioField(
        _("Decision"),
        choices=[SelectChoice("confirmed", _("Confirm")), SelectChoice("overturned", _("Overturn"))],
        default="confirmed",
    )
    reason = TextAreaField(_("Reason"), validators=[LONGEST])


FORMS: dict[str, type[FlaskForm]] = {"fact": FactForm, "event": EventForm, "note": NoteForm, "goal": GoalForm}


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
    return _done(rep, form, kind, lambda who, period: _WRITERS[kind](who, period, form))


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


def _fact(rep: Rep, period: Period, form: Any) -> None:
    row = _row(
        facts.FactRow, rep, period=period.code, indicator=form.indicator.data, value=form.value.data,
        target=form.target.data, evidence=form.evidence.data, note=form.note.data,
    )  # fmt: skip
    facts.enter(
        context.session(), period, rep, row, reason=form.reason.data or "", by=context.actor(), at=context.now()
    )


def _event(rep: Rep, period: Period, form: Any) -> None:
    row = _row(
        events.EventRow, rep, period=period.code, category=form.category.data, on=form.on.data, points=form.points.data,
        fact=form.fact.data, evidence=form.evidence.data, in_survey=form.in_survey.data,
    )  # fmt: skip
    events.enter(context.session(), period, rep, row, by=context.actor(), at=context.now())


def _note(rep: Rep, _period: Period, form: Any) -> None:
    row = _row(notes.NoteRow, rep, on=form.on.data, source=form.source.data, text=form.text.data)
    notes.write(context.session(), rep, row, on=context.today(), by=context.actor(), at=context.now())


def _goal(rep: Rep, period: Period, form: Any) -> None:
    row = _row(
        goals.GoalRow, rep, period=period.code, text=form.text.data, indicator=form.indicator.data,
        target=form.target.data, unit=form.unit.data, due_on=form.due_on.data,
    )  # fmt: skip
    goals.propose(context.session(), period, rep, row, by=context.actor(), at=context.now())


_WRITERS: dict[str, Callable[[Rep, Period, Any], None]] = {
    "fact": _fact, "event": _event, "note": _note, "goal": _goal,
}  # fmt: skip


class UnfitFields(Refused):
    """Fields of a form that cannot be read; `fields` holds the reasons by field."""

    def __init__(self, fields: dict[str, Refused]) -> None:
        self.fields = fields
        super().__init__("", problems=tuple(fields.values()))


def _row(model: Any, rep: Rep, **cells: str | None) -> Any:
    """The fields as one checked row, read as a file's cells are."""
    try:
        return model(rep=rep.code, **{name: value or "" for name, value in cells.items()})
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise UnfitFields({str(one["loc"][0]): one["ctx"]["error"] for one in wrong}) from None


def _done(rep: str, form: Any, kind: str, write: Callable[[Rep, Period], None]) -> ResponseReturnValue:
    """Write, or show the page again with what is wrong."""
    session = context.session()
    try:
        who, period = place(session, access.visible_reps(), rep, request.args.get("period") or None)
        if form.validate():
            if kind in FORMS and (who.email or "").lower() == context.actor().lower():
                raise AboutOneself(N_("Nobody writes down facts about themselves."))
            write(who, period)
            session.commit()
            return redirect(url_for(".shown", rep=rep, period=period.code, _anchor=kind), code=303)
    except (NotToBeSeen, events.UnknownEvent, goals.UnknownGoal):
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
        "facts/shown.html", page=page, forms=shown, failed=form, failed_kind=kind, own=own, sources=notes.SOURCES
    )
