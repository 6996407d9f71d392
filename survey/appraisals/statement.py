"""The printed form of an appraisal as plain frozen values: its pages and its PDF print these and no others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Self

from scoring.outcome import Outcome, Part
from scoring.rules import RULES
from survey.appraisals.growing import Grown, grown
from survey.appraisals.helping import PlanLine, Provided, Told
from survey.appraisals.lanes import Lane
from survey.figures import StepsAsPrinted


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom it is about, as of the period's last day. `tenure_months` is None while the first day at work is unknown."""

    code: str
    name: str
    position: str
    territories: tuple[str, ...]
    tenure_months: int | None
    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLine:
    """A band of the scheme: totals from `cut` up to the next one's."""

    code: str
    name_zh: str
    name_en: str
    cut: float
    adverse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What an indicator means, in the scheme's words."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One surveyed dimension, rounded to 0.1; its numbers are None when withheld."""

    item: str
    name_zh: str
    name_en: str
    evidence: str
    responses: int | None
    raw: float | None
    adjusted: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """What customers said, behind one satisfaction indicator: the way from raw to reported, and how sure it is.

    Numbers and `steps` are None when too few customers answered. `average` is the mean of the reps shown.
    """

    indicator: str
    item: str
    name_zh: str
    name_en: str
    evidence: str
    asked: int
    responses: int | None
    customers: int | None
    low: float | None
    high: float | None
    reliability: float | None
    average: float | None
    case: str | None
    fragile: bool
    steps: StepsAsPrinted | None
    dimensions: tuple[Dimension, ...]

    @property
    def as_dimension(self) -> Dimension:
        return Dimension(
            item=self.item, name_zh=self.name_zh, name_en=self.name_en, evidence=self.evidence,
            responses=self.responses, raw=self.steps.raw if self.steps else None,
            adjusted=self.steps.adjusted if self.steps else None, low=self.low, high=self.high,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The run the satisfaction came from, with the hashes of its spec and of the answers it read."""

    run: int
    spec_hash: str
    fingerprint: str
    scored_on: date
    policy: str
    periods: int
    minimum_customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Where the satisfaction stands among the `reps` of the same position that are shown, this one among them.

    `rank_low` to `rank_high` are the ranks that cannot be excluded, all reps' together at 95 %; None where none were
    measured. `stands` compares the adjusted score with the mean of the reps shown: above, alike, below, or "" where
    there are not enough answers to say.
    """

    reps: int
    rank_low: int | None
    rank_high: int | None
    stands: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One period of the same rep under the same scheme, as its paper printed it; `satisfaction` is the reported score,
    to 0.1."""

    period: str
    printed: str
    low: float | None
    high: float | None
    band: str
    satisfaction: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Risen:
    """An indicator that earned a larger share of its points than in the period before; `before` and `now` are its
    actual values."""

    name_zh: str
    name_en: str
    unit: str
    before: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How many entries of one source a paper rests on."""

    code: str
    name_zh: str
    name_en: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """The diagnosis of repeated losses: its number, the customers lost, the causes found (none yet: empty), and how
    many of the losses do not count against the rep, by whose approval."""

    number: str
    losses: tuple[int, ...]
    causes_zh: tuple[str, ...]
    causes_en: tuple[str, ...]
    exempted: int
    approved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSum:
    """What the indicators of one group earned together, as printed, of the weight they carry; `share` is that to .001.
    Before anything is rescaled."""

    name_zh: str
    name_en: str
    weight: float
    printed: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Every value a printed appraisal shows, but for where it stands (`Standing`).

    `peers` is None where nobody was surveyed; `trend` runs from the oldest period to this one, `risen` from the largest
    gain down. `diagnosis` is the rep's own table over periods with its questions, as plain values: `periods` (labels),
    `lines` (number, zh, en, values), `questions` (code, zh, en, lines), `left_out` (code, zh, en). `sources` count what
    it all rests on; `causes` is there when customers were lost again and again, `projects` where the scheme counts
    their stages, `groups` where it has several (results and process). `software` says what made it.
    """

    number: str
    revision: int
    company_zh: str
    company_en: str
    period: str
    from_on: date
    to_on: date
    person: Person
    scheme: str
    scheme_version: int
    scheme_title_zh: str
    scheme_title_en: str
    deduction_cap: float
    bands: tuple[BandLine, ...]
    definitions: Mapping[str, Definition]
    survey: Survey | None
    satisfaction: tuple[Satisfaction, ...]
    peers: Peers | None
    trend: tuple[Earlier, ...]
    risen: tuple[Risen, ...]
    software: str
    outcome: Outcome
    diagnosis: Mapping[str, Any] | None = None
    sources: tuple[Source, ...] = ()
    causes: Causes | None = None
    projects: tuple[Lane, ...] = ()
    groups: tuple[GroupSum, ...] = ()

    @property
    def indicators(self) -> tuple[Part, ...]:
        return tuple(part for part in self.outcome.parts if part.kind == "indicator")

    @property
    def deductions(self) -> tuple[Part, ...]:
        return tuple(part for part in self.outcome.parts if part.kind == "deduction")

    @property
    def corrections(self) -> tuple[Part, ...]:
        """Amounts that are neither an indicator nor a deduction: rescaling, the cap of all deductions, 0 and 100."""
        return tuple(part for part in self.outcome.parts if part.kind not in ("indicator", "deduction"))

    @property
    def missing(self) -> tuple[Part, ...]:
        return tuple(part for part in self.indicators if part.missing)

    @property
    def growth(self) -> Grown | None:
        return grown(self.indicators)

    @staticmethod
    def attainment(part: Part) -> float | None:
        """Actual over target where the rule goes by it."""
        if part.actual is None or not part.target or not RULES[part.rule].divides:
            return None
        return part.actual / part.target

    def band(self, code: str) -> BandLine:
        return next(band for band in self.bands if band.code == code)

    def record(self) -> dict[str, Any]:
        """Plain JSON values of everything but the outcome, which is stored beside them."""
        values = asdict(self) | {"outcome": None}
        plain: dict[str, Any] = json.loads(json.dumps(values, default=date.isoformat))
        return plain

    @classmethod
    def from_record(cls, record: Mapping[str, Any], outcome: Mapping[str, Any]) -> Self:
        survey = record["survey"]
        return cls(
            **{
                **record,
                "from_on": date.fromisoformat(record["from_on"]),
                "to_on": date.fromisoformat(record["to_on"]),
                "person": Person(**{**record["person"], "territories": tuple(record["person"]["territories"])}),
                "bands": tuple(BandLine(**band) for band in record["bands"]),
                "definitions": {code: Definition(**one) for code, one in record["definitions"].items()},
                "survey": survey and Survey(**{**survey, "scored_on": date.fromisoformat(survey["scored_on"])}),
                "satisfaction": tuple(_satisfaction(one) for one in record["satisfaction"]),
                "peers": record["peers"] and Peers(**record["peers"]),
                "trend": tuple(Earlier(**one) for one in record["trend"]),
                "risen": tuple(Risen(**one) for one in record["risen"]),
                "sources": tuple(Source(**one) for one in record["sources"]),
                "causes": record["causes"] and _causes(record["causes"]),
                "groups": tuple(GroupSum(**one) for one in record["groups"]),
                "projects": tuple(Lane.from_record(one) for one in record["projects"]),
                "outcome": Outcome.from_record(outcome),
            }
        )


def _causes(record: Mapping[str, Any]) -> Causes:
    lists = {name: tuple(record[name]) for name in ("losses", "causes_zh", "causes_en")}
    return Causes(**{**record, **lists})


def _satisfaction(record: Mapping[str, Any]) -> Satisfaction:
    return Satisfaction(
        **{
            **record,
            "steps": record["steps"] and StepsAsPrinted(**record["steps"]),
            "dimensions": tuple(Dimension(**dimension) for dimension in record["dimensions"]),
        }
    )


def snapshot_hash(statement: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """SHA-256 of what is stored of an appraisal, printed on its PDF."""
    canonical = json.dumps([statement, outcome], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def journaled_as(number: str, revision: int) -> str:
    """How the journal names one revision of an appraisal."""
    return f"{number} rev {revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided: a band (empty when none may be given), and the reason when it is not the proposed one."""

    band: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a statement stands: draft, proposed or final; its snapshot; the journal line that says so (`anchor`); the
    revision that took its place, if one did; and what grows beside it: the improvement plan, the one before it
    (`last_plan`, of `last_period`), what the company `provided`, the rep's own summary (`told`)."""

    id: int
    state: str
    replaced_by: int | None
    snapshot: str
    anchor: str
    drawn_up_at: datetime
    drawn_up_by: str
    decision: Decision | None
    plan: tuple[PlanLine, ...] = ()
    last_period: str = ""
    last_plan: tuple[PlanLine, ...] = ()
    provided: tuple[Provided, ...] = ()
    told: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A statement together with where it stands: what a page or a PDF is made from."""

    statement: Statement
    standing: Standing
