"""What managers read: whose scores, which numbers, and never those that are withheld."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.dashboards.rep import RepPage, rep_page
from survey.dashboards.shown import NotToBeSeen, ShownScore
from survey.dashboards.team import Team, team
from survey.dashboards.team.choosing import Wish
from survey.models.appraising import Appraisal
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run
from survey.runs import score_period

EVERYBODY = select(Rep.id)
TODAY = date(2026, 7, 6)


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def _team(session: Session, reps: tuple[str, ...] | None = None, **chosen: Any) -> Team:
    viewer = select(Rep.id).where(Rep.code.in_(reps)) if reps else EVERYBODY
    return team(session, viewer, Wish(**chosen), on=TODAY)


def _rep(session: Session, code: str, **chosen: str | None) -> RepPage:
    return rep_page(session, EVERYBODY, code, chosen.get("period"), chosen.get("item"))


def test_the_newest_scored_period_and_the_composite_come_first(session: Session, scored: object) -> None:
    choice = _team(session).choice
    assert choice.periods == ("2026-H2", "2026-H1", "2025-H2")
    assert (choice.period, choice.item) == ("2026-H1", "satisfaction")
    assert list(choice.items) == ["satisfaction", "knowledge", "delivery"]
    assert choice.items["knowledge"].en == "Product knowledge"


def test_reps_stand_by_name_as_it_is_said(session: Session, scored: object) -> None:
    """Alice, chén, Daniel, huáng, lǐ, wáng, yáng, zhāng, zhào, zhé: on SQLite as on PostgreSQL."""
    assert [row.name for row in _team(session).rows] == [
        "Alice Archer", "陈志鹏", "Daniel Doyle", "黄国强", "李思远", "王建国", "杨晓东", "张晨曦", "赵桂英", "喆玥",
    ]  # fmt: skip


def test_only_the_viewers_reps_are_listed(session: Session, scored: object) -> None:
    assert [row.code for row in _team(session, ("R02", "R09")).rows] == ["R09", "R02"]  # Daniel, Lǐ
    assert _team(session, ("nobody",)).rows == ()


def test_the_row_holds_what_the_run_stored(session: Session, scored: object) -> None:
    stored = session.scalars(select(RepScore).join(Rep).where(Rep.code == "R02", RepScore.item == "delivery")).first()
    row = next(row for row in _team(session, item="delivery").page if row.code == "R02")
    assert stored is not None
    assert row.territories == ("华北",)
    assert (row.score.raw, row.score.adjusted, row.score.low) == (stored.raw, stored.adjusted, stored.low)
    assert (row.score.responses, row.score.customers, row.score.evidence) == (29, 24, "provisional")


@pytest.mark.parametrize("code", ["R04", "R05"])
def test_a_withheld_rep_has_no_number_anywhere(session: Session, scored: object, code: str) -> None:
    row = next(row for row in _team(session).rows if row.code == code)
    assert row.score == ShownScore(evidence="withheld")
    page = _rep(session, code)
    assert page.verdict == "withheld"
    assert (page.steps, page.case, page.peer, page.company, page.fragile) == (None, None, None, None, False)
    assert {line.score for line in page.dimensions} == {ShownScore(evidence="withheld")}
    assert page.next_grade is not None
    assert page.next_grade.customers is None


def test_a_withheld_score_cannot_be_made_with_a_number() -> None:
    with pytest.raises(ValueError, match="no number"):
        ShownScore(evidence="withheld", customers=3)


def test_numbers_left_beside_a_withheld_mark_stay_inside(session: Session, scored: object) -> None:
    for stored in session.scalars(select(RepScore).join(Rep).where(Rep.code == "R01")):
        stored.evidence = "withheld"
    assert next(row for row in _team(session).rows if row.code == "R01").score.raw is None
    assert _rep(session, "R01").steps is None


def test_the_mean_is_of_shown_reps_weighted_by_customers(session: Session, scored: object) -> None:
    run = session.scalar(select(Run.id).order_by(Run.id.desc()).limit(1))
    rows = session.scalars(select(RepScore).where(RepScore.run_id == run, RepScore.item == "satisfaction")).all()
    shown = [(row.adjusted, row.customers) for row in rows if row.adjusted is not None]
    expected = sum(a * (n or 0) for a, n in shown) / sum(n or 0 for _, n in shown)
    assert _team(session, ("R02",)).mean == pytest.approx(expected, abs=1e-9)
    assert _rep(session, "R02").mean == pytest.approx(expected, abs=1e-9)


def test_the_steps_add_up_as_printed(session: Session, scored: object) -> None:
    steps = _rep(session, "R01").steps
    assert steps is not None
    assert (steps.raw, steps.mix, steps.territory, steps.centring, steps.adjusted) == (86.2, 1.9, 2.3, -0.7, 89.7)
    assert list(steps.adjusters) == ["segment", "size_band"]
    assert sum(steps.adjusters.values()) == pytest.approx(steps.mix)


@pytest.mark.parametrize(
    ("code", "verdict"), [("R01", "above"), ("R08", "below"), ("R09", "level"), ("R03", "thin"), ("R02", "level")]
)
def test_the_verdict_is_what_may_be_said_of_all(session: Session, scored: object, code: str, verdict: str) -> None:
    assert _rep(session, code).verdict == verdict


def test_an_interval_beside_the_mean_is_not_enough_when_all_are_looked_at(session: Session, scored: object) -> None:
    session.execute(update(RepScore).values(q=0.06))
    page = _rep(session, "R01")
    assert page.mean is not None
    assert page.score.low is not None
    assert page.score.low > page.mean
    assert page.verdict == "near"


def test_team_page_rep_page_and_paper_say_the_same_beside_the_mean(
    session: Session, six: tuple[Appraisal, ...]
) -> None:
    words = {"near": "alike", "level": "alike", "cannot be told apart": "alike", "thin": "", "withheld": ""}
    page = team(session, EVERYBODY, Wish(), on=TODAY)
    listed = {row.code: page.against_the_mean(row.score) or "" for row in page.rows}
    for appraisal in six:
        verdict = _rep(session, appraisal.rep.code).verdict
        on_paper = (appraisal.statement["peers"] or {}).get("stands", "")
        assert {words.get(said, said) for said in (verdict, listed[appraisal.rep.code], on_paper)} == {on_paper}


def test_the_next_grade_says_how_many_customers_are_missing(session: Session, scored: object) -> None:
    provisional, thin, full = (_rep(session, code).next_grade for code in ("R02", "R03", "R01"))
    assert provisional is not None
    assert (provisional.grade, provisional.customers) == ("full", 22)  # odds .7/.3 over .55/.45 times 24, less 24
    assert thin is not None
    assert (thin.grade, thin.customers) == ("provisional", 8)
    assert full is None


def test_one_customer_with_too_much_weight_is_no_matter_of_numbers(session: Session, scored: object) -> None:
    for stored in session.scalars(select(RepScore).join(Rep).where(Rep.code == "R03")):
        stored.reliability = 0.5
    missing = _rep(session, "R03").next_grade
    assert missing is not None
    assert (missing.grade, missing.customers) == ("provisional", None)


def test_a_rep_alone_in_a_territory_has_no_range(session: Session, scored: object) -> None:
    alone, linked = _rep(session, "R07"), _rep(session, "R01")
    assert (alone.case, alone.peer, alone.company) == ("C", None, None)
    assert linked.case == "A"
    assert linked.peer is not None
    assert linked.company is not None


def test_a_period_without_a_run_shows_no_rows(session: Session, scored: object) -> None:
    page = _team(session, period="2026-H2")
    assert (page.rows, page.page, page.mean, page.choice.item, page.choice.scored_at) == ((), (), None, None, None)
    assert _rep(session, "R01", period="2026-H2").score == ShownScore(evidence="withheld")


def test_before_anything_is_stored_there_is_no_period(session: Session) -> None:
    page = _team(session)
    assert (page.choice.periods, page.choice.period, page.rows) == ((), None, ())


def test_the_last_run_of_a_period_counts(session: Session, scored: object) -> None:
    first = session.scalars(select(Run).order_by(Run.id.desc())).first()
    assert first is not None
    session.add(
        Run(
            period_id=first.period_id, spec=first.spec, spec_hash="1" * 64, fingerprint="1" * 64, snapshot=b"",
            record={}, created_at=first.created_at, by="command line",
        )
    )  # fmt: skip
    session.flush()
    assert {row.score.evidence for row in _team(session).rows} == {"withheld"}


def test_reps_of_other_times_are_left_out(session: Session, scored: object) -> None:
    gone = session.scalars(select(Rep).where(Rep.code == "R05")).one()
    gone.left_on = gone.hired_on
    assert "R05" not in {row.code for row in _team(session).rows}


@pytest.mark.parametrize("chosen", [{"period": "1999-H1"}, {"item": "charm"}])
def test_an_unknown_period_or_dimension_is_not_there(session: Session, scored: object, chosen: dict[str, str]) -> None:
    with pytest.raises(NotToBeSeen):
        _team(session, **chosen)


@pytest.mark.parametrize("code", ["R99", "R\x0001", "r01"])
def test_somebody_elses_rep_is_as_absent_as_nobody(session: Session, scored: object, code: str) -> None:
    with pytest.raises(NotToBeSeen):
        _rep(session, code)
    with pytest.raises(NotToBeSeen):
        rep_page(session, select(Rep.id).where(Rep.code == "R02"), "R01", None, None)


def test_the_number_of_queries_does_not_grow_with_the_team(session: Session, scored: object) -> None:
    session.expire_all()
    with counted(session) as one:
        _team(session, ("R01",))
    session.expire_all()
    with counted(session) as all_of_them:
        _team(session)
    assert len(one) == len(all_of_them) == 10
    session.expire_all()
    with counted(session) as page:
        _rep(session, "R01")
    assert len(page) == 14


def test_what_a_real_run_stored_is_shown(session: Session, surveyed: Any, now: datetime) -> None:
    score_period(session, surveyed.period, DEFAULT_SPEC.read_text(encoding="utf-8"), by="command line", at=now)
    page = _team(session)
    assert page.choice.item == "satisfaction"
    assert [row.code for row in page.rows if row.score.evidence == "withheld"] == ["R10"]
    for row in page.rows:
        steps = _rep(session, row.code).steps
        assert (steps is None) == (row.code == "R10")
        assert steps is None or "segment" in steps.adjusters
