"""Bringing the roster, facts, events and earlier answers in by files: choose one, say which column is which, look,
import, undo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, ValidationError

from survey import access, context, i18n
from survey.database import begin_write
from survey.history import SHIPPED
from survey.indicators.files import ANSWERS, CORRECTED, KINDS, OF_A_PERIOD, kind_of, take_in
from survey.intake import preview, undoing
from survey.intake.columns import MissingColumn
from survey.intake.sheet import Sheet
from survey.invitations import addresses
from survey.models.intake import Upload
from survey.questionnaires import UnknownQuestionnaire, versions
from survey.refusals import Refused
from survey.roster import files, periods
from survey.roster.files import Kind
from survey.tables.limits import LARGEST_FILE
from survey.views.campaigns import reach
from survey.worker import jobs

blueprint = Blueprint("importing", __name__)

ENVELOPE = 64 * 1024
MOST_REFUSED_SHOWN = 100
MOST_ROWS_SHOWN = 4
LONGEST_FILE_NAME = 200
NAMES = {
    "territories": _("Territories"),
    "reps": _("Reps"),
    "customers": _("Customers"),
    "contacts": _("Contacts"),
    "assignments": _("Assignments"),
    "facts": _("Facts"),
    "events": _("Events"),
    "visits": _("Visits"),
    "projects": _("Projects"),
    "goals": _("Goals"),
    "notes": _("Dated notes"),
    "sales": _("Orders of customers"),
    "hand-over": _("Hand-over"),
    "answers": _("Earlier answers"),
}
CHOICES = NAMES | {"customers": _("Customers (with contacts and assignments, if the file has them)")}


class UploadForm(FlaskForm):
    """A file and what it holds. Customers may bring their contacts and assignments in the same rows; answers belong to
    a period and a question sheet."""

    kind = SelectField(_("What does the file hold?"), choices=[SelectChoice(kind, CHOICES[kind]) for kind in KINDS])
    file = FileField(_("File (CSV or XLSX)"), validators=[FileRequired(_("Choose a file."))])
    period = SelectField(_("Period of its rows"), default="")
    reason = StringField(_("Why stored values change"), validators=[Length(max=500)])
    questionnaire = SelectField(_("Question sheet of earlier answers"), default=SHIPPED)

    def validate_period(self, field: SelectField) -> None:
        if self.kind.data == ANSWERS and not field.data:
            raise ValidationError(gettext("Say which period these answers belong to."))


class ColumnsForm(FlaskForm):
    """Which header holds which column. The selects are made for the kind and the file."""

    mapping_name = StringField(_("Keep this choice under a name"), validators=[Length(max=files.LONGEST_NAME)])


class EmptyForm(FlaskForm):
    """A button and its token."""


@blueprint.url_value_preprocessor
def _make_room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Files are larger than any other body; only those who may import get the room, and only here."""
    if endpoint == "importing.upload" and access.holds("keep roster"):
        request.max_content_length = LARGEST_FILE + ENVELOPE


@blueprint.get("/roster/import")
@access.permission("keep roster")
def choose() -> ResponseReturnValue:
    """Choose a file; below, what was imported before."""
    return _choose_page(_upload_form(data={"kind": request.args.get("kind", "customers")}))


@blueprint.post("/roster/import")
@access.permission("keep roster")
def upload() -> ResponseReturnValue:
    """Keep the file for the steps that follow. Nothing of it is imported yet."""
    form = _upload_form()
    if form.validate():
        try:
            content = form.file.data.read()
            _parse(content, form.file.data.filename)
        except Refused as refusal:
            form.file.errors = [i18n.told(refusal)]
        else:
            kept = files.receive(
                context.session(), form.kind.data, name=form.file.data.filename[:LONGEST_FILE_NAME], content=content,
                period=form.period.data if form.kind.data in OF_A_PERIOD else "",
                reason=form.reason.data if form.kind.data in CORRECTED else "",
                questionnaire=form.questionnaire.data if form.kind.data == ANSWERS else "", by=context.actor(),
                at=context.now(),
            )  # fmt: skip
            context.session().commit()
            return redirect(url_for(".checked", number=kept.id), code=303)
    return _choose_page(form), 400


def _upload_form(**given: Any) -> UploadForm:
    form = UploadForm(**given)
    known = [SelectChoice(one.code, one.code) for one in periods.listed(context.session())]
    form.period.choices = [SelectChoice("", _("– the file says it –")), *known]
    form.questionnaire.choices = [
        SelectChoice(one.sheet.code, f"{one.sheet.title.zh if i18n.language() == 'zh' else one.sheet.title.en}")
        for one in versions.overview(context.session())
    ]
    return form


def _choose_page(form: UploadForm) -> str:
    return render_template(
        "importing/choose.html", form=form, imports=undoing.imports(context.session()), kinds=NAMES,
        columns={kind: of.columns for kind, of in KINDS.items()},
    )  # fmt: skip


@blueprint.get("/roster/import/<int:number>")
@access.permission("keep roster")
def checked(number: int) -> ResponseReturnValue:
    """What importing this file would do. It is done, looked at and rolled back: nothing is stored."""
    return _checked_page(_upload(number))


@blueprint.post("/roster/import/<int:number>/columns")
@access.permission("keep roster")
def columns(number: int) -> ResponseReturnValue:
    """Remember which header holds which column, for this file and, under a name, for later ones."""
    kept = _upload(number)
    sheet, names = _parse(kept.content, kept.file_name), {column.name for column in _kind(kept).columns}
    chosen = request.form.get("use", "")
    if chosen:
        mapping = next((one for one in files.mappings(context.session(), kept.kind) if str(one.id) == chosen), None)
        if mapping is None:
            abort(404)
        kept.chosen = {
            column: header
            for column, header in mapping.chosen.items()
            if column in names and header in ("", *sheet.headers)
        }
        context.session().commit()
        return redirect(url_for(".checked", number=number), code=303)
    form = _columns_form(kept, sheet)
    if not form.validate():
        return _checked_page(kept, form), 400
    kept.chosen = {name: form[f"column-{name}"].data for name in names}
    try:
        if form.mapping_name.data:
            files.keep_mapping(
                context.session(), kept.kind, form.mapping_name.data, kept.chosen, by=context.actor(), at=context.now()
            )
    except Refused as refusal:
        form.mapping_name.errors = [i18n.told(refusal)]
        context.session().rollback()
        return _checked_page(_upload(number), form), 400
    context.session().commit()
    return redirect(url_for(".checked", number=number), code=303)


@blueprint.post("/roster/import/<int:number>")
@access.permission("keep roster")
def store(number: int) -> ResponseReturnValue:
    """Import the file, all of it or, when asked for, the rows that are right."""
    kept = _upload(number)
    sheet = replace(_parse(kept.content, kept.file_name), chosen=kept.chosen)
    try:
        report = take_in(
            context.reader(), kept.kind, sheet, valid_rows=request.form.get("rows") == "valid", period=kept.period,
            reason=kept.reason or "", questionnaire=kept.questionnaire, on=context.today(), by=context.actor(),
            at=context.now(),
        )  # fmt: skip
    except Refused:
        context.session().rollback()
        return _checked_page(_upload(number)), 400
    if not report.stored:
        context.session().rollback()
        return _checked_page(_upload(number)), 400
    followed = addresses.follow(
        context.session(), report.changes, reach=reach(), by=context.actor(), at=context.now()
    )  # fmt: skip
    context.session().commit()
    _tell(followed)
    return redirect(url_for(".done", number=report.number, file=number), code=303)


def _tell(followed: addresses.Followed) -> None:
    """What changed addresses mean for links that were sent. Call it after the commit."""
    if followed.taken_back:
        flash(
            gettext(
                "%(count)s people who were asked have another address now: the links sent to the old one no longer "
                "work, and %(again)s of them are sent a new one.",
                count=followed.taken_back, again=followed.sent_again,
            )
        )  # fmt: skip
        jobs.wake()


@blueprint.post("/roster/import/<int:number>/as")
@access.permission("keep roster")
def again(number: int) -> ResponseReturnValue:
    """Read the same file once more, for another kind of entry."""
    kept = _upload(number)
    kind = request.form.get("kind", "")
    if kind not in KINDS:
        abort(400)
    another = files.receive(
        context.session(), kind, name=kept.file_name, content=kept.content, period=kept.period or "",
        reason=kept.reason or "", by=context.actor(), at=context.now(),
    )  # fmt: skip
    context.session().commit()
    return redirect(url_for(".checked", number=another.id), code=303)


@blueprint.get("/roster/imports/<int:number>")
@access.permission("keep roster")
def done(number: int) -> ResponseReturnValue:
    """What one import did, with the button that takes it back."""
    return _done_page(number)


@blueprint.post("/roster/imports/<int:number>/undo")
@access.permission("keep roster")
def undo(number: int) -> ResponseReturnValue:
    """Take an import back, unless something rests on it."""
    try:
        done = undoing.undo(context.session(), number, by=context.actor(), at=context.now())
        followed = addresses.follow(
            context.session(), undoing.reversed_changes(done), reach=reach(), by=context.actor(), at=context.now()
        )  # fmt: skip
    except undoing.UnknownImport:
        abort(404)
    except Refused as refusal:
        context.session().rollback()
        flash(i18n.told(refusal), "error")
    else:
        context.session().commit()
        flash(gettext("The import is undone."), "done")
        _tell(followed)
    return redirect(url_for(".done", number=number), code=303)


@blueprint.get("/roster/template/<kind>.xlsx")
@access.permission("keep roster")
def template(kind: str) -> ResponseReturnValue:
    """An empty workbook with the right headers, one example row, and a second sheet that explains the columns."""
    from survey.tables.writing import Page, workbook

    if kind not in KINDS:
        abort(404)
    of, chinese = kind_of(context.session(), kind), i18n.language() == "zh"
    headers = [column.zh if chinese else column.en for column in of.columns]
    explained = [
        [header, column.en if chinese else column.zh, gettext("yes") if column.needed else ""]
        for header, column in zip(headers, of.columns, strict=True)
    ]
    titles = [gettext("Column"), gettext("In the other language"), gettext("Needed")]
    pages = (
        Page(name=kind, headers=headers, rows=[[of.example.get(column.name, "") for column in of.columns]]),
        Page(name=gettext("Columns"), headers=titles, rows=explained),
    )
    response = Response(workbook(pages), mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    response.headers.set("Content-Disposition", "attachment", filename=f"{kind}.xlsx")
    return response


def _upload(number: int) -> Upload:
    try:
        return files.upload(context.session(), number, by=context.actor())
    except files.UnknownUpload:
        abort(404)


def _kind(kept: Upload) -> Kind:
    """The kind of a file with its columns; a question sheet that is gone in the meantime leaves none."""
    try:
        return kind_of(context.session(), kept.kind, kept.questionnaire)
    except UnknownQuestionnaire:
        abort(404)


def _parse(content: bytes, name: str) -> Sheet:
    from survey import tables

    return tables.parse(content, name=name)


def _columns_form(kept: Upload, sheet: Sheet) -> ColumnsForm:
    """A select for each column, showing what each header's first row says."""
    kind = _kind(kept)
    first = next(iter(sheet.lines), None)
    samples = dict(zip(sheet.headers, first.cells, strict=False)) if first else {}
    choices = [SelectChoice("", gettext("– not in this file –"))]
    choices += [SelectChoice(header, _with_sample(header, samples.get(header, ""))) for header in sheet.headers]
    held = kept.chosen or kind.proposed(sheet)
    fields = {
        f"column-{column.name}": SelectField(
            column.zh if i18n.language() == "zh" else column.en, choices=choices, default=held.get(column.name, "")
        )
        for column in kind.columns
    }
    return cast(ColumnsForm, type("ColumnsOfAFile", (ColumnsForm,), fields)())


def _with_sample(header: str, sample: str) -> str:
    return f"{header} ({sample[:30]})" if sample else header


def _checked_page(kept: Upload, form: ColumnsForm | None = None) -> str:
    """The file's columns and the report of a trial, whose work is rolled back at once."""
    number, kind, chosen, columns = kept.id, kept.kind, dict(kept.chosen), _kind(kept).columns
    said = {"period": kept.period, "reason": kept.reason or "", "questionnaire": kept.questionnaire}
    sheet = _parse(kept.content, kept.file_name)
    form = form or _columns_form(kept, sheet)
    rows = [line.cells for line, _ in zip(sheet.lines, range(MOST_ROWS_SHOWN), strict=False)]
    mappings = files.mappings(context.session(), kind)
    saved = [(mapping.id, mapping.name) for mapping in mappings]
    context.session().rollback()
    seen, problem = _tried(kind, replace(sheet, chosen=chosen), said)
    return render_template(
        "importing/checked.html", form=form, number=number, kind=kind, kinds=NAMES, sheet=sheet, rows=rows, saved=saved,
        columns=columns, seen=seen, problem=problem and i18n.told(problem),
        columns_missing=isinstance(problem, MissingColumn), most=MOST_REFUSED_SHOWN, told=i18n.told,
    )  # fmt: skip


def _tried(kind: str, sheet: Sheet, said: dict[str, Any]) -> tuple[preview.Preview | None, Refused | None]:
    current = context.db.session
    begin_write(current)
    try:
        report = take_in(
            current, kind, sheet, valid_rows=True, on=context.today(), by=context.actor(), at=context.now(), **said
        )
        return preview.preview(current, report), None
    except Refused as refusal:
        return None, refusal
    finally:
        current.rollback()


def _done_page(number: int) -> str:
    try:
        shown = undoing.named(context.session(), number)
    except undoing.UnknownImport:
        abort(404)
    return render_template(
        "importing/done.html", done=shown, form=EmptyForm(), kinds=NAMES, file=request.args.get("file", type=int),
        others=[one for one in KINDS if one != ANSWERS],
    )  # fmt: skip
