"""The journal in the browser: who did what, newest first, and whether every line still follows the one before it."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from survey import access, context, journal
from survey.refusals import N_

blueprint = Blueprint("journal", __name__)

DEEDS = (
    N_("address corrected"),
    N_("addresses changed"),
    N_("appraisal drawn up"),
    N_("appraisal finalised"),
    N_("appraise asked for"),
    N_("assignment objected to"),
    N_("assignments confirmed"),
    N_("assignments to be checked"),
    N_("backed up"),
    N_("backup asked for"),
    N_("campaign closed"),
    N_("campaign created"),
    N_("campaign opened"),
    N_("company set"),
    N_("customer erased"),
    N_("customers handed over"),
    N_("customers invited"),
    N_("customers reminded"),
    N_("diagnosis answered"),
    N_("diagnosis approved"),
    N_("diagnosis opened"),
    N_("event confirmed"),
    N_("event entered"),
    N_("event overturned"),
    N_("event replied to"),
    N_("exclusion accepted"),
    N_("exclusion proposed"),
    N_("exclusion refused"),
    N_("fact entered"),
    N_("first run"),
    N_("follow-up done"),
    N_("goal accepted"),
    N_("goal proposed"),
    N_("goal reached"),
    N_("import undone"),
    N_("imported"),
    N_("interviews handed out"),
    N_("invitation revoked"),
    N_("invitation sent again"),
    N_("links printed"),
    N_("logo set"),
    N_("logo taken away"),
    N_("mapping saved"),
    N_("message not delivered by hand"),
    N_("message sent by hand"),
    N_("message written by hand"),
    N_("note replied to"),
    N_("note written"),
    N_("objection decided"),
    N_("password changed"),
    N_("password chosen"),
    N_("period added"),
    N_("period scored"),
    N_("plan item agreed to"),
    N_("plan item followed up"),
    N_("plan item written"),
    N_("print asked for"),
    N_("provision given"),
    N_("provision written"),
    N_("questionnaire saved"),
    N_("questionnaire test sent"),
    N_("recovery code used"),
    N_("recovery codes renewed"),
    N_("rep left"),
    N_("rep stays"),
    N_("restored"),
    N_("roles changed"),
    N_("sample drawn"),
    N_("sample planned"),
    N_("scheme adopted"),
    N_("score asked for"),
    N_("second factor set up"),
    N_("second factor taken away"),
    N_("self-summary sent"),
    N_("sending paused"),
    N_("sending resumed"),
    N_("sessions ended"),
    N_("stage entered"),
    N_("targets set"),
    N_("user activated"),
    N_("user created"),
    N_("user deactivated"),
    N_("user invited"),
    N_("user renamed"),
    N_("visit entered"),
)
"""Every deed the journal records, in the words it is stored in: pages say them in the reader's language."""


@blueprint.get("/journal")
@access.permission("read journal")
def lines() -> ResponseReturnValue:
    """A page of the journal; with `verify` in the address, the whole of it is read and judged."""
    words = request.args.get("q", "").replace("\x00", "")
    before = request.args.get("before", type=int)
    meant = [deed for deed in DEEDS if words.strip() and words.strip().lower() in gettext(deed).lower()]
    return render_template(
        "journal/lines.html",
        lines=journal.lines(
            context.session(), words=words, meant=meant, before=before if before and before < 2**31 else None
        ),
        verified=journal.verify(context.session()) if "verify" in request.args else None,
        words=words,
        deeds=frozenset(DEEDS),
    )
