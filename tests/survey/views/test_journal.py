"""The journal in the browser: for those who check others, and nobody else."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from survey import journal
from survey.context import now
from survey.views.journal import DEEDS

SignIn = Callable[..., FlaskClient]


def test_an_auditor_reads_searches_and_checks_it(person: Callable[..., str], sign_in: SignIn, session: Session) -> None:
    auditor = sign_in(person("auditor"))
    for number in range(journal.PAGE + 5):
        journal.record(session, "thing done", f"thing {number}", {"why": "<b>"}, by="li@harbour.example", at=now())
    session.commit()
    page = auditor.get("/journal?lang=en").text
    assert "thing 104" in page
    assert "thing 4<" not in page
    older = auditor.get(f"/journal?lang=en&before={page.split('before=')[1].split(chr(34))[0]}").text
    assert "thing 4<" in older
    assert "user created" in auditor.get("/journal?lang=en&q=USER").text
    assert "thing" not in auditor.get("/journal?q=USER").text.split("<tbody>")[1]
    assert "lines, unbroken" in auditor.get("/journal?lang=en&verify=all").text
    session.rollback()
    session.execute(text("UPDATE journal_entry SET subject = 'another' WHERE subject = 'thing 7'"))
    session.commit()
    assert "1 line does not fit." in auditor.get("/journal?lang=en&verify=all").text


@pytest.mark.parametrize("role", ["reviewer", "manager", "rep", "interviewer"])
def test_others_do_not(person: Callable[..., str], sign_in: SignIn, role: str) -> None:
    assert sign_in(person(role)).get("/journal").status_code == 404


def _recorded() -> Iterator[str]:
    """The deeds written out where something is recorded."""
    for path in Path("survey").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("journal.record", "_journal"):
                said = (
                    [node.args[1].body, node.args[1].orelse] if isinstance(node.args[1], ast.IfExp) else node.args[1:2]
                )
                yield from (str(one.value) for one in said if isinstance(one, ast.Constant))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_deed_is_said_in_the_readers_language_and_found_by_it(
    person: Callable[..., str], sign_in: SignIn, session: Session
) -> None:
    assert set(_recorded()) <= set(DEEDS)
    auditor = sign_in(person("auditor"))
    journal.record(session, "period scored", "2026-H1", by=journal.COMMAND_LINE, at=now())
    session.commit()
    rows = auditor.get("/journal?lang=zh").text.split("<tbody>")[1]
    assert "为考核期计分" in rows
    assert "命令行" in rows
    assert "command line" not in rows
    assert "period scored" not in rows
    found = auditor.get("/journal?lang=zh&q=计分").text.split("<tbody>")[1]
    assert "2026-H1" in found
    assert found.count("<tr>") == 1
