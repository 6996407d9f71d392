"""Customers who agreed to be contacted about a rep, for the rep's manager: whom to call, and what came of it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import TextAreaField

from survey import access, context, follow_ups, i18n
from survey.follow_ups import UnknownFollowUp
from survey.questionnaires.sheet import LONGEST_TEXT
from survey.refusals import Refused

blueprint = Blueprint("follow_ups", __name__)


class DoneForm(FlaskForm):
    """What came of one task."""

    what_happened = TextAreaField(_("What happened"))


@blueprint.get("/follow-ups")
@access.permission("follow up")
def listed() -> ResponseReturnValue:
    """What is to be done, what is done, and how much is coming."""
    return _page(DoneForm())


@blueprint.post("/follow-ups/<int:task_id>")
@access.permission("follow up")
def done(task_id: int) -> ResponseReturnValue:
    """Close one task."""
    form = DoneForm()
    try:
        follow_ups.finish(
            context.session(), task_id, access.visible_reps(), what_happened=form.what_happened.data or "",
            by=context.actor(), at=context.now(),
        )  # fmt: skip
    except UnknownFollowUp:
        abort(404)
    except Refused as refusal:
        return _page(form, wrong=task_id, problem=i18n.told(refusal)), 400
    context.session().commit()
    return redirect(url_for(".listed"), 303)


def _page(form: DoneForm, wrong: int | None = None, problem: str = "") -> str:
    tasks = follow_ups.tasks(
        context.session(), access.visible_reps(), reader=context.actor(), at=context.now()
    )  # fmt: skip
    return render_template(
        "follow_ups/listed.html", tasks=tasks, form=form, wrong=wrong, problem=problem, longest=LONGEST_TEXT
    )
