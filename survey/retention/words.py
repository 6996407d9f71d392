"""Names in words that people wrote: found wherever words are stored, and put out of sight there.

Only what names this customer and nobody else is looked for. Words that call them something else are not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Table, Text, UniqueConstraint, cast, func, or_, select, update
from sqlalchemy.orm import Session

from survey.appraisals.statement import journaled_as, snapshot_hash
from survey.database import Base
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.asking import Campaign, QuestionnaireVersion
from survey.models.company import Company, Period
from survey.models.intake import FileImport
from survey.models.roster import Contact, Customer, Rep, Territory
from survey.models.scoring import Run
from survey.users import User

MARK = "[已清除 erased]"
SHORTEST, SHORTEST_LATIN, SHORTEST_NUMBER = 2, 3, 7
NAMING = ("name", "email", "phone", "wechat")
_WORDS_TOO = {
    "appraisal.outcome", "appraisal.statement", "file_import.changes", "file_import.file_name", "indicator_fact.source",
    "mailbox_reading.problem", "monitoring_note.details", "outbox_message.last_error", "plan_item.item",
    "plan_item.support_by", "project.code", "project.name", "project_stage.stage", "provision.given_by",
    "provision.result", "provision.what", "revision.before", "run.record", "subject.adjusters", "visit.accompanied_by",
    "visit.customer", "visit.occasion", "work_order.came_of", "work_order.refusals",
}  # fmt: skip
"""Where people's words stand besides the long texts."""
_NO_WORDS = {"run.spec", "scheme_version.content", "user.totp"}
"""Long texts that are none of people's words. (The journal has neither: it is added to and never changed.)"""
_CODED = {"appraisal", "mailbox_reading", "run", "work_order"}
"""Where JSON holds words of ours, such as `full` or `indicator`, beside people's."""
_LIKE_A_CODE = re.compile(r"[0-9a-z_]+")


def names_of(session: Session, customer: Customer) -> tuple[frozenset[str], frozenset[str]]:
    """What this customer and their contacts are called and reached by; then what of it others bear as well, or question
    sheets and schemes say, which cannot be looked for."""
    contacts = session.scalars(select(Contact).where(Contact.customer_id == customer.id)).all()
    told = {customer.name, *_former(session, customer.id, {contact.id for contact in contacts})}
    for contact in contacts:
        told |= {getattr(contact, name) for name in NAMING if getattr(contact, name)}
    own = {name.strip() for name in told if _tells_somebody(name.strip())}
    others, ours = _borne_by_others(session, customer), _our_own_words(session)
    shared = {name for name in own if name.lower() in others or re.search(_as_word(name), ours, re.IGNORECASE)}
    return frozenset(own - shared), frozenset(shared)


def _tells_somebody(name: str) -> bool:
    """Is it long enough to be looked for? A short number may be any number."""
    shortest = SHORTEST_NUMBER if name.isdigit() else SHORTEST_LATIN if name.isascii() else SHORTEST
    return len(name) >= shortest


def _former(session: Session, customer_id: int, contacts: Collection[int]) -> Iterator[str]:
    """What files have replaced of it."""
    for changes in session.scalars(select(FileImport.changes)):
        for table, ids in ((Customer.__tablename__, {customer_id}), (Contact.__tablename__, contacts)):
            for id_, before, _after in changes.get(table, {"updated": ()})["updated"]:
                if id_ in ids:
                    yield from (before[name] for name in NAMING if before.get(name))


def _borne_by_others(session: Session, customer: Customer) -> set[str]:
    other = Contact.customer_id != customer.id
    asked = [
        select(Customer.name).where(Customer.id != customer.id),
        *(select(column).where(other) for column in (Contact.name, Contact.email, Contact.phone, Contact.wechat)),
        *(select(column) for column in (Rep.name, Rep.email, Territory.name, User.name, User.email)),
        *(select(column) for column in (Rep.code, Territory.code, Period.code, Campaign.code)),
        *(select(column) for column in (Company.name, Company.name_zh)),
    ]
    return {value.strip().lower() for one in asked for value in session.scalars(one) if value}


def _our_own_words(session: Session) -> str:
    """Everything that sheets, schemes and specs say. A contact called “Delivery” must not take the word out of them."""
    sheets = [json.dumps(sheet, ensure_ascii=False) for sheet in session.scalars(select(QuestionnaireVersion.content))]
    return "\n".join(
        (*sheets, *session.scalars(select(SchemeVersion.content)), *session.scalars(select(Run.spec).distinct()))
    )


def put_out(session: Session, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Put a mark in the place of these names wherever words are stored. Appraisals whose paper quoted one, by what the
    journal calls them: the hash of what was stored before, and now."""
    sought = _pattern(names)
    if sought is None:
        return {}
    changed: set[int] = set()
    for table in words_tables():
        ids = _put_out_of(session, table, list(names), sought)
        if table.name == Appraisal.__tablename__:
            changed = ids
    return _sealed_again(session, changed)


def words_tables() -> Iterator[Table]:
    """Every table in which words of anybody may stand."""
    return (table for table in Base.metadata.sorted_tables if _columns(table))


def _columns(table: Table) -> list[Column[Any]]:
    return [
        column
        for column in table.columns
        if (isinstance(column.type, Text) or f"{table.name}.{column.name}" in _WORDS_TOO)
        and f"{table.name}.{column.name}" not in _NO_WORDS
    ]


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """These names, the longest first; one in Latin letters only as a word of its own."""
    parts = [_as_word(name) for name in sorted(names, key=len, reverse=True)]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _as_word(name: str) -> str:
    before = r"(?<![0-9A-Za-z])" if name[0].isascii() and name[0].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if name[-1].isascii() and name[-1].isalnum() else ""
    return f"{before}{re.escape(name)}{after}"


def _put_out_of(session: Session, table: Table, names: list[str], sought: re.Pattern[str]) -> set[int]:
    columns, changed = _columns(table), set()
    unique = {
        column.name
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
        for column in constraint.columns
    }
    may_hold = or_(*(_holds(column, name) for column in columns for name in names))
    for row in session.execute(select(table.c.id, *columns).where(may_hold)).mappings().all():
        values = {
            column.name: _without(
                row[column.name],
                sought,
                f"{MARK} {row['id']}" if column.name in unique else MARK,
                coded=table.name in _CODED and isinstance(column.type, JSON),
            )
            for column in columns
        }
        values = {name: value for name, value in values.items() if value != row[name]}
        if values:
            session.execute(update(table).where(table.c.id == row["id"]).values(values))
            changed.add(row["id"])
    return changed


def _holds(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """May a name stand in this column? JSON is stored with signs outside ASCII written as numbers."""
    text = cast(column, Text)
    if isinstance(column.type, JSON):
        name = json.dumps(name)[1:-1]
    return or_(text.contains(name, autoescape=True), func.lower(text).contains(name.lower(), autoescape=True))


def _without(value: Any, sought: re.Pattern[str], mark: str, *, coded: bool) -> Any:
    """The same text, or the same JSON, with the mark in place of every name. Keys are no words; where JSON is `coded`,
    neither is what looks like a code."""
    if isinstance(value, str):
        return value if coded and _LIKE_A_CODE.fullmatch(value) else sought.sub(lambda _found: mark, value)
    if isinstance(value, dict):
        return {name: _without(one, sought, mark, coded=coded) for name, one in value.items()}
    if isinstance(value, list):
        return [_without(one, sought, mark, coded=coded) for one in value]
    return value


def _sealed_again(session: Session, ids: set[int]) -> dict[str, tuple[str, str]]:
    """An appraisal's snapshot vouches for what is stored, so it is taken again where a name was put out."""
    told = {}
    for row in session.scalars(
        select(Appraisal).where(Appraisal.id.in_(ids)).execution_options(populate_existing=True)
    ):
        before, row.snapshot_hash = row.snapshot_hash, snapshot_hash(row.statement, row.outcome)
        told[journaled_as(row.number, row.revision)] = (before, row.snapshot_hash)
    return told
