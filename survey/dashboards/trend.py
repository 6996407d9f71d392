"""One rep's scores over the last periods, each as its own run stored it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from scoring.spec import AdjustmentSpec
from survey.dashboards.shown import WITHHELD, as_shown
from survey.models import Period, RepScore, Run

PERIODS = 6
"""How many periods are looked back on, the shown one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period: the score as far as it may be seen, and the mean of the reps shown in that run. `window` is how many
    periods its answers come from."""

    name: str
    window: int
    evidence: str
    customers: int | None
    raw: float | None
    adjusted: float | None
    low: float | None
    high: float | None
    mean: float | None


def trend(session: Session, rep_id: int, period: Period, item: str) -> tuple[Point, ...]:
    """The periods up to this one whose last run scored this item, the oldest first."""
    runs = {run: (code, spec) for run, code, spec in _runs(session, period) if scores_item(spec, item)}
    found = session.scalars(
        select(RepScore).where(RepScore.rep_id == rep_id, RepScore.item == item, RepScore.run_id.in_(runs))
    )
    rows = {row.run_id: row for row in found}
    means = _means(session, {run: spec for run, (_, spec) in runs.items()}, item)
    points = []
    for run, (code, spec) in runs.items():
        score = as_shown(rows.get(run))
        points.append(
            Point(
                name=code, window=spec.window, evidence=score.evidence, customers=score.customers, raw=score.raw,
                adjusted=score.adjusted, low=score.low, high=score.high, mean=means.get(run),
            )
        )  # fmt: skip
    return tuple(points)


def scores_item(spec: AdjustmentSpec, item: str) -> bool:
    names = {one.name for one in spec.items} | ({spec.composite.name} if spec.composite else set())
    return item in names


def _runs(session: Session, period: Period) -> Sequence[tuple[int, str, AdjustmentSpec]]:
    """The last run of each of the last periods, the oldest period first."""
    newest = select(func.max(Run.id)).group_by(Run.period_id)
    found = session.execute(
        select(Run.id, Period.code, Run.spec)
        .join(Period, Period.id == Run.period_id)
        .where(Run.id.in_(newest), Period.from_on <= period.from_on)
        .order_by(Period.from_on.desc())
        .limit(PERIODS)
    ).all()
    return [(run, code, AdjustmentSpec.from_toml(spec)) for run, code, spec in reversed(found)]


def _means(session: Session, specs: dict[int, AdjustmentSpec], item: str) -> dict[int, float]:
    """Each run's mean over the reps shown, weighted as that run weighs them."""
    of_customers, of_answers = _mean(RepScore.customers), _mean(RepScore.responses)
    found = session.execute(
        select(RepScore.run_id, of_customers, of_answers)
        .where(
            RepScore.run_id.in_(specs), RepScore.item == item, RepScore.evidence != WITHHELD,
            RepScore.adjusted.is_not(None),
        )
        .group_by(RepScore.run_id)
    )  # fmt: skip
    means = {run: answers if specs[run].weights == "response" else customers for run, customers, answers in found}
    return {run: float(mean) for run, mean in means.items() if mean is not None}


def _mean(weight: InstrumentedAttribute[int | None]) -> ColumnElement[float | None]:
    return func.sum(RepScore.adjusted * weight) / func.nullif(func.sum(weight), 0)
