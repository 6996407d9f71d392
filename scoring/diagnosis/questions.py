"""The findings D1–D9, each a question with the numbers and lines it rests on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.diagnosis.table import Table

SAME_WORKLOAD = 0.20  # workloads within this share of each other count as alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A finding D1–D9 as a question, with the numbers it rests on and the lines they stand in."""

    code: str
    zh: str
    en: str
    numbers: Mapping[str, float]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A finding that could not be looked for, and why."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What colleagues in the same position average in the last period; ``workload`` in any unit of distance, None
    where it is not known."""

    profit_per_customer: float
    calls: float
    workload: float | None = None


def _n(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−")


def _p(value: float) -> str:
    return f"{value:,.0f}"


def _rising(values: Sequence[float]) -> bool:
    return all(now > before for before, now in itertools.pairwise(values))


def d1(table: Table) -> Question | None:
    """Sales up in every period."""
    sales = [period.total_sales for period in table.periods]
    if not _rising(sales):
        return None
    return Question(
        code="D1",
        zh=f"销售额逐期上升（{_p(sales[0])} → {_p(sales[-1])}），主要得益于什么？",
        en=f"Sales rose in every period ({_p(sales[0])} → {_p(sales[-1])}): what made the difference?",
        numbers={"first": sales[0], "last": sales[-1]},
        lines=table.cite("sales"),
    )


def _changes(table: Table) -> tuple[float, float]:
    return table.last.total_sales - table.before.total_sales, table.last.total_profit - table.before.total_profit


def d2(table: Table) -> Question | None:
    """Sales up while profit is down: volume bought with margin."""
    sales, profit = _changes(table)
    if not (sales > 0 > profit):
        return None
    return Question(
        code="D2",
        zh=f"{table.last.label} 销售额 {_n(sales)}，毛利却 {_n(profit)}：销量是否以毛利换来？",
        en=f"In {table.last.label} sales changed by {_n(sales)} but gross profit by {_n(profit)}: "
        "was volume bought with margin?",
        numbers={"sales": sales, "profit": profit},
        lines=table.cite("sales", "profit"),
    )


def d3(table: Table) -> Question | None:
    """The change of products sold explains a fall in profit: Σ Δsales × the margin of the period before, where less was
    sold of the one that earns more."""
    _, profit = _changes(table)
    margins = {
        name: table.before.profit[name] / table.before.sales[name]
        for name in table.products
        if table.before.sales[name]
    }
    effects = {name: (table.last.sales[name] - table.before.sales[name]) * margin for name, margin in margins.items()}
    mix = math.fsum(effects.values())
    worst, best = min(effects, key=effects.__getitem__), max(effects, key=effects.__getitem__)
    if not (profit < 0 and mix < 0 and effects[worst] < 0 < effects[best] and margins[worst] > margins[best]):
        return None
    terms = " ".join(f"{_n(effects[name])} ({name})" for name in effects)
    return Question(
        code="D3",
        zh=f"按上期毛利率，产品结构使毛利变动 {terms} = {_n(mix)}：毛利率高的 {worst} 为何少卖了？",
        en=f"At the margins of the period before, the products sold changed gross profit by {terms} = {_n(mix)}: "
        f"why was less of {worst} sold, which earns more?",
        numbers={**effects, "mix": mix},
        lines=table.cite(*(f"sales {name}" for name in effects), *(f"profit {name}" for name in effects)),
    )


def d4(table: Table) -> Question | None:
    """One product falls further below its quota while another rises above its own."""
    if not table.quotas:
        return None
    first, last = table.first.attainment, table.last.attainment
    falling = [name for name in table.products if last[name] < min(100.0, first[name])]
    rising = [name for name in table.products if last[name] > max(100.0, first[name])]
    if not (falling and rising):
        return None
    low, high = min(falling, key=last.__getitem__), max(rising, key=last.__getitem__)
    return Question(
        code="D4",
        zh=f"{low} 的定额完成率由 {first[low]:.1f}% 降到 {last[low]:.1f}%，"
        f"{high} 由 {first[high]:.1f}% 升到 {last[high]:.1f}%：是否偏重好卖的产品，或定额本身需要调整？",
        en=f"{low} went from {first[low]:.1f} % to {last[low]:.1f} % of its quota and {high} from "
        f"{first[high]:.1f} % to {last[high]:.1f} %: is the easier product preferred, or are the quotas wrong?",
        numbers={
            f"{name} {when}": one[name] for name in (low, high) for when, one in (("first", first), ("last", last))
        },
        lines=table.cite(f"attained {low}", f"attained {high}"),
    )


def d5(table: Table) -> Question | None:
    """Expense up, calls not: visits do not explain it."""
    expense, calls = table.last.expense - table.before.expense, table.last.calls - table.before.calls
    if not (expense > 0 >= calls):
        return None
    return Question(
        code="D5",
        zh=f"销售费用 {_n(expense)}，访问次数 {_n(calls)}：费用并非来自拜访，用在了哪里？",
        en=f"Expense changed by {_n(expense)} and calls by {_n(calls)}: visits do not explain it, what does?",
        numbers={"expense": expense, "calls": calls},
        lines=table.cite("expense", "calls"),
    )


def d6(table: Table) -> Question | None:
    """New customers up, which may explain the expense."""
    if not table.last.won > table.before.won or table.last.expense <= table.before.expense:
        return None
    return Question(
        code="D6",
        zh=f"新客户由 {_p(table.before.won)} 增至 {_p(table.last.won)}：费用上升是否用于开发新客户？",
        en=f"New customers went from {_p(table.before.won)} to {_p(table.last.won)}: was the expense for winning them?",
        numbers={"before": table.before.won, "last": table.last.won},
        lines=table.cite("won", "expense"),
    )


def d7(table: Table) -> Question | None:
    """More customers lost: existing ones may be neglected."""
    first, last = table.first.lost, table.last.lost
    if not (last > first and last > table.before.lost):
        return None
    return Question(
        code="D7",
        zh=f"流失客户由 {_p(first)} 增至 {_p(last)}：老客户是否照顾不足，公司能做什么？",
        en=f"Lost customers went from {_p(first)} to {_p(last)}: are existing customers neglected, and what can the "
        "company do?",
        numbers={"first": first, "last": last},
        lines=table.cite("lost"),
    )


def _no_average(code: str) -> LeftOut:
    return LeftOut(code=code, zh="缺少公司平均数。", en="Company average missing.")


def d8(table: Table, company: Company | None) -> Question | LeftOut | None:
    """Profit per customer against the company's mean."""
    if company is None:
        return _no_average("D8")
    own = table.last.total_profit / table.last.customers
    if own >= company.profit_per_customer:
        return None
    return Question(
        code="D8",
        zh=f"每客户毛利 {_p(own)}，公司平均 {_p(company.profit_per_customer)}：客户是否选对，时间是否足够？",
        en=f"Gross profit per customer is {_p(own)} where the company averages {_p(company.profit_per_customer)}: "
        "are these the right customers, and do they get enough time?",
        numbers={"own": own, "company": company.profit_per_customer},
        lines=table.cite("profit per customer"),
    )


def d9(table: Table, company: Company | None, workload: float | None) -> Question | LeftOut | None:
    """Calls below colleagues', only where distances are alike."""
    if company is None:
        return _no_average("D9")
    if not workload or not company.workload or abs(workload / company.workload - 1) > SAME_WORKLOAD:
        return LeftOut(
            code="D9",
            zh="客户距离与同事不相近，不比较访问次数。",
            en="Distances are not like the colleagues', so calls are not compared.",
        )
    if table.last.calls >= company.calls:
        return None
    return Question(
        code="D9",
        zh=f"访问 {_p(table.last.calls)} 次，距离相近的同事平均 {_p(company.calls)} 次："
        "是路线、工作时间，还是在部分客户处停留过久？",
        en=f"{_p(table.last.calls)} calls where colleagues with like distances make {_p(company.calls)}: "
        "is it routing, working time, or long stays with some customers?",
        numbers={"own": table.last.calls, "company": company.calls},
        lines=table.cite("calls"),
    )


ALONE = (d1, d2, d3, d4, d5, d6, d7)  # read from the rep's own table
