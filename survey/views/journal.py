"""The journal in the browser: who did what, newest first, and whether every line still follows the one before it."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from survey import access, context, journal

blueprint = Blueprint("journal", __name__)


@blueprint.get("/journal")
@access.permission("read journal")
def lines() -> ResponseReturnValue:
    """A page of the journal; with `verify` in the address, the whole of it is read and judged."""
    words = request.args.get("q", "").replace("\x00", "")
    before = request.args.get("before", type=int)
    return render_template(
        "journal/lines.html",
        lines=journal.lines(context.session(), words=words, before=before if before and before < 2**31 else None),
        verified=journal.verify(context.session()) if "verify" in request.args else None,
        words=words,
    )
