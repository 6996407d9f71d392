"""Facts and events come in by file, each known by what it is about, and only in periods and of reps that exist."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.facts import ConductEvent, IndicatorFact

Evenhand = Callable[..., Result]
Bring = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def staffed(evenhand: Evenhand, bring: Bring) -> None:
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    evenhand("period", "add", "2026-H2", "--from", "2026-07-01", "--to", "2026-12-31")
    bring("reps", "code,name\nR1,王建国\nR2,Alice Archer\n")


def _counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["read"], report["created"], report["updated"], report["unchanged"]


def _refused(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(refused["row"], refused["column"], refused["value"]) for refused in report["refused"]]


FACTS = (
    "考核期,业务员编号,指标,实际值,目标值,备注,证据\n"
    "2026-H1,R1,回笼,92%,100,,财务月报\n"
    '2026-H1,R1,开单,"１,０５０",1000,"一行\n两行",\n'
    "2026-H1,R1,网点,80,,,\n"
)


def test_facts_keep_value_and_target_in_one_unit(bring: Bring, session: Session) -> None:
    assert _counts(bring("facts", FACTS)) == (3, 3, 0, 0)
    assert _counts(bring("facts", FACTS)) == (3, 0, 0, 3)
    facts = session.execute(select(IndicatorFact.indicator, IndicatorFact.value, IndicatorFact.target)).all()
    assert {tuple(fact) for fact in facts} == {("回笼", 92, 100), ("开单", 1050, 1000), ("网点", 80, None)}
    assert session.scalar(select(IndicatorFact.note).where(IndicatorFact.indicator == "开单")) == "一行\n两行"


def test_a_corrected_fact_takes_the_place_of_the_old_one(bring: Bring, session: Session) -> None:
    bring("facts", FACTS)
    assert _counts(bring("facts", FACTS.replace("92%", "95%"))) == (3, 0, 1, 2)
    assert session.scalar(select(IndicatorFact.value).where(IndicatorFact.indicator == "回笼")) == 95


def test_a_percentage_in_a_workbook_means_what_it_shows(evenhand: Evenhand, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "facts.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["period", "rep", "indicator", "value", "target"])
    sheet.write_row(1, 0, ["2026-H1", "R1", "collection"])
    sheet.write_number(1, 3, 0.92, book.add_format({"num_format": "0%"}))
    sheet.write_number(1, 4, 100)
    book.close()
    assert evenhand("import", "facts", path).exit_code == 0
    fact = session.scalars(select(IndicatorFact)).one()
    assert (fact.value, fact.target) == (92, 100)


def test_the_period_may_be_said_once_for_the_whole_file(bring: Bring, session: Session) -> None:
    text = "rep,indicator,value\nR1,collection,92\n"
    assert _counts(bring("facts", text, "--period", "2026-H1")) == (1, 1, 0, 0)
    assert _counts(bring("facts", text, "--period", "2026-H2")) == (1, 1, 0, 0)
    report = bring("facts", text)
    assert (report["exit"], report["created"]) == (1, 0)
    assert "no column period" in report["refused"][0]["reason"]
    assert session.scalar(select(func.count(IndicatorFact.id))) == 2


def test_a_row_of_another_period_than_the_one_said_is_refused(bring: Bring) -> None:
    report = bring("facts", FACTS, "--period", "2026-H2")
    assert _refused(report) == [(row, "考核期", "2026-H1") for row in (2, 3, 4)]


def test_facts_about_nobody_or_of_no_period_are_refused(bring: Bring, session: Session) -> None:
    report = bring("facts", "period,rep,indicator,value\n2020-H1,R9,collection,92\n2026-H1,R1,collection,much\n")
    assert _refused(report) == [(2, "period", "2020-H1"), (2, "rep", "R9"), (3, "value", "much")]
    assert session.scalar(select(func.count(IndicatorFact.id))) == 0


def test_one_indicator_of_a_rep_cannot_have_two_values(bring: Bring) -> None:
    report = bring("facts", "period,rep,indicator,value\n2026-H1,R1,collection,92\n2026-H1,R1,collection,93\n")
    assert _refused(report) == [(2, "value", "92"), (3, "value", "93")]


EVENTS = (
    "考核期,业务员编号,类别,日期,扣分,事由,证据,倍数\n"
    "2026-H1,R1,库存,2026/3/5,3,=账实不符,盘点表,\n"
    "2026-H1,R1,投诉,2026年4月1日,2,送错货,,2\n"
    "2026-H1,R1,投诉,2026年4月1日,2,态度,,1\n"
)


def test_events_keep_their_day_points_and_multiplier(bring: Bring, session: Session) -> None:
    assert _counts(bring("events", EVENTS)) == (3, 3, 0, 0)
    assert _counts(bring("events", EVENTS)) == (3, 0, 0, 3)
    stock, late, _ = session.scalars(select(ConductEvent).order_by(ConductEvent.id))
    assert (stock.category, stock.on, stock.points, stock.fact) == ("库存", date(2026, 3, 5), 3, "=账实不符")
    assert (stock.multiplier, late.multiplier, stock.evidence) == (1, 2, "盘点表")


def test_events_without_a_multiplier_column_count_once(bring: Bring, session: Session) -> None:
    bring("events", "rep,category,on,points,fact\nR1,stock,2026-03-05,3,short\n", "--period", "2026-H1")
    assert session.scalars(select(ConductEvent.multiplier)).one() == 1


def test_an_event_counts_once_points_are_above_zero_and_its_day_lies_in_its_period(bring: Bring) -> None:
    text = (
        "period,rep,category,on,points,fact,multiplier\n"
        "2026-H1,R1,stock,2026-07-01,3,late,\n"
        "2026-H2,R1,stock,2026-06-30,3,early,\n"
        "2026-H1,R1,stock,2026-03-01,0,nothing,\n"
        "2026-H1,R1,stock,2026-03-02,-1,below,\n"
        "2026-H1,R1,stock,2026-03-03,1,,0\n"
        "2026-H1,R2,stock,2026-03-04,1,short,\n"
        "2026-H1,R2,stock,2026-03-04,2,short,\n"
    )
    assert _refused(bring("events", text)) == [
        (2, "on", "2026-07-01"),
        (3, "on", "2026-06-30"),
        (4, "points", "0"),
        (5, "points", "-1"),
        (6, "fact", ""),
        (6, "multiplier", "0"),
        (7, "points", "1"),
        (8, "points", "2"),
    ]
