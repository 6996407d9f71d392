"""What was answered about a team: how often each point was chosen, and how many of those asked answered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import CursorResult, Select, and_, func, select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec, ItemSpec
from survey import names
from survey.campaigns.rates import Funnel, funnel
from survey.dashboards.team import Team, TeamRow
from survey.models.roster import Rep
from survey.models.scoring import AnswerCount, RepReach, RepScore, Run
from survey.questionnaires.sheet import Wording

_MOST_POINTS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How often each point of an item was chosen, from the lowest; none where it is withheld. `margin`: chance moves a
    share by at most this much, 19 times in 20 (between 0 and 1)."""

    item: str
    name: Wording
    counts: tuple[int, ...] | None
    levels: tuple[str, ...]
    margin: float | None


def distributions(
    session: Session, run: Run, called: dict[str, Wording], reps: object
) -> tuple[Answered, ...]:  # fmt: skip
    """The answers about some reps (ids, or a question for them) by item, in the order of the sheet.

    Only what is published of each rep is added up, so the sum shows nothing that they do not.
    """
    chosen = AnswerCount.rep_id.in_(reps)  # type: ignore[arg-type]
    counted: dict[str, dict[float, int]] = {}
    for item, value, answers in session.execute(
        select(AnswerCount.item, AnswerCount.value, func.sum(AnswerCount.answers))
        .where(AnswerCount.run_id == run.id, chosen)
        .group_by(AnswerCount.item, AnswerCount.value)
    ):
        counted.setdefault(item, {})[value] = int(answers)
    customers = {
        item: int(number or 0)
        for item, number in session.execute(
            select(RepScore.item, func.sum(RepScore.customers))
            .where(RepScore.run_id == run.id, RepScore.evidence != "withheld", RepScore.rep_id.in_(reps))  # type: ignore[arg-type]
            .group_by(RepScore.item)
        )
    }
    spec = AdjustmentSpec.from_toml(run.spec)
    return tuple(
        _answered(item, called[item.name], counted.get(item.name, {}), customers.get(item.name, 0))
        for item in spec.items
        if item.name in called
    )


def _answered(item: ItemSpec, name: Wording, counted: dict[float, int], customers: int) -> Answered:
    points = _points(item, counted)
    return Answered(
        item=item.name, name=name, levels=tuple(f"{point:g}" for point in points),
        counts=tuple(counted.get(point, 0) for point in points) if counted else None,
        margin=min(1.0, 0.98 / math.sqrt(customers)) if customers else None,
    )  # fmt: skip


def _points(item: ItemSpec, counted: Iterable[float]) -> list[float]:
    """Every point of the scale, chosen or not; of a scale without steps the points that were chosen."""
    whole = item.lo == int(item.lo) and item.hi == int(item.hi) and item.hi - item.lo < _MOST_POINTS
    if whole and all(point == int(point) for point in counted):
        return [float(point) for point in range(int(item.lo), int(item.hi) + 1)]
    return sorted(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How many were asked about a rep and how many answered; none of them where it is withheld or not known."""

    row: TeamRow
    asked: int | None
    answered: int | None

    @property
    def rate(self) -> float | None:
        return self.answered / self.asked if self.asked and self.answered is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersPage:
    """`asked` and `answered` are summed over the reps of whom both are shown."""

    items: tuple[Answered, ...]
    reached: tuple[Reached, ...]
    funnel: Funnel | None
    asked: int
    answered: int


def answers_page(session: Session, team: Team) -> AnswersPage:
    """The answers about everybody the page asks for. Expects a team with a run; its crowd is not needed."""
    run, item = team.run, team.choice.item
    assert run is not None
    found = {
        rep_id: (asked, answered)
        for rep_id, asked, answered in session.execute(
            select(RepReach.rep_id, RepReach.asked, RepReach.answered).where(
                RepReach.run_id == run.id, RepReach.rep_id.in_([row.id for row in team.page])
            )
        )
    }
    known = names.by_name(_Known._make(row) for row in _of_everybody_shown(session, run, item, team.everybody))
    return AnswersPage(
        items=distributions(session, run, dict(team.choice.items), team.everybody),
        reached=tuple(_reached(row, found.get(row.id)) for row in team.page),
        funnel=funnel(known),
        asked=sum(one.asked for one in known), answered=sum(one.answered for one in known),
    )  # fmt: skip


class _Known(NamedTuple):
    """What the funnel takes of a rep."""

    code: str
    name: str
    asked: int
    answered: int


def _of_everybody_shown(
    session: Session, run: Run, item: str | None, reps: Select[int]
) -> CursorResult[tuple[str, str, int, int]]:
    """Of everybody who is shown and of whom it is known how many were asked. Rows as the database gives them: there may
    be thousands."""
    reach, rep, score = RepReach.__table__.c, Rep.__table__.c, RepScore.__table__.c
    return session.connection().execute(
        select(rep.code, rep.name, reach.asked, reach.answered)
        .select_from(RepReach)
        .join(Rep, rep.id == reach.rep_id)
        .join(RepScore, and_(score.run_id == reach.run_id, score.rep_id == reach.rep_id, score.item == item))
        .where(
            reach.run_id == run.id, rep.id.in_(reps), score.evidence != "withheld", reach.asked > 0,
            reach.answered.is_not(None),
        )
    )  # fmt: skip


def _reached(row: TeamRow, numbers: tuple[int, int | None] | None) -> Reached:
    asked, answered = numbers or (None, None)
    return Reached(row=row, asked=asked, answered=None if row.score.evidence == "withheld" else answered)
