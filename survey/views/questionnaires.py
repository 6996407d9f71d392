"""Question sheets for administrators: the list, one sheet with its versions, preview, test mail, TOML in and out."""

from __future__ import annotations

import secrets

from email_validator import EmailNotValidError, validate_email
from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from survey import access, context, i18n, journal
from survey.letters import Asked, Letter, LetterDelayed, LetterRefused, LineCut, ServerUnreachable
from survey.mail import Mail
from survey.questionnaires import UnknownQuestionnaire, toml, versions
from survey.questionnaires.versions import Version
from survey.refusals import Refused
from survey.views import previewing

blueprint = Blueprint("questionnaires", __name__)


class FileForm(FlaskForm):
    """A sheet as a TOML file."""

    file = FileField(_("TOML file"), validators=[FileRequired(_("Choose a file."))])


class TestForm(FlaskForm):
    """Where a test mail goes, and which language stands first."""

    address = StringField(_("Send a test to"), validators=[DataRequired(_("Give a mail address.")), Length(max=254)])
    first = SelectField(_("First language"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")])


@blueprint.get("/questionnaires")
@access.permission("keep questionnaires")
def listed() -> ResponseReturnValue:
    """Every sheet in its newest version."""
    return _listed(FileForm())


@blueprint.post("/questionnaires")
@access.permission("keep questionnaires")
def bring() -> ResponseReturnValue:
    """Take a sheet in from its file: under a new code, or as an edit of the sheet of that code."""
    form = FileForm()
    problems: tuple[Refused, ...] = ()
    if form.validate():
        try:
            content = toml.parse(form.file.data.read(toml.LARGEST + 1))
            row = versions.save(context.session(), content, by=context.actor(), at=context.now())
        except Refused as refusal:
            context.session().rollback()
            problems = refusal.problems or (refusal,)
        else:
            context.session().commit()
            return redirect(url_for(".shown", code=row.code), code=303)
    return _listed(form, problems), 400


def _listed(form: FileForm, problems: tuple[Refused, ...] = ()) -> str:
    return render_template(
        "questionnaires/listed.html", versions=versions.overview(context.session()), form=form,
        problems=[i18n.told(problem) for problem in problems],
    )  # fmt: skip


@blueprint.get("/questionnaires/<code>")
@access.permission("keep questionnaires")
def shown(code: str) -> ResponseReturnValue:
    """One sheet: what it asks, its versions, and what can be done with it."""
    return _shown(_history(code), TestForm(formdata=None))


@blueprint.get("/questionnaires/<code>/<int:version>.toml")
@access.permission("keep questionnaires")
def download(code: str, version: int) -> ResponseReturnValue:
    """One version as a file."""
    try:
        found = versions.find(context.session(), code, version)
    except UnknownQuestionnaire:
        abort(404)
    response = Response(toml.write(found.content), mimetype="application/toml")
    response.headers.set("Content-Disposition", "attachment", filename=f"{code}-{version}.toml")
    return response


@blueprint.post("/questionnaires/<code>/test")
@access.permission("keep questionnaires")
def send_test(code: str) -> ResponseReturnValue:
    """One mail, marked as a test, whose link leads to the preview."""
    found, form = _history(code), TestForm()
    context.session().rollback()  # a mail server takes its time, and nothing is written before it has answered
    if not form.validate():
        return _shown(found, form), 400
    try:
        address = validate_email(form.address.data.strip(), check_deliverability=False, test_environment=True)
        with Mail(context.settings()).open() as post:
            post(_test_letter(found[0], address.normalized, form.first.data))
    except EmailNotValidError:
        form.address.errors = [gettext("This is not an e-mail address.")]
    except (LetterRefused, LetterDelayed, LineCut, ServerUnreachable) as problem:
        form.address.errors = [gettext("The mail was not taken: %(problem)s", problem=problem)]
    else:
        details = {"version": found[0].sheet.version}
        journal.record(
            context.session(), "questionnaire test sent", code, details, by=context.actor(), at=context.now()
        )
        context.session().commit()
        flash(gettext("The test was sent to %(address)s.", address=address.normalized), "done")
        return redirect(url_for(".shown", code=code), code=303)
    return _shown(_history(code), form), 400


def _test_letter(version: Version, address: str, language: str) -> Letter:
    base, company = context.settings().base_url, context.company()
    asked = Asked(
        reps=(previewing.INVENTED_REP[language],),
        closes_on=context.today() + previewing.LIVES,
        link=base + previewing.link(version.sheet.code, version.sheet.version),
    )
    return Letter(
        message_id=secrets.token_hex(16), to_name=address.partition("@")[0], to_address=address, language=language,
        company_zh=f"【测试】{company.name_zh}", company_en=f"[Test] {company.name}", asked=(asked,),
        written_at=context.now(), privacy_link=f"{base}/privacy",
    )  # fmt: skip


def _history(code: str) -> tuple[Version, ...]:
    try:
        return versions.history(context.session(), code)
    except UnknownQuestionnaire:
        abort(404)


def _shown(found: tuple[Version, ...], form: TestForm) -> str:
    sheet = found[0].sheet
    return render_template(
        "questionnaires/shown.html", versions=found, newest=found[0], sheet=sheet, form=form,
        preview=previewing.link(sheet.code, sheet.version),
    )  # fmt: skip
