"""Stages of projects as they count by a period's last day: late ones, and those the customer stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from scoring.scheme import Scheme
from survey.appraisals.counting import counted, lanes, works
from survey.models import Period, Project, ProjectStage, Rep
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
