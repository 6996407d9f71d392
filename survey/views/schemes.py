"""The pages of schemes: which there are, what each one says and who says so, and the form to adopt one."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from scoring.rules import RULES
from scoring.scheme.lines import GROUPS
from survey import access, context, i18n, schemes
from survey.refusals import Refused
from survey.schemes import UnknownScheme

blueprint = Blueprint("schemes", __name__)


class AdoptForm(FlaskForm):
    """Nothing but the token: adopting takes the scheme as it is shown."""


@blueprint.get("/schemes")
@access.permission("read schemes")
def listed() -> ResponseReturnValue:
    """Every scheme, by name."""
    return render_template("schemes/listed.html", rows=schemes.listed(context.session()))


@blueprint.get("/schemes/<name>")
@access.permission("read schemes")
def shown(name: str) -> ResponseReturnValue:
    """One scheme: what its source states and what is our default."""
    return render_template("schemes/shown.html", page=_page(name), form=AdoptForm(), rules=RULES, groups=GROUPS)


@blueprint.post("/schemes/<name>")
@access.permission("adopt schemes")
def adopt(name: str) -> ResponseReturnValue:
    """A named person makes it the company's own."""
    page = _page(name)
    if AdoptForm().validate():
        session = context.session()
        try:
            row = schemes.adopt(session, schemes.text_of(session, name), by=context.actor(), at=context.now())
        except Refused as refusal:
            session.rollback()
            flash(i18n.told(refusal), "error")
        else:
            session.commit()
            flash(gettext("Version %(version)s is adopted and frozen.", version=row.version), "done")
            return redirect(url_for(".shown", name=name), code=303)
    return render_template("schemes/shown.html", page=page, form=AdoptForm(), rules=RULES, groups=GROUPS), 400


def _page(name: str) -> schemes.SchemePage:
    try:
        return schemes.page(context.session(), name)
    except UnknownScheme:
        abort(404)
