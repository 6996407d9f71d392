"""What grows beside an appraisal and is no part of its points: plans, what the company gave, the rep's own summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import plans
from survey.appraisals.helping import PlanLine, Provided, Told
from survey.indicators import provisions, summaries
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.facts import PlanItem, Provision


class Beside:
    """Read once for several appraisals."""

    def __init__(self, session: Session, rows: Sequence[Appraisal]) -> None:
        places = [(row.period_id, row.rep_id) for row in rows]
        self._plans = plans.by_place(session, places)
        self._last = plans.befores(session, places)
        self._told = summaries.sent(session, places)
        self._provided: dict[tuple[int, int], list[Provision]] = defaultdict(list)
        for period in session.scalars(select(Period).where(Period.id.in_({place[0] for place in places}))):
            reps = {rep for of, rep in places if of == period.id}
            for entry in provisions.of_reps(session, period, reps):
                self._provided[period.id, entry.rep_id].append(entry)

    def of(self, row: Appraisal) -> dict[str, Any]:
        """The fields of its `Standing`."""
        place = (row.period_id, row.rep_id)
        last_period, last = self._last.get(place, ("", ()))
        told = self._told.get(place)
        return {
            "plan": tuple(_line(one) for one in self._plans.get(place, ())),
            "last_period": last_period,
            "last_plan": tuple(_line(one) for one in last),
            "provided": tuple(
                Provided(what=one.what, hours=one.hours, result=one.result or "", due_on=one.due_on,
                         done_on=one.done_on)
                for one in self._provided.get(place, ())
            ),
            "told": told and Told(reached=told.reached, hard=told.hard, better=told.better),
        }  # fmt: skip


def _line(one: PlanItem) -> PlanLine:
    return PlanLine(
        item=one.item, measure=one.measure, support=one.support, starts_on=one.starts_on, due_on=one.due_on,
        metric=one.metric, reward=one.reward or "", agreed_on=one.agreed_on, score=one.score,
        reviews=tuple(one.reviews), support_by=one.support_by, support_due_on=one.support_due_on,
        support_given_on=one.support_given_on, outcome=one.outcome or "", outcome_note=one.outcome_note or "",
    )  # fmt: skip
