"""The one table of thresholds, and what reliability means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring.reliability import evidence, reliability
from scoring.spec import AdjustmentSpec, ItemSpec
from scoring.territory import Cells, Equations

SPEC = AdjustmentSpec(items=(ItemSpec(name="y", lo=0, hi=1),))


def words(spec: AdjustmentSpec, *, customers: int = 20, largest: float = 0.1, measured: float | None = 0.8) -> str:
    known = None if measured is None else np.array([measured])
    return str(evidence(spec, np.array([customers]), np.array([largest]), known)[0])


@pytest.mark.parametrize(
    ("customers", "largest", "measured", "word"),
    [
        (4, 0.1, 0.9, "withheld"), (5, 0.1, 0.9, "full"), (0, 0.0, float("nan"), "withheld"),
        (4, 0.5, 0.1, "withheld"),
        (20, 0.25, 0.9, "full"), (20, 0.26, 0.9, "thin"), (20, 0.1, 0.39, "thin"), (20, 0.1, 0.40, "provisional"),
        (20, 0.1, 0.69, "provisional"), (20, 0.1, 0.70, "full"), (20, 0.1, float("nan"), "thin"),
        (20, 0.1, None, "thin"),
        (4, 0.1, None, "withheld"),
    ],
)  # fmt: skip
def test_evidence(customers: int, largest: float, measured: float | None, word: str) -> None:
    assert words(SPEC, customers=customers, largest=largest, measured=measured) == word


def test_the_thresholds_are_the_specs() -> None:
    assert words(replace(SPEC, minimum_customers=30)) == "withheld"
    assert words(replace(SPEC, max_customer_share=0.05)) == "thin"
    assert words(replace(SPEC, thin_below=0.85, full_from=0.9)) == "thin"
    assert words(replace(SPEC, full_from=0.9)) == "provisional"


def test_reliability_is_the_variance_kept() -> None:
    assert reliability(np.array([4.0, 16.0]), 16.0) == pytest.approx([0.75, 0.0])
    assert reliability(np.array([0.0]), 0.0) == pytest.approx([0.0])


def test_without_territories_it_is_the_shrinkage_of_the_score() -> None:
    customers = np.array([5.0, 20, 40, 80, 3, 9, 60, 33])
    places = np.arange(8, dtype=np.int32)
    mean = np.random.default_rng(1).normal(60, 6, 8)
    cells = Cells(rep=places, territory=0 * places, mean=mean, working=400 / customers, weight=customers)
    solution = Equations(cells, "company").at(30.0, 0.0)
    shrinkage = 30 / (30 + 400 / customers)
    assert solution.theta == pytest.approx(shrinkage * (mean - solution.mu))
    centre = 1 / np.sum(1 / (30 + 400 / customers))
    kept = shrinkage - shrinkage**2 * centre / 30
    assert reliability(solution.prediction_variance, 30.0) == pytest.approx(kept)


def test_against_a_single_colleague_it_cannot_exceed_one_half() -> None:
    rep = np.arange(8, dtype=np.int32)
    cells = Cells(
        rep=rep, territory=rep // 2, mean=np.linspace(50, 70, 8), working=np.full(8, 1e-6), weight=np.full(8, 1e6)
    )
    found = reliability(Equations(cells, "peer").at(30.0, 0.0).prediction_variance, 30.0)
    assert found == pytest.approx(np.full(8, 0.5), abs=1e-6)
