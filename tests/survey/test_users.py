"""Who may sign in, and whose results they may see on a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask import Flask
from flask_security import verify_password
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.cli import main
from survey.models.company import JournalEntry
from survey.models.roster import Rep, ReportingLine
from survey.users.passwords import PasswordTooShort

Create = Callable[..., users.User]


@pytest.fixture
def create(session: Session, now: datetime) -> Create:
    def add(email: str, role: str = "manager") -> users.User:
        return users.create(
            session, email=email, name="李敏", role=role, password_hash=None, by="command line", at=now
        )  # fmt: skip

    return add


def _seen(session: Session, user: users.User, on: date = date(2026, 7, 6)) -> set[str]:
    return set(session.scalars(select(Rep.code).where(Rep.id.in_(users.visible_reps(user, on=on)))))


def test_a_new_person_is_written_into_the_journal(session: Session, create: Create) -> None:
    create("li@harbour.example", "reviewer")
    line = session.scalars(select(JournalEntry)).one()
    assert (line.action, line.subject, line.details) == ("user created", "li@harbour.example", {"role": "reviewer"})


def test_an_address_belongs_to_one_person_however_it_is_written(create: Create) -> None:
    assert create("Li@Harbour.example").email == "li@harbour.example"
    with pytest.raises(users.EmailTaken):
        create(" LI@harbour.example")


@pytest.mark.parametrize("email", ["", "li", "li@", "li@nowhere", "a b@harbour.example"])
def test_what_is_no_address_is_refused(create: Create, email: str) -> None:
    with pytest.raises(users.NotAnEmail, match="not an e-mail address"):
        create(email)


def test_an_unknown_role_is_refused_with_the_known_ones(create: Create) -> None:
    with pytest.raises(users.UnknownRole, match="administrator, reviewer, manager"):
        create("li@harbour.example", "boss")


def test_a_reviewer_sees_everybody(session: Session, scored: object, create: Create) -> None:
    assert len(_seen(session, create("any@harbour.example", "reviewer"))) == 10


@pytest.mark.parametrize("role", ["administrator", "interviewer", "auditor"])
def test_who_has_no_people_sees_nobody(session: Session, scored: object, create: Create, role: str) -> None:
    assert _seen(session, create("boss@harbour.example", role)) == set()


def test_a_manager_sees_the_people_of_their_people(session: Session, scored: object, create: Create) -> None:
    boss, lead = create("boss@harbour.example"), create("lead@harbour.example")
    assert _seen(session, boss) == {"R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08"}
    assert _seen(session, lead) == {"R07", "R08"}


def test_a_reporting_line_holds_from_its_day_to_its_day(session: Session, scored: object, create: Create) -> None:
    boss, other = create("boss@harbour.example"), create("other@harbour.example")
    for on, holder, former in ((date(2025, 12, 31), boss, other), (date(2026, 1, 1), other, boss)):
        assert "R10" in _seen(session, holder, on)
        assert "R10" not in _seen(session, former, on)


def test_a_line_that_ended_above_cuts_off_everything_below(session: Session, scored: object, create: Create) -> None:
    lead = session.scalars(select(Rep).where(Rep.email == "lead@harbour.example")).one()
    line = session.scalars(select(ReportingLine).where(ReportingLine.rep_id == lead.id)).one()
    line.until_on = date(2026, 3, 1)
    boss = create("boss@harbour.example")
    assert {"R01", "R07", "R08"} <= _seen(session, boss, date(2026, 2, 28))
    assert not {"R01", "R07", "R08"} & _seen(session, boss, date(2026, 3, 1))


def test_the_roster_may_write_addresses_as_it_likes(session: Session, scored: object, create: Create) -> None:
    for line in session.scalars(select(ReportingLine)):
        line.manager_email = line.manager_email.title()
    for rep in session.scalars(select(Rep)):
        rep.email = (rep.email or "").upper()
    assert len(_seen(session, create("boss@harbour.example"))) == 8
    assert _seen(session, create("r02@harbour.example", "rep")) == {"R02"}


def test_managers_who_manage_each_other_do_not_loop(session: Session, scored: object, create: Create) -> None:
    second = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    session.add(ReportingLine(rep_id=second.id, manager_email="r02@harbour.example", since_on=date(2020, 1, 1)))
    assert _seen(session, create("r02@harbour.example")) == {"R02"}


def test_the_command_makes_a_password_and_shows_it_once(app: Flask, session: Session) -> None:
    done = app.test_cli_runner().invoke(
        main.get_command(None, "users"),  # type: ignore[arg-type]
        ["create", "--role", "manager", "--email", "li@harbour.example", "--name", "李敏"],
    )
    assert done.exit_code == 0, done.output
    password = done.output.strip().rsplit(" ", 1)[1]
    user = session.scalars(select(users.User)).one()
    assert (user.name, user.role_names) == ("李敏", {"manager"})
    assert verify_password(password, user.password)
    assert password not in str(user.password)


def test_the_command_takes_a_password_from_standard_input(app: Flask, session: Session) -> None:
    run = app.test_cli_runner().invoke
    command = main.get_command(None, "users")  # type: ignore[arg-type]
    words = ["create", "--role", "reviewer", "--email", "li@harbour.example", "--password-stdin"]
    short = run(command, words, input="short\n")
    assert isinstance(short.exception, PasswordTooShort)
    assert session.scalars(select(users.User)).all() == []
    session.rollback()
    done = run(command, words, input="correct horse battery staple\n")
    assert done.exit_code == 0, done.exception
    assert done.output == "li@harbour.example can sign in as reviewer.\n"
    assert verify_password("correct horse battery staple", session.scalars(select(users.User.password)).one())
