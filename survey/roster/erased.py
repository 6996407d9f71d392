"""Whoever was erased does not come back with the next file: their code is known again, though it is stored nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.retention import Erasure
from survey.refusals import N_, Refused


def fingerprint(code: str) -> str:
    """What is kept of the code of an erased customer."""
    return hashlib.sha256(f"customer {code}".encode()).hexdigest()


def why_not(session: Session) -> Callable[[str], Refused | None]:
    """A check that refuses the codes of customers who were erased."""
    when = dict(iter(session.execute(select(Erasure.fingerprint, Erasure.erased_at))))
    return lambda code: _refusal(when.get(fingerprint(code))) if when else None


def _refusal(at: datetime | None) -> Refused | None:
    if at is None:
        return None
    return Refused(
        N_(
            "The customer with this code was erased on %(day)s and does not come back with a file. Take the row out "
            "here and where the file comes from; whoever is a customer again gets another code."
        ),
        day=at.date(),
    )
