"""What a stored run says: which one counts, what its items are called, and how one rep's scores came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey import questionnaires
from survey.figures import StepsAsPrinted, steps_as_printed
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion, Subject
from survey.models.company import Period
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, RunItem, ScoreStep
from survey.questionnaires.sheet import Wording
from survey.refusals import N_, Refused
from survey.roster import periods
from survey.runs.answers import in_window

SATISFACTION = Wording(zh="综合满意度", en="Satisfaction")


class NoRun(Refused):
    pass


class NotInRun(Refused):
    pass


def item_names(session: Session, run: Run) -> dict[str, Wording]:
    """What each item of a run is called, the composite first, as the question sheets of its periods call it."""
    spec = AdjustmentSpec.from_toml(run.spec)
    asked = select(Campaign.questionnaire_version_id).where(in_window(run.period, spec))
    sheets = session.scalars(
        select(QuestionnaireVersion).where(QuestionnaireVersion.id.in_(asked)).order_by(QuestionnaireVersion.version)
    )
    named = {item.code: item.dimension for sheet in sheets for item in questionnaires.read(sheet.content).ratings}
    codes = [spec.composite.name] if spec.composite else []
    return {
        code: named.get(code) or (SATISFACTION if code in codes else _as_written(code))
        for code in [*codes, *(item.name for item in spec.items)]
    }


def _as_written(code: str) -> Wording:
    words = code.replace("_", " ")
    return Wording(zh=words, en=words)


def means(session: Session, run: Run) -> dict[str, float]:
    """Each item's mean over the reps that are shown, as the run stored it."""
    found = session.execute(select(RunItem.item, RunItem.average).where(RunItem.run_id == run.id))
    return {item: average for item, average in found if average is not None}


def evidence(session: Session, run: Run) -> dict[str, int]:
    """How many reps have how much evidence, on the composite (or the first item), the surest first."""
    item = next(iter(item_names(session, run)))
    found = session.scalars(select(RepScore.evidence).where(RepScore.run_id == run.id, RepScore.item == item))
    counts = Counter(found)
    return {grade: counts[grade] for grade in ("full", "provisional", "thin", "withheld")}


def asked(session: Session, run: Run) -> dict[int, int]:
    """How many were asked about each rep, by rep id, in the periods a run spans. Imported history says who answered
    and not who was asked, so whoever has some is left out."""
    imported = func.sum(case((Campaign.imported, 1), else_=0))
    found = session.execute(
        select(Subject.rep_id, func.count())
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(in_window(run.period, AdjustmentSpec.from_toml(run.spec)))
        .group_by(Subject.rep_id)
        .having(imported == 0)
    )
    return dict(iter(found))


def latest(session: Session, period: Period) -> Run | None:
    """The last run of a period: the one that is shown and appraised."""
    return session.scalar(select(Run).where(Run.period_id == period.id).order_by(Run.id.desc()).limit(1))


def adjuster_steps(session: Session, run: Run, rep: Rep | None = None) -> dict[tuple[int, str], dict[str, float]]:
    """What every adjuster put on every score (of one rep), by (rep id, item), the largest first."""
    found = session.scalars(
        select(ScoreStep).where(ScoreStep.run_id == run.id, *([ScoreStep.rep_id == rep.id] if rep else []))
    )
    steps: dict[tuple[int, str], dict[str, float]] = {}
    for step in sorted(found, key=lambda step: (-abs(step.amount), step.adjuster)):
        steps.setdefault((step.rep_id, step.item), {})[step.adjuster] = step.amount
    return steps


def steps_of(row: RepScore, adjusters: Mapping[str, float]) -> StepsAsPrinted | None:
    """The way from raw to reported as it is printed; None when the score is withheld."""
    if row.raw is None or row.mix is None or row.territory is None or row.centring is None or row.adjusted is None:
        return None
    return steps_as_printed(
        raw=row.raw, mix=row.mix, adjusters=adjusters, territory=row.territory, centring=row.centring,
        adjusted=row.adjusted, reported=row.reported,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One rep's score of one item, with its steps as printed."""

    score: RepScore
    name: Wording
    steps: StepsAsPrinted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How one rep's scores came about in the last run of a period. `window` is how many periods it spans."""

    run: Run
    rep: Rep
    window: int
    items: tuple[Explained, ...]


def explain(session: Session, period_code: str, rep_code: str) -> Explanation:
    """The steps from raw to reported of every item of one rep, the composite first.

    Raises UnknownPeriod, NoRun, NotInRun.
    """
    period = periods.find(session, period_code)
    run = latest(session, period)
    if run is None:
        raise NoRun(N_("%(period)s has not been scored yet: evenhand score %(period)s."), period=period.code)
    rows = session.scalars(select(RepScore).join(Rep).where(RepScore.run_id == run.id, Rep.code == rep_code)).all()
    if not rows:
        raise NotInRun(N_("Nobody was asked about %(rep)s in %(period)s."), rep=rep_code, period=period.code)
    rep, by_item = rows[0].rep, {row.item: row for row in rows}
    adjusters = adjuster_steps(session, run, rep)
    return Explanation(
        run=run,
        rep=rep,
        window=AdjustmentSpec.from_toml(run.spec).window,
        items=tuple(
            Explained(
                score=by_item[item],
                name=name,
                steps=steps_of(by_item[item], adjusters.get((rep.id, item), {})),
            )
            for item, name in item_names(session, run).items()
            if item in by_item
        ),
    )
