"""A rep's own desk: their numbers and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal
from survey.models.roster import AssignmentCheck, Rep
from tests.survey.views.conftest import Page


@pytest.fixture
def desk_of(
    scored: object, session: Session, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> Callable[..., str]:
    """The text of a rep's own page: `desk_of("R02")`."""

    def open_desk(code: str, query: str = "lang=en") -> str:
        client = sign_in(person("rep", session.scalars(select(Rep.email).where(Rep.code == code)).one()))
        answer = client.get(f"/my/results?{query}")
        assert answer.status_code == 200
        return Page(answer.get_data(as_text=True)).text

    return open_desk


def test_a_rep_reads_their_own_numbers_with_the_working(desk_of: Callable[..., str]) -> None:
    text = desk_of("R02")
    assert "李思远 cannot be told apart from the mean of 82.7, given the answers of 24 customers" in text
    assert "customer segment +2.3 customers of this kind rate lower; the points are given back" in text
    assert "About 22 more answering customers would make it full." in text
    assert "2025-H2 71.0 74.5" in text


def test_a_rep_reads_what_changed_and_what_was_to_be_expected(desk_of: Callable[..., str]) -> None:
    said = "Change +6.0 95 % interval +2.0 to +10.0 To be expected by itself −0.8"
    assert f"Change since 2025-H2: has risen {said}" in desk_of("R01")
    assert "Change since 2025-H2: cannot be told from chance" in desk_of("R08")
    assert "Change since" not in desk_of("R02")


def test_no_colleague_and_no_customer_is_on_it(desk_of: Callable[..., str], session: Session) -> None:
    text = desk_of("R02")
    others = session.scalars(select(Rep.name).where(Rep.code != "R02")).all()
    assert len(others) == 9
    assert not [name for name in others if name in text]
    assert "海川商行" not in text
    assert "Colleagues" not in text
    assert not re.search("rank", text.replace("It is no rank", ""))


def test_a_withheld_rep_reads_why_and_no_number(desk_of: Callable[..., str]) -> None:
    text = desk_of("R04")
    assert "too few customers answered" in text
    assert "Numbers appear from 5 answering customers on." in text
    assert not re.search(r"\d\.\d", text)


def test_alone_and_unscored(desk_of: Callable[..., str]) -> None:
    assert "rep and territory cannot be told apart" in desk_of("R07")
    assert "Not scored yet" in desk_of("R08", "lang=en&period=2026-H2")


def test_what_waits_is_linked_and_what_is_done_is_not(
    session: Session, scored: object, now: datetime, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("rep", "r02@harbour.example"))
    assert (
        "Nothing. Everything that was asked of you is done."
        in Page(client.get("/my/results?lang=en").get_data(as_text=True)).text
    )
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    rep = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    event = ConductEvent(
        period_id=period.id, rep_id=rep.id, category="complaint", on=date(2026, 3, 2), points=2, fact="迟到",
        multiplier=1.0,
    )  # fmt: skip
    goal = Goal(
        period_id=period.id, rep_id=rep.id, text="新客户", target=3, unit="", due_on=date(2026, 6, 30),
        proposed_by="boss@harbour.example",
    )  # fmt: skip
    check = AssignmentCheck(period_id=period.id, asked_on=date(2026, 6, 1), until_on=date(2999, 1, 1), by="a")
    session.add_all([event, goal, check])
    session.commit()
    page = Page(client.get("/my/results?lang=en").get_data(as_text=True))
    assert "1 event in 2026-H1 that you may reply to" in page.text
    assert "1 goal in 2026-H1 proposed to you" in page.text
    assert "Check which customers are held as yours in 2026-H1" in page.text
    assert {"/facts/R02?period=2026-H1", "/my-customers"} <= set(page.links)
    event.reply, goal.accepted_on, check.until_on = "好", date(2026, 3, 3), date(2026, 6, 8)
    session.commit()
    page = Page(client.get("/my/results?lang=en").get_data(as_text=True))
    assert "Everything that was asked of you is done." in page.text
    assert "1 event" in page.text


def test_who_is_not_in_the_roster_is_told(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    page = sign_in(person("rep", "stranger@harbour.example")).get("/my/results?lang=en").get_data(as_text=True)
    assert "Nobody in the roster has your address" in page


def test_a_rep_sees_no_other_page_of_scores(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("rep", "r02@harbour.example"))
    for address in ("/reps/R02", "/reps/R01", "/reps/R01/talk", "/reps/R02/talk.pdf", "/team"):
        assert client.get(address).status_code == 404, address
    assert client.get("/my/results?item=charm").status_code == 404
    assert client.get("/my/results?period=1999").status_code == 404


def test_a_manager_has_no_own_desk(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    assert sign_in(person("manager", "boss@harbour.example")).get("/my/results").status_code == 404
