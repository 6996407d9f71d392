"""How scores are made: for reps and managers in general, for reviewers and auditors with every estimate and file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from survey import access, context, handbook, i18n
from survey.dashboards.method import Finding, method_page
from survey.dashboards.method_files import FILES, file_of
from survey.dashboards.shown import NotToBeSeen
from survey.questionnaires.sheet import Wording

blueprint = Blueprint("method", __name__, url_prefix="/method")


@blueprint.get("/")
@access.permission("read method")
def shown() -> ResponseReturnValue:
    """The spec of a run and its reasons; what was estimated, for whoever audits it."""
    try:
        page = method_page(context.session(), request.args.get("period") or None, request.args.get("item") or None)
    except NotToBeSeen:
        abort(404)
    return render_template("method/shown.html", page=page, choice=page.choice, files=FILES, in_words=in_words)


@blueprint.get("/runs/<int:run>/<filename>")
@access.permission("audit method")
def download(run: int, filename: str) -> ResponseReturnValue:
    """One file of a run."""
    try:
        content = file_of(context.session(), run, filename)
    except NotToBeSeen:
        abort(404)
    response = Response(content, content_type=f"{FILES[filename]}; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=f"run-{run}-{filename}")
    return response


@blueprint.get("/method.md")
@access.permission("read method")
def text() -> ResponseReturnValue:
    """The method in prose, in the reader's language."""
    language = i18n.language()
    response = Response(handbook.source(handbook.METHOD, language), content_type="text/markdown; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=f"method.{language}.md")
    return response


def in_words(finding: Finding, named: Callable[[str], str]) -> str:
    """A finding in the reader's language; `named` is what an attribute is called."""
    values = {name: _in_words(name, value, named) for name, value in finding.values.items()}
    return str(gettext(finding.sentence, **values))


def _in_words(name: str, value: Any, named: Callable[[str], str]) -> Any:
    if isinstance(value, Wording):
        return value.zh if i18n.language() == "zh" else value.en
    if name in ("adjuster", "column"):
        called = str(named(value)).strip()
        return called if i18n.language() == "zh" else f"“{called}”"  # in Chinese the sentence has the marks
    return value
