"""Fair targets: a plan shared out by what each territory lets one expect, blended with what was negotiated, and stored
with everything it was computed from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from scoring import targets
from scoring.targets import TargetsRefused
from survey import journal
from survey.indicators import revisions
from survey.models import Assignment, FairTarget, Goal, IndicatorFact, Period, Rep, Territory
from survey.refusals import N_, Refused
from survey.roster import periods

COVARIATES = ("potential", "accounts", "workload", "competition", "support")
INDEX = {"potential": 0.5, "accounts": 0.3, "sales": 0.2}
"""What an agreed index weighs where territories are too few: `sales` is the territory's last result, not the rep's."""


class NoFairTarget(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed: the `plan` to share out, the period whose results are looked at, the index's weights, how far
    the computed target counts beside the negotiated quota (`blend`), and the most it may change it (`limit`)."""

    plan: float
    base: str
    weights: Mapping[str, float] | None = None
    blend: float = 0.5
    limit: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """By territory id: the share of the plan, and the standard error of ln(sales/expected); and how it was found."""

    shares: Mapping[int, float]
    se_log: Mapping[int, float]
    method: str
    found: Mapping[str, Any]
    zh: str
    en: str


def set_targets(
    session: Session, period_code: str, indicator: str, terms: Terms, *, by: str, at: datetime
) -> tuple[FairTarget, ...]:
    """Compute and store the target of every rep who serves a territory in the period, by rep code.

    By least squares on the territories' results where there are enough of them, each left out of its own expectation;
    else by the agreed index. Raises UnknownPeriod, NoFairTarget.
    """
    period, base = periods.find(session, period_code), periods.find(session, terms.base)
    territories = {one.id: one for one in session.scalars(select(Territory))}
    sales = _sales(session, base, indicator)
    serving = _homes(session, period)
    quotas = _quotas(session, period, indicator)
    if not serving or not sales:
        raise NoFairTarget(
            N_("%(indicator)s needs results of %(base)s and reps who serve territories in %(period)s."),
            indicator=indicator, base=base.code, period=period.code,
        )  # fmt: skip
    expected = _expected({one: territories[one] for one in {*serving.values(), *sales}}, sales, base, terms)
    stored = {one.rep_id: one for one in session.scalars(_of(period, indicator))}
    kept = []
    for rep in session.scalars(select(Rep.id).where(Rep.id.in_(serving)).order_by(Rep.code)):
        home = serving[rep]
        colleagues = [one for one, where in serving.items() if where == home]
        share = _share(rep, colleagues, quotas)
        adjusted = expected.shares[home] * share
        target = targets.set_target(adjusted, quota=quotas.get(rep), weight=terms.blend, limit=terms.limit)
        if target is None:
            continue
        values = {
            "target": target.target, "quota": target.quota, "adjusted": adjusted,
            "se_log": expected.se_log.get(home), "method": expected.method,
            "provenance": {
                **expected.found, "plan": terms.plan, "base": base.code, "territory": territories[home].code,
                "of_the_territory": expected.shares[home], "share": share, "blend": terms.blend,
                "limit": terms.limit, "limited": target.limited,
            },
            "why_zh": f"{expected.zh}{target.why_zh}", "why_en": f"{expected.en} {target.why_en}",
        }  # fmt: skip
        row = stored.get(rep)
        if row is None:
            row = FairTarget(
                period_id=period.id, rep_id=rep, indicator=indicator, set_at=at, set_by=by, **values
            )  # fmt: skip
            session.add(row)
        elif revisions.correct(session, row, values, reason="computed again", by=by, at=at):
            row.set_at, row.set_by = at, by
        kept.append(row)
    session.flush()
    details = {"period": period.code, "method": expected.method, "reps": len(kept), "plan": terms.plan}
    journal.record(session, "targets set", indicator, details, by=by, at=at)
    return tuple(kept)


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


def _share(rep: int, colleagues: Sequence[int], quotas: Mapping[int, float]) -> float:
    """A rep's part of the territory: by the quotas where everybody there has one, else the same for all."""
    known = [quotas.get(one, 0.0) for one in colleagues]
    return quotas[rep] / math.fsum(known) if all(known) else 1 / len(colleagues)


def _sales(session: Session, base: Period, indicator: str) -> dict[int, float]:
    """What each territory brought in the base period, by territory id."""
    homes = _homes(session, base)
    found: dict[int, float] = defaultdict(float)
    rows = session.execute(
        select(IndicatorFact.rep_id, IndicatorFact.value).where(
            IndicatorFact.period_id == base.id, IndicatorFact.indicator == indicator, IndicatorFact.value.is_not(None)
        )
    )
    for rep, value in rows:
        if rep in homes:
            found[homes[rep]] += value or 0.0
    return dict(found)


def _homes(session: Session, period: Period) -> dict[int, int]:
    """The territory where each rep served most customers in a period."""
    rows = session.execute(
        select(Assignment.rep_id, Assignment.territory_id, func.count())
        .where(
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .group_by(Assignment.rep_id, Assignment.territory_id)
        .order_by(func.count(), Assignment.territory_id.desc())
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


def _expected(
    territories: Mapping[int, Territory], sales: Mapping[int, float], base: Period, terms: Terms
) -> _Expected:
    known = {
        name: {str(one.id): float(getattr(one, name)) for one in territories.values()}
        for name in COVARIATES
        if all(getattr(one, name) is not None for one in territories.values())
    }
    try:
        if terms.weights is None and known and set(sales) == set(territories):
            try:
                return _by_regression(known, sales, base, terms)
            except TargetsRefused:  # too few territories: the agreed index stands in
                pass
        return _by_index(known, sales, terms)
    except TargetsRefused as refusal:
        raise NoFairTarget("%(problem)s", problem=str(refusal)) from None


def _by_regression(
    known: Mapping[str, Mapping[str, float]], sales: Mapping[int, float], base: Period, terms: Terms
) -> _Expected:
    fit = targets.expect({str(one): amount for one, amount in sales.items()}, known)
    shares = targets.share_plan(terms.plan, {one.territory: one.expected for one in fit.territories})
    names = ", ".join(known)
    return _Expected(
        shares={int(one): share for one, share in shares.items()},
        se_log={int(one.territory): one.se_log for one in fit.territories},
        method="regression",
        found={
            "coefficients": {name: list(pair) for name, pair in fit.coefficients.items()}, "s": fit.s,
            "r2": fit.r2, "left_out_r2": fit.left_out_r2,
            "expected": {one.territory: one.expected for one in fit.territories},
        },
        zh=f"以 {base.code} 各区域结果对 {names} 作回归（各区域不参与估计自身），分摊计划 {terms.plan:,.0f}：",
        en=f"A plan of {terms.plan:,.0f} shared out by a regression of the results of {base.code} on {names}, "
        "each territory left out of its own expectation.",
    )  # fmt: skip


def _by_index(known: Mapping[str, Mapping[str, float]], sales: Mapping[int, float], terms: Terms) -> _Expected:
    weights = dict(terms.weights or INDEX)
    every = next(iter(known.values()), {str(one): 0.0 for one in sales})
    measured = {**known, "sales": {one: sales.get(int(one), 0.0) for one in every}}
    absent = [name for name in weights if name not in measured or not math.fsum(measured[name].values()) > 0]
    if absent:
        raise TargetsRefused(
            f"The index needs {', '.join(absent)} of every territory; import it, or give other weights."
        )
    shares = targets.index_targets(terms.plan, weights, {name: measured[name] for name in weights})
    said = " + ".join(f"{weight:g} {name}" for name, weight in weights.items())
    return _Expected(
        shares={int(one): share for one, share in shares.items()},
        se_log={},
        method="index",
        found={"weights": weights, "index": {name: dict(measured[name]) for name in weights}},
        zh=f"按议定指数（{said}）分摊计划 {terms.plan:,.0f}：",
        en=f"A plan of {terms.plan:,.0f} shared out by the agreed index ({said}).",
    )
