"""Answers: one counted response a subject, whatever is clicked, how often and how fast."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import questionnaires, responses
from survey.config import Settings
from survey.context import db
from survey.database import begin_write
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Invitation
from survey.models.company import Company
from survey.models.sending import OutboxMessage
from survey.questionnaires.sheet import Reply
from survey.responses import Submission
from tests.asking import ask, plan

CROWD = 50


@pytest.fixture
def bob(session: Session, settings: Settings, now: datetime) -> Invitation:
    """Asked about two reps."""
    ask(session, settings, at=now)
    return next(row for row in session.scalars(select(Invitation)) if row.contact and row.contact.name == "Bob Brown")


def _replies(session: Session, **posted: str) -> dict[str, Reply]:
    sheet = questionnaires.read(questionnaires.newest(session, "core").content)
    return {code: sheet.item(code).reply(words) for code, words in posted.items()}


@pytest.fixture
def say(session: Session, bob: Invitation) -> Callable[..., responses.Recorded]:
    """`say(at, "nonce", {0: {"delivery": "4"}})`: Bob's answers about his first rep."""

    def record(at: datetime, nonce: str, about: dict[int, dict[str, str]]) -> responses.Recorded:
        sheets = {bob.subjects[place].id: _replies(session, **posted) for place, posted in about.items()}
        return responses.record(session, bob, sheets, Submission(nonce=nonce, language="en"), at=at)

    return record


Say = Callable[..., responses.Recorded]


def _counted(session: Session, place: int, bob: Invitation) -> dict[str, tuple[str, float | None, str | None]]:
    """What counts of a subject: item → state, value, text of the last version."""
    rows = session.execute(
        select(Answer.item, Answer.state, Answer.value, Answer.text)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .where(
            Response.subject_id == bob.subjects[place].id, ResponseVersion.version_no == Response.version_no
        )
    )  # fmt: skip
    return {item: (state, value, words) for item, state, value, words in rows}


def _number(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_answered_not_applicable_skipped_and_words_are_stored_apart(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    done = say(now, "n1", {0: {"knowledge": "5", "delivery": "na", "comment": "谢谢"}})
    assert done == responses.Recorded(repeated=False, subjects=1)
    assert _counted(session, 0, bob) == {
        "knowledge": ("answered", 5, None),
        "delivery": ("not applicable", None, None),
        "responsiveness": ("skipped", None, None),
        "advice": ("skipped", None, None),
        "guidance": ("skipped", None, None),
        "overall": ("skipped", None, None),
        "comment": ("text", None, "谢谢"),
        "pressure": ("skipped", None, None),
    }
    scales = dict(session.execute(select(Answer.item, Answer.scale)).all())
    assert (scales["knowledge"], scales["delivery"], scales["comment"]) == ("well", "often", "text")


def test_a_rep_nothing_was_said_about_has_no_response(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    say(now, "n1", {0: {"knowledge": "5"}, 1: {"knowledge": "", "comment": " "}})
    assert _number(session, Response) == 1
    assert bob.disposition == "partial"


@pytest.mark.parametrize(("delivery", "asked"), [("3", True), ("1", True), ("4", False), ("na", False), ("", False)])
def test_a_question_that_was_not_asked_has_no_answer(
    session: Session, bob: Invitation, say: Say, now: datetime, delivery: str, asked: bool
) -> None:
    say(now, "n1", {0: {"knowledge": "5", "delivery": delivery, "delivery_control": "2"}})
    counted = _counted(session, 0, bob)
    assert ("delivery_control" in counted) is asked
    if delivery.isdigit():
        assert counted["delivery"] == ("answered", int(delivery), None), "the follow-up never edits the rating"


def test_the_core_about_everyone_is_a_complete_answer(bob: Invitation, say: Say, now: datetime) -> None:
    core = {"knowledge": "5", "delivery": "na", "responsiveness": "1"}
    say(now, "n1", {0: core})
    assert bob.disposition == "partial"
    say(now, "n2", {1: core})
    assert bob.disposition == "completed"


def test_who_has_answered_is_not_asked_by_mail_still_waiting(session: Session, say: Say, now: datetime) -> None:
    say(now, "n1", {0: {"knowledge": "5"}})
    session.flush()
    states = select(OutboxMessage.state).order_by(OutboxMessage.id)
    assert session.scalars(states).all() == ["queued", "held"]


def test_nothing_chosen_is_refused_and_leaves_nothing(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    for about in ({}, {0: {}}, {0: {"knowledge": "", "comment": "  "}}):
        with pytest.raises(responses.NothingAnswered):
            say(now, "n1", about)
    assert _number(session, Response) == _number(session, ResponseVersion) == _number(session, Answer) == 0
    assert bob.disposition == "queued"


def test_a_rep_this_link_does_not_ask_about_is_refused(session: Session, bob: Invitation, now: datetime) -> None:
    with pytest.raises(responses.ForeignSubject):
        responses.record(
            session, bob, {10**6: _replies(session, knowledge="5")}, Submission(nonce="n1", language="en"), at=now
        )  # fmt: skip


def test_the_same_nonce_is_a_repeat_and_changes_nothing(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    say(now, "n1", {0: {"knowledge": "5"}})
    again = say(now + timedelta(hours=30), "n1", {0: {"knowledge": "1"}, 1: {"knowledge": "1"}})
    assert again.repeated, "even after the time for corrections"
    assert _number(session, ResponseVersion) == 1
    assert _counted(session, 0, bob)["knowledge"] == ("answered", 5, None)


def test_a_new_nonce_within_a_day_is_a_new_version_and_the_last_counts(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    say(now, "n1", {0: {"knowledge": "5", "delivery": "5"}, 1: {"knowledge": "2"}})
    say(now + timedelta(hours=23, minutes=59), "n2", {0: {"knowledge": "2"}})
    counted = _counted(session, 0, bob)
    assert counted["knowledge"] == ("answered", 2, None)
    assert counted["delivery"] == ("skipped", None, None), "a version is taken whole"
    assert _counted(session, 1, bob)["knowledge"] == ("answered", 2, None), "what was said of the other rep stays"
    assert _number(session, Response) == 2
    assert _number(session, ResponseVersion) == 3, "the earlier versions are kept"


def test_after_a_day_answers_are_final(session: Session, bob: Invitation, say: Say, now: datetime) -> None:
    say(now, "n1", {0: {"knowledge": "5"}})
    say(now + timedelta(hours=23), "n2", {1: {"knowledge": "5"}})
    responses.require_time_left(session, bob, at=now + timedelta(hours=24, microseconds=-1))
    with pytest.raises(responses.AnswersFinal):
        responses.require_time_left(session, bob, at=now + timedelta(hours=24))
    with pytest.raises(responses.AnswersFinal):
        say(now + timedelta(hours=24), "n3", {1: {"knowledge": "1"}})
    assert _number(session, ResponseVersion) == 2, "the day counts from the first answer about anybody"


def test_the_day_ends_early_when_the_campaign_closes(
    session: Session, bob: Invitation, say: Say, now: datetime
) -> None:
    closing = datetime.fromisoformat("2026-07-20T16:00:00+00:00")  # midnight in Shanghai, after the last day
    say(closing - timedelta(hours=1), "n1", {0: {"knowledge": "5"}})
    say(closing - timedelta(seconds=1), "n2", {0: {"knowledge": "4"}})
    with pytest.raises(responses.AnswersFinal):
        say(closing, "n3", {0: {"knowledge": "3"}})


@pytest.mark.parametrize(
    ("zone", "first", "last_day", "final"),
    [
        # 24 hours are 24 hours: the clock at the company's wall shows one more or one less.
        ("Europe/Berlin", "2027-03-27T12:00+01:00", "2027-04-09", "2027-03-28T13:00+02:00"),
        ("Europe/Berlin", "2026-10-24T12:00+02:00", "2026-11-05", "2026-10-25T11:00+01:00"),
        ("Europe/Berlin", "2026-10-25T02:30+02:00", "2026-11-05", "2026-10-26T01:30+01:00"),  # the first 02:30
        ("Europe/Berlin", "2026-10-25T02:30+01:00", "2026-11-05", "2026-10-26T02:30+01:00"),  # the second one
        ("Asia/Shanghai", "2028-02-28T18:00+08:00", "2028-03-10", "2028-02-29T18:00+08:00"),
        ("Asia/Shanghai", "2028-02-29T18:00+08:00", "2028-03-10", "2028-03-01T18:00+08:00"),
        ("Asia/Shanghai", "2027-02-28T18:00+08:00", "2027-03-10", "2027-03-01T18:00+08:00"),
        # The closing comes first: at the end of the last day, however long that is.
        ("Europe/Berlin", "2027-03-28T00:30+01:00", "2027-03-28", "2027-03-29T00:00+02:00"),  # 23 hours
        ("Europe/Berlin", "2026-10-25T00:30+02:00", "2026-10-25", "2026-10-25T23:30+01:00"),  # 25: a day fits in
        ("Europe/Berlin", "2026-10-25T23:30+01:00", "2026-10-25", "2026-10-26T00:00+01:00"),
        ("America/New_York", "2028-02-29T10:00-05:00", "2028-02-29", "2028-03-01T00:00-05:00"),
    ],
)
def test_answers_are_final_after_a_day_or_at_the_closing_whatever_the_clocks_do(
    session: Session, bob: Invitation, say: Say, zone: str, first: str, last_day: str, final: str
) -> None:
    session.scalars(select(Company)).one().time_zone = zone
    bob.campaign.closes_on = date.fromisoformat(last_day)
    session.flush()
    began, until = (datetime.fromisoformat(written).astimezone(UTC) for written in (first, final))
    say(began, "n1", {0: {"knowledge": "5"}})
    session.commit()
    session.expire_all()
    assert responses.changeable_until(session, bob) == until
    say(until - timedelta(microseconds=1), "n2", {0: {"knowledge": "4"}})
    with pytest.raises(responses.AnswersFinal):
        say(until, "n3", {0: {"knowledge": "3"}})
    assert say(until + timedelta(days=1), "n2", {0: {"knowledge": "2"}}).repeated
    assert _counted(session, 0, bob)["knowledge"] == ("answered", 4, None)


def test_an_unanswered_link_has_all_the_time_there_is(session: Session, bob: Invitation, now: datetime) -> None:
    responses.require_time_left(session, bob, at=now + timedelta(days=10))
    assert not responses.answered_before(session, bob)


# -- many at once -----------------------------------------------------------------------------------------------


def _storm(app: Flask, invitation_id: int, nonces: list[str], at: datetime) -> list[bool]:
    """Post once for every nonce, all at the same time; was each a repeat?"""

    def post(numbered: tuple[int, str]) -> bool:
        number, nonce = numbered
        with app.app_context():
            session = db.session
            begin_write(session)
            invitation = session.get_one(Invitation, invitation_id)
            value = str(1 + number % 5)
            sheets = {subject.id: _replies(session, knowledge=value, delivery=value) for subject in invitation.subjects}
            done = responses.record(session, invitation, sheets, Submission(nonce=nonce, language="en"), at=at)
            session.commit()
            return done.repeated

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(post, enumerate(nonces)))


def test_fifty_posts_of_one_nonce_make_one_version_a_subject(
    app: Flask, session: Session, bob: Invitation, now: datetime
) -> None:
    invitation_id = bob.id
    session.rollback()  # on SQLite somebody reading holds up whoever writes
    repeated = _storm(app, invitation_id, ["the same"] * CROWD, now)
    assert repeated.count(False) == 1
    assert _number(session, Response) == _number(session, ResponseVersion) == 2


def test_fifty_nonces_make_one_counted_response_a_subject(
    app: Flask, session: Session, bob: Invitation, now: datetime
) -> None:
    invitation_id = bob.id
    session.rollback()  # on SQLite somebody reading holds up whoever writes
    repeated = _storm(app, invitation_id, [f"nonce {number}" for number in range(CROWD)], now)
    assert not any(repeated)
    assert session.scalars(select(Response.version_no)).all() == [CROWD, CROWD]
    for subject in bob.subjects:
        versions = session.scalars(
            select(ResponseVersion.version_no)
            .join(Response, Response.id == ResponseVersion.response_id)
            .where(Response.subject_id == subject.id)
            .order_by(ResponseVersion.version_no)
        ).all()
        assert versions == list(range(1, CROWD + 1))
    counted = [_counted(session, place, bob)["knowledge"] for place in (0, 1)]
    assert counted[0] == counted[1], "one submission counts whole, not half of each"


def test_a_second_campaign_asks_anew(session: Session, bob: Invitation, say: Say, now: datetime) -> None:
    say(now, "n1", {0: {"knowledge": "5"}})
    other = Invitation(
        campaign_id=plan(session, "S2", at=now).id, customer_id=bob.customer_id, contact_id=bob.contact_id,
        mode="web", disposition="sent", created_at=now,
    )  # fmt: skip
    session.add(other)
    session.flush()
    assert not responses.answered_before(session, other)
