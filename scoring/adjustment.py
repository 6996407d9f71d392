"""The whole method on one page: ratings and a spec in; adjusted scores, their working and uncertainty out."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from scoring.adjusters import Design
from scoring.findings import Finding
from scoring.mix import fit_slopes
from scoring.moments import Answers, Counts, moments
from scoring.policy import kept_effects, territory_policy
from scoring.ratings import Ratings
from scoring.results import Result, composite_result, item_result, unanswered
from scoring.scores import Score, Step
from scoring.spec import AdjustmentSpec
from scoring.suppression import complemented
from scoring.working import CompositeWorking, ItemWorking, clustered

METHOD = "1"
"""Counted up whenever the same ratings and spec would give other numbers."""


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """One run: the frozen spec, the ratings, a result per item and for the composite, and what to know about it."""

    spec: AdjustmentSpec
    ratings: Ratings
    design: Design
    policy: str
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Every rep's score of every item, then of the composite."""
        return tuple(score for result in self.results for score in result.table.scores())

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What every adjuster put on every score that is not withheld."""
        return tuple(step for result in self.results for step in result.table.lines())

    def score_table(self) -> pd.DataFrame:
        """scores.csv: the scores as columns, None where a number does not exist."""
        table = _stacked([result.table.columns() for result in self.results])
        return table.assign(missing=[";".join(names) for names in table["missing"]])

    def step_table(self) -> pd.DataFrame:
        """steps.csv: rep, item, adjuster, amount."""
        return _stacked([result.table.step_columns() for result in self.results])

    def record(self) -> dict[str, Any]:
        """The run as plain values for run.json."""
        return {
            "spec": self.spec.record(),
            "spec_hash": self.spec.hash,
            "fingerprint": self.ratings.fingerprint,
            "versions": versions(),
            "policy": self.policy,
            "window": self.spec.window,
            "imputed": dict(self.design.imputed),
            "findings": [finding.record() for finding in self.findings],
            "items": {result.item: result.record(self.ratings) for result in self.results},
        }


def adjust(
    ratings: Ratings, spec: AdjustmentSpec, *, territory_effects: Mapping[str, Mapping[str, float]] | None = None
) -> Adjustment:
    """Take customer mix and territory out of each rep's ratings.

    Slopes come from within rep-by-territory cells (CAHPS; Kalbfleisch and Wolfe 2013), so quality that happens to
    go with easy customers is kept. Ratings and scores are on 0–100. An adjuster constant within every cell is
    dropped with a finding.

    Args:
        ratings: checked rows in canonical order.
        spec: what is scored, what is adjusted for, every threshold.
        territory_effects: {item: {territory: τ̂}} of the run that ``spec.territory_from`` names.

    Raises:
        EffectsMissing: ``territory_from`` without the effects of that run.
    """
    policy, policy_findings = territory_policy(ratings, spec)
    design = Design.build(ratings, spec)

    every = [Answers.of(ratings, item, spec.weights) for item in spec.items]
    answers = [item for item in every if item.omega.any()]
    counts = [Counts.of(ratings, item.omega, spec.weights) for item in answers]

    first = moments(ratings, design, answers, counts)
    items = [
        ItemWorking(
            ratings=ratings, design=design, answers=one, counts=count, moments=sums,
            slopes=fit_slopes(design, sums, count, one.name),
        )
        for one, count, sums in zip(answers, counts, first, strict=True)
    ]  # fmt: skip
    composite = CompositeWorking.of(ratings, spec, items)
    parts, whole = clustered(ratings, design, items, composite)

    results = {item.name: unanswered(item.name, ratings, design.adjusters) for item in every}
    for item, part in zip(items, parts, strict=True):
        kept = kept_effects(ratings, spec, item.name, territory_effects)
        results[item.name] = item_result(item, part, spec, policy, kept)
    if composite and whole:
        kept = kept_effects(ratings, spec, composite.name, territory_effects)
        results[composite.name] = composite_result(composite, whole, spec, policy, results, kept)
        results = complemented(results, composite.name, [item.name for item in composite.items], composite.weighting)
    return Adjustment(
        spec=spec, ratings=ratings, design=design, policy=policy, results=tuple(results.values()),
        findings=(*ratings.findings, *design.findings, *policy_findings),
    )  # fmt: skip


def _stacked(parts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: [value for part in parts for value in part[name]] for name in parts[0]}, dtype=object)


def versions() -> dict[str, str]:
    """The versions a run is stored with."""
    import scipy
    import statsmodels

    libraries = {"numpy": np, "scipy": scipy, "pandas": pd, "statsmodels": statsmodels}
    return {
        "method": METHOD,
        "python": platform.python_version(),
        **{name: str(library.__version__) for name, library in libraries.items()},
    }
