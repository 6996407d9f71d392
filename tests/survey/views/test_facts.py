"""Facts in the browser: the manager enters for their own reps, the rep replies and accepts, the reviewer reviews."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey.models import ConductEvent, FairTarget, Goal, IndicatorFact, MonitoringNote, Period, Rep, Revision

Look = Callable[[TestResponse], Any]
SignIn = Callable[[str], FlaskClient]
FACT = {"indicator": "collection", "value": "92%", "target": "100", "evidence": "财务月报"}
EVENT = {"category": "complaint", "on": "2026-03-02", "points": "2", "fact": "交货迟延", "in_survey": "no"}


@pytest.fixture
def boss(scored: Any, person: Callable[..., str], sign_in: SignIn) -> FlaskClient:
    return sign_in(person("manager", scored.boss))


def post(client: FlaskClient, look: Look, address: str, **data: str) -> TestResponse:
    page = address.split("/")[2]
    token = look(client.get(f"/facts/{page}?lang=en")).token
    return client.post(f"{address}?period=2026-H1&lang=en", data={**data, "csrf_token": token})


def test_a_manager_writes_a_fact_and_corrects_it_with_a_reason(boss: FlaskClient, look: Look, session: Session) -> None:
    assert post(boss, look, "/facts/R02/fact", **FACT).status_code == 303
    assert session.scalars(select(IndicatorFact)).one().value == 92
    refused = post(boss, look, "/facts/R02/fact", **{**FACT, "value": "95"})
    assert refused.status_code == 400
    assert "Write down why the stored value is corrected" in look(refused).text
    assert post(boss, look, "/facts/R02/fact", **{**FACT, "value": "95", "reason": "退货已冲回"}).status_code == 303
    page = look(boss.get("/facts/R02?period=2026-H1&lang=en"))
    assert "value 92. Reason: 退货已冲回 (boss@harbour.example)" in page.text
    session.rollback()
    assert session.scalars(select(Revision)).one().before == {"value": 92}


def test_what_cannot_be_read_is_said_at_its_field(boss: FlaskClient, look: Look, session: Session) -> None:
    refused = post(boss, look, "/facts/R02/fact", **{**FACT, "value": "much"})
    assert refused.status_code == 400
    page = look(refused)
    assert "This is not a number. Write it like 1200 or 1,200.5." in page.text
    assert "#fact-value" in page.links
    assert session.scalar(select(IndicatorFact.id)) is None


def test_an_event_goes_from_the_manager_to_the_rep_to_a_reviewer(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    assert post(boss, look, "/facts/R02/event", **EVENT).status_code == 303
    event = session.scalars(select(ConductEvent)).one().id
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert post(rep, look, f"/facts/R02/events/{event}/reply", reply="物流停运").status_code == 303
    assert post(rep, look, f"/facts/R02/events/{event}/decision", decision="overturned", reason="x").status_code == 404
    assert post(boss, look, f"/facts/R02/events/{event}/reply", reply="x").status_code == 404
    reviewer = sign_in(person("reviewer"))
    shown = look(reviewer.get("/facts/R02?period=2026-H1&lang=en")).text
    assert "物流停运" in shown
    assert (
        post(reviewer, look, f"/facts/R02/events/{event}/decision", decision="overturned", reason="").status_code == 400
    )
    decided = post(reviewer, look, f"/facts/R02/events/{event}/decision", decision="overturned", reason="已核实")
    assert decided.status_code == 303
    session.rollback()
    stored = session.scalars(select(ConductEvent)).one()
    assert (stored.reply, stored.decision, stored.decided_by) == ("物流停运", "overturned", "reviewer@harbour.example")


def test_an_event_outside_its_period_is_refused(boss: FlaskClient, look: Look) -> None:
    refused = post(boss, look, "/facts/R02/event", **{**EVENT, "on": "2025-01-01"})
    assert refused.status_code == 400
    assert "This day is outside period 2026-H1" in look(refused).text


def test_a_goal_is_refused_with_its_reasons_and_accepted_by_its_rep(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    refused = post(boss, look, "/facts/R02/goal", text="增加销售额")
    assert refused.status_code == 400
    assert "Not measurable" in look(refused).text
    assert "Not time-bound" in look(refused).text
    good = {"text": "完成100个新客户签约", "target": "100", "unit": "个", "due_on": "2026-06-30"}
    assert post(boss, look, "/facts/R02/goal", **good).status_code == 303
    goal = session.scalars(select(Goal)).one().id
    other = sign_in(person("rep", "r03@harbour.example", "张晨曦"))
    assert other.get("/facts/R02").status_code == 404
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert post(rep, look, f"/facts/R02/goals/{goal}/acceptance").status_code == 303
    session.rollback()
    assert session.scalars(select(Goal)).one().accepted_by == "r02@harbour.example"


def test_a_note_is_open_to_the_rep(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    done = post(boss, look, "/facts/R02/note", on="2026-03-02", source="observation", text="讲解清楚，未记录需求")
    assert done.status_code == 303
    assert session.scalars(select(MonitoringNote)).one().written_by == "boss@harbour.example"
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert "讲解清楚，未记录需求" in look(rep.get("/facts/R02?period=2026-H1&lang=zh")).text


def test_nobody_writes_about_themselves_or_about_others_reps(boss: FlaskClient, look: Look, session: Session) -> None:
    assert boss.get("/facts/R09").status_code == 404
    token = look(boss.get("/facts?lang=en")).token
    assert boss.post("/facts/R09/fact?period=2026-H1", data={**FACT, "csrf_token": token}).status_code == 404
    assert session.scalar(select(IndicatorFact.id)) is None


def test_the_list_names_everybody_the_person_may_see(boss: FlaskClient, look: Look) -> None:
    links = look(boss.get("/facts?period=2026-H1")).links
    assert sum(link.startswith("/facts/R") for link in links) == 8
    assert boss.get("/facts?period=1999").status_code == 404


def test_repeated_losses_ask_for_the_causes_before_anybody_is_blamed(boss: FlaskClient, look: Look) -> None:
    lost = {"indicator": "lost_customers", "value": "1"}
    assert post(boss, look, "/facts/R02/fact", **lost).status_code == 303
    assert "look into the causes" not in look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    twice = {"indicator": "lost_customers", "value": "2", "reason": "补记"}
    assert post(boss, look, "/facts/R02/fact", **twice).status_code == 303
    assert "Customers were lost again and again (2)" in look(boss.get("/facts/R02?period=2026-H1&lang=en")).text


def test_a_goal_far_above_the_territory_asks_whether_it_is_achievable(
    boss: FlaskClient, look: Look, session: Session, now: datetime
) -> None:
    rep = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    session.add(
        FairTarget(
            period_id=period.id, rep_id=rep.id, indicator="sales", target=100, adjusted=100, se_log=0.1,
            method="regression", provenance={}, why_zh="", why_en="", set_at=now, set_by="c",
        )
    )  # fmt: skip
    session.commit()
    for text, target in (("sell 110", "110"), ("sell 150", "150")):
        goal = {"text": text, "target": target, "unit": "万元", "due_on": "2026-06-30", "indicator": "sales"}
        assert post(boss, look, "/facts/R02/goal", **goal).status_code == 303
    assert look(boss.get("/facts/R02?period=2026-H1&lang=en")).text.count("is it achievable?") == 1
