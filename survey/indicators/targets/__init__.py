"""Fair targets: a plan shared out by what each territory lets one expect, blended with what was negotiated, and stored
with everything it was computed from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from scoring import targets
from scoring.targets import Target
from survey import journal
from survey.indicators import revisions
from survey.indicators.targets.sharing import NoFairTarget, Terms, shared_out
from survey.models.company import Period
from survey.models.facts import FairTarget, Goal, IndicatorFact
from survey.models.roster import Assignment, Rep, Territory
from survey.refusals import N_, Refused
from survey.roster import periods


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One territory: what it brought (`result`), the measures its share of the plan rests on, and the standard error of
    ln(result/expected) where it was found by regression."""

    code: str
    name: str
    result: float | None
    measures: Mapping[str, float]
    share: float
    se_log: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One rep's target: of the territory's share their part, the negotiated quota, and what comes of both."""

    rep_id: int
    code: str
    name: str
    territory: str
    part: float
    adjusted: float
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an agreed plan comes to, with its grounds. `instead` says why an index stands in for the regression."""

    period: Period
    indicator: str
    terms: Terms
    method: str
    found: Mapping[str, Any]
    zh: str
    en: str
    instead: Refused | None
    places: tuple[Place, ...]
    reps: tuple[Proposed, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(self.places[0].measures) if self.places else ()


def propose(session: Session, period_code: str, indicator: str, terms: Terms) -> Proposal:
    """The target of every rep who serves a territory in the period, by rep code; nothing is stored.

    By least squares on the territories' results where there are enough of them, each left out of its own expectation;
    else by the agreed index. Raises UnknownPeriod, NoFairTarget.
    """
    period, base = periods.find(session, period_code), periods.find(session, terms.base)
    sales, serving = _sales(session, base, indicator), _homes(session, period)
    if not serving or not sales:
        raise NoFairTarget(
            N_("%(indicator)s needs results of %(base)s and reps who serve territories in %(period)s."),
            indicator=indicator, base=base.code, period=period.code,
        )  # fmt: skip
    if base.to_on >= period.from_on:
        raise NoFairTarget(
            N_("%(base)s does not end before %(period)s begins. Results would set the target they are measured by."),
            base=base.code, period=period.code,
        )  # fmt: skip
    named = select(Territory).where(Territory.code.in_({*serving.values(), *sales})).order_by(Territory.code)
    territories = {one.code: one for one in session.scalars(named)}
    expected = shared_out(territories, sales, terms)
    return Proposal(
        period=period, indicator=indicator, terms=terms, method=expected.method, found=expected.found, zh=expected.zh,
        en=expected.en, instead=expected.instead,
        places=tuple(
            Place(
                code=code, name=one.name, result=sales.get(code), share=expected.shares[code],
                se_log=expected.se_log.get(code),
                measures={name: values[code] for name, values in expected.measures.items()},
            )
            for code, one in territories.items()
        ),
        reps=tuple(_of_reps(session, serving, _quotas(session, period, indicator), expected.shares, terms)),
    )  # fmt: skip


def _of_reps(
    session: Session, serving: Mapping[int, str], quotas: Mapping[int, float], shares: Mapping[str, float], terms: Terms
) -> Iterator[Proposed]:
    beside: dict[str, list[int]] = defaultdict(list)
    for one, home in serving.items():
        beside[home].append(one)
    for rep in session.scalars(select(Rep).where(Rep.id.in_(serving)).order_by(Rep.code)):
        home = serving[rep.id]
        part = _part(rep.id, beside[home], quotas)
        adjusted = shares[home] * part
        target = targets.set_target(adjusted, quota=quotas.get(rep.id), weight=terms.blend, limit=terms.limit)
        if target is not None:
            yield Proposed(
                rep_id=rep.id, code=rep.code, name=rep.name, territory=home, part=part, adjusted=adjusted, target=target
            )  # fmt: skip


def set_targets(
    session: Session, period_code: str, indicator: str, terms: Terms, *, by: str, at: datetime
) -> tuple[FairTarget, ...]:
    """Compute and store what `propose` proposes, with its grounds; what was stored before is kept as a revision.

    Raises UnknownPeriod, NoFairTarget.
    """
    proposal = propose(session, period_code, indicator, terms)
    shares = {place.code: place for place in proposal.places}
    stored = {one.rep_id: one for one in session.scalars(_of(proposal.period, indicator))}
    kept = []
    for one in proposal.reps:
        place = shares[one.territory]
        values = {
            "target": one.target.target, "quota": one.target.quota, "adjusted": one.adjusted,
            "se_log": place.se_log, "method": proposal.method,
            "provenance": {
                **proposal.found, "plan": terms.plan, "base": terms.base, "territory": one.territory,
                "of_the_territory": place.share, "share": one.part, "blend": terms.blend, "limit": terms.limit,
                "limited": one.target.limited,
            },
            "why_zh": f"{proposal.zh}{one.target.why_zh}", "why_en": f"{proposal.en} {one.target.why_en}",
        }  # fmt: skip
        row = stored.get(one.rep_id)
        if row is None:
            row = FairTarget(
                period_id=proposal.period.id, rep_id=one.rep_id, indicator=indicator, set_at=at, set_by=by, **values
            )
            session.add(row)
        elif revisions.correct(session, row, values, reason="computed again", by=by, at=at):
            row.set_at, row.set_by = at, by
        kept.append(row)
    session.flush()
    details = {
        "period": proposal.period.code, "method": proposal.method, "reps": len(kept), "plan": terms.plan,
    }  # fmt: skip
    journal.record(session, "targets set", indicator, details, by=by, at=at)
    return tuple(kept)


def measured(session: Session) -> tuple[str, ...]:
    """Every indicator that has a result in some period, by code."""
    found = select(IndicatorFact.indicator).where(IndicatorFact.value.is_not(None)).distinct()
    return tuple(session.scalars(found.order_by(IndicatorFact.indicator)))


def listed(session: Session, period_code: str) -> tuple[tuple[str, FairTarget], ...]:
    """The stored targets of a period with the rep's code. Raises UnknownPeriod."""
    period = periods.find(session, period_code)
    found = session.execute(
        select(Rep.code, FairTarget)
        .join(FairTarget, FairTarget.rep_id == Rep.id)
        .where(FairTarget.period_id == period.id)
        .order_by(FairTarget.indicator, Rep.code)
    )
    return tuple((code, row) for code, row in found)


def _of(period: Period, indicator: str) -> Any:
    return select(FairTarget).where(FairTarget.period_id == period.id, FairTarget.indicator == indicator)


def _part(rep: int, colleagues: Sequence[int], quotas: Mapping[int, float]) -> float:
    """A rep's part of the territory: by the quotas where everybody there has one, else the same for all."""
    known = [quotas.get(one, 0.0) for one in colleagues]
    return quotas[rep] / math.fsum(known) if all(known) else 1 / len(colleagues)


def _sales(session: Session, base: Period, indicator: str) -> dict[str, float]:
    """What each territory brought in the base period."""
    homes = _homes(session, base)
    found: dict[str, float] = defaultdict(float)
    rows = session.execute(
        select(IndicatorFact.rep_id, IndicatorFact.value).where(
            IndicatorFact.period_id == base.id, IndicatorFact.indicator == indicator, IndicatorFact.value.is_not(None)
        )
    )
    for rep, value in rows:
        if rep in homes:
            found[homes[rep]] += value or 0.0
    return dict(found)


def _homes(session: Session, period: Period) -> dict[int, str]:
    """The territory where each rep served most customers in a period."""
    rows = session.execute(
        select(Assignment.rep_id, Territory.code, func.count())
        .join(Territory, Territory.id == Assignment.territory_id)
        .where(
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .group_by(Assignment.rep_id, Territory.id, Territory.code)
        .order_by(func.count(), Territory.id.desc())
    )
    return {rep: territory for rep, territory, _ in rows}


def _quotas(session: Session, period: Period, indicator: str) -> dict[int, float]:
    """What was negotiated: the target of an accepted goal, or else the one entered with the fact."""
    entered = session.execute(
        select(IndicatorFact.rep_id, IndicatorFact.target).where(
            IndicatorFact.period_id == period.id, IndicatorFact.indicator == indicator, IndicatorFact.target > 0
        )
    )
    agreed = session.execute(
        select(Goal.rep_id, Goal.target).where(
            Goal.period_id == period.id, Goal.indicator == indicator, Goal.accepted_on.is_not(None), Goal.target > 0
        )
    )
    return {rep: float(target) for rep, target in (*entered, *agreed) if target is not None}
