"""Erased is gone, wherever a name can have got to; what was worked out stands, and says what is missing from it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from survey import appraisals, interviews, invitations, journal, runs, users, worker
from survey.appraisals import drawing
from survey.bounces import Report
from survey.config import Settings
from survey.context import now
from survey.database import Base
from survey.indicators import notes
from survey.invitations import exclusions, reports
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.appraising import Appraisal
from survey.models.asking import Invitation, Subject
from survey.models.company import JournalEntry
from survey.models.facts import Sale, Visit
from survey.models.roster import Contact, Customer, Rep
from survey.models.scoring import RepScore, Run
from survey.models.sending import OutboxMessage
from survey.roster import checks, files
from survey.runs.erasing import AnswersErased
from tests.asking import BY, found, plan, sheet

from .conftest import SPEC, Surveyed, adopt, put_facts

Bring = Callable[..., dict[str, Any]]
Evenhand = Callable[..., Result]
CODE, NAME = "Quetzal-9", "羽蛇商行 Quetzal Ltd"
TRACES = ("quetzal", "羽蛇商行", "xochitl", "zyzzyva", "13900139007", "索契")
ON_SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
CUSTOMER = (
    "code,name,segment,industry,contact_name,email,phone,wechat,language,rep,territory,served_from\n"
    f"{CODE},{NAME},standard,quetzal feathers,{{}},xochitl@zyzzyva.example,+8613900139007,wx-zyzzyva,en,"
    "R1,EAST,2025-01-01\n"
)


@pytest.fixture
def everywhere(app: Flask, session: Session, settings: Settings, bring: Bring, evenhand: Evenhand) -> str:
    """A customer and two people there, in every place that takes a name; the path of a link of theirs."""
    found(session)
    for email, role in (("hr@h.example", "reviewer"), ("r1@h.example", "rep")):
        users.create(session, email=email, name=email, role=role, password_hash=None, by=BY, at=now())
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    rep.email = "r1@h.example"
    session.commit()
    bring("customers", CUSTOMER.format("Xochitl Zyzzyva"))
    second = CUSTOMER.format("索契").replace("xochitl@zyzzyva.example", "").replace("wx-zyzzyva", "")
    bring("customers", second.replace("feathers", "cages"))
    bring("contacts", f"customer,name,phone,email\n{CODE},Xochitl Zyzzyva,+8613900139007,xochitl2@zyzzyva.example\n")
    link = _asked_and_answered(app, session, settings)
    _written_about(session, bring, rep)
    _appraised(session, bring)
    session.commit()
    return link


def _asked_and_answered(app: Flask, session: Session, settings: Settings) -> str:
    campaign = plan(session, at=now())
    invitations.invite(session, campaign, by=BY, at=now())
    session.commit()
    worker.drain()
    letter = next(file.read_text() for file in settings.outbox.glob("*.eml") if "zyzzyva" in file.read_text())
    link = re.findall(r"/s/[0-9a-z]{26}(?=\s)", letter)[0]
    told = sheet(app.test_client(), link, {"knowledge": "1", "delivery": "2", "comment": "The quetzal never came."})
    assert app.test_client().post(link, data=told).status_code in {200, 303}
    exclusions.propose(session, campaign, "C1", reason=f"belongs to {NAME}", by=BY, at=now())
    sent = session.scalars(
        select(OutboxMessage)
        .join(Invitation)
        .join(Customer)
        .where(Customer.code == CODE, OutboxMessage.state == "sent")
    ).first()
    assert sent is not None
    report = Report(digest="d" * 64, message_id=sent.message_id, kind="hard", reason="550 xochitl@zyzzyva.example: no")
    reports.record(session, report, at=now())
    other = session.scalars(select(Invitation).join(Contact).where(Contact.name == "索契")).first()
    if other is not None:
        interviews.hand_out(session, campaign, ["ann@h.example"], by=BY, at=now())
    session.commit()
    return link


def _written_about(session: Session, bring: Bring, rep: Rep) -> None:
    bring("visits", f"rep,customer,date,need,help\nR1,{CODE},2026-03-02,quetzal cages,fed the quetzal\n")
    bring("visits", f"rep,customer,date,need\nR1,{NAME},2026-03-02,羽蛇商行要货\n")
    bring("sales", f"number,customer,date,amount\nzyzzyva-1,{CODE},2026-03-02,100\n")
    bring("facts", "rep,indicator,value,note\nR1,displays,5,see Xochitl Zyzzyva\n", "--period", "2026-H1")
    bring("facts", "rep,indicator,value,note\nR1,displays,6,索契说的\n", "--period", "2026-H1", "--reason", "索契")
    row = notes.NoteRow(rep="R1", on="2026-03-02", source="observation", text="Call xochitl2@zyzzyva.example")
    visit = notes.Accompanied(rep="R1", customer=CODE, well="索契 was glad")
    notes.write(session, rep, row, visit, on=date(2026, 7, 6), by=BY, at=now())
    check = checks.ask(session, "2026-H1", on=date(2026, 7, 6), by=BY, at=now())
    for assignment in (
        None,
        *(one.id for one in checks.held(session, "r1@h.example", on=check.asked_on)[0].assignments),
    ):
        reason = f"{NAME} is missing"
        checks.object_to(
            session, check.id, assignment_id=assignment, reason=reason, on=check.asked_on, by="r1@h.example", at=now()
        )
    files.receive(session, "customers", name="zyzzyva.csv", content=CUSTOMER.encode(), by=BY, at=now())


def _appraised(session: Session, bring: Bring) -> None:
    said = f"R1,2026-03-02,complaint,2,{NAME} complained\n"
    bring("events", f"rep,date,category,points,fact\n{said}", "--period", "2026-H1")
    put_facts(session, "R1")
    version = adopt(session, "kelon-branch-manager", now())
    row = drawing.draw_up(session, "2026-H1", version, by=BY, at=now()).appraisals[0][0]
    band = "A" if row.band != "A" else "B"
    reason = f"Never lost {NAME}."
    appraisals.finalise(session, row.id, band=band, reason=reason, by="hr@h.example", at=now())


def _found(session: Session) -> set[str]:
    """Where a trace stands: table and column."""
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for value in session.execute(select(column)).scalars()
        if _tells(value)
    }


def _tells(value: Any) -> bool:
    if isinstance(value, bytes):
        return any(trace.encode() in value.lower() for trace in TRACES)
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return any(trace in said.lower() for trace in TRACES)


def _files(session: Session, settings: Settings) -> Iterator[bytes]:
    for file in settings.evenhand_dir.rglob("*"):
        if file.is_file() and file.suffix != ".csv":
            yield file.read_bytes()
    if settings.database.startswith("sqlite"):
        yield Path(settings.database.removeprefix("sqlite:///")).read_bytes()
        return
    session.execute(text("CHECKPOINT"))
    for table in Base.metadata.sorted_tables:
        yield session.scalars(text(f"SELECT pg_read_binary_file(pg_relation_filepath('\"{table.name}\"'))")).one()
    session.rollback()


def test_a_name_is_nowhere_once_it_is_erased(
    app: Flask, session: Session, settings: Settings, evenhand: Evenhand, bring: Bring, everywhere: str, tmp_path: Path
) -> None:
    before = _found(session)
    assert before >= {
        "customer.name", "contact.email", "answer.text", "visit.customer", "visit.need", "sale.number",
        "delivery_report.reason", "file_import.changes", "upload.content", "exclusion.reason", "objection.reason",
        "indicator_fact.note", "revision.before", "monitoring_note.text", "monitoring_note.details",
        "conduct_event.fact", "appraisal.outcome", "appraisal.final_reason", "subject.adjusters",
    }  # fmt: skip
    assert not any(place.startswith("journal_entry") for place in before), "the journal holds no words"
    session.rollback()
    if settings.database.startswith("sqlite"):  # some builds overwrite what is deleted by themselves
        session.execute(text("PRAGMA secure_delete = OFF"))
        session.rollback()
    done = evenhand("erase", "customer", CODE, "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["fresh"], told["contacts"], told["written_anew"], told["uploads"]) == (True, 2, True, 1)
    session.expire_all()
    assert _found(session) == set()
    session.rollback()
    assert not any(_tells(content) for content in _files(session, settings))
    assert evenhand("backup", tmp_path / "fresh.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "fresh.zip") as kept:
        assert not any(_tells(kept.read(name)) for name in kept.namelist())
    assert journal.verify(session).broken == ()
    assert appraisals.papers(session, "2026-H1", None), "its snapshot vouches for what is left"
    assert app.test_client().get(everywhere).status_code == 410
    assert [(visit.place, bool(visit.need)) for visit in session.scalars(select(Visit).order_by(Visit.place))] == [
        (1, True), (2, True),
    ]  # fmt: skip
    states = select(OutboxMessage.state).join(Invitation).where(Invitation.contact_id.is_(None))
    assert set(session.scalars(states)) <= {"held", "sent"}
    sent = session.scalars(select(OutboxMessage.message_id).where(OutboxMessage.sent_at.is_not(None))).all()
    late = [Report(digest=f"{number:064}", message_id=id_, kind="hard", reason="x") for number, id_ in enumerate(sent)]
    assert "foreign" in [reports.record(session, report, at=now()) for report in late], "a report is nobody's any more"
    session.commit()
    _nobody_comes_back(session, bring)
    lines = session.scalar(select(func.count(JournalEntry.id)))
    again = evenhand("erase", "customer", CODE, "--yes")
    assert "Nothing was changed" in again.stdout
    assert session.scalar(select(func.count(JournalEntry.id))) == lines


def _nobody_comes_back(session: Session, bring: Bring) -> None:
    for kind, content in (
        ("customers", CUSTOMER.format("Xochitl Zyzzyva")),
        ("contacts", f"customer,name\n{CODE},Xochitl\n"),
        ("visits", f"rep,customer,date\nR1,{CODE},2026-03-03\n"),
        ("sales", f"number,customer,date,amount\n2,{CODE},2026-03-02,100\n"),
    ):
        (refused,) = {row["reason"].split(" and ")[0] for row in bring(kind, content)["refused"]}
        assert refused.startswith("The customer with this code was erased on ")
    assert session.scalar(select(func.count(Sale.id))) == 0


@ON_SQLITE
def test_a_letter_in_a_workers_hands_comes_first(session: Session, evenhand: Evenhand) -> None:
    found(session)
    invitations.invite(session, plan(session, at=now()), by=BY, at=now())
    claimed = {"state": "claimed", "lease_until": now() + timedelta(minutes=1)}
    session.execute(update(OutboxMessage).values(claimed))
    session.commit()
    assert "on its way" in evenhand("erase", "customer", "C1", "--yes").stderr
    session.execute(update(OutboxMessage).values(lease_until=now() - timedelta(minutes=1)))
    session.commit()
    assert evenhand("erase", "customer", "C1", "--yes").exit_code == 0


def test_an_unknown_code_and_a_no_change_nothing(evenhand: Evenhand, session: Session) -> None:
    assert evenhand("erase", "customer", "C1", "--yes").stderr.strip() == "There is no customer with the code “C1”."
    found(session)
    session.commit()
    asked = evenhand("erase", "customer", "C1")
    assert (asked.exit_code, "Erase C1 (海川商行)" in asked.stderr) == (1, True)
    assert session.scalar(select(Customer.name).where(Customer.code == "C1")) == "海川商行"


def _of(session: Session, code: str) -> list[float]:
    """The ratings stored of a customer."""
    found_ = (
        select(Answer.value)
        .join(ResponseVersion)
        .join(Response)
        .join(Subject)
        .join(Invitation)
        .join(Customer)
        .where(Customer.code == code)
    )
    return [value for value in session.scalars(found_) if value is not None]


@ON_SQLITE
def test_ratings_stay_among_enough_others_and_the_run_comes_out_again(
    session: Session, evenhand: Evenhand, run: Run, surveyed: Surveyed
) -> None:
    among_24, among_two = surveyed.customers[0], surveyed.customers[-1]
    customer = select(Customer.id).where(Customer.code == among_24)
    session.add(Contact(customer_id=session.scalars(customer).one(), name="Delivery", language="en"))
    many = len(_of(session, among_24))
    session.commit()
    kept, dropped = (
        json.loads(evenhand("erase", "customer", code, "--yes", "--json").stdout) for code in (among_24, among_two)
    )
    assert (kept["answers"], kept["kept"], kept["score_again"]) == (0, many, [])
    assert kept["shared"] == ["Delivery"], "which is a question's name, and stays one"
    assert (dropped["kept"], dropped["answers"] > 0, dropped["score_again"]) == (0, True, [])
    assert len(_of(session, kept["known_as"])) == many
    assert _of(session, dropped["known_as"]) == []
    assert runs.recompute(session, run.id).largest_difference <= 1e-9


@ON_SQLITE
def test_a_rating_among_too_few_is_dropped_and_its_run_says_so(
    session: Session, evenhand: Evenhand, surveyed: Surveyed
) -> None:
    """Five customers rate R09; once one is erased, four are too few to show anything. (The sixth
    item is one that not all five could answer, so the run never held it.)"""
    ours = select(Response.id).join(Subject).join(Invitation).join(Customer).where(Customer.code.like("C08%"))
    gone = list(session.scalars(ours.where(Customer.code >= "C0805")))
    versions = select(ResponseVersion.id).where(ResponseVersion.response_id.in_(gone))
    session.execute(delete(Answer).where(Answer.response_version_id.in_(versions)))
    session.execute(delete(ResponseVersion).where(ResponseVersion.response_id.in_(gone)))
    session.execute(delete(Response).where(Response.id.in_(gone)))
    run = runs.score_period(session, "2026-H1", SPEC, by=BY, at=now())
    version = adopt(session, "taiwan-six", now())
    drawing.draw_up(session, "2026-H1", version, by=BY, at=now())
    shown = _score(session, run)
    assert shown.customers == 5
    session.commit()
    told = json.loads(evenhand("erase", "customer", "C0800", "--yes", "--json").stdout)
    assert (told["kept"], told["score_again"]) == (0, ["2026-H1"])
    assert told["draw_up_again"] == [["2026-H1", "taiwan-six"]]
    session.expire_all()
    with pytest.raises(AnswersErased, match="and 5 of its ratings with them"):
        runs.recompute(session, run.id)
    again = runs.score_period(session, "2026-H1", SPEC, by=BY, at=now() + timedelta(minutes=1))
    assert _score(session, again).evidence == "withheld"
    drawing.draw_up(session, "2026-H1", version, by=BY, at=now())
    assert set(session.scalars(select(Appraisal.revision).join(Rep).where(Rep.code == "R09"))) == {1, 2}


def _score(session: Session, run: Run) -> RepScore:
    asked = select(RepScore).join(Rep).where(RepScore.run_id == run.id, Rep.code == "R09", RepScore.item == "knowledge")
    return session.scalars(asked).one()
