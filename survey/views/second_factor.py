"""The second factor: setting an app up, being asked for its code, and the codes for a lost phone.

Whoever has given their password and not yet this stands half inside: `access` opens nothing to them but these pages.
"""

from __future__ import annotations

from collections.abc import Sequence

import segno
from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_security import current_user, verify_password
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired

from survey import access, context, i18n
from survey.refusals import Refused
from survey.users import second_factor

blueprint = Blueprint("second_factor", __name__)

PENDING = "second_factor_pending"


class CodeForm(FlaskForm):
    """A code of the app, or a recovery code."""

    code = StringField(_("Code"), validators=[InputRequired(_("Type the code the app shows."))])


class PasswordForm(FlaskForm):
    """The password once more, before something that a borrowed screen must not do."""

    password = PasswordField(_("Your password"))

    def validate_password(self, field: PasswordField) -> None:
        if not verify_password(field.data or "", current_user.password):
            raise ValidationError(_("This is not your password."))


class RenewForm(CodeForm, PasswordForm):
    """Another app in place of the one there is."""


@blueprint.get("/second-factor")
@access.permission(access.HALF_SIGNED_IN)
def ask() -> ResponseReturnValue:
    """Ask for the code; whoever has no app yet sets one up first."""
    if access.has_passed():
        return redirect(access.way_back())
    if current_user.totp is None:
        return redirect(url_for(".begin", next=request.args.get("next")))
    return render_template("second_factor/ask.html", form=CodeForm())


@blueprint.post("/second-factor")
@access.permission(access.HALF_SIGNED_IN)
@access.guarded(whose=access.the_person, most="5 per minute; 50 per day")
def check() -> ResponseReturnValue:
    """Take the code and let the person in."""
    form = CodeForm()
    if current_user.totp is None:
        return redirect(url_for(".begin"))
    if form.validate():
        try:
            current = context.session()
            second_factor.check(current, current_user, form.code.data, codes=access.codes(), at=context.now())
            current.commit()
        except Refused as refusal:
            context.session().rollback()
            form.code.errors = [i18n.told(refusal)]
        else:
            access.let_in()
            return redirect(access.way_back(), code=303)
    return render_template("second_factor/ask.html", form=form), 400


@blueprint.get("/second-factor/set-up")
@access.permission(access.HALF_SIGNED_IN)
def begin() -> ResponseReturnValue:
    """Show the picture an app reads, and ask for the first code."""
    if _is_to_be_asked_first():
        return redirect(url_for(".ask"))
    return _set_up_page(_form())


@blueprint.post("/second-factor/set-up")
@access.permission(access.HALF_SIGNED_IN)
@access.guarded(whose=access.the_person, most="20 per hour")
def set_up() -> ResponseReturnValue:
    """Take the app into use, and show the recovery codes this once."""
    if _is_to_be_asked_first() or PENDING not in session:
        return redirect(url_for(".ask"))
    form = _form()
    if not form.validate():
        return _set_up_page(form), 400
    current = context.session()
    try:
        kept = second_factor.set_up(
            current, current_user, session[PENDING], form.code.data, codes=access.codes(), at=context.now()
        )
        current.commit()
    except Refused as refusal:
        current.rollback()
        form.code.errors = [i18n.told(refusal)]
        return _set_up_page(form), 400
    del session[PENDING]
    access.let_in()
    return _codes_page(kept)


@blueprint.post("/second-factor/recovery-codes")
@access.permission(access.SIGNED_IN)
@access.guarded(whose=access.the_person, most="20 per hour", counts_all=True)
def renew() -> ResponseReturnValue:
    """New recovery codes for whoever gives their password again."""
    if current_user.totp is None or not PasswordForm().validate():
        return redirect(url_for("account.account", refused="recovery"), code=303)
    current = context.session()
    kept = second_factor.renew_recovery_codes(current, current_user, at=context.now())
    current.commit()
    return _codes_page(kept)


def _is_to_be_asked_first() -> bool:
    """Only who has passed the app in use may put another in its place."""
    return current_user.totp is not None and not access.has_passed()


def _form() -> CodeForm:
    return CodeForm() if current_user.totp is None else RenewForm()


def _set_up_page(form: CodeForm) -> str:
    codes = access.codes()
    secret = session.setdefault(PENDING, codes.new_secret())
    picture = segno.make(codes.address(secret, current_user.email), error="m")
    drawn = picture.svg_inline(scale=5, border=3, dark="#000000", light="#ffffff", omitsize=True)
    grouped = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    # A picture segno drew, with no text of anybody's in it.
    ours = Markup(drawn)  # noqa: S704  # nosec B704
    return render_template("second_factor/set_up.html", form=form, picture=ours, secret=grouped)


def _codes_page(kept: Sequence[str]) -> str:
    return render_template("second_factor/kept.html", kept=kept, back=access.way_back())
