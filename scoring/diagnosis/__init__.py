"""One rep over periods: the table of a rep's years and what it asks, phrased as questions for the interview.

A finding never accuses: each names the lines it was read from and asks. What the figures cannot support is left
out, with the reason; calls are compared with colleagues only where the distances are alike.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scoring.diagnosis.questions import ALONE, Company, LeftOut, Question, d8, d9
from scoring.diagnosis.table import Line, NotATable, Period, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The table, its questions in order, what was left out, and the periods whose customers do not add up."""

    lines: tuple[Line, ...]
    questions: tuple[Question, ...]
    left_out: tuple[LeftOut, ...]
    unbalanced: tuple[str, ...]


def diagnose(periods: Sequence[Period], *, company: Company | None = None, workload: float | None = None) -> Diagnosis:
    """Read one rep's periods, oldest first. ``workload`` is the rep's own, in the unit of the company's.

    Raises NotATable for fewer than two periods or products that change.
    """
    if len(periods) < 2:
        raise NotATable("One period shows no change; give at least two.")
    if any(period.sales.keys() != periods[0].sales.keys() for period in periods):
        raise NotATable("The periods have different products; give all of them in every period, 0 where none was sold.")
    table = Table(periods)
    looked = [rule(table) for rule in ALONE]
    compared = [d8(table, company), d9(table, company, workload)]
    return Diagnosis(
        lines=tuple(table.lines()),
        questions=tuple(one for one in (*looked, *compared) if isinstance(one, Question)),
        left_out=tuple(one for one in compared if isinstance(one, LeftOut)),
        unbalanced=tuple(
            now.label
            for before, now in itertools.pairwise(periods)
            if not math.isclose(before.customers + now.won - now.lost, now.customers)
        ),
    )


def asks_for_diagnosis(losses: Sequence[int], *, at_once: int = 2) -> bool:
    """Whether lost customers call for looking into the causes, the company's own included.

    ``losses`` by period, oldest first: ``at_once`` or more in one period, or losses in two consecutive periods.
    """
    consecutive = any(before and now for before, now in itertools.pairwise(losses))
    return consecutive or any(lost >= at_once for lost in losses)
