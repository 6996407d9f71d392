"""From a form about a rep to a stored entry, by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash
from flask_babel import gettext
from pydantic import ValidationError

from survey import context, plans
from survey.indicators import events, facts, goals, notes, projects, provisions, visits
from survey.models.company import Period
from survey.models.roster import Rep
from survey.refusals import Refused


def _fact(rep: Rep, period: Period, form: Any) -> None:
    row = row_of(
        facts.FactRow, rep, period=period.code, indicator=form.indicator.data, value=form.value.data,
        target=form.target.data, missing=form.missing.data, approved_by=form.approved_by.data, source=form.source.data,
        evidence=form.evidence.data, note=form.note.data,
    )  # fmt: skip
    facts.enter(
        context.session(), period, rep, row, reason=form.reason.data or "", by=context.actor(), at=context.now()
    )


def _event(rep: Rep, period: Period, form: Any) -> None:
    row = row_of(
        events.EventRow, rep, period=period.code, category=form.category.data, on=form.on.data, points=form.points.data,
        fact=form.fact.data, evidence=form.evidence.data, in_survey=form.in_survey.data,
        multiplier=form.multiplier.data, expires_on=form.expires_on.data,
    )  # fmt: skip
    events.enter(
        context.session(), period, rep, row, reason=form.reason.data or "", by=context.actor(), at=context.now()
    )


def _note(rep: Rep, _period: Period, form: Any) -> None:
    told = ("on", "source", "text", "indicator", "evidence")
    row = row_of(notes.NoteRow, rep, **{name: form[name].data for name in told})
    visit = row_of(notes.Accompanied, rep, **{name: form[name].data for name in notes.ACCOMPANIED})
    note = notes.write(context.session(), rep, row, visit, on=context.today(), by=context.actor(), at=context.now())
    if notes.is_vague(note):
        flash(
            gettext("Kept, but vague: it names no indicator and no fact. Say what happened, when, with what effect."),
            "warning",
        )


def _goal(rep: Rep, period: Period, form: Any) -> None:
    row = row_of(
        goals.GoalRow, rep, period=period.code, text=form.text.data, indicator=form.indicator.data,
        target=form.target.data, unit=form.unit.data, due_on=form.due_on.data,
    )  # fmt: skip
    goals.propose(context.session(), period, rep, row, by=context.actor(), at=context.now())


def _visit(rep: Rep, _period: Period, form: Any) -> None:
    row = row_of(visits.VisitRow, rep, **{name: form[name].data for name in _fields_of(form)})
    visits.enter(context.session(), rep, row, on=context.today(), by=context.actor(), at=context.now())


def _stage(rep: Rep, _period: Period, form: Any) -> None:
    of_project = ("code", "name", "importance")
    project = row_of(projects.ProjectRow, rep, **{name: form[name].data for name in of_project})
    cells = {name: form[name].data or "" for name in _fields_of(form) if name not in ("name", "importance", "reason")}
    projects.enter(
        context.session(), rep, project, _checked(projects.StageRow, cells), reason=form.reason.data or "",
        by=context.actor(), at=context.now(),
    )  # fmt: skip


def _fields_of(form: Any) -> list[str]:
    return [field.short_name for field in form if field.short_name != "csrf_token"]


def _plan(rep: Rep, period: Period, form: Any) -> None:
    row = row_of(plans.PlanRow, rep, **{name: form[name].data for name in _fields_of(form)})
    plans.write(context.session(), period, rep, row, by=context.actor(), at=context.now())


def _provision(rep: Rep, _period: Period, form: Any) -> None:
    row = row_of(provisions.ProvisionRow, rep, **{name: form[name].data for name in _fields_of(form)})
    provisions.write(context.session(), rep, row, on=context.today(), by=context.actor(), at=context.now())


WRITERS: dict[str, Callable[[Rep, Period, Any], None]] = {
    "fact": _fact, "event": _event, "note": _note, "goal": _goal, "visit": _visit, "stage": _stage,
    "plan": _plan, "provision": _provision,
}  # fmt: skip


class UnfitFields(Refused):
    """Fields of a form that cannot be read; `fields` holds the reasons by field."""

    def __init__(self, fields: dict[str, Refused]) -> None:
        self.fields = fields
        super().__init__("", problems=tuple(fields.values()))


def row_of(model: Any, rep: Rep, **cells: str | None) -> Any:
    """The fields about a rep as one checked row, read as a file's cells are."""
    return _checked(model, {"rep": rep.code, **{name: value or "" for name, value in cells.items()}})


def _checked(model: Any, cells: dict[str, str]) -> Any:
    try:
        return model(**cells)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise UnfitFields({str(one["loc"][0]): one["ctx"]["error"] for one in wrong}) from None
