"""What an appraisal rests on, by source, counted: records, logs, what was agreed, heard and asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from survey.appraisals.statement import Source
from survey.indicators.notes import SOURCES
from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal, IndicatorFact, MonitoringNote, Project, ProjectStage, Visit

_NAMES = {
    "facts": ("指标记录", "indicator facts"),
    "events": ("扣分事件", "events"),
    "visits": ("拜访记录", "visits"),
    "accompanied": ("其中随访", "of them accompanied"),
    "stages": ("项目节点", "project stages"),
    "goals": ("认可的目标", "accepted goals"),
    "answers": ("客户答卷", "customers’ answers"),
    **SOURCES,
}


def counted(session: Session, period: Period) -> dict[int, dict[str, int]]:
    """By rep id, how many entries of each source lie in a period."""
    of_period, visits = IndicatorFact.period_id == period.id, Visit.on.between(period.from_on, period.to_on)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for code, model, where in (
        ("facts", IndicatorFact, (of_period, IndicatorFact.value.is_not(None))),
        ("events", ConductEvent, (ConductEvent.period_id == period.id,)),
        ("visits", Visit, (visits,)),
        ("accompanied", Visit, (visits, Visit.accompanied_by.is_not(None))),
        ("goals", Goal, (Goal.period_id == period.id, Goal.accepted_on.is_not(None))),
    ):
        for rep, count in _counts(session, model, *where):
            found[rep][code] = count
    stages = select(Project.rep_id, func.count()).join(ProjectStage).group_by(Project.rep_id)
    for rep, count in session.execute(stages):
        found[rep]["stages"] = count
    notes = (
        select(MonitoringNote.rep_id, MonitoringNote.source, func.count())
        .where(MonitoringNote.on.between(period.from_on, period.to_on))
        .group_by(MonitoringNote.rep_id, MonitoringNote.source)
    )
    for rep, source, count in session.execute(notes):
        found[rep][source] = count
    return found


def _counts(session: Session, model: Any, *where: ColumnElement[bool]) -> Iterable[tuple[int, int]]:
    return iter(session.execute(select(model.rep_id, func.count()).where(*where).group_by(model.rep_id)))


def named(counts: Mapping[str, int], answers: int | None) -> tuple[Source, ...]:
    """The sources that have something, in a fixed order; `answers` are the customers' own, None where withheld."""
    every = {**counts, "answers": answers or 0}
    return tuple(
        Source(code=code, name_zh=zh, name_en=en, count=every[code])
        for code, (zh, en) in _NAMES.items()
        if every.get(code)
    )
