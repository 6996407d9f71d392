"""The reps' own check of their assignments, and the decisions on what they object to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from survey import access, context, i18n
from survey.dashboards.due import due
from survey.refusals import Refused
from survey.roster import checks, periods
from survey.roster.hearing import LONGEST_REASON, hearing
from survey.worker import jobs

blueprint = Blueprint("checking", __name__)


@blueprint.get("/my-customers")
@access.permission("check assignments")
def mine() -> ResponseReturnValue:
    """A rep's own assignments, period by period, with what they said and what was decided."""
    return _mine()


@blueprint.post("/my-customers/<int:check>/objection")
@access.permission("check assignments")
def say(check: int) -> ResponseReturnValue:
    """A rep objects to an assignment, or says that one is missing."""
    said = partial(
        checks.object_to, assignment_id=request.form.get("assignment", type=int), reason=request.form.get("reason", "")
    )
    return _said(
        check, said, gettext("Thank you. Somebody other than your manager decides, and you read the decision here.")
    )


@blueprint.post("/my-customers/<int:check>/right")
@access.permission("check assignments")
def confirm(check: int) -> ResponseReturnValue:
    """A rep has looked through their assignments and found them right."""
    thanks = gettext("Thank you. Should you find a mistake after all, object while the list is open.")
    return _said(check, checks.confirm, thanks)


def _said(check: int, said: Callable[..., object], thanks: str) -> ResponseReturnValue:
    """What a rep says of the list they were asked about is kept, and they are thanked; or the list comes back."""
    try:
        said(context.session(), check, on=context.today(), by=context.actor(), at=context.now())
    except checks.UnknownObjection:
        abort(404)
    except Refused as refusal:
        context.session().rollback()
        return _mine(i18n.told(refusal)), 400
    context.session().commit()
    flash(thanks, "done")
    return redirect(url_for(".mine"), code=303)


@blueprint.get("/objections")
@access.permission("decide objections")
def listed() -> ResponseReturnValue:
    """What reps object to, and the form that asks them."""
    return _listed()


@blueprint.post("/objections/ask")
@access.permission("keep roster")
def ask() -> ResponseReturnValue:
    """Ask the reps to look through the assignments of a period; then back to the campaign it was asked for, if any."""
    try:
        checks.ask(
            context.session(), request.form.get("period", ""), on=context.today(), by=context.actor(), at=context.now()
        )
    except periods.UnknownPeriod:
        abort(404)
    except Refused as refusal:
        context.session().rollback()
        return _listed(i18n.told(refusal)), 400
    context.session().commit()
    jobs.wake()
    if campaign := request.form.get("campaign"):
        flash(gettext("The reps are asked, and whoever can sign in gets a letter."))
        return redirect(url_for("campaigns.plan", code=campaign), code=303)
    return redirect(url_for(".listed"), code=303)


@blueprint.post("/objections/<int:number>")
@access.permission("decide objections")
def decide(number: int) -> ResponseReturnValue:
    """Say who is right, and why."""
    try:
        checks.decide(
            context.session(), number, request.form.get("verdict", ""), reason=request.form.get("reason", ""),
            on=context.today(), by=context.actor(), at=context.now(),
        )  # fmt: skip
    except checks.UnknownObjection:
        abort(404)
    except Refused as refusal:
        context.session().rollback()
        return _listed(i18n.told(refusal)), 400
    context.session().commit()
    return redirect(url_for(".listed"), code=303)


def _mine(problem: str = "") -> str:
    current, today = context.session(), context.today()
    held = checks.held(current, context.actor(), on=today)
    return render_template(
        "checking/mine.html", held=held, due=due(current, access.own_reps(), on=today), problem=problem,
        longest=LONGEST_REASON,
    )  # fmt: skip


def _listed(problem: str = "") -> str:
    current = context.session()
    asked = [(check, hearing(current, check.period, on=context.today())) for check in checks.asked(current)]
    return render_template(
        "checking/listed.html", objections=checks.objections(current), asked=asked,
        periods=checks.unasked_periods(current), problem=problem, longest=LONGEST_REASON,
    )  # fmt: skip
