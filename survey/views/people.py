"""People and their roles: who may sign in, as what, and how they are invited."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from survey import access, context, i18n
from survey.refusals import Refused
from survey.users import UnknownPerson, User, inviting, people
from survey.worker import jobs

blueprint = Blueprint("people", __name__)

ROLE_NAMES = {
    "administrator": _("Administrator"),
    "reviewer": _("Reviewer"),
    "manager": _("Manager"),
    "rep": _("Rep"),
    "interviewer": _("Interviewer"),
    "auditor": _("Auditor"),
}
MAY = {
    "administrator": _("runs the site: roster, campaigns, people, settings; sees no scores"),
    "reviewer": _("sees the whole company’s scores, decides and signs"),
    "manager": _("sees their own reps, by the roster"),
    "rep": _("sees their own results and customers, by the roster"),
    "interviewer": _("makes the calls handed to them"),
    "auditor": _("reads journal and method"),
}


class RolesField(SelectMultipleField):
    """Roles as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class RolesForm(FlaskForm):
    """Name and roles of somebody there is."""

    name = StringField(_("Name"), validators=[InputRequired(_("Give the name.")), Length(max=200)])
    roles = RolesField(_("Roles"), choices=[SelectChoice(role, label) for role, label in ROLE_NAMES.items()])


class NewForm(RolesForm):
    """Somebody new."""

    email = EmailField(_("E-mail address"), validators=[InputRequired(_("Give the address."))])


@blueprint.get("/people")
@access.permission("keep people")
def listed() -> ResponseReturnValue:
    """Everybody, found by name, address or role."""
    words, role = request.args.get("q", "").replace("\x00", ""), request.args.get("role", "")
    found = people.listed(context.session(), words=words, role=role, page=request.args.get("page", 1, type=int))
    to_invite = inviting.wanted(context.session(), on=context.today())
    known = people.addresses(context.session())
    return render_template(
        "people/listed.html", people=found, words=words, role=role, names=ROLE_NAMES,
        waiting=sum(one.email not in known for one in to_invite),
    )  # fmt: skip


@blueprint.get("/people/new")
@access.permission("keep people")
def new() -> ResponseReturnValue:
    """The form for somebody new."""
    return render_template("people/new.html", form=NewForm(), may=MAY)


@blueprint.post("/people/new")
@access.permission("keep people")
def add() -> ResponseReturnValue:
    """Add somebody and send the invitation."""
    form = NewForm()
    if not form.validate():
        return render_template("people/new.html", form=form, may=MAY), 400
    current = context.session()
    try:
        user = people.add(
            current, email=form.email.data or "", name=form.name.data or "", roles=form.roles.data or (),
            by=context.actor(), at=context.now(),
        )  # fmt: skip
        inviting.send(current, user, by=context.actor(), at=context.now())
        current.commit()
    except Refused as refusal:
        current.rollback()
        form.form_errors.append(i18n.told(refusal))
        return render_template("people/new.html", form=form, may=MAY), 400
    jobs.wake()
    flash(gettext("%(name)s is invited to choose a password.", name=user.name), "done")
    return redirect(url_for(".listed"), code=303)


@blueprint.post("/people/invite")
@access.permission("keep people")
def invite_all() -> ResponseReturnValue:
    """Invite every manager and rep of the roster who has no account yet."""
    current = context.session()
    done = inviting.invite_all(current, on=context.today(), by=context.actor(), at=context.now())
    current.commit()
    jobs.wake()
    invited = ngettext("%(num)s person is invited.", "%(num)s people are invited.", done.created)
    before = done.unchanged + done.updated
    had_one = ngettext("%(num)s had an account already.", "%(num)s had an account already.", before)
    flash(f"{invited} {had_one}", "done")
    for line in done.refused:
        flash(line, "warning")
    return redirect(url_for(".listed"), code=303)


@blueprint.get("/people/<int:number>")
@access.permission("keep people")
def shown(number: int) -> ResponseReturnValue:
    """One person."""
    user = _find(number)
    return _page(user, RolesForm(name=user.name, roles=sorted(user.role_names)))


@blueprint.post("/people/<int:number>")
@access.permission("keep people")
def change(number: int) -> ResponseReturnValue:
    """Change name and roles."""
    user, form = _find(number), RolesForm()
    if not form.validate():
        return _page(user, form), 400
    current = context.session()
    try:
        people.rename(current, user, form.name.data or "", by=context.actor(), at=context.now())
        people.set_roles(current, user, form.roles.data or (), by=context.actor(), at=context.now())
    except Refused as refusal:
        current.rollback()
        form.form_errors.append(i18n.told(refusal))
        return _page(_find(number), form), 400
    current.commit()
    flash(gettext("Changed."), "done")
    return redirect(url_for(".shown", number=number), code=303)


@blueprint.post("/people/<int:number>/<act>")
@access.permission("keep people")
def act(number: int, act: str) -> ResponseReturnValue:
    """One button of a person's page."""
    if act not in ACTS:
        abort(404)
    user = _find(number)
    current = context.session()
    try:
        ACTS[act](user)
    except Refused as refusal:
        current.rollback()
        flash(i18n.told(refusal), "error")
        return redirect(url_for(".shown", number=number), code=303)
    current.commit()
    if act == "invite":
        jobs.wake()
    flash(DONE[act], "done")
    return redirect(url_for(".shown", number=number), code=303)


def _told(work: Callable[..., None]) -> Callable[[User], None]:
    return lambda user: work(context.session(), user, by=context.actor(), at=context.now())


ACTS: dict[str, Callable[[User], None]] = {
    "deactivate": _told(people.deactivate),
    "activate": _told(people.activate),
    "invite": _told(inviting.send),
    "sign_out": _told(people.sign_out_everywhere),
    "second_factor": _told(people.take_second_factor),
}
DONE = {
    "deactivate": _("Kept out from now on."),
    "activate": _("May sign in again."),
    "invite": _("The invitation is sent again."),
    "sign_out": _("Signed out everywhere."),
    "second_factor": _("At the next sign-in another app is set up."),
}


def _find(number: int) -> User:
    try:
        return people.find(context.session(), number)
    except UnknownPerson:
        abort(404)


def _page(user: User, form: RolesForm) -> str:
    return render_template("people/shown.html", user=user, form=form, state=people.state(user), may=MAY)
