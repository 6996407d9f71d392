"""The customer's page beyond one sending: keeping for later, the question after an unhappy answer, the wrong person."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from survey import questionnaires
from survey.config import Settings
from survey.context import now
from survey.database import Base
from survey.models.answering import Answer, Draft, FollowUp, Response
from survey.models.asking import Campaign, Invitation
from survey.models.sending import OutboxMessage
from tests.asking import CORE, Asked, ask, sheet


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    return ask(session, settings, at=now())


def _number(session: Session, table: type) -> int:
    session.expire_all()
    number = session.scalar(select(func.count()).select_from(table)) or 0
    session.rollback()
    return number


def _snapshot(session: Session) -> dict[str, list[str]]:
    session.expire_all()
    rows = {
        table.name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{table.name}"'))))
        for table in Base.metadata.sorted_tables
    }
    session.rollback()
    return rows


def _keep(client: FlaskClient, link: str, replies: dict[str, str]) -> None:
    done = client.post(link, data={**sheet(client, link, replies), "save": "1"})
    assert (done.status_code, done.location.split("?")[0]) == (303, f"{link}/draft")


# -- drafts -----------------------------------------------------------------------------------------------------


def test_a_draft_is_taken_up_again_on_another_device_and_sent(
    make_client: Callable[[], FlaskClient], session: Session, asked: Asked
) -> None:
    _keep(make_client(), asked.zh, {"knowledge": "4", "delivery": "na", "comment": "第一行 <b>"})
    assert (_number(session, Draft), _number(session, Response)) == (1, 0)
    phone = make_client()
    opened = phone.get(asked.zh).text
    assert f'action="{asked.zh}/draft' in opened
    assert " checked" not in opened, "a program that submits the page as it is must not send the draft"
    page = phone.post(f"{asked.zh}/draft").text
    assert page.count(" checked") == 2
    assert re.search(r'name="knowledge-1" value="4"[^>]* checked', page)
    assert "第一行 &lt;b&gt;</textarea>" in page
    form = dict(re.findall(r'<input type="hidden" name="(nonce|language)" value="([^"]*)">', page))
    form |= {"knowledge-1": "4", "delivery-1": "na", "responsiveness-1": "5"}
    assert phone.post(asked.zh, data=form).status_code == 303
    assert (_number(session, Draft), _number(session, Response)) == (0, 1)
    assert "/draft" not in phone.get(asked.zh).text


def test_what_waits_is_said_on_the_page_after_keeping_and_shown_to_nobody_who_only_reads(
    client: FlaskClient, asked: Asked
) -> None:
    _keep(client, asked.en, {"comment": "a quiet word"})
    for page in (client.get(f"{asked.en}/draft").text, client.get(asked.en).text):
        assert "not sent yet" in page
        assert "a quiet word" not in page


def test_without_a_draft_there_is_nothing_to_go_on_with(client: FlaskClient, session: Session, asked: Asked) -> None:
    assert client.get(f"{asked.zh}/draft").location == asked.zh
    before = _snapshot(session)
    blank = client.post(f"{asked.zh}/draft")
    assert blank.status_code == 200
    assert " checked" not in blank.text
    assert _snapshot(session) == before


def test_a_blank_sheet_cannot_be_kept(client: FlaskClient, session: Session, asked: Asked) -> None:
    before = _snapshot(session)
    assert client.post(asked.zh, data={**sheet(client, asked.zh, {}), "save": "1"}).status_code == 400
    impossible = {**sheet(client, asked.zh, {"knowledge": "6"}), "save": "1"}
    assert client.post(asked.zh, data=impossible).status_code == 400
    foreign = {**sheet(client, asked.zh), "save": "1", "nonce": "made up"}
    assert client.post(asked.zh, data=foreign).status_code == 400
    assert _snapshot(session) == before


def test_reading_and_submitting_blanks_leaves_a_draft_as_it_is(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    _keep(client, asked.zh, {"knowledge": "1"})
    before = _snapshot(session)
    for path in (asked.zh, f"{asked.zh}/draft", f"{asked.zh}/thanks", f"{asked.zh}/wrong-person", f"{asked.zh}/stop"):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.open(path, method=method, headers={"Sec-Purpose": "prefetch"}).status_code in {200, 302}
    assert client.post(asked.zh, data=sheet(client, asked.zh, {})).status_code == 400
    assert client.post(f"{asked.zh}/draft").status_code == 200
    assert _snapshot(session) == before


def test_answers_that_were_sent_are_not_shown_again_as_a_draft(client: FlaskClient, asked: Asked) -> None:
    client.post(asked.zh, data=sheet(client, asked.zh, {"knowledge": "1", "comment": "悄悄话"}))
    page = client.post(f"{asked.zh}/draft").text
    assert " checked" not in page
    assert "悄悄话" not in page


# -- the closing page -------------------------------------------------------------------------------------------


def test_the_closing_page_says_until_when_answers_may_be_changed(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    location = client.post(asked.en, data=sheet(client, asked.en)).location
    assert "open the link in your mail again until" in client.get(location).text
    session.execute(update(Response).values(first_answered_at=now() - timedelta(hours=25)))
    session.commit()
    later = client.get(location)
    assert later.status_code == 200
    assert "open the link" not in later.text


# -- after an unhappy answer ------------------------------------------------------------------------------------

UNHAPPY = {**CORE, "delivery": "2"}
MAY_WE = "May we contact you about this?"


def test_only_an_unhappy_answer_is_followed_by_the_question_with_nothing_chosen(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    happy = client.post(asked.en, data=sheet(client, asked.en)).location
    assert happy == f"{asked.en}/thanks?lang=en"
    assert MAY_WE not in client.get(happy).text
    unhappy = client.post(asked.en, data=sheet(client, asked.en, UNHAPPY)).location
    page = client.get(unhappy).text
    assert MAY_WE in page
    assert " checked" not in page
    assert _number(session, FollowUp) == 0


@pytest.mark.parametrize(
    ("replies", "about"),
    [
        ({"knowledge": "na", "delivery": "na", "responsiveness": "na"}, "nothing applies"),
        ({"knowledge": "5", "delivery": ""}, "skipped"),
        ({"knowledge": "5", "delivery": "4", "delivery_control": "1"}, "a rating that was not asked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_asked_or_does_not_apply_is_no_unhappy_answer(
    client: FlaskClient, session: Session, asked: Asked, replies: dict[str, str], about: str
) -> None:
    """The sheet is changed so that what is asked after a late delivery is a rating too: posted where the delivery was
    on time, it was not asked and says nothing; where it was late, it counts."""
    version = session.get_one(Campaign, asked.campaign.id).questionnaire
    content = copy.deepcopy(version.content)
    item = next(one for one in content["item"] if one["code"] == "delivery_control")
    item |= {"kind": "rating", "scale": "often", "dimension": {"en": "Control", "zh": "可控"}}
    version.content = content
    session.commit()
    sent = client.post(asked.en, data=sheet(client, asked.en, replies))
    assert sent.location == f"{asked.en}/thanks?lang=en", about
    late = client.post(asked.zh, data=sheet(client, asked.zh, {"delivery": "3", "delivery_control": "1"}))
    assert "ask=" in late.location


def test_who_merely_holds_the_link_does_not_learn_that_the_answer_was_unhappy(
    client: FlaskClient, asked: Asked
) -> None:
    happy = client.post(asked.zh, data=sheet(client, asked.zh)).location
    unhappy = client.post(asked.en, data=sheet(client, asked.en, UNHAPPY)).location
    for mark in ("", "?ask=", "?ask=true", "?" + unhappy.split("?")[1].replace("lang=en", "lang=zh")):
        assert MAY_WE not in client.get(f"{asked.zh}/thanks{mark}&lang=en").text
    assert MAY_WE not in client.get(f"{asked.en}/thanks").text
    assert client.get(f"{asked.zh}/thanks").text == client.get(happy).text


def test_a_yes_makes_one_task_and_the_question_is_not_asked_again(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    asks = client.post(asked.en, data=sheet(client, asked.en, UNHAPPY)).location
    mark = asks.split("ask=")[1]
    answers = session.execute(select(Answer.id, Answer.value)).all()
    session.rollback()
    for _ in range(2):
        done = client.post(f"{asked.en}/contact?ask={mark}", data={"contact": "yes"})
        assert (done.status_code, done.location) == (303, f"{asked.en}/thanks?lang=en&contact=yes")
    assert "We will get in touch" in client.get(done.location).text
    assert MAY_WE not in client.get(asks).text
    assert _number(session, FollowUp) == 1
    assert session.execute(select(Answer.id, Answer.value)).all() == answers


def test_a_yes_after_being_unhappy_with_the_company_alone_is_not_lost(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    asked.campaign.questionnaire = questionnaires.newest(session, "key-account")
    session.commit()
    sent = client.post(asked.en, data=sheet(client, asked.en, {"knowledge": "5", "product_quality": "1"}))
    mark = sent.location.split("ask=")[1]
    told = client.post(f"{asked.en}/contact?ask={mark}", data={"contact": "yes"}, follow_redirects=True)
    assert "We will get in touch" in told.text
    assert _number(session, FollowUp) == 1


def test_a_no_or_nothing_chosen_leaves_nothing(client: FlaskClient, session: Session, asked: Asked) -> None:
    mark = client.post(asked.en, data=sheet(client, asked.en, UNHAPPY)).location.split("ask=")[1]
    before = _snapshot(session)
    told = client.post(f"{asked.en}/contact?ask={mark}", data={"contact": "no"})
    assert told.status_code == 303
    assert "get in touch" not in client.get(told.location).text
    for body in ({}, {"contact": ""}, {"contact": "maybe"}):
        nothing = client.post(f"{asked.en}/contact?ask={mark}", data=body)
        assert nothing.status_code == 400
        assert 'role="alert"' in nothing.text
    for wrong in ("", "made.up", mark[:-3]):
        refused = client.post(f"{asked.en}/contact?ask={wrong}", data={"contact": "yes"})
        assert refused.status_code == 400
        assert re.search(r"<h1>[^<]+</h1>", refused.text)
    assert client.post(f"{asked.zh}/contact?ask={mark}", data={"contact": "yes"}).status_code == 400
    assert _snapshot(session) == before


# -- the wrong person -------------------------------------------------------------------------------------------


def test_the_wrong_person_is_asked_no_more_and_may_still_think_better_of_it(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    assert f"{asked.zh}/wrong-person" in client.get(asked.zh).text
    before = _snapshot(session)
    assert client.get(f"{asked.zh}/wrong-person").status_code == 200
    assert _snapshot(session) == before
    for nothing_said in ({}, {"person": ""}, {"person": "perhaps"}):
        assert client.post(f"{asked.zh}/wrong-person", data=nothing_said).status_code == 400
    assert client.post(f"{asked.zh}/wrong-person", data={"person": "right"}).location == f"{asked.zh}?lang=zh"
    assert _snapshot(session) == before, "a scanner that submits the form as it came says nothing"
    assert client.post(f"{asked.zh}/wrong-person", data={"person": "wrong"}).status_code == 200
    session.expire_all()
    invitation = session.scalars(select(Invitation).order_by(Invitation.id)).first()
    assert invitation is not None
    assert invitation.disposition == "wrong person"
    waiting = select(OutboxMessage.state).where(OutboxMessage.invitation_id == invitation.id)
    assert session.scalars(waiting).all() == ["held"]
    session.rollback()
    assert client.post(asked.zh, data=sheet(client, asked.zh)).status_code == 303
    session.expire_all()
    assert session.scalars(select(Invitation.disposition).order_by(Invitation.id)).first() == "completed"


def test_an_answer_already_given_is_not_taken_back_by_it(client: FlaskClient, session: Session, asked: Asked) -> None:
    client.post(asked.zh, data=sheet(client, asked.zh))
    client.post(f"{asked.zh}/wrong-person", data={"person": "wrong"})
    assert session.scalars(select(Invitation.disposition).order_by(Invitation.id)).first() == "completed"
