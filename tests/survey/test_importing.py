"""`evenhand import` and its neighbours: what they say, where they say it, and what they leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import Result
from sqlalchemy import func, make_url, select
from sqlalchemy.orm import Session

from survey.config import Settings
from survey.intake.rows import Part
from survey.journal import verify
from survey.models.company import Company, JournalEntry, Period
from survey.models.roster import Customer, Rep, Territory

Evenhand = Callable[..., Result]
TERRITORIES = "区域编号,区域名称,潜力\nT1,华北,1\nT2,华东,2\n"


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def file(content: str | bytes, *, encoding: str = "utf-8", name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return file


MakeFile = Callable[..., Path]


def _everything(session: Session) -> list[int]:
    session.expire_all()
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in (Territory, Rep, Customer)]


def test_an_import_says_what_it_did(evenhand: Evenhand, file: MakeFile) -> None:
    done = evenhand("import", "territories", file(TERRITORIES + "T2,华东,2\n"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "territories: 3 rows read, 2 created, 0 updated, 1 unchanged.\n"


def test_json_is_one_document_and_nothing_else(evenhand: Evenhand, file: MakeFile) -> None:
    done = evenhand("import", "territories", file(TERRITORIES), "--json")
    assert json.loads(done.stdout) == {
        "read": 2, "created": 2, "updated": 0, "unchanged": 0, "refused": [], "ignored": [],
    }  # fmt: skip
    assert done.stderr == ""


def test_a_refused_row_refuses_the_file_and_is_named_on_stderr(
    evenhand: Evenhand, file: MakeFile, session: Session
) -> None:
    path = file(TERRITORIES + "T3,华南,many\n,华中,3\n")
    done = evenhand("import", "territories", path)
    assert done.exit_code == 1
    assert done.stdout == "territories: 4 rows read, 2 refused, nothing stored.\n"
    assert done.stderr.splitlines() == [
        "Row 4, column “潜力”, value “many”: This is not a number. Write it like 1200 or 1,200.5.",
        "Row 5, column “区域编号”, value “”: This cell must not be empty.",
    ]
    report = json.loads(evenhand("import", "territories", path, "--json").stdout)
    assert report["refused"][0] == {
        "row": 4, "column": "潜力", "value": "many", "reason": "This is not a number. Write it like 1200 or 1,200.5.",
    }  # fmt: skip
    assert (report["read"], report["created"], report["unchanged"]) == (4, 0, 0)
    assert _everything(session) == [0, 0, 0]
    assert session.scalar(select(func.count(JournalEntry.id))) == 0


def test_valid_rows_are_stored_when_asked_for_and_the_others_still_named(
    evenhand: Evenhand, file: MakeFile, session: Session
) -> None:
    done = evenhand("import", "territories", file(TERRITORIES + "T3,华南,many\n"), "--valid-rows")
    assert done.exit_code == 0
    assert "2 created" in done.stdout
    assert done.stderr.startswith("Row 4")
    assert _everything(session) == [2, 0, 0]


def test_without_any_valid_row_there_is_nothing_to_store(evenhand: Evenhand, file: MakeFile, session: Session) -> None:
    done = evenhand("import", "territories", file("code,name\n,x\n"), "--valid-rows")
    assert (done.exit_code, _everything(session)) == (1, [0, 0, 0])


def test_a_dry_run_says_the_same_and_stores_nothing(evenhand: Evenhand, file: MakeFile, session: Session) -> None:
    done = evenhand("import", "territories", file(TERRITORIES), "--dry-run", "--json")
    assert (done.exit_code, json.loads(done.stdout)["created"]) == (0, 2)
    assert _everything(session) == [0, 0, 0]
    assert session.scalar(select(func.count(JournalEntry.id))) == 0
    assert "dry run: nothing stored" in evenhand("import", "territories", file(TERRITORIES), "--dry-run").stdout


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_every_encoding_comes_to_the_same(evenhand: Evenhand, file: MakeFile, session: Session, encoding: str) -> None:
    done = evenhand("import", "territories", file(TERRITORIES, encoding=encoding))
    assert done.exit_code == 0
    assert ("GB18030" in done.stdout) == (encoding == "gb18030")
    assert session.scalars(select(Territory.name).order_by(Territory.code)).all() == ["华北", "华东"]


def test_columns_nobody_asked_for_are_named(evenhand: Evenhand, file: MakeFile) -> None:
    path = file("code,name,备注\nT1,North,x\n")
    assert "Columns not used: 备注." in evenhand("import", "territories", path).stdout
    assert json.loads(evenhand("import", "territories", path, "--json").stdout)["ignored"] == ["备注"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("code,name\n", "no rows"),
        ("code,title\nT1,x\n", "no column name"),
        ("code,name,Name\nT1,x,y\n", "Two columns"),
        ('code,name\nT1,"North', "cut off"),
        (b"PK\x03\x04 half a workbook", "damaged"),
        (b"code,name\nT1,\x00\n", "NUL"),
    ],
)
def test_a_file_that_is_no_table_gets_one_sentence(
    evenhand: Evenhand, file: MakeFile, session: Session, content: str | bytes, says: str
) -> None:
    done = evenhand("import", "territories", file(content), "--json")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    (refused,) = json.loads(done.stdout)["refused"]
    assert (refused["row"], refused["reason"]) == (None, done.stderr.strip())
    assert _everything(session) == [0, 0, 0]


def test_a_text_broken_off_in_a_row_names_that_row(evenhand: Evenhand, file: MakeFile, session: Session) -> None:
    done = evenhand("import", "territories", file("code,name,potential\nT1,North,1\nT2,Ea"))
    assert done.exit_code == 1
    assert done.stderr == "Row 3: This row has 2 cells, the header 3. The file may be cut off here.\n"
    assert _everything(session) == [0, 0, 0]


def test_a_row_with_a_stray_comma_is_named(evenhand: Evenhand, file: MakeFile) -> None:
    done = evenhand("import", "territories", file("code,name\nT1,North, really\nT2,East\n"))
    assert done.stderr.startswith("Row 2: This row has more cells than the header (2).")


def test_hostile_cells_are_shown_without_harm(evenhand: Evenhand, file: MakeFile) -> None:
    path = file("code,name,potential\nT1,\x1b[31mred\u202e,<script>\n")
    done = evenhand("import", "territories", path, "--json")
    for shown in (done.stdout, done.stderr):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "\\u001b[31mred\\u202e" in done.stderr
    assert json.loads(done.stdout)["refused"][0]["value"] == "\\u001b[31mred\\u202e"


def test_a_very_long_value_is_shown_in_part(evenhand: Evenhand, file: MakeFile) -> None:
    (refused,) = json.loads(evenhand("import", "territories", file(f"code,name\nT1,{'x' * 5000}\n"), "--json").stdout)[
        "refused"
    ]
    assert len(refused["value"]) == 200


def test_wrong_usage_is_told_apart_from_refused_work(evenhand: Evenhand, file: MakeFile, tmp_path: Path) -> None:
    path = file(TERRITORIES)
    assert evenhand("import", "weather", path).exit_code == 2
    assert evenhand("import", "territories", tmp_path / "nowhere.csv").exit_code == 2
    assert evenhand("import", "territories", tmp_path).exit_code == 2
    assert evenhand("import", "territories", path, "--period", "2026-H1").exit_code == 2
    assert evenhand("import", "facts", path, "--questionnaire", "core").exit_code == 2


@pytest.mark.parametrize("command", [("import",), ("period", "add"), ("company", "set")])
def test_every_command_shows_an_example(evenhand: Evenhand, command: tuple[str, ...]) -> None:
    done = evenhand(*command, "--help")
    assert done.exit_code == 0
    assert f"Example: evenhand {' '.join(command)}" in done.stdout


def test_a_whole_company_comes_in_from_workbooks(evenhand: Evenhand, session: Session, tmp_path: Path) -> None:
    tables: dict[str, list[list[Any]]] = {
        "territories": [["区域编号", "区域名称"], ["T1", "华北"]],
        "reps": [["业务员编号", "姓名", "主管邮箱"], [1001, "喆玥堃昇", "boss@heng.example"]],
        "customers": [["客户编号", "客户名称"], ["C1", "甲公司"]],
        "contacts": [["客户编号", "联系人", "手机"], ["C1", "张三", 13800138000]],
        "assignments": [["客户编号", "业务员编号", "区域", "服务开始日期"], ["C1", 1001, "T1", "2026-01-01"]],
    }
    for _ in range(2):
        for kind, rows in tables.items():
            path = tmp_path / f"{kind}.xlsx"
            with xlsxwriter.Workbook(path) as book:
                sheet = book.add_worksheet()
                for place, row in enumerate(rows):
                    sheet.write_row(place, 0, row)
            done = evenhand("import", kind, path)
            assert done.exit_code == 0, done.output
    assert "1 unchanged" in done.stdout
    assert _everything(session) == [1, 1, 1]
    assert verify(session).broken == ()


def test_periods_and_the_company_are_set_by_command(evenhand: Evenhand, session: Session) -> None:
    assert evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30").exit_code == 0
    assert evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-12-31").exit_code == 1
    assert evenhand("period", "add", "2026-H2", "--from", "1 July").exit_code == 2
    assert session.scalars(select(Period.code)).all() == ["2026-H1"]
    assert evenhand("company", "set", "--name", "Heng").exit_code == 1
    done = evenhand("company", "set", "--name", "Heng", "--name-zh", "恒", "--privacy-contact", "p@heng.example")
    assert (done.exit_code, session.scalars(select(Company.name_zh)).all()) == (0, ["恒"])
    assert evenhand("company", "set", "--time-zone", "Moon").exit_code == 1


def test_two_imports_at_once_wait_for_each_other(settings: Settings, session: Session, file: MakeFile) -> None:
    """Two processes bring in the same new customers: one creates them, the other finds them there."""
    path = file("code,name\n" + "".join(f"C{number},x\n" for number in range(3000)))
    environment = {
        **os.environ, "DATABASE_URL": settings.database, "EVENHAND_DIR": str(settings.evenhand_dir),
        "SECRET_KEY": "s" * 40, "TOKEN_KEYS": json.dumps({"test": "t" * 40}), "BASE_URL": "http://localhost",
    }  # fmt: skip
    program = "import sys; from survey.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", program, "import", "customers", str(path), "--json"]
    running = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, cwd=Path.cwd()) for _ in range(2)]
    reports = [json.loads(one.communicate()[0]) for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert sorted((report["created"], report["unchanged"]) for report in reports) == [(0, 3000), (3000, 0)]
    assert _everything(session)[2] == 3000


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_while_a_file_is_read_others_write(
    evenhand: Evenhand, file: MakeFile, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading of a large file may take a minute; no customer's answer waits for it."""
    database = make_url(settings.database).database
    assert database
    read, written = Part.read, []

    def read_while_somebody_writes(part: Part[Any], line: Any) -> Any:
        with contextlib.closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO territory (code, name) VALUES (?, 'meanwhile')", (f"M{line.number}",))
            other.execute("COMMIT")
        written.append(line.number)
        return read(part, line)

    monkeypatch.setattr(Part, "read", read_while_somebody_writes)
    done = evenhand("import", "territories", file(TERRITORIES))
    assert (done.exit_code, done.stderr) == (0, "")
    assert written == [2, 3]
    with contextlib.closing(sqlite3.connect(database)) as other:
        codes = other.execute("SELECT code FROM territory ORDER BY code").fetchall()
    assert codes == [("M2",), ("M3",), ("T1",), ("T2",)]
