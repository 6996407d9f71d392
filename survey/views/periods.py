"""A period from its answers to its papers: have it scored, its appraisals drawn up, all of them printed.

The pages only ask; a worker does it (`worker.orders`), and the same page says how far it is.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from survey import access, context, i18n, orders
from survey.models.company import Period
from survey.models.orders import WorkOrder
from survey.orders.page import PeriodPage, period_page, shipped_spec, spec_before
from survey.refusals import N_, Refused
from survey.roster import periods
from survey.worker.orders import archive_of

blueprint = Blueprint("periods", __name__, url_prefix="/periods")

SHIPPED, OWN, FILE = "shipped", "own", "file"


class NoSpec(Refused):
    pass


class PeriodForm(FlaskForm):
    """A period: what it is called, its first and its last day."""

    code = StringField(
        _("Name of the period"), validators=[InputRequired(_("Give the period a name.")), Length(max=40)]
    )
    from_on = DateField(_("First day"), validators=[InputRequired(_("Say when it begins."))])
    to_on = DateField(_("Last day"), validators=[InputRequired(_("Say when it ends."))])


class ScoreForm(FlaskForm):
    """By which spec to score: the one that ships, the company's own of last time, or a file."""

    spec = RadioField(
        _("What is adjusted for"),
        choices=[
            SelectChoice(SHIPPED, _("What this version ships with")),
            SelectChoice(OWN, _("The company’s own, as last time")),
            SelectChoice(FILE, _("The company’s own, from a file")),
        ],
        default=SHIPPED,
    )
    file = FileField(_("Spec (TOML)"))


class AppraiseForm(FlaskForm):
    """Under which adopted scheme, and whether only as drafts."""

    scheme = SelectField(_("Scheme"))
    draft = BooleanField(_("Only as drafts"))


class PrintForm(FlaskForm):
    language = RadioField(
        _("Language"),
        choices=[
            SelectChoice("zh", "中文"),
            SelectChoice("en", "English"),
            SelectChoice(i18n.BOTH, _("Chinese and English")),
        ],
    )


@blueprint.get("")
@access.permission("score periods")
def listed() -> ResponseReturnValue:
    """Every period, the latest first, and the form of a new one."""
    return _listed(PeriodForm())


@blueprint.post("")
@access.permission("score periods")
def add() -> ResponseReturnValue:
    """Store a period."""
    form = PeriodForm()
    if not form.validate():
        return _listed(form), 400
    try:
        period = periods.add(
            context.session(), (form.code.data or "").strip(), from_on=form.from_on.data, to_on=form.to_on.data,
            by=context.actor(), at=context.now(),
        )  # fmt: skip
    except Refused as refusal:
        context.session().rollback()
        form.form_errors.append(i18n.told(refusal))
        return _listed(form), 400
    context.session().commit()
    return redirect(url_for(".shown", number=period.id), code=303)


def _listed(form: PeriodForm) -> str:
    return render_template("periods/listed.html", form=form, periods=periods.listed(context.session()))


@blueprint.get("/<int:number>")
@access.permission("score periods")
def shown(number: int) -> ResponseReturnValue:
    """How far a period is, and what may be asked for next."""
    return _page(_period(number))


@blueprint.post("/<int:number>/score")
@access.permission("score periods")
def score(number: int) -> ResponseReturnValue:
    """Have it scored."""
    period, form = _period(number), ScoreForm()

    def ask() -> None:
        orders.score(context.session(), period, _spec(period, form), by=context.actor(), at=context.now())

    return _asked(period, form, ask)


@blueprint.post("/<int:number>/appraise")
@access.permission("score periods")
def appraise(number: int) -> ResponseReturnValue:
    """Have its appraisals drawn up."""
    period, form = _period(number), AppraiseForm()
    form.scheme.choices = _schemes(period_page(context.session(), period))

    def ask() -> None:
        orders.appraise(
            context.session(), period, form.scheme.data, draft=bool(form.draft.data), by=context.actor(),
            at=context.now(),
        )  # fmt: skip

    return _asked(period, form, ask)


@blueprint.post("/<int:number>/print")
@access.permission("sign appraisals")
def print_all(number: int) -> ResponseReturnValue:
    """Have all its appraisals printed."""
    period, form = _period(number), PrintForm()

    def ask() -> None:
        orders.print_all(context.session(), period, form.language.data, by=context.actor(), at=context.now())

    return _asked(period, form, ask)


@blueprint.get("/<int:number>/papers/<int:order>.zip")
@access.permission("sign appraisals")
def papers(number: int, order: int) -> ResponseReturnValue:
    """What was printed, in one archive."""
    period = _period(number)
    done = next((one for one in orders.of_period(context.session(), period) if one.id == order), None)
    if done is None or not lies_ready(done):
        abort(404)
    name = f"appraisals-{period.code}.{done.told['language']}.zip"
    return send_file(archive_of(order), mimetype="application/zip", as_attachment=True, download_name=name)


def lies_ready(order: WorkOrder) -> bool:
    """Is its archive still there?"""
    return order.kind == "print" and order.state == "done" and archive_of(order.id).exists()


def _asked(period: Period, form: FlaskForm, ask: Callable[[], None]) -> ResponseReturnValue:
    """Ask a worker for something, or show the page again with what is wrong."""
    if form.validate():
        try:
            ask()
        except Refused as refusal:
            form.form_errors += [i18n.told(one) for one in (refusal.problems or (refusal,))]
        else:
            context.session().commit()
            flash(gettext("It is being done. This page says how far it is."))
            return redirect(url_for(".shown", number=period.id), code=303)
    context.session().rollback()
    return _page(_period(period.id), form), 400


def _spec(period: Period, form: ScoreForm) -> str:
    """The text of the spec that was chosen. Raises NoSpec."""
    if form.spec.data == FILE:
        content = form.file.data.read(orders.LARGEST_SPEC + 1) if form.file.data else b""
        if not content or len(content) > orders.LARGEST_SPEC:
            raise NoSpec(N_("Choose a spec: a TOML file of at most 64 kB."))
        try:
            return str(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise NoSpec(N_("The spec is not UTF-8 text. Save it as UTF-8.")) from None
    own = spec_before(context.session(), period) if form.spec.data == OWN else None
    return own or shipped_spec()


def _page(period: Period, failed: FlaskForm | None = None) -> str:
    page = period_page(context.session(), period)
    scoring = failed if isinstance(failed, ScoreForm) else _fresh_score(page)
    drawing = failed if isinstance(failed, AppraiseForm) else AppraiseForm(formdata=None)
    printing = failed if isinstance(failed, PrintForm) else PrintForm(formdata=None, language=i18n.language())
    drawing.scheme.choices = _schemes(page)
    if not page.own_spec:
        scoring.spec.choices = [one for one in scoring.spec.choices if one.value != OWN]
    forms = {"score": scoring, "appraise": drawing, "print": printing}
    return render_template(
        "periods/shown.html", page=page, forms=forms, failed=failed, ready=lies_ready, kept=orders.KEPT
    )


def _fresh_score(page: PeriodPage) -> ScoreForm:
    return ScoreForm(formdata=None, spec=OWN if page.own_spec else SHIPPED)


def _schemes(page: PeriodPage) -> list[SelectChoice]:
    zh = i18n.language() == "zh"
    return [SelectChoice(one.name, one.title_zh if zh else one.title_en) for one in page.adopted]


def _period(number: int) -> Period:
    try:
        return periods.numbered(context.session(), number)
    except periods.UnknownPeriod:
        abort(404)
