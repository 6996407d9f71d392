"""What a stored run says: which one counts, what its items are called, and how one rep's scores came about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey import questionnaires
from survey.models import Campaign, Invitation, Period, QuestionnaireVersion, Rep, RepScore, Run, ScoreStep, Subject
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
        code: named.get(code) or (SATISFACTION if code in codes else Wording(zh=code, en=code))
        for code in [*codes, *(item.name for item in spec.items)]
    }


def means(session: Session, run: Run) -> dict[str, float]:
    """Each item's mean over the reps that are shown, weighted as the run weighs them.

    Those withheld stay out: with them in, subtracting everybody else would bring their numbers back.
    """
    weight = RepScore.responses if AdjustmentSpec.from_toml(run.spec).weights == "response" else RepScore.customers
    found = session.execute(
        select(RepScore.item, func.sum(RepScore.adjusted * weight) / func.sum(weight))
        .where(RepScore.run_id == run.id, RepScore.adjusted.is_not(None))
        .group_by(RepScore.item)
    )
    return {item: float(mean) for item, mean in found if mean is not None}


def asked(session: Session, run: Run) -> dict[int, int]:
    """How many were asked about each rep, by rep id, in the periods a run spans."""
    found = session.execute(
        select(Subject.rep_id, func.count())
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(in_window(run.period, AdjustmentSpec.from_toml(run.spec)))
        .group_by(Subject.rep_id)
    )
    return dict(iter(found))


def latest(session: Session, period: Period) -> Run | None:
    """The last run of a period: the one that is shown and appraised."""
    return session.scalar(select(Run).where(Run.period_id == period.id).order_by(Run.id.desc()).limit(1))


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
