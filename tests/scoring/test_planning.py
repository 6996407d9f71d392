from __future__ import annotations

from argparse import ArgumentParser

import pytest

from scoring.planning import add_plan, expected_evidence, expected_reliability, needed_answers, plan
from scoring.spec import AdjustmentSpec, ItemSpec

SPEC = AdjustmentSpec(items=(ItemSpec(name="y", lo=0, hi=1),))


@pytest.mark.parametrize(("reliability", "needed"), [(0.70, 45), (0.80, 76), (0.90, 171)])
def test_answers_needed_grow_with_the_reliability_wanted(reliability: float, needed: int) -> None:
    assert plan(customers=500, response_rate=0.3, reliability=reliability, icc=0.05).needed == needed


@pytest.mark.parametrize(
    ("customers", "reach"), [(152, "one period"), (151, "two periods"), (102, "two periods"), (101, "more periods"),
                             (76, "more periods"), (75, "never")],
)  # fmt: skip
def test_what_one_period_two_or_none_can_reach(customers: int, reach: str) -> None:
    made = plan(customers=customers, response_rate=0.5, reliability=0.8, icc=0.05)
    assert made.reach == reach
    assert str(made.needed) in str(made)


def test_a_customer_who_answers_twice_is_one_customer() -> None:
    made = plan(customers=50, response_rate=0.3, reliability=0.7, icc=0.05)
    assert made.one == pytest.approx(15)
    assert made.two == pytest.approx(25.5)


def test_invitations_are_enough_for_the_answers() -> None:
    assert plan(customers=500, response_rate=0.3, reliability=0.7, icc=0.05).invitations == 150


@pytest.mark.parametrize(
    ("wrong", "names"),
    [({"response_rate": 0.0}, "response-rate"), ({"response_rate": 30.0}, "response-rate"),
     ({"customers": -1}, "customers"),
     ({"reliability": 1.0}, "reliability"), ({"icc": 0.0}, "icc")],
)  # fmt: skip
def test_numbers_outside_their_range_are_refused_by_name(wrong: dict[str, float], names: str) -> None:
    right = {"customers": 50, "response_rate": 0.3, "reliability": 0.7, "icc": 0.05}
    with pytest.raises(ValueError, match=names):
        plan(**{**right, **wrong})  # type: ignore[arg-type]


def _command(*words: str) -> str:
    parser = ArgumentParser()
    add_plan(parser.add_subparsers())
    options = parser.parse_args(["plan", "--icc", ".05", "--reliability", ".8", *words])
    return str(options.run(options))


def test_the_command_tells_how_many_and_what_can_be_reached() -> None:
    assert "76 answers" in _command()
    told = _command("--customers", "75", "--response-rate", ".4")
    assert "76 answers" in told
    assert "190 invitations" in told
    assert "Never" in told


def test_the_command_wants_customers_and_response_rate_together() -> None:
    with pytest.raises(ValueError, match="together"):
        _command("--customers", "75")


@pytest.mark.parametrize(("wanted", "icc"), [(0.0, 0.05), (1.0, 0.05), (0.8, 0.0), (0.8, 1.0)])
def test_impossible_wishes_are_refused(wanted: float, icc: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        needed_answers(wanted, icc)


@pytest.mark.parametrize("wanted", [0.4, 0.7, 0.9])
def test_the_answers_needed_bring_the_reliability_wanted(wanted: float) -> None:
    needed = needed_answers(wanted, 0.05)
    assert expected_reliability(needed, 0.05) >= wanted > expected_reliability(needed - 1, 0.05)


@pytest.mark.parametrize(
    ("customers", "word"), [(4.9, "withheld"), (5, "thin"), (12, "thin"), (13, "provisional"), (44, "provisional"),
                            (45, "full")],
)  # fmt: skip
def test_the_evidence_to_expect(customers: float, word: str) -> None:
    assert expected_evidence(customers, 0.05, SPEC) == word
