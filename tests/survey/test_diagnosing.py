"""The table of one rep over four years, from imported facts to the statement, with its questions and company means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.appraising import Appraisal
from survey.models.roster import Assignment, Customer, Rep, Territory

YEARS = ("1997", "1998", "1999", "2000")
ROWS = {
    "sales:A": (251_300, 253_200, 270_000, 263_100), "sales:B": (423_200, 439_200, 553_900, 561_900),
    "gross_profit:A": (50_260, 50_640, 54_000, 52_620), "gross_profit:B": (42_320, 43_920, 55_390, 56_190),
    "销售费用": (10_200, 11_100, 11_600, 13_200), "calls": (1_675, 1_700, 1_680, 1_660),
    "customers": (320, 324, 328, 334), "new_customers": (13, 14, 15, 20), "流失客户": (8, 10, 11, 14),
}  # fmt: skip
QUOTAS = {"sales:A": (95.6, 92.0, 88.0, 84.7), "sales:B": (120.4, 122.3, 134.9, 130.8)}

Bring = Callable[..., dict[str, Any]]


def facts(rep: str, **other: tuple[float, ...]) -> str:
    """The file of one rep's four years; a quota is what attainment says it must have been."""
    lines = []
    for name, values in (ROWS | other).items():
        for year, value in zip(YEARS, values, strict=True):
            share = QUOTAS[name][YEARS.index(year)] if name in QUOTAS else None
            target = repr(100 * value / share) if share else "20" if name == "new_customers" else ""
            lines.append(f"{year},{rep},{name},{value},{target}")
    return "\n".join(lines)


@pytest.fixture
def smith(evenhand: Callable[..., Result], bring: Bring) -> Callable[..., None]:
    for year in YEARS:
        evenhand("period", "add", year, "--from", f"{year}-01-01", "--to", f"{year}-12-31")
    bring("reps", "code,name,position\nSMITH,J. Smith,rep\nJONES,A. Jones,rep\nLEE,B. Lee,rep\n")

    def appraised(*more: str) -> None:
        assert bring("facts", "\n".join(("period,rep,indicator,value,target", facts("SMITH"), *more)))["exit"] == 0
        assert evenhand("schemes", "adopt", "four-counts").exit_code == 0
        assert evenhand("appraise", "2000", "--scheme", "four-counts").exit_code == 0

    return appraised


def stored(session: Session) -> dict[str, Any]:
    return next(
        row.statement["diagnosis"] for row in session.scalars(select(Appraisal)) if row.outcome["rep"] == "SMITH"
    )


def test_the_worked_table_stands_in_the_statement(smith: Callable[..., None], session: Session) -> None:
    smith()
    found = stored(session)
    assert found["periods"] == [*YEARS]
    lines = {line["en"]: line["values"] for line in found["lines"]}
    assert lines["Net sales, total"] == [674_500, 692_400, 823_900, 825_000]
    assert lines["Gross profit, total"] == [92_580, 94_560, 109_390, 108_810]
    assert lines["% of quota A"] == pytest.approx([95.6, 92.0, 88.0, 84.7])
    assert [round(value, 2) for value in lines["Cost per call"]] == [6.09, 6.53, 6.90, 7.95]
    assert [round(value) for value in lines["Sales per customer"]] == [2_108, 2_137, 2_512, 2_470]
    assert sum(line["key"] for line in found["lines"]) == 5
    assert found["unbalanced"] == []


def test_it_asks_the_worked_questions_and_says_that_company_means_are_missing(
    smith: Callable[..., None], session: Session
) -> None:
    smith()
    found = stored(session)
    assert [question["code"] for question in found["questions"]] == ["D1", "D2", "D3", "D4", "D5", "D6", "D7"]
    asked = {question["code"]: question for question in found["questions"]}
    assert asked["D2"]["numbers"] == {"sales": 1_100, "profit": -580}
    assert asked["D3"]["numbers"] == pytest.approx({"A": -1_380, "B": 800, "mix": -580})
    assert all(question["en"].endswith("?") and question["zh"].endswith("？") for question in asked.values())
    assert [(left["code"], left["en"]) for left in found["left_out"]] == [
        ("D8", "Company average missing."), ("D9", "Company average missing."),
    ]  # fmt: skip


def _colleagues() -> str:
    richer = {"gross_profit:A": (52_000, 52_000, 56_000, 80_000), "calls": (1_700, 1_700, 1_700, 2_000)}
    return "\n".join(facts(rep, **richer) for rep in ("JONES", "LEE"))


def test_company_means_come_from_the_position_and_distances_decide_whether_calls_are_compared(
    smith: Callable[..., None], session: Session
) -> None:
    smith(_colleagues())
    found = stored(session)
    assert [question["code"] for question in found["questions"]][-1] == "D8"
    own = (3 * 561_900 * 0.1 + 52_620 + 2 * 80_000) / (3 * 334)
    assert found["questions"][-1]["numbers"]["company"] == pytest.approx(own)
    assert found["left_out"][0]["en"].startswith("Distances")


def test_calls_are_compared_where_distances_are_alike(
    smith: Callable[..., None], session: Session, evenhand: Callable[..., Result], now: datetime
) -> None:
    smith(_colleagues())
    north, customer = Territory(code="N", name="North", workload=20), Customer(code="C", name="C")
    session.add_all([north, customer])
    session.flush()
    session.add_all(
        Assignment(customer_id=customer.id, rep_id=rep, territory_id=north.id, served_from=date(2000, 1, 1))
        for rep in session.scalars(select(Rep.id))
    )
    session.commit()
    assert evenhand("appraise", "2000", "--scheme", "four-counts").exit_code == 0
    rows = session.scalars(select(Appraisal).order_by(Appraisal.revision)).all()
    found = [row.statement["diagnosis"] for row in rows if row.outcome["rep"] == "SMITH"][-1]
    assert [question["code"] for question in found["questions"]][-2:] == ["D8", "D9"]
    assert found["questions"][-1]["numbers"] == pytest.approx({"own": 1_660, "company": (1_660 + 4_000) / 3})
