"""What customers ordered, order by order, from the company's own books. It is read to see whom one may be losing."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from pydantic.dataclasses import dataclass
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.intake.cells import Code, Day, Number
from survey.intake.columns import headed
from survey.intake.rows import Intake, Part, Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, ids, keep, receive
from survey.models.facts import Sale
from survey.models.roster import Customer
from survey.refusals import N_, Refused
from survey.roster.customers import CUSTOMER, check_customers


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRow(Row):
    """One order, or one line of it: `number` tells it from all others. What came back has an amount below zero."""

    KEY: ClassVar = ("number",)
    number: Code = headed("number", "order", "order_number", "invoice", "单号", "订单号", "订单编号", "发票号")
    customer: Code = headed(*CUSTOMER)
    on: Day = headed("on", "date", "日期", "下单日期", "订单日期", "销售日期")
    amount: Number = headed("amount", "sales", "金额", "销售额", "订单金额", "销售金额")


def take_in(session: Session, sheet: Sheet, *, on: date, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in orders, known by their number; `on` is today, and none may be of a later day.

    Raises MissingColumn, DoubleColumn, NoRows; rows are refused in the report.
    """
    sales = part_of(SaleRow, sheet)
    intake = receive(session, sheet, sales)
    customers = ids(session, Customer)
    check_customers(session, intake, sales)
    intake.check(sales, "on", lambda day: _too_early(day, on))
    intake.refuse_contradictions(sales)
    _refuse_anothers(session, intake, sales)
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    keep(
        session, intake, sales, Sale, key=("number",), joined=lambda row: {"customer_id": customers[row.customer]}
    )  # fmt: skip
    return finish(session, intake, "sales", by=by, at=at)


def _too_early(day: date, today: date) -> Refused | None:
    return Refused(N_("This day has not come yet. Give the day of the order.")) if day > today else None


def _refuse_anothers(session: Session, intake: Intake, sales: Part[SaleRow]) -> None:
    """An order stays with the customer it was stored for: moved in silence, it would change what two of them bought."""
    stored = dict(iter(session.execute(select(Sale.number, Customer.code).join(Customer))))
    for place, row in list(intake.standing(sales)):
        if stored.get(row.number, row.customer) != row.customer:
            reason = Refused(
                N_("Order %(number)s is stored for customer %(customer)s. Correct the code, or undo that import."),
                number=row.number, customer=stored[row.number],
            )  # fmt: skip
            intake.refuse(sales, place, "customer", reason)
