"""Interviews: shared out, called by time, each outcome with its consequence, and answers that say who asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey import campaigns, interviews, invitations, questionnaires, responses
from survey.config import Settings
from survey.models.answering import Answer, Call, Interview, Response, ResponseVersion
from survey.models.asking import Invitation
from survey.models.roster import Contact, Customer
from survey.models.sending import OutboxMessage
from survey.questionnaires.sheet import Reply
from survey.runs.answers import NO_INTERVIEWER, answers
from tests.asking import BY, CORE, Asked, ask

SPEC_BY_INTERVIEWER = """
[[item]]
name = "knowledge"
lo = 1
hi = 5
[[adjuster]]
name = "mode"
kind = "category"
reason = "set by the survey's own design"
[[adjuster]]
name = "interviewer"
kind = "category"
reason = "set by the survey's own design"
"""
ANN, BEN = "ann@harbour.example", "ben@harbour.example"


@pytest.fixture
def asked(session: Session, settings: Settings, now: datetime) -> Asked:
    """王芳 and Bob Brown by mail; 无邮箱 of C3, asked about Maria Schmidt, has a telephone and no mail."""
    made = ask(session, settings, at=now)
    for name, phone in (("王芳", "+86 21 5555 0101"), ("无邮箱", "+86 21 5555 0103")):
        session.scalars(select(Contact).where(Contact.name == name)).one().phone = phone
    session.commit()
    return made


@pytest.fixture
def wang(session: Session, asked: Asked, now: datetime) -> Interview:
    """王芳's interview, Ann's to do."""
    interviews.hand_out(session, asked.campaign, [ANN], by=BY, at=now)
    return _interview(session, "王芳")


def _interview(session: Session, name: str) -> Interview:
    found = select(Interview).join(Invitation).join(Contact, Contact.id == Invitation.contact_id)
    return session.scalars(found.where(Contact.name == name)).one()


def _sheets(interview: Interview, **posted: str) -> dict[int, dict[str, Reply]]:
    sheet = questionnaires.read(interview.invitation.campaign.questionnaire.content)
    replies = {code: sheet.item(code).reply(words) for code, words in posted.items()}
    return {subject.id: replies for subject in interview.invitation.subjects}


def _names(lines: tuple[interviews.Line, ...]) -> list[str]:
    return [line.contact for line in lines]


def test_who_has_a_telephone_and_has_not_answered_is_shared_out_in_turn(
    session: Session, asked: Asked, now: datetime
) -> None:
    assert interviews.hand_out(session, asked.campaign, [ANN, BEN], by=BY, at=now) == 2
    assert {_interview(session, "王芳").interviewer, _interview(session, "无邮箱").interviewer} == {ANN, BEN}
    alone = _interview(session, "无邮箱").invitation
    assert (alone.mode, [subject.rep.name for subject in alone.subjects]) == ("phone", ["Maria Schmidt"])
    waiting = select(func.count()).where(OutboxMessage.invitation_id == alone.id)
    assert session.scalar(waiting) == 0, "no mail waits for somebody without an address"
    assert interviews.hand_out(session, asked.campaign, [ANN, BEN], by=BY, at=now) == 0


def test_nobody_can_be_called_without_an_interviewer(session: Session, asked: Asked, now: datetime) -> None:
    with pytest.raises(interviews.NobodyToInterview):
        interviews.hand_out(session, asked.campaign, [], by=BY, at=now)


def test_each_interviewer_sees_their_own_calls_only(session: Session, wang: Interview, now: datetime) -> None:
    assert _names(interviews.queue(session, ANN, at=now).due) == ["王芳", "无邮箱"]
    assert interviews.queue(session, BEN, at=now) == interviews.Queue(due=(), later=())
    assert interviews.own(session, wang.id, ANN) is wang
    with pytest.raises(interviews.UnknownInterview):
        interviews.own(session, wang.id, BEN)


@pytest.mark.parametrize(("outcome", "pause"), [("busy", timedelta(minutes=20)), ("no answer", timedelta(hours=3))])
def test_who_was_not_reached_is_called_again_after_a_pause_and_at_last_left_alone(
    session: Session, wang: Interview, now: datetime, outcome: str, pause: timedelta
) -> None:
    interviews.note_call(session, wang, outcome, by=ANN, at=now)
    assert "王芳" not in _names(interviews.queue(session, ANN, at=now + pause - timedelta(seconds=1)).due)
    assert "王芳" in _names(interviews.queue(session, ANN, at=now + pause).due)
    for number in range(1, interviews.MOST_CALLS):
        interviews.note_call(session, wang, outcome, by=ANN, at=now + number * pause)
    assert wang.state == "not reached"
    assert "王芳" not in _names(interviews.queue(session, ANN, at=now + timedelta(days=2)).due)
    assert session.scalar(select(func.count()).select_from(Call)) == interviews.MOST_CALLS


def test_a_call_back_comes_first_at_its_time(session: Session, wang: Interview, now: datetime) -> None:
    agreed = now + timedelta(days=1)
    interviews.note_call(session, wang, "call back", call_back_at=agreed, by=ANN, at=now)
    assert _names(interviews.queue(session, ANN, at=now).due) == ["无邮箱"]
    assert _names(interviews.queue(session, ANN, at=now).later) == ["王芳"]
    assert _names(interviews.queue(session, ANN, at=agreed).due) == ["王芳", "无邮箱"]


def test_a_call_back_lies_ahead_and_within_the_campaign(session: Session, wang: Interview, now: datetime) -> None:
    closing = campaigns.closes_at(session, wang.invitation.campaign)
    for wrong in (None, now, now - timedelta(days=1), closing):
        with pytest.raises(interviews.WrongTime):
            interviews.note_call(session, wang, "call back", call_back_at=wrong, by=ANN, at=now)
    assert wang.calls == []
    interviews.note_call(session, wang, "call back", call_back_at=closing - timedelta(seconds=1), by=ANN, at=now)


@pytest.mark.parametrize(("outcome", "disposition"), [("refused", "opted out"), ("wrong person", "wrong person")])
def test_a_refusal_and_a_wrong_person_end_the_asking(
    session: Session, wang: Interview, now: datetime, outcome: str, disposition: str
) -> None:
    interviews.note_call(session, wang, outcome, by=ANN, at=now)
    assert (wang.state, wang.invitation.disposition) == (outcome, disposition)
    waiting = select(OutboxMessage.state).where(OutboxMessage.invitation_id == wang.invitation_id)
    assert set(session.scalars(waiting)) == {"held"}
    with pytest.raises(interviews.InterviewOver):
        interviews.note_call(session, wang, "busy", by=ANN, at=now)
    with pytest.raises(interviews.InterviewOver):
        interviews.complete(session, wang, _sheets(wang, **CORE), nonce="n", language="zh", by=ANN, at=now)


def test_an_invented_outcome_is_refused(session: Session, wang: Interview, now: datetime) -> None:
    with pytest.raises(interviews.UnknownOutcome):
        interviews.note_call(session, wang, "completed", by=ANN, at=now)
    assert wang.calls == []


def test_answers_say_that_they_were_given_by_telephone_and_to_whom(
    session: Session, wang: Interview, now: datetime
) -> None:
    done = interviews.complete(session, wang, _sheets(wang, **CORE), nonce="n1", language="zh", by=ANN, at=now)
    again = interviews.complete(session, wang, _sheets(wang, **CORE), nonce="n1", language="zh", by=ANN, at=now)
    assert (done.repeated, again.repeated) == (False, True)
    version = session.scalars(select(ResponseVersion)).one()
    assert (version.mode, version.interviewer, version.language) == ("phone", ANN, "zh")
    assert (wang.state, wang.invitation.disposition) == ("completed", "completed")
    assert [call.outcome for call in wang.calls] == ["completed"]


def test_who_has_answered_on_the_page_is_called_no_more(session: Session, wang: Interview, now: datetime) -> None:
    submission = responses.Submission(nonce="web", language="zh")
    responses.record(session, wang.invitation, _sheets(wang, **CORE), submission, at=now)
    assert _names(interviews.queue(session, ANN, at=now).due) == ["无邮箱"]
    with pytest.raises(interviews.InterviewOver):
        interviews.complete(session, wang, _sheets(wang, knowledge="1"), nonce="n1", language="zh", by=ANN, at=now)
    assert session.scalars(select(ResponseVersion.mode)).all() == ["web"]


def test_a_closed_campaign_and_an_invitation_taken_back_are_not_called(
    session: Session, wang: Interview, now: datetime
) -> None:
    other = _interview(session, "无邮箱")
    invitations.revoke(session, other.invitation, reason="left the company", by=BY, at=now)
    assert _names(interviews.queue(session, ANN, at=now).due) == ["王芳"]
    campaigns.close(session, wang.invitation.campaign, by=BY, at=now)
    session.expire_all()
    assert interviews.queue(session, ANN, at=now).due == ()
    for interview in (wang, other):
        with pytest.raises(interviews.InterviewOver):
            interviews.note_call(session, interview, "busy", by=ANN, at=now)


def test_nothing_said_leaves_the_interview_waiting(session: Session, wang: Interview, now: datetime) -> None:
    with pytest.raises(responses.NothingAnswered):
        interviews.complete(session, wang, _sheets(wang), nonce="n1", language="zh", by=ANN, at=now)
    assert wang.state == "waiting"
    assert session.scalar(select(func.count()).select_from(Response)) == 0
    assert session.scalar(select(func.count()).select_from(Answer)) == 0
    assert session.scalar(select(func.count()).select_from(Customer)) == 4


def test_a_run_may_adjust_for_mode_and_for_who_asked_under_a_pseudonym(
    session: Session, asked: Asked, wang: Interview, now: datetime
) -> None:
    interviews.complete(session, wang, _sheets(wang, **CORE), nonce="n1", language="zh", by=ANN, at=now)
    bob = next(row for row in session.scalars(select(Invitation)) if row.contact and row.contact.name == "Bob Brown")
    replies = next(iter(_sheets(wang, knowledge="3").values()))
    submission = responses.Submission(nonce="web", language="en")
    responses.record(session, bob, {bob.subjects[0].id: replies}, submission, at=now)
    spec = AdjustmentSpec.from_toml(SPEC_BY_INTERVIEWER)
    table = answers(session, asked.campaign.period, spec)[0].dropna(subset=["knowledge"])
    asked_by = dict(zip(table["mode"], table["interviewer"], strict=True))
    assert set(asked_by) == {"phone", "web"}
    assert asked_by["web"] == NO_INTERVIEWER
    assert asked_by["phone"] not in (NO_INTERVIEWER, ANN)
