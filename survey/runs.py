"""Runs: the answers of a period become scores, stored with what they were computed from.

A run reads the answers once, keeps them as a pseudonymous snapshot, and scores that snapshot and nothing else, so that
the same numbers can be had again from the run alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, insert, select
from sqlalchemy.orm import Session, aliased

from scoring.spec import AdjustmentSpec, SpecRefused
from survey import journal
from survey.models import (
    Answer,
    Campaign,
    Invitation,
    Period,
    Rep,
    RepScore,
    Response,
    ResponseVersion,
    Run,
    ScoreStep,
    Subject,
    Territory,
)
from survey.refusals import N_, Refused
from survey.roster import periods

if TYPE_CHECKING:
    import pandas as pd

    from scoring.adjustment import Adjustment
    from scoring.findings import Refusal

DEFAULT_SPEC = Path(__file__).parent / "specs" / "default.toml"
SAME = 1e-9
_BATCH = 10_000
_STORED = (
    "item", "responses", "customers", "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low", "high",
    "reliability", "reported", "reported_sd", "peer", "company", "case", "component", "fragile", "rank_low",
    "rank_high", "evidence",
)  # fmt: skip


class NotScored(Refused):
    """The method refused the spec or the answers; the sentence is its own."""


class NothingAnswered(Refused):
    pass


class UnknownRun(Refused):
    pass


class NoRun(Refused):
    pass


class NotInRun(Refused):
    pass


class ScoresDiffer(Refused):
    """A stored run does not come out again. It was changed, or the method was."""


def score_period(session: Session, period_code: str, spec_text: str, *, by: str, at: datetime) -> Run:
    """Score everything answered about a period (and the periods before it that the spec's window spans).

    Raises UnknownPeriod, NothingAnswered, NotScored.
    """
    period = periods.find(session, period_code)
    spec = _spec(spec_text)
    table = _answers(session, period, spec)
    snapshot = _packed(table)
    adjustment = _adjusted(session, snapshot, spec)
    run = Run(
        period=period, spec=spec_text, spec_hash=spec.hash, fingerprint=adjustment.ratings.fingerprint,
        snapshot=snapshot, record=_storable(adjustment.record()), created_at=at, by=by,
    )  # fmt: skip
    session.add(run)
    session.flush()
    _store(session, run, adjustment)
    details = {"run": run.id, "spec": spec.hash, "answers": run.fingerprint, "rows": len(table)}
    journal.record(session, "period scored", period.code, details, by=by, at=at)
    return run


def _spec(text: str) -> AdjustmentSpec:
    try:
        return AdjustmentSpec.from_toml(text)
    except SpecRefused as refusal:
        raise _refused(refusal) from None


def _refused(refusal: Refusal) -> NotScored:
    return NotScored(refusal.sentence, **refusal.values)


def _answers(session: Session, period: Period, spec: AdjustmentSpec) -> pd.DataFrame:
    """One row per rep asked about in one invitation, answered or not: the frame counts too.

    Only answered ratings are numbers; not applicable, skipped and never answered are all missing. Customers come as
    pseudonyms. Of a customer's unanswered rows one is enough.
    """
    import pandas as pd

    items = [item.name for item in spec.items]
    adjusters = [adjuster.name for adjuster in spec.adjusters if adjuster.name not in ("wave", "mode")]
    columns = ["rep", "territory", "customer", "wave", "mode", *items, *adjusters]
    table = pd.DataFrame(_rows(session, _question(_window(period, spec), items), adjusters), columns=columns)
    unanswered = table[items].isna().all(axis=1)
    if unanswered.all():
        raise NothingAnswered(
            N_("Nobody has answered about %(period)s yet; there is nothing to score."), period=period.code
        )
    return table[~(unanswered & table.duplicated())].reset_index(drop=True)


def _window(period: Period, spec: AdjustmentSpec) -> Select[int]:
    """The ids of the periods a run spans: this one and those before it."""
    return select(Period.id).where(Period.from_on <= period.from_on).order_by(Period.from_on.desc()).limit(spec.window)


def _question(window: Select[int], items: Sequence[str]) -> Select[*tuple[Any, ...]]:
    chosen = [aliased(Answer) for _ in items]
    question: Select[*tuple[Any, ...]] = (
        select(
            Rep.code, Territory.code, Invitation.customer_id, Campaign.code, Invitation.mode, ResponseVersion.mode,
            Subject.adjusters, *(answer.value for answer in chosen),
        )
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .outerjoin(
            ResponseVersion,
            and_(ResponseVersion.response_id == Response.id, ResponseVersion.version_no == Response.version_no),
        )
        .where(Campaign.period_id.in_(window.scalar_subquery()))
    )  # fmt: skip
    for item, answer in zip(items, chosen, strict=True):
        of_item = and_(
            answer.response_version_id == ResponseVersion.id, answer.item == item, answer.state == "answered"
        )
        question = question.outerjoin(answer, of_item)
    return question.order_by(Subject.id)


def _rows(session: Session, question: Select[*tuple[Any, ...]], adjusters: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for rep, territory, customer, wave, asked_by, answered_by, known, *values in session.execute(
        question.execution_options(yield_per=_BATCH)
    ):
        held = (known.get(name) for name in adjusters)
        yield rep, territory, _pseudonym(customer), wave, answered_by or asked_by, *values, *held


def _pseudonym(customer_id: int) -> str:
    """The same customer in every run, and no name: the internal number, hashed, so that it means nothing elsewhere."""
    return hashlib.sha256(f"customer {customer_id}".encode()).hexdigest()[:16]


def _packed(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _adjusted(session: Session, snapshot: bytes, spec: AdjustmentSpec) -> Adjustment:
    """Score a snapshot. The first scoring and every repetition go through here."""
    import pandas as pd

    from scoring.adjustment import adjust
    from scoring.findings import Refusal
    from scoring.ratings import Ratings

    effects = _effects(session, spec.territory_from) if spec.territory_from else None
    try:
        ratings = Ratings.from_table(pd.read_parquet(BytesIO(snapshot)), spec)
        return adjust(ratings, spec, territory_effects=effects)
    except Refusal as refusal:
        raise _refused(refusal) from None


def _effects(session: Session, run_id: str) -> dict[str, dict[str, float]]:
    """The territory effects of an earlier run, by item, of which a spec says that they are kept."""
    run = _run(session, int(run_id)) if run_id.isdecimal() else None
    if run is None:
        raise UnknownRun(N_("There is no run %(run)s."), run=run_id)
    return {item: values["tau"] for item, values in run.record["items"].items() if "tau" in values}


def _storable(value: Any) -> Any:
    """Plain values a JSON column takes: a number that does not exist is none."""
    if isinstance(value, dict):
        return {str(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _store(session: Session, run: Run, adjustment: Adjustment) -> None:
    rep_ids = dict(iter(session.execute(select(Rep.code, Rep.id))))
    scores = [
        {"run_id": run.id, "rep_id": rep_ids[score.rep], **{name: getattr(score, name) for name in _STORED}}
        for score in adjustment.scores
    ]
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


def latest(session: Session, period: Period) -> Run | None:
    """The last run of a period: the one that is shown and appraised."""
    return session.scalar(select(Run).where(Run.period_id == period.id).order_by(Run.id.desc()).limit(1))


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

    Raises UnknownRun, ScoresDiffer when anything differs by more than 1e-9.
    """
    run = _run(session, run_id)
    adjustment = _adjusted(session, run.snapshot, _spec(run.spec))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One rep's score of one item with its steps. `adjusters` splits `score.mix`, the largest first."""

    score: RepScore
    adjusters: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How one rep's scores came about in the last run of a period. `window` is how many periods it spans."""

    run: Run
    rep: Rep
    window: int
    items: tuple[Explained, ...]


def explain(session: Session, period_code: str, rep_code: str) -> Explanation:
    """The steps from raw to reported of every item of one rep.

    Raises UnknownPeriod, NoRun, NotInRun.
    """
    period = periods.find(session, period_code)
    run = latest(session, period)
    if run is None:
        raise NoRun(N_("%(period)s has not been scored yet: evenhand score %(period)s."), period=period.code)
    of_rep = (RepScore.run_id == run.id, Rep.code == rep_code)
    scores = session.scalars(select(RepScore).join(Rep).where(*of_rep).order_by(RepScore.id)).all()
    if not scores:
        raise NotInRun(N_("Nobody was asked about %(rep)s in %(period)s."), rep=rep_code, period=period.code)
    steps = session.scalars(
        select(ScoreStep).where(ScoreStep.run_id == run.id, ScoreStep.rep_id == scores[0].rep_id)
    ).all()
    return Explanation(
        run=run,
        rep=scores[0].rep,
        window=AdjustmentSpec.from_toml(run.spec).window,
        items=tuple(
            Explained(
                score=score,
                adjusters=tuple(
                    sorted(
                        ((step.adjuster, step.amount) for step in steps if step.item == score.item),
                        key=lambda pair: (-abs(pair[1]), pair[0]),
                    )
                ),
            )
            for score in scores
        ),
    )
