"""Why this number: the tree gives every point again, to the last bit, and none that was touched."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.appraisal import appraise
from scoring.explanation import NotReproduced, explained, retraced
from scoring.facts import Event, Fact
from scoring.outcome import Outcome
from scoring.scheme import Scheme

KELON = Scheme.from_toml(
    (Path(__file__).parents[2] / "survey" / "schemes" / "kelon-branch-manager.toml").read_text(encoding="utf-8")
)
VALUES = {"collection": 92.0, "invoicing": 105.0, "outlets": 80.0, "network": 6.0, "receivables": 9.0}
TARGETS = {"collection": 100.0, "invoicing": 100.0, "outlets": 100.0, "network": 8.0, "receivables": 10.0}


def outcome(values: dict[str, float], events: list[tuple[str, float]]) -> Outcome:
    facts = [Fact(rep="R", indicator=code, value=value, target=TARGETS[code]) for code, value in values.items()]
    happened = [
        Event(rep="R", category=category, on=f"2026-03-{day:02}", points=points)
        for day, (category, points) in enumerate(events, start=1)
    ]
    return appraise([], facts, happened, KELON, reps=["R"])[0]


def tree_of(found: Outcome) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(json.dumps(explained(found, deduction_cap=KELON.deduction_cap)))
    return stored


def test_kelons_tree_gives_81_3_again() -> None:
    events = [("inventory", 3.0), ("complaint", 2.0), ("complaint", 2.0), ("complaint", 3.0), ("daily", 2.0)]
    found = outcome(VALUES, events)
    tree = tree_of(found)
    assert retraced(tree) == found.total == pytest.approx(81.3)
    assert [leaf["rule_number"] for leaf in tree["total"]["main"]["of"]][:2] == ["R1", "R1"]
    assert {leaf["code"]: leaf["points"] for leaf in tree["total"]["deductions"]["of"]}["complaint"] == -5
    assert all(leaf["why"]["zh"] and leaf["why"]["en"] for leaf in tree["total"]["main"]["of"])


@given(
    values=st.dictionaries(st.sampled_from(sorted(VALUES)), st.floats(0, 300, allow_subnormal=False)),
    events=st.lists(st.tuples(st.sampled_from(["inventory", "complaint", "exposure", "daily"]), st.floats(0, 9))),
)
def test_every_outcome_is_given_again_to_the_last_bit(
    values: dict[str, float], events: list[tuple[str, float]]
) -> None:
    found = outcome(values, events)
    assert retraced(tree_of(found)) == found.total


@pytest.mark.parametrize(
    "path",
    [
        ("total",), ("total", "main"), ("total", "deductions"), ("total", "main", "of", 0),
        ("total", "deductions", "of", 1),
    ],
)  # fmt: skip
def test_a_touched_point_is_found(path: tuple[Any, ...]) -> None:
    tree = copy.deepcopy(tree_of(outcome(VALUES, [("inventory", 3.0)])))
    node = tree
    for step in path:
        node = node[step]
    node["points"] += 1e-9
    with pytest.raises(NotReproduced):
        retraced(tree)


def test_a_touched_value_is_found() -> None:
    tree = tree_of(outcome(VALUES, []))
    tree["total"]["main"]["of"][0]["actual"] = 93.0
    with pytest.raises(NotReproduced, match="collection"):
        retraced(tree)
