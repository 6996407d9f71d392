"""The page of one rep: the score, how it came about, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey.dashboards.peers import Peer, peers
from survey.dashboards.shown import (
    THIN,
    WITHHELD,
    Choice,
    ShownScore,
    as_shown,
    look_up,
    not_to_be_seen,
    standing,
    territories_of,
)
from survey.dashboards.trend import Change, Point, last_change, trend
from survey.figures import StepsAsPrinted, steps_as_printed
from survey.models.roster import Rep
from survey.models.scoring import RepScore, ScoreStep
from survey.questionnaires.sheet import Wording
from survey.runs import stored


@dataclass(frozen=True, slots=True, kw_only=True)
class NextGrade:
    """What the next grade of evidence takes: this many more answering customers, where that can be said."""

    grade: str
    customers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    item: str
    name: Wording
    score: ShownScore
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepPage:
    """One rep. `steps` and everything below it are empty when the score is withheld, but for `trend`, which goes back;
    `change` and `peers` are empty where there are not enough answers to compare."""

    choice: Choice
    code: str
    name: str
    position: str | None
    territories: tuple[str, ...]
    score: ShownScore
    mean: float | None
    dimensions: tuple[Dimension, ...]
    steps: StepsAsPrinted | None
    case: str | None
    fragile: bool
    peer: float | None
    company: float | None
    next_grade: NextGrade | None
    trend: tuple[Point, ...] = ()
    change: Change | None = None
    peers: tuple[Peer, ...] = ()

    @property
    def verdict(self) -> str:
        """Where the rep stands, as `standing` says it."""
        return standing(self.score, self.mean)


def rep_page(session: Session, viewer_reps: Select[int], code: str, period: str | None, item: str | None) -> RepPage:
    """One of the viewer's reps, with the working of the score, the periods before, and the colleagues beside them whom
    the viewer may see too.

    Raises NotToBeSeen, for somebody else's rep as for one who does not exist.
    """
    rep = session.scalar(select(Rep).where(Rep.code == code, Rep.id.in_(viewer_reps))) if code.isprintable() else None
    if rep is None:
        raise not_to_be_seen(code)
    shown = look_up(session, period, item)
    run, chosen = shown.run, shown.choice.item
    rows: dict[str, RepScore] = {}
    means: dict[str, float] = {}
    territories: Mapping[int, tuple[str, ...]] = {}
    if run is not None:
        found = session.scalars(select(RepScore).where(RepScore.run_id == run.id, RepScore.rep_id == rep.id))
        rows = {row.item: row for row in found}
        means = stored.means(session, run)
        territories = territories_of(session, run, select(Rep.id).where(Rep.id == rep.id))
    row = rows.get(chosen or "")
    score = as_shown(row)
    comparable = score.evidence not in {WITHHELD, THIN}
    visible = row if row is not None and score.evidence != WITHHELD else None
    return RepPage(
        choice=shown.choice,
        code=rep.code,
        name=rep.name,
        position=rep.position,
        territories=territories.get(rep.id, ()),
        score=score,
        mean=means.get(chosen or ""),
        dimensions=tuple(
            Dimension(item=name, name=words, score=as_shown(rows.get(name)), mean=means.get(name))
            for name, words in shown.choice.items.items()
        ),
        steps=_steps(session, visible) if visible else None,
        case=visible.case if visible else None,
        fragile=bool(visible and visible.fragile),
        peer=visible.peer if visible else None,
        company=visible.company if visible else None,
        next_grade=_next_grade(score, shown.spec),
        trend=trend(session, rep.id, run.period, chosen) if run and chosen else (),
        change=last_change(session, rep.id, run, chosen) if run and chosen and comparable else None,
        peers=peers(session, viewer_reps, rep, run, chosen) if run and chosen and comparable else (),
    )


def _steps(session: Session, row: RepScore) -> StepsAsPrinted | None:
    if row.raw is None or row.mix is None or row.territory is None or row.centring is None or row.adjusted is None:
        return None
    amounts = session.execute(
        select(ScoreStep.adjuster, ScoreStep.amount).where(
            ScoreStep.run_id == row.run_id, ScoreStep.rep_id == row.rep_id, ScoreStep.item == row.item
        )
    )
    return steps_as_printed(
        raw=row.raw,
        mix=row.mix,
        adjusters=_largest_first((name, amount) for name, amount in amounts),
        territory=row.territory,
        centring=row.centring,
        adjusted=row.adjusted,
        reported=row.reported,
    )


def _largest_first(amounts: Iterable[tuple[str, float]]) -> dict[str, float]:
    return dict(sorted(amounts, key=lambda pair: (-abs(pair[1]), pair[0])))


def _next_grade(score: ShownScore, spec: AdjustmentSpec | None) -> NextGrade | None:
    """Reliability R = σ²/(σ² + S/G) over G customers, so the customers needed grow with the odds R/(1 − R)."""
    if spec is None or score.evidence == "full":
        return None
    if score.evidence == WITHHELD:
        return NextGrade(grade=THIN, customers=None)
    grade, wanted = ("provisional", spec.thin_below) if score.evidence == THIN else ("full", spec.full_from)
    now, have = score.reliability, score.customers
    if not now or not have or now >= wanted:
        return NextGrade(grade=grade, customers=None)
    needed = have * (wanted / (1 - wanted)) / (now / (1 - now))
    return NextGrade(grade=grade, customers=max(1, math.ceil(needed - 1e-9) - have))
