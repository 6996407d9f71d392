"""What reps report of themselves counts as far as customers bear it out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import schemes
from survey.appraisals import drawing
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Subject
from survey.models.roster import Rep

from .conftest import Surveyed, adopt, put_facts


def _say(session: Session, rep: str, item: str, values: list[int]) -> None:
    """What the first answering customers of a rep said to a question."""
    versions = session.scalars(
        select(ResponseVersion.id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Rep, Rep.id == Subject.rep_id)
        .where(Rep.code == rep)
        .order_by(ResponseVersion.id)
    ).all()
    session.add_all(
        Answer(response_version_id=version, item=item, scale="yes-no-unknown", state="answered", value=value)
        for version, value in zip(versions, values, strict=False)
    )
    session.flush()


def test_the_survey_verifies_what_reps_report(session: Session, surveyed: Surveyed, now: datetime) -> None:
    """R01: 9 yes, 3 no, 2 who do not know. R02: four customers are too few to say anything. R03: nobody was asked."""
    for rep in ("R01", "R02", "R03"):
        put_facts(session, rep, {"mutual_names": (18, 20), "cards": (20, 20)})
    _say(session, "R01", "knows_name", [1] * 9 + [2] * 3 + [3] * 2)
    _say(session, "R02", "knows_name", [2] * 4)
    _say(session, "R01", "helped", [1] * 8)
    version = adopt(session, "customer-relationship", now)
    done = drawing.draw_up(session, "2026-H1", version, by="c", at=now).appraisals
    found = {
        row.outcome["rep"]: {part["code"]: part for part in row.outcome["parts"] if part["kind"] == "indicator"}
        for row, _ in done
    }
    names = {rep: parts["mutual_names"] for rep, parts in found.items()}
    assert {rep: (one["actual"], one["covered"]) for rep, one in names.items()} == {
        "R01": (15, True), "R02": (18, False), "R03": (18, False),
    }  # fmt: skip
    assert (names["R01"]["working"]["confirmed"], names["R01"]["working"]["asked"]) == (9, 12)
    help_ = found["R01"]["help"]
    assert (help_["actual"], help_["target"], help_["printed"]) == (8, 8, "10.0"), "reported by nobody, borne out by 8"
    assert found["R02"]["help"]["missing"] == "not_measured"


def test_each_position_has_a_table_of_its_own(session: Session) -> None:
    """Who faces other customers is measured by other things."""
    tables = {name: schemes.read(text) for name, text in schemes.shipped().items() if "customer-relationship" in name}
    assert len(tables) == 5
    lines = {tuple((one.code, one.weight) for one in scheme.indicators) for scheme in tables.values()}
    assert len(lines) == 5
    assert all(scheme.positions for name, scheme in tables.items() if name != "customer-relationship")
