"""Stages of projects as they count by a period's last day: late ones, and those the customer stopped; trainings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from scoring.scheme import Scheme
from survey.appraisals.counting import counted, lanes, works
from survey.appraisals.measured import COUNTED, facts
from survey.models.company import Period
from survey.models.facts import IndicatorFact, Project, ProjectStage, Provision
from survey.models.roster import Rep
from survey.schemes import SHIPPED


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_late_stage_loses_what_the_scheme_says_and_a_stopped_one_is_not_planned(session: Session) -> None:
    """Planned 5 + 10; done 5, and 10 forty days late: two steps of 5 %, so 14 of 15. The bid was taken out."""
    period = Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))
    rep = Rep(code="R1", name="张三")
    session.add_all([period, rep])
    session.flush()
    project = Project(code="P1", rep_id=rep.id, name="高炉改造", importance=1.0)
    session.add(project)
    session.flush()
    for stage, weight, planned, done, done_on, removed in (
        ("lead", 5, date(2026, 1, 15), 100, None, None),
        ("needs", 10, date(2026, 2, 15), 100, date(2026, 3, 27), None),
        ("bid", 25, date(2026, 5, 15), 0, None, "客户推迟招标"),
        ("contract", 60, date(2026, 9, 15), 100, date(2026, 9, 1), None),
    ):
        session.add(
            ProjectStage(
                project_id=project.id, stage=stage, weight=weight, planned_on=planned, done=done, done_on=done_on,
                removed=removed, approved_by="hr@h.example" if removed else None,
            )
        )  # fmt: skip
    session.flush()
    shipped = Scheme.from_toml((SHIPPED / "stage-milestones.toml").read_text(encoding="utf-8"))
    stages, *others = shipped.indicators
    late = replace(shipped, indicators=(replace(stages, late_step=0.05), *others))
    logged = works(session, period, [rep.id])
    assert counted(shipped, logged) == {(rep.id, "milestones"): (15, 15)}
    assert counted(late, logged) == {(rep.id, "milestones"): (pytest.approx(14), 15)}
    (lane,) = lanes(session, period, late)[rep.id]
    drawn = {one.name: (one.planned, one.done, one.days_late, one.removed) for one in lane.stages}
    assert drawn == {
        "lead": (1, 1, 0, ""), "needs": (1, 1, 40, ""), "bid": (0, 0, 0, "客户推迟招标"), "contract": (0, 0, 0, ""),
    }  # fmt: skip
    assert lane.whole == 100
    assert [one.days_late for one in lanes(session, period, shipped)[rep.id][0].stages] == [0, 0, 0, 0]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_hours_of_trainings_given_in_the_period_count_against_an_agreed_target(session: Session, now: datetime) -> None:
    """12 + 20 hours; one given later, one still owed and an exam do not count. What was entered stands before it."""
    period = Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))
    rep, other = Rep(code="R1", name="张三"), Rep(code="R2", name="李四")
    session.add_all([period, rep, other])
    session.flush()
    for kind, hours, done_on in (
        ("training", 12, date(2026, 2, 10)), ("training", 20, date(2026, 6, 30)), ("training", 9, date(2026, 7, 1)),
        ("training", 9, None), ("exam", 9, date(2026, 3, 1)),
    ):  # fmt: skip
        session.add(
            Provision(
                rep_id=rep.id, kind=kind, what="产品知识", hours=hours, due_on=date(2026, 5, 1), done_on=done_on,
                written_at=now, written_by="a",
            )
        )  # fmt: skip
    asked = {"period_id": period.id, "indicator": "training_hours", "target": 40.0}
    session.add(IndicatorFact(rep_id=rep.id, missing="not_measured", **asked))
    session.add(IndicatorFact(rep_id=other.id, missing="not_measured", **asked))
    session.flush()
    scheme = Scheme.from_toml((SHIPPED / "technical-newcomer-0-3.toml").read_text(encoding="utf-8"))
    found = {one.rep: one for one in facts(session, period, scheme)}
    assert (found["R1"].value, found["R1"].target, found["R1"].evidence) == (32, 40, COUNTED)
    assert (found["R2"].value, found["R2"].missing) == (None, "not_measured")
    session.query(IndicatorFact).filter_by(rep_id=rep.id).update({"missing": None, "value": 30.0})
    assert 30 in [one.value for one in facts(session, period, scheme)]
