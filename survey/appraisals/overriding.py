"""How often deciding on bands departed from what was proposed, by the manager of the reps and by direction: for those
who review, to be talked about. Points are never touched by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.appraising import Appraisal
from survey.models.company import Period

FEWEST = 5
"""So many decisions about one manager's reps are a rate; of fewer, each would be read as somebody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """Decisions about the reps of one manager, or ("") of all who had too few: how many, and in how many of them the
    band was raised or lowered."""

    manager: str
    decided: int
    raised: int
    lowered: int


def overridden(session: Session, period_code: str, scheme: str) -> tuple[Overridden, ...]:
    """The decisions of one period under one scheme, by manager; the rest last, and nothing where even it is too small.

    Managers are those printed on the papers; what had no proposed band is left out.
    """
    rows = session.scalars(
        select(Appraisal)
        .join(Period, Period.id == Appraisal.period_id)
        .where(Period.code == period_code, Appraisal.state == "final", Appraisal.band.is_not(None))
    )
    moves: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.statement["scheme"] == scheme and row.final_band:
            order = [one["code"] for one in row.statement["bands"]]
            moves[row.statement["person"]["manager"]].append(order.index(row.band) - order.index(row.final_band))
    large = {manager: moved for manager, moved in moves.items() if manager and len(moved) >= FEWEST}
    rest = [move for manager, moved in moves.items() if manager not in large for move in moved]
    named = [_line(manager, moved) for manager, moved in sorted(large.items())]
    return (*named, *([_line("", rest)] if len(rest) >= FEWEST else []))


def _line(manager: str, moved: Iterable[int]) -> Overridden:
    listed = list(moved)
    return Overridden(
        manager=manager,
        decided=len(listed),
        raised=sum(one > 0 for one in listed),
        lowered=sum(one < 0 for one in listed),
    )
