"""Measures against the worked numbers of the source texts."""

from __future__ import annotations

import pytest

from scoring import measures


def test_growth_splits_into_new_and_existing_customers() -> None:
    grown = measures.growth(last=400, current=450, from_new=30)
    assert (grown.total, grown.new, grown.existing) == (12.5, 7.5, 5.0)


def test_growth_from_nothing_is_not_a_number() -> None:
    with pytest.raises(measures.NotMeasurable, match="leave the indicator out"):
        measures.growth(last=0, current=10, from_new=10)


def test_one_lost_customer_outweighs_two_or_three_new_ones() -> None:
    assert measures.net_new_customers(won=3, lost=1, worth=3) == 0
    assert measures.net_new_customers(won=3, lost=1, worth=2) == 1
    assert measures.net_new_customers(won=3, lost=1) == 0.5
    with pytest.raises(measures.NotMeasurable):
        measures.net_new_customers(won=3, lost=1, worth=5)


def test_contribution_of_a_million_in_sales() -> None:
    earned = measures.contribution(
        sales=1_000_000,
        cost=700_000,
        discounts=30_000,
        expense=40_000,
        collection_days=73,
        interest=0.06,
        bad_debt_rate=0.005,
    )
    assert (earned.financing, earned.bad_debt, earned.amount) == pytest.approx((12_000, 5_000, 213_000))
    assert earned.rate == pytest.approx(21.3)


def test_twenty_days_of_calls() -> None:
    worked = measures.activity(days=20, calls=160, orders=40, sales=200_000, expense=8_000)
    assert (worked.calls_per_day, worked.hit_rate, worked.orders_per_day) == (8, 25, 2)
    assert (worked.order_size, worked.cost_per_call, worked.expense_rate) == (5_000, 50, 4)
    assert worked.calls_per_day * worked.hit_rate / 100 * worked.order_size == 200_000 / 20


@pytest.mark.parametrize(
    ("met", "of", "low", "high"),
    [(9, 12, 0.4677, 0.9111), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval(met: int, of: int, low: float, high: float) -> None:
    """The last one is Newcombe's (1998) own example."""
    assert measures.wilson(met, of) == pytest.approx((low, high), abs=5e-5)


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(measures.NotMeasurable):
        measures.activity(days=20, calls=0, orders=0, sales=1, expense=1)
    with pytest.raises(measures.NotMeasurable):
        measures.contribution(sales=0, cost=0, discounts=0, expense=0, collection_days=0, interest=0, bad_debt_rate=0)


@pytest.mark.parametrize(("attained", "efficiency"), [((90, 80, 80), 85.0), ((80, 90, 85), 84.0), ((95, 90, 80), 90.5)])
def test_comparison_of_three_reps_at_weights_5_3_2(attained: tuple[float, ...], efficiency: float) -> None:
    assert measures.composite_efficiency((5, 3, 2), attained) == pytest.approx(efficiency)
