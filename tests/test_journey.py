"""One answer's journey, from the customer's POST to the number in the printed appraisal. Start reading here.

A small company comes in as CSV files, asks its customers by mail, and 48 of them answer. We follow one of them – the
customer who gives R1 the best marks – and then look for R1's number on every station of its way.
"""

from __future__ import annotations

import csv
import io
import re
from email import message_from_bytes, policy
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo
from flask.testing import FlaskClient
from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import users
from survey.cli import main
from survey.config import Settings
from survey.context import now
from survey.models.answering import Answer, Response
from survey.models.appraising import Appraisal
from survey.models.asking import Subject
from survey.models.scoring import RepScore, Run

REPS = [f"R{number}" for number in range(1, 9)]
TERRITORIES = ["NORTH", "EAST", "SOUTH", "WEST"]
CUSTOMERS_A_REP = 6
PASSWORD = "correct horse battery staple"

Row = dict[str, str]


def _tables() -> dict[str, list[Row]]:
    customers = [f"C{rep[1:]}{number}" for rep in REPS for number in range(CUSTOMERS_A_REP)]
    served_by = {customer: f"R{customer[1]}" for customer in customers}
    return {
        "territories": [{"code": code, "name": code.title()} for code in TERRITORIES],
        "reps": [
            {"code": rep, "name": f"王{rep}", "email": f"{rep.lower()}@firm.example", "position": "销售代表",
             "hired_on": "2020-01-01", "manager_email": "boss@firm.example"}
            for rep in REPS
        ],
        "customers": [
            {"code": code, "name": f"客户{code}", "segment": "key account" if code[2] in "024" else "standard",
             "customer_since": "2019-05-01"}
            for code in customers
        ],
        "contacts": [
            {"customer": code, "name": f"联系人{code}", "role": "purchasing", "email": f"{code.lower()}@buyer.example",
             "language": "zh"}
            for code in customers
        ],
        "assignments": [
            {"customer": code, "rep": served_by[code], "territory": TERRITORIES[(int(code[1]) - 1) // 2],
             "served_from": "2020-01-01"}
            for code in customers
        ],
        "facts": [
            {"period": "2026-H1", "rep": rep, "indicator": indicator, "value": value, "target": target}
            for rep in REPS
            for indicator, value, target in (
                ("attainment", "95", "100"), ("profit", "20", "21"), ("market_share", "11", "12"),
                ("expenses", "4.4", "4"), ("supervisor", "4", ""),
            )
        ],
    }  # fmt: skip


@pytest.fixture
def evenhand(app: Flask):
    """The command line, over this test's application."""

    def run(*arguments: str) -> str:
        script = ScriptInfo(create_app=lambda: app)
        done = CliRunner().invoke(main, arguments, obj=script, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def _links_in_mail(settings: Settings) -> dict[str, str]:
    """Mail address → path of the private link, as the customers received them."""
    found = {}
    for path in sorted(settings.outbox.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = mail.get_body(preferencelist=("plain",))
        assert body is not None
        link = re.search(r"http://localhost(/s/[0-9a-z]{26})", body.get_content())
        assert link is not None
        found[str(mail["To"])] = link.group(1)
    return found


def _marks(customer: str) -> dict[str, int]:
    """What this customer thinks, best 5. C10 is delighted with R1; the others differ by rep and customer."""
    if customer == "C10":
        return {"knowledge": 5, "delivery": 5, "responsiveness": 5}
    rep, place = int(customer[1]), int(customer[2])
    level = 3 + (rep % 3 - 1) * 0.6 + (0.4 if place in (0, 2, 4) else -0.3)
    return {
        item: min(5, max(1, round(level + ((place * 7 + rep * 3 + shift) % 5 - 2) / 2)))
        for shift, item in enumerate(("knowledge", "delivery", "responsiveness"))
    }


def _fill_in(page: str, marks: dict[str, int]) -> Row:
    nonce = re.search(r'name="nonce"[^>]*value="([^"]+)"', page)
    language = re.search(r'name="language"[^>]*value="([^"]+)"', page)
    assert nonce
    assert language
    ticked = {f"{item}-1": str(value) for item, value in marks.items()}
    return {"nonce": nonce.group(1), "language": language.group(1), "send": "1", **ticked}


def _sign_in(client: FlaskClient, session: Session, email: str, role: str) -> None:
    users.create(
        session, email=email, name=email, role=role, password_hash=hash_password(PASSWORD), by="test", at=now()
    )  # fmt: skip
    session.commit()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
    assert token
    done = client.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token.group(1)})
    assert done.status_code == 302


def test_one_answer_from_the_post_to_the_number_in_the_pdf(
    app: Flask, session: Session, settings: Settings, evenhand, make_client, tmp_path: Path
) -> None:
    # A company comes in, and asks.
    for name, rows in _tables().items():
        path = tmp_path / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    for kind in ("territories", "reps", "customers", "contacts", "assignments"):
        evenhand("import", kind, str(tmp_path / f"{kind}.csv"))
    today = now().date().isoformat()
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    evenhand(
        "campaign", "create", "spring", "--period", "2026-H1", "--questionnaire", "core", "--opens", today,
        "--closes", "2099-12-31",
    )  # fmt: skip
    evenhand("campaign", "open", "spring")
    evenhand("invite", "spring")
    evenhand("worker", "--once")
    links = _links_in_mail(settings)
    assert len(links) == len(REPS) * CUSTOMERS_A_REP

    # Customers answer. Reading the page stores nothing; the POST stores one response.
    customer = make_client()
    link = next(path for address, path in links.items() if "c10@" in address)
    page = customer.get(link)
    assert session.scalar(select(func.count()).select_from(Response)) == 0
    answered = customer.post(link, data=_fill_in(page.text, _marks("C10")))
    assert answered.status_code == 303
    session.expire_all()
    stored = dict(session.execute(select(Answer.item, Answer.value).where(Answer.state == "answered")).all())
    assert stored == {"knowledge": 5, "delivery": 5, "responsiveness": 5}
    for address, path in links.items():
        code = re.search(r"(c\d\d)@", address)
        assert code
        if code.group(1) != "c10":
            client = make_client()
            posted = client.post(path, data=_fill_in(client.get(path).text, _marks(code.group(1).upper())))
            assert posted.status_code == 303
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Response)) == len(links)

    # The answers become a score, whose steps add up, and which can be made again.
    evenhand("score", "2026-H1")
    run = session.scalars(select(Run)).one()
    r1 = session.scalars(
        select(RepScore).where(RepScore.run_id == run.id, RepScore.item == "satisfaction")
        .join(RepScore.rep).where(RepScore.rep.has(code="R1"))
    ).one()  # fmt: skip
    assert r1.customers == CUSTOMERS_A_REP
    assert None not in (r1.raw, r1.mix, r1.territory, r1.centring, r1.adjusted, r1.reported)
    assert r1.raw + r1.mix + r1.territory + r1.centring == pytest.approx(r1.adjusted, abs=1e-9)
    own = select(Answer.value).join_from(Answer, Response, Answer.response_version_id == Response.id).join(
        Subject, Subject.id == Response.subject_id
    ).where(Subject.rep_id == r1.rep_id, Answer.item == "delivery", Answer.state == "answered")  # fmt: skip
    delivery = session.scalars(
        select(RepScore).where(RepScore.run_id == run.id, RepScore.item == "delivery", RepScore.rep_id == r1.rep_id)
    ).one()
    values = session.scalars(own).all()
    assert delivery.raw == pytest.approx(sum(25 * (value - 1) for value in values) / len(values))
    evenhand("score", "recompute", str(run.id))

    # The score becomes points in an appraisal, and the appraisal is printed.
    evenhand("import", "facts", str(tmp_path / "facts.csv"))
    evenhand("schemes", "adopt", "taiwan-six")
    evenhand("appraise", "2026-H1", "--scheme", "taiwan-six")
    session.rollback()
    appraisal = session.scalars(select(Appraisal).where(Appraisal.rep_id == r1.rep_id)).one()
    manager = make_client()
    _sign_in(manager, session, "boss@firm.example", "manager")
    printed = manager.get(f"/appraisals/{appraisal.id}.pdf?lang=zh")
    assert printed.mimetype == "application/pdf"
    text = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(printed.data)).pages)
    assert f"{r1.reported:.1f}" in text
    assert f"{r1.adjusted:.1f}" in text
    assert f"{appraisal.total:.1f}" in text
    assert "王R1" in text
    assert "客户C10" not in text

    # The manager reads the same number on the rep's page.
    assert f"{r1.reported:.1f}" in manager.get("/reps/R1?lang=zh").text
