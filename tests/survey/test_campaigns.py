"""Campaigns: planned, opened by a person, closed at the end of a day where the company is."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, invitations, journal
from survey.cli import main
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion
from survey.models.company import JournalEntry
from survey.models.sending import OutboxMessage
from survey.roster.periods import UnknownPeriod
from tests.asking import BY, found, plan

SUMMER = {
    "period": "2026-H1", "questionnaire": "core", "opens_on": date(2026, 7, 1), "closes_on": date(2026, 7, 21),
}  # fmt: skip


def _create(session: Session, at: datetime, **changes: object) -> Campaign:
    return campaigns.create(session, "S1", **{**SUMMER, **changes}, by=BY, at=at)  # type: ignore[arg-type]


def test_a_campaign_is_planned_as_a_draft_about_the_whole_period(session: Session, now: datetime) -> None:
    found(session)
    campaign = _create(session, now)
    assert campaign.state == "draft"
    assert campaign.asked_about == {"en": "the past 6 months", "zh": "过去6个月"}
    assert not campaigns.takes_answers(session, campaign, at=now)
    assert campaigns.named(session, "S1") is campaign
    assert session.scalars(select(JournalEntry.action)).all() == ["campaign created"]


@pytest.mark.parametrize(
    ("months", "en", "zh"), [(1, "the past month", "过去1个月"), (3, "the past 3 months", "过去3个月")]
)
def test_it_may_ask_about_fewer_months(session: Session, now: datetime, months: int, en: str, zh: str) -> None:
    found(session)
    assert _create(session, now, months=months).asked_about == {"en": en, "zh": zh}


def test_what_cannot_be_planned_is_refused_with_the_reason(session: Session, now: datetime) -> None:
    found(session)
    with pytest.raises(UnknownPeriod, match="2031-H1"):
        _create(session, now, period="2031-H1")
    with pytest.raises(campaigns.WrongDates, match="2026-06-30"):
        _create(session, now, closes_on=date(2026, 6, 30))
    with pytest.raises(campaigns.WrongDates, match="9999-12-31"):
        _create(session, now, closes_on=date(9999, 12, 31))
    _create(session, now)
    with pytest.raises(campaigns.CampaignExists, match="S1"):
        _create(session, now)
    with pytest.raises(campaigns.UnknownCampaign, match="S2"):
        campaigns.named(session, "S2")


@pytest.mark.parametrize(
    ("zone", "closes_on", "end"),
    [
        ("Asia/Shanghai", date(2026, 7, 21), datetime(2026, 7, 21, 16, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),  # 25 hours long
        ("Europe/Berlin", date(2027, 3, 28), datetime(2027, 3, 28, 22, tzinfo=UTC)),  # 23 hours long
        ("America/New_York", date(2028, 2, 29), datetime(2028, 3, 1, 5, tzinfo=UTC)),
    ],
)
def test_the_last_day_ends_where_the_company_is(
    session: Session, now: datetime, zone: str, closes_on: date, end: datetime
) -> None:
    found(session, zone=zone)
    campaign = _create(session, now, closes_on=closes_on)
    campaigns.open_up(session, campaign, by=BY, at=now)
    assert campaigns.takes_answers(session, campaign, at=end - timedelta(microseconds=1))
    assert not campaigns.takes_answers(session, campaign, at=end)
    assert campaigns.overdue(session, at=end - timedelta(microseconds=1)) == []
    assert campaigns.overdue(session, at=end) == [campaign]


def test_opening_early_moves_the_first_day(session: Session, now: datetime) -> None:
    found(session)
    campaign = _create(session, now, opens_on=date(2026, 7, 10))
    campaigns.open_up(session, campaign, by=BY, at=now)
    assert (campaign.state, campaign.opens_on) == ("open", date(2026, 7, 6))


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Asia/Shanghai", datetime(2028, 2, 28, 16, tzinfo=UTC), date(2028, 2, 29)),
        ("Asia/Shanghai", datetime(2028, 2, 29, 16, tzinfo=UTC), date(2028, 3, 1)),
        ("Europe/Berlin", datetime(2027, 3, 27, 22, 59, tzinfo=UTC), date(2027, 3, 27)),
        ("Europe/Berlin", datetime(2027, 3, 28, 22, tzinfo=UTC), date(2027, 3, 29)),  # the day before had 23 hours
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), date(2026, 10, 25)),  # this one has 25
    ],
)
def test_the_first_day_is_the_day_it_is_where_the_company_is(
    session: Session, now: datetime, zone: str, at: datetime, day: date
) -> None:
    found(session, zone=zone)
    campaign = _create(session, now, opens_on=date(2028, 12, 1), closes_on=date(2028, 12, 31))
    campaigns.open_up(session, campaign, by=BY, at=at)
    assert campaign.opens_on == day


def test_a_closed_campaign_stays_closed(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    campaigns.close(session, campaign, by=BY, at=now)
    with pytest.raises(campaigns.CampaignClosed):
        campaigns.open_up(session, campaign, by=BY, at=now)


def test_a_campaign_whose_last_day_is_over_does_not_open(session: Session, now: datetime) -> None:
    found(session)
    campaign = _create(session, now, opens_on=date(2026, 6, 1), closes_on=date(2026, 7, 5))
    with pytest.raises(campaigns.CampaignClosed, match="2026-07-05"):
        campaigns.open_up(session, campaign, by=BY, at=now)


def test_closing_expires_who_has_not_answered_and_keeps_who_has(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    invitations.invite(session, campaign, by=BY, at=now)
    answered, waiting = session.scalars(select(Invitation).order_by(Invitation.id))
    answered.disposition = "completed"
    campaigns.close(session, campaign, by=BY, at=now)
    session.expire_all()
    assert (answered.disposition, waiting.disposition) == ("completed", "expired")
    assert set(session.scalars(select(OutboxMessage.state))) == {"held"}, "no mail leads to a closed survey"
    assert journal.verify(session).broken == ()


def test_inviting_freezes_the_sheet(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    assert session.scalar(select(QuestionnaireVersion.frozen_at)) is None
    invitations.invite(session, campaign, by=BY, at=now)
    assert session.scalar(select(QuestionnaireVersion.frozen_at)) == now


# -- the command line -------------------------------------------------------------------------------------------

Evenhand = Callable[..., Result]


@pytest.fixture
def evenhand(app: Flask, session: Session) -> Evenhand:
    found(session)
    session.commit()
    return lambda *words: CliRunner().invoke(main, words, obj=ScriptInfo(create_app=lambda: app))


def _planned(evenhand: Evenhand) -> None:
    today = datetime.now(UTC).date()
    done = evenhand(
        "campaign", "create", "S1", "--period", "2026-H1", "--questionnaire", "core",
        "--opens", f"{today - timedelta(days=1)}", "--closes", f"{today + timedelta(days=7)}",
    )  # fmt: skip
    assert done.exit_code == 0, done.output


def test_a_campaign_goes_from_plan_to_close(evenhand: Evenhand) -> None:
    _planned(evenhand)
    assert json.loads(evenhand("campaign", "status", "S1", "--json").stdout)["state"] == "draft"
    assert evenhand("campaign", "open", "S1").exit_code == 0
    invited = json.loads(evenhand("invite", "S1", "--json").stdout)
    assert (invited["invited"], invited["invited_before"], invited["links"]) == (2, 0, [])
    assert invited["unreachable"] == ["C3"]
    status = json.loads(evenhand("campaign", "status", "S1", "--json").stdout)
    assert status["invitations"] == status["messages"] == {"queued": 2}
    assert (status["subjects"], status["responses"]) == (3, 0)
    assert "queued" in evenhand("campaign", "status", "S1").stdout
    assert evenhand("campaign", "close", "S1").exit_code == 0
    assert json.loads(evenhand("campaign", "status", "S1", "--json").stdout)["invitations"] == {"expired": 2}


@pytest.mark.parametrize("reason", ["", "five of us, looked through together"])
def test_opening_without_the_reps_check_is_told_and_kept(evenhand: Evenhand, session: Session, reason: str) -> None:
    _planned(evenhand)
    opened = evenhand("campaign", "open", "S1", *(("--without-check", reason) if reason else ()))
    assert (opened.exit_code, "have not looked through" in opened.stderr) == (0, not reason)
    kept = session.scalars(select(JournalEntry.details).where(JournalEntry.action == "campaign opened")).one()
    assert kept == {"reps’ check": "not held", **({"reason": reason} if reason else {})}


def test_inviting_draws_a_bar_on_a_terminal_and_nowhere_else(
    evenhand: Evenhand, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the bar is on stderr. Piped there is none, nor where a program reads along."""
    _planned(evenhand)
    evenhand("campaign", "open", "S1")
    assert "Inviting" not in evenhand("invite", "S1").output
    shown = {}
    for words in (("invite", "S1"), ("invite", "S1", "--json")):
        seen, terminal = pty.openpty()
        with open(terminal, "w", encoding="utf-8", closefd=False) as screen, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", screen)
            main(words, obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
            screen.write("the end")
        shown[words[2:]] = os.read(seen, 10_000).decode()
        os.close(seen), os.close(terminal)
    assert "Inviting" in shown[()]
    assert shown["--json",] == "the end"


def test_printed_links_are_in_the_journal(evenhand: Evenhand, session: Session) -> None:
    _planned(evenhand)
    evenhand("campaign", "open", "S1")
    lines = evenhand("invite", "S1", "--print-links").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines if "/s/" in line] == [["C1", "王芳"], ["C2", "Bob Brown"]]
    assert "links printed" in session.scalars(select(JournalEntry.action)).all()


def test_refused_work_says_why_and_exits_with_one(evenhand: Evenhand) -> None:
    _planned(evenhand)
    for words, reason in (
        (("invite", "S1"), "evenhand campaign open S1"),
        (("invite", "S9"), "no campaign S9"),
        (("campaign", "open", "S9"), "no campaign S9"),
    ):
        refused = evenhand(*words)
        assert refused.exit_code == 1
        assert reason in refused.stderr
        assert refused.stdout == ""


def test_wrong_usage_exits_with_two(evenhand: Evenhand) -> None:
    wrong = evenhand("campaign", "create", "S1", "--period", "2026-H1", "--questionnaire", "core", "--opens", "soon")
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("campaign", "create"),
        ("campaign", "open"),
        ("campaign", "status"),
        ("sample", "plan"),
        ("invite",),
        ("worker",),
    ],
)
def test_every_command_shows_an_example(evenhand: Evenhand, words: tuple[str, ...]) -> None:
    assert "Example: evenhand " + " ".join(words) in " ".join(evenhand(*words, "--help").stdout.split())


def test_status_tells_the_rates_the_page_shows(evenhand: Evenhand, session: Session) -> None:
    _planned(evenhand)
    evenhand("campaign", "open", "S1")
    evenhand("invite", "S1")
    answered = session.scalars(select(Invitation).order_by(Invitation.id)).first()
    assert answered is not None
    answered.disposition = "completed"
    session.commit()
    told = json.loads(evenhand("campaign", "status", "S1", "--json").stdout)
    assert (told["invited"], told["eligible"], told["RR1"], told["RR2"], told["CON1"], told["REF1"]) == (
        2, 2, 0.5, 0.5, 0.5, 0.0,
    )  # fmt: skip
    assert {part["code"]: part["RR1"] for part in told["reps"]} == {"R1": 0.5, "R2": 0.0}
    assert {part["code"]: part["invited"] for part in told["territories"]} == {"EAST": 2, "WEST": 1}
    words = evenhand("campaign", "status", "S1").stdout
    assert "Response RR1 50.0%, RR2 50.0%; contact CON1 50.0%, refusal REF1 0.0%." in words
    assert "Response rates that chance does not explain: none." in words


def test_the_plan_of_a_sample_is_told_before_anything_is_sent(evenhand: Evenhand, session: Session) -> None:
    today = datetime.now(UTC).date()
    done = evenhand(
        "campaign", "create", "S1", "--period", "2026-H1", "--questionnaire", "core", "--opens", f"{today}",
        "--closes", f"{today + timedelta(days=7)}", "--sample", "planned", "--reliability", ".7", "--rest-days", "10",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    campaign = session.scalars(select(Campaign)).one()
    assert campaign.sample_plan is not None
    assert (campaign.sample_plan.reliability, campaign.rest_days) == (0.7, 10)
    told = json.loads(evenhand("sample", "plan", "S1", "--json").stdout)
    assert (told["reliability"], told["icc"], told["response_rate"]) == (0.7, 0.05, 0.3)
    assert [(rep["rep"], rep["needed"], rep["invitations"], rep["reach"]) for rep in told["reps"]] == [
        ("R1", 45, 150, "never"), ("R2", 45, 150, "never"),
    ]  # fmt: skip
    words = evenhand("sample", "plan", "S1", "--reliability", ".8").stdout
    assert "R1         needs 76 answers: 254 invitations; asked 2 of 2, withheld expected" in words
    assert "Never: there are 2 customers to ask" in words
    refused = evenhand("sample", "plan", "S1", "--reliability", "80")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "between 0 and 1" in refused.stderr
