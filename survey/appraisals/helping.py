"""What stands on a paper beside the points: the plan, what the company gave, what the rep says of the period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One item of the improvement plan; `agreed_on` is when the rep agreed to it, `score` the sum of the four
    principles so far, `reviews` the days it is looked at, `outcome` reached, partly, missed or "" (not said yet)."""

    item: str
    measure: str
    support: str
    starts_on: date
    due_on: date
    metric: str
    reward: str
    agreed_on: date | None
    score: int | None = None
    reviews: tuple[str, ...] = ()
    support_by: str = ""
    support_due_on: date | None = None
    support_given_on: date | None = None
    outcome: str = ""
    outcome_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """A training or a resource: what the company owed, by when, and when it gave it."""

    what: str
    hours: float | None
    result: str
    due_on: date | None
    done_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A rep's own summary of the period, sent."""

    reached: str
    hard: str
    better: str
