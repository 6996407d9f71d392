"""Customers a rep may be losing: orders come in by file, and those who order no more or far less are named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.dashboards.at_risk import at_risk, risk_page
from survey.indicators.page import NotToBeSeen
from survey.intake import undoing
from survey.models.facts import Sale
from survey.models.intake import FileImport
from survey.models.roster import Rep

Bring = Callable[..., dict[str, Any]]
TODAY = date(2026, 7, 10)
ALL = select(Rep.id)
ORDERS = """订单号,客户编号,日期,金额
1,C1,2026-02-20,"1,000"
2,C2,2026-02-10,400
3,C2,2026-06-10,280
4,C3,2026-02-10,400
5,C3,2026-06-10,281
6,C4,2025-01-10,900
7,C5,2026-06-30,50
8,C6,2026-03-01,-20
9,C7,2026-02-20,800
10,C1,2026-04-30,-10
"""


@pytest.fixture(autouse=True)
def served(evenhand: Callable[..., Result], bring: Bring) -> None:
    """R1 serves C1 to C6, C2 in two territories; C7 went to R2 after the last order there is."""
    bring("territories", "code,name\nT1,华东\nT2,华南\n")
    bring("reps", "code,name\nR1,王建国\nR2,李思远\n")
    bring("customers", "code,name\n" + "".join(f"C{number},客户{number}\n" for number in range(1, 8)))
    bring(
        "assignments",
        "customer,rep,territory,served_from,served_to\nC2,R1,T2,2025-01-01,\nC7,R1,T1,2025-01-01,2026-07-05\n"
        "C7,R2,T1,2026-07-06,\n" + "".join(f"C{number},R1,T1,2025-01-01,\n" for number in range(1, 7)),
    )  # fmt: skip


def _counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["read"], report["created"], report["updated"], report["unchanged"]


def test_orders_are_known_by_their_number(bring: Bring, session: Session) -> None:
    assert _counts(bring("sales", ORDERS)) == (10, 10, 0, 0)
    assert _counts(bring("sales", ORDERS)) == (10, 0, 0, 10)
    assert _counts(bring("sales", "number,customer,on,amount\n5,C3,2026-06-10,300\n")) == (1, 0, 1, 0)
    assert session.scalars(select(Sale.amount).where(Sale.number == "5")).one() == 300
    wrong = bring("sales", "number,customer,on,amount\n5,C2,2026-06-10,300\n11,C9,2026-06-10,1\n12,C1,2999-01-01,1\n")
    assert wrong["exit"] == 1
    assert [(one["row"], one["column"]) for one in wrong["refused"]] == [(2, "customer"), (3, "customer"), (4, "on")]
    assert "is stored for customer C3" in wrong["refused"][0]["reason"]


def test_who_stopped_and_who_fell_by_three_tenths_is_named_the_largest_fall_first(
    bring: Bring, session: Session
) -> None:
    """Orders are known up to 30 June: 90 days lead back to 1 April, 180 to 1 January."""
    assert at_risk(session, ALL, days=90, on=TODAY) is None
    assert risk_page(session, ALL, "R1", days=90, on=TODAY).until is None
    bring("sales", ORDERS)
    page = risk_page(session, ALL, "R1", days=90, on=TODAY)
    assert (page.until, page.customers) == (date(2026, 6, 30), 5), "C6 only sent something back, C7 is another's"
    assert [(one.code, one.stopped, one.days, one.before, one.lately) for one in page.rows] == [
        ("C1", True, 130, 1000, -10), ("C2", False, 20, 400, 280), ("C4", True, 536, 0, 0),
    ], "C3 fell by less than 30 %, C5 has only begun"  # fmt: skip
    assert [one.share for one in page.rows] == [pytest.approx(1.01), pytest.approx(0.3), None]
    reps = {rep.code: rep.id for rep in session.scalars(select(Rep))}
    assert at_risk(session, ALL, days=90, on=TODAY) == {reps["R1"]: 3, reps["R2"]: 1}
    assert {one.code for one in risk_page(session, ALL, "R1", days=130, on=TODAY).rows} >= {"C1"}
    assert "C1" not in {one.code for one in risk_page(session, ALL, "R1", days=131, on=TODAY).rows if one.stopped}
    with pytest.raises(NotToBeSeen):
        risk_page(session, select(Rep.id).where(Rep.code == "R2"), "R1", days=90, on=TODAY)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_import_of_orders_is_taken_back(bring: Bring, session: Session, now: Any) -> None:
    bring("sales", ORDERS)
    number = session.scalars(select(FileImport.id).where(FileImport.kind == "sales")).one()
    undoing.undo(session, number, by="a", at=now)
    assert session.scalars(select(Sale.id)).all() == []
