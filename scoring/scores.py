"""A score as a value that carries its working: raw, customer mix, territory and centring must add up to adjusted."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.findings import Refusal

EVIDENCE = ("withheld", "thin", "provisional", "full")

ADDS_UP = 1e-9


class StepsDoNotAddUp(Refusal):
    """A score whose working does not give its result."""

    sentence = (
        "The steps of %(rep)s on %(item)s do not add up: raw %(raw)r, mix %(mix)r, territory %(territory)r and "
        "centring %(centring)r do not give %(adjusted)r."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one adjuster put on a rep's raw mean of an item, in points."""

    rep: str
    item: str
    adjuster: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One rep on one item or composite, on 0–100, unrounded and unclipped.

    ``raw`` + ``mix`` + ``territory`` + ``centring`` = ``adjusted``, with standard error ``se`` on ``df`` degrees of
    freedom and the 95 % interval ``low`` to ``high``. ``reported`` is the adjusted score shrunk once, with
    ``reported_sd``; ``peer`` and ``company`` are what it would be under those policies. ``missing`` names the
    composite's items without an answer. A withheld score keeps its counts and nothing else.
    """

    rep: str
    item: str
    responses: int
    customers: int
    raw: float | None
    mix: float | None
    territory: float | None
    centring: float | None
    adjusted: float | None
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    reliability: float | None
    reported: float | None
    reported_sd: float | None
    peer: float | None
    company: float | None
    case: str | None
    component: int | None
    fragile: bool | None
    rank_low: int | None = None
    rank_high: int | None = None
    evidence: str
    top_box: float | None = None
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            raise ValueError(f"evidence is {self.evidence!r}; it must be one of {', '.join(EVIDENCE)}")
        if self.adjusted is None:
            return
        parts = (self.raw, self.mix, self.territory, self.centring)
        if any(part is None for part in parts) or not (
            abs(sum(part for part in parts if part is not None) - self.adjusted) <= ADDS_UP
        ):
            raise StepsDoNotAddUp(
                rep=self.rep, item=self.item, raw=self.raw, mix=self.mix, territory=self.territory,
                centring=self.centring, adjusted=self.adjusted,
            )  # fmt: skip
