"""Follow-ups: only a yes makes a task, one a rep, for the rep's manager; nothing in it or done to it is an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import campaigns, follow_ups, questionnaires, responses
from survey.config import Settings
from survey.follow_ups import Tasks
from survey.models.answering import Answer, FollowUp, ResponseVersion
from survey.models.asking import Invitation
from survey.models.roster import Rep
from survey.responses import Submission
from tests.asking import BY, Asked, ask

MANAGER = "boss@harbour.example"
DAY = timedelta(hours=24)


@pytest.fixture
def asked(session: Session, settings: Settings, now: datetime) -> Asked:
    return ask(session, settings, at=now)


@pytest.fixture
def bob(session: Session, asked: Asked) -> Invitation:
    """Asked about two reps."""
    return next(row for row in session.scalars(select(Invitation)) if row.contact and row.contact.name == "Bob Brown")


@pytest.fixture
def say(session: Session, bob: Invitation, now: datetime) -> Callable[..., None]:
    """`say({0: {"delivery": "2"}})`: one submission about Bob's first rep."""

    def record(about: dict[int, dict[str, str]], at: datetime = now) -> None:
        sheet = questionnaires.read(bob.campaign.questionnaire.content)
        sheets = {
            bob.subjects[place].id: {code: sheet.item(code).reply(words) for code, words in posted.items()}
            for place, posted in about.items()
        }
        nonce = f"nonce {session.scalar(select(func.count()).select_from(ResponseVersion))}"
        responses.record(session, bob, sheets, Submission(nonce=nonce, language="en"), at=at)

    return record


def _tasks(session: Session, at: datetime, reader: str = MANAGER) -> Tasks:
    return follow_ups.tasks(session, select(Rep.id), reader=reader, at=at)


@pytest.mark.parametrize(
    ("replies", "unhappy"),
    [
        ({"knowledge": "2"}, True),
        ({"knowledge": "5", "overall": "1"}, True),
        ({"knowledge": "3"}, False),
        ({"delivery": "na"}, False),
        ({"knowledge": "5", "pressure": "1"}, False),
        ({"delivery": "3", "delivery_control": "1"}, False),
    ],
)
def test_two_or_less_on_a_rating_is_unhappy(
    session: Session, bob: Invitation, say: Callable[..., None], replies: dict[str, str], unhappy: bool
) -> None:
    say({0: replies})
    assert follow_ups.is_unhappy(session, bob) is unhappy


def test_unhappy_with_the_company_is_unhappy_too_and_a_yes_is_never_lost(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    bob.campaign.questionnaire = questionnaires.newest(session, "key-account")
    say({0: {"knowledge": "5", "product_quality": "1"}})
    assert follow_ups.is_unhappy(session, bob)
    follow_ups.agree(session, bob, at=now)
    assert [task.customer for task in _tasks(session, now + DAY).open] == ["Zeta Ltd"]


def test_what_counts_decides_and_not_what_was_said_before(
    session: Session, bob: Invitation, say: Callable[..., None]
) -> None:
    say({0: {"knowledge": "1"}})
    say({0: {"knowledge": "4"}})
    assert not follow_ups.is_unhappy(session, bob)


def test_a_yes_makes_one_task_a_rep_however_often_it_is_said(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    say({0: {"knowledge": "1"}, 1: {"knowledge": "5"}})
    assert not follow_ups.agreed(session, bob)
    for _ in range(3):
        follow_ups.agree(session, bob, at=now)
    assert session.scalars(select(FollowUp.subject_id)).all() == [bob.subjects[0].id]
    assert follow_ups.agreed(session, bob)
    say({1: {"knowledge": "2"}})
    follow_ups.agree(session, bob, at=now)
    assert session.scalar(select(func.count()).select_from(FollowUp)) == 2


def test_a_task_appears_when_the_answers_are_final(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    say({0: {"knowledge": "1"}})
    follow_ups.agree(session, bob, at=now)
    early = _tasks(session, now + DAY - timedelta(microseconds=1))
    assert (early.open, early.coming) == ((), 1)
    ready = _tasks(session, now + DAY)
    assert ready.coming == 0
    assert [(task.rep, task.customer, task.contact, task.email) for task in ready.open] == [
        ("李伟", "Zeta Ltd", "Bob Brown", "bob@c2.example")
    ]
    with pytest.raises(responses.AnswersFinal):
        say({0: {"knowledge": "5"}}, at=now + DAY)


def test_a_closed_campaign_leaves_nothing_to_wait_for(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    say({0: {"knowledge": "1"}})
    follow_ups.agree(session, bob, at=now)
    campaigns.close(session, bob.campaign, by=BY, at=now)
    assert len(_tasks(session, now).open) == 1


def test_doing_it_tells_what_happened_once_and_changes_no_answer(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    say({0: {"knowledge": "1"}})
    follow_ups.agree(session, bob, at=now)
    before = session.execute(select(Answer.item, Answer.state, Answer.value, Answer.text)).all()
    task = _tasks(session, now + DAY).open[0]

    def finish(words: str, by: str = MANAGER) -> None:
        follow_ups.finish(session, task.id, select(Rep.id), what_happened=words, by=by, at=now + DAY)

    with pytest.raises(follow_ups.NothingToldAbout):
        finish("  ")
    finish(" 已致电道歉 ")
    finish("something else", by="other@harbour.example")
    done = _tasks(session, now + DAY)
    assert done.open == ()
    assert [(one.what_happened, one.done_by) for one in done.done] == [("已致电道歉", MANAGER)]
    assert session.execute(select(Answer.item, Answer.state, Answer.value, Answer.text)).all() == before


def test_nobody_else_and_not_the_rep_sees_or_does_it(
    session: Session, bob: Invitation, say: Callable[..., None], now: datetime
) -> None:
    bob.subjects[0].rep.email = "Li.Wei@harbour.example"
    say({0: {"knowledge": "1"}})
    follow_ups.agree(session, bob, at=now)
    [task] = _tasks(session, now + DAY).open
    nobodys = select(Rep.id).where(Rep.code == "R2")
    assert follow_ups.tasks(session, nobodys, reader=MANAGER, at=now + DAY) == Tasks(open=(), done=(), coming=0)
    assert _tasks(session, now + DAY, reader="li.wei@harbour.example").open == ()
    for visible, by, at in (
        (nobodys, MANAGER, now + DAY),
        (select(Rep.id), "li.wei@harbour.example", now + DAY),
        (select(Rep.id), MANAGER, now),
    ):
        with pytest.raises(follow_ups.UnknownFollowUp):
            follow_ups.finish(session, task.id, visible, what_happened="x", by=by, at=at)
