"""Sales reps, by code, and who manages them from when until when."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from pydantic import ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey.intake.cells import Code, OptionalDay, OptionalEmail, OptionalText, Text, UnfitCell
from survey.intake.columns import headed
from survey.intake.rows import Intake, Part, Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import create, finish, ids, keep, receive
from survey.models.roster import Rep, ReportingLine
from survey.refusals import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class RepRow(Row):
    KEY: ClassVar = ("code",)
    code: Code = headed(
        "code", "rep_code", "rep", "业务员编号", "业务员代码", "工号", "员工编号", "编号", "代码", "业务员"
    )
    name: Text = headed("name", "rep_name", "姓名", "业务员姓名", "业务员名称", "名称", "业务员", "销售代表")
    email: OptionalEmail = headed("email", "e_mail", "邮箱", "电子邮箱", "电子邮件", "邮件", default=None)
    position: OptionalText = headed("position", "岗位", "职位", "职务", default=None)
    hired_on: OptionalDay = headed("hired_on", "入职日期", "入职时间", "入职日", default=None)
    left_on: OptionalDay = headed("left_on", "离职日期", "离职时间", "离职日", default=None)
    manager_email: OptionalEmail = headed(
        "manager_email", "主管邮箱", "上级邮箱", "经理邮箱", "主管电子邮箱", "主管邮件", default=None
    )

    @field_validator("left_on")
    @classmethod
    def _after_hired(cls, left_on: date | None, row: ValidationInfo) -> date | None:
        hired_on = row.data.get("hired_on")
        if left_on and hired_on and left_on < hired_on:
            raise UnfitCell(N_("This rep would have left before being hired (%(hired_on)s)."), hired_on=hired_on)
        return left_on

    @field_validator("manager_email")
    @classmethod
    def _somebody_else(cls, manager_email: str | None, row: ValidationInfo) -> str | None:
        if manager_email and manager_email == row.data.get("email"):
            raise UnfitCell(N_("Nobody is their own manager. Leave the manager of the topmost blank."))
        return manager_email


def take_in(session: Session, sheet: Sheet, *, valid_rows: bool = False, on: date, by: str, at: datetime) -> Report:
    """Bring in a file of reps. A change of manager counts from the day of the import (`on`).

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    reps = part_of(RepRow, sheet)
    intake = receive(session, sheet, reps)
    intake.refuse_contradictions(reps)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(session, intake, reps, Rep, key=("code",))
    if "manager_email" not in reps.silent:
        _keep_managers(session, intake, reps, on=on)
    return finish(session, intake, "reps", by=by, at=at)


def _keep_managers(session: Session, intake: Intake, reps: Part[RepRow], *, on: date) -> None:
    rep_ids = ids(session, Rep)
    still_open = select(ReportingLine).where(ReportingLine.until_on.is_(None))
    open_lines = {line.rep_id: line for line in session.scalars(still_open)}
    ended, begun = [], {}
    for number, row in intake.standing(reps):
        rep_id = rep_ids[row.code]
        line = open_lines.get(rep_id)
        if rep_id in begun or (line.manager_email if line else None) == row.manager_email:
            continue
        if line:
            ended.append({"id": line.id, "until_on": on})
            intake.changes.update("reporting_line", line.id, ("until_on",), (None,), (on,))
        begun[rep_id] = row.manager_email
        intake.mark(number, "updated")
    if ended:
        session.execute(update(ReportingLine), ended)
    managed = [(rep_id, email) for rep_id, email in begun.items() if email]
    create(
        session, intake.changes, ReportingLine, managed,
        lambda line: {"rep_id": line[0], "manager_email": line[1], "since_on": on},
    )  # fmt: skip
