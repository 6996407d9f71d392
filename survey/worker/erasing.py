"""Erasing a customer from start to end: the rows at once, then the files, then the database written anew."""

from __future__ import annotations

from dataclasses import dataclass

from survey import database, retention
from survey.context import actor, db, now, session, settings, today
from survey.refusals import Refused
from survey.retention import Erased
from survey.worker.orders import PRINTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was erased, how many files went, and why the database could not be written anew, if it could not."""

    erased: Erased
    files: int
    held_up: Refused | None


def erase(code: str) -> Outcome:
    """Erase a customer and commit. Done again, it clears what a first time could not. Raises UnknownCustomer,
    LetterOnItsWay."""
    done = retention.erase(session(), code, on=today(), by=actor(), at=now())
    session().commit()
    place = settings().evenhand_dir
    files = retention.clear(session(), done.customer_id, outbox=settings().outbox, printed=place / PRINTED)
    session().rollback()
    held_up = None
    try:
        database.compact(db.engine, retention.tables())
    except database.NotCompacted as refusal:
        held_up = refusal
    return Outcome(erased=done, files=files, held_up=held_up)
