"""Territories, by code."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy.orm import Session

from survey.intake.cells import Code, OptionalAmount, Text
from survey.intake.columns import headed
from survey.intake.rows import Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.roster import Territory


@dataclass(frozen=True, slots=True, kw_only=True)
class TerritoryRow(Row):
    KEY: ClassVar = ("code",)
    code: Code = headed("code", "territory_code", "territory", "区域编号", "区域代码", "编号", "代码", "区域")
    name: Text = headed("name", "territory_name", "区域名称", "名称", "区域名", "区域", "地区")
    potential: OptionalAmount = headed("potential", "潜力", "区域潜力", "市场潜力", default=None)
    competition: OptionalAmount = headed("competition", "竞争", "竞争程度", "竞争强度", default=None)
    accounts: OptionalAmount = headed("accounts", "客户数", "客户数量", "账户数", default=None)
    workload: OptionalAmount = headed("workload", "工作量", default=None)
    support: OptionalAmount = headed("support", "advertising", "公司支持", "广告投入", default=None)


def take_in(session: Session, sheet: Sheet, *, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in a file of territories. Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report."""
    territories = part_of(TerritoryRow, sheet)
    intake = receive(session, sheet, territories)
    intake.refuse_contradictions(territories)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(session, intake, territories, Territory, key=("code",))
    return finish(session, intake, "territories", by=by, at=at)
