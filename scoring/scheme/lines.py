"""The lines a scheme is made of: indicators, deductions, bands, and the limits on what may be concluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from scoring.rules import RULES, Value

GROUPS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "result": ("结果", "result"),
        "process": ("过程", "process"),
        "ability": ("能力", "ability"),
        "development": ("培养", "development"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One line of a scheme: what is measured, its full points, and the rule from actual and target to points.

    ``target`` is the default where a fact brings none, in the unit of the value. ``item`` names the surveyed dimension
    of a survey indicator (empty: the composite). ``measure`` names what is counted in the log of visits or projects
    where no fact was entered, and ``late_step`` the share of a stage's value that every 30 days begun of lateness cost
    there; ``beside`` what is told beside it (``lost_worth``: how many new customers a lost one outweighs).

    ``ramp`` lets the target grow with the time in post; ``prorate`` asks less of who was there for fewer days;
    ``minimum`` makes it a lower limit, which never moves and is named when missed; ``stretch`` makes it this multiple
    of last year's sales. ``team_share`` is the part of the attainment that the rep's team decides. ``anchors_zh`` and
    ``anchors_en`` describe the levels of a rating in words, from the lowest up. ``sales`` marks plain sales volume;
    ``verified_by`` names the question by which customers bear out what a rep reports: those who chose a point of
    ``confirmed_by`` do, those of ``denied_by`` do not. ``repeats`` names indicators that already count the same fact.
    ``parameters`` are the rule's own; ``stated`` the keys the source text gives.
    """

    code: str
    name_zh: str
    name_en: str
    definition_zh: str = ""
    definition_en: str = ""
    group: str
    unit: str = ""
    weight: float
    rule: str
    target: float | None = None
    item: str = ""
    measure: str = ""
    late_step: float = 0.0
    beside: str = ""
    lost_worth: float = 2.5
    ramp: bool = False
    prorate: bool = False
    minimum: bool = False
    stretch: float | None = None
    team_share: float = 0.0
    anchors_zh: tuple[str, ...] = ()
    anchors_en: tuple[str, ...] = ()
    sales: bool = False
    verified_by: str = ""
    confirmed_by: tuple[float, ...] = ()
    denied_by: tuple[float, ...] = ()
    repeats: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def survey(self) -> bool:
        return self.rule in RULES and RULES[self.rule].survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """Events that cost points, at most ``cap`` together; each counts ``multiplier`` times, before the cap."""

    code: str
    name_zh: str
    name_en: str
    cap: float
    multiplier: float = 1.0
    repeats: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A grade: totals from ``cut`` up to the next band's cut. ``adverse``: it can have adverse consequences."""

    code: str
    name_zh: str
    name_en: str
    cut: float
    adverse: bool = False
    stated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How sure one has to be.

    A single band is published from probability ``single_band``; a reward uses the higher of two from ``benefit``; an
    adverse consequence needs ``adverse``. Below coverage ``rateable`` there is no band, below ``complete`` a remark. No
    adverse recommendation while an indicator of ``measured_weight`` points or more has no standard error. Ratings by
    a supervisor carry ``rating_weight`` points together at most.
    """

    single_band: float = 0.80
    benefit: float = 0.30
    adverse: float = 0.90
    rateable: float = 0.70
    complete: float = 0.90
    measured_weight: float = 20.0
    rating_weight: float = 20.0
    stated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """The share of a full target after months in post: from ``start``, growing until ``full_after`` months; or by
    ``table``, one share a started month, the last one standing (above 1, up to 1.2, for seniors who agreed to it)."""

    start: float = 0.4
    full_after: float = 6.0
    table: tuple[float, ...] = ()
    stated: tuple[str, ...] = ()


Line = Indicator | Deduction | Band
