"""Appraisals leave as files: whole, indexed, harmless in a spreadsheet, and what cannot be printed is named."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
import python_calamine
from click.testing import Result
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from survey import appraisals, exports, journal
from survey.appraisals.statement import Paper, snapshot_hash
from survey.config import Settings
from survey.models.appraising import Appraisal
from survey.models.asking import Campaign
from survey.models.facts import ConductEvent
from survey.refusals import Refused
from survey.views.appraisals import pages_of

from .conftest import Surveyed

Evenhand = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]


def _rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / exports.INDEX).read_text(encoding="utf-8-sig"))))


def _text(path: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


@pytest.fixture
def papers(session: Session, six: tuple[Appraisal, ...]) -> tuple[Paper, ...]:
    return appraisals.papers(session, "2026-H1")


def _content(paper: Paper) -> bytes:
    return f"%PDF {paper.statement.number} {exports.mark(paper, 'zh')}\n%%EOF\n".encode()


def _plain(paper: Paper) -> Callable[[], bytes]:
    return lambda: _content(paper)


def test_kelons_example_from_imported_files_to_the_pdf(
    bring: Callable[..., dict[str, Any]], evenhand: Evenhand, tmp_path: Path
) -> None:
    """回笼 92 %, 开单 105 %, 网点 80 %, 网络 6/8, 应收 9/10 → 91.3; events 3, 2 + 2 + 3 capped at 5, 0, 2 → 81.3."""
    bring("territories", "code,name\nEAST,华东\n")
    bring("reps", "业务员编号,姓名,岗位,入职日期\nM7,沈玥,分公司经理,2021-02-01\nM8,韩堃,分公司经理,2020-02-01\n")
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    done = bring(
        "facts",
        "考核期,业务员编号,指标,实际,目标\n2026-H1,M7,回笼,92,100\n2026-H1,M7,开单,105,100\n2026-H1,M7,网点达标,80,100\n"
        "2026-H1,M7,网络开发,6,8\n2026-H1,M7,应收账款管理,9,10\n",
    )
    assert (done["created"], done["refused"]) == (5, [])
    done = bring(
        "events",
        "考核期,业务员编号,类别,日期,扣分,事由\n2026-H1,M7,库存管理,2026-02-03,3,盘点不符\n2026-H1,M7,投诉,2026-03-01,2,迟复\n"
        "2026-H1,M7,投诉,2026-04-01,2,错发\n2026-H1,M7,投诉,2026-05-01,3,态度\n2026-H1,M7,日常管理,2026-06-01,2,漏报\n",
    )
    assert (done["created"], done["refused"]) == (5, [])
    assert evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager").exit_code == 1
    assert evenhand("schemes", "adopt", "kelon-branch-manager").exit_code == 0
    told = json.loads(evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager", "--json").stdout)
    assert [(one["rep"], round(one["total"], 9), one["band"], one["change"]) for one in told["appraisals"]] == [
        ("M7", 81.3, "B", "created")
    ]
    for language, capped in (("zh", "−7，封顶 −5"), ("en", "−7, capped at −5")):
        out = tmp_path / language
        done = evenhand("appraisals", "export", "2026-H1", "--out", out, "--lang", language)
        assert done.exit_code == 0, done.stderr
        (row,) = _rows(out)
        text = _text(out / row["file"])
        for printed in ("36.8", "30.0", "8.0", "7.5", "9.0", "91.3", "−3.0", "−5.0", "0.0", "−2.0", "81.3", capped):
            assert printed in text
        assert "韩堃" not in text
        assert (row["number"], row["total"], row["low"], row["state"]) == ("A-2026-H1-M7", "81.3", "", "proposed")


def test_every_appraisal_gets_a_file_and_a_line(
    session: Session, six: tuple[Appraisal, ...], evenhand: Evenhand, tmp_path: Path
) -> None:
    session.commit()
    done = evenhand(
        "appraisals", "export", "2026-H1", "--out", tmp_path / "pdf", "--rep", "R02", "--lang", "en", "--json"
    )
    assert done.exit_code == 0, done.stderr
    (printed,) = json.loads(done.stdout)["printed"]
    content = Path(printed["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == printed["sha256"] == _rows(tmp_path / "pdf")[0]["sha256"]
    assert six[1].outcome["printed"] in _text(Path(printed["file"]))


def test_the_index_says_what_the_files_say(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    done = list(exports.appraisals(papers, tmp_path / "out", language="zh", draw=_plain))
    assert len(done) == len(papers) == 10
    for row, paper in zip(_rows(tmp_path / "out"), papers, strict=True):
        outcome = paper.statement.outcome
        assert (row["number"], row["name"], row["total"]) == (
            paper.statement.number, paper.statement.person.name, outcome.printed,
        )  # fmt: skip
        assert (row["low"], row["high"]) == (
            ("", "") if outcome.low is None else (f"{outcome.low:.1f}", f"{outcome.high:.1f}")
        )
        assert (tmp_path / "out" / row["file"]).read_bytes() == _content(paper)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [exports.INDEX, exports.WORKBOOK, *(exports.file_name(paper, "zh") for paper in papers)]
    )


def test_one_that_cannot_be_printed_does_not_hold_up_the_others(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    def draw(paper: Paper) -> Callable[[], bytes]:
        def print_it() -> bytes:
            if paper.statement.person.code == "R03":
                raise Refused("no")
            return _content(paper)

        return print_it

    done = list(exports.appraisals(papers, tmp_path, language="zh", draw=draw))
    assert [one.paper.statement.person.code for one in done if one.refusal] == ["R03"]
    assert len(_rows(tmp_path)) == 9


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_names_what_cannot_be_printed(
    session: Session, kelon: Appraisal, now: datetime, evenhand: Evenhand, tmp_path: Path
) -> None:
    session.execute(update(ConductEvent).values(fact="客户很生气\U0001f621"))
    session.execute(update(Appraisal).values(state="draft"))
    session.commit()
    assert evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager").exit_code == 0
    done = evenhand("appraisals", "export", "2026-H1", "--out", tmp_path / "pdf")
    assert done.exit_code == 1
    assert "A-2026-H1-R01: These characters cannot be printed: \U0001f621 (U+1F621)" in done.stderr
    assert list((tmp_path / "pdf").glob("*.pdf")) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_name_is_no_formula_and_a_number_no_path(
    session: Session, six: tuple[Appraisal, ...], now: datetime, tmp_path: Path
) -> None:

    row = six[0]
    row.statement = row.statement | {
        "number": "A-../../x/R 1", "person": row.statement["person"] | {"name": "=cmd|' /C calc'!A0"},
    }  # fmt: skip
    row.number = row.statement["number"]
    journal.record(session, "appraisal drawn up", f"{row.number} rev 1", by="x", at=now)
    row.snapshot_hash = snapshot_hash(row.statement, row.outcome)
    session.flush()
    papers = [one for one in appraisals.papers(session, "2026-H1") if one.statement.number == row.number]
    list(exports.appraisals(papers, tmp_path / "out", language="zh", draw=_plain))
    (line,) = _rows(tmp_path / "out")
    assert line["name"] == "'=cmd|' /C calc'!A0"
    assert line["file"] == "A-.._.._x_R_1-rev1.zh.pdf"
    assert [path.name for path in tmp_path.iterdir() if path.name != "evenhand.sqlite"].count("out") == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_refusals_of_the_command(surveyed: Surveyed, evenhand: Evenhand, tmp_path: Path) -> None:
    for words, sentence in (
        (("2031-H1",), "There is no period 2031-H1"),
        (("2026-H1",), "Nothing was drawn up for 2026-H1 yet"),
        (("2026-H1", "--rep", "R99"), "There is no rep R99"),
    ):
        done = evenhand("appraisals", "export", *words, "--out", tmp_path / "pdf")
        assert done.exit_code == 1
        assert sentence in done.stderr
    assert not (tmp_path / "pdf").exists()


def test_the_workbook_holds_what_the_index_holds(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    list(exports.appraisals(papers, tmp_path, language="zh", draw=_plain))
    sheet = python_calamine.CalamineWorkbook.from_path(tmp_path / exports.WORKBOOK).get_sheet_by_index(0).to_python()
    assert tuple(sheet[0]) == exports.COLUMNS
    for cells, row in zip(sheet[1:], _rows(tmp_path), strict=True):
        shown = dict(zip(exports.COLUMNS, cells, strict=True))
        assert (shown["number"], shown["name"], shown["file"], shown["sha256"]) == (
            row["number"], row["name"], row["file"], row["sha256"],
        )  # fmt: skip
        assert shown["total"] == (float(row["total"]) if row["total"] else "")


def test_what_is_there_and_still_true_is_kept(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    list(exports.appraisals(papers, tmp_path, language="zh", draw=_plain))
    cut, other = (tmp_path / exports.file_name(paper, "zh") for paper in papers[:2])
    cut.write_bytes(_content(papers[0])[:-9])
    other.write_bytes(_content(papers[5]))
    drawn: list[Paper] = []

    def draw(paper: Paper) -> Callable[[], bytes]:
        drawn.append(paper)
        return _plain(paper)

    done = list(exports.appraisals(papers, tmp_path, language="zh", draw=draw))
    assert drawn == [papers[0], papers[1]]
    assert sum(one.kept for one in done) == len(papers) - 2
    assert [one.sha256 for one in sorted(done, key=lambda one: one.paper.statement.number)] == [
        row["sha256"] for row in _rows(tmp_path)
    ]
    assert cut.read_bytes() == _content(papers[0])


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_decision_makes_a_new_file(
    session: Session, kelon: Appraisal, now: datetime, evenhand: Evenhand, tmp_path: Path
) -> None:
    session.commit()
    kept = []
    for step in ("first", "again", "decided"):
        if step == "decided":
            appraisals.finalise(session, kelon.id, band="B", reason="", by="hr@h.example", at=now)
            session.commit()
        done = evenhand("appraisals", "export", "2026-H1", "--out", tmp_path / "pdf", "--json")
        assert done.exit_code == 0, done.stderr
        kept.append(json.loads(done.stdout)["printed"][0]["kept"])
    assert kept == [False, True, False]
    assert "已审定" in _text(next((tmp_path / "pdf").glob("*.pdf")))


def test_one_export_at_a_time_in_a_directory(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    running = exports.appraisals(papers, tmp_path, language="zh", draw=_plain)
    next(running)
    with pytest.raises(exports.ExportRunning, match="Another export is writing"):
        next(exports.appraisals(papers, tmp_path, language="zh", draw=_plain))
    running.close()
    assert len(list(exports.appraisals(papers, tmp_path, language="zh", draw=_plain))) == len(papers)


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from survey.exports import write_whole

path, dice = Path(sys.argv[1]), random.Random(1)
for _ in range(50):
    child = os.fork()
    if child == 0:
        while True:
            for letter in (b"A", b"B"):
                write_whole(path, letter * 300_000)
    time.sleep(dice.uniform(0.002, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if path.exists():
        content = path.read_bytes()
        assert content in (b"A" * 300_000, b"B" * 300_000), len(content)
print("whole")
"""


def test_fifty_kills_leave_no_file_cut_short(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "x.pdf"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "whole\n", done.stderr


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_killed_export_leaves_whole_files_and_goes_on_where_it_was(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    """Fifty times the export is killed as it writes: what lies there is always whole, nobody's work is done twice for
    nothing, and the last export ends with every file."""
    dice = random.Random(5)
    padding = b"%" + b"x" * 300_000 + b"\n"

    def draw(paper: Paper) -> Callable[[], bytes]:
        return lambda: padding + _content(paper)

    kills, most = 0, 0
    while kills < 50:
        child = os.fork()
        if child == 0:
            for _ in range(100):
                list(exports.appraisals(papers, tmp_path / "out", language="zh", draw=draw))
                for path in dice.sample(sorted((tmp_path / "out").glob("*.pdf")), 5):
                    path.unlink()
            os._exit(0)
        time.sleep(dice.uniform(0.002, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
        found = sorted((tmp_path / "out").glob("*.pdf"))
        most = max(most, len(found))
        for path in found:
            content = path.read_bytes()
            assert content.startswith(padding), path
            assert content.endswith(b"%%EOF\n"), path
    assert most > 0
    done = list(exports.appraisals(papers, tmp_path / "out", language="zh", draw=draw))
    assert len(done) == len(papers)
    names = [exports.INDEX, exports.WORKBOOK, *(exports.file_name(paper, "zh") for paper in papers)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_killed_in_the_middle_is_run_again(
    session: Session, six: tuple[Appraisal, ...], settings: Settings, tmp_path: Path
) -> None:
    """The real command with its printing processes: killed as soon as the first files are there, then run again."""
    session.commit()
    out = tmp_path / "pdf"
    program = "from survey.cli import main; main()"
    command = [sys.executable, "-c", program, "appraisals", "export", "2026-H1", "--out", str(out), "--json"]
    environment = {
        **os.environ, "DATABASE_URL": settings.database_url, "EVENHAND_DIR": str(tmp_path),
        "SECRET_KEY": "s" * 40, "TOKEN_KEYS": json.dumps({"test": "t" * 40}),
    }  # fmt: skip
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    for _ in range(1200):
        if len(list(out.glob("*.pdf"))) >= 2 or first.poll() is not None:
            break
        time.sleep(0.05)
    first.kill()
    first.wait()
    left = list(out.glob("*.pdf"))
    assert len(left) >= 2
    for path in left:
        assert len(pypdf.PdfReader(path).pages) == 2
    second = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    printed = json.loads(second.stdout)["printed"]
    assert len(printed) == len(six) == len(_rows(out))
    assert sum(one["kept"] for one in printed) == len(left)
    assert not [path for path in out.iterdir() if path.name.endswith(exports.DRAFT)]


def test_answers_that_were_imported_are_not_said_to_be_all_that_were_asked(
    app: Flask, surveyed: Surveyed, session: Session, request: pytest.FixtureRequest
) -> None:
    session.execute(update(Campaign).values(imported=True))
    request.getfixturevalue("six")
    paper = appraisals.papers(session, "2026-H1")[0]
    with app.test_request_context():
        page = next(pages_of(paper, "en", printed_on=date(2026, 7, 20)))
    assert "24 answers" in page
    assert "of 24 answered" not in page
