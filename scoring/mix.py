"""Customer mix: slopes from within rep-by-territory cells, never from between them.

A rep whose easy customers are happy *because of the rep* keeps that: only differences between customers of the same
rep in the same territory teach what an attribute is worth (Mundlak 1978; Kalbfleisch and Wolfe 2013; CAHPS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from scoring.adjusters import (
    NEARLY_COLLINEAR,
    REP_CONTROLLED,
    Design,
    collinear,
    constant,
    icc_within_territory,
    nearly_collinear,
    rep_controlled,
)
from scoring.findings import N_, Finding
from scoring.moments import Clustered, Counts, Moments
from scoring.sums import Floats, ratio

ROUNDING = 1e-10
"""A sum of squares within cells this small beside the whole is rounding."""

DETERMINED = 1e-9
"""A column of which the others leave less than this share unexplained is determined by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """The effect of every design column, in points of the score per unit.

    ``beta`` (columns,) is 0 for a column that was left out, ``kept`` (columns,) says which were not. ``inverse``
    (columns, columns) is B = (Σ ω x̃ x̃')⁻¹ over the kept columns, 0 elsewhere. ``freedom`` is customers less cells
    less columns, ``residual`` the residual sum of squares, ``r_squared`` within cells.
    """

    beta: Floats
    kept: NDArray[np.bool_]
    inverse: Floats
    residual: float
    r_squared: float
    freedom: float
    findings: tuple[Finding, ...]


def fit_slopes(design: Design, moments: Moments, counts: Counts, item: str) -> Slopes:
    """Least squares on the columns demeaned within cells.

    The Cholesky factor of the within moments goes to statsmodels' OLS as columns + 1 rows, which have the same
    moments as all the answers, with the degrees of freedom of the answers.
    """
    columns = len(design.terms)
    freedom = float(counts.size[counts.omega > 0].sum() - np.count_nonzero(counts.omega))
    kept, findings = _estimable(design, moments, item)
    if kept.any() and freedom - np.count_nonzero(kept) < 1:
        findings.append(_too_few(item, int(freedom), int(np.count_nonzero(kept))))
        kept[:] = False
    beta, inverse = np.zeros(columns), np.zeros((columns, columns))
    total = float(moments.within[-1, -1])
    residual = total
    if kept.any():
        index = np.flatnonzero(kept)
        result = _least_squares(moments.within, index, freedom - len(index))
        beta[index] = result.params
        inverse[np.ix_(index, index)] = result.normalized_cov_params
        residual = float(result.ssr)
    return Slopes(
        beta=beta, kept=kept, inverse=inverse, residual=residual,
        r_squared=1 - residual / total if total > 0 else 0.0,
        freedom=freedom - int(np.count_nonzero(kept)), findings=tuple(findings),
    )  # fmt: skip


def _least_squares(within: Floats, index: NDArray[np.int64], freedom: float) -> Any:
    from statsmodels.regression.linear_model import OLS

    chosen = np.append(index, len(within) - 1)
    scale = np.sqrt(np.maximum(np.diag(within)[chosen], 0.0))  # no variation at all may come out below nought
    scale[-1] = scale[-1] or 1.0
    moment = within[np.ix_(chosen, chosen)] / np.outer(scale, scale)
    slope_block = linalg.cholesky(moment[:-1, :-1])
    along = linalg.solve_triangular(slope_block, moment[:-1, -1], trans="T")
    beyond = np.sqrt(max(moment[-1, -1] - along @ along, 0.0))
    exog = np.vstack([slope_block, np.zeros(len(index))]) * scale[:-1]
    endog = np.append(along, beyond) * scale[-1]
    model = OLS(endog, exog, hasconst=False)
    model.df_resid = freedom
    return model.fit(method="qr")


def _estimable(design: Design, moments: Moments, item: str) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Which columns vary within cells and are not determined by those before them, by elimination in order."""
    within, overall = moments.within[:-1, :-1], moments.overall[:-1]
    varies = np.diag(within) > ROUNDING * np.maximum(overall, 0)
    whole = [number for number in range(len(design.adjusters)) if not varies[design.adjuster == number].any()]
    findings = [constant(design.adjusters[number], item) for number in whole]
    findings += [
        constant(design.terms[column], item) for column in np.flatnonzero(~varies & ~np.isin(design.adjuster, whole))
    ]
    scale = np.sqrt(np.where(varies, np.diag(within), 1.0))
    left = within / np.outer(scale, scale)
    kept = varies.copy()
    for column in np.flatnonzero(varies):
        pivot = left[column, column]
        if pivot < DETERMINED:
            kept[column] = False
            findings.append(collinear(design.terms[column], item))
            continue
        left = left - np.outer(left[:, column], left[column]) / pivot
        left[column, column] = pivot
    return kept, findings


def _too_few(item: str, freedom: int, columns: int) -> Finding:
    return Finding(
        name="too_few_for_mix",
        sentence=N_(
            "%(item)s has too few answers to learn what %(columns)s customer attributes are worth (%(freedom)s "
            "customers beyond one per rep and territory), so nothing is adjusted for customer mix."
        ),
        item=item,
        values={"item": item, "columns": columns, "freedom": freedom},
    )


def slope_covariance(inverse: Floats, meat: Floats, customers: int) -> Floats:
    """Var(β̂) = K/(K−1)·B (Σ_g u_g u_g') B, clustered on K customers (columns, columns)."""
    factor = customers / (customers - 1) if customers > 1 else 0.0
    return np.asarray(factor * inverse @ meat @ inverse)


def contributions(design: Design, slopes: Slopes, deviation: Floats) -> Floats:
    """(x̄_rt − x̄)'β̂ split by adjuster (adjusters, cells), a category's levels summed into one line.

    Args:
        deviation: x̄_rt − x̄ (cells, columns).
    """
    belongs = np.arange(len(design.adjusters))[:, None] == design.adjuster
    return np.asarray((belongs * slopes.beta) @ deviation.T)


def impact(design: Design, moments: Moments, slopes: Slopes, omega: Floats) -> dict[str, dict[str, float]]:
    """How much each adjuster matters: {name: {partial_r2, heterogeneity, impact}}.

    ``partial_r2`` is what the adjuster explains within cells beyond the others, ``heterogeneity`` the between-cell
    over within-cell variance of its fitted part after the others are taken out, and ``impact`` their product
    (O'Malley et al. 2005).
    """
    table: dict[str, dict[str, float]] = {}
    within = moments.within
    weight = omega / omega.sum()
    for number, name in enumerate(design.adjusters):
        mine = np.flatnonzero(slopes.kept & (design.adjuster == number))
        others = np.flatnonzero(slopes.kept & (design.adjuster != number))
        if not mine.size:
            continue
        beta = slopes.beta[mine]
        explained = float(beta @ linalg.solve(slopes.inverse[np.ix_(mine, mine)], beta, assume_a="pos"))
        direction = np.where(design.adjuster == number, slopes.beta, 0.0)
        if others.size:
            block = within[np.ix_(others, others)]
            direction[others] = -linalg.solve(block, within[np.ix_(others, mine)] @ beta, assume_a="pos")
        fitted = moments.mix @ direction
        between = float(weight @ (fitted - weight @ fitted) ** 2)
        ratio = between / (explained / omega.sum()) if explained > 0 else 0.0
        partial = explained / (slopes.residual + explained) if explained > 0 else 0.0
        table[name] = {"partial_r2": partial, "heterogeneity": ratio, "impact": partial * ratio}
    return table


def objections(
    design: Design, moments: Moments, slopes: Slopes, omega: Floats, territory: NDArray[np.int32], item: str
) -> list[Finding]:
    """What the machine has against the adjusters in use: others nearly determine it, or the reps may have chosen it.

    Of an adjuster's k columns the others leave the generalised share 1/(det B_mine · det W_mine) of the variance, and
    its k-th root per column (Fox and Monette 1992).
    """
    findings = []
    there = omega > 0
    for number, name in enumerate(design.adjusters):
        mine = np.flatnonzero(design.adjuster == number)
        kept = np.ix_(mine[slopes.kept[mine]], mine[slopes.kept[mine]])
        logs = np.linalg.slogdet(slopes.inverse[kept])[1] + np.linalg.slogdet(moments.within[kept])[1]
        share = 1 - float(np.exp(-logs / max(len(kept[0]), 1)))
        if share > NEARLY_COLLINEAR:
            findings.append(nearly_collinear(name, share, item))
        within, means = moments.within[np.ix_(mine, mine)], moments.mix[np.ix_(there, mine)]
        share = icc_within_territory(within, means, omega[there], territory[there])
        if share > REP_CONTROLLED:
            findings.append(rep_controlled(name, share, item))
    return findings


def slope_heterogeneity(clustered: Clustered, size: Floats) -> dict[str, float]:
    """Do the slopes differ from cell to cell? {statistic, p}.

    If they do, the customers of one cell pull the slopes in the same direction, so the square of a cell's summed
    score exceeds the sum of its customers' squares, which G/(G−1) makes equal in expectation when they do not
    differ (the idea of Breusch and Pagan 1979 for random coefficients, with customers as units). The cells'
    excesses, standardised by their own spread, are referred to the normal, upper tail.
    """
    several = size > 1
    factor = ratio(size, size - 1)
    square = clustered.score**2 @ (1 / clustered.scale)
    excess = (square - factor * clustered.squares)[several]
    spread = float(np.sqrt(np.sum(excess**2)))
    if spread == 0:
        return {}
    statistic = float(excess.sum()) / spread
    return {"statistic": statistic, "p": float(stats.norm.sf(statistic))}
