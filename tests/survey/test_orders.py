"""Long work asked for on a page: done once, by a process of its own, and never lost with a worker."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import orders
from survey.context import now as clock
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.orders import WorkOrder
from survey.models.scoring import RepScore, Run
from survey.runs.stored import NoRun
from survey.worker.orders import Workshop, archive_of, perform
from tests.survey.conftest import SIX, SPEC, Surveyed, adopt, put_facts

BY = "hr@h.example"


@pytest.fixture
def period(session: Session, surveyed: Surveyed) -> Period:
    return session.scalars(select(Period)).one()


@pytest.fixture
def empty(session: Session) -> Period:
    """A period nobody was asked about."""
    period = Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))
    session.add(period)
    session.flush()
    return period


def test_from_answers_to_an_archive_of_papers_without_a_command(
    app: Flask, session: Session, period: Period, evenhand: Callable[..., Result]
) -> None:
    """A process of its own scores; what it stores is what `evenhand score` would have stored."""
    for rep in ("R01", "R02"):
        put_facts(session, rep, SIX)
    adopt(session, "taiwan-six", clock())
    order = orders.score(session, period, SPEC, by=BY, at=clock())
    session.commit()
    assert evenhand("worker", "--once").exit_code == 0
    session.refresh(order)
    assert order.state == "done", order.refusals
    run = session.scalars(select(Run)).one()
    assert (run.by, run.id) == (BY, order.came_of["run"])
    assert sum(order.came_of["evidence"].values()) == 10
    assert session.scalars(select(RepScore).where(RepScore.run_id == run.id)).first() is not None


def _begun(session: Session, order: WorkOrder) -> WorkOrder:
    claimed = orders.claim(session, at=clock())
    session.commit()
    assert claimed is order
    return order


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_appraisals_are_drawn_up_in_the_name_of_who_asked_and_printed(session: Session, period: Period) -> None:
    put_facts(session, "R01", {"collection": (92, 100)})
    adopt(session, "kelon-branch-manager", clock())
    order = _begun(session, orders.appraise(session, period, "kelon-branch-manager", draft=False, by=BY, at=clock()))
    perform(order.id)
    assert order.state == "done", order.refusals
    assert order.came_of["changes"] == {"created": 1}
    assert session.scalars(select(Appraisal)).one().drawn_up_by == BY
    order = _begun(session, orders.print_all(session, period, "zh", by=BY, at=clock()))
    perform(order.id)
    assert (order.state, order.done, order.total) == ("done", 1, 1), order.refusals
    with zipfile.ZipFile(archive_of(order.id)) as archive:
        [paper] = [name for name in archive.namelist() if name.endswith(".pdf")]
        assert archive.read(paper).startswith(b"%PDF")
        assert "index.csv" in archive.namelist()
    assert [one.name for one in archive_of(order.id).parent.iterdir()] == [f"{order.id}.zip"]


def test_what_is_refused_says_why_and_leaves_nothing(session: Session, empty: Period) -> None:
    order = _begun(session, orders.score(session, empty, SPEC, by=BY, at=clock()))
    perform(order.id)
    assert order.state == "failed"
    assert order.refusals == [
        {
            "sentence": "Nobody has answered about %(period)s yet; there is nothing to score.",
            "values": {"period": empty.code},
        }
    ]
    assert session.scalars(select(Run)).all() == []


def test_one_piece_of_work_at_a_time_and_sound_specs_only(session: Session, empty: Period) -> None:
    with pytest.raises(orders.UnfitSpec):
        orders.score(session, empty, "nonsense = [", by=BY, at=clock())
    orders.score(session, empty, SPEC, by=BY, at=clock())
    with pytest.raises(orders.UnderWay):
        orders.score(session, empty, SPEC, by=BY, at=clock())
    adopt(session, "taiwan-six", clock())
    with pytest.raises(NoRun):
        orders.appraise(session, empty, "taiwan-six", draft=False, by=BY, at=clock())


def test_a_worker_that_died_loses_no_work_and_hopeless_work_ends(session: Session, empty: Period) -> None:
    at = clock()
    order = orders.score(session, empty, SPEC, by=BY, at=at)
    for _attempt in range(orders.MOST_ATTEMPTS):
        assert orders.claim(session, at=at) is order
        assert orders.claim(session, at=at) is None
        at += orders.LEASE + timedelta(seconds=1)
    assert orders.claim(session, at=at) is None
    assert order.state == "failed"
    assert "three times" in order.refusals[0]["sentence"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_worker_that_stops_leaves_its_work_to_the_next(session: Session, empty: Period) -> None:
    order = orders.score(session, empty, SPEC, by=BY, at=clock())
    session.commit()
    workshop = Workshop()
    assert workshop.look()
    assert order.state == "begun"
    workshop.close()
    session.refresh(order)
    assert (order.state, order.attempts) == ("waiting", 0)
    assert session.scalars(select(Run)).all() == []
