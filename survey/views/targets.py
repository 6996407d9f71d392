"""Fair targets: what a plan comes to in every territory and for every rep, with its grounds; a reviewer stores it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from survey import access, context, i18n
from survey.indicators import targets
from survey.indicators.targets import Proposal
from survey.indicators.targets.sharing import CALLED, INDEX, Terms, UnfitWeights, weights_of
from survey.intake import cells
from survey.intake.cells import UnfitCell
from survey.refusals import Refused
from survey.roster import periods
from survey.views.campaigns import Between

blueprint = Blueprint("targets", __name__, url_prefix="/targets")

_WHOLE = _("Give a whole number from 0 to 100.")
SHARE = (InputRequired(_WHOLE), Between(0, 100, _WHOLE))


class TermsForm(FlaskForm):
    """What was agreed. A proposal is asked for by address, so that it can be looked at again and sent to others."""

    period = SelectField(_("Period of the targets"))
    indicator = SelectField(_("Indicator"))
    base = SelectField(_("Period whose results are looked at"))
    plan = StringField(_("What all reps together are to reach"), validators=[Length(max=40)])
    blend = IntegerField(_("How far the computed target counts beside the agreed one, in per cent"), validators=SHARE)
    limit = IntegerField(_("The most it may change the agreed one, in per cent"), validators=SHARE)
    weights = StringField(_("Weights of an agreed index"), validators=[Length(max=200)])

    def validate_plan(self, field: StringField) -> None:
        try:
            above_zero = cells.number(cells.on_one_line(field.data or "")) > 0
        except UnfitCell as refusal:
            raise ValidationError(i18n.told(refusal)) from None
        if not above_zero:
            raise ValidationError(gettext("This number must be above zero."))

    def validate_weights(self, field: StringField) -> None:
        try:
            weights_of(field.data or "")
        except UnfitWeights as refusal:
            raise ValidationError(i18n.told(refusal)) from None

    @property
    def terms(self) -> Terms:
        """What a valid form says."""
        return Terms(
            plan=cells.number(cells.on_one_line(self.plan.data or "")), base=self.base.data,
            weights=weights_of(self.weights.data or ""), blend=(self.blend.data or 0) / 100,
            limit=(self.limit.data or 0) / 100,
        )  # fmt: skip


@blueprint.get("")
@access.permission("set targets")
def shown() -> ResponseReturnValue:
    """The terms, what they come to once they were given, and what is stored. Looking stores nothing."""
    if "plan" not in request.args:
        return _page(_fresh(request.args.get("period", "")))
    form, proposal = _with_choices(TermsForm(formdata=request.args, meta={"csrf": False})), None
    if form.validate():
        try:
            proposal = targets.propose(context.session(), form.period.data, form.indicator.data, form.terms)
        except Refused as refusal:
            form.form_errors.append(_told(refusal))
    return _page(form, proposal), 200 if proposal else 400


@blueprint.post("")
@access.permission("set targets")
def store() -> ResponseReturnValue:
    """Compute the same once more, and store it."""
    form = _with_choices(TermsForm())
    if not form.validate():
        return _page(form), 400
    try:
        kept = targets.set_targets(
            context.session(), form.period.data, form.indicator.data, form.terms, by=context.actor(), at=context.now()
        )
    except Refused as refusal:
        context.session().rollback()
        form.form_errors.append(_told(refusal))
        return _page(form), 400
    context.session().commit()
    flash(gettext("The targets of %(count)s reps are stored.", count=len(kept)), "done")
    return redirect(url_for(".shown", period=form.period.data, _anchor="stored"), code=303)


def _fresh(period: str) -> TermsForm:
    """For the latest period, by the results of the one before it."""
    codes = [one.code for one in periods.listed(context.session())]
    of = period if period in codes else next(iter(codes), "")
    before = codes[codes.index(of) + 1 :] if of else []
    default = Terms(plan=0, base="")
    blend, limit = round(100 * default.blend), round(100 * default.limit)
    return _with_choices(
        TermsForm(formdata=None, period=of, base=next(iter(before), of), blend=blend, limit=limit)
    )  # fmt: skip


def _with_choices(form: TermsForm) -> TermsForm:
    codes = [one.code for one in periods.listed(context.session())]
    form.period.choices, form.base.choices = codes, codes
    form.indicator.choices = list(targets.measured(context.session()))
    return form


def _page(form: TermsForm, proposal: Proposal | None = None) -> str:
    known = {code for code in form.period.choices or () if code == form.period.data}
    stored = [row for code in known for row in targets.listed(context.session(), code)]
    return render_template(
        "targets/shown.html", form=form, proposal=proposal, stored=stored, told=_told,
        index=",".join(f"{_called(name)}={weight:g}" for name, weight in INDEX.items()),
        names=[_called(name) for name in CALLED if name not in INDEX],
    )  # fmt: skip


def _told(refusal: Refused) -> str:
    """A refusal with its measures as they may be written here."""
    measures = {
        name: gettext(", ").join(_called(one) for one in str(value).split(", "))
        for name, value in refusal.values.items()
        if name in ("measure", "measures")
    }
    return i18n.told(Refused(refusal.sentence, **{**refusal.values, **measures}))


def _called(measure: str) -> str:
    """A measure as it may be written here."""
    return CALLED.get(measure, measure) if i18n.language() == "zh" else measure
