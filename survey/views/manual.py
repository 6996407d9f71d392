"""The help pages, for whoever signed in."""

from __future__ import annotations

import re

from flask import Blueprint, abort, render_template, send_from_directory
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from survey import access, handbook, i18n

_LINK = re.compile(r'<a href="(/[^"]*)"[^>]*>(.*?)</a>', re.DOTALL)

blueprint = Blueprint("manual", __name__, url_prefix="/help")


@blueprint.get("/")
@access.permission(access.SIGNED_IN)
def contents() -> ResponseReturnValue:
    """What there is to read."""
    return render_template("manual/contents.html", pages=handbook.contents(i18n.language()))


@blueprint.get("/<page>")
@access.permission(access.SIGNED_IN)
def page(page: str) -> ResponseReturnValue:
    """One help page."""
    try:
        shown = handbook.page(page, i18n.language())
    except handbook.UnknownPage:
        abort(404)
    # The one text that is HTML already: made from our own files, in which HTML is not taken for any.
    return render_template("manual/page.html", page=shown, body=Markup(_for_reader(shown.body)))  # noqa: S704  # nosec B704


def _for_reader(body: str) -> str:
    """A help page speaks to every role; what the reader's own does not open stays as words without a link."""
    return _LINK.sub(lambda link: link[0] if access.may_open(link[1]) else link[2], body)


@blueprint.get("/pictures/<filename>")
@access.permission(access.SIGNED_IN)
def picture(filename: str) -> ResponseReturnValue:
    """A picture in a help page."""
    return send_from_directory(handbook.PICTURES, filename)
