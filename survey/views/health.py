"""How well the installation is: the doctor's findings in words, and its backups."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, gettext

from survey import access, context, health, i18n, nameserver, orders
from survey.backups import latest
from survey.refusals import Refused

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@access.permission("keep settings")
def shown() -> ResponseReturnValue:
    """Every finding: what was seen, and what to do where something is wrong."""
    texts = current_app.config.get("NAMESERVER", nameserver.texts)
    current = context.session()
    return render_template(
        "health/shown.html", findings=health.findings(texts), said=_said, told=context.settings(),
        backup=latest.last(current), order=orders.newest(current, "backup"),
    )  # fmt: skip


@blueprint.post("/health/backup")
@access.permission("keep settings")
def back_up() -> ResponseReturnValue:
    """Have a backup taken now, beside those of the nights."""
    if context.settings().backup_dir is None:
        flash(gettext("Set BACKUP_DIR to a directory on the server, and start the worker again."), "error")
        return redirect(url_for(".shown"), code=303)
    try:
        orders.back_up(context.session(), by=context.actor(), at=context.now())
    except Refused as refusal:
        context.session().rollback()
        flash(i18n.told(refusal), "error")
    else:
        context.session().commit()
        flash(gettext("It is being done. This page says how far it is."))
    return redirect(url_for(".shown"), code=303)


def _said(words: health.Words) -> str:
    if not words.sentence:
        return ""
    return str(gettext(words.sentence, **{name: _shown(value) for name, value in words.values.items()}))


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_datetime(value, "short")
    return _said(value) if isinstance(value, health.Words) else value
