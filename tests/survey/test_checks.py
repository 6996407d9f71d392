"""Hand-overs move customers from a day on; reps check what is held for them, and another person decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.context import now
from survey.intake import undoing
from survey.journal import verify
from survey.models.company import JournalEntry
from survey.models.roster import Assignment, Objection, Rep, ReportingLine
from survey.roster import checks, handovers, hearing, people, periods
from survey.roster.checks import working_days_after
from survey.users import AccountLetter

Bring = Callable[..., dict[str, Any]]
ASKED = date(2026, 7, 3)  # a Friday
BY = "admin@h.example"


@pytest.fixture
def roster(session: Session, bring: Bring) -> None:
    bring("territories", "code,name\nT1,华北\n")
    bring(
        "reps",
        "code,name,email,manager_email\nR1,王建国,r1@h.example,boss@h.example\nR2,张晨曦,r2@h.example,boss@h.example\n",
    )
    bring("customers", "code,name\nC1,甲公司\nC2,乙公司\nC3,丙公司\n")
    bring(
        "assignments",
        "customer,rep,territory,served_from,served_to\nC1,R1,T1,2025-01-01,\nC2,R1,T1,2025-01-01,2026-12-31\n"
        "C3,R1,T1,2026-08-01,\nC3,R2,T1,2024-01-01,2025-06-30\n",
    )
    periods.add(session, "2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30), by=BY, at=now())
    for email, role in ((BY, "administrator"), ("boss@h.example", "reviewer"), ("r1@h.example", "reviewer")):
        users.create(session, email=email, name=email, role=role, password_hash=None, by=BY, at=now())
    session.commit()


def _held(session: Session) -> set[tuple[str, str, date, date | None]]:
    return {
        (one.customer.code, one.rep.code, one.served_from, one.served_to) for one in session.scalars(select(Assignment))
    }


def test_a_hand_over_ends_one_assignment_and_begins_another(session: Session, roster: None) -> None:
    before = _held(session)
    on = date(2026, 7, 1)
    done = handovers.hand_over(session, "R1", to="R2", on=on, by=BY, at=now())
    session.commit()
    assert done.customers == 3
    assert _held(session) == {
        ("C1", "R1", date(2025, 1, 1), date(2026, 6, 30)),
        ("C1", "R2", on, None),
        ("C2", "R1", date(2025, 1, 1), date(2026, 6, 30)),
        ("C2", "R2", on, date(2026, 12, 31)),
        ("C3", "R2", date(2026, 8, 1), None),
        ("C3", "R2", date(2024, 1, 1), date(2025, 6, 30)),
    }
    undoing.undo(session, done.number, by=BY, at=now())
    session.commit()
    assert _held(session) == before


def test_who_serves_a_customer_from_the_same_day_on_takes_nothing_over(session: Session, roster: None) -> None:
    (ours,) = [one for one in session.scalars(select(Assignment)) if one.customer.code == "C1"]
    both = Assignment(
        customer_id=ours.customer_id, rep_id=session.scalars(select(Rep.id).where(Rep.code == "R2")).one(),
        territory_id=ours.territory_id, served_from=ours.served_from,
    )  # fmt: skip
    session.add(both)
    session.commit()
    chosen = [ours.customer_id]
    with pytest.raises(handovers.HandOverRefused, match="from the same day on already"):
        handovers.hand_over(session, "R1", to="R2", on=ours.served_from, customers=chosen, by=BY, at=now())


def test_only_the_chosen_customers_go(session: Session, roster: None) -> None:
    chosen = [one.customer_id for one in session.scalars(select(Assignment)) if one.customer.code == "C1"]
    done = handovers.hand_over(session, "R1", to="R2", on=date(2026, 7, 1), customers=chosen, by=BY, at=now())
    assert done.customers == 1
    assert ("C2", "R1", date(2025, 1, 1), date(2026, 12, 31)) in _held(session)


def test_the_import_a_hand_over_rests_on_cannot_be_undone_before_it(session: Session, roster: None) -> None:
    handovers.hand_over(session, "R1", to="R2", on=date(2026, 7, 1), by=BY, at=now())
    session.commit()
    with pytest.raises(undoing.CannotUndo):
        undoing.undo(session, 4, by=BY, at=now())


@pytest.mark.parametrize(("to", "says"), [("R1", "another rep"), ("R2", "has left")])
def test_hand_overs_to_nobody_are_refused(session: Session, roster: None, to: str, says: str) -> None:
    handovers.leave(session, "R2", on=date(2026, 6, 1), by=BY, at=now())
    with pytest.raises(handovers.HandOverRefused, match=says):
        handovers.hand_over(session, "R1", to=to, on=date(2026, 7, 1), by=BY, at=now())
    with pytest.raises(handovers.HandOverRefused, match="none of these"):
        handovers.hand_over(session, "R2", to="R1", on=date(2026, 7, 1), by=BY, at=now())


def test_who_left_with_customers_still_theirs_is_shown(session: Session, roster: None) -> None:
    day = date(2026, 7, 1)
    assert not people.overview(session, on=day).leavers
    handovers.leave(session, "R1", on=date(2026, 6, 15), by=BY, at=now())
    (leaver,) = people.overview(session, on=day).leavers
    assert (leaver.rep.code, leaver.customers) == ("R1", 3)
    handovers.hand_over(session, "R1", to="R2", on=day, by=BY, at=now())
    assert not people.overview(session, on=day).leavers


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 7, 3), date(2026, 7, 10)),
        (date(2026, 7, 4), date(2026, 7, 10)),
        (date(2026, 7, 6), date(2026, 7, 13)),
        (date(2024, 2, 28), date(2024, 3, 6)),
    ],
)
def test_five_working_days(day: date, end: date) -> None:
    assert working_days_after(day, 5) == end


def _object(session: Session, *, on: date = ASKED, customer: str = "C1", by: str = "r1@h.example") -> Objection:
    (mine,) = checks.held(session, "r1@h.example", on=on)
    assignment = next(one.id for one in mine.assignments if one.customer.code == customer)
    return checks.object_to(
        session, mine.check.id, assignment_id=assignment, reason="五月起不归我", on=on, by=by, at=now()
    )


def test_a_rep_sees_what_is_held_for_the_period_and_objects_in_time(session: Session, roster: None) -> None:
    check = checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    assert check.until_on == date(2026, 7, 10)
    (mine,) = checks.held(session, "R1@h.example", on=ASKED)
    assert [one.customer.code for one in mine.assignments] == ["C1", "C2"], "C3 was not theirs in this period"
    objection = _object(session, on=check.until_on)
    assert hearing.under_way(session, check.period, on=check.until_on + timedelta(days=9)), "one is undecided"
    with pytest.raises(checks.ObjectionRefused, match="already"):
        _object(session)
    with pytest.raises(checks.ObjectionRefused, match="until 2026-07-10"):
        _object(session, on=date(2026, 7, 11), customer="C2")
    decided = checks.decide(session, objection.id, "upheld", reason="调岗记录", on=ASKED, by=BY, at=now())
    assert (decided.verdict, decided.decided_by) == ("upheld", BY)
    assert not hearing.under_way(session, check.period, on=date(2026, 7, 11))
    session.commit()
    actions = session.scalars(select(JournalEntry.action).order_by(JournalEntry.id.desc()).limit(3)).all()
    assert actions == ["objection decided", "assignment objected to", "assignments to be checked"]
    assert not verify(session).broken


def _may_check(session: Session) -> None:
    """R1 can sign in as a rep."""
    user = session.scalars(select(users.User).where(users.User.email == "r1@h.example")).one()
    users.give_role(session, user, "rep", by=BY, at=now())


def test_a_check_is_over_as_soon_as_everybody_has_looked(session: Session, roster: None) -> None:
    """R2 has no assignment in this period; R1 alone is waited for, and a word of theirs ends the wait."""
    period = checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now()).period
    _may_check(session)
    found = hearing.hearing(session, period, on=ASKED)
    assert ([(say.code, say.said) for say in found.says], found.open) == ([("R1", "silent")], True)
    (mine,) = checks.held(session, "r1@h.example", on=ASKED)
    for _ in range(2):
        checks.confirm(session, mine.check.id, on=ASKED, by="r1@h.example", at=now())
    found = hearing.hearing(session, period, on=ASKED)
    assert ([(say.code, say.said) for say in found.says], found.open) == ([("R1", "right")], False)
    _object(session)
    found = hearing.hearing(session, period, on=ASKED)
    assert ([say.said for say in found.says], found.open) == (["objecting"], True), "a second look counts"
    with pytest.raises(checks.UnknownObjection):
        checks.confirm(session, mine.check.id, on=ASKED, by="stranger@h.example", at=now())
    with pytest.raises(checks.ObjectionRefused):
        checks.confirm(session, mine.check.id, on=date(2026, 7, 11), by="r1@h.example", at=now())


def test_who_has_left_is_not_waited_for_and_who_has_no_account_is(session: Session, roster: None) -> None:
    period = checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now()).period
    found = hearing.hearing(session, period, on=ASKED)
    assert ([say.said for say in found.says], found.open) == (["no login"], True)
    assert not hearing.under_way(session, period, on=date(2026, 7, 11)), "five working days, and no longer"
    handovers.leave(session, "R1", on=date(2026, 6, 30), by=BY, at=now())
    found = hearing.hearing(session, period, on=ASKED)
    assert ([say.said for say in found.says], found.expected, found.open) == (["left"], (), False)


def test_whoever_can_sign_in_is_told_by_letter(session: Session, roster: None) -> None:
    _may_check(session)
    checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    assert session.execute(select(AccountLetter.address, AccountLetter.kind)).all() == [("r1@h.example", "check")]


def test_nobody_objects_to_anothers_assignments(session: Session, roster: None) -> None:
    checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    with pytest.raises(checks.UnknownObjection):
        _object(session, by="r2@h.example")
    with pytest.raises(checks.UnknownObjection):
        _object(session, by="stranger@h.example")


@pytest.mark.parametrize("decider", ["r1@h.example", "boss@h.example", "nobody@h.example"])
def test_neither_the_rep_nor_their_manager_decides(session: Session, roster: None, decider: str) -> None:
    checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    objection = _object(session)
    today = session.scalars(select(ReportingLine.since_on)).first()  # the reporting lines began with the import
    assert today is not None
    with pytest.raises(users.NotASecondPerson):
        checks.decide(session, objection.id, "upheld", reason="x", on=today, by=decider, at=now())
    assert objection.verdict is None


def test_a_decision_has_a_reason_and_stands(session: Session, roster: None) -> None:
    checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    objection = _object(session)
    for verdict, reason in (("upheld", " "), ("perhaps", "x"), ("", "x")):
        with pytest.raises(checks.DecisionRefused):
            checks.decide(session, objection.id, verdict, reason=reason, on=ASKED, by=BY, at=now())
    checks.decide(session, objection.id, "rejected", reason="合同为证", on=ASKED, by=BY, at=now())
    with pytest.raises(checks.DecisionRefused, match="decided already"):
        checks.decide(session, objection.id, "upheld", reason="x", on=ASKED, by=BY, at=now())


def test_the_reps_are_asked_once_a_period(session: Session, roster: None) -> None:
    checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())
    with pytest.raises(checks.AskedAlready):
        checks.ask(session, "2026-H1", on=ASKED, by=BY, at=now())


def test_leaving_before_being_hired_is_refused(session: Session, roster: None) -> None:
    session.scalars(select(Rep).where(Rep.code == "R1")).one().hired_on = date(2024, 1, 1)
    with pytest.raises(handovers.WrongLeaving):
        handovers.leave(session, "R1", on=date(2023, 12, 31), by=BY, at=now())
