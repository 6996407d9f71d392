"""Facts in the browser: the manager enters for their own reps, the rep replies and accepts, the reviewer reviews."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import schemes
from survey.appraisals import drawing
from survey.models.company import Period
from survey.models.facts import (
    ConductEvent,
    FairTarget,
    Goal,
    IndicatorFact,
    LossDiagnosis,
    MonitoringNote,
    PlanItem,
    ProjectStage,
    Provision,
    Revision,
    Sale,
    SelfSummary,
    Visit,
)
from survey.models.roster import Assignment, Customer, Rep, Territory

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


def test_repeated_losses_ask_for_the_causes_before_anybody_is_blamed(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session, now: datetime
) -> None:
    """One lost, then two: the manager looks for the causes, a reviewer leaves one out, and the appraisal counts one."""
    lost = {"indicator": "lost_customers", "value": "1"}
    assert post(boss, look, "/facts/R02/fact", **lost).status_code == 303
    assert "look into the causes" not in look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    twice = {"indicator": "lost_customers", "value": "2", "reason": "补记"}
    assert post(boss, look, "/facts/R02/fact", **twice).status_code == 303
    assert "Customers were lost again and again (2)" in look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    record = f"/facts/R02/diagnoses/{session.scalars(select(LossDiagnosis)).one().id}"
    reviewer = sign_in(person("reviewer"))
    early = post(reviewer, look, f"{record}/exemption", exempted="1", reason="断货")
    assert "the causes come first" in look(early).text
    assert post(boss, look, f"{record}/causes", finding="断货三周").status_code == 400
    assert post(boss, look, f"{record}/causes", causes="supply", finding="断货三周").status_code == 303
    assert post(boss, look, f"{record}/exemption", exempted="1", reason="断货").status_code == 404
    assert post(reviewer, look, f"{record}/exemption", exempted="3", reason="断货").status_code == 400
    assert post(reviewer, look, f"{record}/exemption", exempted="1", reason="断货").status_code == 303
    session.rollback()
    sold = (("sales", 450), ("last_sales", 400), ("new_customer_sales", 30))
    for name, value in (("cold_visits", 25), ("new_customers", 3), ("growth", 12.5), *sold):
        fact = {"indicator": name, "value": str(value), "target": str(value)}
        assert post(boss, look, "/facts/R02/fact", **fact).status_code == 303
    version = schemes.adopt(session, schemes.shipped()["four-counts"], by="hr", at=now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="c", at=now).appraisals
    part = next(one for one in row.outcome["parts"] if one["code"] == "lost_customers")
    assert (part["actual"], part["printed"]) == (1, "13.3")
    assert "D-2026-H1-R02" in part["remark_en"]
    assert part["remark_en"].endswith("net new 0.5 = 3 won − 2.5 × 1 lost")
    assert row.statement["causes"]["exempted"] == 1
    assert {one["code"]: one["count"] for one in row.statement["sources"]} == {"facts": 7}
    session.commit()
    page = look(reviewer.get(f"/appraisals/{row.id}?lang=en")).text
    assert "last period 400 – new customers +30 +7.5 existing customers +20 +5.0 this period 450 +12.5" in page
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert "供货问题" in look(rep.get("/facts/R02?period=2026-H1&lang=zh")).text


def test_customers_at_risk_are_named_to_the_rep_and_their_manager_and_to_nobody_else(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    assert "Customers at risk" not in look(boss.get("/facts?lang=en")).text
    assert "No orders have been imported yet" in look(boss.get("/facts/R02/at-risk?lang=en")).text
    rep = session.scalars(select(Rep).where(Rep.code == "R02")).one()
    stopped, buying = Customer(code="K1", name="客户甲"), Customer(code="K2", name="客户乙")
    session.add_all([stopped, buying])
    session.flush()
    held = {"territory_id": session.scalars(select(Territory.id)).first(), "served_from": date(2025, 1, 1)}
    session.add_all(Assignment(customer_id=one.id, rep_id=rep.id, **held) for one in (stopped, buying))
    session.add(Sale(number="S1", customer_id=stopped.id, on=date(2025, 2, 5), amount=900))
    session.add(Sale(number="S2", customer_id=buying.id, on=date(2025, 6, 30), amount=70))
    session.commit()
    listed = look(boss.get("/facts?lang=en"))
    assert "/facts/R02/at-risk" in listed.links
    own = sign_in(person("rep", "r02@harbour.example", "李思远"))
    desk = look(own.get("/my/results?lang=en"))
    assert "1 customer of yours is at risk" in desk.text
    assert "/facts/R02/at-risk" in desk.links
    for reader in (boss, own, sign_in(person("reviewer"))):
        page = look(reader.get("/facts/R02/at-risk?lang=en")).text
        assert "客户甲 K1 no order Feb 5, 2025 145 days 900 0 −900" in page
        assert "客户乙" not in page
        assert "Nothing is deducted because somebody stands here" in page
    other = sign_in(person("rep", "r03@harbour.example", "张晨曦"))
    assert other.get("/facts/R02/at-risk").status_code == 404
    assert sign_in(person("administrator")).get("/facts/R02/at-risk").status_code == 404


def test_visits_and_stages_are_written_down(boss: FlaskClient, look: Look, session: Session) -> None:
    visit = {"customer": "C1", "on": "2026-03-02", "first": "no", "need": "询问交期", "accompanied_by": "主管"}
    assert post(boss, look, "/facts/R02/visit", **visit).status_code == 303
    assert post(boss, look, "/facts/R02/visit", **visit).status_code == 303
    assert session.scalars(select(Visit.place).order_by(Visit.place)).all() == [1, 2]
    assert post(boss, look, "/facts/R02/visit", **{**visit, "on": "2026-12-01"}).status_code == 400
    assert look(boss.get("/facts/R02?period=2026-H1&lang=zh")).text.count("询问交期") == 2
    stage = {
        "code": "P1",
        "name": "高炉改造",
        "stage": "投标",
        "weight": "25",
        "planned_on": "2026-05-15",
        "done": "40%",
    }
    assert post(boss, look, "/facts/R02/stage", **stage).status_code == 303
    assert post(boss, look, "/facts/R02/stage", **{**stage, "done": "60"}).status_code == 400
    assert post(boss, look, "/facts/R02/stage", **{**stage, "done": "60", "reason": "补交标书"}).status_code == 303
    assert post(boss, look, "/facts/R03/stage", **{**stage, "stage": "签约"}).status_code == 400
    session.rollback()
    stored = session.scalars(select(ProjectStage)).one()
    assert (stored.done, stored.project.name, stored.project.importance) == (60, "高炉改造", 1)
    assert session.scalars(select(Revision)).one().before == {"done": 40}


def test_a_fact_may_be_missing_with_its_reason(boss: FlaskClient, look: Look, session: Session) -> None:
    absent = {"indicator": "network", "missing": "not_applicable", "note": "新片区"}
    assert "who approved it" in look(post(boss, look, "/facts/R02/fact", **absent)).text
    assert post(boss, look, "/facts/R02/fact", **absent, approved_by="hr@harbour.example").status_code == 303
    assert session.scalars(select(IndicatorFact)).one().missing == "not_applicable"


def test_a_corrected_event_is_reviewed_again(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    assert post(boss, look, "/facts/R02/event", **EVENT, expires_on="2026-03-02").status_code == 400
    assert post(boss, look, "/facts/R02/event", **EVENT, expires_on="2026-09-30", multiplier="2").status_code == 303
    event = session.scalars(select(ConductEvent)).one().id
    reviewer = sign_in(person("reviewer"))
    decided = post(reviewer, look, f"/facts/R02/events/{event}/decision", decision="confirmed", reason="已核实")
    assert decided.status_code == 303
    assert (
        "written down already"
        in look(post(boss, look, "/facts/R02/event", **EVENT, expires_on="2026-09-30", multiplier="2")).text
    )
    changed = {**EVENT, "points": "1", "reason": "只算一次"}
    assert post(boss, look, "/facts/R02/event", **changed).status_code == 303
    session.rollback()
    stored = session.scalars(select(ConductEvent)).one()
    assert (stored.points, stored.multiplier, stored.expires_on, stored.decision) == (1, 1, None, "open")


def test_a_plan_is_written_by_the_manager_and_answered_by_the_rep(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    plan = {
        "item": "回款", "measure": "每周对账", "support": "财务每周发对账单", "support_by": "财务部",
        "metric": "逾期款减半", "need": "5", "quick": "5", "payoff": "4",
    }  # fmt: skip
    undated = post(boss, look, "/facts/R02/plan", **plan)
    assert undated.status_code == 400
    assert "#plan-due_on" in look(undated).links
    days = {"starts_on": "2026-07-10", "due_on": "2026-09-30"}
    assert post(boss, look, "/facts/R02/plan", **plan, **days).status_code == 303
    item = session.scalars(select(PlanItem)).one().id
    assert post(boss, look, f"/facts/R02/plan/{item}/agreement", consent="5").status_code == 404
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert post(rep, look, f"/facts/R02/plan/{item}/agreement").status_code == 400
    assert post(rep, look, f"/facts/R02/plan/{item}/agreement", consent="4").status_code == 303
    came = {"outcome": "reached", "outcome_note": "减半"}
    assert post(rep, look, f"/facts/R02/plan/{item}/outcome", **came).status_code == 404
    assert post(boss, look, f"/facts/R02/plan/{item}/outcome", **came).status_code == 303
    text = look(rep.get("/facts/R02?period=2026-H1&lang=en")).text
    assert "18 of 20" in text
    assert "reached: 减半" in text
    assert post(rep, look, f"/facts/R02/plan/{item}/agreement", consent="0").status_code == 400, "it is over"
    assert post(boss, look, "/facts/R02/plan", **{**plan, "item": "报表"}, **days).status_code == 303
    other = session.scalars(select(PlanItem.id).where(PlanItem.item == "报表")).one()
    assert post(rep, look, f"/facts/R02/plan/{other}/agreement", consent="0").status_code == 303
    assert "left out, whatever the other principles say" in look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    later = look(boss.get("/facts/R02?period=2026-H2&lang=en")).text
    assert "What came of the last plan 2026-H1 回款" in later
    assert "报表" not in later


def test_a_vague_note_is_said_to_be_and_the_rep_replies(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    vague = {"on": "2026-03-02", "source": "feedback", "text": "态度要改进"}
    assert post(boss, look, "/facts/R02/note", **vague).status_code == 303
    page = look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    assert "Kept, but vague: it names no indicator and no fact." in page
    visit = {
        "on": "2026-03-03", "source": "observation", "text": "随访", "customer": "海川商行", "well": "先问需求",
        "agreed": "下周交报价",
    }  # fmt: skip
    assert post(boss, look, "/facts/R02/note", **visit).status_code == 303
    page = look(boss.get("/facts/R02?period=2026-H1&lang=en")).text
    assert page.count(" vague ") == 1
    assert "Customer 海川商行 · Went well 先问需求 · Agreed next 下周交报价" in page
    note = session.scalars(select(MonitoringNote.id).order_by(MonitoringNote.id)).first()
    assert post(boss, look, f"/facts/R02/notes/{note}/reply", reply="x").status_code == 404
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert post(rep, look, f"/facts/R02/notes/{note}/reply", reply=" ").status_code == 400
    assert post(rep, look, f"/facts/R02/notes/{note}/reply", reply="请说明是哪一次").status_code == 303
    assert "请说明是哪一次" in look(boss.get("/facts/R02?period=2026-H1&lang=zh")).text


def test_what_the_company_owes_is_dated_and_its_coming_written_down(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    owed = {"kind": "resource", "what": "市场报告"}
    assert "when it is due, or when it was given" in look(post(boss, look, "/facts/R02/provision", **owed)).text
    assert post(boss, look, "/facts/R02/provision", **owed, due_on="2026-03-01").status_code == 303
    trained = {"kind": "training", "what": "产品知识", "hours": "12", "done_on": "2026-02-10"}
    assert post(boss, look, "/facts/R02/provision", **trained).status_code == 303
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    page = look(rep.get("/facts/R02?period=2026-H1&lang=en")).text
    assert "Hours of training in this period: 12" in page
    assert "not given yet" in page
    entry = session.scalars(select(Provision.id).where(Provision.kind == "resource")).one()
    given = f"/facts/R02/provisions/{entry}/given"
    assert post(rep, look, given, done_on="2026-03-09").status_code == 404
    assert post(boss, look, given, done_on="2026-03-09").status_code == 303
    assert post(boss, look, given, done_on="2026-03-10").status_code == 400  # corrected only with a reason
    assert "not given yet" not in look(rep.get("/facts/R02?period=2026-H1&lang=en")).text


def test_a_summary_is_the_reps_alone_until_it_is_sent(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    parts = {"reached": "签约八家", "hard": "断货", "better": "提前备货"}
    assert post(rep, look, "/facts/R02/summary", reached="签约八家").status_code == 400
    assert post(rep, look, "/facts/R02/summary", **parts, send="no").status_code == 303
    assert "签约八家" in rep.get("/facts/R02?period=2026-H1").get_data(as_text=True)
    assert "签约八家" not in boss.get("/facts/R02?period=2026-H1").get_data(as_text=True)
    assert post(boss, look, "/facts/R02/summary", **parts).status_code == 404
    assert post(rep, look, "/facts/R02/summary", **parts, send="yes").status_code == 303
    assert "签约八家" in look(boss.get("/facts/R02?period=2026-H1")).text
    session.rollback()
    rep_id = session.scalars(select(Rep.id).where(Rep.code == "R02")).one()
    assert session.scalars(select(SelfSummary)).one().rep_id == rep_id


def test_what_a_goal_reached_is_written_down(
    boss: FlaskClient, person: Callable[..., str], sign_in: SignIn, look: Look, session: Session
) -> None:
    good = {"text": "完成100个新客户签约", "target": "100", "unit": "个", "due_on": "2026-06-30"}
    assert post(boss, look, "/facts/R02/goal", **good).status_code == 303
    goal = session.scalars(select(Goal)).one().id
    rep = sign_in(person("rep", "r02@harbour.example", "李思远"))
    assert post(rep, look, f"/facts/R02/goals/{goal}/acceptance").status_code == 303
    assert post(rep, look, f"/facts/R02/goals/{goal}/reached", done="100").status_code == 404
    assert post(boss, look, f"/facts/R02/goals/{goal}/reached", done="viel").status_code == 400
    assert post(boss, look, f"/facts/R02/goals/{goal}/reached", done="80").status_code == 303
    assert post(boss, look, f"/facts/R02/goals/{goal}/reached", done="85").status_code == 400
    session.rollback()
    assert session.scalars(select(Goal)).one().done == 80


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
