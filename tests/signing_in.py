"""People who may sign in, and the second factor of those who need one."""

from __future__ import annotations

from datetime import UTC, datetime

from flask.testing import FlaskClient
from flask_security import hash_password
from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.users import User, second_factor

PASSWORD = "correct horse battery staple"
KEY = "s" * 40  # of `settings_for`
AT = datetime(2026, 1, 1, tzinfo=UTC)


def add_person(session: Session, role: str, email: str, name: str = "李敏") -> User:
    """Somebody with a password and, where their role asks for one, a second factor set up."""
    user = users.create(
        session, email=email, name=name, role=role, password_hash=hash_password(PASSWORD), by="command line", at=AT
    )
    if second_factor.is_needed(user):
        give_second_factor(session, user)
    session.commit()
    return user


def give_second_factor(session: Session, user: User) -> list[str]:
    """An app set up long ago. Gives the recovery codes."""
    codes = second_factor.Codes(key=KEY)
    secret = codes.new_secret()
    return second_factor.set_up(session, user, secret, codes.shown(secret, at=AT), codes=codes, at=AT)


def pass_second_factor(client: FlaskClient, session: Session, email: str) -> None:
    """As after the right code. How codes are checked is tests/survey/views/test_second_factor.py's."""
    user = session.scalars(select(User).where(User.email == email)).one()
    session.rollback()
    with client.session_transaction() as kept:
        kept["second_factor"] = user.fs_uniquifier


def enter(page: Page, session: Session, server: str, email: str) -> None:
    """Sign in through the forms, by a recovery code where a second factor is asked for."""
    page.goto(f"{server}/login")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)
    if "/second-factor" in page.url:
        user = session.scalars(select(User).where(User.email == email)).one()
        page.fill("#code", second_factor.renew_recovery_codes(session, user, at=AT)[0])
        session.commit()
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address: "/second-factor" not in address)
