"""How a run was made, for whoever audits it and whoever is curious: its spec and reasons, what was estimated and how
surely, what the machine objected to. Everything is read from the stored run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjusterSpec, AdjustmentSpec
from survey.dashboards.shown import WITHHELD, Choice, look_up
from survey.models.scoring import RepScore, Run
from survey.questionnaires.sheet import Wording

SURE = 1.959964
"""Standard errors to either side of a slope: 95 % of a normal distribution."""

TELLING = ("tau", "colleague_pull", "mu", "mu_adjusted")
"""What a run says of its levels. Beside the scores of everybody else it could tell a withheld one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An estimate with its 95 % interval; an end that is None is unbounded."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the machine objected to: an English sentence with places, and what fills them."""

    sentence: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMethod:
    """What was estimated for one item. `withheld`: a score of it is withheld, so its levels (`mu`, `territories`) are
    not shown. `slopes` by term; `impact` by adjuster: partial R², heterogeneity and their product; `checked` is the
    largest difference of generalised least squares by other software, over `cells` cells, None where not checked."""

    code: str
    name: Wording
    policy: str
    withheld: bool
    slopes: Mapping[str, Measured]
    impact: Mapping[str, Mapping[str, float]]
    rep: Measured | None
    territory: Measured | None
    customer: float | None
    mu: float | None
    territories: Mapping[str, float]
    mundlak: Mapping[str, float]
    heterogeneity: Mapping[str, float]
    cells: int | None
    checked: float | None
    agrees: bool | None
    findings: tuple[Finding, ...]

    @property
    def icc(self) -> float | None:
        """The share of the variance of single answers that lies between reps."""
        if self.rep is None or not self.customer:
            return None
        return self.rep.estimate / (self.rep.estimate + self.customer)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPage:
    """One run. `used` are the adjusters some item has a slope for; `imputed` the share filled in, by adjuster. `part`
    is the item chosen, with what was estimated for it. Without a run everything but `choice` is empty."""

    choice: Choice
    run: int | None = None
    spec: AdjustmentSpec | None = None
    spec_text: str = ""
    spec_hash: str = ""
    fingerprint: str = ""
    scored_at: datetime | None = None
    scored_by: str = ""
    policy: str = ""
    versions: Mapping[str, str] | None = None
    imputed: Mapping[str, float] | None = None
    used: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    part: ItemMethod | None = None

    @property
    def adjusters(self) -> tuple[AdjusterSpec, ...]:
        return self.spec.adjusters if self.spec else ()


def method_page(session: Session, period: str | None, item: str | None) -> MethodPage:
    """The last run of a period. Raises NotToBeSeen for a period or an item that is not there."""
    shown = look_up(session, period, item)
    run = shown.run
    if run is None or shown.choice.item is None:
        return MethodPage(choice=shown.choice)
    record = run.record
    items: Mapping[str, Any] = record.get("items", {})
    names = shown.choice.items
    terms = {term for one in items.values() for term in one.get("coefficients", {})}
    of_item = items.get(shown.choice.item)
    return MethodPage(
        choice=shown.choice, run=run.id, spec=shown.spec, spec_text=run.spec, spec_hash=run.spec_hash,
        fingerprint=run.fingerprint, scored_at=run.created_at, scored_by=run.by, policy=record.get("policy", ""),
        versions=record.get("versions", {}), imputed=record.get("imputed", {}),
        used=frozenset(term.split("[")[0] for term in terms), findings=_findings(record, names),
        part=_part(session, run, shown.choice.item, of_item, names) if of_item else None,
    )  # fmt: skip


def _part(session: Session, run: Run, code: str, record: Mapping[str, Any], names: Mapping[str, Wording]) -> ItemMethod:
    hidden = code in _with_withheld(session, run)
    tests, gls = record.get("tests", {}), record.get("gls", {})
    return ItemMethod(
        code=code, name=names[code], policy=record.get("policy", ""), withheld=hidden,
        slopes={term: _slope(one) for term, one in record.get("coefficients", {}).items()},
        impact=record.get("impact", {}), rep=_variance(record.get("sigma2_rep")),
        territory=_variance(record.get("sigma2_territory")), customer=record.get("customer_variance"),
        mu=None if hidden else record.get("mu_adjusted"), territories={} if hidden else record.get("tau", {}),
        mundlak=tests.get("mundlak") or {}, heterogeneity=tests.get("slope_heterogeneity") or {},
        cells=gls.get("cells"), checked=gls.get("largest_difference"), agrees=gls.get("holds"),
        findings=_findings(record, names),
    )  # fmt: skip


def _slope(one: Mapping[str, float]) -> Measured:
    estimate, error = one["estimate"], one["se"]
    return Measured(estimate=estimate, low=estimate - SURE * error, high=estimate + SURE * error)


def _variance(one: Mapping[str, Any] | None) -> Measured | None:
    return Measured(estimate=one["estimate"], low=one["low"], high=one["high"]) if one else None


def _findings(record: Mapping[str, Any], names: Mapping[str, Wording]) -> tuple[Finding, ...]:
    """The findings of a run or an item; an item is called by its name."""
    found = []
    for one in record.get("findings", ()):
        values = {key: value for key, value in one.items() if key not in ("name", "text", "sentence")}
        found.append(Finding(sentence=one["sentence"], values=values | {"item": names.get(one["item"], one["item"])}))
    return tuple(found)


def _with_withheld(session: Session, run: Run) -> frozenset[str]:
    """The items of which somebody's score is withheld."""
    found = session.scalars(
        select(RepScore.item).where(RepScore.run_id == run.id, RepScore.evidence == WITHHELD).group_by(RepScore.item)
    )
    return frozenset(found)


def published_record(session: Session, run: Run) -> dict[str, Any]:
    """What a run says of itself, without what could tell a withheld score beside those of everybody else."""
    hidden = _with_withheld(session, run)
    items = {
        code: {key: value for key, value in one.items() if not (code in hidden and key in TELLING)}
        for code, one in run.record.get("items", {}).items()
    }
    return {**run.record, "items": items}


def rep_count(session: Session, run: Run) -> int:
    """How many reps a run scored."""
    return session.scalar(select(func.count(RepScore.rep_id.distinct())).where(RepScore.run_id == run.id)) or 0
