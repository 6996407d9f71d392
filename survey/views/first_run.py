"""The first visit to a new installation: its first administrator and the company it belongs to.

Only whoever can read what the server printed when it started knows the setup code, so nobody else can take a fresh
installation over. Once there is an administrator, the page is gone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import click
from flask import Blueprint, Flask, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import DBAPIError
from wtforms import EmailField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from survey import access, context, i18n, journal, users
from survey.config import Settings
from survey.refusals import Refused
from survey.users import User, passwords, people
from survey.views.settings import CompanyForm, keep_company

blueprint = Blueprint("first_run", __name__)

FIRST_RUN = "first run"


def setup_code(settings: Settings) -> str:
    """The same in every process of this installation, and known to nobody without its key or its log."""
    key = settings.secret_key.get_secret_value().encode()
    digest = hmac.digest(key, b"setup code of the first run", hashlib.sha256)
    letters = base64.b32encode(digest).decode()[:16].lower()
    return "-".join(letters[place : place + 4] for place in range(0, 16, 4))


def announce(app: Flask) -> None:
    """Print, where the server's log goes, how to set a fresh installation up; nothing once somebody has."""
    with app.app_context():
        try:
            is_fresh = people.administrators(context.db.session) == 0
        except DBAPIError:
            return  # the database is not ready; `evenhand doctor` says so
        finally:
            context.db.session.rollback()
        settings = context.settings()
        if is_fresh:
            place = f"{settings.base_url}/first-run"
            click.echo(f"No administrator yet. Open {place} – setup code: {setup_code(settings)}", err=True)


class FirstRunForm(CompanyForm):
    """The setup code, the first administrator, and the company."""

    code = StringField(_("Setup code"), validators=[InputRequired(_("Type the setup code the server printed."))])
    person = StringField(_("Your name"), validators=[InputRequired(_("Give your name.")), Length(max=200)])
    email = EmailField(_("Your e-mail address"), validators=[InputRequired(_("Type your address."))])
    password = PasswordField(_("Password"), validators=[InputRequired(_("Type a new password."))])

    def validate_code(self, field: StringField) -> None:
        typed = "".join((field.data or "").split()).lower().replace("-", "")
        right = setup_code(context.settings()).replace("-", "")
        if not hmac.compare_digest(typed.encode(), right.encode()):
            raise ValidationError(_("This is not the setup code. It stands where the server’s messages go."))

    def validate_password(self, field: PasswordField) -> None:
        try:
            passwords.check(field.data or "", of=User(email=self.email.data or "", name=self.person.data or ""))
        except Refused as refusal:
            raise ValidationError(i18n.told(refusal)) from None


@blueprint.get("/first-run")
@access.permission(access.PUBLIC)
def form() -> ResponseReturnValue:
    """Ask for everything a new installation needs."""
    _check_is_fresh()
    return render_template("first_run/form.html", form=FirstRunForm(time_zone=context.company().time_zone))


@blueprint.post("/first-run")
@access.permission(access.PUBLIC)
@access.guarded(whose=lambda: FIRST_RUN, most="60 per hour")
def set_up() -> ResponseReturnValue:
    """Make the first administrator and name the company, both or neither."""
    _check_is_fresh()
    form = FirstRunForm()
    if not form.validate():
        return render_template("first_run/form.html", form=form), 400
    current = context.session()
    try:
        # Of two who send this at the same moment, the journal lets one go first; the other finds the page gone.
        journal.record(current, FIRST_RUN, form.email.data or "", by=FIRST_RUN, at=context.now())
        _check_is_fresh()
        person = users.create(
            current, email=form.email.data or "", name=form.person.data or "", role="administrator",
            password_hash=access.hashed(form.password.data or ""), by=FIRST_RUN, at=context.now(),
        )  # fmt: skip
        keep_company(form, by=person.email)
    except Refused as refusal:
        current.rollback()
        form.form_errors.append(i18n.told(refusal))
        return render_template("first_run/form.html", form=form), 400
    access.begin(person)
    return redirect(url_for("second_factor.begin"), code=303)


def _check_is_fresh() -> None:
    if people.administrators(context.db.session):
        abort(404)
