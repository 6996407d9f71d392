"""Sharing a plan out among territories: by what a regression on the others lets one expect of each, or by an index."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scoring import targets
from scoring.targets import TargetsRefused
from survey.models.roster import Territory
from survey.refusals import N_, Refused

CALLED = {
    "potential": "潜力", "accounts": "客户数", "workload": "工作量", "competition": "竞争", "support": "公司支持",
    "sales": "上期结果",
}  # fmt: skip
"""What each measure is called in Chinese; `sales` is the territory's last result, not the rep's."""
COVARIATES = tuple(name for name in CALLED if name != "sales")
INDEX = {"potential": 0.5, "accounts": 0.3, "sales": 0.2}
"""What an agreed index weighs where territories are too few."""


class NoFairTarget(Refused):
    pass


class UnfitWeights(Refused):
    pass


class NothingKnown(TargetsRefused):
    """No measure to explain results by."""

    sentence = N_("None of %(measures)s is known of every territory.")


class NoResult(TargetsRefused):
    sentence = N_("There is no result in %(base)s of %(territories)s.")


class UnfitIndex(TargetsRefused):
    sentence = N_("The index needs %(measures)s of every territory; import it, or give other weights.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed: the `plan` to share out, the period whose results are looked at, the index's weights, how far
    the computed target counts beside the negotiated quota (`blend`), and the most it may change it (`limit`)."""

    plan: float
    base: str
    weights: Mapping[str, float] | None = None
    blend: float = 0.5
    limit: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """By territory: the share of the plan, and the standard error of ln(sales/expected); and how it was found."""

    shares: Mapping[str, float]
    se_log: Mapping[str, float]
    method: str
    found: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, float]]
    zh: str
    en: str
    instead: Refused | None = None


def weights_of(text: str) -> dict[str, float] | None:
    """The weights of an index as people write them: potential=.5,accounts=.3,sales=.2, or 潜力=.5，客户数=.5. Blank:
    none. Raises UnfitWeights."""
    if not text.strip():
        return None
    codes = {chinese: name for name, chinese in CALLED.items()}
    try:
        pairs = [(name.strip(), float(amount)) for name, amount in (part.split("=") for part in _parts(text))]
        found = {codes.get(name, name): amount for name, amount in pairs}
    except ValueError:
        found = {}
    if not found or not all(0 <= weight <= 1 for weight in found.values()):
        raise UnfitWeights(N_("Write the weights like potential=.5,accounts=.3,sales=.2"))
    return found


def _parts(text: str) -> list[str]:
    return text.replace("，", ",").replace("＝", "=").split(",")


def shared_out(territories: Mapping[str, Territory], sales: Mapping[str, float], terms: Terms) -> Expected:
    """The plan's share of every territory, by code. Raises NoFairTarget."""
    if not 0 < terms.plan < math.inf:
        raise NoFairTarget(N_("The plan to share out must be a number above 0."))
    known = {
        name: {code: float(getattr(one, name)) for code, one in territories.items()}
        for name in COVARIATES
        if all(getattr(one, name) is not None for one in territories.values())
    }
    instead: Refused | None = None
    try:
        if terms.weights is None:
            try:
                return _by_regression(territories, known, sales, terms)
            except TargetsRefused as refusal:  # too few territories, say: the agreed index stands in
                instead = Refused(refusal.sentence, **refusal.values)
        return replace(_by_index(territories, known, sales, terms), instead=instead)
    except TargetsRefused as refusal:
        raise NoFairTarget(refusal.sentence, **refusal.values) from None


def _by_regression(
    territories: Mapping[str, Territory], known: Mapping[str, Mapping[str, float]], sales: Mapping[str, float],
    terms: Terms,
) -> Expected:  # fmt: skip
    if not known:
        raise NothingKnown(measures=", ".join(COVARIATES))
    if without := sorted(set(territories) - set(sales)):
        raise NoResult(base=terms.base, territories=", ".join(without))
    fit = targets.expect(sales, known)
    names, zh_names = ", ".join(known), "、".join(CALLED[name] for name in known)
    return Expected(
        shares=targets.share_plan(terms.plan, {one.territory: one.expected for one in fit.territories}),
        se_log={one.territory: one.se_log for one in fit.territories},
        method="regression",
        found={
            "coefficients": {name: list(pair) for name, pair in fit.coefficients.items()}, "s": fit.s,
            "r2": fit.r2, "left_out_r2": fit.left_out_r2,
            "expected": {one.territory: one.expected for one in fit.territories},
        },
        measures=known,
        zh=f"以 {terms.base} 各区域结果对{zh_names}作回归（各区域不参与估计自身），分摊计划 {terms.plan:,.0f}：",
        en=f"A plan of {terms.plan:,.0f} shared out by a regression of the results of {terms.base} on {names}, "
        "each territory left out of its own expectation.",
    )  # fmt: skip


def _by_index(
    territories: Mapping[str, Territory], known: Mapping[str, Mapping[str, float]], sales: Mapping[str, float],
    terms: Terms,
) -> Expected:  # fmt: skip
    weights = dict(terms.weights or INDEX)
    measured = {**known, "sales": {one: sales.get(one, 0.0) for one in territories}}
    absent = [name for name in weights if name not in measured or not math.fsum(measured[name].values()) > 0]
    if absent:
        raise UnfitIndex(measures=", ".join(absent))
    used = {name: measured[name] for name in weights}
    said = " + ".join(f"{weight:g} {name}" for name, weight in weights.items())
    zh_said = " + ".join(f"{weight:g} {CALLED[name]}" for name, weight in weights.items())
    return Expected(
        shares=targets.index_targets(terms.plan, weights, used),
        se_log={},
        method="index",
        found={"weights": weights, "index": {name: dict(values) for name, values in used.items()}},
        measures=used,
        zh=f"按议定指数（{zh_said}）分摊计划 {terms.plan:,.0f}：",
        en=f"A plan of {terms.plan:,.0f} shared out by the agreed index ({said}).",
    )
