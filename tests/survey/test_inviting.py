"""Inviting the roster: everybody once, and never again by running it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import users, worker
from survey.config import Settings
from survey.context import now as clock
from survey.models.company import JournalEntry
from survey.models.roster import Rep, ReportingLine
from survey.users import AccountLetter, inviting, letters, passwords, people, second_factor

ON = date(2026, 7, 6)


def _invite(session: Session, at: datetime, **more: object) -> inviting.Invited:
    return inviting.invite_all(session, on=ON, by="command line", at=at, **more)  # type: ignore[arg-type]


def _letters(session: Session) -> int:
    return session.scalar(select(func.count(AccountLetter.id))) or 0


def test_every_manager_and_rep_gets_an_account_and_a_letter(session: Session, scored: object, now: datetime) -> None:
    told: list[tuple[int, int]] = []
    done = _invite(session, now, tell=lambda place, of: told.append((place, of)))
    assert (done.created, done.updated, done.unchanged) == (12, 0, 0)
    assert told[-1] == (12, 12)
    assert users.named(session, "lead@harbour.example").role_names == {"manager", "rep"}
    assert users.named(session, "boss@harbour.example").role_names == {"manager"}
    assert users.named(session, "r02@harbour.example").name == "李思远"
    assert _letters(session) == 12


def test_again_it_changes_nothing(session: Session, scored: object, now: datetime) -> None:
    _invite(session, now)
    journal = session.scalar(select(func.count(JournalEntry.id)))
    again = _invite(session, now)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 12)
    assert _letters(session) == 12
    assert session.scalar(select(func.count(JournalEntry.id))) == journal


def test_who_left_or_lost_their_people_or_was_let_go_is_not_invited(
    session: Session, scored: object, now: datetime
) -> None:
    session.scalars(select(Rep).where(Rep.code == "R02")).one().left_on = ON - timedelta(days=1)
    for line in session.scalars(select(ReportingLine).where(ReportingLine.manager_email == "other@harbour.example")):
        line.until_on = ON
    gone = users.create(
        session, email="r03@harbour.example", name="X", role="auditor", password_hash=None, by="x", at=now
    )
    people.deactivate(session, gone, by="x", at=now)
    done = _invite(session, now)
    assert (done.created, done.updated, done.unchanged) == (9, 0, 1)
    assert gone.role_names == {"auditor"}
    assert not gone.active


def test_an_address_that_is_none_is_named_and_the_rest_go_on(session: Session, scored: object, now: datetime) -> None:
    session.scalars(select(Rep).where(Rep.code == "R02")).one().email = "no address"
    done = _invite(session, now)
    assert done.created == 11
    assert len(done.refused) == 1
    assert "no address" in done.refused[0]


def test_an_account_there_is_gets_the_role_and_no_letter(session: Session, scored: object, now: datetime) -> None:
    users.create(
        session, email="boss@harbour.example", name="B", role="administrator", password_hash="x", by="x", at=now
    )
    done = _invite(session, now)
    assert (done.created, done.updated) == (11, 1)
    assert users.named(session, "boss@harbour.example").role_names == {"administrator", "manager"}
    assert _letters(session) == 11


def test_the_command(evenhand: Callable[..., Result], session: Session, scored: object, settings: Settings) -> None:
    done = evenhand("users", "invite", "--all", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["created"] == 12
    worker.drain()
    sent = [file.read_text() for file in settings.outbox.glob("*.eml")]
    assert len(sent) == 12
    assert all(f"{settings.base_url}/choose-password/" in letter.replace("=\n", "") for letter in sent)
    assert evenhand("users", "invite").exit_code == 2


def test_letters_to_nobody_and_too_many_letters_are_dropped(
    session: Session, scored: object, settings: Settings
) -> None:
    users.create(session, email="li@h.example", name="李", role="manager", password_hash="x", by="x", at=clock())
    for address in ("li@h.example", "nobody@h.example", "LI@h.example ", "li@h.example"):
        letters.write(session, address, "forgotten", language="en", at=clock())
    session.commit()
    worker.drain()
    assert len(list(settings.outbox.glob("*.eml"))) == 1
    assert session.scalars(select(AccountLetter.state)).all() == ["sent"]


def test_a_letter_whose_worker_died_waits_again(session: Session, now: datetime) -> None:
    users.create(session, email="li@h.example", name="李", role="manager", password_hash=None, by="x", at=now)
    letters.write(session, "li@h.example", "invited", language="zh", at=now)
    first = letters.claim(session, at=now)
    assert first
    assert letters.claim(session, at=now) is None
    letters.sweep(session, at=now + letters.LEASE)
    session.expire_all()
    again = letters.claim(session, at=now + letters.LEASE)
    assert again
    assert again[0].message_id == first[0].message_id


@pytest.fixture
def li(session: Session, now: datetime) -> users.User:
    return users.create(session, email="li@h.example", name="李", role="manager", password_hash=None, by="x", at=now)


def test_a_link_names_its_person_until_its_end_or_its_use(session: Session, li: users.User, now: datetime) -> None:
    links = passwords.Links(key="k" * 40)
    token = links.mint(li, "invited", at=now)
    assert links.holder(session, token, at=now + timedelta(days=6)).email == "li@h.example"
    foreign = passwords.Links(key="x" * 40).mint(li, "invited", at=now)
    for dead, at in ((token, now + timedelta(days=8)), (foreign, now), (token + "x", now), ("", now), ("a.b", now)):
        with pytest.raises(passwords.DeadLink):
            links.holder(session, dead, at=at)
    passwords.change(session, li, "hash", at=now)
    session.flush()
    with pytest.raises(passwords.DeadLink):
        links.holder(session, token, at=now)


def test_there_is_always_an_administrator(session: Session, li: users.User, now: datetime) -> None:
    told = {"by": "x", "at": now}
    people.set_roles(session, li, ("administrator",), **told)
    for change in (
        lambda: people.deactivate(session, li, **told), lambda: people.set_roles(session, li, ("manager",), **told)
    ):  # fmt: skip
        with pytest.raises(people.LastAdministrator):
            change()
    second = users.create(
        session, email="b@h.example", name="B", role="administrator", password_hash=None, by="x", at=now
    )
    people.deactivate(session, li, **told)
    assert not li.active
    with pytest.raises(people.LastAdministrator):
        people.deactivate(session, second, **told)


def test_the_command_gives_a_new_second_factor(
    evenhand: Callable[..., Result], session: Session, li: users.User, now: datetime
) -> None:
    codes = second_factor.Codes(key="s" * 40)
    secret = codes.new_secret()
    second_factor.set_up(session, li, secret, codes.shown(secret, at=now), codes=codes, at=now)
    session.commit()
    assert evenhand("users", "reset-second-factor", "--email", "li@h.example").exit_code == 0
    assert evenhand("users", "reset-second-factor", "--email", "no@h.example").exit_code == 1
    session.expire_all()
    assert users.named(session, "li@h.example").totp is None
