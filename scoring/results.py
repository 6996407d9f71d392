"""What one item, or the composite, came to: the table of scores and what run.json says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from scoring.checks import company_check, gls_identity
from scoring.estimate import FEWEST_REPS, Estimate, Measured, Unmeasurable, estimate, mundlak, pull
from scoring.findings import N_, Finding
from scoring.mix import impact, objections, slope_covariance, slope_heterogeneity
from scoring.moments import Clustered, Counts
from scoring.policy import fit_findings, not_separable, unknown_territories
from scoring.ratings import Ratings
from scoring.reliability import evidence
from scoring.reml import TerritoryNotSeparable, profile_interval
from scoring.score_table import ScoreTable
from scoring.spec import AdjustmentSpec
from scoring.sums import Floats, Places
from scoring.working import CompositeWorking, ItemWorking

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything one item, or the composite, gave. ``fit`` is None when nothing could be estimated."""

    table: ScoreTable
    fit: Estimate | None
    coefficients: Plain
    impact: Plain
    tests: Plain
    findings: tuple[Finding, ...]

    @property
    def item(self) -> str:
        """The name of the item, or of the composite."""
        return self.table.item

    def record(self, ratings: Ratings) -> dict[str, Any]:
        """Plain values for run.json."""
        return {
            "coefficients": self.coefficients,
            **_variances(self.fit, ratings),
            "tests": self.tests,
            "impact": self.impact,
            "findings": [finding.record() for finding in self.findings],
        }


def item_result(
    working: ItemWorking, parts: Clustered, spec: AdjustmentSpec, policy: str, frozen: Floats | None
) -> Result:
    """Score one item."""
    ratings, design, slopes, counts = working.ratings, working.design, working.slopes, working.counts
    fit, findings = _fit(working, parts, policy, frozen)
    raw, steps = working.raw, working.steps
    mix = np.where(np.isnan(raw), np.nan, steps.sum(axis=0))
    numbers = {"raw": raw, "mix": mix, "top_box": working.top_box, **_territory(fit, raw + mix)}
    objected = objections(design, working.moments, slopes, counts.omega, ratings.cell_territory, working.name)
    errors = np.sqrt(np.maximum(np.diag(slope_covariance(slopes.inverse, parts.meat, counts.everyone)), 0.0))
    return Result(
        table=_table(working.name, ratings, counts, spec, numbers, design.adjusters, steps, fit),
        fit=fit,
        coefficients={
            design.terms[place]: {"estimate": float(slopes.beta[place]), "se": float(errors[place])}
            for place in np.flatnonzero(slopes.kept)
        },
        impact=impact(design, working.moments, slopes, counts.omega),
        tests=_tests(working, parts, fit),
        findings=(*slopes.findings, *objected, *findings),
    )


def composite_result(
    working: CompositeWorking,
    parts: Clustered,
    spec: AdjustmentSpec,
    policy: str,
    items: Mapping[str, Result],
    frozen: Floats | None,
) -> Result:
    """Combine the items' scores; how sure they are, and what is reported, comes from the composite's own fit."""
    ratings, weighting = working.ratings, working.weighting
    fit, findings = _fit(working, parts, policy, frozen)
    tables = [items[item.name].table for item in working.items]
    absent = np.where(weighting.rep.sum(axis=0) > 0, 0.0, np.nan)

    def stacked(name: str) -> Floats:
        return np.array([table.numbers[name] for table in tables])

    steps = np.zeros_like(tables[0].steps)
    for weight, table in zip(weighting.rep, tables, strict=True):
        steps += weight * np.where(weight > 0, table.steps, 0.0)
    numbers = {
        **_territory(fit, np.full(len(ratings.reps), np.nan)),
        "raw": weighting.total(stacked("raw")),
        "mix": steps.sum(axis=0) + absent,
        "territory": weighting.combine(stacked("territory")) + absent,
        "centring": weighting.combine(stacked("centring")) + absent,
        "adjusted": weighting.total(stacked("adjusted")),
        "top_box": np.full(len(ratings.reps), np.nan),
    }
    adjusters = working.items[0].design.adjusters
    return Result(
        table=_table(
            working.name, ratings, working.counts, spec, numbers, adjusters, steps, fit, missing=working.missing
        ),
        fit=fit, coefficients={}, impact={}, tests={}, findings=findings,
    )  # fmt: skip


def unanswered(name: str, ratings: Ratings, adjusters: tuple[str, ...]) -> Result:
    """An item nobody answered: every score withheld, and a finding."""
    reps = len(ratings.reps)
    nothing, empty = np.zeros(reps, dtype=np.int64), np.full(reps, np.nan)
    finding = Finding(
        name="unanswered",
        sentence=N_(
            "Nobody answered %(item)s; it has no scores. Check that the column is filled and its scale is right."
        ),
        item=name,
        values={"item": name},
    )
    numbers = {"raw": empty, "mix": empty, "top_box": empty, **_territory(None, empty)}
    return Result(
        table=ScoreTable(
            item=name, reps=ratings.reps, responses=nothing, customers=nothing, numbers=_with_interval(numbers),
            adjusters=adjusters, steps=np.full((len(adjusters), reps), np.nan), case=np.full(reps, "", dtype="<U1"),
            component=nothing, fragile=np.zeros(reps, dtype=bool), evidence=np.full(reps, "withheld"),
            missing=[()] * reps,
        ),
        fit=None, coefficients={}, impact={}, tests={}, findings=(finding,),
    )  # fmt: skip


def _fit(
    working: ItemWorking | CompositeWorking, parts: Clustered, policy: str, frozen: Floats | None
) -> tuple[Estimate | None, tuple[Finding, ...]]:
    """The estimate and what to know about it, or the finding that says why there is none."""
    try:
        measured = working.measured(parts)
    except Unmeasurable as refusal:
        finding = Finding(name=refusal.finding, sentence=refusal.sentence, item=working.name, values=refusal.values)
        return None, (finding,)
    if frozen is not None:
        return _kept(measured, frozen[measured.territories], working.ratings)
    try:
        fit = estimate(measured, "company" if len(measured.reps) < FEWEST_REPS else policy)
    except TerritoryNotSeparable:
        fit = estimate(measured, "company")
        return fit, (not_separable(working.name), *fit_findings(fit))
    return fit, fit_findings(fit)


def _kept(measured: Measured, effects: Floats, ratings: Ratings) -> tuple[Estimate, tuple[Finding, ...]]:
    """The estimate with the territory effects of an earlier run."""
    unknown = [ratings.territories[place] for place in measured.territories[np.isnan(effects)]]
    fit = estimate(measured, "frozen", np.where(np.isnan(effects), 0.0, effects))
    said = (unknown_territories(measured.name, unknown),) if unknown else ()
    return fit, (*said, *fit_findings(fit))


def _tests(working: ItemWorking, parts: Clustered, fit: Estimate | None) -> Plain:
    """Whether the slopes differ between cells, and whether rep quality goes with mix."""
    if not working.slopes.kept.any():
        return {}
    tests = {"slope_heterogeneity": slope_heterogeneity(parts, working.counts.size)}
    if fit and fit.solution:
        tests["mundlak"] = mundlak(fit.measured, fit.solution, working.slopes.kept)
    return tests


def _territory(fit: Estimate | None, after_mix: Floats) -> dict[str, Floats]:
    """The numbers from territory to company over all reps of the run; no step where nothing could be estimated."""
    empty = np.full_like(after_mix, np.nan)
    numbers = dict.fromkeys(("se", "df", "reliability", "reported", "reported_sd", "peer", "company"), empty)
    numbers["territory"] = numbers["centring"] = 0 * after_mix
    if fit is not None:
        place = fit.measured.reps
        for name in ("se", "df", "reliability", "reported", "reported_sd", "peer", "company"):
            numbers[name] = _spread(getattr(fit, name), place, empty)
        numbers["territory"] = _spread(fit.step, place, empty)
        numbers["centring"] = _spread(np.full(len(place), fit.centring), place, empty)
    return numbers | {"adjusted": after_mix + numbers["territory"] + numbers["centring"]}


def _spread(values: Floats | None, place: Places, empty: Floats) -> Floats:
    spread = empty.copy()
    if values is not None:
        spread[place] = values
    return spread


def _with_interval(numbers: dict[str, Floats]) -> dict[str, Floats]:
    """The 95 % interval a ± t·se, unclipped."""
    half = stats.t.ppf(0.975, numbers["df"]) * numbers["se"]
    return numbers | {"low": numbers["adjusted"] - half, "high": numbers["adjusted"] + half}


def _table(
    name: str,
    ratings: Ratings,
    counts: Counts,
    spec: AdjustmentSpec,
    numbers: dict[str, Floats],
    adjusters: tuple[str, ...],
    steps: Floats,
    fit: Estimate | None,
    missing: Sequence[tuple[str, ...]] | None = None,
) -> ScoreTable:
    reps = len(ratings.reps)
    case, component = np.full(reps, "", dtype="<U1"), np.zeros(reps, dtype=np.int64)
    fragile = np.zeros(reps, dtype=bool)
    known = None
    if fit is not None:
        place, identification = fit.measured.reps, fit.identification
        case[place], component[place] = identification.case, identification.component
        fragile[place] = identification.fragile
        known = None if fit.reliability is None else numbers["reliability"]
    return ScoreTable(
        item=name, reps=ratings.reps, responses=counts.responses, customers=counts.rep_customers,
        numbers=_with_interval(numbers), adjusters=adjusters, steps=steps, case=case, component=component,
        fragile=fragile, evidence=evidence(spec, counts.rep_customers, counts.largest, known),
        missing=missing or [()] * reps,
    )  # fmt: skip


def _variances(fit: Estimate | None, ratings: Ratings) -> dict[str, Any]:
    """μ, τ, the two variances with their 95 % intervals, and the same by another road; None for what the policy or
    the answers leave unknown."""
    record: dict[str, Any] = dict.fromkeys(("policy", "mu", "sigma2_rep", "sigma2_territory", "tau"))
    if fit is None:
        return record
    record["policy"] = fit.policy
    solution = fit.solution
    if solution is None:
        return record
    record |= {
        "mu": solution.mu,
        "mu_adjusted": fit.anchor,
        "sigma2_rep": _variance(solution.rep, profile_interval(solution, 0), "profile likelihood"),
        "customer_variance": fit.measured.own.pooled,
        "log_likelihood": solution.loglik,
        "gls": gls_identity(solution),
    }
    territories = [ratings.territories[place] for place in fit.measured.territories]
    if fit.tau is not None:
        record["tau"] = dict(zip(territories, fit.tau.tolist(), strict=True))
    if fit.policy in ("pooled", "peer"):
        shares = zip(territories, pull(solution).tolist(), strict=True)
        record["colleague_pull"] = {name: share for name, share in shares if not np.isnan(share)}
    if fit.policy == "pooled":
        interval = profile_interval(solution, 1)
        record["sigma2_territory"] = _variance(solution.territory, interval, "profile likelihood")
    if fit.policy == "company":
        between, interval = company_check(fit.measured.cells)
        record["sigma2_rep"] = _variance(solution.rep, interval, "Q profile")
        record["paule_mandel"] = between
    return record


def _variance(estimate: float, interval: tuple[float, float], how: str) -> dict[str, Any]:
    """An unbounded end is None: JSON has no infinity."""
    low, high = interval
    return {"estimate": estimate, "low": low, "high": high if np.isfinite(high) else None, "interval": how}
