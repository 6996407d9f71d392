"""How the blocks of an appraisal share two pages: what is cut short where there is much, and what moves to an annex.

The shapes go from the most comfortable to one that fits whatever stands in the statement. What a shape takes is
estimated here, so that the first one printed nearly always fits; the press measures, and takes the next where it does
not. Type is never made smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from survey.appraisals.heights import sheets
from survey.appraisals.statement import Paper

SHEETS = 2
"""What an appraisal takes at most before its annex."""

KEY_LINES = 5
_MORE_LINES = 3
_LINE_AND_SPARE = 12.0  # millimetres that must be left of the sheet for one more line to write on
_HOPE = 12.0  # millimetres by which the estimate may be too high: an annex is not begun for so little


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the printed form is given.

    `tight`: smaller gaps. `flowing`: the second page begins wherever the first is full. `many`: categories without
    events share a line. `questions` are as many as are printed before the annex. `notes_apart`: the method stands in
    the annex. `definitions`: each indicator's meaning is printed below its name. `events_apart`, `reasons_apart`,
    `charts_apart` and `indicators_apart`: events, reasons with the plan, what customers said as
    charts, and the table of indicators stand in the annex. `writing` and `grounds` count the lines to write on.
    `row_height` is a dimension's, in pixels. `lines` are those of the table over periods that the questions cite,
    filled up to five. `sheets`: how many may come before the annex; None for the last shape, which is printed in any
    case.
    """

    tight: bool = False
    flowing: bool = False
    many: bool = False
    questions: int = 3
    notes_apart: bool = False
    definitions: bool = True
    events_apart: bool = False
    reasons_apart: bool = False
    charts_apart: bool = False
    indicators_apart: bool = False
    writing: int = 3
    grounds: int = 2
    row_height: int = 20
    lines: tuple[Mapping[str, Any], ...] = ()
    sheets: int | None = SHEETS

    @property
    def annex(self) -> bool:
        """The notes are the first to move there."""
        return self.notes_apart


_CLOSE = Room(tight=True, writing=2, grounds=1)
_FULL = replace(_CLOSE, flowing=True, writing=1)
_MANY = replace(_FULL, many=True)
_PLAIN = replace(_MANY, definitions=False)
_APART = replace(_PLAIN, notes_apart=True, questions=0)
_EVENTS = replace(_APART, events_apart=True, reasons_apart=True)
_CHARTS = replace(_EVENTS, charts_apart=True)
SHAPES = (
    Room(), _CLOSE, replace(_CLOSE, flowing=True), _FULL, _MANY, _PLAIN, _APART, _EVENTS, _CHARTS,
    replace(_CHARTS, indicators_apart=True, sheets=None),
)  # fmt: skip


def rooms(paper: Paper, language: str) -> Iterator[Room]:
    """The shapes to try: the first that is expected to fit, then those that take less."""
    begun = False
    for shape in SHAPES:
        room = replace(shape, row_height=23 if language == "both" else 20, lines=_key_lines(paper.statement.diagnosis))
        taken, left = sheets(paper, language, room, hope=_HOPE if shape == _PLAIN else 0.0)
        if begun or room.sheets is None or taken <= room.sheets:
            yield (
                room if begun else replace(room, writing=room.writing + min(_MORE_LINES, int(left // _LINE_AND_SPARE)))
            )
            begun = True


def _key_lines(diagnosis: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], ...]:
    """The lines the first questions rest on, then the first of the others."""
    if diagnosis is None:
        return ()
    cited = [number for question in diagnosis["questions"][:3] for number in question["lines"]]
    by_need = sorted(diagnosis["lines"], key=lambda row: (row["number"] not in cited, row["number"]))
    return tuple(sorted(by_need[:KEY_LINES], key=lambda row: row["number"]))
