"""Schemes are data: listed, checked, adopted by a named person, frozen from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import schemes
from survey.models.appraising import SchemeVersion
from survey.models.company import JournalEntry

KELON = schemes.shipped()["kelon-branch-manager"]


def test_every_shipped_scheme_is_listed_under_its_own_name(session: Session) -> None:
    found = {one.name: one for one in schemes.listed(session)}
    assert found.keys() == schemes.shipped().keys() >= {"kelon-branch-manager", "taiwan-six"}
    assert found["taiwan-six"].title_zh == "台湾企业六项考核标准"
    assert all(one.source_en and one.adopted_at is None for one in found.values())


def test_the_readme_says_of_every_system_where_it_stands() -> None:
    """Those of the source texts in order, a word of each; and every shipped scheme but for its variants by position."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = [row for row in readme.splitlines() if row.startswith("| ")]
    for system in (
        "Visits", "Honour roll", "Diagnosis", "newcomers", "milestones", "SMART", "How often", "Training", "CRM",
        "Rewards", "Summary", "Teamwork", "Feedback", "Reminders", "70/30", "Standards", "Ten quant", "Taiwan", "Kelon",
        "Zongshen", "Number of indicators", "monitoring", "between reps", "over periods", "Qualitative", "plans",
        "Key-account", "customer relationships", "Bonus",
    ):  # fmt: skip
        assert any(system in row.split("|")[1] for row in rows), system
    for name in schemes.shipped().keys() - {one for one in schemes.shipped() if "relationship-" in one}:
        assert f"`{name.removesuffix('-satisfaction')}`" in readme or f"`{name}`" in readme, name


@pytest.mark.parametrize("name", schemes.shipped())
def test_shipped_texts_have_curly_apostrophes(name: str) -> None:
    told = schemes.read(schemes.shipped()[name]).record()
    assert "'" not in json.dumps(told, ensure_ascii=False)


def test_adopting_is_journaled_once(session: Session, now: datetime) -> None:
    first = schemes.adopt(session, KELON, by="a@h.example", at=now)
    assert schemes.adopt(session, KELON, by="b@h.example", at=now) is first
    assert (first.adopted_by, first.version) == ("a@h.example", 1)
    entries = session.scalars(select(JournalEntry).where(JournalEntry.action == "scheme adopted")).all()
    assert [entry.details["content"] for entry in entries] == [first.content_hash]
    assert schemes.adopted(session, "kelon-branch-manager") is first


def test_an_adopted_version_is_frozen(session: Session, now: datetime) -> None:
    schemes.adopt(session, KELON, by="a", at=now)
    changed = KELON.replace("cap = 1.0", "cap = 1.2")
    with pytest.raises(schemes.SchemeFrozen, match="version 2"):
        schemes.adopt(session, changed, by="a", at=now)
    with pytest.raises(schemes.SchemeFrozen):
        schemes.keep(session, changed)
    newer = schemes.adopt(session, "version = 2\n" + changed, by="a", at=now)
    assert schemes.adopted(session, "kelon-branch-manager") is newer
    assert schemes.text_of(session, "kelon-branch-manager") == "version = 2\n" + changed


def test_a_period_goes_by_the_version_adopted_before_it_began(session: Session, now: datetime) -> None:
    first = schemes.adopt(session, KELON, by="a", at=datetime(2025, 12, 31, 12, tzinfo=UTC))
    second = schemes.adopt(session, "version = 2\n" + KELON.replace("cap = 1.0", "cap = 1.2"), by="a", at=now)
    assert schemes.in_force(session, "kelon-branch-manager", date(2026, 1, 1)) is first
    assert schemes.in_force(session, "kelon-branch-manager", now.date()) is second
    assert schemes.in_force(session, "kelon-branch-manager", date(2025, 1, 1)) is second, "neither was there in time"
    assert schemes.version_of(session, "kelon-branch-manager", 2) is second
    with pytest.raises(schemes.NotAdopted):
        schemes.version_of(session, "kelon-branch-manager", 3)


def test_a_draft_scheme_may_still_change_and_is_not_adopted(session: Session) -> None:
    schemes.keep(session, KELON)
    row = schemes.keep(session, KELON.replace("cap = 1.0", "cap = 1.2"))
    assert session.scalars(select(SchemeVersion)).all() == [row]
    with pytest.raises(schemes.NotAdopted, match="--draft"):
        schemes.adopted(session, "kelon-branch-manager")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_mistakes_are_all_named(session: Session, now: datetime) -> None:
    wrong = KELON.replace("weight = 40", "weight = 50").replace('rule = "ratio"', 'rule = "guess"', 1)
    with pytest.raises(schemes.SchemeNotUsable) as refused:
        schemes.adopt(session, wrong, by="a", at=now)
    assert len(refused.value.problems) == 2
    assert [one for one in schemes.mistakes(KELON) if not one.warning] == []
    with pytest.raises(schemes.UnknownScheme, match="taiwan-six"):
        schemes.adopted(session, "nobody's")


Evenhand = Callable[..., Result]


def test_the_commands_list_show_check_and_adopt(session: Session, evenhand: Evenhand) -> None:
    listed = json.loads(evenhand("schemes", "list", "--json").stdout)
    assert {"name", "title", "source"} <= listed[0].keys()
    assert "taiwan-six" in [one["name"] for one in listed]
    shown = json.loads(evenhand("schemes", "show", "taiwan-six", "--json").stdout)
    assert [one["weight"] for one in shown["indicators"]] == [35, 20, 15, 10, 10, 10]
    told = evenhand("schemes", "show", "taiwan-six").stdout
    assert "our default" in told
    assert "plug-in" in told
    assert evenhand("schemes", "adopt", "taiwan-six").exit_code == 0
    session.rollback()
    assert schemes.adopted(session, "taiwan-six").adopted_by == "command line"
    assert "adopted" in evenhand("schemes", "list").stdout


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_file_is_checked_line_by_line(evenhand: Evenhand, tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(KELON.replace("weight = 40", "weight = 50"))
    done = evenhand("schemes", "check", file)
    assert done.exit_code == 1
    assert "sum to 110" in done.stderr
    found = json.loads(evenhand("schemes", "check", file, "--json").stdout)
    assert not found["usable"]
    assert evenhand("schemes", "adopt", file).exit_code == 1
    file.write_text(KELON.replace("kelon-branch-manager", "ours"))
    assert evenhand("schemes", "check", file).exit_code == 0
    assert evenhand("schemes", "adopt", file).exit_code == 0
    assert evenhand("schemes", "show", "nobody").exit_code == 1
