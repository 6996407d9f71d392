"""What a fixture stored is put back as it was, however the database was left."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from survey.database import Base
from survey.models.roster import Rep, Territory
from tests.keeping import Keeper


def _contents(session: Session) -> dict[str, list[tuple]]:
    found = {
        table.name: sorted(map(tuple, session.execute(select(table)).all()), key=repr)
        for table in Base.metadata.sorted_tables
    }
    session.rollback()
    return found


def _empty(session: Session) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(delete(table))
    session.commit()


def test_a_step_after_another_is_put_back_whole(session: Session, tmp_path: Path) -> None:
    """The second step writes to a table of the first, adds to another, and takes something away."""
    keep, made = Keeper(tmp_path), []

    def first() -> None:
        made.append("first")
        session.add_all([Rep(code="R1", name="A"), Rep(code="R2", name="B"), Territory(code="T1", name="T")])

    def second() -> None:
        made.append("second")
        session.execute(update(Rep).where(Rep.code == "R1").values(name="changed"))
        session.execute(delete(Rep).where(Rep.code == "R2"))
        session.add(Rep(code="R3", name="C"))

    def both() -> tuple[dict[str, list[tuple]], dict[str, list[tuple]]]:
        keep(session, "test first", first)
        one = _contents(session)
        keep(session, "test second", second, after="test first")
        return one, _contents(session)

    stored = both()
    assert [rep[1:3] for rep in stored[1]["rep"]] == [("R1", "changed"), ("R3", "C")]
    for _ in range(2):
        _empty(session)
        assert both() == stored
    assert made == ["first", "second"]
    session.add(Rep(code="R4", name="D"))
    session.flush()
    assert session.scalars(select(Rep.id).where(Rep.code == "R4")).one() == max(row[0] for row in stored[1]["rep"]) + 1
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text('DROP SCHEMA "kept test first" CASCADE; DROP SCHEMA "kept test second" CASCADE'))
        session.commit()


def test_what_was_written_in_between_is_not_overlooked(session: Session, tmp_path: Path) -> None:
    """As many rows as before, and yet not what the step came after: it is made anew, on what is there."""
    keep = Keeper(tmp_path)
    keep(session, "test before", lambda: session.add(Rep(code="R1", name="A")))
    session.execute(update(Rep).values(name="written in between"))
    session.commit()
    keep(session, "test after", lambda: session.add(Rep(code="R2", name="B")), after="test before")
    assert set(session.scalars(select(Rep.name))) == {"written in between", "B"}
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text('DROP SCHEMA "kept test before" CASCADE'))
        session.commit()
