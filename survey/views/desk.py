"""The administrator's desk: the state of things, and what comes next."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from survey import access, context
from survey.dashboards import desk as room

blueprint = Blueprint("desk", __name__)


@blueprint.get("/desk")
@access.permission("keep settings")
def shown() -> ResponseReturnValue:
    """The steps of an installation in their order, the next one first of all."""
    told = context.settings()
    reaches = told.is_demo or (told.sends_mail and told.base_url.startswith("https://"))
    return render_template(
        "desk/shown.html", desk=room.desk(context.session(), on=context.today(), reaches_people=reaches)
    )  # fmt: skip
