"""How a campaign goes: for who runs it, everything; for who leads reps, what nobody can be read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey.campaigns import time_zone
from survey.campaigns.rates import Funnel, Rates, funnel
from survey.campaigns.thresholds import spec_in_force
from survey.models import Campaign, Invitation, OutboxMessage, Rep, Response, Subject, Territory


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One rep or one territory of a campaign. Customers are counted once, however many of their people were asked."""

    code: str
    name: str
    rates: Rates
    customers: int
    customers_answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a campaign stands. Reps and territories are by name. `messages` counts the queue by state; `waiting_since`
    is when the oldest message still waiting was due, `trouble` what was last said of one that could not be sent."""

    code: str
    state: str
    period: str
    questionnaire: str
    opens_on: date
    closes_on: date
    rates: Rates
    customers: int
    customers_answered: int
    subjects: int
    responses: int
    reps: tuple[Part, ...]
    territories: tuple[Part, ...]
    funnel: Funnel | None
    messages: dict[str, int]
    waiting_since: datetime | None
    trouble: str | None

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "code": self.code, "state": self.state, "period": self.period, "questionnaire": self.questionnaire,
            "opens_on": self.opens_on.isoformat(), "closes_on": self.closes_on.isoformat(),
            "invitations": dict(self.rates.people), "messages": self.messages,
            "subjects": self.subjects, "responses": self.responses,
            "customers": self.customers, "customers_answered": self.customers_answered,
            **{name: value for name, value in self.rates.record().items() if name != "dispositions"},
            "reps": [_record(part) for part in self.reps],
            "territories": [_record(part) for part in self.territories],
            "abnormal": [point.code for point in self.funnel.outside] if self.funnel else [],
        }  # fmt: skip


def _record(part: Part) -> dict[str, Any]:
    return {
        "code": part.code, "name": part.name, "customers": part.customers,
        "customers_answered": part.customers_answered, **part.rates.record(),
    }  # fmt: skip


def progress(session: Session, campaign: Campaign) -> Progress:
    """Count what a campaign has brought so far. Invitations that were taken back count nowhere."""
    whole = _whole(session, campaign)
    reps = _parts(session, campaign, Rep, Subject.rep_id)
    return Progress(
        code=campaign.code,
        state=campaign.state,
        period=campaign.period.code,
        questionnaire=campaign.questionnaire.code,
        opens_on=campaign.opens_on,
        closes_on=campaign.closes_on,
        reps=reps,
        territories=_parts(session, campaign, Territory, Subject.territory_id),
        funnel=funnel((part.code, part.name, part.rates) for part in reps),
        **whole,
        **_queue(session, campaign),
    )


def _standing(campaign: Campaign) -> Any:
    return (Invitation.campaign_id == campaign.id) & Invitation.revoked_at.is_(None)


def _whole(session: Session, campaign: Campaign) -> dict[str, Any]:
    people = session.execute(
        select(Invitation.disposition, func.count()).where(_standing(campaign)).group_by(Invitation.disposition)
    )
    customers, answered, subjects, responses = session.execute(
        select(
            func.count(Invitation.customer_id.distinct()),
            func.count(Invitation.customer_id.distinct()).filter(Response.id.is_not(None)),
            func.count(Subject.id),
            func.count(Response.id),
        )
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .where(_standing(campaign))
    ).one()
    return {
        "rates": _rates(people), "customers": customers, "customers_answered": answered, "subjects": subjects,
        "responses": responses,
    }  # fmt: skip


def _rates(people: Iterable[Any]) -> Rates:
    return Rates(people=dict(iter(people)))


def _parts(session: Session, campaign: Campaign, model: Any, column: Any) -> tuple[Part, ...]:
    """The campaign by rep or by territory. Whoever was asked about several counts once in each."""
    people: dict[int, dict[str, int]] = defaultdict(dict)
    counted = session.execute(
        select(column, Invitation.disposition, func.count(Invitation.id.distinct()))
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .where(_standing(campaign))
        .group_by(column, Invitation.disposition)
    )
    for whose, disposition, count in counted:
        people[whose][disposition] = count
    customers = {whose: (asked, answered) for whose, asked, answered in session.execute(_customers(campaign, column))}
    named = session.execute(select(model.id, model.code, model.name).order_by(model.name, model.code))
    return tuple(
        Part(
            code=code, name=name, rates=Rates(people=people[whose]), customers=customers[whose][0],
            customers_answered=customers[whose][1],
        )
        for whose, code, name in named
        if whose in people
    )  # fmt: skip


def _customers(campaign: Campaign, column: Any, *, before: datetime | None = None) -> Select[Any]:
    """Customers asked and customers who answered (before an instant), by rep or territory."""
    answered = Response.id.is_not(None) if before is None else Response.first_answered_at < before
    return (
        select(
            column,
            func.count(Invitation.customer_id.distinct()),
            func.count(Invitation.customer_id.distinct()).filter(answered),
        )
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .where(_standing(campaign))
        .group_by(column)
    )


def _queue(session: Session, campaign: Campaign) -> dict[str, Any]:
    of_campaign = OutboxMessage.invitation_id.in_(select(Invitation.id).where(Invitation.campaign_id == campaign.id))
    states = session.execute(select(OutboxMessage.state, func.count()).where(of_campaign).group_by(OutboxMessage.state))
    since = select(func.min(OutboxMessage.not_before)).where(of_campaign, OutboxMessage.state == "queued")
    trouble = (
        select(OutboxMessage.last_error)
        .where(of_campaign, OutboxMessage.state.in_(("queued", "claimed")), OutboxMessage.last_error.is_not(None))
        .order_by(OutboxMessage.not_before.desc())
        .limit(1)
    )
    return {
        "messages": dict(states.all()),
        "waiting_since": session.scalar(since),
        "trouble": session.scalar(trouble),
    }


# -- what a manager may watch -----------------------------------------------------------------------------------


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
class Watch:
    """A campaign as a manager sees it: own reps by name, as of `until`, the last midnight where the company is."""

    code: str
    state: str
    paused_at: datetime | None
    period: str
    opens_on: date
    closes_on: date
    until: datetime
    batch: int
    reps: tuple[WatchedRep, ...]


def watch(session: Session, campaign: Campaign, viewer_reps: Select[int], *, at: datetime) -> Watch:
    """The viewer's reps in a campaign.

    Counts are rounded down to batches and stand still over the day, so that nobody can tell by looking twice who
    answered in between. There is no total and no breakdown: with either, the parts would give single answers away.
    """
    zone, batch = time_zone(session), spec_in_force(session).minimum_customers
    midnight = datetime.combine(at.astimezone(zone).date(), time.min, tzinfo=zone)
    counted = session.execute(_customers(campaign, Subject.rep_id, before=midnight)).all()
    asked = {rep_id: (customers, answered) for rep_id, customers, answered in counted}
    named = session.execute(
        select(Rep.id, Rep.code, Rep.name).where(Rep.id.in_(viewer_reps)).order_by(Rep.name, Rep.code)
    )
    return Watch(
        code=campaign.code,
        state=campaign.state,
        paused_at=campaign.paused_at,
        period=campaign.period.code,
        opens_on=campaign.opens_on,
        closes_on=campaign.closes_on,
        until=midnight,
        batch=batch,
        reps=tuple(
            WatchedRep(
                code=code,
                name=name,
                customers=asked[rep_id][0],
                at_least=at_least(*asked[rep_id], batch=batch),
                batch=batch,
            )
            for rep_id, code, name in named
            if rep_id in asked
        ),
    )


def at_least(customers: int, answered: int, *, batch: int) -> int | None:
    """How many of the customers answered, rounded down to batches and leaving a whole batch unsaid; None below one."""
    told = min(answered, customers - batch) // batch * batch
    return told if told >= batch else None
