"""The product's sparse, sharded arithmetic against every formula written out with dense matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.adjustment import Adjustment, adjust
from scoring.ratings import Ratings
from scoring.results import Result
from scoring.simulation import spec as spec_text
from scoring.spec import AdjustmentSpec, CompositeSpec
from scoring.synthetic import Company, invent

from .longhand import Frame, Longhand, composite_cells, item_cells, longhand

pytestmark = pytest.mark.conformance

SMALL = {"reps": 20, "territories": 5, "movers": 0.4, "sharing": 0.4, "answers": (4, 12)}
MANY = {"reps": 205, "territories": 8, "movers": 0.2, "sharing": 0.4, "answers": (2, 4), "alone": 1}


def _adjusted(table: pd.DataFrame, items: tuple[str, ...], **settings: object) -> Adjustment:
    spec = AdjustmentSpec.from_toml(spec_text(items))
    composite = CompositeSpec(name="all", items=items) if len(items) > 1 else None
    changed = AdjustmentSpec(items=spec.items, adjusters=spec.adjusters, composite=composite, **settings)  # type: ignore[arg-type]
    return adjust(Ratings.from_table(table, changed), changed)


def _agree(result: Result, by_hand: Longhand) -> None:
    numbers, fit = result.table.numbers, result.fit
    assert fit is not None
    assert fit.solution is not None
    places = fit.measured.reps
    assert tuple(result.table.reps[place] for place in places) == by_hand.reps
    for name in ("se", "df", "reliability", "reported_sd"):
        np.testing.assert_allclose(numbers[name][places], getattr(by_hand, name), rtol=1e-8, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(numbers["reported"][places] - fit.measured.base, by_hand.reported, rtol=1e-9, atol=1e-9)
    everyone = np.arange(len(places))
    np.testing.assert_allclose(fit.covariance.of(everyone), by_hand.covariance, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(fit.solution.prediction_covariance(everyone), by_hand.prediction, atol=1e-8)
    assert fit.solution.loglik == pytest.approx(by_hand.loglik, abs=1e-8)
    assert fit.solution.mu == pytest.approx(by_hand.mu, abs=1e-9)
    np.testing.assert_allclose(fit.solution.tau, by_hand.tau, atol=1e-9)
    at = (fit.solution.rep, fit.solution.territory)
    for variance, gradient in zip(at, by_hand.gradient, strict=False):
        assert abs(gradient) < 1e-7 if variance else gradient <= 1e-7


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("company", "policy", "weights"),
    [
        (SMALL, "pooled", "customer"), (SMALL | {"alone": 2}, "pooled", "customer"), (SMALL, "peer", "customer"),
        (SMALL, "company", "customer"), (SMALL | {"alone": 1}, "pooled", "response"), (MANY, "pooled", "customer"),
    ],
)  # fmt: skip
def test_one_item(company: dict[str, object], policy: str, weights: str, seed: int) -> None:
    table = invent(Company(**company), seed=seed).table  # type: ignore[arg-type]
    if weights == "response":
        table = table.assign(weight=np.random.default_rng(seed).uniform(0.5, 2, len(table)))
    result = _adjusted(table, ("satisfaction",), territory=policy, weights=weights).results[0]
    assert result.fit is not None
    assert result.fit.solution is not None
    item, cells = item_cells(Frame(table, ["tenure"], ["segment", "mode"], weights), "satisfaction")
    by_hand = longhand(cells, policy=policy, rep=result.fit.solution.rep, territory=result.fit.solution.territory)
    _agree(result, by_hand)
    numbers = result.table.numbers
    np.testing.assert_allclose(numbers["raw"], cells.S @ item.raw, atol=1e-10)
    np.testing.assert_allclose(numbers["mix"], -cells.S @ item.away @ item.beta, atol=1e-10)
    np.testing.assert_allclose(numbers["territory"], by_hand.step, atol=1e-9)
    np.testing.assert_allclose(numbers["centring"], by_hand.centring, atol=1e-9)
    coefficients = [result.coefficients[term] for term in ("tenure", "segment[medium]", "segment[small]", "mode[web]")]
    np.testing.assert_allclose([one["estimate"] for one in coefficients], item.beta, atol=1e-9)
    np.testing.assert_allclose([one["se"] for one in coefficients], np.sqrt(np.diag(cells.slopes)), rtol=1e-9)


def test_unknown_attributes_get_the_reps_own_mean_over_all_rows() -> None:
    """Weighted like everything else, before rows without an answer are dropped; nothing known of a rep: the mean of
    all. Customers come back, some cells have a single one, and answers are weighted."""
    table = invent(Company(**SMALL, alone=1, repeats=0.3), seed=5).table  # type: ignore[arg-type]
    draw = np.random.default_rng(5)
    table = table.assign(weight=draw.integers(1, 4, len(table)).astype(float))
    table["satisfaction"] = table["satisfaction"].mask(draw.random(len(table)) < 0.1)
    table["tenure"] = table["tenure"].mask((draw.random(len(table)) < 0.1) | (table["rep"] == "R000002"))
    for weights in ("customer", "response"):
        result = _adjusted(table, ("satisfaction",), weights=weights).results[0]
        assert result.fit is not None
        assert result.fit.solution is not None
        frame = Frame(table.assign(tenure=table["tenure"].fillna(0.0)), ["tenure"], ["segment", "mode"], weights)
        known = table["tenure"].notna().to_numpy()
        omega = frame.omega(known)
        for rep in table["rep"].unique():
            mine = (table["rep"] == rep).to_numpy()
            told = mine if omega[mine].any() else np.ones(len(table), dtype=bool)
            frame.x[mine & ~known, 0] = np.average(frame.x[told, 0], weights=omega[told])
        cells = item_cells(frame, "satisfaction")[1]
        at = {"rep": result.fit.solution.rep, "territory": result.fit.solution.territory}
        _agree(result, longhand(cells, policy="pooled", **at))


@pytest.mark.parametrize(
    ("policy", "how", "weights"),
    [("pooled", "fixed", "customer"), ("pooled", "cahps", "response"), ("peer", "cahps", "customer"),
     ("company", "fixed", "customer")],
)  # fmt: skip
def test_a_composite_with_gaps(policy: str, how: str, weights: str) -> None:
    names = ("knowledge", "delivery", "responsiveness")
    table = invent(Company(**SMALL, items=names, alone=1), seed=3).table  # type: ignore[arg-type]
    draw = np.random.default_rng(3)
    for name, share in zip(names, (0.1, 0.3, 0.6), strict=True):
        table[name] = table[name].mask(draw.random(len(table)) < share)
    table.loc[table["rep"] == table["rep"].iloc[0], "delivery"] = np.nan
    run = _adjusted(table, names, territory=policy, weights=weights, composite_weights=how)
    result = run.results[-1]
    assert result.fit is not None
    assert result.fit.solution is not None
    cells = composite_cells(Frame(table, ["tenure"], ["segment", "mode"], weights), [*names], how)
    by_hand = longhand(
        cells, policy=policy, rep=result.fit.solution.rep, territory=result.fit.solution.territory, composite=True
    )
    _agree(result, by_hand)
