"""Fair targets: what a territory can be expected to sell, blended with what was negotiated, and a ramp for newcomers.

    ln S_i = β0 + β1 ln Potential + β2 ln Accounts + β3 ln Workload + β4 Competition + β5 ln Support + … + ε

Only what the rep does not control may explain sales; a rep's own past sales, share, visits or rating would make
good work raise the bar for itself. A territory's own result does not set its expectation (leave-one-out), and with
one period nothing tells the rep's work from luck, so the uncertainty is printed: se(ln A) ≈ s·√(1 + h).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.findings import N_, Refusal

LOGGED = ("potential", "accounts", "workload", "advertising", "support")
LINEAR = ("competition", "season", "tenure")
FEWEST_TERRITORIES = 15
FEWEST_PER_COVARIATE = 5
MOST_SENIOR = 1.2
FURTHEST = 50.0
"""An expectation further off than this, in ln, is none."""


class TargetsRefused(Refusal):
    """Targets that cannot be computed fairly from what was given."""

    sentence = "%(problem)s"


class TooFewTerritories(TargetsRefused):
    sentence = N_(
        "%(territories)s territories are too few for %(covariates)s covariates (%(needed)s needed); "
        "use an agreed index."
    )


class NotAboveZero(TargetsRefused):
    """A value that has no logarithm."""

    sentence = N_("%(measure)s is missing or not above 0 for %(territories)s; fill it in.")


class NotToBeExpected(TargetsRefused):
    """A territory whose measures are unlike all the others', or results that do not differ at all."""

    sentence = N_("The others do not tell what to expect of %(territories)s; use an agreed index.")


class UnfitWeights(TargetsRefused):
    sentence = N_("The index weights sum to %(sum)s; make them sum to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One territory: its sales, what the others lead one to expect, and the standard error of ln(sales/expected)."""

    territory: str
    sales: float
    expected: float
    se_log: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The fitted equation: {term: (estimate, standard error)}, and ``s``, the residual sd of ln sales."""

    coefficients: Mapping[str, tuple[float, float]]
    r2: float
    adjusted_r2: float
    left_out_r2: float
    s: float
    territories: tuple[Expected, ...]


def expect(sales: Mapping[str, float], covariates: Mapping[str, Mapping[str, float]]) -> Expectation:
    """Expected sales of every territory by least squares on logs, each territory left out of its own expectation.

    ``covariates`` are {name: {territory: value}} with names from LOGGED and LINEAR. ê_i = exp(ln S_i − r_i/(1 − h_ii)).
    Raises TargetsRefused for covariates the rep controls, values that have no logarithm, and too few territories (use
    ``index_targets``).
    """
    import numpy as np
    from statsmodels.regression.linear_model import OLS

    names = sorted(sales)
    _refuse_unfit(names, sales, covariates)
    columns = [
        np.array([math.log(values[name]) if covariate in LOGGED else values[name] for name in names])
        for covariate, values in covariates.items()
    ]
    outcome = np.log([sales[name] for name in names])
    design = np.column_stack([np.ones(len(names)), *columns])
    fit = OLS(outcome, design).fit()
    whole = fit.centered_tss
    leverage = np.asarray(fit.get_influence().hat_matrix_diag)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.asarray(fit.resid) / (1 - leverage)
    strange = [name for name, off in zip(names, left_out, strict=True) if not abs(off) < FURTHEST or not whole > 0]
    if strange:
        raise NotToBeExpected(territories=", ".join(strange))
    spread = math.sqrt(fit.scale)
    terms = ["constant", *covariates]
    return Expectation(
        coefficients={
            term: (float(estimate), float(error))
            for term, estimate, error in zip(terms, fit.params, fit.bse, strict=True)
        },
        r2=float(fit.rsquared),
        adjusted_r2=float(fit.rsquared_adj),
        left_out_r2=float(1 - left_out @ left_out / whole),
        s=spread,
        territories=tuple(
            Expected(
                territory=name,
                sales=sales[name],
                expected=math.exp(seen - residual),
                se_log=spread * math.sqrt(1 + own),
            )
            for name, seen, residual, own in zip(names, outcome, left_out, leverage, strict=True)
        ),
    )


def _refuse_unfit(
    names: Sequence[str], sales: Mapping[str, float], covariates: Mapping[str, Mapping[str, float]]
) -> None:
    controlled = sorted(set(covariates) - {*LOGGED, *LINEAR})
    if controlled:
        raise TargetsRefused(
            problem=f"{', '.join(controlled)} may not explain sales: only what the rep does not control may "
            f"({', '.join((*LOGGED, *LINEAR))})."
        )
    needed = max(FEWEST_TERRITORIES, FEWEST_PER_COVARIATE * len(covariates))
    if len(names) < needed:
        raise TooFewTerritories(territories=len(names), covariates=len(covariates), needed=needed)
    for label, values in (("sales", sales), *((name, covariates[name]) for name in covariates if name in LOGGED)):
        bad = sorted(name for name in names if not values.get(name, math.nan) > 0)
        if bad:
            raise NotAboveZero(measure=label, territories=", ".join(bad))


def share_plan(plan: float, expected: Mapping[str, float]) -> dict[str, float]:
    """T_i = Plan·ê_i/Σê: the plan shared out by what can be expected; the targets sum to the plan."""
    whole = math.fsum(expected.values())
    return {name: plan * value / whole for name, value in expected.items()}


def index_targets(
    plan: float, weights: Mapping[str, float], covariates: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """T_i = Plan·Σ_k a_k x_ik/Σ_j x_jk, for too few territories: ``weights`` a_k, agreed beforehand, sum to 1.

    For example .5 potential, .3 accounts and .2 last year's sales of the territory (not of the rep).
    """
    if abs(math.fsum(weights.values()) - 1) > 1e-9:
        raise UnfitWeights(sum=f"{math.fsum(weights.values()):g}")
    wholes = {name: math.fsum(covariates[name].values()) for name in weights}
    territories = next(iter(covariates.values()))
    return {
        territory: plan * math.fsum(a * covariates[name][territory] / wholes[name] for name, a in weights.items())
        for territory in territories
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target and where it comes from. ``limited``: the change from the quota was held to the limit."""

    target: float
    quota: float | None
    adjusted: float
    limited: bool
    ramp: float
    why_zh: str
    why_en: str


def set_target(
    adjusted: float,
    *,
    quota: float | None = None,
    weight: float = 0.5,
    limit: float = 0.25,
    ramp: float = 1.0,
    tenure_explains: bool = False,
) -> Target | None:
    """T = Quota^(1−λ)·T_adj^λ·ramp, changed from the quota by ``limit`` at most; without a quota T_adj·ramp.

    ``weight`` is λ. None when the ramp is 0: the indicator does not apply yet. ``tenure_explains``: the expectation
    already allows for tenure, so a ramp would count it twice. Raises TargetsRefused then, and for a ramp outside
    0–1.2.
    """
    if tenure_explains and ramp != 1:
        raise TargetsRefused(problem="Tenure already explains the expected sales; drop it there, or use no ramp.")
    if not 0 <= ramp <= MOST_SENIOR:
        raise TargetsRefused(problem=f"A ramp of {ramp:g} is outside 0 to {MOST_SENIOR:g}; correct it.")
    if ramp == 0:
        return None
    if quota is None:
        blended, held = adjusted, adjusted
    else:
        blended = quota ** (1 - weight) * adjusted**weight
        held = min(max(blended, quota * (1 - limit)), quota * (1 + limit))
    zh, en = _why(adjusted, quota, weight, limit, ramp, held, limited=held != blended)
    return Target(
        target=held * ramp, quota=quota, adjusted=adjusted, limited=held != blended, ramp=ramp, why_zh=zh, why_en=en
    )


def _why(
    adjusted: float, quota: float | None, weight: float, limit: float, ramp: float, held: float, *, limited: bool
) -> tuple[str, str]:
    zh, en = [f"按区域潜力应达 {adjusted:,.0f}"], [f"the territory lets one expect {adjusted:,.0f}"]
    if quota is not None:
        zh.append(f"与议定指标 {quota:,.0f} 按 {weight:.0%} 折中为 {held:,.0f}")
        en.append(f"blended {weight:.0%} with the quota of {quota:,.0f} to {held:,.0f}")
    if limited:
        zh.append(f"变动以 ±{limit:.0%} 为限")
        en.append(f"changed by {limit:.0%} at most")
    if ramp != 1:
        zh.append(f"按在岗时间计 {ramp:.0%}，即 {held * ramp:,.0f}")
        en.append(f"of which {ramp:.0%} after the time in post, {held * ramp:,.0f}")
    return "，".join(zh) + "。", ", ".join(en).capitalize() + "."


def ramp(months: float, *, start: float = 0.4, full_after: float = 6, table: Sequence[float] = ()) -> float:
    """The share of a full target after ``months`` in post: min(1, r0 + (1 − r0)·m/M), or ``table`` by started month.

    For targets of outcomes only: not for conduct, for floors, or for surveyed scores.
    """
    if table:
        return table[min(int(months), len(table) - 1)]
    return min(1.0, start + (1 - start) * months / full_after)


def prorated(target: float, *, days: int, of: int) -> float:
    """The target for ``days`` in post ``of`` a period's days: leave and transfers count for neither side."""
    if not 0 <= days <= of:
        raise TargetsRefused(problem=f"{days} days in post do not fit a period of {of} days; correct the dates.")
    return target * days / of


def too_ambitious(target: float, *, adjusted: float, se_log: float) -> bool:
    """Whether a target lies more than two standard errors above what the territory lets one expect."""
    return target > adjusted * math.exp(2 * se_log)
