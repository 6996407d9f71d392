"""One rep's scores over the last periods, each as its own run stored it, and what the last of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from scoring.verdicts import Verdict, verdict
from survey.dashboards.shown import as_shown
from survey.models.company import Period
from survey.models.scoring import RepScore, Run, RunItem, ScoreChange

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The points by which a score changed since the period `since`, from one fit of both, with `common`, the change of
    all together, and what was to be `expected` of a rep who stayed the same."""

    since: str
    difference: float
    low: float
    high: float
    common: float
    expected: float | None
    verdict: Verdict

    @property
    def apart(self) -> bool:
        return self.verdict != "cannot be told apart"


def last_change(session: Session, rep_id: int, run: Run, item: str) -> Change | None:
    """What changed since the run this one was put beside; none where either says too little."""
    found = session.execute(
        select(ScoreChange, Period.code)
        .select_from(ScoreChange)
        .join(Run, Run.id == run.earlier_run_id)
        .join(Period, Period.id == Run.period_id)
        .where(ScoreChange.run_id == run.id, ScoreChange.rep_id == rep_id, ScoreChange.item == item)
    ).one_or_none()
    if found is None:
        return None
    change, since = found
    return Change(
        since=since, difference=change.difference, low=change.low, high=change.high, common=change.common,
        expected=change.expected, verdict=verdict(change.difference, change.q),
    )  # fmt: skip


def trend(session: Session, rep_id: int, period: Period, item: str) -> tuple[Point, ...]:
    """The periods up to this one whose last run scored this item, the oldest first."""
    runs = {run: (code, spec) for run, code, spec in _runs(session, period) if scores_item(spec, item)}
    found = session.scalars(
        select(RepScore).where(RepScore.rep_id == rep_id, RepScore.item == item, RepScore.run_id.in_(runs))
    )
    rows = {row.run_id: row for row in found}
    means = _means(session, runs, item)
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


def _means(session: Session, runs: Iterable[int], item: str) -> dict[int, float]:
    """Each run's mean over the reps shown, as it was stored."""
    found = session.execute(
        select(RunItem.run_id, RunItem.average).where(RunItem.run_id.in_(runs), RunItem.item == item)
    )
    return {run: average for run, average in found if average is not None}
