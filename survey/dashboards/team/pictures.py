"""The team as pictures: the funnel, territory by territory, the change since the last time, what the adjustment did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from scoring.verdicts import Verdict, verdict
from survey.dashboards.shown import territories_of
from survey.dashboards.team import Team, TeamRow
from survey.models.company import Period
from survey.models.scoring import Run, ScoreChange, ScoreStep

UNUSUAL, ABNORMAL = 0.95, 0.998
MOST_DRAWN = 300
"""More reps than this are not drawn one by one: the page would be heavy and nobody could tell them apart."""


MOST_ON_A_SHEET = 40
"""Reps drawn on one page of territories, so that it loads at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One rep in the funnel: the effective number of customers, the adjusted score, and the limits of chance there."""

    row: TeamRow
    customers: float
    score: float
    low: float
    high: float
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelPage:
    """The shown reps about the average of the company (Spiegelhalter 2005). `dispersion` is φ̂."""

    points: tuple[Point, ...]
    page: tuple[Point, ...]
    average: float
    variance: float
    dispersion: float

    def limits(self, customers: float, confidence: float) -> tuple[float, float]:
        """Where chance alone would leave a score of so many customers."""
        half = _normal(confidence) * math.sqrt(self.variance / customers)
        return self.average - half, self.average + half

    @property
    def fewest(self) -> float:
        """The smallest number of customers behind a score."""
        return min(point.customers for point in self.points)

    @property
    def most(self) -> float:
        return max(point.customers for point in self.points)

    @property
    def lowest(self) -> float:
        """The lowest score shown."""
        return min(point.score for point in self.points)

    @property
    def highest(self) -> float:
        return max(point.score for point in self.points)

    @property
    def outside(self) -> int:
        """How many lie beyond the 99.8 % limits."""
        return sum(point.standing == "abnormal" for point in self.points)


@cache
def _normal(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def funnel_page(team: Team) -> FunnelPage | None:
    """The funnel of a team; none where nothing could be estimated."""
    item = team.item
    if item is None or item.average is None or item.customer_variance is None or item.dispersion is None:
        return None
    empty = FunnelPage(
        points=(), page=(), average=item.average, variance=item.customer_variance, dispersion=item.dispersion
    )
    return replace(empty, points=_points(empty, team.rows), page=_points(empty, team.page))


def _points(funnel: FunnelPage, rows: Sequence[TeamRow]) -> tuple[Point, ...]:
    found = []
    for row in rows:
        customers, score = row.score.effective, row.score.adjusted
        if not customers or score is None:
            continue
        (low, high), (lowest, highest) = funnel.limits(customers, UNUSUAL), funnel.limits(customers, ABNORMAL)
        standing = "usual" if low <= score <= high else "unusual" if lowest <= score <= highest else "abnormal"
        found.append(Point(row=row, customers=customers, score=score, low=low, high=high, standing=standing))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One territory: its reps by name (on a page, those there is room for), how many there are, how many of them are
    shown, and the mean of those."""

    name: str
    rows: tuple[TeamRow, ...]
    reps: int
    shown: int
    mean: float | None


def territories_page(session: Session, team: Team) -> tuple[Place, ...]:
    """The team territory by territory, by name; whoever works in several stands in each."""
    assert team.run is not None
    of_rep = territories_of(session, team.run, team.everybody)
    by_name: dict[str, list[TeamRow]] = {}
    for row in team.rows:
        for name in of_rep.get(row.id, ()):
            by_name.setdefault(name, []).append(row)
    return tuple(_place(name, by_name[name]) for name in (team.options.territories.values() if team.options else ())
                 if name in by_name)  # fmt: skip


def _place(name: str, rows: Sequence[TeamRow]) -> Place:
    shown = [(row.score.adjusted, row.score.customers) for row in rows if row.score.adjusted is not None]
    weight = sum(customers or 0 for _, customers in shown)
    mean = sum(score * (customers or 0) for score, customers in shown) / weight if weight else None
    return Place(name=name, rows=tuple(rows), reps=len(rows), shown=len(shown), mean=mean)


def sheets(places: Sequence[Place], most: int = MOST_ON_A_SHEET) -> tuple[tuple[Place, ...], ...]:
    """Territories on pages of at most so many reps, in their order; one that is larger goes on on the next page."""
    pages: list[list[Place]] = [[]]
    for place in places:
        rows = place.rows
        while rows:
            room = most - sum(len(one.rows) for one in pages[-1])
            if room < min(len(rows), most):
                pages.append([])
                room = most
            pages[-1].append(replace(place, rows=rows[:room]))
            rows = rows[room:]
    return tuple(map(tuple, pages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One rep's change since the earlier run, with what was to be expected of a rep who stayed the same."""

    row: TeamRow
    earlier: float
    later: float
    difference: float
    low: float
    high: float
    expected: float | None
    verdict: Verdict

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def apart(self) -> bool:
        return self.verdict != "cannot be told apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPage:
    """`since` is the period the changes are counted from, none where there is none; `common` everybody's change."""

    since: str | None
    common: float | None
    rows: tuple[Changed, ...]
    page: tuple[Changed, ...]
    missing: int


_OF_A_CHANGE = ("earlier", "later", "difference", "low", "high", "expected", "q")


def trend_page(session: Session, team: Team) -> TrendPage:
    """The changes of everybody on the page of whom both periods say enough."""
    assert team.run is not None
    since = session.scalar(
        select(Period.code).join(Run, Run.period_id == Period.id).where(Run.id == team.run.earlier_run_id)
    )
    of_change = ScoreChange.__table__.c
    found = {
        change.rep_id: change
        for change in session.execute(
            select(of_change.rep_id, of_change.common, *(of_change[name] for name in _OF_A_CHANGE)).where(
                of_change.run_id == team.run.id, of_change.item == team.choice.item,
                of_change.rep_id.in_(team.everybody),
            )
        )
    }  # fmt: skip
    rows = [_changed(row, found[row.id]) for row in team.rows if row.id in found]
    here = {row.id for row in team.page}
    return TrendPage(
        since=since, common=next((change.common for change in found.values()), None), rows=tuple(rows),
        page=tuple(row for row in rows if row.row.id in here), missing=len(team.rows) - len(rows),
    )  # fmt: skip


def _changed(row: TeamRow, change: Any) -> Changed:
    _, _, earlier, later, difference, low, high, expected, q = change
    return Changed(
        row=row, earlier=earlier, later=later, difference=difference, low=low, high=high, expected=expected,
        verdict=verdict(difference, q),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A standard deviation in points with its 95 % interval; `high` is none where nothing bounds it."""

    sd: float
    low: float
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One rep's way from raw to adjusted, and the largest single part of it: an adjuster, or `territory`."""

    row: TeamRow
    moved: float
    reason: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentPage:
    """What the adjustment did in the whole company (`sd` of adjusted less raw, `kendall`, `spearman`, the spread of
    reps and of territories), and to whom on this page."""

    sd: float | None
    kendall: float | None
    spearman: float | None
    reps: Spread | None
    territories: Spread | None
    policy: str | None
    page: tuple[Moved, ...]


def adjustment_page(session: Session, team: Team) -> AdjustmentPage:
    """What the adjustment did to a team."""
    assert team.run is not None
    steps: dict[int, dict[str, float]] = {}
    for step in session.scalars(
        select(ScoreStep).where(
            ScoreStep.run_id == team.run.id, ScoreStep.item == team.choice.item,
            ScoreStep.rep_id.in_([row.id for row in team.page]),
        )
    ):  # fmt: skip
        steps.setdefault(step.rep_id, {})[step.adjuster] = step.amount
    record = session.scalars(select(Run).options(undefer(Run.record)).where(Run.id == team.run.id)).one().record
    told: Mapping[str, object] = record.get("items", {}).get(team.choice.item, {})
    item = team.item
    return AdjustmentPage(
        sd=item.moved_sd if item else None, kendall=item.kendall if item else None,
        spearman=item.spearman if item else None, reps=_spread(told.get("sigma2_rep")),
        territories=_spread(told.get("sigma2_territory")), policy=record.get("policy"),
        page=tuple(_moved(row, steps.get(row.id, {})) for row in team.page if row.steps is not None),
    )  # fmt: skip


def _moved(row: TeamRow, adjusters: Mapping[str, float]) -> Moved:
    assert row.steps is not None
    parts = {**adjusters, "territory": row.steps.territory}
    reason = max(parts, key=lambda name: (abs(parts[name]), name))
    return Moved(row=row, moved=row.steps.moved, reason=reason, amount=parts[reason])


def _spread(variance: object) -> Spread | None:
    if not isinstance(variance, Mapping):
        return None
    high = variance.get("high")
    return Spread(
        sd=math.sqrt(variance["estimate"]), low=math.sqrt(max(0.0, variance.get("low") or 0.0)),
        high=None if high is None else math.sqrt(high),
    )  # fmt: skip
