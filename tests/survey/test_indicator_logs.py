"""Visits, projects, goals and notes come in by file; corrections keep the old value, its reason and who made them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.indicators import events, facts, goals, notes, revisions
from survey.models.company import Period
from survey.models.facts import (
    ConductEvent,
    Goal,
    IndicatorFact,
    LossDiagnosis,
    MonitoringNote,
    Project,
    Revision,
    Visit,
)
from survey.models.roster import Rep

Evenhand = Callable[..., Result]
Bring = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def staffed(evenhand: Evenhand, bring: Bring) -> None:
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    bring("reps", "code,name,email\nR1,王建国,r1@h.example\nR2,Alice Archer,r2@h.example\n")


def _counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["read"], report["created"], report["updated"], report["unchanged"]


def _reasons(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(refused["row"], refused["reason"].split(":")[0]) for refused in report["refused"]]


def _place(session: Session) -> tuple[Period, Rep]:
    return session.scalars(select(Period)).one(), session.scalars(select(Rep).where(Rep.code == "R1")).one()


VISITS = (
    "业务员编号,客户,日期,陌生拜访,需求\nR1,C01,2026-03-02,,询问交期\nR1,新客户甲,2026-03-02,是,\nR1,C01,2026/3/9,否,\n"
)


def test_visits_are_known_by_whom_and_when(bring: Bring, session: Session) -> None:
    assert _counts(bring("visits", VISITS)) == (3, 3, 0, 0)
    assert _counts(bring("visits", VISITS)) == (3, 0, 0, 3)
    assert session.scalar(select(func.count(Visit.id)).where(Visit.first)) == 1
    twice = bring("visits", "rep,customer,on,first\nR1,C01,2026-03-02,yes\nR1,C01,2026-03-02,no\n")
    assert (twice["exit"], twice["created"]) == (1, 0)
    assert _counts(bring("visits", "rep,customer,on,number\nR1,C01,2026-03-02,2\n")) == (1, 1, 0, 0)
    assert bring("visits", "rep,customer,on,first\nR1,C09,2026-03-02,maybe\n")["exit"] == 1


PROJECTS = (
    "project,name,rep,importance,stage,weight,planned_on,done\n"
    "P1,高炉改造,R1,1,lead,5,2026-01-31,100%\nP1,高炉改造,R1,1,proposal,20,2026-05-31,50\n"
)


def test_projects_keep_their_stages(bring: Bring, session: Session) -> None:
    assert _counts(bring("projects", PROJECTS)) == (2, 2, 0, 0)
    assert _counts(bring("projects", PROJECTS)) == (2, 0, 0, 2)
    assert _counts(bring("projects", PROJECTS.replace(",50\n", ",80\n"), "--reason", "方案已交付")) == (2, 0, 1, 1)
    project = session.scalars(select(Project)).one()
    assert [(stage.stage, stage.weight, stage.done) for stage in project.stages] == [
        ("lead", 5, 100),
        ("proposal", 20, 80),
    ]
    kept = session.scalars(select(Revision)).one()
    assert (kept.kind, kept.before, kept.reason, kept.by) == (
        "project_stage", {"done": 50}, "方案已交付", "command line",
    )  # fmt: skip


def test_a_stage_is_taken_out_only_with_approval(bring: Bring) -> None:
    text = "project,name,rep,stage,weight,planned_on,done,removed,approved_by\nP1,X,R1,bid,25,2026-03-01,0,客户取消,"
    assert _reasons(bring("projects", f"{text}\n")) == [(2, "Taking a stage out needs who approved it (approved_by).")]
    assert bring("projects", f"{text}boss@h.example\n")["exit"] == 0


def test_a_goal_nobody_could_check_is_refused_with_three_reasons(bring: Bring, session: Session) -> None:
    report = bring("goals", "period,rep,text\n2026-H1,R1,增加销售额\n")
    assert _reasons(report) == [(2, "Not measurable"), (2, "Not time-bound"), (2, "Not agreed")]
    assert session.scalar(select(func.count(Goal.id))) == 0


def test_a_goal_with_amount_day_and_acceptance_is_kept(bring: Bring, session: Session) -> None:
    good = (
        "period,rep,text,indicator,target,unit,due_on,accepted_by,accepted_on\n"
        "2026-H1,R1,完成100个新客户签约,new_customers,100,个,2026-06-30,王建国,2026-01-05\n"
    )
    assert _counts(bring("goals", good)) == (1, 1, 0, 0)
    assert _counts(bring("goals", good)) == (1, 0, 0, 1)
    late = good.replace("2026-06-30", "2026-07-31")
    assert bring("goals", late)["refused"][0]["column"] == "due_on"


def test_a_proposed_goal_counts_once_its_rep_accepts_it(session: Session, now: datetime) -> None:
    period, rep = _place(session)
    row = goals.GoalRow(period="2026-H1", rep="R1", text="增加销售额")  # type: ignore[call-arg]
    with pytest.raises(goals.GoalRefused) as refusal:
        goals.propose(session, period, rep, row, by="boss@h.example", at=now)
    assert len(refusal.value.problems) == 2
    row = goals.GoalRow(
        period="2026-H1", rep="R1", text="100 contracts", target="100", unit="contracts", due_on="2026-06-30",
    )  # type: ignore[call-arg]  # fmt: skip
    goal = goals.propose(session, period, rep, row, by="boss@h.example", at=now)
    with pytest.raises(goals.UnknownGoal):
        goals.accept(session, goal.id, select(Rep.id).where(Rep.code == "R2"), by="r2", at=now, on=date(2026, 1, 5))
    goals.accept(session, goal.id, select(Rep.id).where(Rep.code == "R1"), by="r1", at=now, on=date(2026, 1, 5))
    assert (goal.proposed_by, goal.accepted_by, goal.accepted_on) == ("boss@h.example", "r1", date(2026, 1, 5))


def test_notes_carry_source_and_day_and_none_is_of_tomorrow(bring: Bring, session: Session, now: datetime) -> None:
    assert _counts(bring("notes", "rep,on,source,text\nR1,2026-03-02,随访观察,讲解清楚\n")) == (1, 1, 0, 0)
    assert session.scalar(select(MonitoringNote.source)) == "observation"
    assert bring("notes", "rep,on,source,text\nR1,2026-03-02,hearsay,x\n")["refused"][0]["column"] == "source"
    _, rep = _place(session)
    row = notes.NoteRow(rep="R1", on="2026-03-03", source="report", text="x")  # type: ignore[arg-type]
    with pytest.raises(notes.NoteRefused):
        notes.write(session, rep, row, on=date(2026, 3, 2), by="b", at=now)


def test_a_fact_without_a_value_says_why(bring: Bring, session: Session) -> None:
    head = "period,rep,indicator,value,missing,note,approved_by,evidence\n"
    bad = bring("facts", f"{head}2026-H1,R1,a,,,,,\n2026-H1,R1,b,,not_applicable,,,\n2026-H1,R1,c,,未提交,,,\n"
                         "2026-H1,R1,d,5,not_measured,,,\n")  # fmt: skip
    assert [refused["row"] for refused in bad["refused"]] == [2, 3, 4, 5]
    good = f"{head}2026-H1,R1,b,,不适用,爬坡期,boss@h.example,\n2026-H1,R1,c,,withheld_by_rep,,,邮件三次催交\n"
    assert _counts(bring("facts", good)) == (2, 2, 0, 0)
    stored = session.execute(select(IndicatorFact.indicator, IndicatorFact.value, IndicatorFact.missing)).all()
    assert sorted(tuple(fact) for fact in stored) == [("b", None, "not_applicable"), ("c", None, "withheld_by_rep")]


def test_a_correction_keeps_the_old_value_its_reason_and_who(bring: Bring, session: Session, now: datetime) -> None:
    bring("facts", "period,rep,indicator,value,target\n2026-H1,R1,sales,92,100\n")
    period, rep = _place(session)
    row = facts.FactRow(period="2026-H1", rep="R1", indicator="sales", value="95", target="100")  # type: ignore[call-arg,arg-type]
    with pytest.raises(revisions.ReasonMissing):
        facts.enter(session, period, rep, row, by="boss@h.example", at=now)
    fact = facts.enter(session, period, rep, row, reason="退货已冲回", by="boss@h.example", at=now)
    assert (fact.value, fact.target) == (95, 100)
    old = revisions.history(session, IndicatorFact, [fact.id])[fact.id]
    assert [(one.before, one.reason, one.by) for one in old] == [({"value": 92}, "退货已冲回", "boss@h.example")]
    facts.enter(session, period, rep, row, by="boss@h.example", at=now)
    assert len(revisions.history(session, IndicatorFact, [fact.id])[fact.id]) == 1


def test_an_event_has_its_reply_and_its_decision(bring: Bring, session: Session, now: datetime) -> None:
    bring("events", "period,rep,category,on,points,fact\n2026-H1,R1,complaint,2026-03-02,2,交货迟延\n")
    event = session.scalars(select(ConductEvent)).one()
    assert (event.decision, event.reply) == ("open", None)
    with pytest.raises(events.NothingWritten):
        events.reply(session, event, "  ", by="r1@h.example", at=now)
    events.reply(session, event, "物流停运，非本人原因", by="r1@h.example", at=now)
    events.reply(session, event, "物流停运", by="r1@h.example", at=now)
    with pytest.raises(events.EventRefused):
        events.decide(session, event, "overturned", "x", by="R1@h.example", at=now)
    with pytest.raises(revisions.ReasonMissing):
        events.decide(session, event, "overturned", "", by="hr@h.example", at=now)
    events.decide(session, event, "overturned", "物流公司已确认", by="hr@h.example", at=now)
    assert (event.decision, event.reply, event.decided_by) == ("overturned", "物流停运", "hr@h.example")
    kept = [one.before for one in revisions.history(session, ConductEvent, [event.id])[event.id]]
    assert kept[0]["decision"] == "open"
    assert kept[1]["reply"] == "物流停运，非本人原因"
    with pytest.raises(events.UnknownEvent):
        events.find(session, event.id, select(Rep.id).where(Rep.code == "R2"))


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("losses", "opened"), [((1, 1), ["2026-H1"]), ((0, 1), []), ((2, 0), ["2025-H2"]), ((0, 2), ["2026-H1"])]
)
def test_losses_open_a_record_in_whatever_order_they_come_in(
    bring: Bring, evenhand: Callable[..., Result], session: Session, losses: tuple[int, int], opened: list[str]
) -> None:
    """One or none in each half-year; what happened first is imported last."""
    evenhand("period", "add", "2025-H2", "--from", "2025-07-01", "--to", "2025-12-31")
    for period, lost in reversed([*zip(("2025-H2", "2026-H1"), losses, strict=True)]):
        bring("facts", f"period,rep,indicator,value\n{period},R1,老客户流失数,{lost}\n")
    found = session.scalars(select(Period.code).join(LossDiagnosis, LossDiagnosis.period_id == Period.id)).all()
    assert found == opened
