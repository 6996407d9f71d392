"""The manager's page of follow-ups: their own people's, told once, and never an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey.config import Settings
from survey.context import now
from survey.models.answering import FollowUp, Response
from survey.models.roster import Rep, ReportingLine
from tests.asking import CORE, Asked, ask, sheet

BOSS = "boss@harbour.example"
SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    """李伟 (R1) reports to the boss, Maria Schmidt (R2) to somebody else."""
    made = ask(session, settings, at=now())
    for code, manager in (("R1", BOSS), ("R2", "other@harbour.example")):
        rep = session.scalars(select(Rep).where(Rep.code == code)).one()
        session.add(ReportingLine(rep_id=rep.id, manager_email=manager, since_on=date(2025, 1, 1)))
    session.commit()
    return made


@pytest.fixture
def agreed(client: FlaskClient, session: Session, asked: Asked) -> Asked:
    """Bob Brown was unhappy with both reps a day ago and said yes."""
    both = {**sheet(client, asked.en, {**CORE, "delivery": "1", "comment": "two quiet words"}), "knowledge-2": "2"}
    mark = client.post(asked.en, data=both).location.split("ask=")[1]
    client.post(f"{asked.en}/contact?ask={mark}", data={"contact": "yes"})
    session.execute(update(Response).values(first_answered_at=now() - timedelta(hours=25)))
    session.commit()
    return asked


def test_a_manager_is_told_whom_to_contact_and_about_whom_and_no_answer(
    agreed: Asked, person: Callable[..., str], sign_in: SignIn
) -> None:
    page = sign_in(person("manager", BOSS)).get("/follow-ups?lang=en").text
    for words in ("Zeta Ltd", "Bob Brown", "bob@c2.example", "李伟"):
        assert words in page
    for words in ("Maria Schmidt", "two quiet words", "Never"):
        assert words not in page


def test_a_task_is_closed_with_a_word_and_stays_closed(
    agreed: Asked, session: Session, person: Callable[..., str], sign_in: SignIn, look: Callable[..., object]
) -> None:
    boss = sign_in(person("manager", BOSS))
    token = look(boss.get("/follow-ups")).token  # type: ignore[attr-defined]
    task = session.scalars(select(FollowUp.id).order_by(FollowUp.subject_id)).first()
    session.rollback()
    wordless = boss.post(f"/follow-ups/{task}", data={"csrf_token": token, "what_happened": " "})
    assert wordless.status_code == 400
    assert 'aria-invalid="true"' in wordless.text
    hostile = boss.post(f"/follow-ups/{task}", data={"csrf_token": token, "what_happened": "a\u202eb"})
    assert hostile.status_code == 400
    long = boss.post(f"/follow-ups/{task}", data={"csrf_token": token, "what_happened": "x" * 100_000})
    assert long.status_code == 400
    done = boss.post(f"/follow-ups/{task}", data={"csrf_token": token, "what_happened": "<b>called</b>"})
    assert done.status_code == 303
    page = boss.get("/follow-ups?lang=en").text
    assert "<td>&lt;b&gt;called&lt;/b&gt;</td>" in page
    assert "Nobody is waiting" in page


def test_without_the_forms_token_nothing_is_done(
    agreed: Asked, session: Session, person: Callable[..., str], sign_in: SignIn
) -> None:
    boss = sign_in(person("manager", BOSS))
    task = session.scalars(select(FollowUp.id).order_by(FollowUp.subject_id)).first()
    session.rollback()
    assert boss.post(f"/follow-ups/{task}", data={"what_happened": "called"}).status_code == 400
    session.expire_all()
    assert session.scalars(select(FollowUp.done_at)).all() == [None, None]


def test_another_managers_task_is_not_there(
    agreed: Asked, session: Session, person: Callable[..., str], sign_in: SignIn, look: Callable[..., object]
) -> None:
    boss = sign_in(person("manager", BOSS))
    token = look(boss.get("/follow-ups")).token  # type: ignore[attr-defined]
    [_, other] = session.scalars(select(FollowUp.id).order_by(FollowUp.subject_id)).all()
    session.rollback()
    for task in (other, 999_999):
        answer = boss.post(f"/follow-ups/{task}", data={"csrf_token": token, "what_happened": "called"})
        assert answer.status_code == 404


def test_a_request_that_can_still_be_changed_is_announced_without_a_name(
    agreed: Asked, session: Session, person: Callable[..., str], sign_in: SignIn
) -> None:
    session.execute(update(Response).values(first_answered_at=now()))
    session.commit()
    page = sign_in(person("manager", BOSS)).get("/follow-ups?lang=en").text
    assert "1 request is coming" in page
    assert "Zeta Ltd" not in page
