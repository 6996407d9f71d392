"""The forms of the pages of facts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from survey.indicators import diagnoses, notes, provisions
from survey.plans import OUTCOMES

LONGEST = Length(max=4000)
POINTS = [SelectChoice(str(point)) for point in range(1, 6)]
NO_OR_YES = [SelectChoice("no", _("No")), SelectChoice("yes", _("Yes"))]


class FactForm(FlaskForm):
    """One measured indicator; a stored one is corrected, with a reason."""

    indicator = StringField(_("Indicator (code or name)"))
    value = StringField(_("Actual"))
    target = StringField(_("Target"))
    missing = SelectField(
        _("If there is no value, why"),
        default="",
        choices=[
            SelectChoice("", _("there is a value")), SelectChoice("not_applicable", _("not applicable")),
            SelectChoice("not_measured", _("not measured by the company")),
            SelectChoice("withheld_by_rep", _("not handed in by the rep: counts as 0")),
        ],
    )  # fmt: skip
    approved_by = StringField(_("Approved by"))
    source = StringField(_("Source"))
    evidence = StringField(_("Evidence"))
    note = TextAreaField(_("Note"), validators=[LONGEST])
    reason = StringField(_("Reason for a correction"))


class EventForm(FlaskForm):
    """One event that costs points."""

    category = StringField(_("Category (code or name)"))
    on = StringField(_("Date"), render_kw={"type": "date"})
    points = StringField(_("Points it costs"))
    multiplier = StringField(_("Counts times"))
    expires_on = StringField(_("Expires on"), render_kw={"type": "date"})
    fact = TextAreaField(_("What happened"), validators=[LONGEST])
    evidence = StringField(_("Evidence"))
    in_survey = SelectField(
        _("Do customers’ ratings already show it?"),
        choices=NO_OR_YES,
        default="no",
    )
    reason = StringField(_("Reason for a correction"))


class VisitForm(FlaskForm):
    """One call on a customer, or on somebody who is none yet; accompanied or not."""

    customer = StringField(_("Customer (code, or a name)"))
    on = StringField(_("Date"), render_kw={"type": "date"})
    first = SelectField(_("Not a customer yet?"), choices=NO_OR_YES, default="no")
    purpose = StringField(_("Purpose"))
    need = StringField(_("Need or problem recorded"))
    help = StringField(_("What was done for them"))
    occasion = StringField(_("Occasion of a greeting"))
    accompanied_by = StringField(_("Accompanied by"))
    evidence = StringField(_("Evidence"))


class StageForm(FlaskForm):
    """One stage of a long project; a stored one is corrected, with a reason."""

    code = StringField(_("Project (code)"))
    name = StringField(_("Name of the project"))
    importance = StringField(_("Importance (1 is usual)"))
    stage = StringField(_("Stage"))
    weight = StringField(_("Weight"))
    planned_on = StringField(_("Planned for"), render_kw={"type": "date"})
    done = StringField(_("Done, in per cent"))
    done_on = StringField(_("Done on"), render_kw={"type": "date"})
    evidence = StringField(_("Evidence"))
    removed = StringField(_("Why it is no longer asked for"))
    approved_by = StringField(_("Approved by"))
    reason = StringField(_("Reason for a correction"))


class NoteForm(FlaskForm):
    """Something seen or heard; the rep reads it."""

    on = StringField(_("Date"), render_kw={"type": "date"})
    source = SelectField(_("Source"), choices=[SelectChoice(source) for source in notes.SOURCES])
    text = TextAreaField(_("Note"), validators=[LONGEST])
    indicator = StringField(_("Indicator it is about"))
    evidence = StringField(_("Evidence"))
    customer = StringField(_("Customer visited together"))
    well = StringField(_("What went well"))
    better = StringField(_("What could be better"))
    agreed = StringField(_("What was agreed on"))


class ProvisionForm(FlaskForm):
    """A training or a resource, owed to a rep or given."""

    kind = SelectField(_("Kind"), choices=[SelectChoice(kind) for kind in provisions.KINDS])
    what = StringField(_("What it is"))
    due_on = StringField(_("Due on"), render_kw={"type": "date"})
    done_on = StringField(_("Given on"), render_kw={"type": "date"})
    hours = StringField(_("Hours"))
    result = StringField(_("Result"))
    given_by = StringField(_("Given by"))


class GivenForm(FlaskForm):
    """When the company gave what it owed."""

    done_on = StringField(_("Given on"), render_kw={"type": "date"})
    result = StringField(_("Result"))
    reason = StringField(_("Reason for a correction"))


class SummaryForm(FlaskForm):
    """What a rep says of their own period."""

    reached = TextAreaField(_("What I reached"), validators=[Length(max=300)])
    hard = TextAreaField(_("What was hard"), validators=[Length(max=300)])
    better = TextAreaField(_("What I want to do better, and what would help"), validators=[Length(max=300)])
    send = SelectField(choices=[SelectChoice("no"), SelectChoice("yes")], default="no")


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


class PlanForm(FlaskForm):
    """One item of an improvement plan, for the rep to agree to."""

    item = StringField(_("What is to improve"))
    measure = StringField(_("What is done"))
    support = StringField(_("What the company does"))
    support_by = StringField(_("Who of the company does it"))
    support_due_on = StringField(_("The company’s part is due on"), render_kw={"type": "date"})
    starts_on = StringField(_("From"), render_kw={"type": "date"})
    due_on = StringField(_("Until"), render_kw={"type": "date"})
    reviews = StringField(_("Looked at on"))
    metric = StringField(_("Measured by"))
    reward = StringField(_("Reward"))
    need = SelectField(_("How much the company needs it"), choices=POINTS, default="3")
    quick = SelectField(_("How soon it shows"), choices=POINTS, default="3")
    payoff = SelectField(_("What it returns for time, effort and money"), choices=POINTS, default="3")


class AnswerForm(FlaskForm):
    """How far the rep agrees to an item of their plan."""

    consent = IntegerField(_("How far do you agree?"))


class FollowedForm(FlaskForm):
    """What became of an item of a plan."""

    support_given_on = StringField(_("The company gave its part on"), render_kw={"type": "date"})
    outcome = SelectField(_("What came of it"), choices=[SelectChoice(""), *map(SelectChoice, OUTCOMES)], default="")
    outcome_note = TextAreaField(_("What it shows in"), validators=[LONGEST])
    reason = StringField(_("Reason for a correction"))


class ReachedForm(FlaskForm):
    """How much of a goal was reached."""

    done = StringField(_("Reached"))
    reason = StringField(_("Reason for a correction"))


class CausesForm(FlaskForm):
    """Why customers were lost, as the manager found it."""

    causes = SelectMultipleField(_("Causes"), choices=[SelectChoice(code) for code in diagnoses.CAUSES])
    finding = TextAreaField(_("What you found"), validators=[LONGEST])


class ExemptionForm(FlaskForm):
    """How many of the losses the company caused, for a reviewer."""

    exempted = IntegerField(_("Not counted against the rep"))
    reason = TextAreaField(_("Reason"), validators=[LONGEST])


FORMS: dict[str, type[FlaskForm]] = {
    "fact": FactForm, "event": EventForm, "note": NoteForm, "goal": GoalForm, "visit": VisitForm, "stage": StageForm,
    "plan": PlanForm, "provision": ProvisionForm,
}  # fmt: skip
