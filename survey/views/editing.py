"""The editor of a question sheet: one form. Adding, moving and removing redraw it; only Save stores anything."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, FieldList, Form, FormField, HiddenField, StringField

from survey import access, context, i18n
from survey.models.asking import QuestionnaireVersion
from survey.questionnaires import UnknownQuestionnaire, versions
from survey.refusals import Refused

blueprint = Blueprint("editing", __name__)

Content = dict[str, Any]


class PointForm(Form):
    value = StringField()
    zh = StringField()
    en = StringField()


class ScaleForm(Form):
    code = StringField()
    points = FieldList(FormField(PointForm))


class ItemForm(Form):
    code = StringField()
    kind = StringField(default="rating")
    core = BooleanField()
    about = StringField(default="rep")
    dimension_zh = StringField()
    dimension_en = StringField()
    scale = StringField()
    question_zh = StringField()
    question_en = StringField()
    not_applicable_zh = StringField()
    not_applicable_en = StringField()
    asked_if = StringField()
    at_most = StringField()


class SheetEditor(FlaskForm):
    """A whole sheet. `seen` marks the version the editing began with."""

    code = StringField()
    seen = HiddenField()
    title_zh = StringField()
    title_en = StringField()
    scales = FieldList(FormField(ScaleForm))
    items = FieldList(FormField(ItemForm))


@blueprint.get("/questionnaires/<code>/edit")
@access.permission("keep questionnaires")
def edit(code: str) -> ResponseReturnValue:
    """The newest version, to be edited. A frozen one becomes the next."""
    newest = _newest(code)
    return _page(newest.content, seen=newest.mark, new=False)


@blueprint.post("/questionnaires/<code>/edit")
@access.permission("keep questionnaires")
def save(code: str) -> ResponseReturnValue:
    """Save the sheet, or redraw it after adding, moving or removing something."""
    _newest(code)
    return _posted(code, new=False)


@blueprint.get("/questionnaires/<code>/copy")
@access.permission("keep questionnaires")
def copy_of(code: str) -> ResponseReturnValue:
    """The same questions under a code of their own, not stored yet."""
    return _page({**_newest(code).content, "code": ""}, seen="", new=True)


@blueprint.post("/questionnaires/<code>/copy")
@access.permission("keep questionnaires")
def save_copy(code: str) -> ResponseReturnValue:
    """Save a new sheet, or redraw it."""
    _newest(code)
    return _posted(code, new=True)


def _posted(code: str, *, new: bool) -> ResponseReturnValue:
    form = SheetEditor()
    content = _content(form, code=(form.code.data or "").strip() if new else code)
    if not form.validate():
        return _page(content, seen=form.seen.data, new=new, problems=[gettext("Please send it once more.")]), 400
    wish = request.form.get("do", "save")
    if wish != "save":
        opened = _change(content, wish)
        return _page(content, seen=form.seen.data, new=new, opened=opened)
    try:
        row = _store(content, seen=form.seen.data, new=new)
    except Refused as refusal:
        context.session().rollback()
        told = [i18n.told(problem) for problem in refusal.problems or (refusal,)]
        return _page(content, seen=form.seen.data, new=new, problems=told), 400
    context.session().commit()
    flash(gettext("Version %(version)s is saved.", version=row.version), "done")
    return redirect(url_for("questionnaires.shown", code=row.code), code=303)


def _store(content: Content, *, seen: str, new: bool) -> QuestionnaireVersion:
    if new:
        return versions.save_new(context.session(), content, by=context.actor(), at=context.now())
    return versions.save(context.session(), content, seen=seen, by=context.actor(), at=context.now())


def _newest(code: str) -> versions.Version:
    try:
        return versions.history(context.session(), code)[0]
    except UnknownQuestionnaire:
        abort(404)


def _page(
    content: Mapping[str, Any], *, seen: str, new: bool, problems: list[str] | None = None, opened: str = ""
) -> str:
    form = SheetEditor(formdata=None, data={**_fields(content), "seen": seen})
    frozen = not new and _newest(content["code"]).frozen_at is not None
    return render_template(
        "editing/sheet.html", form=form, new=new, problems=problems or [], opened=opened, frozen=frozen,
        scales=[("", "–"), *((scale["code"], scale["code"]) for scale in content["scale"])],
        ready=versions.ready_made(),
    )  # fmt: skip


# -- between the data of a sheet and the fields of the form -----------------------------------------------------


def _fields(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": content["code"],
        "title_zh": content["title"]["zh"],
        "title_en": content["title"]["en"],
        "scales": content["scale"],
        "items": [_item_fields(item) for item in content["item"]],
    }


def _item_fields(item: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: item[name] for name in ("code", "kind", "core", "about", "scale") if name in item}
    for name in ("dimension", "question", "not_applicable"):
        fields |= {f"{name}_{language}": words for language, words in item.get(name, {}).items()}
    condition = item.get("asked_if", {})
    return fields | {"asked_if": condition.get("item", ""), "at_most": str(condition.get("at_most", ""))}


def _content(form: SheetEditor, *, code: str) -> Content:
    return {
        "code": code,
        "version": 1,
        "title": {"en": _words(form.title_en), "zh": _words(form.title_zh)},
        "scale": [_scale(entry.form) for entry in form.scales],
        "item": [_item(entry.form) for entry in form.items],
    }


def _words(field: StringField) -> str:
    return (field.data or "").strip()


def _number(field: StringField) -> int | str:
    text = _words(field)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text


def _scale(form: ScaleForm) -> Content:
    points = [
        {"value": _number(point.form.value), "en": _words(point.form.en), "zh": _words(point.form.zh)}
        for point in form.points
    ]
    return {"code": _words(form.code), "points": points}


def _item(form: ItemForm) -> Content:
    """An item's data. What was left blank and may be is left out."""
    item: Content = {"code": _words(form.code), "kind": _words(form.kind), "core": bool(form.core.data)}
    if form.about.data == "company":
        item["about"] = "company"
    dimension = _both(form, "dimension")
    if form.kind.data == "rating" or any(dimension.values()):
        item["dimension"] = dimension
    if form.kind.data != "text" and form.scale.data:
        item["scale"] = _words(form.scale)
    if form.asked_if.data:
        item["asked_if"] = {"item": _words(form.asked_if), "at_most": _number(form.at_most)}
    item["question"] = _both(form, "question")
    apart = _both(form, "not_applicable")
    if any(apart.values()):
        item["not_applicable"] = apart
    return item


def _both(form: ItemForm, name: str) -> dict[str, str]:
    return {language: _words(form[f"{name}_{language}"]) for language in ("en", "zh")}


# -- adding, moving, removing -----------------------------------------------------------------------------------


def _change(content: Content, wish: str) -> str:
    """Do what a button asks for. Gives the part of the page that should stand open afterwards."""
    what, *where = wish.split(".")
    places = [int(step) for step in where if step.isdigit() and len(step) < 4]
    if what == "item-add":
        content["item"].append(_blank_item(content))
        return f"item-{len(content['item']) - 1}"
    if what == "item-take":
        _take(content, request.form.get("ready", ""))
        return f"item-{len(content['item']) - 1}"
    if what == "scale-add":
        blank = [{"value": value, "en": "", "zh": ""} for value in (5, 4, 3, 2, 1)]
        content["scale"].append({"code": "", "points": blank})
        return f"scale-{len(content['scale']) - 1}"
    return _change_at(content, what, places)


def _change_at(content: Content, what: str, places: list[int]) -> str:
    part = content["scale"] if what.startswith(("scale", "point")) else content["item"]
    if not places or places[0] >= len(part):
        abort(400)
    place = places[0]
    if what in {"item-remove", "scale-remove"}:
        del part[place]
    elif what in {"item-up", "item-down"}:
        other = place + (1 if what == "item-down" else -1)
        if 0 <= other < len(part):
            part[place], part[other] = part[other], part[place]
    elif what == "point-add":
        part[place]["points"].append({"value": "", "en": "", "zh": ""})
        return f"scale-{place}"
    elif what == "point-remove" and len(places) == 2 and places[1] < len(part[place]["points"]):
        del part[place]["points"][places[1]]
        return f"scale-{place}"
    else:
        abort(400)
    return ""


def _blank_item(content: Content) -> Content:
    return {
        "code": f"question_{len(content['item']) + 1}", "kind": "rating", "core": False,
        "dimension": {"en": "", "zh": ""}, "question": {"en": "", "zh": ""},
    }  # fmt: skip


def _take(content: Content, name: str) -> None:
    """Append a ready-made item, with its scale if the sheet does not have it yet."""
    sheet, _, code = name.partition("/")
    if (sheet, code) not in versions.ready_made():
        abort(400)
    item, scale = versions.ready_made()[sheet, code]
    content["item"].append(copy.deepcopy(dict(item)))
    if scale and scale["code"] not in {one["code"] for one in content["scale"]}:
        content["scale"].append(copy.deepcopy(dict(scale)))
