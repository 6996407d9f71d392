"""How a campaign goes: AAPOR rates, the funnel, and what a manager may watch."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import invitations
from survey.campaigns.progress import progress
from survey.campaigns.rates import DISPOSITIONS, Rates, funnel
from survey.campaigns.watching import WatchedRep, at_least, watch
from survey.models.answering import Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Customer, Rep
from survey.models.sending import OutboxMessage
from tests.asking import BY, found, plan

PEOPLE = {
    "queued": 5, "sent": 20, "bounced": 10, "opened": 5, "partial": 6, "completed": 40, "opted out": 4,
    "wrong person": 10, "expired": 10,
}  # fmt: skip


def test_the_rates_are_those_of_the_standard_definitions() -> None:
    rates = Rates(people=PEOPLE)
    assert (rates.invited, rates.eligible, rates.answered) == (110, 100, 46)
    assert (rates.rr1, rates.rr2, rates.con, rates.ref) == (0.40, 0.46, 0.55, 0.04)


def test_nobody_eligible_has_no_rate() -> None:
    for people in ({}, {"wrong person": 3}):
        rates = Rates(people=people)
        assert (rates.rr1, rates.rr2, rates.con, rates.ref) == (None,) * 4


def test_a_disposition_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="vanished"):
        Rates(people={"vanished": 1})


def test_every_disposition_an_invitation_can_have_is_known() -> None:
    assert tuple(Invitation.disposition.type.enums) == DISPOSITIONS


# -- the funnel -------------------------------------------------------------------------------------------------


def _rep(code: str, answered: int, eligible: int) -> tuple[str, str, int, int]:
    return code, code, eligible, answered


def test_the_funnel_names_what_chance_does_not_explain() -> None:
    """190 of 500 answered, p̄ = .38. R5: (.20 − .38)/√(.38·.62/100) = −3.71; R4: (.48 − .38)/… = 2.06."""
    shown = funnel([_rep("R1", 42, 100), _rep("R2", 40, 100), _rep("R3", 40, 100), _rep("R4", 48, 100),
                    _rep("R5", 20, 100)])  # fmt: skip
    assert shown is not None
    assert shown.average == pytest.approx(0.38)
    assert {point.code: point.standing for point in shown.points} == {
        "R1": "usual", "R2": "usual", "R3": "usual", "R4": "unusual", "R5": "abnormal",
    }  # fmt: skip
    assert [point.code for point in shown.outside] == ["R5"]
    low, high = shown.limits(100, 0.95)
    assert (low, high) == pytest.approx((0.38 - 1.959964 * 0.0485386, 0.38 + 1.959964 * 0.0485386), abs=1e-6)


def test_few_customers_are_never_abnormal_by_chance_alone() -> None:
    shown = funnel([_rep("R1", 40, 100), _rep("R2", 3, 3)])
    assert shown is not None
    assert shown.outside == ()
    assert shown.limits(1, 0.998) == (0.0, 1.0)


def test_over_dispersion_is_told() -> None:
    alike = funnel([_rep(f"R{number}", 40, 100) for number in range(9)] + [_rep("R9", 41, 100)])
    apart = funnel([_rep(f"R{number}", 20 + 40 * (number % 2), 100) for number in range(10)])
    assert alike is not None
    assert apart is not None
    assert alike.dispersion < 0.05
    assert apart.dispersion > 10


@pytest.mark.parametrize(
    "reps", [[], [_rep("R1", 4, 10)], [_rep("R1", 0, 10), _rep("R2", 0, 10)], [_rep("R1", 9, 9), _rep("R2", 0, 0)]]
)
def test_without_two_reps_and_some_answers_there_is_no_funnel(reps: list[tuple[str, str, int, int]]) -> None:
    assert funnel(reps) is None


# -- a campaign's progress --------------------------------------------------------------------------------------


@pytest.fixture
def asked(session: Session, now: datetime) -> Campaign:
    """王芳 (C1, about R1) answered; Bob (C2, about R1 and R2) waits."""
    found(session)
    campaign = plan(session, at=now)
    invitations.invite(session, campaign, by=BY, at=now)
    answered, _ = session.scalars(select(Invitation).order_by(Invitation.id))
    answered.disposition = "completed"
    session.add(Response(subject_id=answered.subjects[0].id, first_answered_at=now, version_no=1))
    session.flush()
    return campaign


def test_progress_is_counted_in_all_by_rep_and_by_territory(session: Session, asked: Campaign) -> None:
    seen = progress(session, asked)
    assert seen.rates.people == {"completed": 1, "queued": 1}
    assert (seen.customers, seen.customers_answered, seen.subjects, seen.responses) == (2, 1, 3, 1)
    assert {part.code: (dict(part.rates.people), part.customers, part.customers_answered) for part in seen.reps} == {
        "R1": ({"completed": 1, "queued": 1}, 2, 1),
        "R2": ({"queued": 1}, 1, 0),
    }
    assert {part.code: part.rates.rr1 for part in seen.territories} == {"EAST": 0.5, "WEST": 0.0}
    assert seen.territory_standings == {"EAST": "usual", "WEST": "usual"}
    assert seen.messages == {"queued": 2}
    assert seen.record()["RR1"] == 0.5


def test_an_invitation_taken_back_counts_nowhere(session: Session, now: datetime, asked: Campaign) -> None:
    _, waiting = session.scalars(select(Invitation).order_by(Invitation.id))
    invitations.revoke(session, waiting, reason="excluded", by=BY, at=now)
    seen = progress(session, asked)
    assert (seen.rates.people, seen.customers, seen.subjects) == ({"completed": 1}, 1, 1)
    assert [part.code for part in seen.reps] == ["R1"]


def test_the_queue_tells_since_when_mail_waits_and_what_went_wrong(
    session: Session, now: datetime, asked: Campaign
) -> None:
    first, last = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
    first.state = "sent"
    last.last_error = "451 try later"
    session.flush()
    seen = progress(session, asked)
    assert (seen.messages, seen.waiting_since, seen.trouble) == ({"sent": 1, "queued": 1}, now, "451 try later")


# -- what a manager may watch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customers", "answered", "told"),
    [(9, 9, None), (10, 4, None), (10, 5, 5), (10, 10, 5), (14, 9, 5), (14, 13, 5), (15, 10, 10), (40, 0, None),
     (40, 39, 35), (40, 27, 25)],
)  # fmt: skip
def test_answers_are_told_in_batches(customers: int, answered: int, told: int | None) -> None:
    assert at_least(customers, answered, batch=5) == told


def test_no_told_number_gives_a_single_answer_away() -> None:
    """Whatever is told, at least five different counts could lie behind it, or none answered stays possible."""
    for customers in range(1, 60):
        behind: dict[int | None, set[int]] = {}
        for answered in range(customers + 1):
            behind.setdefault(at_least(customers, answered, batch=5), set()).add(answered)
        for told, possible in behind.items():
            assert len(possible) >= min(5, customers + 1), (customers, told)


def test_a_watched_rep_refuses_to_hold_more_than_may_be_told() -> None:
    for told in (3, 7, 10, 20):
        with pytest.raises(ValueError, match="whole batches"):
            WatchedRep(code="R1", name="R1", customers=12, at_least=told, batch=5)


@pytest.fixture
def busy(session: Session, now: datetime) -> Campaign:
    """R1 with 40 customers asked, 12 of whom answered before today and 5 today."""
    found(session)
    campaign = plan(session, at=now)
    invitations.invite(session, campaign, by=BY, at=now)
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    territory_id = session.scalars(select(Subject.territory_id)).first()
    for number in range(38):
        customer = Customer(code=f"X{number:02}", name=f"X{number:02}")
        session.add(customer)
        session.flush()
        invitation = Invitation(
            campaign_id=campaign.id, customer_id=customer.id, mode="web", disposition="sent", created_at=now
        )
        session.add(invitation)
        session.flush()
        subject = Subject(invitation_id=invitation.id, rep_id=rep.id, territory_id=territory_id, adjusters={})
        session.add(subject)
        session.flush()
        if number < 17:
            answered_at = now + timedelta(days=1 if number < 12 else 2)
            session.add(Response(subject_id=subject.id, first_answered_at=answered_at, version_no=1))
    session.flush()
    return campaign


def _watched(
    session: Session, campaign: Campaign, at: datetime, codes: tuple[str, ...] = ("R1",)
) -> tuple[WatchedRep, ...]:
    return watch(session, campaign, select(Rep.id).where(Rep.code.in_(codes)), at=at).reps


def test_a_manager_sees_own_reps_only(session: Session, now: datetime, busy: Campaign) -> None:
    later = now + timedelta(days=3)
    assert [rep.code for rep in _watched(session, busy, later)] == ["R1"]
    assert [rep.code for rep in _watched(session, busy, later, ("R1", "R2"))] == ["R1", "R2"], "Lǐ, Maria"
    assert _watched(session, busy, later, ()) == ()


def test_a_territory_tells_no_more_than_its_reps_lines_added_up(
    session: Session, now: datetime, busy: Campaign
) -> None:
    """However many more answer, a territory's line changes only when a rep's does; a rep of two territories is in
    neither's."""
    later = now + timedelta(days=3)
    east, west = watch(session, busy, select(Rep.id), at=later).territories
    assert [(one.name, one.customers, one.at_least) for one in (east, west)] == [("EAST", 40, 15), ("WEST", 1, None)]
    assert east.rate == pytest.approx(15 / 40)
    seen = set()
    for subject in session.scalars(select(Subject).order_by(Subject.id)):
        if session.scalar(select(Response.id).where(Response.subject_id == subject.id)) is None:
            session.add(Response(subject_id=subject.id, first_answered_at=now, version_no=1))
            session.flush()
            told = watch(session, busy, select(Rep.id), at=later)
            seen.add((tuple(rep.at_least for rep in told.reps), tuple(one.at_least for one in told.territories)))
    assert len(seen) == len({reps for reps, _ in seen}) == 5
    subject.territory_id = session.scalars(select(Subject.territory_id).where(Subject.rep_id != subject.rep_id)).first()
    session.flush()
    assert "" in {one.name for one in watch(session, busy, select(Rep.id), at=later).territories}


def test_what_a_manager_sees_stands_still_until_midnight(session: Session, now: datetime, busy: Campaign) -> None:
    """The answers came on 7 and 8 July at 10:00 in Shanghai, where midnight is 16:00 UTC."""
    midnight = datetime(2026, 7, 8, 16, tzinfo=UTC)
    times = (
        now,
        now + timedelta(days=1, hours=8),
        midnight - timedelta(seconds=1),
        midnight,
        midnight + timedelta(hours=23),
    )
    told = [_watched(session, busy, at)[0].at_least for at in times]
    assert told == [None, None, 10, 15, 15]
    assert _watched(session, busy, midnight)[0].rate == pytest.approx(15 / 40)


@pytest.mark.parametrize(
    ("zone", "at", "midnight"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 26, 12, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2028, 2, 29, 5, tzinfo=UTC)),
        ("America/New_York", datetime(2028, 3, 1, 3, tzinfo=UTC), datetime(2028, 2, 29, 5, tzinfo=UTC)),
    ],
)
def test_midnight_is_the_companys_over_daylight_saving_and_leap_day(
    session: Session, now: datetime, zone: str, at: datetime, midnight: datetime
) -> None:
    found(session, zone=zone)
    campaign = plan(session, at=now)
    assert watch(session, campaign, select(Rep.id), at=at).until == midnight


def test_a_linear_look_at_what_is_told_finds_nobody(session: Session, now: datetime, busy: Campaign) -> None:
    """Any two numbers ever told to managers about one rep differ by whole batches, so a difference is nobody's."""
    told = [_watched(session, busy, now + timedelta(hours=hours))[0].at_least or 0 for hours in range(0, 96, 7)]
    assert all((later - earlier) % 5 == 0 for earlier, later in itertools.pairwise(told))
