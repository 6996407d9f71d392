"""The team: reps beside one another, by name and never by rank, as far as the person before the page may see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from scoring.verdicts import Verdict
from survey import names
from survey.dashboards.shown import (
    SCORE_COLUMNS,
    WITHHELD,
    Choice,
    Shown,
    ShownScore,
    against_the_mean,
    look_up,
    score_of,
    territories_of,
)
from survey.dashboards.team.choosing import PAGE, Options, Wish, employed_in, found, narrowed, options
from survey.models import Rep, RepScore, Run, RunItem

_SHOWN = ("mix", "territory", "centring", *SCORE_COLUMNS)
NAMED = 500
"""So many reps at most are named to the database one by one; more of them by the question that found them."""
SORTS = ("name", "raw", "adjusted", "reliability", "answers", "reported", "moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What took a raw score to the adjusted one, in points."""

    mix: float
    territory: float
    centring: float

    @property
    def moved(self) -> float:
        """The whole way."""
        return self.mix + self.territory + self.centring


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    """One rep of the team; `steps` are none where the score is withheld."""

    id: int
    code: str
    name: str
    position: str | None
    score: ShownScore
    steps: Steps | None
    territories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Everybody whom the address asks for and the viewer may see, in the order asked for, on pages.

    `rows` are all of them, `page` those of this page with their territories; `everybody` are their ids as a question to
    the database. `mean` is of all shown reps of the company, weighted as the run weighs them.
    """

    choice: Choice
    wish: Wish
    run: Run | None
    options: Options | None
    rows: tuple[TeamRow, ...]
    page: tuple[TeamRow, ...]
    everybody: Select[int]
    mean: float | None
    item: RunItem | None

    @property
    def pages(self) -> int:
        return max(1, -(-len(self.rows) // PAGE))

    def against_the_mean(self, score: ShownScore) -> Verdict | None:
        return against_the_mean(score, self.mean)


def team(session: Session, viewer_reps: Select[int], wish: Wish, *, on: date, whole: bool = False) -> Team:
    """The viewer's reps in one period and dimension (the newest scored period and the composite unless told), all on
    one page when `whole`.

    Raises NotToBeSeen for a period or dimension that does not exist.
    """
    shown = look_up(session, wish.period, wish.item)
    run = shown.run
    if run is None or shown.choice.item is None:
        return Team(
            choice=shown.choice, wish=wish, run=None, options=None, rows=(), page=(), everybody=viewer_reps, mean=None,
            item=None,
        )  # fmt: skip
    there = narrowed(viewer_reps, run, wish, on=on)
    rows = _rows(session, run, shown, there)
    if wish.search:
        rows = [row for row in rows if found(wish, row.code, row.name)]
    if wish.search or len(rows) <= NAMED:
        there = select(Rep.id).where(Rep.id.in_([row.id for row in rows]))
    rows = in_order(rows, wish.sort)
    item = session.scalar(select(RunItem).where(RunItem.run_id == run.id, RunItem.item == shown.choice.item))
    page = max(1, min(wish.page, -(-len(rows) // PAGE)))
    here = rows if whole else rows[(page - 1) * PAGE : page * PAGE]
    places = territories_of(session, run, there if whole else [row.id for row in here])
    return Team(
        choice=shown.choice, wish=replace(wish, page=page), run=run,
        options=options(session, viewer_reps, run, on=on), rows=tuple(rows),
        page=tuple(_placed(row, places) for row in here), everybody=there,
        mean=item.average if item else None, item=item,
    )  # fmt: skip


def _rows(session: Session, run: Run, shown: Shown, there: Select[int]) -> list[TeamRow]:
    of_item = and_(RepScore.rep_id == Rep.id, RepScore.run_id == run.id, RepScore.item == shown.choice.item)
    # Columns of the tables, and rows as the database gives them: for thousands of reps that is half the time.
    of_rep, of_score = Rep.__table__.c, RepScore.__table__.c
    found_rows = session.connection().execute(
        select(of_rep.id, of_rep.code, of_rep.name, of_rep.position, *(of_score[name] for name in _SHOWN))
        .select_from(Rep)
        .outerjoin(RepScore, of_item)
        .where(Rep.id.in_(there), or_(RepScore.id.is_not(None), employed_in(run.period)))
    )
    return [_row(*row) for row in found_rows]


def _row(
    rep_id: int, code: str, name: str, position: str | None, mix: float | None, territory: float, centring: float,
    *shown: Any,
) -> TeamRow:  # fmt: skip
    score = score_of(*shown)
    steps = None
    if score.evidence != WITHHELD and mix is not None:
        steps = Steps(mix=mix, territory=territory, centring=centring)
    return TeamRow(id=rep_id, code=code, name=name, position=position, score=score, steps=steps)


def _placed(row: TeamRow, places: Mapping[int, tuple[str, ...]]) -> TeamRow:
    return TeamRow(
        id=row.id, code=row.code, name=row.name, position=row.position, score=row.score, steps=row.steps,
        territories=places.get(row.id, ()),
    )  # fmt: skip


_MEASURES: dict[str, Callable[[TeamRow], float | None]] = {
    "raw": lambda row: row.score.raw,
    "adjusted": lambda row: row.score.adjusted,
    "reliability": lambda row: row.score.reliability,
    "answers": lambda row: row.score.responses,
    "reported": lambda row: row.score.reported,
    "moved": lambda row: None if row.steps is None else abs(row.steps.moved),
}


def in_order(rows: Collection[TeamRow], sort: str | None) -> list[TeamRow]:
    """Rows by a column, reps without a number last, equal ones by name; by name when nothing else is asked for."""
    column, largest = (sort or "name").removeprefix("-"), (sort or "").startswith("-")
    by_name = sorted(rows, key=lambda row: (names.sort_key(row.name), row.code))
    measure = _MEASURES.get(column)
    if measure is None:
        return by_name[::-1] if largest and column == "name" else by_name
    known = [row for row in by_name if measure(row) is not None]
    unknown = [row for row in by_name if measure(row) is None]
    sign = -1.0 if largest else 1.0
    return sorted(known, key=lambda row: sign * (measure(row) or 0.0)) + unknown
