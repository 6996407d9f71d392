"""A rep's projects as they are drawn, plan beside work done: plain values a statement keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStage:
    """One stage of a project by the period's last day: its weight, the shares planned and done (0–1), and what is left
    of its value (`kept`) where being late costs some. `removed` is why it is no longer asked for, by whose approval."""

    name: str
    weight: float
    planned_on: date
    planned: float
    done: float
    days_late: int
    kept: float
    removed: str
    approved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One project of the rep, stage by stage; `importance` weighs it against the others."""

    code: str
    name: str
    importance: float
    stages: tuple[LaneStage, ...]

    @property
    def whole(self) -> float:
        """The weights of all its stages, those taken out included."""
        return sum(one.weight for one in self.stages)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        stages = (LaneStage(**{**one, "planned_on": date.fromisoformat(one["planned_on"])}) for one in record["stages"])
        return cls(**{**record, "stages": tuple(stages)})
