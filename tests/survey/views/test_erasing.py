"""An administrator erases a customer on a page, once the code is typed."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.company import JournalEntry
from survey.models.retention import Erasure
from tests.asking import found

from .conftest import Page

SignIn = Callable[[str], FlaskClient]
PAGE = "/roster/customers/C1/erase"


def test_the_page_asks_for_the_code_before_it_erases(
    session: Session, person: Callable[..., str], sign_in: SignIn
) -> None:
    found(session)
    session.commit()
    email = person("administrator")
    office = sign_in(email)
    assert f'href="{PAGE}"' in office.get("/roster/customers/C1").text
    token = Page(office.get(f"{PAGE}?lang=en").text).token

    def erase(office: FlaskClient, code: str) -> tuple[int, str]:
        answer = office.post(f"{PAGE}?lang=en", data={"code": code, "csrf_token": token})
        return answer.status_code, answer.text

    for mistaken in ("C2", ""):
        status, text = erase(office, mistaken)
        assert (status, "Erase 海川商行" in text) == (400, True)
    assert erase(office, " C1 ")[0] == 303
    listed = office.get("/roster/customers?lang=en").text
    assert ("The customer is erased." in listed, "海川商行" in listed, "已清除" in listed) == (True, False, False)
    assert (office.get(PAGE).status_code, erase(office, "C1")[0]) == (404, 404), "it is nobody's page any more"
    assert session.scalars(select(Erasure.by)).all() == [email]
    assert session.scalars(select(JournalEntry.by).where(JournalEntry.action == "customer erased")).all() == [email]
