"""How high the blocks of an appraisal come out on paper, in millimetres: an estimate from the words that stand in them.

It only chooses the shape that is printed first. The press measures; an estimate that is wrong costs time, or a line to
write on, and nothing else. The measures are those of `print.css`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from scoring.outcome import Part
from survey.appraisals.helping import PlanLine, Provided, Told
from survey.appraisals.statement import Decision, Paper, Standing, Statement

if TYPE_CHECKING:
    from survey.appraisals.room import Room

SHEET = 271.0
LINE, SMALL, TINY = 4.15, 3.55, 3.2
_EM = 2.96
_WIDE, _NARROW = 1.0, 0.52
_FULL_WIDTH = 182.0
_SMALLER = 0.88


def sheets(paper: Paper, language: str, room: Room, *, hope: float = 0.0) -> tuple[int, float]:
    """How many sheets an appraisal would take before its annex, and what is left of the last; `hope` makes each so much
    longer."""
    sheet = SHEET + hope
    page = _Page(
        statement=paper.statement,
        standing=paper.standing,
        language=language,
        room=room,
    )
    taken, used = 1, 0.0
    for height, breakable, on_a_new_sheet in page.blocks():
        if on_a_new_sheet or (used + height > sheet and not breakable):
            taken, used = taken + 1, 0.0
        used += height
        if used > sheet:
            taken, used = taken + 1, used - sheet
    return taken, sheet - used


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    statement: Statement
    standing: Standing
    language: str
    room: Room

    def blocks(self) -> Iterator[tuple[float, bool, bool]]:
        """Each block's height, whether it may go on overleaf, and whether it begins a sheet."""
        yield self._head(), False, False
        for breakable, block in ((True, self._indicators), (True, self._deductions), (False, self._satisfaction),
                                 (False, self._targets), (False, self._peers)):  # fmt: skip
            yield self._title + block(), breakable, False
        yield self._title + self._trend(), False, not self.room.flowing
        below: tuple[Callable[[], float], ...] = (
            self._improvement, self._comments, self._plan, self._recommendations, self._notes, self._signing,
            self._appeal,
        )  # fmt: skip
        for block in below:
            yield self._title + block(), False, False
        yield 14.0 + (2.5 if self._both else 0.0), False, False

    @property
    def decision(self) -> Decision | None:
        return self.standing.decision

    @property
    def plan(self) -> tuple[PlanLine, ...]:
        return self.standing.plan

    @property
    def _both(self) -> bool:
        return self.language == "both"

    @property
    def _title(self) -> float:
        return 5.2 + (2.2 if self.room.tight else 3.2)

    @property
    def _padding(self) -> float:
        return 1.1 if self.room.tight else 1.6

    def _said(self, zh: str, en: str) -> float:
        """The length of what is said, in em."""
        if self.language == "en":
            return _length(en)
        return _length(zh) + (_length(f" {en}") * _SMALLER if self._both and en != zh else 0.0)

    def _head(self) -> float:
        statement, person = self.statement, self.statement.person
        column = (_FULL_WIDTH / 3 - (26 if self._both else 20)) / _EM
        cells = (
            _length(person.name + person.code), _length(person.position), _length("，".join(person.territories)),
            0.0, _length(person.manager), self._said(statement.scheme_title_zh, statement.scheme_title_en) + 4,
        )  # fmt: skip
        lines = [_lines(cell, column) for cell in cells]
        number = _lines(_length(statement.number) + (14 if self._both else 9), 80 / _EM)
        boxes = 27.5 if self._both else 21.0
        if self.statement.outcome.territory_sensitive or self.statement.outcome.neighbour:
            boxes += SMALL * (3 if self.statement.outcome.territory_sensitive else 1)
        return 9.2 + LINE * number + LINE * (max(lines[:3]) + max(lines[3:])) + 4.0 + boxes

    def _indicators(self) -> float:
        if self.room.indicators_apart:
            return LINE
        rescaled = sum(part.kind == "reweighting" for part in self.statement.corrections)
        rows = sum(self._indicator(part) for part in self.statement.indicators)
        sums = (1 + rescaled) * (LINE + self._padding)
        return (6.7 if self._both else 4.0) + rows + sums + self._lanes() + self._growth()

    def _lanes(self) -> float:
        """A line of explanation, then for each project its name, its lane and its stages in words."""
        found = self.statement.projects
        if not found or self.room.charts_apart:
            return 0.0
        words = (
            sum(_length(one.name) + 9 + _length(f"{one.removed}{one.approved_by or ''}") for one in project.stages)
            for project in found
        )
        return SMALL + sum(LINE + 5.6 + _lines(length, _FULL_WIDTH / 2.7) * SMALL for length in words)

    def _growth(self) -> float:
        """Four lines of 18 pixels and the scale below them; the table beside it is no higher."""
        return 26.0 if self.statement.growth and not self.room.charts_apart else 0.0

    def _indicator(self, part: Part) -> float:
        name = _lines(1.05 * self._said(part.name_zh, part.name_en), 55 / _EM) * LINE
        meaning = self.statement.definitions[part.code]
        if self.room.definitions and (meaning.zh or meaning.en):
            name += _lines(self._said(meaning.zh, meaning.en), 55 / 2.54) * TINY
        if part.remark_en:
            name += _lines(self._said(part.remark_zh, part.remark_en), 55 / 2.54) * TINY
        remark = _length(f"{part.working.get('evidence', '')}{part.note_zh}") if part.rule != "satisfaction" else 10.0
        return max(name, _lines(remark + (5 if self._both else 0), 27 / 2.54) * SMALL) + self._padding

    def _deductions(self) -> float:
        found = self.statement.deductions
        if not found:
            return LINE
        calm = [part for part in found if not part.events]
        others = sum(part.kind != "reweighting" for part in self.statement.corrections)
        rows = sum(self._category(part) for part in found if part.events)
        rows += (LINE * 2 if calm else 0.0) if self.room.many else sum(self._category(part) for part in calm)
        return (6.7 if self._both else 4.0) + rows + (1 + others) * (LINE + self._padding)

    def _category(self, part: Part) -> float:
        name, fact, reply = (34, 50, 22) if self._both else (22, 54, 30)
        row = 3.85
        named = _lines((1.2 if self._both else 1.05) * self._said(part.name_zh, part.name_en), name / 2.75) * row + 0.7
        if self.room.events_apart or not part.events:
            return max(named, row * (2 if self._both else 1) + 0.7)
        events = sum(
            max(_lines(_length(one.fact + one.evidence), fact / 2.75), _lines(_length(one.reply), reply / 2.75)) * row
            + 0.7
            for one in part.events
        )
        return max(named, events)

    def _satisfaction(self) -> float:
        found = self.statement.satisfaction
        if not any(one.steps for one in found):
            return LINE * (2 if self._both else 1)
        if self.room.charts_apart:
            return LINE * (2 if self._both else 1) * len(found)
        rows = len(found[0].dimensions) or len(found)
        table = rows * self.room.row_height * 0.2646 + (13 if self.language == "zh" else 17)
        mixed = any(one.steps and one.steps.adjusters for one in found) and not self.room.notes_apart
        return max(table, 39.5 if self.language == "zh" else 43.0) + SMALL * (
            mixed * {"zh": 1, "en": 2}.get(self.language, 3) + (len(found) - 1) * (2 if self._both else 1)
        )

    def _targets(self) -> float:
        own = [part for part in self.statement.indicators if part.working.get("target_why_zh")]
        listed = sum(
            self._said(part.name_zh, part.name_en) + 4
            for part in self.statement.indicators
            if part not in own and not (self.room.many and part.target_source == "agreed")
        )
        sources = len({part.target_source for part in self.statement.indicators if part not in own})
        height = _lines(listed + (14 if self._both else 8) * sources, _FULL_WIDTH / _EM) * LINE
        if self.room.reasons_apart:
            return height + (LINE if own else 0.0)
        return height + sum(
            _lines(
                self._said(part.name_zh, part.name_en)
                + 5
                + self._said(part.working["target_why_zh"], part.working["target_why_en"]),
                _FULL_WIDTH / _EM,
            )
            * LINE
            for part in own
        )

    def _peers(self) -> float:
        among = self.statement.peers is not None and self.statement.peers.reps > 1
        return LINE * (2 if among and (self._both or self.language == "en") else 1)

    def _trend(self) -> float:
        diagnosis: Mapping[str, list[Mapping[str, str]]] = self.statement.diagnosis or {}
        head = 7.0 if self._both else 4.5
        rows = max(len(self.statement.trend), len(self.room.lines))
        asked = sum(
            _lines(self._said(one["zh"], one["en"]) + 6, 178 / _EM)
            for one in diagnosis.get("questions", ())[: self.room.questions]
        )
        causes = LINE * (3 if self._both else 2) if self.statement.causes else 0.0
        return head + rows * 5.2 + asked * LINE + causes

    def _improvement(self) -> float:
        last = _length("".join(f"{one.item}{one.outcome_note}" for one in self.standing.last_plan))
        last += sum(12 if self._both else 6 for _ in self.standing.last_plan) + (8 if self.standing.last_plan else 0)
        return LINE * ((2 if self._both else 1) + (_lines(last, _FULL_WIDTH / _EM) if last else 0))

    def _comments(self) -> float:
        told = 0.0 if self.standing.told is None or self.room.reasons_apart else _told(self.standing.told, self._both)
        return (7.2 if self._both else 3.6) + max(self.room.writing * self._line, told)

    def _plan(self) -> float:
        row = 4.8 if self.room.many else 6.2 if self.room.tight else 8.2
        head = 6.5 if self._both else 3.8
        if self.room.reasons_apart and self.plan:
            return LINE
        written = [max(row, LINE * max(_lines(*cell) for cell in _cells(one)) + self._padding) for one in self.plan]
        return head + sum(written) + max(0, 3 - len(written)) * row

    def _recommendations(self) -> float:
        given = self.standing.provided
        line = 0.0 if not given or self.room.reasons_apart else _provided(given, self._both)
        return LINE * (1 if self.language == "zh" else 2) + line

    def _notes(self) -> float:
        if self.room.notes_apart:
            return LINE
        missing = sum(_lines(self._said(part.why_zh, part.why_en), 72) for part in self.statement.missing)
        sources = SMALL * (2 if self._both else 1) if self.statement.sources else 0.0
        return (53.5 if self._both else 28.8) + missing * SMALL + sources

    def _signing(self) -> float:
        decision = 0.0
        if self.decision:
            reason = 0.0 if self.room.reasons_apart else _length(self.decision.reason)
            decision = 3.2 + LINE * _lines(reason + (60 if self._both else 30), 175 / _EM)
        return 3.9 + 2 * self._line + SMALL * (2 if self._both else 1) + 1 + decision

    def _appeal(self) -> float:
        lines = 2 if self.language != "zh" else 1
        return SMALL * (lines + 1) + 2 + (2 + self.room.grounds) * self._line

    @property
    def _line(self) -> float:
        return 5.2 if self.room.many else 6.3 if self.room.tight else 8.0


def _cells(one: PlanLine) -> tuple[tuple[float, float], ...]:
    """The length of each cell of a planned item, and the width it has, both in em."""
    support = f"{one.support} {one.support_by}" + " 2026-01-01" * (2 if one.support_due_on else 1)
    days = " ".join(("2026-01-01 – 2026-01-01", *one.reviews))
    words = ((one.item, 28), (one.measure, 32), (support, 32), (days, 16), (one.metric, 16), (one.reward, 16))
    return tuple((_length(text), width / _EM) for text, width in words)


def _told(told: Told, both: bool) -> float:
    """The rep's own summary in its half of the page."""
    return sum(
        _lines(_length(part) + (10 if both else 5), 88 / 2.61) * SMALL
        for part in (told.reached, told.hard, told.better)
    )


def _provided(given: tuple[Provided, ...], both: bool) -> float:
    words = sum(_length(f"{one.what}{one.result}") + (26 if both else 14) for one in given)
    return _lines(words + (14 if both else 8), _FULL_WIDTH / 2.61) * SMALL


def _length(words: str) -> float:
    return sum(_WIDE if ord(letter) > 0x2E7F else _NARROW for letter in words)


def _lines(length: float, width: float) -> int:
    return max(1, ceil(length / width))
