"""People in the browser, and the ways to a password."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users, worker
from survey.config import Settings
from survey.models.company import JournalEntry
from survey.users import AccountLetter

from .conftest import Page

NEW = "violet kettle under seven bridges"


@pytest.fixture
def administrator(person: Callable[..., str], sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(person("administrator"))


def _post(client: FlaskClient, path: str, **fields: object):
    return client.post(path, data={**fields, "csrf_token": Page(client.get("/people").text).token})


def _link(settings: Settings) -> str:
    """The path of the link in the newest letter."""
    worker.drain()
    newest = max(settings.outbox.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    text = newest.read_text().replace("=\n", "")
    found = re.search(re.escape(settings.base_url) + r"(/choose-password/[\w.-]+)", text)
    assert found
    return found.group(1)


def test_from_the_form_to_a_password_and_in(
    administrator: FlaskClient, client: FlaskClient, session: Session, settings: Settings
) -> None:
    added = _post(
        administrator, "/people/new", name="王芳", email="Wang@Harbour.example", roles=["interviewer", "auditor"]
    )
    assert added.location == "/people"
    link = _link(settings)
    for _ in range(3):
        page = client.get(link)
        assert page.status_code == 200, "reading the link does not use it up"
    assert "wang@harbour.example" in page.text
    assert client.post(link, data={"chosen": "short", "csrf_token": Page(page.text).token}).status_code == 400
    assert client.post(link, data={"chosen": NEW, "csrf_token": Page(page.text).token}).location == "/"
    assert client.get("/account").status_code == 200
    assert client.get(link).status_code == 404, "a link is good once"
    session.rollback()
    assert users.named(session, "wang@harbour.example").role_names == {"interviewer", "auditor"}
    assert {"user created", "user invited", "password chosen"} <= set(session.scalars(select(JournalEntry.action)))
    session.rollback()


def test_a_forgotten_password_is_answered_alike_for_everybody(
    session: Session, person: Callable[..., str], make_client: Callable[[], FlaskClient], settings: Settings
) -> None:
    known = person("manager")

    def ask(address: str):
        client = make_client()
        data = {"email": address, "csrf_token": Page(client.get("/forgotten-password").text).token}
        return client.post("/forgotten-password", data=data)

    answers = [ask(address) for address in (known, "nobody@harbour.example")]
    assert [answer.status_code for answer in answers] == [200, 200]
    texts = {Page(answer.text).text for answer in answers}
    assert len(texts) == 1
    assert session.scalars(select(AccountLetter.address)).all() == [known, "nobody@harbour.example"]
    session.rollback()
    link = _link(settings)
    assert len(list(settings.outbox.glob("*.eml"))) == 1
    client = make_client()
    token = Page(client.get(link).text).token
    assert client.post(link, data={"chosen": NEW, "csrf_token": token}).status_code == 303
    assert client.get("/account").status_code == 200


def test_a_new_password_does_not_spare_the_second_factor(
    person: Callable[..., str], client: FlaskClient, settings: Settings
) -> None:
    email = person("administrator")
    client.post("/forgotten-password", data={"email": email, "csrf_token": Page(client.get("/login").text).token})
    link = _link(settings)
    client.post(link, data={"chosen": NEW, "csrf_token": Page(client.get(link).text).token})
    assert client.get("/people").location == "/second-factor?next=/people"


def test_asking_again_and_again_is_limited(client: FlaskClient) -> None:
    token = Page(client.get("/forgotten-password").text).token
    data = {"email": "li@harbour.example", "csrf_token": token}
    codes = [client.post("/forgotten-password", data=data).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]


def test_people_are_found_and_changed(
    administrator: FlaskClient, person: Callable[..., str], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    email = person("manager", "li.min@harbour.example", "李敏")
    person("rep", "zhang@harbour.example", "张 100%")
    assert "li.min@" in administrator.get("/people?q=LI.MIN").text
    assert "zhang@" not in administrator.get("/people?q=LI.MIN").text
    assert "zhang@" in administrator.get("/people?q=100%25").text
    assert "zhang@" not in administrator.get("/people?role=manager&page=99").text
    session.rollback()
    number = users.named(session, email).id
    session.rollback()
    manager = sign_in(email)
    assert manager.get("/account").status_code == 200
    path = f"/people/{number}"
    assert _post(administrator, path, name="李敏", roles=["reviewer", "manager"]).status_code == 303
    assert manager.get("/appraisals").status_code == 200, "more roles need no new sign-in"
    assert _post(administrator, path, name="李敏", roles=[]).status_code == 400
    assert _post(administrator, path, name="李敏", roles=["king"]).status_code == 400
    assert _post(administrator, path, name="Li Min", roles=["auditor"]).status_code == 303
    assert manager.get("/account").location.startswith("/login"), "fewer roles do"
    assert _post(administrator, f"{path}/deactivate").status_code == 303
    session.rollback()
    user = users.named(session, email)
    assert (user.name, user.role_names, user.active) == ("Li Min", {"auditor"}, False)
    assert {"roles changed", "user renamed", "user deactivated"} <= set(session.scalars(select(JournalEntry.action)))
    session.rollback()


def test_the_only_administrator_cannot_lock_everybody_out(administrator: FlaskClient, session: Session) -> None:
    session.rollback()
    number = users.named(session, "administrator@harbour.example").id
    session.rollback()
    assert _post(administrator, f"/people/{number}", name="x", roles=["manager"]).status_code == 400
    _post(administrator, f"/people/{number}/deactivate")
    assert administrator.get("/people").status_code == 200


def test_the_button_invites_the_roster(administrator: FlaskClient, scored: object, settings: Settings) -> None:
    assert "（12）" in administrator.get("/people?lang=zh").text
    assert _post(administrator, "/people/invite?lang=en").status_code == 303
    page = administrator.get("/people?lang=en").text
    assert "12 people are invited." in page
    assert "Invite managers" not in page
    desk = Page(administrator.get("/desk?lang=en").text).text
    assert "Managers and reps are invited 12 " in desk, "the administrator is none of them"
    worker.drain()
    assert len(list(settings.outbox.glob("*.eml"))) == 12
