"""Published and worked numbers, to the last digit printed. Each was computed by other software or by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scoring.adjusters import Design
from scoring.checks import company_check, gls_identity
from scoring.mix import fit_slopes, slope_covariance
from scoring.moments import Answers, Counts, moments
from scoring.planning import needed_answers
from scoring.ratings import Ratings
from scoring.reliability import paule_mandel, q_profile
from scoring.reml import maximise
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec
from scoring.sums import Floats
from scoring.territory import Cells, Equations, Solution
from scoring.uncertainty import CellCovariance, ScoreCovariance, score_covariance, smooth_towards
from scoring.working import ItemWorking, clustered

pytestmark = pytest.mark.conformance

REP = (0, 0, 1, 2, 3, 3, 4, 5)
TERRITORY = (0, 1, 0, 0, 1, 2, 2, 2)
EIGHT = Cells(
    rep=np.array(REP, dtype=np.int32),
    territory=np.array(TERRITORY, dtype=np.int32),
    mean=np.array([78.0, 74, 70, 82, 69, 75, 66, 80]),
    working=np.array([4.0, 9, 5, 6, 8, 4, 5, 7]),
    weight=np.array([9.0, 4, 8, 6, 5, 10, 8, 5]),
)


def printed(values: object, digits: int) -> object:
    """Equal to a number printed with so many digits after the point."""
    return pytest.approx(values, rel=0, abs=0.5000001 * 10.0**-digits)


def independent(cells: Cells) -> CellCovariance:
    """Σ̂ = diag D."""
    size = len(cells.rep)
    return CellCovariance(
        own=cells.working, shared=sparse.csr_array((1, size)), deviation=np.zeros((size, 0)),
        slopes=np.zeros((0, 0)), cross=np.zeros((size, 0)),
    )  # fmt: skip


def covariance(solution: Solution) -> ScoreCovariance:
    everywhere = np.ones(len(solution.cells.rep), dtype=bool)
    return score_covariance(independent(solution.cells), everywhere, [(1.0, solution)], solution)


def adjusted(solution: Solution) -> tuple[Floats, float]:
    """a_r and C."""
    cells = solution.cells
    step = -cells.by_rep(cells.share * solution.tau[cells.territory])
    centring = -float(cells.rep_share @ step)
    return cells.by_rep(cells.share * cells.mean) + step + centring, centring


class TestEightCells:
    """Six reps in three territories; variances, effects and prediction errors agree with R's metafor."""

    def test_variances_by_restricted_likelihood(self) -> None:
        best = maximise(Equations(EIGHT, "pooled"))
        assert best.rep == printed(32.6840604362, 10)
        assert best.territory == printed(5.0391216762, 10)
        assert best.mu == printed(73.9575333050, 10)
        assert best.loglik == printed(-22.0094809336, 10)

    def test_variance_between_reps_under_the_other_policies(self) -> None:
        assert maximise(Equations(EIGHT, "company")).rep == printed(30.949, 3)
        assert maximise(Equations(EIGHT, "peer")).rep == printed(35.167, 3)

    def test_effects_at_given_variances(self) -> None:
        solution = Equations(EIGHT, "pooled").at(16.0, 9.0)
        assert solution.mu == printed(73.7860882741, 10)
        assert solution.tau == printed([1.5193777725, -2.2095466536, 0.6901688812], 10)
        theta = [2.2258779737, -4.0422598450, 4.8687519661, -0.4368731231, -6.4581006897, 3.8426037181]
        assert solution.theta == printed(theta, 10)

    def test_prediction_errors(self) -> None:
        solution = Equations(EIGHT, "pooled").at(16.0, 9.0)
        errors = [2.3468077127, 2.6009383123, 2.6563941749, 2.3467758109, 2.6068313890, 2.7127251492]
        assert np.sqrt(solution.prediction_variance) == printed(errors, 10)
        together = solution.prediction_covariance(np.arange(6))
        assert np.sqrt(np.diag(together)) == printed(errors, 10)

    def test_adjusted_scores(self) -> None:
        scores, centring = adjusted(Equations(EIGHT, "pooled").at(16.0, 9.0))
        assert scores == printed(
            [76.9596444159, 69.0430522848, 81.0430522848, 73.8388330211, 65.8722611761, 79.8722611761], 10
        )
        assert centring == printed(0.5624300573, 10)

    def test_standard_errors(self) -> None:
        found = covariance(Equations(EIGHT, "pooled").at(16.0, 9.0))
        assert np.sqrt(found.variance) == printed(
            [1.6582406415, 2.2742031627, 2.4899709631, 1.5824503530, 2.2701244252, 2.6661957774], 10
        )
        assert found.of(np.array([0, 1]))[0, 1] == printed(-0.0592148598, 10)

    def test_company_policy(self) -> None:
        found = covariance(Equations(EIGHT, "company").at(0.0, 0.0))
        assert np.sqrt(found.variance)[0] == printed(1.4676594147, 10)

    def test_peer_policy(self) -> None:
        solution = Equations(EIGHT, "peer").at(16.0, 0.0)
        scores, centring = adjusted(solution)
        assert scores[0] == printed(76.9961043211, 10)
        assert centring == pytest.approx(0, abs=1e-12)
        assert np.sqrt(covariance(solution).variance)[0] == printed(1.5913193916, 10)

    @pytest.mark.parametrize("policy", ["pooled", "peer", "company"])
    def test_statsmodels_finds_the_same(self, policy: str) -> None:
        check = gls_identity(maximise(Equations(EIGHT, policy)))
        assert check["cells"] == 8
        assert check["holds"]

    @pytest.mark.parametrize(("policy", "variances"), [("pooled", (16.0, 9.0)), ("peer", (16.0, 0.0))])
    def test_covariance_equals_its_definition_written_out_densely(
        self, policy: str, variances: tuple[float, float]
    ) -> None:
        solution = Equations(EIGHT, policy).at(*variances)
        averaging = np.eye(6)[list(REP)].T * EIGHT.share
        centring = np.eye(6) - EIGHT.rep_share
        places, reps = np.eye(3)[list(TERRITORY)], np.eye(6)[list(REP)]
        step = centring @ averaging @ places
        estimating = solution.gain @ solution.reduction
        assert estimating @ EIGHT.mean == pytest.approx(solution.tau, abs=1e-11)
        through = centring @ averaging - step @ estimating
        dense = through @ np.diag(EIGHT.working) @ through.T
        if policy == "pooled":
            left = np.eye(3) - estimating @ places
            spread = 16 * estimating @ reps @ (estimating @ reps).T + 9 * left @ left.T
            dense += step @ spread @ step.T
        assert covariance(solution).of(np.arange(6)) == pytest.approx(dense, abs=1e-12)
        assert covariance(solution).variance == pytest.approx(np.diag(dense), abs=1e-12)

    def test_the_short_formula_for_the_standard_error(self) -> None:
        solution = Equations(EIGHT, "pooled").at(16.0, 9.0)
        share, weight = EIGHT.share, EIGHT.rep_share
        designs = np.hstack([np.ones((8, 1)), np.eye(3)[list(TERRITORY)]])
        own = EIGHT.by_rep(share**2 * EIGHT.working)
        tilt = np.array([EIGHT.by_rep(share * column) for column in designs.T]).T - solution.loadings
        tilt = tilt - weight @ tilt
        step = covariance(solution).step
        inner = solution.inner
        short = own * (1 - 2 * weight) + weight**2 @ own + np.sum((step @ inner[1:, 1:]) * step, axis=1)
        short -= 2 * np.sum((step @ inner[1:]) * tilt, axis=1)
        assert covariance(solution).variance == pytest.approx(short, abs=1e-12)


class TestPauleMandel:
    EFFECT = np.array([78.0, 70, 82, 69, 66, 80, 75, 73])
    VARIANCE = np.array([4.0, 5, 6, 3, 5, 7, 2, 9])

    def test_moment_estimate(self) -> None:
        between, centre = paule_mandel(self.EFFECT, self.VARIANCE)
        assert between == printed(26.5824227128, 10)
        assert centre == printed(74.0508920857, 10)

    def test_q_profile_interval(self) -> None:
        assert q_profile(self.EFFECT, self.VARIANCE) == printed((8.71628, 126.60124), 5)

    def test_restricted_likelihood(self) -> None:
        assert maximise(Equations(self.cells(), "company")).rep == printed(26.3738960, 7)

    def test_a_run_stores_what_statsmodels_finds_for_the_company_policy(self) -> None:
        between, interval = company_check(self.cells())
        assert between == pytest.approx(26.5824227128, abs=1e-5)
        assert interval == printed((8.71628, 126.60124), 5)

    def cells(self) -> Cells:
        places = np.arange(8, dtype=np.int32)
        return Cells(rep=places, territory=0 * places, mean=self.EFFECT, working=self.VARIANCE, weight=np.ones(8))


class TestFiveCustomers:
    """Two reps, five customers, one adjuster."""

    SPEC = AdjustmentSpec(
        items=(ItemSpec(name="y", lo=0, hi=100),), adjusters=(AdjusterSpec(name="x", kind="number", reason="known"),)
    )

    def working(self, customers: str) -> ItemWorking:
        table = pd.DataFrame(
            {
                "rep": ["r1", "r1", "r1", "r2", "r2"], "territory": "here", "customer": list(customers),
                "x": [0, 1, 2, 1, 3], "y": [60, 70, 86, 50, 66],
            }
        )  # fmt: skip
        ratings = Ratings.from_table(table, self.SPEC)
        design = Design.build(ratings, self.SPEC)
        answers = Answers.of(ratings, self.SPEC.items[0], "customer")
        counts = Counts.of(ratings, answers.omega, "customer")
        (sums,) = moments(ratings, design, [answers], [counts])
        return ItemWorking(
            ratings=ratings, design=design, answers=answers, counts=counts, moments=sums,
            slopes=fit_slopes(design, sums, counts, "y"),
        )  # fmt: skip

    def test_slope_and_mix(self) -> None:
        working = self.working("abcde")
        assert working.slopes.beta == pytest.approx([10.5], abs=1e-12)
        assert working.mean == pytest.approx([76.2, 51.7], abs=1e-12)
        assert working.steps == pytest.approx(np.array([[4.2, -6.3]]), abs=1e-12)

    def test_variances(self) -> None:
        working = self.working("abcde")
        (parts,), _ = clustered(working.ratings, working.design, [working], None)
        own = np.array([3 / 2, 2]) * parts.own
        assert own == printed([3.0833333, 6.25], 7)
        slope = slope_covariance(working.slopes.inverse, parts.meat, working.counts.everyone)
        assert slope == pytest.approx(np.array([[2.109375]]), abs=1e-12)
        total = own + np.diag(self.sigma(working).apply(np.eye(2))) - self.sigma(working).own
        assert total == pytest.approx([4.0875, 7.009375], abs=1e-12)

    def test_a_shared_customer_ties_the_reps(self) -> None:
        sigma = self.sigma(self.working("abcae"))
        common = sigma.shared.T @ sigma.shared
        assert common.toarray()[0, 1] == printed(-1.0825318, 7)

    @staticmethod
    def sigma(working: ItemWorking) -> CellCovariance:
        (parts,), _ = clustered(working.ratings, working.design, [working], None)
        return working.measured(parts).sigma


class TestSmoothing:
    @pytest.mark.parametrize(
        ("size", "own", "smoothed", "freedom"), [(12, 20, 27.6923077, 111.4839), (5, 0, 63.1578947, 1000.0)]
    )
    def test_towards_the_pooled_variance(self, size: float, own: float, smoothed: float, freedom: float) -> None:
        found = smooth_towards(np.array([float(own)]), np.array([float(size)]), 15, 400.0, 1000.0)
        assert found.smoothed == printed([smoothed], 7)
        assert found.freedom == printed([freedom], 4)


@pytest.mark.parametrize(("reliability", "answers"), [(0.70, 45), (0.80, 76), (0.90, 171)])
def test_needed_answers(reliability: float, answers: int) -> None:
    assert needed_answers(reliability, 0.05) == answers
