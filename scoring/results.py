"""What one item, or the composite, came to: the table of scores and what run.json says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from scoring.checks import company_check, gls_identity
from scoring.estimate import FEWEST_REPS, Estimate, Unmeasurable, estimate, mundlak, pull
from scoring.findings import Finding
from scoring.mix import impact, rep_controlled_findings, slope_covariance, slope_heterogeneity
from scoring.moments import Clustered, Counts
from scoring.ratings import Floats, Ratings
from scoring.reliability import evidence
from scoring.reml import profile_interval
from scoring.scores import ScoreTable
from scoring.spec import AdjustmentSpec
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
        return self.table.item

    def record(self, ratings: Ratings) -> dict[str, Any]:
        """Plain values for run.json."""
        return {
            "coefficients": self.coefficients,
            **(_variances(self.fit, ratings) if self.fit else {}),
            "tests": self.tests,
            "impact": self.impact,
            "findings": [finding.record() for finding in self.findings],
        }


def item_result(
    working: ItemWorking, parts: Clustered, spec: AdjustmentSpec, policy: str, frozen: Floats | None
) -> Result:
    """Score one item."""
    slopes, counts = working.slopes, working.counts
    covariance = slope_covariance(slopes.inverse, parts.meat, counts.everyone)
    errors = np.sqrt(np.diag(covariance))
    fit, findings = _fit(working, parts, policy, frozen)
    tests: dict[str, Plain] = {}
    if slopes.kept.any():
        tests["slope_heterogeneity"] = slope_heterogeneity(parts, counts.size)
        if fit and fit.solution:
            tests["mundlak"] = mundlak(fit.measured, fit.solution, slopes.kept)
    there = counts.omega > 0
    controlled = rep_controlled_findings(
        working.design, working.moments, counts.omega, working.ratings.cell_territory, working.name
    ) if there.any() else []  # fmt: skip
    reps = len(working.ratings.reps)
    steps = working.steps
    numbers = {"raw": working.raw, "mix": steps.sum(axis=0) + 0 * working.raw, "top_box": working.top_box}
    numbers |= _estimated(fit, reps, numbers["raw"] + numbers["mix"])
    return Result(
        table=_table(working.name, working.ratings, counts, spec, numbers, working.design.adjusters, steps, fit),
        fit=fit,
        coefficients={
            working.design.terms[place]: {"estimate": float(slopes.beta[place]), "se": float(errors[place])}
            for place in np.flatnonzero(slopes.kept)
        },
        impact=impact(working.design, working.moments, slopes, counts.omega),
        tests=tests,
        findings=(*slopes.findings, *controlled, *findings),
    )


def composite_result(
    working: CompositeWorking, parts: Clustered, spec: AdjustmentSpec, policy: str, items: Mapping[str, Result],
    frozen: Floats | None,
) -> Result:  # fmt: skip
    """Combine the items' scores; standard error, reliability and what is reported come from the composite's own fit."""
    fit, findings = _fit(working, parts, policy, frozen)
    weighting = working.weighting
    tables = [items[item.name].table for item in working.items]

    def combined(name: str) -> Floats:
        return weighting.combine(np.array([table.numbers[name] for table in tables]))

    somebody = np.where(weighting.rep.sum(axis=0) > 0, 0.0, np.nan)
    steps = np.sum(
        [weight * np.where(weight > 0, table.steps, 0.0) for weight, table in zip(weighting.rep, tables, strict=True)], axis=0
    )
    numbers = _estimated(fit, len(working.ratings.reps), np.full(len(working.ratings.reps), np.nan))
    numbers |= {
        "raw": weighting.total(np.array([table.numbers["raw"] for table in tables])),
        "mix": steps.sum(axis=0) + somebody,
        "territory": combined("territory") + somebody,
        "centring": combined("centring") + somebody,
        "adjusted": weighting.total(np.array([table.numbers["adjusted"] for table in tables])),
        "top_box": np.full(len(somebody), np.nan),
    }
    adjusters = working.items[0].design.adjusters
    return Result(
        table=_table(
            working.name, working.ratings, working.counts, spec, _with_interval(numbers), adjusters, steps, fit,
            missing=working.missing,
        ),
        fit=fit, coefficients={}, impact={}, tests={}, findings=findings,
    )  # fmt: skip


def unanswered(name: str, ratings: Ratings, adjusters: tuple[str, ...]) -> Result:
    """An item nobody answered: every score withheld, and a finding."""
    reps = len(ratings.reps)
    nothing = np.zeros(reps, dtype=np.int64)
    numbers = _estimated(None, reps, np.full(reps, np.nan))
    numbers |= {"raw": numbers["adjusted"], "mix": numbers["adjusted"], "top_box": numbers["adjusted"]}
    finding = Finding(
        name="unanswered",
        sentence="Nobody answered %(item)s; it has no scores. Check that the column is filled and its scale is right.",
        item=name,
        values={"item": name},
    )
    return Result(
        table=ScoreTable(
            item=name, reps=ratings.reps, responses=nothing, customers=nothing, numbers=numbers, adjusters=adjusters,
            steps=np.full((len(adjusters), reps), np.nan), case=np.full(reps, "", dtype="<U1"), component=nothing,
            fragile=np.zeros(reps, dtype=bool), evidence=np.full(reps, "withheld"), missing=[()] * reps,
        ),
        fit=None, coefficients={}, impact={}, tests={}, findings=(finding,),
    )  # fmt: skip


def _fit(
    working: ItemWorking | CompositeWorking, parts: Clustered, policy: str, frozen: Floats | None
) -> tuple[Estimate | None, tuple[Finding, ...]]:
    """The estimate, or the finding that says why there is none."""
    try:
        measured = working.measured(parts)
    except Unmeasurable as refusal:
        return None, (
            Finding(name="unmeasurable", sentence=refusal.sentence, item=working.name, values=refusal.values),
        )
    few = len(measured.reps) < FEWEST_REPS
    kept = None if frozen is None else frozen[measured.territories]
    if few and policy != "frozen":
        policy = "company"
    fit = estimate(measured, policy, kept)
    return fit, _fit_findings(fit, working.name)


def _fit_findings(fit: Estimate, name: str) -> tuple[Finding, ...]:
    findings = []
    cells, case = fit.measured.cells, fit.identification.case
    if fit.solution is None:
        findings.append(
            Finding(
                name="few_reps",
                sentence="%(item)s has answers about %(count)s reps; below %(fewest)s the variance between reps is unknown, so "
                "the output is descriptive: no reliability, nothing reported, nothing ranked.",
                item=name, values={"item": name, "count": cells.reps, "fewest": FEWEST_REPS},
            )  # fmt: skip
        )
    if alone := int(np.count_nonzero(case == "C")):
        findings.append(
            Finding(
                name="alone",
                sentence="%(count)s reps are alone in their territories; for them rep and territory cannot be told apart, and "
                "no territory step is taken.",
                item=name, values={"count": alone},
            )  # fmt: skip
        )
    if fit.policy == "peer" and fit.solution and np.any(np.bincount(cells.territory) == 2):
        findings.append(
            Finding(
                name="pairs",
                sentence="Some territories have two reps only; against one colleague reliability cannot exceed .5.",
                item=name,
            )
        )
    return tuple(findings)


def _estimated(fit: Estimate | None, reps: int, after_mix: Floats) -> dict[str, Floats]:
    """The numbers from territory to company, spread over all reps of the run."""
    empty = np.full(reps, np.nan)
    names = ("se", "df", "low", "high", "reliability", "reported", "reported_sd", "peer", "company")
    numbers = {name: empty.copy() for name in names}
    numbers["territory"] = numbers["centring"] = 0 * after_mix
    if fit is not None:
        place = fit.measured.reps
        spread = {"territory": fit.step, "centring": np.full(len(place), fit.centring), "se": fit.se, "df": fit.df}
        spread |= {
            name: values
            for name in ("reliability", "reported", "reported_sd", "peer", "company")
            if (values := getattr(fit, name)) is not None
        }
        for name, values in spread.items():
            numbers[name] = empty.copy()
            numbers[name][place] = values
    numbers["adjusted"] = after_mix + numbers["territory"] + numbers["centring"]
    return _with_interval(numbers)


def _with_interval(numbers: dict[str, Floats]) -> dict[str, Floats]:
    """The 95 % interval a ± t·se, unclipped."""
    half = stats.t.ppf(0.975, numbers["df"]) * numbers["se"]
    return numbers | {"low": numbers["adjusted"] - half, "high": numbers["adjusted"] + half}


def _table(
    name: str, ratings: Ratings, counts: Counts, spec: AdjustmentSpec, numbers: dict[str, Floats],
    adjusters: tuple[str, ...], steps: Floats, fit: Estimate | None, missing: Sequence[tuple[str, ...]] | None = None,
) -> ScoreTable:  # fmt: skip
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
        item=name, reps=ratings.reps, responses=counts.responses, customers=counts.rep_customers, numbers=numbers,
        adjusters=adjusters, steps=steps, case=case, component=component, fragile=fragile,
        evidence=evidence(spec, counts.rep_customers, counts.largest, known), missing=missing or [()] * reps,
    )  # fmt: skip


def _variances(fit: Estimate, ratings: Ratings) -> dict[str, Any]:
    """μ, τ, the two variances with their intervals, and the same by another road."""
    solution, cells = fit.solution, fit.measured.cells
    territories = [ratings.territories[place] for place in fit.measured.territories]
    record: dict[str, Any] = {"policy": fit.policy}
    if solution is None:
        return record
    low, high = profile_interval(solution, 0)
    record |= {
        "mu": solution.mu,
        "sigma2_rep": {"estimate": solution.rep, "low": low, "high": high, "interval": "profile likelihood"},
        "log_likelihood": solution.loglik,
        "customer_variance": fit.measured.own.pooled,
        "gls": gls_identity(solution),
    }
    if fit.policy in ("pooled", "peer"):
        record["tau"] = dict(zip(territories, solution.tau.tolist(), strict=True))
        record["pull"] = pull(solution, fit.measured.territories, ratings.territories)
    if fit.policy == "pooled":
        low, high = profile_interval(solution, 1)
        record["sigma2_territory"] = {
            "estimate": solution.territory, "low": low, "high": high, "interval": "profile likelihood",
        }  # fmt: skip
    if fit.policy == "company":
        check = company_check(cells)
        record["sigma2_rep"] |= {"low": check["low"], "high": check["high"], "interval": "Q profile"}
        record["paule_mandel"] = check["paule_mandel"]
    return record
