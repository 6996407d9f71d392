"""Customers and their people, and who serves whom: three files, or one flat export of a CRM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from sqlalchemy.orm import Session

from survey.intake.cells import (
    Code,
    Day,
    Language,
    OptionalDay,
    OptionalEmail,
    OptionalPhone,
    OptionalText,
    Role,
    Text,
    UnfitCell,
)
from survey.intake.columns import Columns, Heading, headed, headings, match
from survey.intake.rows import Intake, Part, Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, ids, keep, known, receive
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory
from survey.refusals import N_
from survey.roster import erased

# What the columns may be called that name a customer, a rep or a territory by code, in any file.
CUSTOMER = ("customer", "customer_code", "客户编号", "客户代码", "客户编码", "客户")
REP = ("rep", "rep_code", "业务员编号", "业务员代码", "业务员编码", "业务员工号", "工号", "业务员", "销售代表")
TERRITORY = ("territory", "territory_code", "区域编号", "区域代码", "区域编码", "区域", "地区")

NO_CUSTOMER = N_("There is no customer with this code. Import customers first.")
NO_REP = N_("There is no rep with this code. Import reps first.")
NO_TERRITORY = N_("There is no territory with this code. Import territories first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow(Row):
    KEY: ClassVar = ("code",)
    code: Code = headed("code", "customer_code", "customer", "客户编号", "客户代码", "客户编码", "编号", "代码", "客户")
    name: Text = headed("name", "customer_name", "客户名称", "客户名", "公司名称", "名称", "客户")
    segment: OptionalText = headed("segment", "客户类型", "客户类别", "客户分类", "细分", default=None)
    size_band: OptionalText = headed("size_band", "size", "规模", "客户规模", default=None)
    industry: OptionalText = headed("industry", "行业", "所属行业", default=None)
    channel: OptionalText = headed("channel", "渠道", "销售渠道", default=None)
    product_line: OptionalText = headed("product_line", "产品线", default=None)
    ship_from: OptionalText = headed("ship_from", "发货地", "发货仓", "发货仓库", "发货点", default=None)
    customer_since: OptionalDay = headed(
        "customer_since", "合作起始日期", "合作开始日期", "合作起始", "开户日期", "建档日期", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow(Row):
    KEY: ClassVar = ("customer", "name")
    customer: Code = headed(*CUSTOMER)
    name: Text = headed("name", "contact", "contact_name", "姓名", "联系人", "联系人姓名")
    role: Role = headed("role", "contact_role", "角色", "职能", "联系人角色", "联系人职能", default=None)
    email: OptionalEmail = headed(
        "email", "e_mail", "contact_email", "邮箱", "电子邮箱", "电子邮件", "联系人邮箱", "邮件", default=None
    )
    phone: OptionalPhone = headed(
        "phone", "mobile", "contact_phone", "电话", "手机", "手机号", "手机号码", "联系电话", "联系人电话", default=None
    )
    wechat: OptionalText = headed(
        "wechat", "wechat_id", "weixin", "contact_wechat", "微信号", "微信", "微信名", "微信昵称", "联系人微信",
        "联系人微信号", default=None,
    )  # fmt: skip
    language: Language = headed("language", "contact_language", "语言", "语种", default="zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRow(Row):
    KEY: ClassVar = ("customer", "rep", "territory", "served_from")
    customer: Code = headed(*CUSTOMER)
    rep: Code = headed(*REP)
    territory: Code = headed(*TERRITORY)
    served_from: Day = headed(
        "served_from", "服务开始日期", "服务起始日期", "服务开始", "服务起始", "开始日期", "起始日期", "接手日期"
    )
    served_to: OptionalDay = headed(
        "served_to", "服务结束日期", "服务截止日期", "服务结束", "结束日期", "截止日期", "交出日期", default=None
    )

    @field_validator("served_to")
    @classmethod
    def _after_start(cls, served_to: date | None, row: ValidationInfo) -> date | None:
        served_from = row.data.get("served_from")
        if served_to and served_from and served_to < served_from:
            raise UnfitCell(N_("The service would end before it began (%(served_from)s)."), served_from=served_from)
        return served_to


def take_in_customers(session: Session, sheet: Sheet, *, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in a file of customers, or a flat export with contacts and assignments in the same rows.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    customers, contacts, assignments = _flat_parts(sheet)
    parts: list[Part[Any]] = [part for part in (customers, contacts, assignments) if part]
    intake = receive(session, sheet, *parts)
    intake.check(customers, "code", erased.why_not(session))
    if assignments:
        _check_people(session, intake, assignments)
    for part in parts:
        intake.refuse_contradictions(part)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(session, intake, customers, Customer, key=("code",))
    if contacts:
        _keep_contacts(session, intake, contacts)
    if assignments:
        _keep_assignments(session, intake, assignments)
    return finish(session, intake, "customers", by=by, at=at)


# In a flat export the plain `name` and `code` are the customer's.
_FLAT_CONTACT = headings(ContactRow) | {
    "name": Heading(names=("contact_name", "contact", "联系人姓名", "联系人", "姓名"), needed=True)
}
_FLAT_ASSIGNMENT = headings(AssignmentRow)


def flat_headings() -> dict[tuple[str, str], Heading]:
    """Every column a flat export may have, as (part, field); only the customer's own can be needed."""
    wanted = {("customer", name): heading for name, heading in headings(CustomerRow).items()}
    for kind, fields in (("contact", _FLAT_CONTACT), ("assignment", _FLAT_ASSIGNMENT)):
        wanted |= {(kind, name): replace(h, needed=False) for name, h in fields.items() if name != "customer"}
    return wanted


def _flat_parts(sheet: Sheet) -> tuple[Part[CustomerRow], Part[ContactRow] | None, Part[AssignmentRow] | None]:
    """What the file speaks of besides customers is told by its columns: a part needs all it cannot do without."""
    found = match(sheet.headers, flat_headings(), sheet.chosen)

    def places(kind: str, fields: Mapping[str, Heading]) -> dict[str, int]:
        own = {name: found.places[kind, name] for name in fields if (kind, name) in found.places}
        if kind != "customer":
            own["customer"] = found.places["customer", "code"]
        return own if all(name in own for name, heading in fields.items() if heading.needed) else {}

    customer, contact, assignment = (
        places("customer", headings(CustomerRow)),
        places("contact", _FLAT_CONTACT),
        places("assignment", _FLAT_ASSIGNMENT),
    )
    used = {*customer.values(), *contact.values(), *assignment.values()}
    others = {header: place for place, header in enumerate(sheet.headers) if place not in used}
    return (
        Part(CustomerRow, Columns(places=customer, others=others)),
        Part(ContactRow, Columns(places=contact, others=others), told_by=("name", "role", "email", "phone", "wechat"))
        if contact
        else None,
        Part(AssignmentRow, Columns(places=assignment, others=others), told_by=_FLAT_ASSIGNMENT.keys() - {"customer"})
        if assignment
        else None,
    )


def take_in_contacts(session: Session, sheet: Sheet, *, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in a file of contacts; a customer's contacts are told apart by name.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    contacts = part_of(ContactRow, sheet)
    intake = receive(session, sheet, contacts)
    check_customers(session, intake, contacts)
    intake.refuse_contradictions(contacts)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    _keep_contacts(session, intake, contacts)
    return finish(session, intake, "contacts", by=by, at=at)


def take_in_assignments(session: Session, sheet: Sheet, *, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in a file of assignments; one is known by customer, rep, territory and first day.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    assignments = part_of(AssignmentRow, sheet)
    intake = receive(session, sheet, assignments)
    check_customers(session, intake, assignments)
    _check_people(session, intake, assignments)
    intake.refuse_contradictions(assignments)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    _keep_assignments(session, intake, assignments)
    return finish(session, intake, "assignments", by=by, at=at)


def check_customers(session: Session, intake: Intake, part: Part[Any]) -> None:
    """Refuse rows of customers whom nobody knows, or who were erased."""
    gone, unknown = erased.why_not(session), known(ids(session, Customer), NO_CUSTOMER)
    intake.check(part, "customer", lambda code: gone(code) or unknown(code))


def _check_people(session: Session, intake: Intake, assignments: Part[AssignmentRow]) -> None:
    intake.check(assignments, "rep", known(ids(session, Rep), NO_REP))
    intake.check(assignments, "territory", known(ids(session, Territory), NO_TERRITORY))


def _keep_contacts(session: Session, intake: Intake, contacts: Part[ContactRow]) -> None:
    customers = ids(session, Customer)
    keep(
        session, intake, contacts, Contact, key=("customer_id", "name"),
        joined=lambda row: {"customer_id": customers[row.customer]},
    )  # fmt: skip


def _keep_assignments(session: Session, intake: Intake, assignments: Part[AssignmentRow]) -> None:
    customers, reps, territories = ids(session, Customer), ids(session, Rep), ids(session, Territory)
    keep(
        session, intake, assignments, Assignment, key=("customer_id", "rep_id", "territory_id", "served_from"),
        joined=lambda row: {
            "customer_id": customers[row.customer], "rep_id": reps[row.rep], "territory_id": territories[row.territory],
        },
    )  # fmt: skip
