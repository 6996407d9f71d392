"""How well the installation is: the doctor's findings in words."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from survey import access, health, nameserver

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@access.permission("keep settings")
def shown() -> ResponseReturnValue:
    """Every finding: what was seen, and what to do where something is wrong."""
    texts = current_app.config.get("NAMESERVER", nameserver.texts)
    return render_template("health/shown.html", findings=health.findings(texts), said=_said)


def _said(words: health.Words) -> str:
    return str(gettext(words.sentence, **words.values)) if words.sentence else ""
