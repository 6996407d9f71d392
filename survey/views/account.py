"""One's own account: password, second factor, signing out everywhere; and the ways back in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_limiter.util import get_remote_address
from flask_security import current_user, logout_user, url_for_security, verify_password
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length, Regexp

from survey import access, context, i18n
from survey.refusals import Refused
from survey.users import User, letters, passwords, people, second_factor, sign_ins
from survey.views.second_factor import PasswordForm
from survey.worker import jobs

blueprint = Blueprint("account", __name__)


class ChangeForm(FlaskForm):
    """The password there is, and the one to come."""

    current = PasswordField(_("The password you have"), validators=[InputRequired(_("Type the password you have."))])
    chosen = PasswordField(_("New password"), validators=[InputRequired(_("Type a new password."))])

    def validate_current(self, field: PasswordField) -> None:
        if not verify_password(field.data or "", current_user.password):
            raise ValidationError(_("This is not your password."))

    def validate_chosen(self, field: PasswordField) -> None:
        _is_fit(field, current_user)


class ForgottenForm(FlaskForm):
    """Whom to write to."""

    email = StringField(
        _("E-mail address"),
        validators=[InputRequired(_("Type your address.")), Length(max=320), Regexp(r"[^\x00]+@[^\x00]+$")],
    )


class ChooseForm(FlaskForm):
    """A first or new password."""

    chosen = PasswordField(_("New password"), validators=[InputRequired(_("Type a new password."))])

    def __init__(self, person: User | None = None) -> None:
        super().__init__()
        self.person = person

    def validate_chosen(self, field: PasswordField) -> None:
        _is_fit(field, self.person)


def _is_fit(field: PasswordField, user: User | None) -> None:
    try:
        passwords.check(field.data or "", of=user)
    except Refused as refusal:
        raise ValidationError(i18n.told(refusal)) from None


@blueprint.get("/account")
@access.permission(access.SIGNED_IN)
def account() -> ResponseReturnValue:
    """What one can do about one's own sign-in."""
    return _page(ChangeForm())


@blueprint.post("/account/password")
@access.permission(access.SIGNED_IN)
@access.guarded(whose=access.the_person, most="20 per hour")
def change() -> ResponseReturnValue:
    """Change one's password. Every other session ends."""
    form = ChangeForm()
    if not form.validate():
        return _page(form), 400
    person = current_user._get_current_object()
    passwords.change(context.session(), person, access.hashed(form.chosen.data or ""), at=context.now())
    access.begin_anew(person)
    flash(gettext("Your password is changed. Every other session of yours has ended."), "done")
    return redirect(url_for(".account"), code=303)


@blueprint.post("/account/sign-out-everywhere")
@access.permission(access.SIGNED_IN)
def sign_out_everywhere() -> ResponseReturnValue:
    """End every session one has, this one too."""
    people.sign_out_everywhere(
        context.session(), current_user._get_current_object(), by=context.actor(), at=context.now()
    )  # fmt: skip
    context.session().commit()
    logout_user()
    return redirect(url_for_security("login"), code=303)


@blueprint.post("/account/sessions/<int:number>/end")
@access.permission(access.SIGNED_IN)
def end_session(number: int) -> ResponseReturnValue:
    """End one session of one's own; this very one like signing out."""
    if number == access.this_session():
        logout_user()
        return redirect(url_for_security("login"), code=303)
    sign_ins.end(context.session(), current_user, number)
    context.session().commit()
    flash(gettext("That session has ended."), "done")
    return redirect(url_for(".account"), code=303)


@blueprint.get("/forgotten-password")
@access.permission(access.PUBLIC)
def forgotten() -> ResponseReturnValue:
    """Ask which address to write to."""
    return render_template("account/forgotten.html", form=ForgottenForm(), asked=False)


@blueprint.post("/forgotten-password")
@access.permission(access.PUBLIC)
@access.guarded(whose=access.typed_address, most="5 per hour", counts_all=True)
def send_new() -> ResponseReturnValue:
    """Have a link sent, if anybody goes by this address: the answer, and all this does, is the same if nobody does."""
    form = ForgottenForm()
    if not form.validate():
        return render_template("account/forgotten.html", form=form, asked=False), 400
    current = context.session()
    letters.write(current, form.email.data or "", "forgotten", language=i18n.language(), at=context.now())
    current.commit()
    jobs.wake()
    return render_template("account/forgotten.html", form=form, asked=True)


@blueprint.get("/choose-password/<token>")
@access.permission(access.PUBLIC)
def choose(token: str) -> ResponseReturnValue:
    """Show the form to whoever brings a good link. Reading it changes nothing."""
    person = _holder(token)
    return render_template("account/choose.html", person=person, form=ChooseForm()), 200 if person else 404


@blueprint.post("/choose-password/<token>")
@access.permission(access.PUBLIC)
@access.guarded(whose=get_remote_address, most="60 per hour")
def chosen(token: str) -> ResponseReturnValue:
    """Keep the password chosen, and let the person in; where a second factor is due, it is asked for next."""
    person = _holder(token)
    form = ChooseForm(person)
    if person is None or not form.validate():
        return render_template("account/choose.html", person=person, form=form), 400 if person else 404
    passwords.change(context.session(), person, access.hashed(form.chosen.data or ""), at=context.now())
    access.begin(person)
    return redirect(url_for("home.start"), code=303)


def _holder(token: str) -> User | None:
    links = passwords.Links(key=context.settings().secret_key.get_secret_value())
    try:
        return links.holder(context.session(), token, at=context.now())
    except passwords.DeadLink:
        return None


def _page(form: ChangeForm) -> str:
    return render_template(
        "account/account.html",
        form=form,
        confirming=PasswordForm(formdata=None),
        refused=request.args.get("refused") == "recovery",
        left=second_factor.left(context.session(), current_user),
        sessions=sign_ins.listed(context.session(), current_user),
        this=access.this_session(),
    )
