"""How a campaign goes for the reps of a manager: what nobody can be read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey import names
from survey.campaigns import time_zone
from survey.campaigns.progress import customers_by, standing
from survey.campaigns.thresholds import spec_in_force
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Rep, Territory


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRep:
    """One of a manager's reps: customers asked, and at least how many of them answered; None while that is too few, or
    too many, to hide single ones. Answers are told in batches of `batch`, as many as a score needs at least."""

    code: str
    name: str
    customers: int
    at_least: int | None
    batch: int

    def __post_init__(self) -> None:
        told, batch = self.at_least, self.batch
        if told is not None and (told % batch or not batch <= told <= self.customers - batch):
            raise ValueError("a manager sees answers in whole batches, and never that all or none answered")

    @property
    def rate(self) -> float | None:
        return None if self.at_least is None else self.at_least / self.customers


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedTerritory:
    """What is told of the reps of one territory, added up: nothing that their own lines do not tell already. Without a
    name it is the reps who work in several."""

    name: str
    reps: tuple[WatchedRep, ...]

    @property
    def customers(self) -> int:
        return sum(rep.customers for rep in self.reps)

    @property
    def at_least(self) -> int | None:
        return sum(rep.at_least or 0 for rep in self.reps) or None

    @property
    def rate(self) -> float | None:
        return None if self.at_least is None else self.at_least / self.customers


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A campaign as a manager sees it: own reps by name, as of `until`, the last midnight where the company is, and
    their territories by name."""

    code: str
    state: str
    paused_at: datetime | None
    period: str
    opens_on: date
    closes_on: date
    until: datetime
    batch: int
    reps: tuple[WatchedRep, ...]
    territories: tuple[WatchedTerritory, ...]


def watch(session: Session, campaign: Campaign, viewer_reps: Select[int], *, at: datetime) -> Watch:
    """The viewer's reps in a campaign.

    Counts are rounded down to batches and stand still over the day, so that nobody can tell by looking twice who
    answered in between. Nothing else is counted: a territory's number is the sum of its reps' told ones, for a count of
    its own beside theirs would give single answers away.
    """
    zone, batch = time_zone(session), spec_in_force(session).minimum_customers
    midnight = datetime.combine(at.astimezone(zone).date(), time.min, tzinfo=zone)
    counted = session.execute(customers_by(campaign, Subject.rep_id, before=midnight)).all()
    asked = {rep_id: (customers, answered) for rep_id, customers, answered in counted}
    named = session.execute(select(Rep.id, Rep.code, Rep.name).where(Rep.id.in_(viewer_reps))).all()
    told = {
        rep_id: WatchedRep(
            code=code, name=name, customers=asked[rep_id][0], at_least=at_least(*asked[rep_id], batch=batch),
            batch=batch,
        )
        for rep_id, code, name in names.by_name(named)
        if rep_id in asked
    }  # fmt: skip
    return Watch(
        code=campaign.code,
        state=campaign.state,
        paused_at=campaign.paused_at,
        period=campaign.period.code,
        opens_on=campaign.opens_on,
        closes_on=campaign.closes_on,
        until=midnight,
        batch=batch,
        reps=tuple(told.values()),
        territories=_by_territory(session, campaign, told),
    )


def _by_territory(
    session: Session, campaign: Campaign, told: Mapping[int, WatchedRep]
) -> tuple[WatchedTerritory, ...]:  # fmt: skip
    """The told reps by the territory they were asked about in; last those of several."""
    places: dict[int, list[str]] = defaultdict(list)
    where = (
        select(Subject.rep_id, Territory.name)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .where(standing(campaign), Subject.rep_id.in_(told))
        .group_by(Subject.rep_id, Territory.id, Territory.name)
        .order_by(Territory.name, Territory.id)
    )
    for rep_id, name in session.execute(where):
        places[rep_id].append(name)
    theirs: dict[str, list[WatchedRep]] = defaultdict(list)
    for rep_id, found in places.items():
        theirs[found[0] if len(found) == 1 else ""].append(told[rep_id])
    ordered = sorted(theirs, key=lambda name: (not name, names.sort_key(name)))
    return tuple(WatchedTerritory(name=name, reps=tuple(theirs[name])) for name in ordered)


def at_least(customers: int, answered: int, *, batch: int) -> int | None:
    """How many of the customers answered, rounded down to batches and leaving a whole batch unsaid; None below one."""
    told = min(answered, customers - batch) // batch * batch
    return told if told >= batch else None
