"""The journal tells when it was touched."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from survey import journal
from survey.models.company import JournalEntry


def _three_lines(session: Session, now: datetime) -> None:
    for number in range(3):
        journal.record(session, "tried", f"thing {number}", {"数": number}, by="a@example.com", at=now)
    session.commit()
    session.expire_all()


def test_an_untouched_journal_verifies(session: Session, now: datetime) -> None:
    _three_lines(session, now)
    found = journal.verify(session)
    assert (found.entries, found.broken) == (3, ())
    assert found.anchor == journal.anchor(session)


def test_a_changed_line_is_named(session: Session, now: datetime) -> None:
    _three_lines(session, now)
    session.execute(update(JournalEntry).where(JournalEntry.id == 2).values(by="b@example.com"))
    assert [line.split(":")[0] for line in journal.verify(session).broken] == ["Line 2"]


def test_a_removed_line_is_named(session: Session, now: datetime) -> None:
    _three_lines(session, now)
    session.execute(delete(JournalEntry).where(JournalEntry.id == 2))
    assert [line.split(":")[0] for line in journal.verify(session).broken] == ["Line 3"]
