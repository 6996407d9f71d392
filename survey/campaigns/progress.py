"""How a campaign goes, for who runs it: everything. What a manager may see of it is `watching`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey import names
from survey.campaigns.rates import Funnel, Rates, funnel
from survey.models.answering import Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Rep, Territory
from survey.models.sending import OutboxMessage

BY_HAND = {"queued": "by hand", "claimed": "in hand"}
"""State of a message → what it is called where a person of the office writes it."""


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
    """Where a campaign stands. Reps and territories are by name. `messages` counts the queue by state, and apart from
    the states, as `by hand` and `in hand`, what a person of the office is to write and is writing. `waiting_since` is
    when the oldest message still waiting for a worker was due, `trouble` what was last said of one that could not be
    sent."""

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

    @property
    def territory_standings(self) -> dict[str, str]:
        """Whether chance explains each territory's response rate, by code."""
        found = _funnel(self.territories)
        return found.standings if found else {}

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


def progress(session: Session, campaign: Campaign, *, by_hand: Collection[str] = ()) -> Progress:
    """Count what a campaign has brought so far. Invitations that were taken back count nowhere. `by_hand` are the
    channels that no worker serves."""
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
        funnel=_funnel(reps),
        **whole,
        **_queue(session, campaign, by_hand),
    )


def _funnel(parts: Iterable[Part]) -> Funnel | None:
    return funnel((part.code, part.name, part.rates.eligible, part.rates.answered) for part in parts)


def standing(campaign: Campaign) -> Any:
    """The invitations that count."""
    return (Invitation.campaign_id == campaign.id) & Invitation.revoked_at.is_(None)


def _whole(session: Session, campaign: Campaign) -> dict[str, Any]:
    people = session.execute(
        select(Invitation.disposition, func.count()).where(standing(campaign)).group_by(Invitation.disposition)
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
        .where(standing(campaign))
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
        .where(standing(campaign))
        .group_by(column, Invitation.disposition)
    )
    for whose, disposition, count in counted:
        people[whose][disposition] = count
    customers = {whose: (asked, answered) for whose, asked, answered in session.execute(customers_by(campaign, column))}
    named = session.execute(select(model.id, model.code, model.name))
    return tuple(
        Part(
            code=code, name=name, rates=Rates(people=people[whose]), customers=customers[whose][0],
            customers_answered=customers[whose][1],
        )
        for whose, code, name in names.by_name(named)
        if whose in people
    )  # fmt: skip


def customers_by(campaign: Campaign, column: Any, *, before: datetime | None = None) -> Select[Any]:
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
        .where(standing(campaign))
        .group_by(column)
    )


def _queue(session: Session, campaign: Campaign, by_hand: Collection[str]) -> dict[str, Any]:
    of_campaign = OutboxMessage.invitation_id.in_(select(Invitation.id).where(Invitation.campaign_id == campaign.id))
    workers = OutboxMessage.channel.not_in(by_hand)
    counted = (
        select(OutboxMessage.state, OutboxMessage.channel, func.count())
        .where(of_campaign)
        .group_by(OutboxMessage.state, OutboxMessage.channel)
        .order_by(OutboxMessage.state)
    )
    messages: Counter[str] = Counter()
    for state, channel, count in session.execute(counted):
        messages[BY_HAND.get(state, state) if channel in by_hand else state] += count
    since = select(func.min(OutboxMessage.not_before)).where(of_campaign, workers, OutboxMessage.state == "queued")
    trouble = (
        select(OutboxMessage.last_error)
        .where(
            of_campaign, workers, OutboxMessage.state.in_(("queued", "claimed")), OutboxMessage.last_error.is_not(None)
        )
        .order_by(OutboxMessage.not_before.desc())
        .limit(1)
    )
    return {
        "messages": dict(messages),
        "waiting_since": session.scalar(since),
        "trouble": session.scalar(trouble),
    }
