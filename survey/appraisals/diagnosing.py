"""One rep over periods: facts become the table that is read with the rep, with its questions and company means.

Facts count here by name: sales and gross profit (each also by product, as in `sales:A`), expense, calls, customers, new
and lost customers, in English or Chinese.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from scoring import diagnosis
from scoring.diagnosis.questions import Company
from scoring.diagnosis.table import NotATable
from scoring.diagnosis.table import Period as Recorded
from survey.models.company import Period
from survey.models.facts import IndicatorFact
from survey.models.roster import Assignment, Rep, Territory

PERIODS = 4
FEWEST_COLLEAGUES = 3
"""Company means are taken over at least so many reps of a position."""

_NAMES = {
    "sales": ("sales", "net_sales", "net sales", "销售额", "净销售额"),
    "profit": ("gross_profit", "gross profit", "毛利"),
    "expense": ("expense", "selling_expense", "selling expense", "销售费用", "费用"),
    "calls": ("calls", "访问次数", "拜访次数"),
    "customers": ("customers", "客户数"),
    "won": ("new_customers", "new customers", "新客户", "新客户数", "新客户开发数"),
    "lost": ("lost_customers", "lost customers", "流失客户", "流失客户数", "老客户流失数"),
}
_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names}
_COUNTED = ("expense", "calls", "customers", "won", "lost")
_Amounts = dict[tuple[str, str], tuple[float, float | None]]  # (meaning, product) → value and target


def diagnoses(session: Session, period: Period, reps: Collection[Rep]) -> dict[int, dict[str, Any]]:
    """By rep id, the table and its questions as plain values; reps without two whole periods of facts have none."""
    positions = {rep.id: rep.position or "" for rep in reps}
    tables = {rep: found for rep, found in _recorded(session, period).items() if rep in positions}
    loads = _workloads(session, period)
    means = {
        position: _means([rep for rep in tables if positions[rep] == position], tables, period, loads)
        for position in {positions[rep] for rep in tables}
    }
    found = {}
    for rep, periods in tables.items():
        whole = _of_one_kind(periods)
        if len(whole) > 1 and whole[-1].label == period.code:
            read = diagnosis.diagnose(whole, company=means[positions[rep]], workload=loads.get(rep))
            found[rep] = _plain([one.label for one in whole], read)
    return found


def reads(indicator: str) -> bool:
    """Whether facts of this name stand in the table."""
    return _meaning(indicator)[0] is not None


def _meaning(indicator: str) -> tuple[str | None, str]:
    """What a fact's name means here, and of which product."""
    name, _, product = indicator.replace("：", ":").partition(":")
    return _MEANING.get(name.strip().casefold()), product.strip()


def _plain(labels: Sequence[str], read: diagnosis.Diagnosis) -> dict[str, Any]:
    return {
        "periods": list(labels),
        "lines": [{**asdict(one), "values": list(one.values)} for one in read.lines],
        "questions": [
            {**asdict(one), "numbers": dict(one.numbers), "lines": list(one.lines)} for one in read.questions
        ],
        "left_out": [asdict(one) for one in read.left_out],
        "unbalanced": list(read.unbalanced),
    }


def _recorded(session: Session, period: Period) -> dict[int, list[Recorded]]:
    """Each rep's periods with every fact the table needs, oldest first, up to this one."""
    rows = session.execute(
        select(IndicatorFact, Period.code)
        .join(Period)
        .where(Period.to_on <= period.to_on, IndicatorFact.value.is_not(None))
        .order_by(Period.from_on, IndicatorFact.id)
    )
    amounts: dict[int, dict[str, _Amounts]] = defaultdict(lambda: defaultdict(dict))
    for fact, code in rows:
        meaning, product = _meaning(fact.indicator)
        if meaning and fact.value is not None:
            amounts[fact.rep_id][code][meaning, product] = (fact.value, fact.target)
    found: dict[int, list[Recorded]] = {}
    for rep, by_period in amounts.items():
        periods = [one for code, of_period in by_period.items() if (one := _period(code, of_period)) is not None]
        if periods:
            found[rep] = periods[-PERIODS:]
    return found


def _period(label: str, amounts: _Amounts) -> Recorded | None:
    """One period of the table; None when something it is divided by or made of was not recorded."""
    if any((meaning, "") not in amounts for meaning in _COUNTED):
        return None
    products = {product for meaning, product in amounts if meaning == "sales" and product} or {""}
    if any(("sales", one) not in amounts or ("profit", one) not in amounts for one in products):
        return None
    named = {one or "Σ": one for one in sorted(products)}
    targets = {name: amounts["sales", one][1] for name, one in named.items()}
    sales = {name: amounts["sales", one][0] for name, one in named.items()}
    try:
        return Recorded(
            label=label,
            sales=sales,
            attainment={name: 100 * sales[name] / target for name, target in targets.items() if target}
            if all(targets.values())
            else {},
            profit={name: amounts["profit", one][0] for name, one in named.items()},
            **{meaning: amounts[meaning, ""][0] for meaning in _COUNTED},
        )
    except NotATable:
        return None


def _of_one_kind(periods: Sequence[Recorded]) -> list[Recorded]:
    """The last periods that list the same products: others cannot stand in one table."""
    last = periods[-1].sales.keys()
    return [one for one in periods if one.sales.keys() == last]


def _means(
    colleagues: Sequence[int], tables: Mapping[int, Sequence[Recorded]], period: Period, loads: Mapping[int, float]
) -> Company | None:
    """What the reps of a position come to in this period; None when too few recorded it."""
    now = {rep: tables[rep][-1] for rep in colleagues if tables[rep][-1].label == period.code}
    if len(now) < FEWEST_COLLEAGUES:
        return None
    known = [loads[rep] for rep in now if rep in loads]
    return Company(
        profit_per_customer=math.fsum(one.total_profit for one in now.values())
        / math.fsum(one.customers for one in now.values()),
        calls=_mean(one.calls for one in now.values()),
        workload=_mean(known) if known else None,
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _workloads(session: Session, period: Period) -> dict[int, float]:
    """The mean workload of the territories each rep served in the period."""
    served = session.execute(
        select(Assignment.rep_id, Territory.id, Territory.workload)
        .join(Territory, Territory.id == Assignment.territory_id)
        .where(
            Territory.workload.is_not(None),
            Assignment.served_from <= period.to_on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= period.from_on),
        )
        .distinct()
    )
    loads: dict[int, list[float]] = defaultdict(list)
    for rep, _, workload in served:
        loads[rep].append(float(workload or 0.0))
    return {rep: _mean(values) for rep, values in loads.items()}
