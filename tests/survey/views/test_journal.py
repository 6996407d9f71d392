"""The journal in the browser: for those who check others, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from survey import journal
from survey.context import now

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
    assert "user created" in auditor.get("/journal?q=USER").text
    assert "thing" not in auditor.get("/journal?q=USER").text.split("<tbody>")[1]
    assert "lines, unbroken" in auditor.get("/journal?lang=en&verify=all").text
    session.rollback()
    session.execute(text("UPDATE journal_entry SET subject = 'another' WHERE subject = 'thing 7'"))
    session.commit()
    assert "1 line does not fit." in auditor.get("/journal?lang=en&verify=all").text


@pytest.mark.parametrize("role", ["reviewer", "manager", "rep", "interviewer"])
def test_others_do_not(person: Callable[..., str], sign_in: SignIn, role: str) -> None:
    assert sign_in(person(role)).get("/journal").status_code == 404
