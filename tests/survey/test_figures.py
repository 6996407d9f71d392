"""What is printed adds up, and stays next to what was computed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.asides import growth_split
from survey.appraisals.growing import axis_around, grown_from
from survey.figures import StepsAsPrinted, steps_as_printed

points = st.floats(-30, 130)
amounts = st.floats(-20, 20)


@given(raw=points, mix=amounts, territory=amounts, centring=amounts, reported=points)
def test_printed_steps_add_up(raw: float, mix: float, territory: float, centring: float, reported: float) -> None:
    steps = steps_as_printed(
        raw=raw, mix=mix, territory=territory, centring=centring, adjusted=raw + mix + territory + centring,
        reported=reported,
    )  # fmt: skip
    assert steps.raw + steps.mix + steps.territory + steps.centring == pytest.approx(steps.adjusted)
    assert steps.shrinkage is not None
    assert steps.adjusted + steps.shrinkage == pytest.approx(steps.reported)
    assert abs(steps.raw - raw) <= 0.0501
    for printed, true in ((steps.mix, mix), (steps.territory, territory), (steps.centring, centring)):
        assert abs(printed - true) < 0.101


@given(st.lists(amounts, min_size=1, max_size=8))
def test_adjusters_add_up_to_the_printed_mix(parts: list[float]) -> None:
    named = {str(place): part for place, part in enumerate(parts)}
    mix = sum(parts)
    steps = steps_as_printed(raw=60, mix=mix, territory=0, centring=0, adjusted=60 + mix, adjusters=named)
    assert sum(steps.adjusters.values()) == pytest.approx(steps.mix)
    assert all(abs(steps.adjusters[name] - true) < 0.201 for name, true in named.items())


def test_without_a_reported_score_the_way_ends_at_adjusted() -> None:
    steps = steps_as_printed(raw=70, mix=1, territory=2, centring=-0.5, adjusted=72.5)
    assert (steps.shrinkage, steps.reported) == (None, None)


def test_steps_that_do_not_add_up_are_not_printed() -> None:
    with pytest.raises(ValueError, match="add up"):
        StepsAsPrinted(
            raw=70, mix=1, adjusters={}, territory=0, centring=0, adjusted=72, shrinkage=None, reported=None
        )  # fmt: skip


money = st.floats(0.01, 1e9)


@given(last=money, current=money, part=st.floats(0, 1))
def test_growth_adds_up_as_it_is_printed_and_lies_on_its_scale(last: float, current: float, part: float) -> None:
    told = growth_split({"last_sales": last, "sales": current, "new_customer_sales": current * part})
    assert told is not None
    found = grown_from(told.numbers)
    assert found.last + found.from_new + found.from_existing == pytest.approx(found.current, abs=0.005)
    assert found.new + found.existing == pytest.approx(found.total, abs=0.05)
    axis = axis_around((found.last, found.last + found.from_new, found.current))
    low, high = min(found.last, found.current), max(found.last + found.from_new, found.current)
    assert axis.low <= low * (1 + 1e-9)
    assert high <= axis.high * (1 + 1e-9)
    assert 2 <= len(axis.ticks) <= 8
