"""What logs of calls, trainings, project stages and amounts come to in one period: an actual value, sometimes a target.

``MEASURES`` names them for schemes: an indicator with ``measure`` takes its value from the log where nobody entered a
fact for it. A rep without any entry was not measured, which is not the same as zero.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

from scoring import measures
from scoring.rules import Stage, earned_value

Found = tuple[float, float | None]
Days = tuple[date, date]
A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on somebody. ``first``: they are no customer yet; ``purpose``, ``need``, ``help``: one was recorded;
    ``occasion``: what they were greeted for."""

    customer: str
    on: date
    first: bool = False
    purpose: bool = False
    need: bool = False
    help: bool = False
    occasion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A rep's period: its first and last day, the calls made in it, the customers served, the stages of their projects,
    the occasions that fell into it, ``amounts`` entered by name (sales, orders, expense …), and the hours ``trained``.
    ``late_step`` is what the scheme takes from a stage for every 30 days begun of lateness."""

    from_on: date
    to_on: date
    calls: Sequence[Call] = ()
    customers: Collection[str] = ()
    stages: Sequence[Stage] = ()
    occasions: Collection[str] = ()
    amounts: Mapping[str, float] = field(default_factory=dict)
    trained: float = 0.0
    late_step: float = 0.0

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days + 1

    @property
    def weeks(self) -> list[Days]:
        """The weeks from Monday to Sunday that lie in the period; the whole period where none does."""
        monday = self.from_on + timedelta(days=-self.from_on.weekday() % 7)
        found = []
        while monday + timedelta(days=6) <= self.to_on:
            found.append((monday, monday + timedelta(days=6)))
            monday += timedelta(days=7)
        return found or [(self.from_on, self.to_on)]

    @property
    def months(self) -> list[Days]:
        """The calendar months that lie in the period; the whole period where none does."""
        found = []
        for year in range(self.from_on.year, self.to_on.year + 1):
            for month in range(1, 13):
                first, last = date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
                if self.from_on <= first and last <= self.to_on:
                    found.append((first, last))
        return found or [(self.from_on, self.to_on)]


def cold_visits(work: Work) -> Found | None:
    """People who are no customers yet, each counted once, a week."""
    if not work.calls:
        return None
    return len({call.customer for call in work.calls if call.first}) * 7 / work.days, None


def visits_a_week(work: Work) -> Found | None:
    return (len(work.calls) * 7 / work.days, None) if work.calls else None


def visits_a_month(work: Work) -> Found | None:
    """Calls a month: of calendar months where the period is made of them, else of 30.4 days."""
    if not work.calls:
        return None
    months = len(work.months) if work.months[0][0] == work.from_on and work.months[-1][1] == work.to_on else 0
    return len(work.calls) / (months or work.days / A_MONTH), None


def visited_customers(work: Work) -> Found | None:
    """Customers called on with a stated purpose in every week, of those served."""
    return _each(work, work.weeks, 1, lambda call: call.purpose)


def helped_customers(work: Work) -> Found | None:
    """Customers for whom something concrete was done in every week, of those served."""
    return _each(work, work.weeks, 1, lambda call: call.help)


def communicating_customers(work: Work) -> Found | None:
    """Customers with two effective communications (a need or problem was recorded) in every month, of those served."""
    return _each(work, work.months, 2, lambda call: call.need)


def greeted_occasions(work: Work) -> Found | None:
    """Greetings given (to a customer served, for an occasion of the period) of those due."""
    due = len(work.customers) * len(work.occasions)
    if not due or not work.calls:
        return None
    given = {(call.customer, call.occasion) for call in work.calls if call.occasion in work.occasions}
    return sum(customer in work.customers for customer, _ in given), due


def project_stages(work: Work) -> Found | None:
    """(EV, PV) over all stages; None where nothing was planned yet."""
    earned, planned = earned_value(work.stages, late_step=work.late_step)
    return (earned, planned) if planned > 0 else None


def training_hours(work: Work) -> Found | None:
    """Hours of the trainings given to the rep. What the company still owes is no target: that is its own to give."""
    return (work.trained, None) if work.trained else None


def call_rate(work: Work) -> Found | None:
    """Calls a working day."""
    return _over(work, "calls", "working_days")


def hit_rate(work: Work) -> Found | None:
    """Orders per 100 calls."""
    return _over(work, "orders", "calls", times=100)


def orders_per_day(work: Work) -> Found | None:
    return _over(work, "orders", "working_days")


def order_size(work: Work) -> Found | None:
    return _over(work, "sales", "orders")


def expense_rate(work: Work) -> Found | None:
    """Expense in per cent of sales."""
    return _over(work, "expense", "sales", times=100)


def sales_growth(work: Work) -> Found | None:
    """Growth on the last period in per cent."""
    known = work.amounts
    if "sales" not in known or not known.get("last_sales", 0) > 0:
        return None
    return measures.growth(last=known["last_sales"], current=known["sales"], from_new=0).total, None


def contribution_rate(work: Work) -> Found | None:
    """What is left of sales after cost, discounts, expense, financing and bad debt, in per cent of sales."""
    known = work.amounts
    if not known.get("sales", 0) > 0 or any(name not in known for name in _CONTRIBUTION):
        return None
    found = measures.contribution(
        sales=known["sales"], cost=known["cost"], discounts=known["discounts"], expense=known["expense"],
        collection_days=known["collection_days"], interest=known["interest"] / 100,
        bad_debt_rate=known["bad_debt_rate"] / 100,
    )  # fmt: skip
    return found.rate, None


_CONTRIBUTION = ("cost", "discounts", "expense", "collection_days", "interest", "bad_debt_rate")


def _over(work: Work, above: str, below: str, *, times: float = 1) -> Found | None:
    known = {"calls": float(len(work.calls)), **work.amounts} if work.calls else work.amounts
    if above not in known or not known.get(below, 0) > 0:
        return None
    return times * known[above] / known[below], None


def _each(work: Work, spans: Iterable[Days], often: int, counts: Callable[[Call], bool]) -> Found | None:
    if not work.customers or not work.calls:
        return None
    met = set(work.customers)
    for first, last in spans:
        seen = [call.customer for call in work.calls if first <= call.on <= last and counts(call)]
        met = {customer for customer in met if seen.count(customer) >= often}
    return len(met), len(work.customers)


MEASURES: Mapping[str, Callable[[Work], Found | None]] = MappingProxyType(
    {
        "cold_visits": cold_visits,
        "visits_a_week": visits_a_week,
        "visits_a_month": visits_a_month,
        "visited_customers": visited_customers,
        "helped_customers": helped_customers,
        "communicating_customers": communicating_customers,
        "greeted_occasions": greeted_occasions,
        "project_stages": project_stages,
        "training_hours": training_hours,
        "call_rate": call_rate,
        "hit_rate": hit_rate,
        "orders_per_day": orders_per_day,
        "order_size": order_size,
        "expense_rate": expense_rate,
        "sales_growth": sales_growth,
        "contribution_rate": contribution_rate,
    }
)
