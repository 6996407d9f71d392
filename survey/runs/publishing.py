"""What pages may show of a run beyond its scores, worked out while scoring, suppression included, and stored.

A page only ever selects from what stands here, so no view, filter or file can show more of a small group than another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, insert, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey.models.answering import Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Rep, Territory
from survey.models.scoring import AnswerCount, RepPlace, RepReach, RepScore, Run, RunItem, ScoreChange
from survey.runs.answers import in_window

if TYPE_CHECKING:
    from scoring.adjustment import Adjustment
    from scoring.comparison.change import Change
    from scoring.results import Result

COMPARED = ("provisional", "full")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The run that the scores are compared with, its packed answers, and which (rep, item) it said enough of."""

    run_id: int
    snapshot: bytes
    compared: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Rows to be stored beside the scores; reps by code. `scores`: (rep, item) → the further columns of the score."""

    earlier_run_id: int | None
    items: tuple[Row, ...]
    scores: dict[tuple[str, str], Row]
    counts: tuple[Row, ...]
    places: tuple[tuple[str, str], ...]
    changes: tuple[Row, ...]


def earlier(session: Session, period: Period, spec: AdjustmentSpec) -> Earlier | None:
    """The last run of the nearest earlier period whose answers this run does not hold as well."""
    before = select(Period.id).where(Period.from_on < period.from_on).order_by(Period.from_on.desc())
    run = session.scalar(
        select(Run).where(Run.period_id == before.offset(spec.window - 1).limit(1).scalar_subquery())
        .order_by(Run.id.desc()).limit(1)
    )  # fmt: skip
    if run is None or AdjustmentSpec.from_toml(run.spec).window != spec.window:
        return None
    compared = session.execute(
        select(Rep.code, RepScore.item)
        .join(Rep, Rep.id == RepScore.rep_id)
        .where(RepScore.run_id == run.id, RepScore.evidence.in_(COMPARED))
    )
    return Earlier(run_id=run.id, snapshot=run.snapshot, compared=frozenset((rep, item) for rep, item in compared))


def reach(session: Session, period: Period, spec: AdjustmentSpec) -> dict[str, tuple[int, int]]:
    """By rep code, how many were asked in the periods a run spans, and how many of them answered: like the scores in
    batches, so that two runs do not tell who answered in between. Imported history says who answered and not who was
    asked, so whoever has some is left out."""
    found = session.execute(
        select(Rep.code, func.count(), func.count(Response.id))
        .join(Subject, Subject.rep_id == Rep.id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .where(in_window(period, spec), Invitation.disposition != "wrong person")
        .group_by(Rep.code)
        .having(func.sum(case((Campaign.imported, 1), else_=0)) == 0)
    )
    before = _answered_before(session, period)
    reached = {}
    for rep, asked, answered in found:
        told = before.get(rep, answered)
        reached[rep] = (asked, min(asked, told) if abs(answered - told) < spec.minimum_customers else answered)
    return reached


def _answered_before(session: Session, period: Period) -> dict[str, int]:
    """How many had answered as the last run of a period told it, by rep code, where it did."""
    last = select(func.max(Run.id)).where(Run.period_id == period.id).scalar_subquery()
    found = session.execute(
        select(Rep.code, RepReach.answered)
        .join(RepReach, RepReach.rep_id == Rep.id)
        .where(RepReach.run_id == last, RepReach.answered.is_not(None))
    )
    return {rep: answered for rep, answered in found if answered is not None}


def published(adjustment: Adjustment, snapshot: bytes, before: Earlier | None) -> Publication:
    """Everything that pages show of a run beyond its scores; with an earlier run, the changes since, from one fit of
    both, which takes longer than scoring. `snapshot` holds the run's packed answers."""
    from scoring.comparison import distances

    smallest = adjustment.spec.smallest_difference
    scores: dict[tuple[str, str], Row] = {}
    items: list[Row] = []
    for result in adjustment.results:
        item, size = _item(result, adjustment.ratings.reps, adjustment.spec.weights)
        items.append(item)
        for rep, rate in zip(result.table.reps, distances(result, smallest).tolist(), strict=True):
            q = None if math.isnan(rate) else rate
            scores[rep, result.item] = {"q": q, "effective": size.get(rep)}
    ratings = adjustment.ratings
    cells = zip(ratings.cell_rep.tolist(), ratings.cell_territory.tolist(), strict=True)
    changed = _changes(adjustment, snapshot, before) if before else None
    return Publication(
        earlier_run_id=before.run_id if before and changed is not None else None,
        items=tuple(items),
        scores=scores,
        counts=tuple(_counts(adjustment)),
        places=tuple((ratings.reps[rep], ratings.territories[territory]) for rep, territory in cells),
        changes=tuple(changed or ()),
    )


def _item(result: Result, reps: tuple[str, ...], weights: str) -> tuple[Row, dict[str, float]]:
    """What is known of an item as a whole, and every shown rep's effective number of customers.

    The average leaves those out who are withheld: with them in, subtracting everybody else would bring their numbers
    back.
    """
    import numpy as np

    from scoring.comparison import ties
    from scoring.comparison.agreement import agreement
    from scoring.comparison.funnel import funnel

    found, moved, tied = funnel(result), agreement(result), ties(result, reps)
    row: Row = {
        "item": result.item, "kendall": moved.kendall, "spearman": moved.spearman, "moved_sd": moved.sd,
        "ties": tied.packed() if tied else None, "average": None, "customer_variance": None, "dispersion": None,
    }  # fmt: skip
    if found is None or not found.reps:
        return row, {}
    table = result.table
    there = table.shown & ~np.isnan(table.numbers["adjusted"])
    weight = (table.responses if weights == "response" else table.customers)[there]
    average = float(np.average(table.numbers["adjusted"][there], weights=weight))
    row |= {"average": average, "customer_variance": found.variance, "dispersion": found.dispersion}
    return row, dict(zip(found.reps, found.customers.tolist(), strict=True))


def _counts(adjustment: Adjustment) -> Iterator[Row]:
    """How often each point was chosen about each rep, for items that are not withheld about them."""
    import numpy as np

    ratings = adjustment.ratings
    for result in adjustment.results:
        values = ratings.items.get(result.item)
        if values is None:
            continue
        shown = result.table.shown[ratings.rep] & ~np.isnan(values)
        points, place = np.unique(values[shown], return_inverse=True)
        keys, counts = np.unique(ratings.rep[shown].astype(np.int64) * len(points) + place, return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            rep, point = divmod(key, len(points))
            yield {"rep": ratings.reps[rep], "item": result.item, "value": float(points[point]), "answers": count}


def _changes(adjustment: Adjustment, snapshot: bytes, before: Earlier) -> list[Row] | None:
    """The changes since the earlier run of everybody both runs say enough of; None where the two cannot be fitted
    together, because other things were asked or known then."""
    import pandas as pd

    from scoring.adjustment import adjust
    from scoring.comparison.change import changes, stacked
    from scoring.findings import Refusal
    from scoring.ratings import Ratings

    now = frozenset(
        (rep, result.item)
        for result in adjustment.results
        for rep, evidence in zip(result.table.reps, result.table.evidence.tolist(), strict=True)
        if evidence in COMPARED
    )
    both = now & before.compared
    if not both:
        return []
    then, since = (pd.read_parquet(BytesIO(packed)) for packed in (before.snapshot, snapshot))
    if (
        not set(since.columns) <= set(then.columns)
        or then[[item.name for item in adjustment.spec.items]].isna().all().any()
    ):
        return None
    try:
        table = stacked(then, since)
        fitted = adjust(Ratings.from_table(table, adjustment.spec), adjustment.spec)
        found = {result.item: changes(fitted, result.item) for result in fitted.results}
    except Refusal:
        return None
    return [
        row
        for item, of_item in found.items()
        for row in _change_rows(item, [change for change in of_item if (change.rep, item) in both])
    ]


def _change_rows(item: str, changes: Sequence[Change]) -> Iterator[Row]:
    import numpy as np

    from scoring.comparison import false_discovery_rates

    rates = false_discovery_rates(np.array([change.contrast.p for change in changes])) if changes else np.empty(0)
    for change, q in zip(changes, rates.tolist(), strict=True):
        found = change.contrast
        yield {
            "rep": change.rep, "item": item, "earlier": change.earlier, "later": change.later,
            "difference": found.difference, "se": found.se, "low": found.low, "high": found.high, "q": q,
            "common": change.common, "expected": change.expected,
        }  # fmt: skip


def store(
    session: Session, run: Run, publication: Publication, asked: Mapping[str, tuple[int, int]], shown: frozenset[str]
) -> None:
    """Store what was published of a run. How many answered is kept for the reps in `shown` only."""
    reps = dict(iter(session.execute(select(Rep.code, Rep.id))))
    territories = dict(iter(session.execute(select(Territory.code, Territory.id))))
    _insert(session, RunItem, [{"run_id": run.id, **row} for row in publication.items])
    _insert(session, AnswerCount, _of(run, publication.counts, reps))
    _insert(session, ScoreChange, _of(run, publication.changes, reps))
    _insert(session, RepPlace, [
        {"run_id": run.id, "rep_id": reps[rep], "territory_id": territories[territory]}
        for rep, territory in publication.places
    ])  # fmt: skip
    _insert(session, RepReach, [
        {"run_id": run.id, "rep_id": reps[rep], "asked": people, "answered": answered if rep in shown else None}
        for rep, (people, answered) in asked.items()
    ])  # fmt: skip


def _of(run: Run, rows: Sequence[Row], reps: dict[str, int]) -> list[Row]:
    return [
        {"run_id": run.id, "rep_id": reps[row["rep"]], **{name: value for name, value in row.items() if name != "rep"}}
        for row in rows
    ]


def _insert(session: Session, table: type[Any], rows: Sequence[Row]) -> None:
    if rows:
        session.execute(insert(table), rows)
