"""An answer overtaken: its link was good when it was looked at, and ended before its turn to write came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from threading import Thread
from time import sleep
from typing import cast

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select, text, update
from sqlalchemy.orm import Session

from survey import campaigns, invitations, responses
from survey.config import Settings
from survey.context import now
from survey.database import begin_write
from survey.invitations import delivery
from survey.models.answering import Draft, Response
from survey.models.asking import Invitation
from survey.models.company import Period
from survey.questionnaires.sheet import Reply
from survey.responses import Submission
from tests.asking import BY, CORE, Asked, ask, sheet
from tests.survey.views.conftest import Page


def _taken_back(session: Session, invitation: Invitation) -> None:
    invitations.revoke(session, invitation, reason="a test", by=BY, at=now())


def _closed(session: Session, invitation: Invitation) -> None:
    campaigns.close(session, invitation.campaign, by=BY, at=now())


def _address_corrected(session: Session, invitation: Invitation) -> None:
    assert invitation.contact is not None
    delivery.correct_address(session, invitation.contact, email="fang@new.example", by=BY, at=now())


def _answered(session: Session, invitation: Invitation) -> None:
    replies = {code: Reply(state="answered", value=int(value)) for code, value in CORE.items()}
    sheets = {subject.id: replies for subject in invitation.subjects}
    responses.record(session, invitation, sheets, Submission(nonce="first", language="zh"), at=now())


End = Callable[[Session, Invitation], None]


@pytest.fixture
def engine(session: Session) -> Engine:
    return cast(Engine, session.get_bind())


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    return ask(session, settings, at=now())


def _ending(engine: Engine, end: End) -> Iterator[None]:
    """End 王芳's link in a transaction of its own: held open after the first step, committed by the second."""
    with Session(engine) as other:
        begin_write(other)
        end(other, other.scalars(select(Invitation).order_by(Invitation.id)).all()[0])
        other.flush()
        yield
        other.commit()
    yield


@contextmanager
def _before_writing(engine: Engine, act: Callable[[], None]) -> Iterator[None]:
    """Do something once between the look at a link and the writing: before the first statement after it."""
    begun: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not begun and "FROM token" in statement:
            begun.append("looked")
        elif begun == ["looked", "committed"]:
            begun.append("acted")
            act()

    def commit(_connection: object) -> None:
        if begun == ["looked"]:
            begun.append("committed")

    event.listen(engine, "before_cursor_execute", see)
    event.listen(engine, "commit", commit)
    yield
    event.remove(engine, "before_cursor_execute", see)
    event.remove(engine, "commit", commit)
    assert begun[-1:] == ["acted"], "nothing came in between"


def _exhaust(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _kept(session: Session) -> tuple[int, int]:
    session.rollback()
    counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Response, Draft)]
    session.rollback()
    return counts[0], counts[1]


@pytest.mark.parametrize("end", [_taken_back, _closed, _address_corrected])
def test_what_ended_a_link_before_its_answer_is_written_comes_first(
    client: FlaskClient, session: Session, engine: Engine, asked: Asked, end: End
) -> None:
    form = sheet(client, asked.zh)
    with _before_writing(engine, lambda: _exhaust(_ending(engine, end))):
        answer = client.post(asked.zh, data=form)
    assert answer.status_code == 410
    assert _kept(session) == (0, 0), "no answer of a link that ended is counted"


def test_nothing_is_kept_for_later_by_a_link_that_ended_meanwhile(
    client: FlaskClient, session: Session, engine: Engine, asked: Asked
) -> None:
    form = sheet(client, asked.zh) | {"save": "1"}
    with _before_writing(engine, lambda: _exhaust(_ending(engine, _address_corrected))):
        assert client.post(asked.zh, data=form).status_code == 410
    assert _kept(session) == (0, 0)


@pytest.mark.parametrize("path", ["", "/wrong-person"])
def test_who_has_answered_meanwhile_stays_who_has_answered(
    client: FlaskClient, session: Session, engine: Engine, asked: Asked, path: str
) -> None:
    """Kept for later in another window, or said to be the wrong person."""
    form = {"person": "wrong"} if path else sheet(client, asked.zh) | {"save": "1"}
    with _before_writing(engine, lambda: _exhaust(_ending(engine, _answered))):
        assert client.post(asked.zh + path, data=form).status_code in (200, 303)
    session.rollback()
    assert session.scalars(select(Invitation.disposition).order_by(Invitation.id)).first() == "completed"


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_answers_while_it_is_sent_again_stays_who_has_answered(
    client: FlaskClient, session: Session, engine: Engine, asked: Asked
) -> None:
    form = sheet(client, asked.zh)
    session.execute(update(Invitation).values(disposition="sent"))
    session.commit()
    with Session(engine) as office:
        invitation = office.scalars(select(Invitation).order_by(Invitation.id)).all()[0]
        assert invitation.disposition == "sent"
        assert client.post(asked.zh, data=form).status_code == 303
        delivery.resend(office, invitation, by=BY, at=now())
        office.commit()
    dispositions = session.scalars(select(Invitation.disposition).order_by(Invitation.id))
    assert dispositions.first() == "completed"


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_an_answer_in_line_behind_whoever_ends_its_link_sees_that_it_ended(
    client: FlaskClient, session: Session, engine: Engine, asked: Asked
) -> None:
    """The campaign is being closed while the answer waits for its invitation."""
    form, steps = sheet(client, asked.zh), _ending(engine, _closed)

    def finish_when_waited_for() -> None:
        with engine.connect() as looking:
            while not looking.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                sleep(0.01)
        next(steps)

    closing = Thread(target=finish_when_waited_for)

    def begin_to_close() -> None:
        next(steps)
        closing.start()

    with _before_writing(engine, begin_to_close):
        answer = client.post(asked.zh, data=form)
    closing.join()
    assert answer.status_code == 410
    assert _kept(session) == (0, 0)


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_makes_the_same_a_moment_later_is_told_so(
    engine: Engine, session: Session, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    administrator = sign_in(person("administrator"))
    days = {"from_on": "2026-01-01", "to_on": "2026-06-30"}
    token = Page(administrator.get("/periods").text).token

    seen: list[str] = []

    def be_quicker(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not seen and statement.startswith("INSERT INTO period"):
            seen.append(statement)
            with Session(engine) as other:
                other.add(Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)))
                other.commit()

    event.listen(engine, "before_cursor_execute", be_quicker)
    answer = administrator.post("/periods?lang=en", data={"code": "2026-H1", "csrf_token": token, **days})
    event.remove(engine, "before_cursor_execute", be_quicker)
    assert (answer.status_code, "Somebody was quicker" in answer.text) == (409, True)
    session.rollback()
    assert session.scalars(select(Period.code)).all() == ["2026-H1"]


def test_a_number_no_table_can_count_to_is_a_400(
    asked: Asked, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    administrator = sign_in(person("administrator"))
    token = Page(administrator.get("/roster/reps/R1").text).token
    form = {"to": "R2", "on": "2026-06-01", "which": "chosen", "customer": "9" * 25, "csrf_token": token}
    assert administrator.post("/roster/reps/R1/hand-over", data=form).status_code == 400
