"""An outcome: a scheme applied to one rep, with every part of the total. It exists only if the parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Self

_TOLERANCE = 1e-9
_TENTH = Decimal("0.1")


class PartsDoNotAddUp(ValueError):
    """The parts of an outcome do not sum to its total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One event inside a deduction, as printed: ``counted`` = points × multiplier, 0 if the survey already shows it, it
    was overturned or has expired. ``reply`` is the rep's."""

    on: str
    fact: str
    evidence: str
    points: float
    multiplier: float
    counted: float
    in_survey: bool
    overturned: bool = False
    expired: bool = False
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One signed amount of the total.

    ``kind`` is indicator, reweighting, deduction, total_cap or limit. ``points`` is None for an indicator that was
    dropped, with the reason in ``missing``; ``remark_zh`` and ``remark_en`` are told beside it. ``printed`` is what
    pages show: the printed parts sum to the printed total. ``sd`` is the standard error in points (None: not measured).
    ``uncapped`` is a deduction before its cap. ``working`` holds, by name, every number the points follow from;
    ``why_zh`` and ``why_en`` say the same in words.
    """

    kind: str
    code: str
    name_zh: str
    name_en: str
    group: str = ""
    unit: str = ""
    rule: str = ""
    weight: float | None = None
    target: float | None = None
    target_source: str = ""
    actual: float | None = None
    points: float | None
    printed: str = ""
    sd: float | None = None
    evidence: str = ""
    covered: bool = True
    missing: str = ""
    uncapped: float | None = None
    note_zh: str = ""
    note_en: str = ""
    remark_zh: str = ""
    remark_en: str = ""
    why_zh: str = ""
    why_en: str = ""
    working: Mapping[str, Any]
    events: tuple[EventLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A scheme applied to one rep. Points are on 0–100; raises PartsDoNotAddUp unless the parts sum to the total.

    ``total`` is None when no indicator has points. ``low`` and ``high`` are the 95 % interval and ``sd`` the
    standard error of survey sampling alone; None means "interval not measured", never zero. ``coverage`` is the
    share of the weights with sufficient evidence and ``rating`` says what follows: rated, flagged or not_rateable
    (then there is no band). ``if_zero`` and ``if_full`` bound the total by giving dropped indicators nothing or
    everything. ``bands`` lists (code, probability), highest first. ``adverse_barred`` holds the reasons why no
    adverse consequence may follow.
    """

    rep: str
    scheme: str
    scheme_version: int
    scheme_hash: str
    total: float | None
    printed: str
    main: float | None
    main_printed: str
    low: float | None
    high: float | None
    sd: float | None
    if_zero: float
    if_full: float
    coverage: float
    rating: str
    band: str
    band_probability: float | None
    bands: tuple[tuple[str, float], ...]
    neighbour: str
    neighbour_probability: float | None
    reward_band: str
    adverse_band: str
    adverse_barred: tuple[str, ...]
    territory_sensitive: bool
    peer_band: str
    company_band: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.total is None:
            return
        amounts = math.fsum(part.points for part in self.parts if part.points is not None)
        if abs(amounts - self.total) > _TOLERANCE:
            raise PartsDoNotAddUp(f"The parts of {self.rep} sum to {amounts!r}, but the total is {self.total!r}.")
        shown = added(part.printed for part in self.parts if part.printed)
        if shown != self.printed:
            raise PartsDoNotAddUp(f"The printed parts of {self.rep} sum to {shown}, but {self.printed} is printed.")

    def record(self) -> dict[str, Any]:
        """The outcome as plain JSON values; ``from_record`` gives the same outcome back."""
        return {
            **asdict(self),
            "bands": [list(band) for band in self.bands],
            "adverse_barred": list(self.adverse_barred),
            "parts": [{**asdict(part), "working": dict(part.working)} for part in self.parts],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The outcome stored as ``record``, checked again."""
        parts = tuple(
            Part(**{**part, "events": tuple(EventLine(**event) for event in part["events"])})
            for part in record["parts"]
        )
        values = {one.name: record[one.name] for one in fields(cls)}
        bands = tuple((str(code), float(chance)) for code, chance in record["bands"])
        return cls(**{**values, "bands": bands, "adverse_barred": tuple(record["adverse_barred"]), "parts": parts})


def printed_sum(total: float) -> str:
    """``total`` to one decimal, as any page rounds it."""
    return added([f"{total:.1f}"])


def printed_parts(amounts: Sequence[float], total: str | None = None) -> tuple[str, ...]:
    """``amounts`` to one decimal so that they sum exactly to ``total``, by default ``printed_sum`` of their sum.

    Largest remainder: each is rounded down, and the tenths still owed go to the largest remainders, the earlier one
    first when equal.
    """
    if not amounts:
        return ()
    exact = [Decimal(amount) for amount in amounts]
    shown = [amount.quantize(_TENTH, rounding=ROUND_FLOOR) for amount in exact]
    whole = Decimal(printed_sum(math.fsum(amounts)) if total is None else total)
    everyone, some = divmod(int((whole - sum(shown, Decimal(0))) / _TENTH), len(shown))
    by_remainder = sorted(range(len(exact)), key=lambda place: (shown[place] - exact[place], place))
    for rank, place in enumerate(by_remainder):
        shown[place] += _TENTH * (everyone + (rank < some))
    return tuple(str(amount + Decimal("0.0")) for amount in shown)


def added(printed: Iterable[str]) -> str:
    """The sum of amounts as printed, so that what a reader adds up is what stands there."""
    return str(sum((Decimal(one) for one in printed), Decimal("0.0")))


def between(start: str, end: str) -> str:
    """What leads from one printed amount to another."""
    return str(Decimal(end) - Decimal(start) + Decimal("0.0"))
