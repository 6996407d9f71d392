"""One item's cells on the way from raw to adjusted, and the composite's over several items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from scoring.adjusters import Design
from scoring.composite import Weighting, weigh
from scoring.estimate import Measured, measure
from scoring.mix import Slopes, contributions
from scoring.moments import Answers, Clustered, Counts, Moments, residual_parts, shards
from scoring.ratings import Ratings
from scoring.spec import AdjustmentSpec
from scoring.sums import Floats, ratio, tally
from scoring.uncertainty import COMPOSITE_PRIOR, ITEM_PRIOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWorking:
    """One item with its slopes. ``deviation`` is x̄_rt − x̄ (cells, columns)."""

    ratings: Ratings
    design: Design
    answers: Answers
    counts: Counts
    moments: Moments
    slopes: Slopes

    @property
    def name(self) -> str:
        """The name of the item."""
        return self.answers.name

    @property
    def deviation(self) -> Floats:
        """x̄_rt − x̄ (cells, columns), in the units of the columns; 0 where a cell has no answer."""
        omega = self.counts.omega
        return np.where(omega[:, None] > 0, self.moments.mix - omega @ self.moments.mix / omega.sum(), 0.0)

    @property
    def mean(self) -> Floats:
        """m_rt (cells,): the cells' means after mix."""
        return self.moments.score - self.deviation @ self.slopes.beta

    @property
    def level(self) -> float:
        """ā = ȳ, the weighted mean of all answers."""
        return float(self.counts.omega @ self.moments.score / self.counts.omega.sum())

    @property
    def raw(self) -> Floats:
        """ȳ_r (reps,); NaN without answers."""
        return self.by_rep(self.moments.score)

    @property
    def steps(self) -> Floats:
        """−Σ_t s_rt (x̄_rt − x̄)'β̂, a line per adjuster (adjusters, reps)."""
        lines = contributions(self.design, self.slopes, self.deviation)
        return np.array([0.0 - self.by_rep(line) for line in lines]).reshape(len(lines), len(self.ratings.reps))

    @property
    def top_box(self) -> Floats:
        """The weighted share of best answers (reps,)."""
        omega, reps = self.answers.omega, len(self.ratings.reps)
        best = tally(self.ratings.rep, np.where(self.answers.best, omega, 0.0), reps)
        return ratio(best, tally(self.ratings.rep, omega, reps), empty=np.nan)

    def by_rep(self, values: Floats) -> Floats:
        """Σ_t s_rt values_rt (reps,); NaN without answers."""
        omega, reps = self.counts.omega, len(self.ratings.reps)
        summed = tally(self.ratings.cell_rep, omega * values, reps)
        return ratio(summed, tally(self.ratings.cell_rep, omega, reps), empty=np.nan)

    def measured(self, parts: Clustered) -> Measured:
        """What the fit starts from."""
        return measure(
            self.name, self.ratings, self.counts, parts,
            mean=self.mean, deviation=self.deviation, inverse=self.slopes.inverse, prior=ITEM_PRIOR,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeWorking:
    """The composite over ``items``, those of its items that anybody answered; ``unanswered`` names the others."""

    name: str
    unanswered: tuple[str, ...]
    ratings: Ratings
    items: Sequence[ItemWorking]
    counts: Counts
    weighting: Weighting

    @classmethod
    def of(cls, ratings: Ratings, spec: AdjustmentSpec, items: Sequence[ItemWorking]) -> CompositeWorking | None:
        """The spec's composite over those of its items that somebody answered."""
        if spec.composite is None:
            return None
        share = dict(zip(spec.composite.items, spec.composite.shares, strict=True))
        mine = [item for item in items if item.name in share]
        if not mine:
            return None
        fixed = np.array([share[item.name] for item in mine])
        reps = len(ratings.reps)
        weighting = weigh(
            np.array([tally(ratings.cell_rep, item.counts.omega, reps) for item in mine]),
            fixed / fixed.sum(), np.array([item.level for item in mine]), spec.composite_weights,
        )  # fmt: skip
        answered = np.any([item.answers.omega > 0 for item in mine], axis=0)
        counts = Counts.of(ratings, ratings.weigh(answered, spec.weights), spec.weights)
        unanswered = tuple(name for name in spec.composite.items if name not in {item.name for item in mine})
        return cls(
            name=spec.composite.name, unanswered=unanswered, ratings=ratings, items=mine, counts=counts,
            weighting=weighting,
        )  # fmt: skip

    @property
    def by_cell(self) -> Floats:
        """w_rk within each cell (items, cells)."""
        answered = np.array([item.counts.omega for item in self.items])
        return self.weighting.by_cell(answered, self.ratings.cell_rep)

    def measured(self, parts: Clustered) -> Measured:
        """The same fit on m^A_rt = Σ_k w_rk (m_rtk − ā_k), the items' mix and slopes stacked."""
        weights = self.by_cell
        centred = np.array([item.mean - level for item, level in zip(self.items, self.weighting.level, strict=True)])
        stacked = [weight[:, None] * item.deviation for weight, item in zip(weights, self.items, strict=True)]
        return measure(
            self.name, self.ratings, self.counts, parts,
            mean=np.sum(weights * centred, axis=0), deviation=np.hstack(stacked),
            inverse=linalg.block_diag(*(item.slopes.inverse for item in self.items)), prior=COMPOSITE_PRIOR,
            base=self.weighting.base,
        )  # fmt: skip

    @property
    def missing(self) -> list[tuple[str, ...]]:
        """The items without an answer, by rep (reps,)."""
        names = [item.name for item in self.items]
        absent = self.weighting.rep == 0
        found = [self.unanswered] * len(self.ratings.reps)
        for rep in np.flatnonzero(absent.any(axis=0)):
            found[rep] += tuple(name for name, gone in zip(names, absent[:, rep], strict=True) if gone)
        return found


def clustered(
    ratings: Ratings, design: Design, items: Sequence[ItemWorking], composite: CompositeWorking | None
) -> tuple[list[Clustered], Clustered | None]:
    """Round two of all items and of the composite in one pass over the shards.

    In the composite customer g contributes Σ_k w_rk v_gk to a cell, and their parts in the items' slopes are stacked.
    """
    cells = len(ratings.cell_rep)
    parts = [Clustered.empty(np.diag(item.moments.within)[:-1], cells) for item in items]
    whole = Clustered.empty(np.ones(len(composite.items) * len(design.terms)), cells) if composite else None
    weights = composite.by_cell if composite else np.zeros((0, cells))
    mine = [
        number for number, item in enumerate(items) if composite and item.name in {one.name for one in composite.items}
    ]
    for shard in shards(ratings, design):
        pieces = [
            residual_parts(shard, item.answers, item.moments, item.counts, item.slopes.beta) for item in items
        ]  # fmt: skip
        for part, (v, u) in zip(parts, pieces, strict=True):
            part.add(shard, v, u)
        if whole is not None:
            v = np.sum(weights[:, shard.group_cell] * [pieces[number][0] for number in mine], axis=0)
            whole.add(shard, v, np.hstack([pieces[number][1] for number in mine]))
    return parts, whole
