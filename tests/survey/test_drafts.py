"""Drafts: kept on the server, shown again, never counted, gone when the answer is sent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import campaigns, questionnaires, responses
from survey.config import Settings
from survey.invitations import people
from survey.models.answering import Draft, Response
from survey.models.asking import Invitation
from survey.questionnaires.sheet import Reply
from survey.responses import Submission, drafts
from tests.asking import BY, ask


@pytest.fixture
def bob(session: Session, settings: Settings, now: datetime) -> Invitation:
    """Asked about two reps."""
    ask(session, settings, at=now)
    return next(row for row in session.scalars(select(Invitation)) if row.contact and row.contact.name == "Bob Brown")


def _sheets(bob: Invitation, *about: dict[str, str]) -> dict[int, dict[str, Reply]]:
    sheet = questionnaires.read(bob.campaign.questionnaire.content)
    return {
        subject.id: {code: sheet.item(code).reply(words) for code, words in posted.items()}
        for subject, posted in zip(bob.subjects, about, strict=False)
    }


def _number(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_kind_of_reply_comes_back_as_it_was_chosen(session: Session, bob: Invitation, now: datetime) -> None:
    about = {"knowledge": "4", "delivery": "na", "comment": "第一行\n第二行", "pressure": "3"}
    drafts.save(session, bob, _sheets(bob, about, {"overall": "1"}), nonce="n1", at=now)
    first, second = (subject.id for subject in bob.subjects)
    assert drafts.chosen(session, bob) == {first: about, second: {"overall": "1"}}
    assert drafts.saved_at(session, bob) == now


def test_a_draft_is_no_response_and_says_that_the_link_was_opened(
    session: Session, bob: Invitation, now: datetime
) -> None:
    drafts.save(session, bob, _sheets(bob, {"knowledge": "4"}), nonce="n1", at=now)
    assert _number(session, Response) == 0
    assert bob.disposition == "opened"


def test_the_newest_draft_takes_the_place_of_the_one_before(session: Session, bob: Invitation, now: datetime) -> None:
    drafts.save(session, bob, _sheets(bob, {"knowledge": "4", "overall": "2"}), nonce="n1", at=now)
    drafts.save(session, bob, _sheets(bob, {"knowledge": "5"}), nonce="n2", at=now + timedelta(hours=1))
    assert drafts.chosen(session, bob) == {bob.subjects[0].id: {"knowledge": "5"}}
    assert _number(session, Draft) == 1


def test_a_blank_sheet_keeps_nothing_and_leaves_the_draft_alone(
    session: Session, bob: Invitation, now: datetime
) -> None:
    drafts.save(session, bob, _sheets(bob, {"knowledge": "4"}), nonce="n1", at=now)
    with pytest.raises(responses.NothingAnswered):
        drafts.save(session, bob, _sheets(bob, {"knowledge": "", "comment": " "}), nonce="n2", at=now)
    assert drafts.chosen(session, bob) == {bob.subjects[0].id: {"knowledge": "4"}}


def test_sending_forgets_the_draft_and_a_late_save_of_the_same_sheet_does_not_bring_it_back(
    session: Session, bob: Invitation, now: datetime
) -> None:
    sheets = _sheets(bob, {"knowledge": "4"})
    drafts.save(session, bob, sheets, nonce="n1", at=now)
    responses.record(session, bob, sheets, Submission(nonce="n1", language="en"), at=now)
    assert _number(session, Draft) == 0
    drafts.save(session, bob, sheets, nonce="n1", at=now)
    assert _number(session, Draft) == 0
    assert drafts.chosen(session, bob) == {}
    assert bob.disposition == "partial"


def test_a_correction_may_be_kept_too_until_the_answers_are_final(
    session: Session, bob: Invitation, now: datetime
) -> None:
    sheets = _sheets(bob, {"knowledge": "4"})
    responses.record(session, bob, sheets, Submission(nonce="n1", language="en"), at=now)
    drafts.save(session, bob, sheets, nonce="n2", at=now + timedelta(hours=23))
    assert bob.disposition == "partial", "keeping a draft takes nothing back"
    with pytest.raises(responses.AnswersFinal):
        drafts.save(session, bob, sheets, nonce="n3", at=now + timedelta(hours=24))


def test_closing_the_campaign_forgets_what_was_never_sent(session: Session, bob: Invitation, now: datetime) -> None:
    """But not that the person was reached: by then, and whatever they wish later, that is what became of them."""
    drafts.save(session, bob, _sheets(bob, {"knowledge": "4"}), nonce="n1", at=now)
    campaigns.close(session, bob.campaign, by=BY, at=now)
    assert _number(session, Draft) == 0
    assert bob.contact is not None
    people.opt_out(session, bob.contact, at=now)
    session.refresh(bob)
    assert bob.disposition == "opened"


def test_an_interviewer_sees_only_what_they_took_down(session: Session, bob: Invitation, now: datetime) -> None:
    drafts.save(session, bob, _sheets(bob, {"knowledge": "4"}), nonce="n1", at=now)
    assert drafts.chosen(session, bob, interviewer="ann@harbour.example") == {}
    drafts.save(
        session, bob, _sheets(bob, {"knowledge": "2"}), nonce="n2", interviewer="ann@harbour.example", at=now
    )  # fmt: skip
    for interviewer in ("ann@harbour.example", None):
        assert drafts.chosen(session, bob, interviewer=interviewer) == {bob.subjects[0].id: {"knowledge": "2"}}
    assert drafts.chosen(session, bob, interviewer="ben@harbour.example") == {}


def test_a_rep_this_link_does_not_ask_about_is_refused(session: Session, bob: Invitation, now: datetime) -> None:
    reply = Reply(state="answered", value=4)
    with pytest.raises(responses.ForeignSubject):
        drafts.save(session, bob, {10**6: {"knowledge": reply}}, nonce="n1", at=now)
