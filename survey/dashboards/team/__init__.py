"""The team: reps beside one another, by name and never by rank, as far as the person before the page may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, CursorResult, Select, and_, case, func, null, or_, select
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
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, RunItem

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

    `size` is how many they are, `page` those of this page with their territories, `rows` all of them where a crowd is
    asked for; `everybody` are their ids as a question to the database. `mean` is of all shown reps of the company,
    weighted as the run weighs them.
    """

    choice: Choice
    wish: Wish
    run: Run | None
    options: Options | None
    size: int
    rows: tuple[TeamRow, ...]
    page: tuple[TeamRow, ...]
    everybody: Select[int]
    mean: float | None
    item: RunItem | None

    @property
    def pages(self) -> int:
        return max(1, -(-self.size // PAGE))

    def against_the_mean(self, score: ShownScore) -> Verdict | None:
        return against_the_mean(score, self.mean)


def team(
    session: Session, viewer_reps: Select[int], wish: Wish, *, on: date, whole: bool = False, crowd: bool = True
) -> Team:
    """The viewer's reps in one period and dimension (the newest scored period and the composite unless told), all on
    one page when `whole`; without the `crowd` of all rows when only the page is shown.

    Raises NotToBeSeen for a period or dimension that does not exist.
    """
    shown = look_up(session, wish.period, wish.item)
    run = shown.run
    if run is None or shown.choice.item is None:
        return Team(
            choice=shown.choice, wish=wish, run=None, options=None, size=0, rows=(), page=(), everybody=viewer_reps,
            mean=None, item=None,
        )  # fmt: skip
    there = narrowed(viewer_reps, run, wish, on=on)
    all_of_them = crowd or whole
    rows = _rows(session, run, shown, there) if all_of_them else []
    named: Sequence[TeamRow | _Named] = rows if all_of_them else _named(session, run, shown, there, wish.sort)
    if wish.search:
        named = [one for one in named if found(wish, one.code, one.name)]
    if wish.search or len(named) <= NAMED:
        there = select(Rep.id).where(Rep.id.in_([one.id for one in named]))
    named = in_order(named, wish.sort)
    item = session.scalar(select(RunItem).where(RunItem.run_id == run.id, RunItem.item == shown.choice.item))
    page = max(1, min(wish.page, -(-len(named) // PAGE)))
    here = [one.id for one in (named if whole else named[(page - 1) * PAGE : page * PAGE])]
    shown_rows = rows if all_of_them else _rows(session, run, shown, select(Rep.id).where(Rep.id.in_(here)))
    full = {row.id: row for row in shown_rows}
    places = territories_of(session, run, there if whole else here)
    return Team(
        choice=shown.choice, wish=replace(wish, page=page), run=run,
        options=options(session, viewer_reps, run, on=on), size=len(named),
        rows=tuple(full[one.id] for one in named) if all_of_them else (),
        page=tuple(_placed(full[rep_id], places) for rep_id in here), everybody=there,
        mean=item.average if item else None, item=item,
    )  # fmt: skip


class _Named(NamedTuple):
    """What it takes to find a rep's place among thousands: the name, or the number of the column sorted by."""

    id: int
    code: str
    name: str
    measure: float | None


def _named(session: Session, run: Run, shown: Shown, there: Select[int], sort: str | None) -> list[_Named]:
    measure = _COLUMNS.get((sort or "").removeprefix("-"), null())
    seen = case((RepScore.evidence != WITHHELD, measure))
    return [_Named(*row) for row in _found(session, run, shown, there, seen)]


def _rows(session: Session, run: Run, shown: Shown, there: Select[int]) -> list[TeamRow]:
    columns = (Rep.__table__.c.position, *(RepScore.__table__.c[name] for name in _SHOWN))
    return [_row(*row) for row in _found(session, run, shown, there, *columns)]


def _found(
    session: Session, run: Run, shown: Shown, there: Select[int], *columns: ColumnElement[Any]
) -> CursorResult[*tuple[Any, ...]]:
    """Id, code, name and these columns of everybody there. Columns of the tables, and rows as the database gives them:
    for thousands of reps that is half the time."""
    of_item = and_(RepScore.rep_id == Rep.id, RepScore.run_id == run.id, RepScore.item == shown.choice.item)
    of_rep = Rep.__table__.c
    return session.connection().execute(
        select(of_rep.id, of_rep.code, of_rep.name, *columns)
        .select_from(Rep)
        .outerjoin(RepScore, of_item)
        .where(Rep.id.in_(there), or_(RepScore.id.is_not(None), employed_in(run.period)))
    )


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


_OF_SCORE = RepScore.__table__.c
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "raw": _OF_SCORE.raw,
    "adjusted": _OF_SCORE.adjusted,
    "reliability": _OF_SCORE.reliability,
    "answers": _OF_SCORE.responses,
    "reported": _OF_SCORE.reported,
    "moved": func.abs(_OF_SCORE.mix + _OF_SCORE.territory + _OF_SCORE.centring),
}
_MEASURES: dict[str, Callable[[TeamRow], float | None]] = {
    "raw": lambda row: row.score.raw,
    "adjusted": lambda row: row.score.adjusted,
    "reliability": lambda row: row.score.reliability,
    "answers": lambda row: row.score.responses,
    "reported": lambda row: row.score.reported,
    "moved": lambda row: None if row.steps is None else abs(row.steps.moved),
}


Listed = TypeVar("Listed", bound="TeamRow | _Named")


def in_order(rows: Iterable[Listed], sort: str | None) -> list[Listed]:
    """Rows by a column, reps without a number last, equal ones by name; by name when nothing else is asked for."""
    column, largest = (sort or "name").removeprefix("-"), (sort or "").startswith("-")
    by_name = names.by_name(rows)
    if column not in _MEASURES:
        return by_name[::-1] if largest and column == "name" else by_name
    measured = [(_measure(row, column), row) for row in by_name]
    known = [(number, row) for number, row in measured if number is not None]
    ordered = sorted(known, key=lambda pair: -pair[0] if largest else pair[0])
    return [row for _, row in ordered] + [row for number, row in measured if number is None]


def _measure(row: TeamRow | _Named, column: str) -> float | None:
    return row.measure if isinstance(row, _Named) else _MEASURES[column](row)
