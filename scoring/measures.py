"""What indicators are computed from: a period's counts and amounts, before any target or points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959963984540054


class NotMeasurable(ValueError):
    """A measure that the given numbers do not define."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Growth in per cent of the last period: ``total`` = ``new`` (customers won in the period) + ``existing``."""

    total: float
    new: float
    existing: float


def growth(*, last: float, current: float, from_new: float) -> Growth:
    """Split (current − last)/last into what new customers and what existing customers brought.

    ``from_new`` is the part of ``current`` sold to customers opened in the period. Raises NotMeasurable unless last
    > 0.
    """
    if last <= 0:
        raise NotMeasurable(f"Growth needs sales in the last period, which were {last:g}; leave the indicator out.")
    new = 100 * from_new / last
    total = 100 * (current - last) / last
    return Growth(total=total, new=new, existing=total - new)


def net_new_customers(*, won: float, lost: float, worth: float = 2.5) -> float:
    """Customers won less ``worth`` for every one lost: two or three new ones hardly make up for one lost.

    Raises NotMeasurable unless 2 ≤ worth ≤ 3.
    """
    if not 2 <= worth <= 3:
        raise NotMeasurable(f"A lost customer counts as {worth:g} new ones; choose from 2 to 3.")
    return won - worth * lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """Sales less cost, discounts, expense, ``financing`` and ``bad_debt``; ``rate`` is per cent of sales."""

    financing: float
    bad_debt: float
    amount: float
    rate: float


def contribution(
    *,
    sales: float,
    cost: float,
    discounts: float,
    expense: float,
    collection_days: float,
    interest: float,
    bad_debt_rate: float,
) -> Contribution:
    """sales − COGS − discounts − expense − sales·r·(DSO/365) − bad debt, and its share of sales.

    ``interest`` r and ``bad_debt_rate`` are shares (.06, .005) a year and of sales. Raises NotMeasurable unless
    sales > 0.
    """
    if sales <= 0:
        raise NotMeasurable(f"A contribution rate needs sales, which were {sales:g}; leave the indicator out.")
    financing, bad_debt = sales * interest * collection_days / 365, sales * bad_debt_rate
    amount = sales - cost - discounts - expense - financing - bad_debt
    return Contribution(financing=financing, bad_debt=bad_debt, amount=amount, rate=100 * amount / sales)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How a rep works: effort, efficiency and cost. Sales a day = calls a day × hit rate × order size."""

    calls_per_day: float
    hit_rate: float
    orders_per_day: float
    order_size: float
    cost_per_call: float
    expense_rate: float


def activity(*, days: float, calls: float, orders: float, sales: float, expense: float) -> Activity:
    """The ratios of the ten criteria; rates in per cent. Raises NotMeasurable unless all divisors are above 0."""
    if min(days, calls, orders, sales) <= 0:
        raise NotMeasurable("Working days, calls, orders and sales must all be above 0 to be divided by.")
    return Activity(
        calls_per_day=calls / days,
        hit_rate=100 * orders / calls,
        orders_per_day=orders / days,
        order_size=sales / orders,
        cost_per_call=expense / calls,
        expense_rate=100 * expense / sales,
    )


def wilson(met: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson: ``met`` of ``of`` customers asked, as shares; holds for few of them.

    (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²))/(1 + z²/n), z = 1.96. Raises NotMeasurable unless 0 ≤ met ≤ of, of > 0.
    """
    if not 0 <= met <= of or not of:
        raise NotMeasurable(f"{met} of {of} is no share; correct the two counts.")
    share, z2 = met / of, _Z * _Z
    middle, reach = share + z2 / (2 * of), _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z2 / of)), min(1.0, (middle + reach) / (1 + z2 / of))


def composite_efficiency(weights: Sequence[float], attained: Sequence[float]) -> float:
    """Σ weight·attainment/Σ weight, in the unit of ``attained``: one rep's line in a comparison between reps."""
    return math.fsum(w * a for w, a in zip(weights, attained, strict=True)) / math.fsum(weights)
