"""A company comes in by files: created once, changed where the file says so, refused row by row."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import xlsxwriter
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.company import Company, JournalEntry, Period
from survey.models.roster import Assignment, Contact, Customer, Rep, ReportingLine, Territory
from survey.roster import company, periods

Evenhand = Callable[..., Result]
BY = "test"


Bring = Callable[..., dict[str, Any]]


def _counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["read"], report["created"], report["updated"], report["unchanged"]


def _refused(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(refused["row"], refused["column"], refused["value"]) for refused in report["refused"]]


@pytest.fixture
def staffed(bring: Bring) -> None:
    bring("territories", "code,name\nT1,North\nT2,East\n")
    bring("reps", "code,name\nR1,王建国\nR2,Alice Archer\n")
    bring("customers", "code,name\nC1,甲公司\nC2,乙公司\n")


# -- territories ------------------------------------------------------------------------------------------------


def test_territories_are_created_once_and_changed_where_the_file_says_so(bring: Bring, session: Session) -> None:
    text = '区域编号,区域名称,潜力,竞争,客户数,工作量\nT1,华北,1,2,"3,000",4.5\nT2,华东,,,,\n'
    assert _counts(bring("territories", text)) == (2, 2, 0, 0)
    assert _counts(bring("territories", text)) == (2, 0, 0, 2)
    assert _counts(bring("territories", text.replace("华东", "东部"))) == (2, 0, 1, 1)
    north, east = session.scalars(select(Territory).order_by(Territory.code))
    assert (north.name, north.potential, north.competition, north.accounts, north.workload) == ("华北", 1, 2, 3000, 4.5)
    assert (east.name, east.potential) == ("东部", None)


def test_a_column_the_file_lacks_is_left_alone_and_a_blank_cell_clears(bring: Bring, session: Session) -> None:
    bring("territories", "code,name,potential,workload\nT1,North,5,7\n")
    assert _counts(bring("territories", "code,name,potential\nT1,North,\n")) == (1, 0, 1, 0)
    north = session.scalars(select(Territory)).one()
    assert (north.potential, north.workload) == (None, 7)


# -- reps -------------------------------------------------------------------------------------------------------


def test_reps_come_in_with_their_manager_from_the_day_of_the_import(bring: Bring, session: Session) -> None:
    text = (
        "工号,姓名,邮箱,岗位,入职日期,离职日期,主管邮箱\n"
        "R1,喆玥堃昇,R1@Heng.Example,销售代表,2024年3月1日,,BOSS@heng.example\n"
        "R2,李二,,,2024/3/1,2026/5/31,\n"
    )
    with time_machine.travel(datetime(2026, 6, 30, 17, 0, tzinfo=UTC), tick=False):  # the next day in Shanghai
        assert _counts(bring("reps", text)) == (2, 2, 0, 0)
    first, second = session.scalars(select(Rep).order_by(Rep.code))
    assert (first.name, first.email, first.position) == ("喆玥堃昇", "r1@heng.example", "销售代表")
    assert (second.hired_on, second.left_on) == (date(2024, 3, 1), date(2026, 5, 31))
    line = session.scalars(select(ReportingLine)).one()
    assert (line.rep_id, line.manager_email) == (first.id, "boss@heng.example")
    assert (line.since_on, line.until_on) == (date(2026, 7, 1), None)


def test_a_new_manager_follows_the_old_one_on_the_day_of_the_import(bring: Bring, session: Session) -> None:
    day = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    text = "code,name,manager_email\nR1,Li,{}\n"
    with time_machine.travel(day, tick=False):
        bring("reps", text.format("old@heng.example"))
    with time_machine.travel(day + timedelta(days=10), tick=False):
        assert _counts(bring("reps", text.format("new@heng.example"))) == (1, 0, 1, 0)
        assert _counts(bring("reps", text.format("new@heng.example"))) == (1, 0, 0, 1)
    with time_machine.travel(day + timedelta(days=20), tick=False):
        assert _counts(bring("reps", "code,name\nR1,Li\n")) == (1, 0, 0, 1)
        assert _counts(bring("reps", text.format(""))) == (1, 0, 1, 0)
    lines = session.execute(
        select(ReportingLine.manager_email, ReportingLine.since_on, ReportingLine.until_on).order_by(ReportingLine.id)
    ).all()
    assert [tuple(line) for line in lines] == [
        ("old@heng.example", date(2026, 7, 1), date(2026, 7, 11)),
        ("new@heng.example", date(2026, 7, 11), date(2026, 7, 21)),
    ]


def test_what_a_rep_cannot_be_is_refused_by_row_column_and_value(bring: Bring, session: Session) -> None:
    text = (
        "code,name,email,hired_on,left_on,manager_email\n"
        "R1,Li,li@heng,2026-02-30,,\n"
        ",Wu,,,,\n"
        "R3,Xu,,2026-03-01,2026-02-01,\n"
        "R4,He,he@heng.example,,,HE@heng.example\n"
        "R5,\u202eYu,,,,\n"
        "R6,Ok,,,,\n"
    )
    report = bring("reps", text)
    assert (report["exit"], report["read"], report["created"]) == (1, 6, 0)
    assert _refused(report) == [
        (2, "email", "li@heng"),
        (2, "hired_on", "2026-02-30"),
        (3, "code", ""),
        (4, "left_on", "2026-02-01"),
        (5, "manager_email", "HE@heng.example"),
        (6, "name", "\\u202eYu"),
    ]
    assert all(refused["reason"] for refused in report["refused"])
    assert session.scalar(select(func.count(Rep.id))) == 0


# -- customers, contacts, assignments ---------------------------------------------------------------------------


def test_customers_keep_every_attribute(bring: Bring, session: Session) -> None:
    text = (
        "客户编号,客户名称,客户类型,规模,行业,渠道,产品线,发货地,合作起始日期\n"
        "C1,甲公司,重点,大,化工,直销,流量,上海,2019/3/5\n"
    )
    assert _counts(bring("customers", text)) == (1, 1, 0, 0)
    one = session.scalars(select(Customer)).one()
    assert (one.code, one.name, one.segment, one.size_band, one.industry) == ("C1", "甲公司", "重点", "大", "化工")
    assert (one.channel, one.product_line, one.ship_from) == ("直销", "流量", "上海")
    assert one.customer_since == date(2019, 3, 5)


@pytest.mark.usefixtures("staffed")
def test_contacts_are_known_by_customer_and_name(bring: Bring, session: Session) -> None:
    text = "客户,联系人,角色,邮箱,手机,语言\nC1,张三,采购,Z@Jia.Example,138 0013 8000,中文\nC1,Ann,quality,,,英文\n"
    assert _counts(bring("contacts", text)) == (2, 2, 0, 0)
    assert _counts(bring("contacts", text.replace("138 0013 8000", "13900139000"))) == (2, 0, 1, 1)
    zhang, ann = session.scalars(select(Contact).order_by(Contact.id))
    assert (zhang.name, zhang.role, zhang.email, zhang.phone) == (
        "张三",
        "purchasing",
        "z@jia.example",
        "+8613900139000",
    )
    assert (zhang.language, ann.language, ann.customer.code) == ("zh", "en", "C1")


@pytest.mark.usefixtures("staffed")
def test_a_contact_without_a_language_column_speaks_chinese_and_keeps_what_is_known(
    bring: Bring, session: Session
) -> None:
    assert _counts(bring("contacts", "customer,name\nC1,Ann\n")) == (1, 1, 0, 0)
    bring("contacts", "customer,name,language\nC1,Ann,en\n")
    assert _counts(bring("contacts", "customer,name\nC1,Ann\n")) == (1, 0, 0, 1)
    assert session.scalars(select(Contact.language)).one() == "en"


@pytest.mark.usefixtures("staffed")
def test_assignments_are_known_by_customer_rep_territory_and_first_day(bring: Bring, session: Session) -> None:
    text = "客户编号,业务员编号,区域,服务开始日期,服务结束日期\nC1,R1,T1,2025-01-01,{}\nC1,R2,T1,2026-01-01,\n"
    assert _counts(bring("assignments", text.format(""))) == (2, 2, 0, 0)
    assert _counts(bring("assignments", text.format("2025/12/31"))) == (2, 0, 1, 1)
    held = session.execute(select(Assignment.served_from, Assignment.served_to).order_by(Assignment.id)).all()
    assert [tuple(one) for one in held] == [(date(2025, 1, 1), date(2025, 12, 31)), (date(2026, 1, 1), None)]


@pytest.mark.usefixtures("staffed")
def test_rows_that_point_nowhere_are_refused_in_the_words_of_the_file(bring: Bring, session: Session) -> None:
    report = bring(
        "assignments", "客户,业务员,区域,开始日期,结束日期\nC9,R9,T9,2026-01-01,\nC1,R1,T1,2026-01-02,2026-01-01\n"
    )
    assert _refused(report) == [
        (2, "客户", "C9"), (2, "业务员", "R9"), (2, "区域", "T9"), (3, "结束日期", "2026-01-01"),
    ]  # fmt: skip
    assert session.scalar(select(func.count(Assignment.id))) == 0


FLAT = (
    "客户编号,客户名称,行业,联系人,角色,邮箱,手机,语言,业务员编号,区域编号,服务开始日期,备注\n"
    "C7,庚公司,化工,张三,采购,z@geng.example,,中文,R1,T1,2026-01-01,x\n"
    "C7,庚公司,化工,Ann,质量,,,英文,R2,T1,2026-01-01,\n"
    "C7,庚公司,化工,张三,采购,z@geng.example,,中文,R2,T2,2026-03-01,\n"
    "C8,辛公司,食品,,,,,,,,,\n"
)


@pytest.mark.usefixtures("staffed")
def test_a_flat_export_of_a_crm_comes_in_as_customers(bring: Bring, session: Session) -> None:
    report = bring("customers", FLAT)
    assert (_counts(report), report["ignored"]) == ((4, 4, 0, 0), ["备注"])
    assert _counts(bring("customers", FLAT)) == (4, 0, 0, 4)
    assert session.scalar(select(func.count(Customer.id))) == 4
    assert session.scalars(select(Contact.name).order_by(Contact.id)).all() == ["张三", "Ann"]
    assert session.scalar(select(func.count(Assignment.id))) == 3


@pytest.mark.usefixtures("staffed")
def test_a_flat_export_may_have_english_headers(bring: Bring, session: Session) -> None:
    text = (
        "code,name,segment,contact_name,role,email,phone,language,rep,territory,served_from,served_to\n"
        "C7,Geng,key,Ann,quality,ann@geng.example,+12025550143,en,R1,T1,2026-01-01,2026-06-30\n"
    )
    assert _counts(bring("customers", text)) == (1, 1, 0, 0)
    ann = session.scalars(select(Contact)).one()
    assert (ann.name, ann.customer.name, ann.phone) == ("Ann", "Geng", "+12025550143")
    assert session.scalars(select(Assignment.served_to)).one() == date(2026, 6, 30)


@pytest.mark.usefixtures("staffed")
def test_a_customers_rows_in_a_flat_export_must_agree(bring: Bring, session: Session) -> None:
    report = bring("customers", FLAT.replace("C7,庚公司,化工,Ann", "C7,庚公司,食品,Ann"))
    assert (3, "行业", "食品") in _refused(report)
    assert (2, "行业", "化工") in _refused(report)
    assert session.scalar(select(Customer.id).where(Customer.code == "C7")) is None


@pytest.mark.usefixtures("staffed")
def test_half_an_assignment_in_a_flat_export_is_refused_once(bring: Bring) -> None:
    report = bring("customers", FLAT.replace("R1,T1,2026-01-01", "R1,,2026-01-01").replace("C8,", "\u202eC8,"))
    assert _refused(report) == [(2, "区域编号", ""), (5, "客户编号", "\\u202eC8")]


@pytest.mark.usefixtures("staffed")
def test_columns_that_make_no_whole_assignment_are_not_used_and_named(bring: Bring, session: Session) -> None:
    report = bring("customers", "code,name,rep,email\nC7,Geng,R1,x@geng.example\n")
    assert (report["created"], report["ignored"]) == (1, ["rep", "email"])
    assert session.scalar(select(func.count(Assignment.id))) == 0


# -- one file, one word -----------------------------------------------------------------------------------------


def test_the_same_row_twice_is_one_and_contradicting_rows_are_both_refused(bring: Bring, session: Session) -> None:
    twice = "code,name\nT1,North\nT1, North \nT2,East\n"
    assert _counts(bring("territories", twice)) == (3, 2, 0, 1)
    report = bring("territories", "code,name\nT1,North\nT3,West\nT1,South\n")
    assert _refused(report) == [(2, "name", "North"), (4, "name", "South")]
    assert "Row 4" in report["refused"][0]["reason"]
    assert session.scalar(select(func.count(Territory.id))) == 2


def test_valid_rows_can_be_asked_for(bring: Bring, session: Session) -> None:
    report = bring("territories", "code,name,potential\nT1,North,x\nT2,East,1\n", "--valid-rows")
    assert (report["exit"], _counts(report), _refused(report)) == (0, (2, 1, 0, 0), [(2, "potential", "x")])
    assert session.scalars(select(Territory.code)).all() == ["T2"]


def test_a_workbook_says_the_same_as_a_text(evenhand: Evenhand, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "reps.xlsx"
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["工号", "姓名", "入职日期"])
    sheet.write_number(1, 0, 1001)
    sheet.write_string(1, 1, "=王")
    sheet.write_datetime(1, 2, datetime(2024, 3, 1))  # noqa: DTZ001 - a spreadsheet's days have no zone
    book.close()
    assert "1 created" in evenhand("import", "reps", path).stdout
    rep = session.scalars(select(Rep)).one()
    assert (rep.code, rep.name, rep.hired_on) == ("1001", "=王", date(2024, 3, 1))


def test_an_import_leaves_one_line_in_the_journal_and_nobodys_data_in_it(bring: Bring, session: Session) -> None:
    bring("reps", "code,name,email\nR1,Canary Bird,canary@heng.example\n")
    entry = session.scalars(select(JournalEntry)).one()
    assert (entry.action, entry.subject) == ("imported", "reps")
    assert entry.details["created"] == 1
    assert len(entry.details["sha256"]) == 64
    assert "anary" not in json.dumps(entry.details)


# -- company and periods ----------------------------------------------------------------------------------------


def test_a_company_is_named_once_and_changed_piece_by_piece(session: Session, now: datetime) -> None:
    with pytest.raises(company.CompanyIncomplete):
        company.settle(session, name="Heng", by=BY, at=now)
    company.settle(session, name="Heng", privacy_contact="privacy@heng.example", by=BY, at=now)
    company.settle(session, name_zh="恒", time_zone="Europe/Berlin", by=BY, at=now)
    one = session.scalars(select(Company)).one()
    assert (one.name, one.name_zh, one.time_zone, one.privacy_contact) == (
        "Heng", "恒", "Europe/Berlin", "privacy@heng.example",
    )  # fmt: skip
    with pytest.raises(company.UnknownTimeZone):
        company.settle(session, time_zone="Mars/Olympus", by=BY, at=now)


def test_a_period_is_stored_once_with_its_days(session: Session, now: datetime) -> None:
    first, last = date(2026, 1, 1), date(2026, 6, 30)
    with pytest.raises(periods.PeriodRefused):
        periods.add(session, "2026-H1", from_on=last, to_on=first, by=BY, at=now)
    with pytest.raises(periods.PeriodRefused, match="Check the year"):
        periods.add(session, "2026-H1", from_on=first, to_on=date(9999, 12, 31), by=BY, at=now)
    for _ in range(2):
        periods.add(session, "2026-H1", from_on=first, to_on=last, by=BY, at=now)
    assert session.scalar(select(func.count(Period.id))) == 1
    with pytest.raises(periods.PeriodRefused, match="exists already"):
        periods.add(session, "2026-H1", from_on=first, to_on=date(2026, 7, 1), by=BY, at=now)
    with pytest.raises(periods.UnknownPeriod):
        periods.find(session, "2027")
