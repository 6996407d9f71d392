"""Every kind of file that comes in: the roster's, what is measured and written down of reps, and earlier answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from survey import history
from survey.history import lines
from survey.indicators import events, facts, goals, notes, projects, sales, visits
from survey.intake.columns import Heading, headings
from survey.intake.rows import Report
from survey.intake.sheet import Sheet
from survey.questionnaires import versions
from survey.roster import files
from survey.roster.files import Kind

ANSWERS = "answers"
OF_A_PERIOD = frozenset({"facts", "events", "goals", ANSWERS})
"""Their rows speak of a period, which may be said once for the whole file; of answers it must be."""
OF_NO_DAY_TO_COME = frozenset({"notes", "sales"})
"""Their days are checked against today."""
CORRECTED = frozenset({"facts", "events", "visits", "projects", "goals"})
"""What they change keeps its old value, with a reason."""


def _kind(kind: str, take_in: Callable[..., Report], *rows: Any, **example: str) -> Kind:
    wanted: dict[Any, Heading] = {}
    for model in rows:
        known = {heading.names[0] for heading in wanted.values()}
        wanted |= {
            (model.__name__, field): heading
            for field, heading in headings(model).items()
            if heading.names[0] not in known
        }
    return Kind(name=kind, wanted=wanted, take_in=take_in, example=example)


KINDS: dict[str, Kind] = files.KINDS | {
    kind.name: kind
    for kind in (
        _kind(
            "facts", facts.take_in, facts.FactRow,
            period="2026-H1", rep="R001", indicator="collection", value="92", target="100", source="ERP",
        ),
        _kind(
            "events", events.take_in, events.EventRow,
            period="2026-H1", rep="R001", category="complaint", on="2026-03-01", points="2", fact="投诉",
        ),
        _kind(
            "visits", visits.take_in, visits.VisitRow, rep="R001", customer="C0001", on="2026-03-01", purpose="回访"
        ),
        _kind(
            "projects", projects.take_in, projects.ProjectRow, projects.StageRow,
            project="P01", rep="R001", name="二号线", stage="报价", weight="20", planned_on="2026-03-31", done="100%",
        ),
        _kind(
            "goals", goals.take_in, goals.GoalRow,
            period="2026-H1", rep="R001", text="新增 5 家客户", indicator="new_customers", target="5", unit="家",
            due_on="2026-06-30", accepted_by="wang@example.com", accepted_on="2026-01-10",
        ),
        _kind(
            "notes", notes.take_in, notes.NoteRow, rep="R001", on="2026-03-01", source="observation", text="陪同拜访"
        ),
        _kind(
            "sales", sales.take_in, sales.SaleRow,
            number="SO-2026-0001", customer="C0001", on="2026-03-01", amount="12,800.00",
        ),
        _kind(
            ANSWERS, history.take_in, lines.AnswerRow,
            campaign="2025-H2", customer="C0001", rep="R001", territory="T01", answered_on="2025-12-01", mode="web",
            segment="标准", knowledge="5", delivery="4", responsiveness="N/A",
        ),
    )
}  # fmt: skip


def kind_of(session: Session, kind: str, questionnaire: str | None = None) -> Kind:
    """A kind with its columns; those of answers include the questions of a sheet (the one that ships, by default).

    Raises UnknownQuestionnaire.
    """
    if kind != ANSWERS:
        return KINDS[kind]
    sheet = versions.history(session, questionnaire or history.SHIPPED)[0].sheet
    return replace(KINDS[kind], wanted=lines.wanted(sheet))


def take_in(
    session: Session, kind: str, sheet: Sheet, *, period: str | None = None, reason: str = "",
    questionnaire: str | None = None, valid_rows: bool = False, on: date, by: str, at: datetime,
) -> Report:  # fmt: skip
    """Bring in a file of one kind. `on` is today. `period` stands in for a column the file does not have, `reason` says
    why stored values change, `questionnaire` which sheet answers belong to; they are left out where they mean nothing.

    Raises MissingColumn, DoubleColumn, UnknownColumn, NoRows, and for answers what `history.take_in` raises; rows are
    refused in the report.
    """
    if kind in files.KINDS:
        return files.take_in(session, kind, sheet, valid_rows=valid_rows, on=on, by=by, at=at)
    more: dict[str, Any] = {"on": on} if kind in OF_NO_DAY_TO_COME else {}
    if kind in OF_A_PERIOD:
        more["period"] = period
    if kind in CORRECTED:
        more["reason"] = reason
    if kind == ANSWERS:
        more["questionnaire"] = questionnaire or history.SHIPPED
    return KINDS[kind].take_in(session, sheet, valid_rows=valid_rows, by=by, at=at, **more)
