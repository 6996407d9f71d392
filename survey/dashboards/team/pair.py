"""Two reps side by side: their difference with its interval, from what the run stored, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, undefer

from scoring.spec import AdjustmentSpec
from scoring.verdicts import Contrast
from survey.dashboards.shown import Choice, ShownScore, as_shown, look_up, not_to_be_seen
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, RunItem

Obstacle = Literal["choose", "evidence", "position", "apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two."""

    code: str
    name: str
    position: str | None
    score: ShownScore


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPage:
    """The two, and the first less the second; without it `obstacle` says what is in the way: not two chosen, not enough
    evidence on either, different positions, or scores that were never compared."""

    choice: Choice
    sides: tuple[Side, ...]
    contrast: Contrast | None
    obstacle: Obstacle | None


def pair_page(
    session: Session, viewer_reps: Select[int], codes: Sequence[str], period: str | None, item: str | None
) -> PairPage:
    """Two of the viewer's reps in one period and dimension.

    Raises NotToBeSeen, for somebody else's rep as for one who does not exist.
    """
    shown = look_up(session, period, item)
    run = shown.run
    wanted = list(dict.fromkeys(codes))[:2]
    sides = tuple(_side(session, viewer_reps, run, shown.choice.item, code) for code in wanted)
    obstacle = _obstacle(sides, run)
    contrast = None
    if obstacle is None and run is not None:
        contrast = _contrast(session, run, str(shown.choice.item), sides)
        obstacle = None if contrast else "apart"
    return PairPage(choice=shown.choice, sides=sides, contrast=contrast, obstacle=obstacle)


def _side(session: Session, viewer_reps: Select[int], run: Run | None, item: str | None, code: str) -> Side:
    rep = session.scalar(select(Rep).where(Rep.code == code, Rep.id.in_(viewer_reps))) if code.isprintable() else None
    if rep is None:
        raise not_to_be_seen(code)
    row = None
    if run is not None:
        row = session.scalar(
            select(RepScore).where(RepScore.run_id == run.id, RepScore.rep_id == rep.id, RepScore.item == item)
        )
    return Side(code=rep.code, name=rep.name, position=rep.position, score=as_shown(row))


def _obstacle(sides: tuple[Side, ...], run: Run | None) -> Obstacle | None:
    if len(sides) < 2 or run is None:
        return "choose"
    if any(side.score.evidence not in ("provisional", "full") for side in sides):
        return "evidence"
    return "position" if sides[0].position != sides[1].position else None


def _contrast(session: Session, run: Run, item: str, sides: tuple[Side, ...]) -> Contrast | None:
    import numpy as np

    from scoring.contrasts import between
    from scoring.ties import Ties

    kept = session.scalar(
        select(RunItem).options(undefer(RunItem.ties)).where(RunItem.run_id == run.id, RunItem.item == item)
    )
    covariance = Ties.unpacked(kept.ties).between(sides[0].code, sides[1].code) if kept and kept.ties else None
    rows = {
        code: (adjusted, se, df)
        for code, adjusted, se, df in session.execute(
            select(Rep.code, RepScore.adjusted, RepScore.se, RepScore.df)
            .join(Rep, Rep.id == RepScore.rep_id)
            .where(RepScore.run_id == run.id, RepScore.item == item, Rep.code.in_([side.code for side in sides]))
        )
    }
    numbers = [rows.get(side.code, (None, None, None)) for side in sides]
    if covariance is None or any(None in (adjusted, se) for adjusted, se, _ in numbers):
        return None
    score, se, df = (
        np.array([np.inf if one is None else one for one in column]) for column in zip(*numbers, strict=True)
    )
    return between(score, se, df, covariance, AdjustmentSpec.from_toml(run.spec).smallest_difference)
