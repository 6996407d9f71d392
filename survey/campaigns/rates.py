"""What became of everybody asked, and the rates the profession knows it by (AAPOR, Standard Definitions, 2023).

One disposition a person: completed is an interview (I), partial a partial one (P), opted out a refusal (R), opened
and not sent a contact (O), queued, sent and expired no contact (NC), bounced unknown (UO). A wrong person is not
eligible and counts nowhere. Everybody unknown counts as eligible, which makes the rates the lowest of their kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

UNUSUAL, ABNORMAL = 0.95, 0.998
TRIMMED = 0.1

DISPOSITIONS = (
    "queued", "sent", "bounced", "opened", "partial", "completed", "opted out", "wrong person", "expired",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """People by disposition, and their rates between 0 and 1; None while there is nobody eligible."""

    people: Mapping[str, int]

    def __post_init__(self) -> None:
        strange = self.people.keys() - set(DISPOSITIONS)
        if strange:
            raise ValueError(f"unknown dispositions: {sorted(strange)}")

    def _count(self, *dispositions: str) -> int:
        return sum(self.people.get(name, 0) for name in dispositions)

    def _share(self, *dispositions: str) -> float | None:
        return self._count(*dispositions) / self.eligible if self.eligible else None

    @property
    def invited(self) -> int:
        return sum(self.people.values())

    @property
    def eligible(self) -> int:
        """I + P + R + O + NC + UO."""
        return self.invited - self._count("wrong person")

    @property
    def answered(self) -> int:
        """I + P."""
        return self._count("completed", "partial")

    @property
    def rr1(self) -> float | None:
        """Response rate 1: I / eligible."""
        return self._share("completed")

    @property
    def rr2(self) -> float | None:
        """Response rate 2: (I + P) / eligible."""
        return self._share("completed", "partial")

    @property
    def con(self) -> float | None:
        """Contact rate 1: (I + P + R + O) / eligible."""
        return self._share("completed", "partial", "opted out", "opened")

    @property
    def ref(self) -> float | None:
        """Refusal rate 1: R / eligible."""
        return self._share("opted out")

    def record(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "invited": self.invited, "eligible": self.eligible, "dispositions": dict(self.people),
            "RR1": self.rr1, "RR2": self.rr2, "CON1": self.con, "REF1": self.ref,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One rep in the funnel: how many were eligible, the share who answered (RR2), and whether chance explains it:
    usual, unusual (beyond 95 %) or abnormal (beyond 99.8 %)."""

    code: str
    name: str
    eligible: int
    rate: float
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """Response rates against the number asked, with the limits chance would seldom leave if everybody's customers were
    as ready to answer (Spiegelhalter 2005): p̄ ± z·√(p̄(1 − p̄)/n).

    `dispersion` is φ̂, the mean square of z with a tenth at either end drawn in: about 1 if chance is all there is.
    """

    average: float
    points: tuple[Point, ...]
    dispersion: float

    def limits(self, eligible: float, confidence: float) -> tuple[float, float]:
        """The lowest and the highest usual rate among so many."""
        half = _normal(confidence) * math.sqrt(self.average * (1 - self.average) / eligible)
        return max(0.0, self.average - half), min(1.0, self.average + half)

    @property
    def most(self) -> int:
        """The largest number asked about one rep."""
        return max(point.eligible for point in self.points)

    @property
    def standings(self) -> dict[str, str]:
        """Each rep's standing, by code."""
        return {point.code: point.standing for point in self.points}

    @property
    def outside(self) -> tuple[Point, ...]:
        """The abnormal ones."""
        return tuple(point for point in self.points if point.standing == "abnormal")


@cache
def _normal(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def funnel(reps: Iterable[tuple[str, str, int, int]]) -> Funnel | None:
    """The funnel over reps (code, name, number eligible, number of them who answered); None where rates cannot differ:
    fewer than two reps, or all or nobody answered."""
    shown = [one for one in reps if one[2]]
    everybody = sum(eligible for _, _, eligible, _ in shown)
    everybody_answered = sum(answered for *_, answered in shown)
    if len(shown) < 2 or not 0 < everybody_answered < everybody:
        return None
    average = everybody_answered / everybody
    spread = math.sqrt(average * (1 - average))
    z = [(answered / eligible - average) * math.sqrt(eligible) / spread for _, _, eligible, answered in shown]
    return Funnel(
        average=average,
        points=tuple(
            Point(code=code, name=name, eligible=eligible, rate=answered / eligible, standing=_standing(score))
            for (code, name, eligible, answered), score in zip(shown, z, strict=True)
        ),
        dispersion=_dispersion(z),
    )


def _standing(z: float) -> str:
    if abs(z) > _normal(ABNORMAL):
        return "abnormal"
    return "unusual" if abs(z) > _normal(UNUSUAL) else "usual"


def _dispersion(z: list[float]) -> float:
    ordered = sorted(z)
    cut = int(len(z) * TRIMMED)
    low, high = ordered[cut], ordered[-1 - cut]
    return sum(min(max(score, low), high) ** 2 for score in z) / len(z)
