"""A database that is busy or away: people are told to come back, and nothing looks like a mistake of theirs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from survey import database
from survey.app import create_app
from survey.config import Settings
from survey.context import now
from survey.models.answering import Response
from survey.models.asking import Invitation
from survey.models.roster import Customer
from survey.views import sheets
from tests.asking import CORE, ask_many
from tests.conftest import free_port, settings_for


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, f"postgresql://postgres@127.0.0.1:{free_port()}/nowhere"))
    for path in ("/login", f"/s/{'0' * 26}"):
        answered = app.test_client().get(path)
        assert answered.status_code == 503
        assert int(answered.headers["Retry-After"]) > 0
        assert "Content-Security-Policy" in answered.headers
        assert "<title>" in answered.text


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_an_answer_that_finds_the_database_locked_may_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, app: Flask, session: Session, settings: Settings
) -> None:
    ((link, invitation_id),) = ask_many(session, settings, 1, at=now())
    invitation = session.get_one(Invitation, invitation_id)
    fields = {**{f"{item}-1": value for item, value in CORE.items()}, "language": "en"}
    fields["nonce"] = sheets.new_nonce(invitation)
    session.rollback()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0)
    impatient = create_app(settings)
    somebody = sqlite3.connect(settings.database.removeprefix("sqlite:///"), isolation_level=None)
    somebody.execute("BEGIN IMMEDIATE")
    told = impatient.test_client().post(link, data=fields)
    assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
    somebody.execute("ROLLBACK")
    somebody.close()
    assert session.query(Response).count() == 0
    session.rollback()
    assert impatient.test_client().post(link, data=fields).status_code == 303
    assert session.query(Response).count() == 1


@pytest.mark.parametrize(("rows", "told"), [(2, 409), (1, None)])
def test_who_was_overtaken_is_told_so_without_the_row_in_the_log_and_our_own_mistakes_are_ours(
    app: Flask, session: Session, caplog: pytest.LogCaptureFixture, rows: int, told: int | None
) -> None:
    """Two of one code are two who did the same; a customer without a name is none of theirs."""
    unfit = {"code": "canary", "name": "x"} if rows == 2 else {"code": "canary", "name": None}
    with app.test_request_context(), pytest.raises(IntegrityError) as trouble:
        session.execute(insert(Customer), [unfit] * rows)
    session.rollback()
    with app.test_request_context():
        if told is None:
            with pytest.raises(IntegrityError):
                app.handle_user_exception(trouble.value)
        else:
            answer = app.make_response(app.handle_user_exception(trouble.value))
            assert answer.status_code == told
            assert "canary" not in caplog.text
            assert "unique" in caplog.text.lower()
