"""How the blocks of an appraisal share two pages: what is cut short where there is much, and what moves to an annex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from survey.appraisals.statement import Statement

INDICATORS, EVENTS = 12, 8
"""What two pages hold; more goes to the annex, never into smaller type."""

KEY_LINES = 5
_EVENT_WIDTH = 30  # Chinese characters that the words of one event have in a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the printed form is given.

    `tight`: smaller gaps. `many`: categories without events share a line. `questions` are as many as are printed
    before the annex. `notes_apart`: the method stands in the annex. `definitions`: each indicator's meaning is printed
    below its name. `events_apart`: events are listed in the annex. `writing` and `grounds` count the lines to
    write on. `row_height` is a dimension's, in pixels. `lines` are those of the table over periods that the questions
    cite, filled up to five.
    """

    tight: bool
    many: bool
    questions: int
    notes_apart: bool
    definitions: bool
    events_apart: bool
    annex: bool
    writing: int
    grounds: int
    row_height: int
    lines: tuple[Mapping[str, Any], ...]


def room(statement: Statement, language: str) -> Room:
    """Share the two pages out."""
    indicators = len(statement.indicators)
    events = sum(_lines_of(event.fact + event.evidence) for part in statement.deductions for event in part.events)
    both = language == "both"
    tables = indicators + events + len(statement.deductions) // 2 + 2 * len(statement.satisfaction)
    full = tables > (14 if both else 16)
    lines = _key_lines(statement.diagnosis)
    apart = both and (full or bool(lines))
    roomy = tables <= 10 and not (both or lines or statement.missing)
    return Room(
        tight=both or tables > 10,
        many=full or both,
        questions=0 if apart else 3,
        notes_apart=apart,
        definitions=not full and not both,
        events_apart=events > EVENTS,
        annex=events > EVENTS or indicators > INDICATORS or apart,
        writing=1 if full else 3 if roomy else 2,
        grounds=2 if roomy else 1,
        row_height=23 if both else 20,
        lines=lines,
    )


def _lines_of(words: str) -> int:
    width = sum(1 if ord(letter) > 0x2E7F else 0.5 for letter in words)
    return 1 + int(width // _EVENT_WIDTH)


def _key_lines(diagnosis: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], ...]:
    """The lines the first questions rest on, then the first of the others."""
    if diagnosis is None:
        return ()
    cited = [number for question in diagnosis["questions"][:3] for number in question["lines"]]
    by_need = sorted(diagnosis["lines"], key=lambda row: (row["number"] not in cited, row["number"]))
    return tuple(sorted(by_need[:KEY_LINES], key=lambda row: row["number"]))
