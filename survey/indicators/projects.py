"""Projects that take long: one row a stage, with its weight, when it is planned and how much of it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.indicators.bounds import check_rep, rep_of
from survey.intake.cells import (
    Code,
    Day,
    Multiplier,
    OptionalDay,
    OptionalText,
    OptionalWords,
    PositiveNumber,
    Share,
    Text,
)
from survey.intake.columns import headed, headings
from survey.intake.rows import Part, Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, ids, keep, receive
from survey.models.facts import Project, ProjectStage
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import REP

_PROJECT = ("project", "项目编号", "项目代码", "项目")


class ProjectRefused(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow(Row):
    KEY: ClassVar = ("code",)
    code: Code = headed(*_PROJECT)
    rep: Code = headed(*REP)
    name: Text = headed("name", "项目名称", "名称")
    importance: Multiplier = headed("importance", "重要性", "项目权重", default=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow(Row):
    KEY: ClassVar = ("code", "stage")
    code: Code = headed(*_PROJECT)
    stage: Text = headed("stage", "阶段", "阶段名称", "节点")
    weight: PositiveNumber = headed("weight", "权重", "阶段权重")
    planned_on: Day = headed("planned_on", "planned", "计划日期", "计划完成日期")
    done: Share = headed("done", "完成", "完成比例", "完成率")
    done_on: OptionalDay = headed("done_on", "完成日期", "实际完成日期", default=None)
    evidence: OptionalWords = headed("evidence", "证据", "依据", default=None)
    approved_by: OptionalText = headed("approved_by", "批准人", "核准人", default=None)
    removed: OptionalWords = headed("removed", "取消原因", "剔除原因", default=None)


def take_in(
    session: Session, sheet: Sheet, *, reason: str = "", valid_rows: bool = False, by: str, at: datetime
) -> Report:
    """Bring in stages of projects; a stage is known by its project's code and its name.

    A stage removed for the customer's reasons is neither planned nor done any more; that needs who approved it.
    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    projects, stages = _part(ProjectRow, sheet), _part(StageRow, sheet)
    intake = receive(session, sheet, projects, stages)
    check_rep(session, intake, projects)
    unapproved = Refused(N_("Taking a stage out needs who approved it (approved_by)."))
    for number, row in [*intake.standing(stages)]:
        if row.removed and not row.approved_by:
            intake.refuse(stages, number, "removed", unapproved)
    intake.refuse_contradictions(projects)
    intake.refuse_contradictions(stages)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    old = keep(session, intake, projects, Project, key=("code",), joined=rep_of(session))
    codes = ids(session, Project)

    def of_project(row: Any) -> dict[str, Any]:
        return {"project_id": codes[row.code]}

    changed = keep(session, intake, stages, ProjectStage, key=("project_id", "stage"), joined=of_project)
    revisions.keep_old(session, Project, old, intake, reason=reason, by=by, at=at)
    revisions.keep_old(session, ProjectStage, changed, intake, reason=reason, by=by, at=at)
    return finish(session, intake, "projects", by=by, at=at)


def _part(model: Any, sheet: Sheet) -> Part[Any]:
    """A part of a row, told of the chosen headers that are its own, and of those that are nobody's."""
    own, either = _columns(model), _columns(ProjectRow) | _columns(StageRow)
    chosen = {column: header for column, header in sheet.chosen.items() if column in own or column not in either}
    return part_of(model, replace(sheet, chosen=chosen))


def _columns(model: Any) -> set[str]:
    return {heading.names[0] for heading in headings(model).values()}


def enter(
    session: Session, rep: Rep, project: ProjectRow, stage: StageRow, *, reason: str = "", by: str, at: datetime
) -> ProjectStage:
    """Write one stage down, with its project if that is new; or correct it, with a reason. Raises ProjectRefused for a
    stage taken out without an approver and for another rep's project; ReasonMissing."""
    if stage.removed and not stage.approved_by:
        raise ProjectRefused(N_("Taking a stage out needs who approved it (approved_by)."))
    found = session.scalar(select(Project).where(Project.code == project.code))
    if found is None:
        found = Project(code=project.code, rep_id=rep.id, name=project.name, importance=project.importance)
        session.add(found)
        session.flush()
    elif found.rep_id != rep.id:
        raise ProjectRefused(N_("Project %(code)s belongs to somebody else."), code=project.code)
    values = {
        name: getattr(stage, name)
        for name in ("weight", "planned_on", "done", "done_on", "evidence", "approved_by", "removed")
    }
    row = session.scalar(
        select(ProjectStage).where(ProjectStage.project_id == found.id, ProjectStage.stage == stage.stage)
    )
    if row is None:
        row = ProjectStage(project_id=found.id, stage=stage.stage, **values)
        session.add(row)
    elif not revisions.correct(session, row, values, reason=reason, by=by, at=at):
        return row
    session.flush()
    journal.record(session, "stage entered", rep.code, {"project": found.code, "stage": row.stage}, by=by, at=at)
    return row
