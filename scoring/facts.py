"""What an appraisal starts from: a rep's surveyed score, the facts of the period, and the events that cost points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

EVIDENCE = ("withheld", "thin", "provisional", "full")
MISSING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_applicable": ("不适用", "not applicable"),
        "not_measured": ("公司未计量，属公司缺项", "not measured by the company, which is the company's omission"),
        "withheld_by_rep": ("员工未提交，计 0 分，员工有权申辩", "not handed in by the rep: 0 points, open to reply"),
        "privacy_suppressed": ("答卷客户过少，为保护客户不计", "left out to protect the few customers who answered"),
    }
)
REASONS = ("not_applicable", "not_measured", "withheld_by_rep")  # those a company may record
TARGET_SOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"agreed": ("约定", "agreed"), "scheme": ("方案", "scheme"), "": ("", "")}
)


class FactRefused(ValueError):
    """One fact, event or score that cannot be used, and what to do about it."""


class FactsRefused(ValueError):
    """Facts that do not fit the scheme: ``problems`` holds one sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionScore:
    """One rep's surveyed score as a run stored it, on 0–100; numbers are None when withheld.

    ``reported`` and ``reported_sd`` arrive shrunk once. ``average`` is the mean they are shrunk towards, if known.
    ``peer`` and ``company`` are the reported score under those territory policies.
    """

    rep: str
    item: str
    evidence: str
    responses: int | None = None
    customers: int | None = None
    raw: float | None = None
    mix: float | None = None
    territory: float | None = None
    centring: float | None = None
    adjusted: float | None = None
    se: float | None = None
    low: float | None = None
    high: float | None = None
    reliability: float | None = None
    reported: float | None = None
    reported_sd: float | None = None
    peer: float | None = None
    company: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        where = f"The score of {self.rep} for {self.item}"
        if self.evidence not in EVIDENCE:
            raise FactRefused(f"{where} has evidence {self.evidence!r}; use one of {', '.join(EVIDENCE)}.")
        if (self.reported is None) != (self.reported_sd is None) or (self.reported_sd or 0) < 0:
            raise FactRefused(f"{where} needs both reported and reported_sd (0 or more), or neither.")
        steps = (self.raw, self.mix, self.territory, self.centring)
        amounts = [step for step in steps if step is not None]
        if self.adjusted is not None and len(amounts) == len(steps) and abs(sum(amounts) - self.adjusted) > 1e-6:
            raise FactRefused(f"{where} does not add up: raw and its steps give {sum(amounts)}, not {self.adjusted}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One indicator's value for one rep, its target in the same unit, and where both come from.

    Without a value, ``missing`` says why: not_applicable needs ``note`` and ``approved_by``, withheld_by_rep
    ``evidence``.
    """

    rep: str
    indicator: str
    value: float | None = None
    target: float | None = None
    target_source: str = "agreed"
    note: str = ""
    evidence: str = ""
    missing: str = ""
    approved_by: str = ""

    def __post_init__(self) -> None:
        where = f"The fact {self.indicator} of {self.rep}"
        if any(number is not None and not math.isfinite(number) for number in (self.value, self.target)):
            raise FactRefused(f"{where} is not a finite number; correct its value or target.")
        if (self.value is None) != bool(self.missing):
            raise FactRefused(f"{where} needs either a value or the reason why it is missing ({', '.join(REASONS)}).")
        if self.missing and self.missing not in REASONS:
            raise FactRefused(f"{where} is missing for the reason {self.missing!r}; use one of {', '.join(REASONS)}.")
        if self.missing == "not_applicable" and not (self.note and self.approved_by):
            raise FactRefused(f"{where} is dropped; write the reason in note and who approved it in approved_by.")
        if self.missing == "withheld_by_rep" and not self.evidence:
            raise FactRefused(f"{where} would cost all its points; record the evidence that the rep was asked for it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that costs points: positive ``points``, multiplied by ``multiplier`` (None: as the scheme says).

    ``in_survey`` marks a complaint that already lowered the rep's satisfaction; it is then listed but not deducted.
    """

    rep: str
    category: str
    on: str
    points: float
    fact: str = ""
    evidence: str = ""
    multiplier: float | None = None
    in_survey: bool = False

    def __post_init__(self) -> None:
        where = f"The event {self.category} of {self.rep} on {self.on}"
        if not (math.isfinite(self.points) and self.points >= 0):
            raise FactRefused(f"{where} has points {self.points}; give the points it costs as a number of 0 or more.")
        if self.multiplier is not None and not (math.isfinite(self.multiplier) and self.multiplier > 0):
            raise FactRefused(f"{where} has multiplier {self.multiplier}; give a number above 0.")
