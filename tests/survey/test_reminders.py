"""Reminders by the calendar: so many days later at the same hour, at most two, never twice; one mail a person a day.
The clock is moved for real (time-machine), and the worker's own round does the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import campaigns, invitations, worker
from survey.config import Settings
from survey.context import db, now
from survey.invitations import clock, delivery, people, reminders
from survey.models.asking import Campaign, Invitation
from survey.models.company import Company, Period
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from tests.asking import BY, found, plan

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


class Post:
    """A company whose worker makes a round whenever it is told to; the letters lie in its outbox folder."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.seen = 0

    def round(self, at: datetime) -> int:
        """How many mails go out in a round at this moment."""
        with time_machine.travel(at, tick=False), self.app.app_context():
            worker.tidy()
            sent = worker.drain().sent
            db.session.close()
        return sent

    def rounds(self, first: datetime, *, days: int, every: timedelta = timedelta(hours=12)) -> list[tuple[date, int]]:
        """The days on which mails went out, and how many, with a round every few hours."""
        log: dict[date, int] = {}
        moment = first
        while moment < first + timedelta(days=days):
            if sent := self.round(moment):
                log[moment.date()] = log.get(moment.date(), 0) + sent
            moment = (moment.astimezone(UTC) + every).astimezone(first.tzinfo)
        return sorted(log.items())


@pytest.fixture
def post(app: Flask, settings: Settings) -> Post:
    return Post(app, settings)


def _ask(session: Session, at: datetime, *, code: str = "S1", days: int = 30, rest: int = 30) -> Campaign:
    """Invite two people at this moment."""
    campaign = plan(session, code, at=at, days=days)
    campaign.rest_days = rest
    invitations.invite(session, campaign, by=BY, at=at)
    session.commit()
    return campaign


def test_reminders_come_after_four_and_nine_days_at_the_same_hour_and_no_more(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    log = post.rounds(asked, days=20)
    assert log == [(date(2026, 7, 6), 2), (date(2026, 7, 10), 2), (date(2026, 7, 15), 2)]
    for number, days in ((0, 0), (1, 4), (2, 9)):
        sent = session.scalars(select(OutboxMessage.sent_at).where(OutboxMessage.number == number)).all()
        assert {moment.astimezone(SHANGHAI) for moment in sent} == {asked + timedelta(days=days)}


def test_a_campaign_may_have_its_own_schedule(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked).remind_after_days = [2]
    session.commit()
    assert post.rounds(asked, days=15) == [(date(2026, 7, 6), 2), (date(2026, 7, 8), 2)]


@pytest.mark.parametrize(
    ("zone", "asked"),
    [
        (BERLIN, datetime(2027, 3, 26, 9, 0, tzinfo=BERLIN)),  # the night of 28 March has 23 hours
        (BERLIN, datetime(2026, 10, 22, 9, 0, tzinfo=BERLIN)),  # the night of 25 October has 25 hours
        (SHANGHAI, datetime(2028, 2, 26, 9, 0, tzinfo=SHANGHAI)),  # with a 29th of February
        (SHANGHAI, datetime(2027, 2, 26, 9, 0, tzinfo=SHANGHAI)),  # without
        (SHANGHAI, datetime(2026, 12, 28, 23, 30, tzinfo=SHANGHAI)),  # into another year, late in the evening
    ],
)
def test_clocks_that_change_and_days_that_leap_move_no_reminder(
    session: Session, post: Post, zone: ZoneInfo, asked: datetime
) -> None:
    found(session, zone=str(zone))
    _ask(session, asked)
    first = asked.date()
    assert post.rounds(asked, days=14, every=timedelta(hours=4)) == [
        (first, 2), (first + timedelta(days=4), 2), (first + timedelta(days=9), 2)
    ]  # fmt: skip
    for number, days in ((1, 4), (2, 9)):
        sent = session.scalars(select(OutboxMessage.sent_at).where(OutboxMessage.number == number)).all()
        due = asked + timedelta(days=days)
        assert all(timedelta(0) <= moment - due < timedelta(hours=4) for moment in sent)


@pytest.mark.parametrize("jump", [timedelta(days=90), timedelta(days=-90)])
def test_a_clock_that_jumps_and_comes_back_closes_nothing_and_reminds_nobody_twice(
    session: Session, post: Post, jump: timedelta
) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    campaign = _ask(session, asked)
    post.rounds(asked, days=2)
    wrong = asked + timedelta(days=2) + jump
    for minutes in range(0, 60, 10):
        assert post.round(wrong + timedelta(minutes=minutes)) == 0
    back = asked + timedelta(days=2, hours=1)
    session.expire_all()
    assert campaign.state == "open"
    assert campaigns.takes_answers(session, campaign, at=back)
    assert set(session.scalars(select(Invitation.disposition))) == {"sent"}
    session.rollback()
    assert post.rounds(back, days=20) == [(date(2026, 7, 10), 2), (date(2026, 7, 15), 2)]


def test_what_was_claimed_or_put_off_under_a_wrong_clock_does_not_wait_for_it(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    first, second = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
    ahead = asked + timedelta(days=90)
    first.state, first.lease_until = "claimed", ahead
    second.not_before = ahead
    session.commit()
    assert post.round(asked) == 2


def test_a_clock_is_believed_after_a_day_without_a_jump(session: Session) -> None:
    at = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)
    assert not clock.runs_steadily(session, at=at)
    assert not clock.runs_steadily(session, at=at + timedelta(hours=23))
    assert clock.runs_steadily(session, at=at + timedelta(hours=24))
    assert not clock.runs_steadily(session, at=at + timedelta(days=91)), "a jump ahead"
    assert not clock.runs_steadily(session, at=at + timedelta(days=1, minutes=1)), "and back"
    assert clock.runs_steadily(session, at=at + timedelta(days=2, minutes=1))


def test_a_worker_that_was_off_does_not_send_two_reminders_at_once(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    post.round(asked)
    assert post.rounds(asked + timedelta(days=12), days=12) == [(date(2026, 7, 18), 2), (date(2026, 7, 23), 2)]


def test_who_answered_opted_out_or_was_taken_back_is_not_reminded(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    campaign = _ask(session, asked)
    post.round(asked)
    by_name = {row.contact.name: row for row in session.scalars(select(Invitation)) if row.contact}
    by_name["王芳"].disposition = "partial"
    contact = by_name["Bob Brown"].contact
    assert contact
    people.opt_out(session, contact, at=asked)
    session.commit()
    assert post.rounds(asked, days=15) == []
    assert reminders.remind(session, campaign, by=BY, at=asked).reminded == 0


def test_a_reminder_carries_a_new_link_for_the_same_invitation(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    post.rounds(asked, days=5)
    letters = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in post.settings.outbox.glob("*.eml")
    ]  # fmt: skip
    assert len(letters) == 4
    unsubscribe = {letter["List-Unsubscribe"] for letter in letters}
    assert len(unsubscribe) == 4, "every mail has its own link"
    with time_machine.travel(asked + timedelta(days=5), tick=False):
        for link in unsubscribe:
            path = link.strip("<>").removeprefix("http://localhost").removesuffix("/stop")
            assert post.app.test_client().get(path).status_code == 200, "and every one of them works"
    assert len(session.scalars(select(Invitation)).all()) == 2


# -- one mail a person a day ------------------------------------------------------------------------------------


def test_a_person_asked_by_several_customers_gets_one_mail_with_a_link_each(session: Session, post: Post) -> None:
    found(session)
    session.execute(update(Contact).where(Contact.name == "Bob Brown").values(email="wang@c1.example"))
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    assert post.round(asked) == 1
    assert set(session.scalars(select(Invitation.disposition))) == {"sent"}
    assert len(set(session.scalars(select(OutboxMessage.message_id)))) == 1
    (file,) = post.settings.outbox.glob("*.eml")
    letter = message_from_bytes(file.read_bytes(), policy=policy.default)
    plain = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr, attr-defined]
    assert plain.count("Please open") == 2
    assert "海川商行，过去6个月" in plain
    assert "Zeta Ltd, the past 6 months" in plain, "and says which is which"


def test_what_comes_later_the_same_day_waits_until_the_next(session: Session, post: Post) -> None:
    found(session)
    session.add(Period(code="2026-Q2", from_on=date(2026, 4, 1), to_on=date(2026, 6, 30)))
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    assert post.round(asked) == 2
    later = asked.replace(hour=15)
    _ask(session, later, code="S2", rest=0)
    assert post.rounds(later, days=3, every=timedelta(hours=4)) == [(date(2026, 7, 7), 2)]
    second = session.scalars(select(OutboxMessage.sent_at).join(OutboxMessage.invitation).join(Invitation.campaign)
                             .where(Campaign.code == "S2")).all()  # fmt: skip
    assert {moment.astimezone(SHANGHAI) for moment in second} == {later + timedelta(days=1)}


def test_reminders_of_two_campaigns_that_fall_on_one_day_make_one_mail(session: Session, post: Post) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    _ask(session, asked, code="S2", rest=0)
    log = post.rounds(asked, days=15)
    assert log == [(date(2026, 7, 6), 2), (date(2026, 7, 10), 2), (date(2026, 7, 15), 2)]
    assert len(session.scalars(select(OutboxMessage)).all()) == 12


# -- what a person does -----------------------------------------------------------------------------------------


def test_remind_reminds_now_but_never_more_than_twice(
    session: Session, post: Post, evenhand: Callable[..., Result]
) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    with time_machine.travel(asked, tick=False):
        assert evenhand("remind", "S1").stdout.startswith("Reminders written 0; a message on its way 0")
    post.round(asked)
    for day, told in (
        (1, "Reminders written 2; a message on its way 0; reminded often enough 0."),
        (1, "Reminders written 0; a message on its way 2; reminded often enough 0."),
        (2, "Reminders written 2; a message on its way 0; reminded often enough 0."),
        (3, "Reminders written 0; a message on its way 0; reminded often enough 2."),
    ):
        with time_machine.travel(asked + timedelta(days=day), tick=False):
            done = evenhand("remind", "S1")
        assert (done.exit_code, done.stdout.strip()) == (0, told)
        if told.startswith("Reminders written 0") or day == 2:
            post.round(asked + timedelta(days=day))
    assert post.rounds(asked + timedelta(days=4), days=12) == []


def test_nothing_is_sent_or_written_while_a_campaign_is_paused(
    session: Session, post: Post, evenhand: Callable[..., Result]
) -> None:
    found(session)
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    campaign = _ask(session, asked)
    session.rollback()
    assert evenhand("campaign", "pause", "S1").exit_code == 0
    assert post.rounds(asked, days=6) == []
    session.expire_all()
    state = delivery.queue(session, campaign)
    assert (state.waiting, state.sent, state.total) == (2, 0, 2)
    assert state.paused_at is not None
    session.rollback()
    assert evenhand("campaign", "resume", "S1").exit_code == 0
    assert post.rounds(asked + timedelta(days=6), days=5) == [(date(2026, 7, 12), 2), (date(2026, 7, 16), 2)]


def test_a_corrected_address_is_sent_to_again_and_the_old_link_is_dead(session: Session, post: Post) -> None:
    found(session)
    session.execute(update(Contact).where(Contact.name == "王芳").values(email="wang.c1.example"))
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    campaign = _ask(session, asked)
    assert post.round(asked) == 1
    (failure,) = delivery.undelivered(session, campaign)
    invitation = session.get(Invitation, failure.invitation_id)
    assert invitation
    assert (failure.contact, invitation.disposition) == ("王芳", "bounced")
    with pytest.raises(delivery.Unreachable):
        delivery.resend(session, invitation, by=BY, at=asked)
    contact = invitation.contact
    assert contact
    delivery.correct_address(session, contact, email="Wang@C1.example", by=BY, at=asked)
    delivery.resend(session, invitation, by=BY, at=asked)
    session.commit()
    assert post.round(asked) == 1
    session.expire_all()
    assert contact.email == "wang@c1.example"
    assert invitation.disposition == "sent"
    assert delivery.undelivered(session, campaign) == []
    invitation.disposition = "completed"
    with pytest.raises(delivery.NothingToSend):
        delivery.resend(session, invitation, by=BY, at=now())


def test_the_company_without_a_name_has_a_day_too(session: Session, post: Post) -> None:
    found(session)
    session.delete(session.scalars(select(Company)).one())
    asked = datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)
    _ask(session, asked)
    assert post.rounds(asked, days=5) == [(date(2026, 7, 6), 2), (date(2026, 7, 10), 2)]
