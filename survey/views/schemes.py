"""The pages of schemes: which there are, what each one says and who says so, a company's own from a file, and the form
to adopt one."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField
from wtforms.validators import InputRequired

from scoring.rules import RULES
from scoring.scheme.lines import GROUPS
from survey import access, context, i18n, schemes
from survey.refusals import Refused
from survey.schemes import SchemeNotUsable, SchemePage, UnknownScheme

blueprint = Blueprint("schemes", __name__)

MOST_MISTAKES_SHOWN = 100


class FileForm(FlaskForm):
    """A scheme as a TOML file."""

    file = FileField(_("TOML file"), validators=[FileRequired(_("Choose a file."))])


class AdoptForm(FlaskForm):
    """The text of the scheme that stood on the page: adopting takes what was looked at, and nothing else."""

    text = HiddenField(validators=[InputRequired()])


@blueprint.get("/schemes")
@access.permission("read schemes")
def listed() -> ResponseReturnValue:
    """Every scheme, by name."""
    return _listed(FileForm())


@blueprint.post("/schemes")
@access.permission("adopt schemes")
def propose() -> ResponseReturnValue:
    """A company's own scheme from its file, shown as a proposal. Nothing is stored before somebody adopts it."""
    form = FileForm()
    if not form.validate():
        return _listed(form), 400
    try:
        page = schemes.proposal(context.reader(), form.file.data.read(schemes.LARGEST + 1))
    except Refused as refusal:
        return _listed(form, refusal), 400
    return _shown(page, proposed=True)


@blueprint.get("/schemes/<name>")
@access.permission("read schemes")
def shown(name: str) -> ResponseReturnValue:
    """One scheme: what its source states and what is our default."""
    return _shown(_page(name))


@blueprint.get("/schemes/<name>.toml")
@access.permission("read schemes")
def file(name: str) -> ResponseReturnValue:
    """One scheme as a file, for a company to begin its own from."""
    page = _page(name)
    response = Response(page.text, mimetype="application/toml")
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}-{page.scheme.version}.toml")
    return response


@blueprint.post("/schemes/<name>")
@access.permission("adopt schemes")
def adopt(name: str) -> ResponseReturnValue:
    """A named person makes it the company's own, as it stood on the page."""
    form = AdoptForm()
    if not form.validate():
        _page(name)
        return _listed(FileForm(formdata=None), stale=True), 400
    session = context.session()
    try:
        page = schemes.proposal(session, form.text.data.encode())
        if page.scheme.code != name:
            abort(404)
        row = schemes.adopt(session, page.text, by=context.actor(), at=context.now())
    except Refused as refusal:
        session.rollback()
        return _listed(FileForm(formdata=None), refusal), 400
    session.commit()
    flash(gettext("Version %(version)s is adopted and frozen.", version=row.version), "done")
    return redirect(url_for(".shown", name=name), code=303)


def _listed(form: FileForm, refusal: Refused | None = None, *, stale: bool = False) -> str:
    mistakes = refusal.mistakes if isinstance(refusal, SchemeNotUsable) else ()
    return render_template(
        "schemes/listed.html", rows=schemes.listed(context.session()), form=form, stale=stale, mistakes=mistakes,
        most=MOST_MISTAKES_SHOWN, problem=i18n.told(refusal) if refusal and not mistakes else "",
    )  # fmt: skip


def _shown(page: SchemePage, *, proposed: bool = False) -> str:
    return render_template(
        "schemes/shown.html", page=page, proposed=proposed, form=AdoptForm(formdata=None, text=page.text), rules=RULES,
        groups=GROUPS,
    )  # fmt: skip


def _page(name: str) -> SchemePage:
    try:
        return schemes.page(context.session(), name)
    except UnknownScheme:
        abort(404)
