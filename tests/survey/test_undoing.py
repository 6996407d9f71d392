"""An import is taken back whole, until something rests on it; and a company's own headers are read as it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.context import now
from survey.intake import undoing
from survey.intake.undoing import CannotUndo, UnknownImport
from survey.journal import verify
from survey.models.answering import Response
from survey.models.company import JournalEntry
from survey.models.intake import FileImport
from survey.models.roster import Assignment, Contact, Customer, Rep, ReportingLine, Territory
from survey.roster import periods

Bring = Callable[..., dict[str, Any]]
Evenhand = Callable[..., Result]
FLAT = (
    "code,name,segment,contact_name,email,rep,territory,served_from\n"
    "C1,甲公司,大客户,刘芳,liu@c1.example,R1,T1,2025-01-01\n"
    "C2,乙公司,标准,陈强,chen@c2.example,R2,T1,2025-03-01\n"
)


@pytest.fixture
def staffed(bring: Bring) -> None:
    bring("territories", "code,name\nT1,华北\n")
    bring("reps", "code,name,manager_email\nR1,王建国,li@h.example\nR2,张晨曦,li@h.example\n")


def _undo_last(session: Session) -> FileImport:
    session.rollback()
    last = session.scalars(select(FileImport.id).order_by(FileImport.id.desc())).first()
    assert last is not None
    done = undoing.undo(session, last, by="li@h.example", at=now())
    session.commit()
    return done


def _count(session: Session, *models: Any) -> list[int]:
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def test_what_an_import_created_goes_with_it(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", FLAT)
    assert _count(session, Customer, Contact, Assignment) == [2, 2, 2]
    done = _undo_last(session)
    assert _count(session, Customer, Contact, Assignment, Rep, Territory) == [0, 0, 0, 2, 1]
    assert done.undone_by == "li@h.example"
    assert session.scalars(select(JournalEntry.action).order_by(JournalEntry.id.desc())).first() == "import undone"
    assert not verify(session).broken


def test_what_an_import_changed_returns_as_it_was(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", FLAT)
    bring("customers", FLAT.replace("大客户", "标准").replace("2025-03-01\n", "2025-03-01\nC3,丙公司,标准,,,,,\n"))
    assert session.scalar(select(Customer.segment).where(Customer.code == "C1")) == "标准"
    _undo_last(session)
    assert session.scalar(select(Customer.segment).where(Customer.code == "C1")) == "大客户"
    assert _count(session, Customer) == [2]


def test_days_and_managers_return_too(session: Session, staffed: None, bring: Bring) -> None:
    bring("reps", "code,name,manager_email,left_on\nR1,王建国,zhao@h.example,2026-06-30\n")
    _undo_last(session)
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    assert rep.left_on is None
    (line,) = session.scalars(select(ReportingLine).where(ReportingLine.rep_id == rep.id)).all()
    assert (line.manager_email, line.until_on) == ("li@h.example", None)


def test_an_import_others_rest_on_stays(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", "code,name\nC1,甲公司\nC2,乙公司\n")
    bring("contacts", "customer,name,email\nC1,刘芳,liu@c1.example\n")
    session.rollback()
    with pytest.raises(CannotUndo, match="rest on"):
        undoing.undo(session, 3, by="x", at=now())
    session.rollback()
    _undo_last(session)
    undoing.undo(session, 3, by="x", at=now())
    assert _count(session, Customer) == [0]


def test_what_was_changed_again_is_not_overwritten(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", FLAT)
    bring("customers", "code,name,segment\nC1,甲公司,标准\n")
    bring("customers", "code,name,segment\nC1,甲公司,战略\n")
    session.rollback()
    with pytest.raises(CannotUndo, match="changed again"):
        undoing.undo(session, 4, by="x", at=now())
    session.rollback()
    _undo_last(session)
    _undo_last_of(session, 4)
    assert session.scalar(select(Customer.segment).where(Customer.code == "C1")) == "大客户"


def _undo_last_of(session: Session, number: int) -> None:
    undoing.undo(session, number, by="x", at=now())
    session.commit()


def test_a_campaign_that_asked_these_customers_holds_the_import(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", "code,name,contact_name,email\nC1,甲公司,刘芳,liu@c1.example\n")
    bring("assignments", "customer,rep,territory,served_from\nC1,R1,T1,2025-01-01\n")
    today = now().date()
    periods.add(session, "P", from_on=date(today.year, 1, 1), to_on=date(today.year, 12, 31), by="x", at=now())
    campaign = campaigns.create(
        session, "P", period="P", questionnaire="core", opens_on=today, closes_on=date(today.year + 1, 1, 31),
        by="x", at=now(),
    )  # fmt: skip
    campaigns.open_up(session, campaign, by="x", at=now())
    assert invitations.invite(session, campaign, by="x", at=now()).invited == 1
    session.commit()
    with pytest.raises(CannotUndo, match="invited since"):
        undoing.undo(session, 4, by="x", at=now())
    assert _count(session, Assignment) == [1]


def test_undone_once_is_enough_and_unknown_is_said(session: Session, staffed: None, bring: Bring) -> None:
    bring("customers", FLAT)
    done = _undo_last(session)
    with pytest.raises(CannotUndo, match="undone already"):
        undoing.undo(session, done.id, by="x", at=now())
    with pytest.raises(UnknownImport):
        undoing.undo(session, 999, by="x", at=now())


def test_answers_of_the_past_go_with_everything_they_brought(session: Session, bring: Bring) -> None:
    periods.add(session, "2025-H1", from_on=date(2025, 1, 1), to_on=date(2025, 6, 30), by="x", at=now())
    session.commit()
    answers = "campaign,customer,rep,territory,answered_on,knowledge\nOLD,C9,R9,T9,2025-05-05,4\nOLD,C8,R9,T9,,\n"
    assert bring("answers", answers, "--period", "2025-H1")["created"] == 2
    assert _count(session, Customer, Rep, Territory, Response) == [2, 1, 1, 1]
    _undo_last(session)
    assert _count(session, Customer, Rep, Territory, Response) == [0, 0, 0, 0]


def test_the_command_line_lists_and_takes_back(evenhand: Evenhand, bring: Bring, session: Session) -> None:
    bring("territories", "code,name\nT1,华北\n")
    assert "territories.csv" in evenhand("imports", "list").stdout
    done = evenhand("imports", "undo", "1")
    assert (done.exit_code, "is undone" in done.stdout) == (0, True)
    assert _count(session, Territory) == [0]
    again = evenhand("imports", "undo", "1")
    assert (again.exit_code, "undone already" in again.stderr) == (1, True)
    assert "undone" in evenhand("imports", "list").stdout


def test_a_dry_run_and_a_refused_file_leave_no_import(bring: Bring, session: Session) -> None:
    bring("territories", "code,name\nT1,华北\n", "--dry-run")
    bring("territories", "code,name\nT1,华北\n,x\n")
    assert _count(session, FileImport) == [0]


# -- a company's own headers ------------------------------------------------------------------------------------


@pytest.fixture
def mapping(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_mapping_says_which_header_is_which(bring: Bring, mapping: Callable[[str], Path], session: Session) -> None:
    path = mapping('code = "KUNNR"\nname = "KUNNR"\n')
    report = bring("territories", "KUNNR,potential,备注\nT1,5,x\n", "--mapping", str(path))
    assert (report["created"], report["ignored"]) == (1, ["备注"])
    (territory,) = session.scalars(select(Territory)).all()
    assert (territory.code, territory.name, territory.potential) == ("T1", "T1", 5)


def test_a_blank_in_a_mapping_leaves_a_column_out(
    bring: Bring, mapping: Callable[[str], Path], session: Session
) -> None:
    path = mapping('potential = ""\n')
    bring("territories", "code,name,potential\nT1,North,many\n", "--mapping", str(path))
    assert session.scalars(select(Territory.potential)).all() == [None]


def test_refusals_name_the_companys_own_header(bring: Bring, mapping: Callable[[str], Path]) -> None:
    path = mapping('code = "KUNNR"\nname = "NAME1"\npotential = "POT"\n')
    report = bring("territories", "KUNNR,NAME1,POT\nT1,North,many\n", "--mapping", str(path))
    assert [(one["row"], one["column"], one["value"]) for one in report["refused"]] == [(2, "POT", "many")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('codes = "KUNNR"\n', "codes"),
        ('code = "KUNR"\n', "KUNR"),
        ("code = 1\n", "quotation marks"),
        ("code: KUNNR\n", "not TOML"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_sentence(
    bring: Bring, evenhand: Evenhand, mapping: Callable[[str], Path], tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_text("KUNNR,name\nT1,North\n", encoding="utf-8")
    done = evenhand("import", "territories", file, "--mapping", mapping(text))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert says in done.stderr


def test_what_a_later_import_changed_keeps_the_earlier_one(session: Session, bring: Bring) -> None:
    bring("customers", "code,name\nC1,甲公司\n")
    bring("customers", "code,name\nC1,甲公司（更名）\n")
    session.rollback()
    with pytest.raises(CannotUndo, match="changed since"):
        undoing.undo(session, 1, by="x", at=now())
    session.rollback()
    _undo_last_of(session, 2)
    _undo_last_of(session, 1)
    assert _count(session, Customer) == [0]
