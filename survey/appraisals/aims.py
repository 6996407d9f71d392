"""Targets: each with where it comes from, what the time in post makes of it, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.facts import FactRefused
from scoring.scheme import Scheme
from scoring.scheme.lines import Indicator
from scoring.targets import prorated, ramp
from scoring.wording import number
from survey.models.company import Period
from survey.models.facts import FairTarget, Goal, IndicatorFact
from survey.models.roster import Rep

Pair = tuple[str, str]
AGREED = ("与员工议定", "agreed with the rep")
SCHEME = ("方案统一规定", "the same for everybody in the scheme")
_NEW = ("入职不久，暂不计", "new in the post, does not count yet")
_ABSENT = ("本期不在岗，不计", "not in post in the period, does not count")
_IN_PERSON = ("agreed", "goal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A target, its short source, and the sentence about it."""

    target: float | None
    source: str
    why: Pair

    @property
    def told(self) -> Pair | None:
        """The sentence, where there is more to say than the source does."""
        return None if self.target is None or self.why in (AGREED, SCHEME) else self.why

    @property
    def leading(self) -> Pair:
        """The sentence so far with its amount, for more to be said of it."""
        amount = number(self.target or 0.0)
        return f"{self.why[0].rstrip('。')}：{amount}", f"{self.why[1].rstrip('.')}: {amount}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """How much of a period a rep was in post: `employed` of its days `of`, of which `away` on leave or elsewhere, for
    the reason written down."""

    employed: int
    of: int
    away: int
    reason: str


def goal_aim(goal: Goal | None) -> Aim:
    if goal is None:
        return Aim(target=None, source="goal", why=("", ""))
    zh = f"目标“{goal.text}”，{goal.accepted_by} 于 {goal.accepted_on} 认可"
    en = f"the goal “{goal.text}”, accepted by {goal.accepted_by} on {goal.accepted_on}"
    return Aim(target=goal.target, source="goal", why=(zh, en))


def territory_aim(fair: FairTarget | None) -> Aim:
    if fair is None:
        return Aim(target=None, source="territory", why=("", ""))
    return Aim(target=fair.target, source="territory", why=(fair.why_zh, fair.why_en))


def stretched(line: Indicator | None, last_year: float | None) -> Aim:
    """A multiple of what was sold last year, where the scheme asks for one and last year is known."""
    if line is None or line.stretch is None or not last_year:
        return Aim(target=None, source="last_year", why=("", ""))
    why = (
        f"上年 {number(last_year)} × {number(line.stretch)}",
        f"last year’s {number(last_year)} × {number(line.stretch)}",
    )
    return Aim(target=line.stretch * last_year, source="last_year", why=why)


def entered(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], IndicatorFact]:
    rows = session.scalars(select(IndicatorFact).where(IndicatorFact.period_id == period.id).order_by(IndicatorFact.id))
    return {(row.rep_id, known.get(row.indicator.casefold(), row.indicator)): row for row in rows}


def goals(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], Goal]:
    """Goals their reps accepted, by the indicator they name."""
    rows = session.scalars(
        select(Goal)
        .where(Goal.period_id == period.id, Goal.indicator.is_not(None), Goal.accepted_on.is_not(None))
        .order_by(Goal.id)
    )
    return {(row.rep_id, known.get((row.indicator or "").casefold(), row.indicator or "")): row for row in rows}


def fair_targets(session: Session, period: Period, known: Mapping[str, str]) -> dict[tuple[int, str], FairTarget]:
    rows = session.scalars(select(FairTarget).where(FairTarget.period_id == period.id))
    return {(row.rep_id, known.get(row.indicator.casefold(), row.indicator)): row for row in rows}


def presence(rep: Rep, period: Period, row: IndicatorFact | None) -> Presence:
    """By the first and the last day at work, and the fact about days away, with its reason. Raises FactRefused."""
    first, last = max(period.from_on, rep.hired_on or period.from_on), min(period.to_on, rep.left_on or period.to_on)
    of = (period.to_on - period.from_on).days + 1
    away = 0 if row is None else int(row.value or 0)
    if not 0 <= away <= of:
        raise FactRefused(f"{rep.code} was away for {away} of {of} days; correct days_away.")
    if away and row is not None and not (row.note or "").strip():
        raise FactRefused(f"The days away of {rep.code} lower targets; write the reason in note.")
    return Presence(
        employed=max(0, (last - first).days + 1), of=of, away=away, reason=(row.note or "").strip() if row else ""
    )


def by_days(aim: Aim, values: dict[str, Any], being: Presence, scheme: Scheme) -> tuple[Aim, dict[str, Any]]:
    """The target for the days in post. What was agreed in person knew of the first and the last day: there only days
    away count."""
    employed = being.of if aim.source in _IN_PERSON else being.employed
    days = max(0, employed - being.away)
    if aim.target is None or days == being.of:
        return aim, values
    if days == 0:
        return aim, _left_out(values, _ABSENT, scheme)
    said = f"（{being.reason}）" if being.reason else "", f" ({being.reason})" if being.reason else ""
    why = (
        f"{aim.leading[0]}，按在岗 {days}/{being.of} 天计{said[0]}",
        f"{aim.leading[1]}, for {days} of {being.of} days in post{said[1]}",
    )
    return replace(aim, target=prorated(aim.target, days=days, of=being.of), why=why), values


def ramped(aim: Aim, values: dict[str, Any], scheme: Scheme, months: int | None) -> tuple[Aim, dict[str, Any]]:
    """The target after these months in post; at the very start the indicator does not apply."""
    if months is None or aim.target is None:
        return aim, values
    line = scheme.ramp
    share = ramp(months, start=line.start, full_after=line.full_after, table=line.table)
    if share == 1:
        return aim, values
    if share == 0:
        return aim, _left_out(values, _NEW, scheme)
    target = aim.target * share
    why = (
        f"{aim.leading[0]}，入职 {months} 个月计 {share:.0%}",
        f"{aim.leading[1]}, of which {share:.0%} after {months} months in post",
    )
    return replace(aim, target=target, why=why), values


def _left_out(values: dict[str, Any], why: Pair, scheme: Scheme) -> dict[str, Any]:
    return {**values, "value": None, "missing": "not_applicable", "remark": why, "approved_by": scheme.code}


def tenure(since: date | None, until: date) -> int | None:
    """Whole months from one day to another; None while the first is unknown or later."""
    if since is None or since > until:
        return None
    return (until.year - since.year) * 12 + until.month - since.month - (until.day < since.day)
