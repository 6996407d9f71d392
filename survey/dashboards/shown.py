"""What may be seen of one run: which period and dimension, which numbers, and against which mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from scoring.verdicts import Verdict, verdict
from survey import names
from survey.models.company import Period
from survey.models.roster import Territory
from survey.models.scoring import RepPlace, RepScore, Run
from survey.questionnaires.sheet import Wording
from survey.refusals import N_, Refused
from survey.runs import stored

WITHHELD = "withheld"
THIN = "thin"


class NotToBeSeen(Refused):
    """There is no such rep, period or dimension, or it is not this person's to see: the answer is the same."""


def not_to_be_seen(what: str) -> NotToBeSeen:
    return NotToBeSeen(N_("There is nothing to see under “%(what)s”."), what=what)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownScore:
    """A score as far as it may be seen. Points are on 0–100 and may lie a little beyond; a withheld score is empty.

    `effective` is the number of customers the funnel counts, `q` the false discovery rate at which the difference from
    the average is named.
    """

    evidence: str
    responses: int | None = None
    customers: int | None = None
    raw: float | None = None
    adjusted: float | None = None
    low: float | None = None
    high: float | None = None
    reliability: float | None = None
    reported: float | None = None
    effective: float | None = None
    q: float | None = None

    def __post_init__(self) -> None:
        if self.evidence != WITHHELD:
            return
        numbers = (self.responses, self.customers, self.raw, self.adjusted, self.low, self.high, self.reliability,
                   self.reported, self.effective, self.q)  # fmt: skip
        if any(number is not None for number in numbers):
            raise ValueError("a withheld score shows no number")

    @property
    def beyond(self) -> bool:
        """Does any of its points lie outside 0–100?"""
        points = (self.raw, self.adjusted, self.low, self.high, self.reported)
        return any(point is not None and not 0 <= point <= 100 for point in points)


SCORE_COLUMNS = tuple(field.name for field in fields(ShownScore))
"""What is read of a stored score, in the order `score_of` takes it."""
NOTHING_SHOWN = ShownScore(evidence=WITHHELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The periods and dimensions one may choose from, what is chosen, and the run that is shown, if there is one."""

    periods: tuple[str, ...]
    period: str | None
    items: Mapping[str, Wording]
    item: str | None
    scored_at: datetime | None
    minimum_customers: int | None
    weights: str | None

    @property
    def item_name(self) -> Wording | None:
        return self.items[self.item] if self.item else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    choice: Choice
    run: Run | None
    spec: AdjustmentSpec | None


def look_up(session: Session, period: str | None, item: str | None) -> Shown:
    """Settle which period, run and dimension are shown."""
    newest = func.max(Run.id)
    listed = session.execute(
        select(Period.code, newest).outerjoin(Run).group_by(Period.id, Period.code).order_by(Period.from_on.desc())
    )
    runs: dict[str, int | None] = dict(listed.all())
    if period is not None and period not in runs:
        raise not_to_be_seen(period)
    scored = (code for code, run in runs.items() if run is not None)
    chosen = period or next(scored, None) or next(iter(runs), None)
    run = session.get(Run, runs[chosen]) if chosen and runs[chosen] else None
    if run is None:
        choice = Choice(
            periods=tuple(runs), period=chosen, items={}, item=None, scored_at=None, minimum_customers=None,
            weights=None,
        )  # fmt: skip
        return Shown(choice=choice, run=None, spec=None)
    spec = AdjustmentSpec.from_toml(run.spec)
    items = stored.item_names(session, run)
    if item is not None and item not in items:
        raise not_to_be_seen(item)
    choice = Choice(
        periods=tuple(runs), period=chosen, items=items, item=item or next(iter(items)), scored_at=run.created_at,
        minimum_customers=spec.minimum_customers, weights=spec.weights,
    )  # fmt: skip
    return Shown(choice=choice, run=run, spec=spec)


def as_shown(row: RepScore | Any | None) -> ShownScore:
    """What may be seen of a stored score (or of a row of its columns). Whoever nobody answered about is withheld like
    those with few answers."""
    return score_of(*(getattr(row, name) for name in SCORE_COLUMNS)) if row is not None else NOTHING_SHOWN


def score_of(
    evidence: str | None, responses: int | None, customers: int | None, raw: float | None, adjusted: float | None,
    low: float | None, high: float | None, reliability: float | None, reported: float | None, effective: float | None,
    q: float | None,
) -> ShownScore:  # fmt: skip
    """The same of SCORE_COLUMNS in their order."""
    if evidence in (None, WITHHELD):
        return NOTHING_SHOWN
    return ShownScore(
        evidence=evidence, responses=responses, customers=customers, raw=raw, adjusted=adjusted, low=low, high=high,
        reliability=reliability, reported=reported, effective=effective, q=q,
    )  # fmt: skip


def territories_of(session: Session, run: Run, reps: Collection[int] | Select[int]) -> dict[int, tuple[str, ...]]:
    """Where the run's customers were asked about each of these reps, by name."""
    of_rep: dict[int, list[str]] = {}
    for rep_id, name in session.execute(
        select(RepPlace.rep_id, Territory.name)
        .join(Territory, Territory.id == RepPlace.territory_id)
        .where(RepPlace.run_id == run.id, RepPlace.rep_id.in_(reps))
    ):
        of_rep.setdefault(rep_id, []).append(name)
    return {rep_id: tuple(sorted(found, key=names.sort_key)) for rep_id, found in of_rep.items()}


def against_the_mean(score: ShownScore, mean: float | None) -> Verdict | None:
    """What may be said of a rep beside the mean, when all are looked at together; None where nothing may."""
    if score.q is None or score.adjusted is None or mean is None:
        return None
    return verdict(score.adjusted - mean, score.q)


def standing(score: ShownScore, mean: float | None) -> str:
    """Where a rep stands: withheld, thin (nothing to compare), above or below the mean, level (the interval includes
    it), or near: the interval lies beyond it, but once all reps are looked at the difference may be too small to name.
    """
    if score.evidence == WITHHELD:
        return WITHHELD
    said = against_the_mean(score, mean)
    if score.evidence == THIN or said is None or mean is None or score.low is None or score.high is None:
        return THIN
    if said != "cannot be told apart":
        return said
    return "level" if score.low <= mean <= score.high else "near"
