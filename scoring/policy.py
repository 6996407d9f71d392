"""Which territory policy a run can carry, decided from the frame before any answer is read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scoring.estimate import FEWEST_REPS, Estimate, pull
from scoring.findings import N_, Finding, Refusal
from scoring.ratings import Ratings
from scoring.spec import AdjustmentSpec
from scoring.sums import Floats

FEWEST_TERRITORIES = 4
"""Territories with two or more reps that the pooled policy needs."""

FEW_TERRITORIES = 8
"""Below this their variance is poorly known."""


class EffectsMissing(Refusal):
    """The territory effects of an earlier run are to be kept but were not given."""

    sentence = "The spec keeps the territory effects of run %(run)s, but they were not found for %(item)s."


def territory_policy(ratings: Ratings, spec: AdjustmentSpec) -> tuple[str, tuple[Finding, ...]]:
    """The policy in force ("pooled", "peer", "company" or "frozen") and what to know about it."""
    comparable = ratings.comparable_territories
    if spec.territory_from:
        return "frozen", ()
    if spec.territory == "pooled" and comparable < FEWEST_TERRITORIES:
        return "company", (_too_few(comparable),)
    if spec.territory == "peer" and comparable == 0:
        return "company", (_nobody_to_compare(),)
    if spec.territory != "pooled":
        return spec.territory, ()
    findings = [_exchangeable()]
    if comparable < FEW_TERRITORIES:
        findings.append(_poorly_known(comparable))
    return "pooled", tuple(findings)


def kept_effects(
    ratings: Ratings, spec: AdjustmentSpec, item: str, given: Mapping[str, Mapping[str, float]] | None
) -> Floats | None:
    """The kept τ̂ of one item (territories,), NaN where the earlier run had none; None if the spec keeps none."""
    if not spec.territory_from:
        return None
    if given is None or item not in given:
        raise EffectsMissing(run=spec.territory_from, item=item)
    return np.array([given[item].get(name, np.nan) for name in ratings.territories])


def fit_findings(fit: Estimate) -> tuple[Finding, ...]:
    """What to know about one item's fit before its scores are compared."""
    name, cells, findings = fit.measured.name, fit.measured.cells, []
    if fit.solution is None:
        findings.append(_few_reps(name, cells.reps))
    if cancelled := int(np.count_nonzero(fit.covariance.cancelled)):
        findings.append(_cancelled(name, cancelled))
    if alone := int(np.count_nonzero(fit.identification.case == "C")):
        findings.append(_alone(name, alone))
    if fit.policy == "peer" and np.any(np.bincount(cells.territory) == 2):
        findings.append(_pairs(name))
    if fit.policy in ("pooled", "peer") and fit.solution is not None:
        taken = pull(fit.solution)
        findings += [_pull(name, float(np.nanmedian(taken)))] if not np.isnan(taken).all() else []
    return tuple(findings)


def _too_few(count: int) -> Finding:
    return Finding(
        name="too_few_territories",
        sentence=N_(
            "Territories with two or more reps: %(count)s. Four are needed to take territory out, so scores are "
            "compared across the company without a territory step."
        ),
        values={"count": count},
    )


def _nobody_to_compare() -> Finding:
    return Finding(
        name="no_colleagues",
        sentence=N_(
            "No territory has two reps, so nobody has colleagues to be compared with; scores are compared across "
            "the company without a territory step."
        ),
    )


def _exchangeable() -> Finding:
    return Finding(
        name="exchangeable",
        sentence=N_(
            "The pooled policy assumes that rep quality is spread alike over territories. If good reps were sent "
            "to hard territories its 95 %% intervals cover only 80–84 %%; differences within a territory stay valid."
        ),
    )


def _poorly_known(count: int) -> Finding:
    return Finding(
        name="territory_variance_poorly_known",
        sentence=N_("Territory variance poorly known: only %(count)s territories have two or more reps."),
        values={"count": count},
    )


def not_separable(item: str) -> Finding:
    """One item's answers cannot carry the pooled policy although the frame could."""
    return Finding(
        name="not_separable",
        sentence=N_(
            "%(item)s: rep and territory cannot be told apart anywhere in its answers, so the pooled policy is "
            "refused for it; its scores are compared across the company without a territory step."
        ),
        item=item,
        values={"item": item},
    )


def unknown_territories(item: str, names: list[str]) -> Finding:
    """Territories of which the run whose effects are kept knew nothing."""
    return Finding(
        name="unknown_territories",
        sentence=N_(
            "%(item)s: the run whose territory effects are kept has none for %(territories)s; no territory step "
            "is taken there."
        ),
        item=item,
        values={"item": item, "territories": ", ".join(names)},
    )


def _few_reps(item: str, count: int) -> Finding:
    return Finding(
        name="few_reps",
        sentence=N_(
            "%(item)s has answers about %(count)s reps; below %(fewest)s the variance between reps is unknown, so "
            "the output is descriptive: no reliability, nothing reported, nothing ranked."
        ),
        item=item,
        values={"item": item, "count": count, "fewest": FEWEST_REPS},
    )


def _cancelled(item: str, count: int) -> Finding:
    return Finding(
        name="variance_cancelled",
        sentence=N_(
            "%(item)s: for %(count)s reps the estimated parts of the uncertainty cancel out, which true ones "
            "cannot; their interval is that of their own answers alone. Ask more customers."
        ),
        item=item,
        values={"item": item, "count": count},
    )


def _alone(item: str, count: int) -> Finding:
    return Finding(
        name="alone",
        sentence=N_(
            "%(item)s: rep and territory cannot be told apart for %(count)s reps, who are alone in their "
            "territories; they get no territory step."
        ),
        item=item,
        values={"item": item, "count": count},
    )


def _pairs(item: str) -> Finding:
    return Finding(
        name="pairs",
        sentence=N_(
            "%(item)s: some territories have two reps only; against a single colleague reliability cannot exceed .5."
        ),
        item=item,
        values={"item": item},
    )


def _pull(item: str, points: float) -> Finding:
    return Finding(
        name="colleague_pull",
        sentence=N_(
            "%(item)s: when a colleague in the territory gains a point, a rep's own score falls by about "
            "%(points).2f, because the territory then looks easier."
        ),
        item=item,
        values={"item": item, "points": points},
    )
