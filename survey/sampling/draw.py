"""The draw: a stratified random sample for a reliability wanted per rep, which can be repeated to the same people.

Every customer gets a number from the seed and their own code, by SHA-256, so that neither the order of the rows nor
who else is on the list moves it. For each rep, the customers in each stratum (territory and segment) with the lowest
numbers are asked, as many strata by strata as their size says. A customer of two reps has one number, so both draws
tend to meet in the same people, and yet each rep's is a simple random sample within every stratum.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from scoring.planning import plan
from survey import campaigns, journal
from survey.models.asking import Campaign, FrameEntry, SamplePlan
from survey.models.roster import Customer, Territory
from survey.roster import hearing
from survey.sampling.frame import Frame, Reach, Service, by_mail, frame
from survey.sampling.planning import Grounds, RepPlan, check_reliability, grounds, plan_reps

USUAL_RELIABILITY = 0.8
_SEED_BYTES = 16

Pairs = frozenset[tuple[int, int]]
"""Customer id and rep id: this customer is asked about this rep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list drawn from: a customer who could be asked about a rep. `number` where the code it came from
    is gone."""

    customer_id: int
    customer: str
    rep_id: int
    stratum: str
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Who would be asked if the campaign were sent now, and what that can be expected to show. `repeats`: does the
    draw, done once more, come to the same people? None before it was done."""

    frame: Frame
    asked: Mapping[int, tuple[Service, ...]]
    reliability: float
    grounds: Grounds
    reps: tuple[RepPlan, ...]
    drawn_at: datetime | None
    repeats: bool | None = None

    @property
    def people(self) -> int:
        return sum(len(self.frame.contacts[customer_id]) for customer_id in self.asked)


def plan_draw(
    session: Session, campaign: Campaign, *, reliability: float, seed: str | None = None, by: str, at: datetime
) -> SamplePlan:
    """Have the campaign ask a sample, for this reliability per rep. The seed is fixed now, before anybody is drawn.

    Raises NoShare.
    """
    check_reliability(reliability)
    sample = SamplePlan(campaign=campaign, reliability=reliability, seed=seed or secrets.token_hex(_SEED_BYTES))
    session.add(sample)
    session.flush()
    details = {"reliability": reliability, "seed": sample.seed}
    journal.record(session, "sample planned", campaign.code, details, by=by, at=at)
    return sample


def preview(
    session: Session, campaign: Campaign, *, reliability: float | None = None, response_rate: float | None = None,
    reach: Reach = by_mail, at: datetime,
) -> Preview:  # fmt: skip
    """What sending the campaign now would do. `reliability` is what a plan is made for where the campaign wants none
    in particular. Raises NoShare."""
    sample = campaign.sample_plan
    repeats = None
    wanted = reliability if reliability is not None else sample.reliability if sample else USUAL_RELIABILITY
    check_reliability(wanted)
    on = grounds(session, response_rate=response_rate)
    found = frame(session, campaign, reach=reach, at=at)
    could = _could(found)
    if sample is None:
        will = could
    elif sample.drawn_at is None:
        will = _only(could, choose(_listed(session, found), seed=sample.seed, wanted=_wanted(wanted, on)))
    else:
        pairs = drawn(session, campaign)
        repeats = replayed(session, campaign) == pairs
        will = _only(could, pairs)
    return Preview(
        frame=found, asked=will, reliability=wanted, grounds=on,
        reps=plan_reps(session, could, will, reliability=wanted, on=on),
        drawn_at=sample.drawn_at if sample else None, repeats=repeats,
    )  # fmt: skip


def whom_to_ask(
    session: Session, campaign: Campaign, *, reach: Reach = by_mail, by: str, at: datetime
) -> tuple[Frame, dict[int, tuple[Service, ...]]]:
    """The frame, and who of it is asked about whom: everybody, or the sample. The first time, the sample is drawn.

    Raises CheckUnderWay, as long as nobody has been drawn.
    """
    sample = campaign.sample_plan
    if sample is None or sample.drawn_at is None:
        hearing.require_over(session, campaign.period, on=at.astimezone(campaigns.time_zone(session)).date())
    found = frame(session, campaign, reach=reach, at=at)
    if sample is None:
        return found, _could(found)
    if sample.drawn_at is None:
        _draw(session, campaign, sample, found, by=by, at=at)
    return found, _only(_could(found), drawn(session, campaign))


def _draw(session: Session, campaign: Campaign, sample: SamplePlan, found: Frame, *, by: str, at: datetime) -> None:
    """Draw once, and keep the list drawn from."""
    on = grounds(session)
    listed, wanted = _listed(session, found), _wanted(sample.reliability, on)
    pairs = choose(listed, seed=sample.seed, wanted=wanted)
    sample.icc, sample.response_rate, sample.wanted, sample.drawn_at = on.icc, on.response_rate, wanted, at
    entries = [
        {
            "campaign_id": campaign.id, "customer_id": line.customer_id, "rep_id": line.rep_id,
            "stratum": line.stratum, "drawn": (line.customer_id, line.rep_id) in pairs,
        }
        for line in listed
    ]  # fmt: skip
    if entries:
        session.execute(insert(FrameEntry), entries)
    details = {"seed": sample.seed, "wanted": wanted, "listed": len(listed), "drawn": len(pairs)}
    journal.record(session, "sample drawn", campaign.code, details, by=by, at=at)


def drawn(session: Session, campaign: Campaign) -> Pairs:
    """The pairs of customer and rep that were drawn."""
    entries = select(FrameEntry.customer_id, FrameEntry.rep_id).where(
        FrameEntry.campaign_id == campaign.id, FrameEntry.drawn.is_(True)
    )
    return frozenset((customer_id, rep_id) for customer_id, rep_id in session.execute(entries))


def replayed(session: Session, campaign: Campaign) -> Pairs:
    """The draw once more, from the stored list, seed and number wanted: the same pairs as `drawn`, or somebody
    touched it."""
    sample = campaign.sample_plan
    if sample is None or sample.wanted is None:
        return frozenset()
    entries = (
        select(FrameEntry.customer_id, Customer.code, FrameEntry.rep_id, FrameEntry.stratum, FrameEntry.number)
        .join(Customer, Customer.id == FrameEntry.customer_id)
        .where(FrameEntry.campaign_id == campaign.id)
    )
    listed = [
        Listed(customer_id=customer_id, customer=code, rep_id=rep_id, stratum=stratum, number=number)
        for customer_id, code, rep_id, stratum, number in session.execute(entries)
    ]
    return choose(listed, seed=sample.seed, wanted=sample.wanted)


def choose(listed: Iterable[Listed], *, seed: str, wanted: int) -> Pairs:
    """Who is asked about whom: for each rep `wanted` customers, or all when there are no more, spread over the strata
    by their size (largest remainders), and within each stratum those with the lowest numbers."""
    strata: dict[int, dict[str, list[Listed]]] = defaultdict(lambda: defaultdict(list))
    for line in listed:
        strata[line.rep_id][line.stratum].append(line)
    chosen: set[tuple[int, int]] = set()
    for rep_id, its_strata in strata.items():
        for stratum, count in _shares({name: len(lines) for name, lines in its_strata.items()}, wanted).items():
            ordered = sorted(
                its_strata[stratum], key=lambda line: (line.number or number_of(seed, line.customer), line.customer)
            )
            chosen.update((line.customer_id, rep_id) for line in ordered[:count])
    return frozenset(chosen)


def number_of(seed: str, customer: str) -> str:
    """A customer's number in the draw, by their code."""
    return hashlib.sha256(f"{seed} {customer}".encode()).hexdigest()


def _shares(sizes: Mapping[str, int], wanted: int) -> dict[str, int]:
    """How many of each stratum, in proportion to its size."""
    total = sum(sizes.values())
    if wanted >= total:
        return dict(sizes)
    shares = {name: wanted * size // total for name, size in sizes.items()}
    largest_remainder_first = sorted(sizes, key=lambda name: (-(wanted * sizes[name] % total), name))
    for name in largest_remainder_first[: wanted - sum(shares.values())]:
        shares[name] += 1
    return shares


def _wanted(reliability: float, on: Grounds) -> int:
    """Customers to ask about a rep so that enough of them answer."""
    return plan(customers=0, response_rate=on.response_rate, reliability=reliability, icc=on.icc).invitations


def _listed(session: Session, found: Frame) -> list[Listed]:
    territories = dict(session.execute(select(Territory.id, Territory.code)).all())
    customers = {row.id: row for row in session.execute(select(Customer.id, Customer.code, Customer.segment))}
    return [
        Listed(
            customer_id=customer_id,
            customer=customers[customer_id].code,
            rep_id=service.rep_id,
            stratum=f"{territories[service.territory_id]} · {customers[customer_id].segment or '–'}",
        )
        for customer_id, several in _could(found).items()
        for service in several
    ]


def _could(found: Frame) -> dict[int, tuple[Service, ...]]:
    return {customer_id: found.services[customer_id] for customer_id in found.contacts}


def _only(services: Mapping[int, tuple[Service, ...]], pairs: Pairs) -> dict[int, tuple[Service, ...]]:
    kept = {
        customer_id: tuple(service for service in several if (customer_id, service.rep_id) in pairs)
        for customer_id, several in services.items()
    }
    return {customer_id: several for customer_id, several in kept.items() if several}
