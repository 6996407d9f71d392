"""Whether the clock can be believed. What cannot be undone waits until it has run for a day without a jump."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.sending import ClockReading

JUMP = timedelta(hours=36)
"""A worker looks far more often than this; one started daily looks often enough."""
BACK = timedelta(minutes=1)
STEADY = timedelta(days=1)


def runs_steadily(session: Session, *, at: datetime) -> bool:
    """Look at the clock, remember the reading, and say whether it has run steadily for a day."""
    reading = session.scalar(select(ClockReading).with_for_update())
    if reading is None:
        reading = ClockReading(seen_at=at, steady_since=at)
        session.add(reading)
    if not -BACK <= at - reading.seen_at <= JUMP:
        reading.steady_since = at
    reading.seen_at = at
    session.flush()
    return at - reading.steady_since >= STEADY
