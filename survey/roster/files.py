"""The files a roster comes in by: their kinds, their columns, and the mappings a company keeps for its own exports."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from survey import journal
from survey.intake.columns import Heading, headings, proposed
from survey.intake.rows import Report
from survey.intake.sheet import Sheet
from survey.models.intake import ColumnMapping, Upload
from survey.refusals import N_, Refused
from survey.roster import customers, reps, territories

KEPT = timedelta(days=1)
LONGEST_NAME = 100


class UnreadableMapping(Refused):
    pass


class UnknownUpload(Refused):
    pass


class UnnamedMapping(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column a kind of file may have: the name it goes by here, what it is called, and whether it must be there."""

    name: str
    zh: str
    en: str
    needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file. `example` is a row as a company would write it, by column."""

    name: str
    wanted: Mapping[Any, Heading]
    take_in: Callable[..., Report]
    example: Mapping[str, str]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(_column(heading) for heading in self.wanted.values())

    def proposed(self, sheet: Sheet) -> dict[str, str]:
        """Column → the header that seems to hold it."""
        return proposed(sheet.headers, self.wanted)


def _column(heading: Heading) -> Column:
    chinese = (name for name in heading.names if not name.isascii())
    name = heading.names[0]
    return Column(name=name, zh=next(chinese, name), en=name, needed=heading.needed)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="territories",
            wanted=headings(territories.TerritoryRow),
            take_in=territories.take_in,
            example={"code": "T01", "name": "华北", "potential": "1200", "accounts": "85"},
        ),
        Kind(
            name="reps",
            wanted=headings(reps.RepRow),
            take_in=reps.take_in,
            example={
                "code": "R001", "name": "王建国", "email": "wang@example.com", "position": "业务员",
                "hired_on": "2023-03-01", "manager_email": "li@example.com",
            },
        ),
        Kind(
            name="customers",
            wanted=customers.flat_headings(),
            take_in=customers.take_in_customers,
            example={
                "code": "C0001", "name": "海川商行", "segment": "标准", "size_band": "中", "industry": "建材",
                "customer_since": "2021-05-01", "contact_name": "刘芳", "role": "采购", "email": "liu@example.com",
                "phone": "13800138000", "wechat": "liufang2026", "language": "zh", "rep": "R001", "territory": "T01",
                "served_from": "2024-01-01",
            },
        ),
        Kind(
            name="contacts",
            wanted=headings(customers.ContactRow),
            take_in=customers.take_in_contacts,
            example={
                "customer": "C0001", "name": "刘芳", "role": "采购", "email": "liu@example.com",
                "phone": "13800138000", "wechat": "liufang2026", "language": "zh",
            },
        ),
        Kind(
            name="assignments",
            wanted=headings(customers.AssignmentRow),
            take_in=customers.take_in_assignments,
            example={"customer": "C0001", "rep": "R001", "territory": "T01", "served_from": "2024-01-01"},
        ),
    )
}  # fmt: skip
"""In the order they build on each other."""


def take_in(
    session: Session, kind: str, sheet: Sheet, *, valid_rows: bool = False, on: date, by: str, at: datetime
) -> Report:
    """Bring in a file of one kind. `on` is the day a change of manager counts from.

    Raises MissingColumn, DoubleColumn, UnknownColumn, NoRows; rows are refused in the report.
    """
    more = {"on": on} if kind == "reps" else {}
    return KINDS[kind].take_in(session, sheet, valid_rows=valid_rows, by=by, at=at, **more)


# -- mappings ---------------------------------------------------------------------------------------------------


def read_mapping(text: str) -> dict[str, str]:
    """A mapping file: TOML with a line `our_column = "Their header"` each. Raises UnreadableMapping."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UnreadableMapping(
            N_('The mapping is not TOML with lines like code = "客户编号": %(problem)s'), problem=problem
        ) from None
    for column, header in told.items():
        if not isinstance(header, str):
            raise UnreadableMapping(
                N_("The mapping's %(column)s must name one header in quotation marks."), column=column
            )
    return told


def mappings(session: Session, kind: str) -> Sequence[ColumnMapping]:
    return session.scalars(select(ColumnMapping).where(ColumnMapping.kind == kind).order_by(ColumnMapping.name)).all()


def keep_mapping(
    session: Session, kind: str, name: str, chosen: Mapping[str, str], *, by: str, at: datetime
) -> ColumnMapping:
    """Keep a mapping under a name; the same name again replaces it. Raises UnnamedMapping."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UnnamedMapping(N_("Give the mapping a name of at most %(longest)s characters."), longest=LONGEST_NAME)
    kept = session.scalar(select(ColumnMapping).where(ColumnMapping.kind == kind, ColumnMapping.name == name))
    if kept is None:
        kept = ColumnMapping(kind=kind, name=name)
        session.add(kept)
    kept.chosen, kept.at, kept.by = dict(chosen), at, by
    session.flush()
    journal.record(session, "mapping saved", f"{kind}: {name}", {"columns": sorted(chosen)}, by=by, at=at)
    return kept


# -- files on their way in --------------------------------------------------------------------------------------


def receive(
    session: Session, kind: str, *, name: str, content: bytes, period: str = "", reason: str = "",
    questionnaire: str = "", by: str, at: datetime,
) -> Upload:  # fmt: skip
    """Keep an uploaded file until it is imported, a day at the longest."""
    session.execute(delete(Upload).where(Upload.at < at - KEPT))
    upload = Upload(
        kind=kind,
        file_name=name,
        content=content,
        chosen={},
        period=period or None,
        reason=reason or None,
        questionnaire=questionnaire or None,
        at=at,
        by=by,
    )
    session.add(upload)
    session.flush()
    return upload


def upload(session: Session, number: int, *, by: str) -> Upload:
    """A person's own upload with its content. Raises UnknownUpload."""
    found = session.get(Upload, number, options=[undefer(Upload.content)])
    if found is None or found.by != by:
        raise UnknownUpload(N_("This file is no longer here. Please choose it once more."))
    return found
