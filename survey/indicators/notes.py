"""Monitoring notes: what was seen or heard, where it comes from, on the day; every one is open to the rep, who may
reply. A note that names no indicator and no fact is kept, and said to be vague."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator
from pydantic.dataclasses import dataclass
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey import journal
from survey.indicators import revisions
from survey.indicators.bounds import check_rep, rep_of
from survey.intake.cells import (
    Code,
    Day,
    OptionalText,
    OptionalWords,
    UnfitCell,
    Words,
    on_one_line,
    plain_signs,
    words,
)
from survey.intake.columns import headed
from survey.intake.rows import Report, Row, part_of
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, keep, receive
from survey.models.facts import MonitoringNote
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster.customers import REP

SOURCES = {
    "observation": ("随访观察", "accompanied observation"),
    "plan": ("周/月工作计划", "work plan"),
    "report": ("工作报告", "report"),
    "survey": ("客户与消费者调查", "customers and consumers"),
    "feedback": ("即时反馈", "timely feedback"),
}
_WORDS = {word: source for source, words in SOURCES.items() for word in (source, *words)}


ACCOMPANIED = ("customer", "well", "better", "agreed")
_FIGURE = re.compile(r"\d|[一二三四五六七八九十百]+\s*[次个家天周月%]")


class NoteRefused(Refused):
    pass


class UnknownNote(Refused):
    """There is no such note, or it is not this person's to reply to: the answer is the same."""


class NothingWritten(Refused):
    pass


def _source(raw: str) -> str:
    found = _WORDS.get(plain_signs(on_one_line(raw)).casefold())
    if found is None:
        raise UnfitCell(N_("This source is not known. Write one of: %(sources)s."), sources=", ".join(SOURCES))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow(Row):
    KEY: ClassVar = ("rep", "on", "source", "text")
    rep: Code = headed(*REP)
    on: Day = headed("on", "date", "日期")
    source: Annotated[str, PlainValidator(_source)] = headed("source", "来源")
    text: Words = headed("text", "note", "内容", "记录")
    evidence: OptionalWords = headed("evidence", "证据", "依据", default=None)
    indicator: OptionalText = headed("indicator", "指标", "指标编号", "指标代码", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accompanied:
    """The form of an accompanied visit, beside the note: at whose, what went well, what could be better, what was
    agreed on."""

    rep: Code
    customer: OptionalText = None
    well: OptionalWords = None
    better: OptionalWords = None
    agreed: OptionalWords = None

    @property
    def details(self) -> dict[str, str] | None:
        told = {name: value for name in ACCOMPANIED if (value := getattr(self, name))}
        return told or None


def is_vague(note: MonitoringNote) -> bool:
    """Does it name neither an indicator nor a fact: no evidence, no customer, no figure?"""
    return not (note.indicator or note.evidence or note.details or _FIGURE.search(note.text))


def take_in(session: Session, sheet: Sheet, *, on: date, valid_rows: bool = False, by: str, at: datetime) -> Report:
    """Bring in notes; `on` is today, and no note may be of a later day. Raises MissingColumn, DoubleColumn, NoRows."""
    notes = part_of(NoteRow, sheet)
    intake = receive(session, sheet, notes)
    check_rep(session, intake, notes)
    intake.check(notes, "on", lambda day: _too_early(day, on))
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    reps = rep_of(session)
    keep(
        session, intake, notes, MonitoringNote, key=("rep_id", "on", "source", "text"),
        joined=lambda row: {**reps(row), "written_at": at, "written_by": by},
    )  # fmt: skip
    return finish(session, intake, "notes", by=by, at=at)


def write(
    session: Session, rep: Rep, row: NoteRow, visit: Accompanied | None = None, *, on: date, by: str, at: datetime
) -> MonitoringNote:
    """Write one note down, of an accompanied `visit` with what its form says; the same note again is found, not stored
    twice. Raises NoteRefused for a day to come."""
    early = _too_early(row.on, on)
    if early:
        raise early
    same = select(MonitoringNote).where(
        MonitoringNote.rep_id == rep.id, MonitoringNote.on == row.on, MonitoringNote.source == row.source,
        MonitoringNote.text == row.text,
    )  # fmt: skip
    note = session.scalar(same)
    if note is None:
        note = MonitoringNote(
            rep_id=rep.id, on=row.on, source=row.source, text=row.text, evidence=row.evidence,
            indicator=row.indicator, details=visit.details if visit else None, written_at=at, written_by=by,
        )  # fmt: skip
        session.add(note)
        session.flush()
        journal.record(session, "note written", rep.code, {"note": note.id, "source": row.source}, by=by, at=at)
    return note


def reply(session: Session, note_id: int, own: Select[Any], text: str, *, by: str, at: datetime) -> MonitoringNote:
    """What the rep says to a note about themselves (`own`: their rep ids). Another reply keeps the first as a revision.

    Raises UnknownNote, NothingWritten, UnfitCell.
    """
    found = session.execute(
        select(MonitoringNote, Rep.code).join(Rep).where(MonitoringNote.id == note_id, MonitoringNote.rep_id.in_(own))
    ).first()
    if found is None:
        raise UnknownNote(N_("There is no note %(id)s to reply to."), id=note_id)
    note, code = found
    said = words(text)
    if not said:
        raise NothingWritten(N_("Write your reply first."))
    values = {"reply": said, "replied_at": at}
    if note.reply is None:
        note.reply, note.replied_at = said, at
    else:
        revisions.correct(session, note, values, reason="another reply", by=by, at=at)
    journal.record(session, "note replied to", code, {"note": note.id}, by=by, at=at)
    return note


def _too_early(day: date, today: date) -> NoteRefused | None:
    return NoteRefused(N_("A note cannot be of a day to come.")) if day > today else None
