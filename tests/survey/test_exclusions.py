"""Leaving a customer out of a campaign: a reason, a second person, and before anything can be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import invitations, journal, users
from survey.invitations import exclusions
from survey.models.answering import Response
from survey.models.asking import Campaign, Exclusion, Invitation
from survey.models.company import JournalEntry
from survey.models.roster import Rep, ReportingLine
from survey.models.scoring import Run
from survey.models.sending import OutboxMessage
from tests.asking import BY, found, plan

TODAY = date(2026, 7, 6)
FIRST, SECOND = "admin@harbour.example", "second@harbour.example"
Decide = Callable[..., Exclusion]


@pytest.fixture
def campaign(session: Session, now: datetime) -> Campaign:
    found(session)
    for email, role in (
        (FIRST, "administrator"), (SECOND, "reviewer"), ("boss@harbour.example", "reviewer"),
        ("li@harbour.example", "reviewer"), ("m@harbour.example", "manager"),
    ):  # fmt: skip
        users.create(session, email=email, name=email, role=role, password_hash=None, by=BY, at=now)
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    rep.email = "Li@harbour.example"
    session.add(ReportingLine(rep_id=rep.id, manager_email="Boss@harbour.example", since_on=date(2025, 1, 1)))
    return plan(session, at=now)


@pytest.fixture
def proposed(session: Session, now: datetime, campaign: Campaign) -> Exclusion:
    return exclusions.propose(session, campaign, "C1", reason="in court with us", by=FIRST, at=now)


@pytest.fixture
def decide(session: Session, now: datetime, campaign: Campaign) -> Decide:
    def decide(exclusion: Exclusion, by: str, *, accept: bool = True) -> Exclusion:
        return exclusions.decide(session, campaign, exclusion.id, accept=accept, on=TODAY, by=by, at=now)

    return decide


def test_a_proposal_alone_changes_nothing(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion
) -> None:
    assert proposed.decision == "open"
    assert invitations.invite(session, campaign, by=BY, at=now).invited == 2


def test_a_second_person_agrees_and_the_journal_keeps_both(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion, decide: Decide
) -> None:
    decide(proposed, SECOND)
    assert (proposed.decision, proposed.decided_by, proposed.decided_at) == ("accepted", SECOND, now)
    assert invitations.invite(session, campaign, by=BY, at=now).invited == 1
    kept = session.execute(select(JournalEntry.action, JournalEntry.by).where(JournalEntry.action.like("exclusion%")))
    assert kept.all() == [("exclusion proposed", FIRST), ("exclusion accepted", SECOND)]
    assert journal.verify(session).broken == ()


def test_what_is_refused_stays_in(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion, decide: Decide
) -> None:
    decide(proposed, SECOND, accept=False)
    assert invitations.invite(session, campaign, by=BY, at=now).invited == 2
    with pytest.raises(exclusions.ProposedAlready):
        exclusions.propose(session, campaign, "C1", reason="again", by=FIRST, at=now)
    with pytest.raises(exclusions.DecidedAlready, match=SECOND):
        decide(proposed, SECOND)


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (FIRST, "whoever proposes"),
        (FIRST.upper(), "whoever proposes"),
        ("boss@harbour.example", "you manage a rep"),
        ("li@harbour.example", "concerns yourself"),
        ("m@harbour.example", "administrator or a reviewer"),
        ("nobody@harbour.example", "administrator or a reviewer"),
        (BY, "administrator or a reviewer"),
    ],
)
def test_only_a_second_person_decides(proposed: Exclusion, decide: Decide, by: str, why: str) -> None:
    with pytest.raises(users.NotASecondPerson, match=why):
        decide(proposed, by)
    assert proposed.decision == "open"


def test_a_reason_and_a_known_customer_are_needed(session: Session, now: datetime, campaign: Campaign) -> None:
    for reason in ("", " \n ", "x" * 1001):
        with pytest.raises(exclusions.ReasonMissing):
            exclusions.propose(session, campaign, "C1", reason=reason, by=FIRST, at=now)
    for code in ("C9", "C\x001"):
        with pytest.raises(exclusions.UnknownCustomer):
            exclusions.propose(session, campaign, code, reason="gone", by=FIRST, at=now)


def test_once_a_score_could_be_seen_nobody_is_left_out(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion, decide: Decide
) -> None:
    session.add(
        Run(
            period_id=campaign.period_id, spec="", spec_hash="0" * 64, fingerprint="0" * 64, snapshot=b"", record={},
            created_at=now, by=BY,
        )
    )  # fmt: skip
    with pytest.raises(exclusions.TooLate, match="2026-H1 has been scored"):
        exclusions.propose(session, campaign, "C2", reason="late", by=FIRST, at=now)
    with pytest.raises(exclusions.TooLate):
        decide(proposed, SECOND)
    assert decide(proposed, SECOND, accept=False).decision == "refused"


def test_whoever_was_invited_is_left_in_peace_unless_they_answered(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion, decide: Decide
) -> None:
    invitations.invite(session, campaign, by=BY, at=now)
    answered = exclusions.propose(session, campaign, "C2", reason="unhappy", by=FIRST, at=now)
    invited = {row.customer.code: row for row in session.scalars(select(Invitation))}
    session.add(Response(subject_id=invited["C2"].subjects[0].id, first_answered_at=now, version_no=1))
    session.flush()
    with pytest.raises(exclusions.TooLate, match="C2 has answered"):
        decide(answered, SECOND)
    decide(proposed, SECOND)
    assert invited["C1"].revoked_at == now
    assert invited["C2"].revoked_at is None
    waiting = select(OutboxMessage.invitation_id).where(OutboxMessage.state == "queued")
    session.expire_all()
    assert session.scalars(waiting).all() == [invited["C2"].id]


def test_the_undecided_are_listed_first(
    session: Session, now: datetime, campaign: Campaign, proposed: Exclusion, decide: Decide
) -> None:
    exclusions.propose(session, campaign, "C2", reason="moved", by=FIRST, at=now)
    decide(proposed, SECOND)
    assert [one.customer.code for one in exclusions.listed(session, campaign)] == ["C2", "C1"]


def test_a_proposal_of_another_campaign_is_not_found(session: Session, now: datetime, proposed: Exclusion) -> None:
    other = plan(session, "S2", at=now)
    with pytest.raises(exclusions.UnknownExclusion):
        exclusions.decide(session, other, proposed.id, accept=True, on=TODAY, by=SECOND, at=now)
