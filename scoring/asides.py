"""What is told beside an indicator and earns nothing: growth by who brought it, customers won less those lost.

``ASIDES`` names them for schemes: an indicator with ``beside`` prints one wherever the amounts it needs are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scoring import measures
from scoring.outcome import printed_parts, printed_sum
from scoring.wording import number, signed

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """One remark in Chinese and English, and by name the numbers it states."""

    zh: str
    en: str
    numbers: Mapping[str, float]


def growth_split(amounts: Amounts) -> Aside | None:
    """What customers opened in the period and what existing ones brought, in points that add up to the growth.

    None where the sales to new customers were not recorded or cannot be a part of the sales, and where another growth
    was entered (``growth``) than the sales give: paper does not contradict itself.
    """
    wanted = [amounts.get(name) for name in ("last_sales", "sales", "new_customer_sales")]
    last, current, from_new = (-1.0 if one is None else one for one in wanted)
    if last <= 0 or not 0 <= from_new <= current:
        return None
    grown = measures.growth(last=last, current=current, from_new=from_new)
    if printed_sum(amounts.get("growth", grown.total)) != printed_sum(grown.total):
        return None
    new, existing = (signed(one) for one in printed_parts([grown.new, grown.existing], total=printed_sum(grown.total)))
    return Aside(
        zh=f"新客户 {new}、老客户 {existing} 个百分点",
        en=f"{new} percentage points from new, {existing} from existing customers",
        numbers={"last_sales": last, "sales": current, "from_new": from_new, "new": grown.new,
                 "existing": grown.existing},
    )  # fmt: skip


def net_new_customers(amounts: Amounts) -> Aside | None:
    """Customers won less ``lost_worth`` (the scheme's) for each one lost; None where one of the two is not known."""
    if "new_customers" not in amounts or "lost_customers" not in amounts:
        return None
    won, lost, lost_worth = (amounts[name] for name in ("new_customers", "lost_customers", "lost_worth"))
    net = measures.net_new_customers(won=won, lost=lost, worth=lost_worth)
    return Aside(
        zh=f"净新增 {number(net)} = 新开发 {number(won)} − {number(lost_worth)} × 流失 {number(lost)}",
        en=f"net new {number(net)} = {number(won)} won − {number(lost_worth)} × {number(lost)} lost",
        numbers={"won": won, "lost": lost, "lost_worth": lost_worth, "net_new": net},
    )


ASIDES: Mapping[str, Callable[[Amounts], Aside | None]] = MappingProxyType(
    {"growth_split": growth_split, "net_new_customers": net_new_customers}
)
