"""The pages of campaigns: for who runs them, from the plan to the last day; for who leads reps, how theirs go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, DecimalField, Field, IntegerField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError
from wtforms.validators import Optional as Blank

from survey import access, campaigns, channels, context, i18n, interviews, invitations, users
from survey.campaigns.progress import progress
from survey.campaigns.rates import DISPOSITIONS
from survey.campaigns.watching import watch
from survey.invitations import by_hand, delivery, reminders
from survey.models.asking import Campaign
from survey.questionnaires import versions
from survey.refusals import N_, Refused
from survey.roster import hearing, periods
from survey.sampling import draw
from survey.sampling.frame import Reach
from survey.worker import jobs

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns")

NEW_PERIOD = ""
USUAL_DAYS = 21


class Between:
    """A number within bounds. The library's own check fails on a number with more digits than a float can hold."""

    def __init__(self, lowest: float, highest: float, message: object) -> None:
        self.lowest, self.highest, self.message = lowest, highest, message

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        try:
            fits = self.lowest <= field.data <= self.highest
        except (ArithmeticError, TypeError):  # no number at all, or one that equals nothing
            fits = False
        if not fits:
            raise ValidationError(self.message)


class CampaignForm(FlaskForm):
    """What a campaign is planned with. Without a chosen period, the three fields of a new one are needed."""

    code = StringField(_("Short name"), validators=[DataRequired(_("Give the campaign a short name."))])
    period = SelectField(_("Period asked about"), validate_choice=False)
    period_code = StringField(_("Name of the new period"), validators=[Blank(), Length(max=40)])
    period_from = DateField(_("Its first day"), validators=[Blank()])
    period_to = DateField(_("Its last day"), validators=[Blank()])
    questionnaire = SelectField(_("Question sheet"))
    opens_on = DateField(_("First day of asking"), validators=[InputRequired(_("Say when the campaign opens."))])
    closes_on = DateField(_("Last day of asking"), validators=[InputRequired(_("Say when the campaign closes."))])
    sample = RadioField(
        _("Who is asked"),
        choices=[
            SelectChoice("all", _("Every customer served")),
            SelectChoice("planned", _("A random sample, as large as it needs to be")),
        ],
    )
    reliability = DecimalField(
        _("Reliability wanted for every rep"),
        validators=[Blank(), Between(0.01, 0.99, _("A reliability lies between 0 and 1, such as 0.8."))],
    )
    rest_days = IntegerField(
        _("Days of rest between campaigns"),
        validators=[InputRequired(_("Say how many days, or 0.")), Between(0, 365, _("From 0 to 365 days."))],
    )


@blueprint.get("")
@access.permission("watch campaigns")
def listed() -> ResponseReturnValue:
    """Every campaign, the latest first."""
    return render_template("campaigns/listed.html", campaigns=campaigns.listed(context.session()))


@blueprint.get("/new")
@access.permission("run campaigns")
def new() -> ResponseReturnValue:
    """The form that plans one."""
    return render_template("campaigns/new.html", form=_form())


@blueprint.post("/new")
@access.permission("run campaigns")
def create() -> ResponseReturnValue:
    """Plan it, and show who would be asked."""
    form = _form()
    if form.validate():
        try:
            planned = _plan(form)
        except Refused as refusal:
            form.form_errors += [i18n.told(problem) for problem in refusal.problems or (refusal,)]
        else:
            context.session().commit()
            return redirect(url_for(".plan", code=planned.code), code=303)
    context.session().rollback()
    return render_template("campaigns/new.html", form=form), 400


def _form() -> CampaignForm:
    known = [period.code for period in periods.listed(context.session())]
    opens = context.today()
    usual = {
        "period": known[0] if known else NEW_PERIOD, "opens_on": opens,
        "closes_on": opens + timedelta(days=USUAL_DAYS - 1), "sample": "all", "reliability": draw.USUAL_RELIABILITY,
        "rest_days": campaigns.USUAL_REST,
    }  # fmt: skip
    form = CampaignForm(data=usual if request.method == "GET" else None)
    form.period.choices = [
        *(SelectChoice(code, code) for code in known), SelectChoice(NEW_PERIOD, _("A new period …")),
    ]  # fmt: skip
    form.questionnaire.choices = [
        SelectChoice(version.sheet.code, version.content["title"][i18n.language()])
        for version in versions.overview(context.session())
    ]
    return form


def _plan(form: CampaignForm) -> Campaign:
    by, at = context.actor(), context.now()
    planned = campaigns.create(
        context.session(), form.code.data.strip(), period=_period(form), questionnaire=form.questionnaire.data,
        opens_on=form.opens_on.data, closes_on=form.closes_on.data, rest_days=form.rest_days.data, by=by, at=at,
    )  # fmt: skip
    if form.sample.data == "planned":
        wanted = float(form.reliability.data or draw.USUAL_RELIABILITY)
        draw.plan_draw(context.session(), planned, reliability=wanted, by=by, at=at)
    return planned


def _period(form: CampaignForm) -> str:
    """The code of the chosen period; a new one is stored first."""
    if form.period.data:
        return str(form.period.data)
    code = (form.period_code.data or "").strip()
    if not (code and form.period_from.data and form.period_to.data):
        raise Refused(N_("Choose a period, or give a new one a name, its first and its last day."))
    return periods.add(
        context.session(), code, from_on=form.period_from.data, to_on=form.period_to.data, by=context.actor(),
        at=context.now(),
    ).code  # fmt: skip


@blueprint.get("/<code>")
@access.permission("run campaigns")
def shown(code: str) -> ResponseReturnValue:
    """A campaign as it goes, live."""
    campaign = _campaign(code)
    return render_template(
        "campaigns/shown.html", campaign=campaign,
        seen=progress(context.session(), campaign, by_hand=channels.by_hand(context.settings())),
        dispositions=DISPOSITIONS, interviewers=users.in_role(context.session(), "interviewer"), now=context.now(),
    )  # fmt: skip


@blueprint.get("/<code>/plan")
@access.permission("run campaigns")
def plan(code: str) -> ResponseReturnValue:
    """Who would be asked now, and what to expect of it."""
    campaign = _campaign(code)
    found = draw.preview(context.session(), campaign, reach=reach(), at=context.now())
    heard = hearing.hearing(context.session(), campaign.period, on=context.today())
    return render_template("campaigns/plan.html", campaign=campaign, found=found, heard=heard)


@blueprint.get("/<code>/reps")
@access.permission("watch campaigns")
def watched(code: str) -> ResponseReturnValue:
    """How a campaign goes for the reps of the person who looks."""
    campaign = _campaign(code)
    seen = watch(context.session(), campaign, access.visible_reps(), at=context.now())
    return render_template("campaigns/watched.html", seen=seen)


@blueprint.post("/<code>/open")
@access.permission("run campaigns")
def open_up(code: str) -> ResponseReturnValue:
    """Let customers be asked and answer: after the reps' own check, or with a stated reason without it."""

    def act(campaign: Campaign) -> str:
        why = hearing.stated(context.session(), campaign.period, request.form.get("unchecked", ""))
        campaigns.open_up(context.session(), campaign, unchecked=why, by=context.actor(), at=context.now())
        return str(gettext("The campaign is open. Nobody has been asked yet: send the invitations when you are ready."))

    return _done(code, act, "campaigns.plan")


@blueprint.post("/<code>/send")
@access.permission("run campaigns")
def send(code: str) -> ResponseReturnValue:
    """Ask everybody the plan names."""

    def act(campaign: Campaign) -> str:
        done = invitations.invite(context.session(), campaign, reach=reach(), by=context.actor(), at=context.now())
        said = gettext("%(count)s people are being asked. Their mail leaves within minutes.", count=done.invited)
        return str(said) + _and_by_hand(campaign)

    return _done(code, act, "campaigns.shown", wake=True)


@blueprint.post("/<code>/calls")
@access.permission("run campaigns")
def hand_out(code: str) -> ResponseReturnValue:
    """Share out whoever can be called and has not answered among the chosen interviewers."""

    def act(campaign: Campaign) -> str:
        chosen = request.form.getlist("to")
        if not chosen:
            raise Refused(N_("Choose at least one interviewer."))
        callers = interviews.interviewers(context.session(), chosen)
        shared = interviews.hand_out(context.session(), campaign, callers, by=context.actor(), at=context.now())
        return str(gettext("%(count)s people to call were handed out.", count=shared))

    return _done(code, act, "campaigns.shown")


@blueprint.post("/<code>/remind")
@access.permission("run campaigns")
def remind(code: str) -> ResponseReturnValue:
    """Remind everybody who has not answered, now rather than by schedule."""

    def act(campaign: Campaign) -> str:
        done = reminders.remind(context.session(), campaign, by=context.actor(), at=context.now())
        return str(gettext("%(count)s people are being reminded.", count=done.reminded)) + _and_by_hand(campaign)

    return _done(code, act, "campaigns.shown", wake=True)


def _and_by_hand(campaign: Campaign) -> str:
    """What does not leave by itself."""
    waits = by_hand.waiting_by_campaign(context.session(), at=context.now()).get(campaign.code, 0)
    if not (waits and channels.by_hand(context.settings())):
        return ""
    said = ngettext(
        "%(num)s message goes by WeChat and waits to be sent by hand.",
        "%(num)s messages go by WeChat and wait to be sent by hand.", waits,
    )  # fmt: skip
    return f" {said}"


@blueprint.post("/<code>/pause")
@access.permission("run campaigns")
def pause(code: str) -> ResponseReturnValue:
    """Send nothing more for now."""

    def act(campaign: Campaign) -> str:
        delivery.pause(context.session(), campaign, by=context.actor(), at=context.now())
        return str(gettext("Sending is paused. Links already sent still take answers."))

    return _done(code, act, "campaigns.shown")


@blueprint.post("/<code>/resume")
@access.permission("run campaigns")
def resume(code: str) -> ResponseReturnValue:
    """Go on sending."""

    def act(campaign: Campaign) -> str:
        delivery.resume(context.session(), campaign, by=context.actor(), at=context.now())
        return str(gettext("Sending goes on."))

    return _done(code, act, "campaigns.shown", wake=True)


@blueprint.post("/<code>/close")
@access.permission("run campaigns")
def close(code: str) -> ResponseReturnValue:
    """End it for good."""

    def act(campaign: Campaign) -> str:
        campaigns.close(context.session(), campaign, by=context.actor(), at=context.now())
        return str(gettext("The campaign is closed."))

    return _done(code, act, "campaigns.shown")


def _done(code: str, act: Callable[[Campaign], str], endpoint: str, *, wake: bool = False) -> ResponseReturnValue:
    """Do one thing to a campaign and say what came of it; `wake` the workers when something is to be sent."""
    campaign = _campaign(code)
    try:
        said = act(campaign)
    except Refused as refusal:
        context.session().rollback()
        flash(i18n.told(refusal), "error")
    else:
        context.session().commit()
        if wake:
            jobs.wake()
        flash(said)
    return redirect(url_for(endpoint, code=code), code=303)


def reach() -> Reach:
    """The channels this installation has."""
    return channels.reach(channels.ways(context.settings()))


def _campaign(code: str) -> Campaign:
    try:
        return campaigns.named(context.session(), code)
    except campaigns.UnknownCampaign:
        abort(404)
