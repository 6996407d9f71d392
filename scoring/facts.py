"""What an appraisal starts from beside the surveyed scores: the period's facts, and the events that cost points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

MISSING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_applicable": ("不适用", "not applicable"),
        "not_measured": ("公司未计量，属公司缺项", "not measured by the company, which is the company's omission"),
        "withheld_by_rep": ("员工未提交，计 0 分，员工有权申辩", "not handed in by the rep: 0 points, open to reply"),
        "privacy_suppressed": ("答卷客户过少，为保护客户不计", "left out to protect the few customers who answered"),
    }
)
REASONS = ("not_applicable", "not_measured", "withheld_by_rep")  # those a company may record


class FactRefused(ValueError):
    """A fact or event that cannot be used, and what to do about it."""


class FactsRefused(ValueError):
    """Facts that do not fit the scheme: ``problems`` holds one sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Surveyed(Protocol):
    """What is read of a rep's surveyed score: a ``scoring.scores.Score``, or whatever it was stored as.

    A protocol, so that drawing up an appraisal needs none of the libraries that scoring needs.
    """

    @property
    def rep(self) -> str: ...
    @property
    def item(self) -> str: ...
    @property
    def evidence(self) -> str: ...
    @property
    def responses(self) -> int: ...
    @property
    def customers(self) -> int: ...
    @property
    def raw(self) -> float | None: ...
    @property
    def mix(self) -> float | None: ...
    @property
    def territory(self) -> float | None: ...
    @property
    def centring(self) -> float | None: ...
    @property
    def adjusted(self) -> float | None: ...
    @property
    def reliability(self) -> float | None: ...
    @property
    def reported(self) -> float | None: ...
    @property
    def reported_sd(self) -> float | None: ...
    @property
    def peer(self) -> float | None: ...
    @property
    def company(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One indicator's value for one rep, its target in the same unit, and where both come from; ``why_target`` says
    the latter in Chinese and English where there is more to say than ``target_source`` does.

    ``confirmed`` of ``asked`` customers bore the value out; ``team`` is the share of its targets the rep's team
    reached. ``remark`` is told beside the number in both languages, and ``behind`` holds what it states. Without a
    value, ``missing`` says why: not_applicable needs ``note`` and ``approved_by``, withheld_by_rep ``evidence``.
    """

    rep: str
    indicator: str
    value: float | None = None
    target: float | None = None
    target_source: str = "agreed"
    why_target: tuple[str, str] | None = None
    note: str = ""
    evidence: str = ""
    missing: str = ""
    approved_by: str = ""
    confirmed: int | None = None
    asked: int | None = None
    team: float | None = None
    remark: tuple[str, str] = ("", "")
    behind: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"The fact {self.indicator} of {self.rep}"
        if any(number is not None and not math.isfinite(number) for number in (self.value, self.target)):
            raise FactRefused(f"{where} is not a finite number; correct its value or target.")
        if (self.confirmed is None) != (self.asked is None) or not 0 <= (self.confirmed or 0) <= (self.asked or 0):
            raise FactRefused(f"{where} is confirmed by {self.confirmed} of {self.asked} customers; give both counts.")
        if (self.value is None) != bool(self.missing):
            raise FactRefused(f"{where} needs either a value or the reason why it is missing ({', '.join(REASONS)}).")
        if self.missing and self.missing not in REASONS:
            raise FactRefused(f"{where} is missing for the reason {self.missing!r}; use one of {', '.join(REASONS)}.")
        if self.missing == "not_applicable" and not ((self.note or any(self.remark)) and self.approved_by):
            raise FactRefused(f"{where} is dropped; write the reason in note and who approved it in approved_by.")
        if self.missing == "withheld_by_rep" and not self.evidence:
            raise FactRefused(f"{where} would cost all its points; record the evidence that the rep was asked for it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that costs points: positive ``points``, multiplied by ``multiplier`` (None: as the scheme says).

    ``in_survey`` marks a complaint that already lowered the rep's satisfaction, ``overturned`` an event that did not
    stand, ``expired`` one that ceased to count before the period was over: all are listed but not deducted.
    ``reply`` is what the rep says to it.
    """

    rep: str
    category: str
    on: str
    points: float
    fact: str = ""
    evidence: str = ""
    multiplier: float | None = None
    in_survey: bool = False
    overturned: bool = False
    expired: bool = False
    reply: str = ""

    def __post_init__(self) -> None:
        where = f"The event {self.category} of {self.rep} on {self.on}"
        if not (math.isfinite(self.points) and self.points >= 0):
            raise FactRefused(f"{where} has points {self.points}; give the points it costs as a number of 0 or more.")
        if self.multiplier is not None and not (math.isfinite(self.multiplier) and self.multiplier > 0):
            raise FactRefused(f"{where} has multiplier {self.multiplier}; give a number above 0.")
