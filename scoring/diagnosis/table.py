"""The table of one rep's periods: what was recorded, and the lines derived from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass


class NotATable(ValueError):
    """Periods that do not make a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One period of one rep. ``sales``, ``attainment`` (per cent of quota) and ``profit`` (gross) are by product;
    ``attainment`` is empty where no quota was agreed."""

    label: str
    sales: Mapping[str, float]
    attainment: Mapping[str, float]
    profit: Mapping[str, float]
    expense: float
    calls: float
    customers: float
    won: float
    lost: float

    def __post_init__(self) -> None:
        if not self.sales or not self.sales.keys() == self.profit.keys() == (self.attainment or self.sales).keys():
            raise NotATable(f"{self.label}: sales, attainment and profit must be given for the same products.")
        if min(self.calls, self.customers, self.total_sales) <= 0:
            raise NotATable(f"{self.label}: calls, customers and sales must be above 0 to be divided by.")

    @property
    def total_sales(self) -> float:
        return math.fsum(self.sales.values())

    @property
    def total_profit(self) -> float:
        return math.fsum(self.profit.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One numbered line of the table, a value per period. ``key`` marks the five that say most."""

    number: int
    zh: str
    en: str
    values: tuple[float, ...]
    key: bool = False


_KEY = frozenset({"sales", "profit", "expense rate", "calls", "lost"})


class Table:
    """The periods with their derived lines, numbered as printed."""

    def __init__(self, periods: Sequence[Period]) -> None:
        self.periods = periods
        self.first, self.before, self.last = periods[0], periods[-2], periods[-1]
        self.products = tuple(periods[0].sales)
        self.quotas = all(period.attainment for period in periods)
        self._number: dict[str, int] = {}
        self._lines = [
            Line(number=number, zh=zh, en=en, values=tuple(value(period) for period in periods), key=key in _KEY)
            for number, (key, zh, en, value) in enumerate(self._rows(), start=1)
            if self._number.setdefault(key, number)
        ]

    def lines(self) -> list[Line]:
        return self._lines

    def cite(self, *keys: str) -> tuple[int, ...]:
        return tuple(self._number[key] for key in keys)

    def _rows(self) -> Iterator[tuple[str, str, str, Callable[[Period], float]]]:
        for product in self.products:
            yield f"sales {product}", f"净销售额 {product}", f"Net sales {product}", _of("sales", product)
        yield "sales", "净销售总额", "Net sales, total", lambda period: period.total_sales
        for product in self.products if self.quotas else ():
            yield f"attained {product}", f"定额完成 % {product}", f"% of quota {product}", _of("attainment", product)
        for product in self.products:
            yield f"profit {product}", f"毛利 {product}", f"Gross profit {product}", _of("profit", product)
        yield "profit", "毛利总额", "Gross profit, total", lambda period: period.total_profit
        yield "expense", "销售费用", "Sales expense", lambda period: period.expense
        yield (
            "expense rate",
            "费用率 %",
            "Expense to sales, %",
            lambda period: 100 * period.expense / period.total_sales,
        )
        yield "calls", "访问次数", "Calls", lambda period: period.calls
        yield "cost per call", "每次访问成本", "Cost per call", lambda period: period.expense / period.calls
        yield "customers", "客户数", "Customers", lambda period: period.customers
        yield "won", "新客户", "New customers", lambda period: period.won
        yield "lost", "流失客户", "Lost customers", lambda period: period.lost
        yield (
            "sales per customer",
            "每客户销售额",
            "Sales per customer",
            lambda period: period.total_sales / period.customers,
        )
        yield (
            "profit per customer",
            "每客户毛利",
            "Gross profit per customer",
            lambda period: period.total_profit / period.customers,
        )


def _of(kind: str, product: str) -> Callable[[Period], float]:
    def value(period: Period) -> float:
        found: float = getattr(period, kind)[product]
        return found

    return value
