"""The views of a team: who is left by the filters, what pictures and files hold, and that they hold no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from survey import names
from survey.dashboards.shown import NotToBeSeen
from survey.dashboards.team import SORTS, Team, files, in_order, team
from survey.dashboards.team.answers import answers_page
from survey.dashboards.team.choosing import PAGE, Wish
from survey.dashboards.team.pair import PairPage, pair_page
from survey.dashboards.team.pictures import adjustment_page, funnel_page, territories_page, trend_page
from survey.models.roster import Rep, Territory
from survey.models.scoring import RepScore, Run

EVERYBODY = select(Rep.id)
TODAY = date(2026, 7, 6)
SPEECH = files.Speech(say=lambda sentence: sentence, wording=lambda words: words.en)


def _team(session: Session, *, whole: bool = False, **wish: Any) -> Team:
    return team(session, EVERYBODY, Wish(**wish), on=TODAY, whole=whole)


def _codes(session: Session, **wish: Any) -> list[str]:
    return [row.code for row in _team(session, **wish).rows]


def _pair(session: Session, *codes: str, viewer: Any = EVERYBODY) -> PairPage:
    return pair_page(session, viewer, codes, None, None)


@pytest.fixture
def positioned(session: Session, scored: object) -> None:
    """R01 … R05 sell, the others manage accounts; R02 works in the south as well."""
    session.execute(update(Rep).values(position="account manager"))
    session.execute(update(Rep).where(Rep.code <= "R05").values(position="sales rep"))
    session.flush()


def test_names_stand_as_they_are_said() -> None:
    mixed = ["赵桂英", "Zoe", "曾庆红", "王安", "王建国", "欧阳修", "alice", "单田芳", "Bob", "喆玥堃昇"]
    said = ["alice", "Bob", "欧阳修", "单田芳", "王安", "王建国", "曾庆红", "赵桂英", "喆玥堃昇", "Zoe"]
    assert sorted(mixed, key=names.sort_key) == said
    assert names.said("王建国") == "wangjianguo"


FILTERS: tuple[tuple[dict[str, str], list[str]], ...] = (
    ({"manager": "lead@harbour.example"}, ["R07", "R08"]),
    ({"manager": "Other@harbour.example"}, ["R09", "R10"]),
    ({"manager": "nobody@harbour.example"}, []),
    ({"position": "sales rep"}, ["R01", "R02", "R03", "R04", "R05"]),
    ({"territory": "NORTH", "position": "account manager"}, ["R06", "R07", "R08", "R09", "R10"]),
    ({"territory": "SOUTH"}, []),
    ({"search": "WANG jian"}, ["R01"]),
    ({"search": "建国"}, ["R01"]),
    ({"search": "r1"}, ["R10"]),
    ({"search": "arch"}, ["R04"]),
    ({"search": "%"}, []),
    ({"territory": "a\x00b"}, []),
)


def test_filters_leave_who_was_asked_for(session: Session, positioned: None) -> None:
    for wish, left in FILTERS:
        assert sorted(_codes(session, **wish)) == left, wish


def test_a_manager_filter_reaches_down_the_line(session: Session, scored: object) -> None:
    """The boss leads R01, who leads R07 and R08."""
    assert {"R01", "R07", "R08"} <= set(_codes(session, manager="boss@harbour.example"))


def test_filters_never_show_more_than_the_viewer_may_see(session: Session, scored: object) -> None:
    viewer = select(Rep.id).where(Rep.code.in_(["R01", "R09"]))
    found = team(session, viewer, Wish(manager="other@harbour.example"), on=TODAY)
    assert [row.code for row in found.rows] == ["R09"]
    assert found.options is not None
    assert set(found.options.managers) == {"boss@harbour.example", "other@harbour.example"}


def test_columns_are_sorted_with_the_unknown_last_and_equals_by_name(session: Session, scored: object) -> None:
    rising, falling = _codes(session, sort="raw"), _codes(session, sort="-raw")
    assert rising[:2] == ["R03", "R08"]
    assert falling[:2] == ["R06", "R01"]
    assert rising[-2:] == falling[-2:] == ["R04", "R05"]
    assert _codes(session, sort="-name") == _codes(session)[::-1]
    assert _codes(session, sort="charm") == _codes(session)


def test_a_large_team_comes_in_pages(session: Session, scored: object) -> None:
    session.add_all(Rep(code=f"Z{number:03}", name="Zz") for number in range(PAGE + 5))
    session.flush()
    first, second, beyond = (_team(session, page=page) for page in (1, 2, 99))
    assert (len(first.page), len(second.page), first.pages) == (PAGE, 15, 2)
    assert [row.code for row in (*first.page, *second.page)] == [row.code for row in first.rows]
    alone = team(session, EVERYBODY, Wish(page=2), on=TODAY, crowd=False)
    assert (alone.page, alone.size, alone.pages) == (second.page, len(first.rows), 2)
    assert beyond.wish.page == 2
    assert len(_team(session, whole=True).page) == PAGE + 15


@pytest.mark.parametrize("sort", [f"{sign}{column}" for column in SORTS for sign in ("", "-")])
def test_a_page_without_the_crowd_is_the_same_page(session: Session, scored: object, sort: str) -> None:
    wish = Wish(sort=sort)
    alone, among = (team(session, EVERYBODY, wish, on=TODAY, crowd=crowd) for crowd in (False, True))
    assert alone.page == among.page
    assert [row.id for row in alone.page] == [row.id for row in among.rows]
    assert (alone.size, alone.rows) == (len(among.rows), ())


def test_an_address_keeps_its_filters_and_begins_at_the_first_page() -> None:
    wish = Wish(item="delivery", territory="NORTH", sort="-raw", page=3)
    assert wish.address(sort="raw") == {"item": "delivery", "territory": "NORTH", "sort": "raw"}
    assert wish.address(page=4)["page"] == 4
    assert wish.address(territory=None, page=1) == {"item": "delivery", "sort": "-raw"}


def test_beside_the_mean_only_what_the_false_discovery_rate_allows_is_said(session: Session, scored: object) -> None:
    found = _team(session)
    said = {row.code: found.against_the_mean(row.score) for row in found.rows}
    assert said["R01"] == "above"
    assert said["R08"] == "below"
    assert said["R09"] == "cannot be told apart"
    assert said["R03"] is said["R04"] is None


def test_the_funnel_holds_shown_reps_only_and_marks_who_is_beyond(session: Session, scored: object) -> None:
    page = funnel_page(_team(session))
    assert page is not None
    by_rep = {point.row.code: point for point in page.points}
    assert not {"R04", "R05"} & set(by_rep)
    assert by_rep["R06"].standing == "abnormal"
    point = by_rep["R02"]
    half = 1.959964 * (400 / point.customers) ** 0.5
    assert point.low == pytest.approx(page.average - half, abs=1e-4)
    assert page.outside == sum(one.standing == "abnormal" for one in page.points)


def test_territories_hold_their_reps_and_the_mean_of_those_shown(session: Session, scored: object) -> None:
    (north,) = territories_page(session, _team(session))
    assert (north.name, len(north.rows), north.shown) == ("华北", 10, 8)
    assert north.mean == pytest.approx(_team(session).mean)


def test_answers_are_summed_over_published_reps_only(session: Session, scored: object) -> None:
    page = answers_page(session, _team(session))
    knowledge = page.items[0]
    assert knowledge.levels == ("1", "2", "3", "4", "5")
    assert knowledge.counts == (0, 0, 40, 73, 279)  # six full reps of 60, R02's 24 and R03's 8
    assert knowledge.margin == pytest.approx(0.98 / (6 * 60 + 24 + 8) ** 0.5)
    by_rep = {one.row.code: (one.asked, one.answered) for one in page.reached}
    assert by_rep["R01"] == (130, 65)
    assert by_rep["R04"] == (16, None)
    assert by_rep["R05"] == (None, None)
    assert (page.asked, page.answered) == (6 * 130 + 58 + 26, 6 * 65 + 29 + 13)


def test_the_change_is_told_with_what_was_to_be_expected(session: Session, scored: object) -> None:
    page = trend_page(session, _team(session))
    assert page.since == "2025-H2"
    assert {row.row.code: row.verdict for row in page.rows} == {"R01": "above", "R08": "cannot be told apart"}
    assert page.missing == 8
    assert page.common == 0.52
    assert trend_page(session, _team(session, period="2025-H2")).since is None


def test_what_the_adjustment_did_is_told_with_its_largest_part(session: Session, scored: object) -> None:
    run = session.scalars(select(Run).order_by(Run.id.desc())).first()
    assert run is not None
    run.record = {"policy": "pooled", "items": {"satisfaction": {
        "sigma2_rep": {"estimate": 16.0, "low": 9.0, "high": None},
        "sigma2_territory": {"estimate": 4.0, "low": 0.0, "high": 25.0},
    }}}  # fmt: skip
    session.flush()
    page = adjustment_page(session, _team(session, sort="-moved"))
    assert {one.row.code for one in page.page} == {"R01", "R02", "R03", "R06", "R07", "R08", "R09", "R10"}
    assert {(one.reason, one.amount) for one in page.page} == {("territory", 2.33)}
    assert page.reps is not None
    assert (page.reps.sd, page.reps.low, page.reps.high) == (4.0, 3.0, None)
    assert (page.kendall, page.sd) == (0.87, 1.4)


def test_two_reps_are_told_apart_or_not_by_their_difference(session: Session, scored: object) -> None:
    found = _pair(session, "R01", "R08")
    assert found.contrast is not None
    first, second = found.sides
    assert found.contrast.difference == pytest.approx((first.score.adjusted or 0) - (second.score.adjusted or 0))
    assert found.contrast.se == pytest.approx((2 * 24**2 / 60) ** 0.5)
    assert found.contrast.verdict == "above"
    near = _pair(session, "R09", "R10")
    assert near.contrast is not None
    assert near.contrast.verdict == "cannot be told apart"


def test_some_pairs_are_not_compared(session: Session, positioned: None) -> None:
    for codes, obstacle in (
        ((), "choose"), (("R01",), "choose"), (("R01", "R01"), "choose"), (("R01", "R03"), "evidence"),
        (("R04", "R01"), "evidence"), (("R01", "R09"), "position"),
    ):  # fmt: skip
        found = _pair(session, *codes)
        assert (found.contrast, found.obstacle) == (None, obstacle)


def test_nobody_is_compared_with_somebody_elses_rep(session: Session, scored: object) -> None:
    viewer = select(Rep.id).where(Rep.code == "R01")
    for other in ("R08", "R99", "R\x00"):
        with pytest.raises(NotToBeSeen):
            _pair(session, "R01", other, viewer=viewer)


VIEWS = ("reps", "funnel", "territories", "answers", "rates", "trend", "adjustment")


def test_no_file_holds_a_number_of_a_withheld_rep(session: Session, scored: object) -> None:
    """Not even when numbers stand beside the withheld mark."""
    for row in session.scalars(select(RepScore).join(Rep).where(Rep.code == "R04")):
        row.raw, row.adjusted, row.mix, row.territory, row.centring, row.effective = 12.3, 12.3, 0.0, 0.0, 0.0, 3.0
    session.flush()
    for view in VIEWS:
        table = files.table(session, _team(session, whole=True), view, SPEECH)
        assert all(len(row) == len(table.columns) for row in table.rows)
        about = [row for row in table.rows if "R04" in row]
        numbers = [cell for row in about for cell in row if isinstance(cell, float | int)]
        assert numbers == ([16] if view == "rates" else [])  # how many were asked is no answer


def test_a_file_holds_every_page_in_the_order_of_the_page(session: Session, scored: object) -> None:
    table = files.table(session, _team(session, whole=True, sort="-adjusted"), "reps", SPEECH)
    assert [row[0] for row in table.rows] == _codes(session, sort="-adjusted")
    assert table.rows[0][5] == 99.0


PAGES: tuple[Callable[[Session, Team], object], ...] = (answers_page, territories_page, trend_page, adjustment_page)


def test_the_number_of_queries_does_not_grow_with_the_team(session: Session, scored: object) -> None:
    def selects(reps: list[str], page: Callable[[Session, Team], object]) -> int:
        session.expire_all()
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        viewer = select(Rep.id).where(Rep.code.in_(reps))
        event.listen(session.get_bind(), "before_cursor_execute", note)
        page(session, team(session, viewer, Wish(), on=TODAY))
        event.remove(session.get_bind(), "before_cursor_execute", note)
        return len(statements)

    everybody = [f"R{number:02}" for number in range(1, 11)]
    for page in PAGES:
        selects(["R01"], page)
        assert selects(["R01"], page) == selects(everybody, page) <= 14


def test_who_works_in_several_territories_stands_in_each(session: Session, scored: object) -> None:
    from survey.models.scoring import RepPlace

    south = Territory(code="SOUTH", name="华南")
    session.add(south)
    session.flush()
    run = _team(session).run
    assert run is not None
    rep = session.scalars(select(Rep.id).where(Rep.code == "R02")).one()
    session.add(RepPlace(run_id=run.id, rep_id=rep, territory_id=south.id))
    session.flush()
    assert [(place.name, len(place.rows)) for place in territories_page(session, _team(session))] == [
        ("华北", 10), ("华南", 1)
    ]  # fmt: skip
    assert _codes(session, territory="SOUTH") == ["R02"]
    row = next(row for row in _team(session).page if row.code == "R02")
    assert row.territories == ("华北", "华南")
    assert in_order([replace(row, name="a"), row], "name")[0].name == "a"
