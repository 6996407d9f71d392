"""Runs: the answers of a period become scores, stored with what they were computed from.

A run reads the answers once, keeps them as a pseudonymous snapshot, and scores that snapshot and nothing else, so that
the same numbers can be had again from the run alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec, SpecRefused
from survey import journal
from survey.models.company import Period
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, ScoreStep
from survey.refusals import N_, Refused
from survey.roster import periods
from survey.runs import erasing, publishing
from survey.runs.answers import answers, packed, spanned
from survey.runs.publishing import Earlier, Publication

if TYPE_CHECKING:
    import pandas as pd

    from scoring.adjustment import Adjustment
    from scoring.findings import Finding, Refusal

SAME = 1e-9
_STORED = (
    "item", "responses", "customers", "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high",
    "reliability", "reported", "reported_sd", "peer", "company", "case", "component", "fragile", "rank_low",
    "rank_high", "evidence",
)  # fmt: skip


class NotScored(Refused):
    """The method refused the spec or the answers; the sentence is its own."""


class UnknownRun(Refused):
    pass


class ScoresDiffer(Refused):
    """A stored run does not come out again. It was changed, or the method was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is scored: the answers of a period, packed, and the frozen spec. `effects` are an earlier run's territory
    effects, {item: {territory: points}}, where the spec keeps them; `asked` how many were asked about each rep and how
    many answered; `earlier` the run that changes are counted from; `waiting` ratings are left for the next batch;
    `findings` say what small groups left unknown."""

    period_id: int
    period: str
    spec_text: str
    spec: AdjustmentSpec
    snapshot: bytes
    effects: Mapping[str, Mapping[str, float]] | None
    asked: Mapping[str, tuple[int, int]]
    earlier: Earlier | None
    waiting: int = 0
    findings: tuple[Finding, ...] = ()


def score_period(session: Session, period_code: str, spec_text: str, *, by: str, at: datetime) -> Run:
    """Score everything answered about a period (and the periods before it that the spec's window spans).

    One transaction; where customers answer meanwhile, take its parts apart. Raises UnknownPeriod,
    NothingAnswered, NotScored, UnknownRun.
    """
    material = gather(session, period_code, spec_text)
    adjustment = scored(material)
    return keep(session, material, adjustment, published(material, adjustment), by=by, at=at)


def gather(session: Session, period_code: str, spec_text: str) -> Material:
    """Read what is to be scored. Raises UnknownPeriod, NothingAnswered, NotScored, UnknownRun."""
    from survey.runs import small_groups  # numpy, which no page needs

    period = periods.find(session, period_code)
    spec = _spec(spec_text)
    table, waiting = answers(session, period, spec, earlier=_read_before(session, period, spec))
    table, findings = small_groups.left_out(table, spec)
    return Material(
        period_id=period.id, period=period.code, spec_text=spec_text, spec=spec,
        snapshot=packed(table), effects=_effects(session, spec), waiting=waiting,
        findings=findings, asked=publishing.reach(session, period, spec),
        earlier=publishing.earlier(session, period, spec),
    )  # fmt: skip


def _read_before(session: Session, period: Period, spec: AdjustmentSpec) -> Iterator[pd.DataFrame]:
    """What every run had read, the oldest first, that spans a period which this one spans too. The last ones are shown
    on pages, those before them stand in files and on papers."""
    import pandas as pd

    from survey.runs import batches

    ours = set(session.scalars(spanned(period, spec)))
    columns = [*batches.WHO, *(item.name for item in spec.items)]
    made = select(Run.id, Period, Run.spec).join(Period, Period.id == Run.period_id).order_by(Run.id)
    for run_id, of_period, text in session.execute(made).all():
        if ours & set(session.scalars(spanned(of_period, AdjustmentSpec.from_toml(text)))):
            frame = pd.read_parquet(BytesIO(_run(session, run_id).snapshot))
            yield frame[[name for name in columns if name in frame.columns]]


def scored(material: Material) -> Adjustment:
    """Score it, which takes the time and no database. The first scoring and every repetition go through here.

    Raises NotScored.
    """
    import pandas as pd

    from scoring.adjustment import adjust
    from scoring.comparison import with_ranks
    from scoring.findings import Refusal
    from scoring.ratings import Ratings

    try:
        ratings = Ratings.from_table(pd.read_parquet(BytesIO(material.snapshot)), material.spec)
        return with_ranks(adjust(ratings, material.spec, territory_effects=material.effects))
    except Refusal as refusal:
        raise _refused(refusal) from None


def published(material: Material, adjustment: Adjustment) -> Publication:
    """What pages show of the run beyond its scores: this too takes time and no database."""
    return publishing.published(adjustment, material.snapshot, material.earlier)


def keep(
    session: Session, material: Material, adjustment: Adjustment, publication: Publication, *, by: str, at: datetime
) -> Run:
    """Store a run with its scores and their steps, and what pages show of it."""
    run = Run(
        period_id=material.period_id, spec=material.spec_text, spec_hash=material.spec.hash,
        fingerprint=adjustment.ratings.fingerprint, snapshot=material.snapshot,
        record=_record(material, adjustment), created_at=at, by=by,
        earlier_run_id=publication.earlier_run_id,
    )  # fmt: skip
    session.add(run)
    session.flush()
    _store(session, run, adjustment, publication)
    whole = (material.spec.composite or material.spec.items[0]).name
    shown = frozenset(score.rep for score in adjustment.scores if score.item == whole and score.evidence != "withheld")
    publishing.store(session, run, publication, material.asked, shown)
    details = {
        "run": run.id, "spec": run.spec_hash, "answers": run.fingerprint, "rows": len(adjustment.ratings),
    }  # fmt: skip
    journal.record(session, "period scored", material.period, details, by=by, at=at)
    return run


def _record(material: Material, adjustment: Adjustment) -> dict[str, Any]:
    record = adjustment.record()
    findings = [*record["findings"], *(finding.record() for finding in material.findings)]
    stored: dict[str, Any] = _storable(record | {"findings": findings, "waiting": material.waiting})
    return stored


def _spec(text: str) -> AdjustmentSpec:
    try:
        return AdjustmentSpec.from_toml(text)
    except SpecRefused as refusal:
        raise _refused(refusal) from None


def _refused(refusal: Refusal) -> NotScored:
    return NotScored(refusal.sentence, **refusal.values)


def _effects(session: Session, spec: AdjustmentSpec) -> dict[str, dict[str, float]] | None:
    if not spec.territory_from:
        return None
    if not spec.territory_from.isdecimal():
        raise UnknownRun(N_("There is no run %(run)s."), run=spec.territory_from)
    record = _run(session, int(spec.territory_from)).record
    return {item: values["tau"] for item, values in record["items"].items() if values.get("tau")}


def _storable(value: Any) -> Any:
    """Plain values a JSON column takes: a number that does not exist is none."""
    if isinstance(value, dict):
        return {str(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _store(session: Session, run: Run, adjustment: Adjustment, publication: Publication) -> None:
    rep_ids = dict(iter(session.execute(select(Rep.code, Rep.id))))
    scores = [
        {
            "run_id": run.id, "rep_id": rep_ids[score.rep], **{name: getattr(score, name) for name in _STORED},
            **publication.scores[score.rep, score.item],
        }
        for score in adjustment.scores
    ]  # fmt: skip
    steps = [
        {
            "run_id": run.id, "rep_id": rep_ids[step.rep], "item": step.item, "adjuster": step.adjuster,
            "amount": step.amount,
        }
        for step in adjustment.steps
    ]  # fmt: skip
    session.execute(insert(RepScore), scores)
    if steps:
        session.execute(insert(ScoreStep), steps)


def _run(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None:
        raise UnknownRun(N_("There is no run %(run)s."), run=run_id)
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """How many numbers came out again, and by how much the worst of them differed."""

    run: int
    numbers: int
    largest_difference: float


def recompute(session: Session, run_id: int) -> Recomputed:
    """Make a run's scores again from its snapshot and its spec, and hold them against what is stored.

    Raises UnknownRun, AnswersErased, ScoresDiffer when anything differs by more than 1e-9.
    """
    run = _run(session, run_id)
    erasing.refuse_if_erased(session, run)
    spec = _spec(run.spec)
    adjustment = scored(
        Material(
            period_id=run.period_id, period=run.period.code, spec_text=run.spec, spec=spec, snapshot=run.snapshot,
            effects=_effects(session, spec), asked={}, earlier=None,
        )
    )  # fmt: skip
    if adjustment.ratings.fingerprint != run.fingerprint:
        raise ScoresDiffer(N_("The answers kept with run %(run)s are not those it was made from."), run=run_id)
    again = {(score.rep, score.item): score for score in adjustment.scores}
    rows = session.execute(select(RepScore, Rep.code).join(Rep).where(RepScore.run_id == run_id)).all()
    differences = [
        _difference(getattr(row, name), getattr(again.get((rep, row.item)), name, None))
        for row, rep in rows
        for name in _STORED
    ]
    worst = max(differences, default=0.0)
    if worst > SAME or len(rows) != len(again):
        raise ScoresDiffer(
            N_("Run %(run)s does not come out again: the largest difference is %(difference)s."),
            run=run_id, difference=worst,
        )  # fmt: skip
    return Recomputed(run=run_id, numbers=len(differences), largest_difference=worst)


def _difference(stored: Any, again: Any) -> float:
    if isinstance(stored, float) and isinstance(again, float):
        return abs(stored - again)
    return 0.0 if stored == again else math.inf
