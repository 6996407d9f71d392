"""An administrator brings the roster in through the browser: columns, a look beforehand, the import, and back again."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import tables
from survey.models.answering import Response
from survey.models.asking import Campaign
from survey.models.company import JournalEntry, Period
from survey.models.facts import ConductEvent, Goal, IndicatorFact, MonitoringNote, ProjectStage, Revision, Sale, Visit
from survey.models.intake import ColumnMapping, FileImport, Upload
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory
from survey.roster import files
from survey.tables.limits import LARGEST_FILE
from survey.tables.writing import Page as Sheet
from survey.tables.writing import workbook

SignIn = Callable[[str], FlaskClient]
OWN = [
    ["KUNNR", "公司", "业务", "片区", "对接人", "对接邮箱", "起始"],
    ["0001", "海川商行", "王建国", "华北", "刘芳", "liu@c1.example", "2025-01-01"],
    ["0002", "江南贸易", "张晨曦", "华东", "陈强", "chen@c2.example", "2025/3/1"],
]


@pytest.fixture
def administrator(person: Callable[..., str], sign_in: SignIn) -> FlaskClient:
    return sign_in(person("administrator"))


def _token(client: FlaskClient, path: str = "/roster/import") -> str:
    return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)[0]


def _post(client: FlaskClient, path: str, **data: Any) -> TestResponse:
    return client.post(path, data={"csrf_token": _token(client), **data})


def _choose(client: FlaskClient, kind: str, content: bytes, name: str = "own.csv", **more: str) -> str:
    """Upload a file. Gives the address where its columns and the look beforehand are."""
    answer = _post(client, "/roster/import", kind=kind, file=(io.BytesIO(content), name), **more)
    assert answer.status_code == 303, answer.text
    return answer.location


def _counts(session: Session, *models: Any) -> list[int]:
    session.rollback()
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def _workbook(rows: list[list[str]]) -> bytes:
    return workbook([Sheet(name="Sheet1", headers=rows[0], rows=rows[1:])])


def test_one_workbook_with_foreign_headers_becomes_a_roster(administrator: FlaskClient, session: Session) -> None:
    mapped = {
        "territories": {"code": "片区", "name": "片区"},
        "reps": {"code": "业务", "name": "业务"},
        "customers": {
            "code": "KUNNR", "name": "公司", "contact_name": "对接人", "email": "对接邮箱", "rep": "业务",
            "territory": "片区", "served_from": "起始",
        },
    }  # fmt: skip
    there = _choose(administrator, "territories", _workbook(OWN), "own.xlsx")
    for kind, chosen in mapped.items():
        if kind != "territories":
            answer = _post(administrator, f"{there}/as", kind=kind)
            there = answer.location
        assert "There is no column" in administrator.get(f"{there}?lang=en").text
        columns = {f"column-{column.name}": chosen.get(column.name, "") for column in files.KINDS[kind].columns}
        answer = _post(administrator, f"{there}/columns", mapping_name="ERP", **columns)
        assert answer.status_code == 303, answer.text
        before = _counts(session, Territory, Rep, Customer)
        looked = administrator.get(there)
        assert looked.status_code == 200
        assert _counts(session, Territory, Rep, Customer) == before, "looking stores nothing"
        assert _post(administrator, there).status_code == 303
    assert _counts(session, Territory, Rep, Customer, Contact, Assignment) == [2, 2, 2, 2, 2]
    assert session.scalars(select(Customer.code).order_by(Customer.code)).all() == ["0001", "0002"]
    assert _counts(session, ColumnMapping) == [3]


def test_a_choice_kept_under_a_name_is_used_with_one_click(administrator: FlaskClient, session: Session) -> None:
    content = b"KUNNR,NAME1\nT1,North\n"
    there = _choose(administrator, "territories", content)
    columns = {f"column-{column.name}": "" for column in files.KINDS["territories"].columns}
    columns |= {"column-code": "KUNNR", "column-name": "NAME1"}
    _post(administrator, f"{there}/columns", mapping_name="ERP", **columns)
    second = _choose(administrator, "territories", content)
    assert "There is no column" in administrator.get(f"{second}?lang=en").text
    session.rollback()
    kept = session.scalars(select(ColumnMapping.id)).one()
    _post(administrator, f"{second}/columns", use=str(kept))
    page = administrator.get(f"{second}?lang=en").text
    assert "There is no column" not in page
    assert "Import 1 rows" in page


def test_every_refusal_has_row_column_value_and_reason(administrator: FlaskClient, session: Session) -> None:
    content = b"code,name,potential\nT1,North,1\nT2,East,many\n,West,2\n"
    there = _choose(administrator, "territories", content)
    page = administrator.get(f"{there}?lang=en").text
    cells = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", page)]
    assert cells[:4] == ["3", "potential", "many", "This is not a number. Write it like 1200 or 1,200.5."]
    assert cells[4:7] == ["4", "code", "–"]
    assert _post(administrator, there).status_code == 400
    assert _counts(session, Territory, FileImport) == [0, 0]
    assert _post(administrator, there, rows="valid").status_code == 303
    assert _counts(session, Territory, FileImport) == [1, 1]


def test_what_would_change_is_shown_before_and_after(administrator: FlaskClient) -> None:
    _post(administrator, _choose(administrator, "territories", b"code,name\nT1,North\n"))
    there = _choose(administrator, "territories", b"code,name\nT1,Nordland\nT2,East\n")
    page = re.sub(r"<[^>]+>", " ", administrator.get(f"{there}?lang=en").text)
    assert re.search(r"T1 · Nordland\s+name\s+North\s+Nordland", page)
    assert "T2 · East" in page


def test_an_import_is_undone_with_a_button_and_the_journal_says_who(
    administrator: FlaskClient, session: Session
) -> None:
    there = _post(administrator, _choose(administrator, "territories", b"code,name\nT1,North\n")).location
    assert _counts(session, Territory) == [1]
    number = re.findall(r"/imports/(\d+)", there)[0]
    undone = _post(administrator, f"/roster/imports/{number}/undo")
    assert undone.status_code == 303
    assert _counts(session, Territory) == [0]
    entry = session.scalars(select(JournalEntry).order_by(JournalEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.by) == ("import undone", "administrator@harbour.example")
    again = _post(administrator, f"/roster/imports/{number}/undo?lang=en")
    assert "was undone already" in administrator.get(f"{again.location}?lang=en").text


def test_templates_have_the_right_headers_and_an_example_that_can_be_read(
    administrator: FlaskClient, session: Session
) -> None:
    for language in ("zh", "en"):
        for kind in ("territories", "reps", "customers", "contacts", "assignments"):
            answer = administrator.get(f"/roster/template/{kind}.xlsx?lang={language}")
            assert answer.status_code == 200
            sheet = tables.parse(answer.data, name=f"{kind}.xlsx")
            assert all(header.isascii() == (language == "en") for header in sheet.headers)
            there = _choose(administrator, kind, answer.data, f"{kind}.xlsx")
            assert _post(administrator, there).status_code == 303, administrator.get(f"{there}?lang=en").text
    assert _counts(session, Territory, Rep, Customer, Contact, Assignment) == [1, 1, 1, 1, 1]
    assert administrator.get("/roster/template/users.xlsx").status_code == 404


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0old", b"PK\x03\x04bomb", b"a,b\n\x00\x01,\n"])
def test_what_is_no_table_is_refused_at_the_door(administrator: FlaskClient, session: Session, content: bytes) -> None:
    answer = _post(administrator, "/roster/import", kind="customers", file=(io.BytesIO(content), "x.xlsx"))
    assert answer.status_code == 400
    assert "error-summary" in answer.text
    assert _counts(session, Upload) == [0]


def test_without_a_file_the_page_says_so(administrator: FlaskClient) -> None:
    answer = _post(administrator, "/roster/import?lang=en", kind="customers")
    assert (answer.status_code, "Choose a file." in answer.text) == (400, True)


def _body(token: str, content: bytes) -> dict[str, Any]:
    """A form with a file as a browser sends it, in one piece."""
    parts = [("csrf_token", "", token.encode()), ("kind", "", b"territories"), ("file", '; filename="x.csv"', content)]
    told = b"".join(
        b'--line\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), more.encode(), value)
        for name, more, value in parts
    )
    return {"data": told + b"--line--\r\n", "content_type": "multipart/form-data; boundary=line"}


def test_a_file_may_be_larger_than_any_form_but_not_without_end(
    administrator: FlaskClient, client: FlaskClient, session: Session
) -> None:
    token = _token(administrator)
    content = b"code,name\n" + b"".join(b"T%06d,%s\n" % (number, b"n" * 120) for number in range(6_000))
    assert len(content) > 512 * 1024
    assert administrator.post("/roster/import", **_body(token, content)).status_code == 303
    session.rollback()
    assert session.scalars(select(Upload.content)).one() == content
    endless = {
        "content_type": "multipart/form-data; boundary=line",
        "environ_overrides": {"CONTENT_LENGTH": str(LARGEST_FILE + 2**20)},
    }
    assert administrator.post("/roster/import", data=b"--line--", **endless).status_code == 413
    assert client.post("/roster/import", **_body(token, content)).status_code in {302, 413}, "strangers get no room"
    assert administrator.post("/roster/import/1", **_body(token, content)).status_code == 413, "nor does another page"


def test_a_file_is_its_uploaders_alone(administrator: FlaskClient, person: Callable[..., str], sign_in: SignIn) -> None:
    there = _choose(administrator, "territories", b"code,name\nT1,North\n")
    other = sign_in(person("administrator", "second@harbour.example"))
    assert other.get(there).status_code == 404
    assert administrator.get(there).status_code == 200


def test_hostile_text_is_shown_as_text(administrator: FlaskClient) -> None:
    content = b'<script>alert(1)</script>,name,code\n"=cmd()",<img src=x onerror=alert(1)>,T1\n'
    there = _choose(administrator, "territories", content, "<b>x</b>.csv")
    page = administrator.get(there).get_data(as_text=True)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>x" not in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_facts_events_and_the_rest_come_in_the_same_way_and_go_again(
    administrator: FlaskClient, session: Session
) -> None:
    """With their own headers, for a period said once; what would change is named before it does."""
    session.add_all(
        [
            Rep(code="R1", name="王建国"),
            Customer(code="C1", name="海川商行"),
            Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)),
        ]
    )
    session.commit()
    files_of = {
        "facts": "业务员,指标,实际值,目标值\nR1,collection,92,100\n",
        "events": "业务员,类别,日期,扣分,事由\nR1,complaint,2026-03-01,2,迟到\n",
        "goals": "业务员,内容,目标值,单位,截止日期,认可人,认可日期\nR1,五家,5,家,2026-06-30,r1@x.example,2026-01-10\n",
        "visits": "业务员,客户,日期\nR1,海川商行,2026-03-01\n",
        "notes": "业务员,日期,来源,内容\nR1,2026-03-01,observation,陪访\n",
        "sales": "订单号,客户,日期,金额\nSO1,C1,2026-03-01,12800\n",
        "projects": "项目编号,业务员,项目名称,阶段,权重,计划日期,完成\nP1,R1,二号线,报价,20,2026-03-31,50%\n",
    }
    for kind, text in files_of.items():
        answer = _post(
            administrator, "/roster/import", kind=kind, period="2026-H1", file=(io.BytesIO(text.encode()), "a.csv")
        )
        looked = administrator.get(f"{answer.location}?lang=en")
        assert "Import 1 rows" in looked.text, looked.text
        columns = dict(
            re.findall(r'<select[^>]* name="(column-[^"]+)".*?<option selected value="([^"]*)"', looked.text, re.S)
        )
        assert _post(administrator, f"{answer.location}/columns", **columns).status_code == 303
        done = _post(administrator, answer.location)
        assert done.status_code == 303, done.text
        assert administrator.get(f"/roster/template/{kind}.xlsx").status_code == 200
    assert _counts(session, IndicatorFact, ConductEvent, Goal, Visit, MonitoringNote, Sale, ProjectStage) == [1] * 7
    corrected = files_of["facts"].replace("92", "95")
    there = _choose(administrator, "facts", corrected.encode(), period="2026-H1", reason="a typing mistake")
    page = re.sub(r"<[^>]+>", " ", administrator.get(f"{there}?lang=en").text)
    assert "2026-H1 · R1 · collection" in page
    done = _post(administrator, there)
    assert session.scalars(select(Revision.reason)).all() == ["a typing mistake"]
    assert _post(administrator, f"{done.location.split('?')[0]}/undo").status_code == 303
    session.rollback()
    assert session.scalars(select(IndicatorFact.value)).all() == [92]


def test_a_rep_without_customers_has_none_to_hand_over(administrator: FlaskClient, session: Session) -> None:
    session.add(Rep(code="R9", name="沈玥"))
    session.commit()
    answer = _post(administrator, "/roster/reps/R9/hand-over?lang=en", to="R9", on="2026-07-01")
    assert answer.status_code == 400
    assert "沈玥 serves no customers now, so there are none to hand over." in answer.text


EARLIER = """Welle,Kunde,rep,territory,day,segment,Wissen,delivery,color
w1,C1,R1,T1,2026-03-01,key account,5,N/A,red
w1,C2,R1,T1,2026-03-02,standard,9,4,blue
"""
HEADERS = {"campaign": "Welle", "customer": "Kunde", "answered_on": "day", "knowledge": "Wissen"}


def test_answers_of_an_earlier_survey_come_in_whole_under_headers_of_their_own(
    administrator: FlaskClient, session: Session
) -> None:
    session.add(Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)))
    session.commit()
    file = (io.BytesIO(EARLIER.encode()), "old.csv")
    unsaid = _post(administrator, "/roster/import?lang=en", kind="answers", file=file, questionnaire="core")
    assert unsaid.status_code == 400
    assert "Say which period these answers belong to." in unsaid.text
    there = _choose(administrator, "answers", EARLIER.encode(), period="2026-H1", questionnaire="core")
    page = administrator.get(f"{there}?lang=en").text
    assert "There is no column campaign, customer" in page
    select_of = r'<select[^>]* name="(column-[^"]+)".*?(?:selected value="([^"]*)"|</select>)'
    columns = dict(re.findall(select_of, page, re.DOTALL))
    assert columns["column-delivery"] == "delivery"
    _post(administrator, f"{there}/columns", **columns | {f"column-{ours}": theirs for ours, theirs in HEADERS.items()})
    page = administrator.get(f"{there}?lang=en").text
    assert "This is not an answer to knowledge" in page
    assert _post(administrator, there).status_code == 400
    assert _counts(session, Response, Campaign, Rep) == [0, 0, 0], "all or nothing"
    whole = _choose(
        administrator, "answers", EARLIER.replace(",9,", ",4,").encode(), period="2026-H1", questionnaire="core"
    )
    _post(administrator, f"{whole}/columns", **columns | {f"column-{ours}": theirs for ours, theirs in HEADERS.items()})
    assert "Import 2 rows" in administrator.get(f"{whole}?lang=en").text
    assert _counts(session, Response, Campaign, Rep) == [0, 0, 0], "looking stores nothing"
    answer = _post(administrator, whole)
    assert answer.status_code == 303
    assert _counts(session, Response, Campaign, Rep) == [2, 1, 1]
    assert session.scalars(select(Campaign.imported)).all() == [True]
    assert _post(administrator, f"{answer.location.partition('?')[0]}/undo").status_code == 303
    assert _counts(session, Response, Campaign, Rep) == [0, 0, 0]
