"""Facts and schemes in a real browser: a manager enters, everything is reachable, nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal, IndicatorFact, MonitoringNote, Project, ProjectStage
from survey.models.roster import Rep
from tests.soundness import assert_sound

from .test_team import VIEWS, _enter, boss  # noqa: F401 - the manager is the same one


@pytest.fixture
def entered(session: Session, scored: object, now: datetime) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    rep = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    place = {"period_id": period.id, "rep_id": rep.id}
    project = Project(code="P1", rep_id=rep.id, name="高炉改造", importance=1)
    session.add_all(
        [
            IndicatorFact(**place, indicator="collection", value=92, target=100, evidence="财务月报 2026-06"),
            IndicatorFact(**place, indicator="network", missing="not_applicable", note="新区域", approved_by="hr"),
            ConductEvent(**place, category="complaint", on=date(2026, 3, 2), points=2, fact="交货迟延三天",
                         evidence="来函", multiplier=1, reply="物流停运", replied_at=now),
            Goal(**place, text="完成100个新客户签约", target=100, unit="个", due_on=date(2026, 6, 30)),
            MonitoringNote(rep_id=rep.id, on=date(2026, 3, 2), source="observation", text="讲解清楚", written_at=now,
                           written_by="boss@harbour.example"),
            project,
        ]
    )  # fmt: skip
    session.flush()
    session.add(ProjectStage(project_id=project.id, stage="线索", weight=5, planned_on=date(2026, 1, 31), done=100))
    session.commit()


@pytest.mark.parametrize("view", VIEWS)
def test_a_manager_reads_and_enters_facts(
    live_server: str,
    open_browser: Callable[..., Page],
    boss: str,  # noqa: F811
    entered: None,
    view: str,
) -> None:
    page = open_browser(**VIEWS[view])
    _enter(page, live_server, boss)
    page.goto(f"{live_server}/facts?period=2026-H1")
    assert_sound(page)
    page.goto(f"{live_server}/facts/R02?period=2026-H1")
    assert_sound(page)
    page.locator("#fact details summary").click()
    page.fill("#fact-indicator", "invoicing")
    page.fill("#fact-value", "105")
    page.fill("#fact-target", "100")
    assert_sound(page)
    page.locator("#fact button").click()
    page.wait_for_url("**/facts/R02?period=2026-H1#fact")
    assert "invoicing" in page.locator("#fact table").inner_text()


@pytest.mark.parametrize("view", VIEWS)
def test_a_scheme_can_be_read(live_server: str, open_browser: Callable[..., Page], boss: str, view: str) -> None:  # noqa: F811
    page = open_browser(**VIEWS[view])
    _enter(page, live_server, boss)
    page.goto(f"{live_server}/schemes")
    assert_sound(page)
    page.goto(f"{live_server}/schemes/zongshen-satisfaction")
    assert_sound(page)
