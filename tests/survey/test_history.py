"""Answers given elsewhere come in whole: campaigns that are over, what was known of the customer, every reply."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion, Subject
from survey.models.roster import Customer, Rep, Territory

Evenhand = Callable[..., Result]
Bring = Callable[..., dict[str, Any]]
HALF = ("--period", "2026-H1")
HEADER = "campaign,customer,rep,territory,answered_on,mode,segment,knowledge,delivery,comment\n"
ROWS = (
    "wave-1,C1,R1,T1,2026-03-01,电话,重点,5,N/A,好\n"
    "wave-1,C2,R1,T1,2026-03-02,,标准,4.0,总是,\n"
    "wave-2,C1,R2,T2,2026/6/1,web,重点,Not at all well,,\n"
)


@pytest.fixture(autouse=True)
def half_year(evenhand: Evenhand) -> None:
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")


def _counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["read"], report["created"], report["updated"], report["unchanged"]


def _refused(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(refused["row"], refused["column"], refused["value"]) for refused in report["refused"]]


def _replies(session: Session) -> dict[tuple[str, str], tuple[str, float | None, str | None]]:
    """Customer and item → state, value, text of wave-1."""
    question = (
        select(Customer.code, Answer)
        .join(Invitation, Invitation.customer_id == Customer.id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .join(Response, Response.subject_id == Subject.id)
        .join(ResponseVersion, ResponseVersion.response_id == Response.id)
        .join(Answer, Answer.response_version_id == ResponseVersion.id)
        .where(Campaign.code == "wave-1")
    )
    return {(customer, one.item): (one.state, one.value, one.text) for customer, one in session.execute(question)}


def test_answers_come_in_by_number_or_label_not_applicable_and_skipped_apart(bring: Bring, session: Session) -> None:
    assert _counts(bring("answers", HEADER + ROWS, *HALF)) == (3, 3, 0, 0)
    assert _replies(session) == {
        ("C1", "knowledge"): ("answered", 5, None),
        ("C1", "delivery"): ("not applicable", None, None),
        ("C1", "comment"): ("text", None, "好"),
        ("C2", "knowledge"): ("answered", 4, None),
        ("C2", "delivery"): ("answered", 5, None),
        ("C2", "comment"): ("skipped", None, None),
    }
    scales = dict(session.execute(select(Answer.item, Answer.scale)).all())
    assert scales == {"knowledge": "well", "delivery": "often", "comment": "text"}


def test_a_campaign_of_history_is_over_and_its_question_sheet_frozen(bring: Bring, session: Session) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    first, second = session.scalars(select(Campaign).order_by(Campaign.code))
    assert [(one.code, one.imported, one.state) for one in (first, second)] == [
        ("wave-1", True, "closed"), ("wave-2", True, "closed"),
    ]  # fmt: skip
    assert first.period.code == "2026-H1"
    assert first.questionnaire.code == "core"
    assert session.scalars(select(QuestionnaireVersion.frozen_at)).one() is not None


def test_an_answer_has_one_completed_invitation_of_its_day_and_way(bring: Bring, session: Session) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    invitation = session.scalars(select(Invitation).order_by(Invitation.id)).first()
    assert invitation is not None
    assert (invitation.disposition, invitation.mode, invitation.contact) == ("completed", "phone", None)
    (subject,) = invitation.subjects
    assert (subject.rep.code, subject.adjusters) == ("R1", {"segment": "重点"})
    response = session.scalars(select(Response).where(Response.subject_id == subject.id)).one()
    assert response.first_answered_at.astimezone(ZoneInfo("Asia/Shanghai")).date() == date(2026, 3, 1)
    version = session.scalars(select(ResponseVersion).where(ResponseVersion.response_id == response.id)).one()
    assert (version.version_no, version.mode, version.language) == (1, "phone", None)


def test_who_is_not_known_yet_is_created_by_code_and_who_is_stays(bring: Bring, session: Session) -> None:
    bring("customers", "code,name\nC1,甲公司\n")
    bring("answers", HEADER + ROWS, *HALF)
    assert dict(session.execute(select(Customer.code, Customer.name)).all()) == {
        "C1": "甲公司",
        "C2": "C2",
    }
    assert session.scalars(select(Rep.code).order_by(Rep.code)).all() == ["R1", "R2"]
    assert session.scalars(select(Territory.name).order_by(Territory.code)).all() == ["T1", "T2"]


def test_chinese_headers_and_adjusters_under_the_names_campaigns_use(bring: Bring, session: Session) -> None:
    text = (
        "调查,客户,业务员,区域,答卷日期,客户类型,角色,语言,合作年限,学年,产品知识,总体满意度\n"
        "w,C1,R1,T1,2026年3月1日,重点,采购,英文,3.5,02,5,非常满意\n"
    )
    report = bring("answers", text.replace("总体满意度", "overall"), *HALF)
    assert _counts(report) == (1, 1, 0, 0)
    assert session.scalars(select(Subject.adjusters)).one() == {
        "segment": "重点", "contact_role": "purchasing", "language": "en", "tenure": 3.5, "学年": "02",
    }  # fmt: skip
    assert sorted(session.scalars(select(Answer.item))) == ["knowledge", "overall"]


def test_importing_twice_changes_nothing(bring: Bring, session: Session) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    shuffled = "\n".join(reversed(ROWS.strip().split("\n"))) + "\n"
    assert _counts(bring("answers", HEADER + shuffled, *HALF)) == (3, 0, 0, 3)
    assert session.scalar(select(func.count(Response.id))) == 3


def test_an_answer_may_join_a_campaign_that_was_imported_before(bring: Bring, session: Session) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    more = HEADER + ROWS + "wave-1,C3,R1,T1,2026-03-05,,标准,3,,\n"
    assert _counts(bring("answers", more, *HALF)) == (4, 1, 0, 3)
    assert session.scalar(select(func.count(Campaign.id))) == 2


def test_history_is_not_rewritten(bring: Bring, session: Session) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    report = bring("answers", HEADER + ROWS.replace("2,,标准,4.0", "2,,标准,5"), *HALF)
    assert _refused(report) == [(3, "answered_on", "2026-03-02")]
    assert _replies(session)["C2", "knowledge"][1] == 4


def test_two_people_of_one_customer_may_answer_on_one_day(bring: Bring, session: Session) -> None:
    rows = "w,C1,R1,T1,2026-03-01,,,5,,\nw,C1,R1,T1,2026-03-01,,,3,,\n"
    assert _counts(bring("answers", HEADER + rows, *HALF)) == (2, 2, 0, 0)
    assert _counts(bring("answers", HEADER + rows, *HALF)) == (2, 0, 0, 2)


def test_a_line_without_any_answer_is_somebody_who_did_not_reply(bring: Bring, session: Session) -> None:
    rows = HEADER + "w,C1,R1,T1,,,重点,,,\nw,C2,R1,T1,2026-03-01,,,5,,\n"
    assert _counts(bring("answers", rows, *HALF)) == (2, 2, 0, 0)
    assert _counts(bring("answers", rows, *HALF)) == (2, 0, 0, 2)
    assert sorted(session.scalars(select(Invitation.disposition))) == ["completed", "expired"]
    assert session.scalar(select(func.count(Response.id))) == 1
    assert session.scalar(select(func.count(Subject.id))) == 2


def test_what_is_no_answer_is_refused_and_nothing_is_stored(bring: Bring, session: Session) -> None:
    rows = (
        "w,C1,R1,T1,2026-03-01,,,6,,\n"
        "w,C2,R1,T1,2026-03-01,,,4.5,often,\n"
        "w,C3,R1,T1,2999-01-01,,,4,,\n"
        "w,C4,R1,T1,,,,4,,\n"
        "w,C5,,T1,2026-03-01,fax,,4,,\u202e\n"
    )
    report = bring("answers", HEADER + rows, *HALF)
    assert _refused(report) == [
        (2, "knowledge", "6"),
        (3, "knowledge", "4.5"),
        (3, "delivery", "often"),
        (4, "answered_on", "2999-01-01"),
        (5, "answered_on", ""),
        (6, "rep", ""),
        (6, "mode", "fax"),
        (6, "comment", "\\u202e"),
    ]
    for model in (Campaign, Customer, Rep, Territory, Invitation):
        assert session.scalar(select(func.count(model.id))) == 0


def test_answers_need_a_period_and_a_question(bring: Bring) -> None:
    assert "--period" in bring("answers", HEADER + ROWS)["refused"][0]["reason"]
    assert "no period 2020" in bring("answers", HEADER + ROWS, "--period", "2020")["refused"][0]["reason"]
    without = "campaign,customer,rep,territory,answered_on,y\nw,C1,R1,T1,2026-03-01,5\n"
    assert "knowledge" in bring("answers", without, *HALF)["refused"][0]["reason"]
    unknown = bring("answers", HEADER + ROWS, *HALF, "--questionnaire", "horoscope")
    assert "horoscope" in unknown["refused"][0]["reason"]


def test_answers_cannot_slip_into_a_campaign_asked_here_or_of_another_period(
    bring: Bring, evenhand: Evenhand, session: Session, now: datetime
) -> None:
    bring("answers", HEADER + ROWS, *HALF)
    evenhand("period", "add", "2026-H2", "--from", "2026-07-01", "--to", "2026-12-31")
    assert {row for row, *_ in _refused(bring("answers", HEADER + ROWS, "--period", "2026-H2"))} == {2, 3, 4}
    asked = session.scalars(select(Campaign).where(Campaign.code == "wave-1")).one()
    asked.imported = False
    session.commit()
    report = bring("answers", HEADER + ROWS, *HALF)
    assert _refused(report) == [(2, "campaign", "wave-1"), (3, "campaign", "wave-1")]


def test_all_of_a_large_file_comes_in(bring: Bring, session: Session) -> None:
    dice = random.Random(7)
    rows = [
        f"w,C{number % 900},R{dice.randrange(40)},T{dice.randrange(5)},2026-03-{1 + number // 900:02},,a,"
        f"{dice.randint(1, 5)},{dice.randint(1, 5)},\n"
        for number in range(6_000)
    ]
    assert _counts(bring("answers", HEADER + "".join(rows), *HALF)) == (6_000, 6_000, 0, 0)
    for model in (Invitation, Subject, Response, ResponseVersion):
        assert session.scalar(select(func.count(model.id))) == 6_000
    assert session.scalar(select(func.count(Answer.id))) == 18_000
    total = sum(int(row.split(",")[7]) for row in rows)
    assert session.scalar(select(func.sum(Answer.value)).where(Answer.item == "knowledge")) == total


def test_what_is_asked_here_afterwards_gets_numbers_of_its_own(bring: Bring, session: Session, now: datetime) -> None:
    """The ids history took are not handed out again."""
    bring("answers", HEADER + ROWS, *HALF)
    campaign, customer = session.scalars(select(Campaign)).first(), session.scalars(select(Customer)).first()
    assert campaign
    assert customer
    invitation = Invitation(
        campaign_id=campaign.id, customer_id=customer.id, mode="web", disposition="queued", created_at=now
    )
    session.add(invitation)
    session.flush()
    assert invitation.id not in session.scalars(select(Subject.invitation_id)).all()
