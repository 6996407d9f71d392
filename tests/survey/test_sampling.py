"""Whom a campaign asks: the frame, the planner, the draw and its repetition."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.models.asking import Campaign, Exclusion, FrameEntry, Invitation, Subject
from survey.models.company import Company, Period
from survey.models.roster import Assignment, Contact, Customer, Objection, Rep, Territory
from survey.models.scoring import Run
from survey.roster import checks, hearing, periods
from survey.sampling import draw, planning
from survey.sampling.draw import Listed, choose
from survey.sampling.frame import frame, services
from tests.asking import BY, found, plan
from tests.keeping import Keeper

LISTED = [
    Listed(
        customer_id=number, customer=f"C{number:03}", rep_id=number % 3,
        stratum="large" if number % 4 == 0 else "small",
    )
    for number in range(300)
]  # fmt: skip


# -- the draw itself --------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_people_in_whatever_order_they_are_listed() -> None:
    drawn = choose(LISTED, seed="a", wanted=20)
    assert choose(reversed(LISTED), seed="a", wanted=20) == drawn
    assert choose(LISTED, seed="b", wanted=20) != drawn


def test_each_rep_gets_as_many_as_wanted_spread_by_the_size_of_the_strata() -> None:
    drawn = choose(LISTED, seed="a", wanted=20)
    strata = {line.customer_id: line.stratum for line in LISTED}
    assert Counter(rep for _, rep in drawn) == {0: 20, 1: 20, 2: 20}
    assert Counter((rep, strata[customer]) for customer, rep in drawn) == {
        (rep, stratum): count for rep in range(3) for stratum, count in (("large", 5), ("small", 15))
    }


def test_whoever_has_fewer_customers_than_wanted_is_asked_about_by_all() -> None:
    assert len(choose(LISTED, seed="a", wanted=101)) == 300


def test_everybody_of_a_stratum_is_as_likely_as_another() -> None:
    """400 draws of 20 of 100: each customer is drawn 80 times give or take; five deviations of chance are 39."""
    times = Counter(
        customer for seed in range(400) for customer, rep in choose(LISTED, seed=str(seed), wanted=20) if rep == 1
    )
    assert set(times) == {line.customer_id for line in LISTED if line.rep_id == 1}
    assert all(abs(count - 80) < 39 for count in times.values())


def test_a_customer_of_two_reps_has_one_number() -> None:
    """Both reps have the same 50 customers, so the same 10 are asked about both of them."""
    both = [
        Listed(customer_id=number, customer=f"C{number}", rep_id=rep, stratum="all")
        for number in range(50)
        for rep in (1, 2)
    ]
    drawn = choose(both, seed="a", wanted=10)
    assert len({customer for customer, _ in drawn}) == 10
    assert len(drawn) == 20


# -- who can be asked -------------------------------------------------------------------------------------------


def _by_code(session: Session, ids: object) -> set[str]:
    return set(session.scalars(select(Customer.code).where(Customer.id.in_(ids))))


def test_everybody_served_and_reachable_is_in_the_frame(session: Session, now: datetime) -> None:
    found(session)
    whole = frame(session, plan(session, at=now), at=now)
    assert _by_code(session, whole.contacts) == {"C1", "C2"}
    assert _by_code(session, whole.unreachable) == {"C3"}
    assert not whole.excluded
    assert not whole.rested


def test_a_hand_over_is_split_by_days_served(session: Session, now: datetime) -> None:
    """2026-H1 has 181 days. Zeta went from R1 in WEST (59 days) to R1 in EAST with R2 in WEST (122 days)."""
    found(session)
    campaign = plan(session, at=now)
    invitations.invite(session, campaign, by=BY, at=now)
    shares = session.execute(
        select(Customer.code, Rep.code, Territory.code, Subject.served_share)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Customer, Customer.id == Invitation.customer_id)
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .order_by(Customer.code, Rep.code)
    ).all()
    assert [row[:3] for row in shares] == [("C1", "R1", "EAST"), ("C2", "R1", "EAST"), ("C2", "R2", "WEST")]
    assert [row[3] for row in shares] == pytest.approx([1.0, 1.0, 122 / 181])


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2028, 2, 29), date(2028, 2, 29), 1),  # a leap day alone
        (date(2027, 1, 1), date(2028, 2, 29), 60),
        (date(2028, 2, 28), None, 33),
        (date(2028, 3, 31), date(2030, 1, 1), 1),
    ],
)
def test_days_served_are_counted_with_both_ends(session: Session, first: date, last: date | None, days: int) -> None:
    """The first quarter of a leap year has 91 days."""
    period = Period(code="2028-Q1", from_on=date(2028, 1, 1), to_on=date(2028, 3, 31))
    rows = [period, Rep(code="R1", name="R1"), Territory(code="T1", name="T1"), Customer(code="C1", name="C1")]
    session.add_all(rows)
    session.flush()
    _, rep, territory, customer = rows
    session.add(
        Assignment(customer_id=customer.id, rep_id=rep.id, territory_id=territory.id, served_from=first, served_to=last)
    )
    session.flush()
    [[service]] = services(session, period).values()
    assert service.share == pytest.approx(days / 91)


def test_nobody_is_asked_again_within_the_days_of_rest(session: Session, now: datetime) -> None:
    found(session)
    invitations.invite(session, plan(session, "S1", at=now), by=BY, at=now)
    second = plan(session, "S2", at=now, days=60)
    soon = now + timedelta(days=30) - timedelta(microseconds=1)
    assert _by_code(session, frame(session, second, at=soon).rested) == {"C1", "C2"}
    done = invitations.invite(session, second, by=BY, at=soon)
    assert (done.invited, done.rested) == (0, 2)
    assert _by_code(session, frame(session, second, at=now + timedelta(days=30)).contacts) == {"C1", "C2"}


def test_the_rest_counts_from_the_invitation_not_from_a_reminder(session: Session, now: datetime) -> None:
    found(session)
    first = plan(session, "S1", at=now, days=60)
    invitations.invite(session, first, by=BY, at=now)
    invitations.invite(session, first, by=BY, at=now + timedelta(days=9))  # asks nobody anew
    second = plan(session, "S2", at=now + timedelta(days=30))
    assert invitations.invite(session, second, by=BY, at=now + timedelta(days=30)).invited == 2


def test_a_campaign_may_rest_shorter_or_not_at_all(session: Session, now: datetime) -> None:
    found(session)
    invitations.invite(session, plan(session, "S1", at=now), by=BY, at=now)
    second = plan(session, "S2", at=now)
    second.rest_days = 0
    assert invitations.invite(session, second, by=BY, at=now).invited == 2


def test_an_agreed_exclusion_leaves_a_customer_out_and_an_open_one_does_not(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    codes = dict(session.execute(select(Customer.code, Customer.id)).all())
    for code, decision in (("C1", "accepted"), ("C2", "open")):
        session.add(
            Exclusion(
                campaign_id=campaign.id, customer_id=codes[code], reason="insolvent", proposed_at=now,
                proposed_by=BY, decision=decision,
            )
        )  # fmt: skip
    done = invitations.invite(session, campaign, by=BY, at=now)
    assert (done.invited, done.excluded) == (1, 1)
    assert _by_code(session, select(Invitation.customer_id)) == {"C2"}


# -- the plan ---------------------------------------------------------------------------------------------------


@pytest.fixture
def many(session: Session, now: datetime, keep: Keeper) -> Campaign:
    keep(session, "many", lambda: _store_many(session, now))
    return session.scalars(select(Campaign)).one()


def _store_many(session: Session, now: datetime) -> None:
    """R1 with 300 customers in two segments, R2 with 100, R3 with 60, R4 with 12; 20 of R1's are R2's too."""
    session.add(Company(name="Many", name_zh="众", time_zone="Asia/Shanghai", privacy_contact="p@many.example"))
    session.add(Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)))
    territory = Territory(code="EAST", name="East")
    reps = [Rep(code=f"R{number}", name=f"Rep {number}") for number in (1, 2, 3, 4)]
    session.add_all([territory, *reps])
    session.flush()
    number = 0
    for rep, count in zip(reps, (300, 100, 60, 12), strict=True):
        for place in range(count):
            number += 1
            customer = Customer(code=f"C{number:04}", name=f"C{number:04}", segment="key" if place % 5 == 0 else "std")
            session.add(customer)
            session.flush()
            session.add(Contact(customer_id=customer.id, name="P", email=f"p@c{number}.example", language="en"))
            also = [reps[1]] if rep is reps[0] and place < 20 else []
            session.add_all(
                Assignment(
                    customer_id=customer.id, rep_id=one.id, territory_id=territory.id, served_from=date(2025, 1, 1)
                )
                for one in (rep, *also)
            )
    session.flush()
    plan(session, "S1", at=now)


def test_the_plan_says_what_each_rep_needs_and_what_cannot_be_reached(
    session: Session, now: datetime, many: Campaign
) -> None:
    """ICC .05 and reliability .7 take 45 answers; at half answering that is 90 invitations."""
    seen = draw.preview(session, many, reliability=0.7, response_rate=0.5, at=now)
    plans = {rep.code: rep.plan for rep in seen.reps}
    assert [(code, made.customers, made.needed, made.invitations, made.reach) for code, made in plans.items()] == [
        ("R1", 300, 45, 90, "one period"),
        ("R2", 120, 45, 90, "one period"),
        ("R3", 60, 45, 90, "two periods"),
        ("R4", 12, 45, 90, "never"),
    ]  # fmt: skip
    assert [rep.asked for rep in seen.reps] == [300, 120, 60, 12], "without a sample everybody is asked"
    assert [rep.evidence for rep in seen.reps] == ["full", "full", "provisional", "thin"]


def test_until_something_is_known_the_planner_supposes(session: Session, many: Campaign) -> None:
    on = planning.grounds(session)
    assert (on.icc, on.run, on.response_rate, on.campaign) == (0.05, None, 0.30, None)


def test_the_planner_reads_the_last_run_and_the_last_closed_campaign(session: Session, run: Run) -> None:
    on = planning.grounds(session)
    stored = run.record["items"]["satisfaction"]
    between, within = stored["sigma2_rep"]["estimate"], stored["customer_variance"]
    assert on.run == run.id
    assert on.icc == pytest.approx(between / (between + within))
    asked = session.scalars(select(Invitation)).all()
    answered = [one for one in asked if one.disposition == "completed"]
    assert on.campaign == "2026-H1"
    assert on.response_rate == pytest.approx(len(answered) / len(asked))


@pytest.mark.parametrize(("what", "value"), [("reliability", 1.0), ("reliability", 80), ("response_rate", 30)])
def test_impossible_wishes_are_refused(
    session: Session, now: datetime, many: Campaign, what: str, value: float
) -> None:
    with pytest.raises(planning.NoShare, match=str(value)):
        draw.preview(session, many, at=now, **{what: value})


# -- a campaign that asks a sample ------------------------------------------------------------------------------


def _asked_about(session: Session) -> dict[str, int]:
    return Counter(session.scalars(select(Rep.code).join(Subject, Subject.rep_id == Rep.id)))


def test_a_sample_asks_as_many_as_the_plan_says(session: Session, now: datetime, many: Campaign) -> None:
    """ICC .05, reliability .5: 19 answers, at 30 % answering 64 invitations a rep."""
    draw.plan_draw(session, many, reliability=0.5, by=BY, at=now)
    seen = draw.preview(session, many, at=now)
    done = invitations.invite(session, many, by=BY, at=now)
    assert _asked_about(session) == {"R1": 64, "R2": 64, "R3": 60, "R4": 12}
    assert {rep.code: rep.asked for rep in seen.reps} == _asked_about(session), "the preview showed what was sent"
    assert done.invited == len(seen.asked) == seen.people
    assert done.invited + done.not_drawn == 472


def test_the_draw_replays_to_the_same_people(session: Session, now: datetime, many: Campaign) -> None:
    sample = draw.plan_draw(session, many, reliability=0.5, by=BY, at=now)
    invitations.invite(session, many, by=BY, at=now)
    drawn = draw.drawn(session, many)
    assert drawn
    assert draw.replayed(session, many) == drawn
    for contact in session.scalars(select(Contact).limit(100)):
        contact.email = None  # the roster goes on changing; the list drawn from does not
    session.flush()
    assert draw.replayed(session, many) == drawn
    sample.seed = "another"
    assert draw.replayed(session, many) != drawn


def test_a_swapped_person_shows_when_the_draw_is_repeated(session: Session, now: datetime, many: Campaign) -> None:
    draw.plan_draw(session, many, reliability=0.5, by=BY, at=now)
    invitations.invite(session, many, by=BY, at=now)
    assert draw.preview(session, many, at=now).repeats is True
    out = session.scalars(select(FrameEntry).where(FrameEntry.drawn.is_(True)).limit(1)).one()
    entry = session.scalars(
        select(FrameEntry).where(FrameEntry.drawn.is_(False), FrameEntry.rep_id == out.rep_id).limit(1)
    ).one()
    out.drawn, entry.drawn = False, True
    session.flush()
    assert draw.replayed(session, many) != draw.drawn(session, many)
    assert draw.preview(session, many, at=now).repeats is False, "the plan says so to whoever runs the campaign"


def test_inviting_again_draws_nobody_new(session: Session, now: datetime, many: Campaign) -> None:
    draw.plan_draw(session, many, reliability=0.5, by=BY, at=now)
    first = invitations.invite(session, many, by=BY, at=now)
    again = invitations.invite(session, many, by=BY, at=now + timedelta(days=1))
    assert (again.invited, again.invited_before) == (0, first.invited)


def test_the_same_seed_and_roster_make_the_same_campaign(session: Session, now: datetime, many: Campaign) -> None:
    draw.plan_draw(session, many, reliability=0.5, seed="fixed", by=BY, at=now)
    invitations.invite(session, many, by=BY, at=now)
    first = _by_code(session, select(Invitation.customer_id).where(Invitation.campaign_id == many.id))
    other = campaigns.create(
        session, "S2", period="2026-H1", questionnaire="core", opens_on=date(2026, 7, 1), closes_on=date(2026, 12, 1),
        by=BY, at=now,
    )  # fmt: skip
    other.rest_days = 0
    campaigns.open_up(session, other, by=BY, at=now)
    draw.plan_draw(session, other, reliability=0.5, seed="fixed", by=BY, at=now)
    invitations.invite(session, other, by=BY, at=now)
    assert _by_code(session, select(Invitation.customer_id).where(Invitation.campaign_id == other.id)) == first


# -- the reps look first ----------------------------------------------------------------------------------------

ASKED_ON = date(2026, 7, 6)
LAST_DAY = date(2026, 7, 13)
STILL_CHECKING = "checking their assignments of 2026-H1 until 2026-07-13"


def _draft(session: Session, at: datetime) -> Campaign:
    found(session)
    return campaigns.create(
        session, "S1", period="2026-H1", questionnaire="core", opens_on=ASKED_ON, closes_on=date(2026, 12, 1),
        by=BY, at=at,
    )  # fmt: skip


def test_a_campaign_opens_once_the_reps_have_looked_and_every_objection_is_decided(
    session: Session, now: datetime
) -> None:
    campaign = _draft(session, now)
    check = checks.ask(session, "2026-H1", on=ASKED_ON, by=BY, at=now)
    assert check.until_on == LAST_DAY
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    objection = Objection(check_id=check.id, rep_id=rep.id, reason="C9 is missing", raised_at=now, raised_by="r1")
    session.add(objection)
    session.flush()
    midnight = datetime(2026, 7, 13, 16, tzinfo=now.tzinfo)  # the end of the last day in Shanghai
    for at in (now, midnight - timedelta(seconds=1), midnight):
        with pytest.raises(hearing.CheckUnderWay, match=STILL_CHECKING):
            campaigns.open_up(session, campaign, by=BY, at=at)
    assert campaign.state == "draft"
    objection.verdict = "rejected"
    session.flush()
    with pytest.raises(hearing.CheckUnderWay):
        campaigns.open_up(session, campaign, by=BY, at=midnight - timedelta(seconds=1))
    campaigns.open_up(session, campaign, by=BY, at=midnight)
    assert invitations.invite(session, campaign, by=BY, at=midnight).invited == 2


@pytest.mark.parametrize("sampled", [False, True])
def test_nobody_is_drawn_while_a_check_asked_for_later_is_under_way(
    session: Session, now: datetime, sampled: bool
) -> None:
    campaign = _draft(session, now)
    if sampled:
        draw.plan_draw(session, campaign, reliability=0.5, by=BY, at=now)
    campaigns.open_up(session, campaign, by=BY, at=now)
    checks.ask(session, "2026-H1", on=ASKED_ON, by=BY, at=now)
    with pytest.raises(hearing.CheckUnderWay, match=STILL_CHECKING):
        invitations.invite(session, campaign, by=BY, at=now)
    assert not session.scalars(select(Invitation)).all()
    assert not session.scalars(select(FrameEntry)).all()
    assert invitations.invite(session, campaign, by=BY, at=now + timedelta(days=8)).invited == 2


def test_a_check_of_another_period_holds_nothing_up(session: Session, now: datetime) -> None:
    campaign = _draft(session, now)
    periods.add(session, "2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31), by=BY, at=now)
    checks.ask(session, "2026-H2", on=ASKED_ON, by=BY, at=now)
    campaigns.open_up(session, campaign, by=BY, at=now)
    assert invitations.invite(session, campaign, by=BY, at=now).invited == 2
