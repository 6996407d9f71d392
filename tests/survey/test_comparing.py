"""Reps beside one another: within a position, by name, with sets of ranks and never a place."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from survey.appraisals import NotToBeSeen, drawing
from survey.appraisals.comparing import comparison
from survey.appraisals.overriding import Overridden, overridden
from survey.models.appraising import Appraisal
from survey.models.roster import Rep

from .conftest import Surveyed, adopt, put_facts
from .test_appraisals import EVERYTHING

THREE = {"R01": (90, 80, 80), "R02": (80, 90, 85), "R03": (95, 90, 80)}
CODES = ("collection", "invoicing", "outlets", "network", "receivables")


def test_shares_and_their_weighted_mean_within_a_position(session: Session, surveyed: Surveyed, now: datetime) -> None:
    for rep, (collection, invoicing, rest) in THREE.items():
        values = (collection, invoicing, rest, rest, rest)
        put_facts(session, rep, {code: (value, 100) for code, value in zip(CODES, values, strict=True)})
    session.execute(update(Rep).where(Rep.code == "R03").values(position="branch manager"))
    drawing.draw_up(session, "2026-H1", adopt(session, "kelon-branch-manager", now), by="c", at=now)
    page = comparison(session, EVERYTHING)
    assert page is not None
    assert [(one.name, len(one.rows)) for one in page.positions] == [("branch manager", 1), ("sales rep", 2)]
    first, second = page.positions[1].rows
    assert first.name < second.name
    by_name = {row.name: row for row in (first, second)}
    li = by_name["李思远"]
    assert li.shares == pytest.approx((80, 90, 85, 85, 85))
    assert li.efficiency == pytest.approx(0.4 * 80 + 0.3 * 90 + 0.3 * 85)
    assert (li.low, li.peers) == (None, None)
    assert page.positions[1].means == pytest.approx((85, 85, 82.5, 82.5, 82.5))


def test_there_is_nothing_where_nothing_was_drawn_up(session: Session, surveyed: Surveyed, now: datetime) -> None:
    assert comparison(session, EVERYTHING) is None
    put_facts(session, "R01")
    drawing.draw_up(session, "2026-H1", adopt(session, "kelon-branch-manager", now), by="c", at=now)
    with pytest.raises(NotToBeSeen):
        comparison(session, EVERYTHING, "1999")


def test_departures_from_the_proposal_are_counted_by_manager_and_of_few_nothing_is_said(
    session: Session, six: tuple[Appraisal, ...]
) -> None:
    """Five of one manager: one raised, two lowered. Four of others stay unsaid, five are a line."""
    told = [row for row in six if row.band in ("B", "C")][:9]
    assert len(told) == 9
    managers = ["Boss"] * 5 + ["Ann", "Ben", "Cleo", ""]
    moves = {0: -1, 1: 1, 2: 1}
    for place, (row, manager) in enumerate(zip(told, managers, strict=True)):
        row.statement = row.statement | {"person": row.statement["person"] | {"manager": manager}}
        row.state, row.final_band = "final", "ABCDE"["ABCDE".index(row.band or "") + moves.get(place, 0)]
    session.flush()
    boss = Overridden(manager="Boss", decided=5, raised=1, lowered=2)
    assert overridden(session, "2026-H1", "taiwan-six") == (boss,)
    other = next(row for row in six if row not in told and row.band)
    other.state, other.final_band = "final", other.band
    other.statement = other.statement | {"person": other.statement["person"] | {"manager": "Ann"}}
    session.flush()
    rest = Overridden(manager="", decided=5, raised=0, lowered=0)
    assert overridden(session, "2026-H1", "taiwan-six") == (boss, rest)
    assert overridden(session, "2026-H1", "zongshen") == ()
