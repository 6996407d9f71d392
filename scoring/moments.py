"""The sums everything is made of: moments in a first round, the customers' parts in a second, with the slopes.

All sums are additive over customers and run shard by shard, so memory holds one shard's design at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scoring.adjusters import Design
from scoring.ratings import Ratings
from scoring.spec import ItemSpec
from scoring.sums import Codes, Flags, Floats, Places, changes, ratio, tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One item's answers: ``score`` (rows,) on 0–100 and ``omega`` (rows,), both 0 where there is no answer."""

    name: str
    score: Floats
    omega: Floats

    @property
    def best(self) -> Flags:
        """Rows (rows,) with the best answer; on odd scales 100·(hi − lo)/(hi − lo) is not quite 100."""
        return self.score > 100 - 1e-9

    @classmethod
    def of(cls, ratings: Ratings, item: ItemSpec, weights: str) -> Answers:
        """100·(x − lo)/(hi − lo), reversed items 100 minus that."""
        raw = ratings.items[item.name]
        answered = ~np.isnan(raw)
        score = 100 * (raw - item.lo) / (item.hi - item.lo)
        if item.reversed:
            score = 100 - score
        return cls(name=item.name, score=np.where(answered, score, 0.0), omega=ratings.weigh(answered, weights))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much was said, by cell (cells,) and by rep (reps,).

    ``omega`` is Ω_rt. ``size`` is G_rt: customers, or with unequal weights their effective number. ``customers``
    (cells,) and ``rep_customers`` are heads. ``largest`` is the largest customer's share of the rep's weight.
    """

    omega: Floats
    size: Floats
    customers: Places
    responses: Places
    rep_customers: Places
    largest: Floats
    everyone: int

    @classmethod
    def of(cls, ratings: Ratings, omega: Floats, weights: str) -> Counts:
        """Count one item's answers (or, for the composite, the rows with an answer to any of its items)."""
        cells, reps = len(ratings.cell_rep), len(ratings.reps)
        answered = omega > 0
        first = np.flatnonzero(ratings.new_group)
        mass = np.add.reduceat(omega, first)
        there = mass > 0
        cell = ratings.cell[first[there]]
        customers = np.bincount(cell, minlength=cells)
        size = customers.astype(np.float64)
        if weights == "response":
            size = ratio(tally(cell, mass[there], cells) ** 2, tally(cell, mass[there] ** 2, cells))
        size[customers == 1] = 1.0
        pair = np.flatnonzero(ratings.new_pair)
        held = np.add.reduceat(omega, pair)
        rep = ratings.rep[pair]
        largest = np.zeros(reps)
        np.maximum.at(largest, rep, held)
        return cls(
            omega=tally(ratings.cell, omega, cells), size=size, customers=customers,
            responses=np.bincount(ratings.rep[answered], minlength=reps),
            rep_customers=np.bincount(rep[held > 0], minlength=reps),
            largest=ratio(largest, tally(rep, held, reps)),
            everyone=int(np.count_nonzero(np.add.reduceat(omega, np.flatnonzero(ratings.new_customer)) > 0)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Round one of one item: cell means ``score`` (cells,) and ``mix`` (cells, columns), and ``within``.

    ``within`` are the sums of squares and products within cells (columns + 1, columns + 1), the score last; ``overall``
    is the diagonal of the same about the grand means.
    """

    score: Floats
    mix: Floats
    within: Floats
    overall: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The rows of 1/64 of the customers: their design (rows, columns), and its groups, one customer in one cell each.

    ``first`` (groups + 1,) are the bounds of the groups among the rows, ``group_cell`` (groups,) their cells, ``owned``
    (customers + 1,) the bounds of the customers among the groups, ``first_customer`` the number of the first of them.
    """

    rows: slice
    design: Floats
    cell: Codes
    first: Places
    group_cell: Codes
    owned: Places
    first_customer: int

    def by_group(self, rows: Floats, block: Floats) -> Floats:
        """Σ rows·block over each group's rows (groups, columns)."""
        return _gather(rows, np.arange(len(rows)), self.first, len(rows)) @ block

    def by_customer(self, block: Floats) -> Floats:
        """Sums over each customer's groups (customers, columns)."""
        return _gather(np.ones(len(block)), np.arange(len(block)), self.owned, len(block)) @ block


def _gather(values: Floats, columns: NDArray[Any], bounds: Places, size: int) -> sparse.csr_array:
    return sparse.csr_array((values, columns, bounds), shape=(len(bounds) - 1, size))


def _scatter(values: Floats, rows: Codes, bounds: Places, size: int) -> sparse.csc_array:
    return sparse.csc_array((values, rows, bounds), shape=(size, len(bounds) - 1))


def shards(ratings: Ratings, design: Design) -> Iterator[Shard]:
    """The shards in order; empty ones are skipped."""
    new_group = ratings.new_group
    for rows in ratings.slices():
        if rows.start == rows.stop:
            continue
        first = np.flatnonzero(new_group[rows])
        customer = ratings.customer[rows][first]
        begins = np.flatnonzero(changes(customer))
        cell = ratings.cell[rows]
        yield Shard(
            rows=rows, design=design.block(ratings, rows), cell=cell, first=np.append(first, len(cell)),
            group_cell=cell[first], owned=np.append(begins, len(first)), first_customer=int(customer[0]),
        )  # fmt: skip


def moments(ratings: Ratings, design: Design, answers: Sequence[Answers], counts: Sequence[Counts]) -> list[Moments]:
    """Round one of several items in one pass over the shards."""
    size, cells = len(design.terms) + 1, len(ratings.cell_rep)
    products = [np.zeros((size, size)) for _ in answers]
    sums = [np.zeros((cells, size)) for _ in answers]
    for shard in shards(ratings, design):
        each = np.arange(len(shard.cell) + 1)
        for item, product, total in zip(answers, products, sums, strict=True):
            omega = item.omega[shard.rows]
            score = item.score[shard.rows] - 50
            weighted = shard.design * omega[:, None]
            product[:-1, :-1] += shard.design.T @ weighted
            product[:-1, -1] += weighted.T @ score
            product[-1, -1] += score @ (omega * score)
            total[:, :-1] += _scatter(omega, shard.cell, each, cells) @ shard.design
            total[:, -1] += tally(shard.cell, omega * score, cells)
    return [_moments(*parts) for parts in zip(products, sums, counts, strict=True)]


def _moments(product: Floats, total: Floats, counts: Counts) -> Moments:
    product[-1, :-1] = product[:-1, -1]
    omega = counts.omega[:, None]
    means = ratio(total, omega)
    within = product - total.T @ means
    grand = total.sum(axis=0) / omega.sum()
    overall = np.diag(product) - omega.sum() * grand**2
    return Moments(score=means[:, -1] + 50, mix=means[:, :-1].copy(), within=(within + within.T) / 2, overall=overall)


@dataclass(slots=True, kw_only=True)
class Clustered:
    """Round two, of one item or of the composite (columns then run over its items).

    With v_g the residual mean of customer g in a cell and u_g their part in the slopes' score: ``own`` (cells,) Σ v²,
    ``meat`` (columns, columns) Σ u u', ``cross`` (cells, columns) Σ u_g v_g, ``score`` (cells, columns) the cells' own
    scores and ``squares`` (cells,) Σ_g Σ_j u²/a_j with ``scale`` a. ``shared`` are the v of customers with several
    cells.
    """

    own: Floats
    meat: Floats
    cross: Floats
    score: Floats
    squares: Floats
    scale: Floats
    shared: list[tuple[Places, Codes, Floats]]

    @classmethod
    def empty(cls, scale: Floats, cells: int) -> Clustered:
        """Nothing added yet; ``scale`` (columns,) is the diagonal of the within moments."""
        size = len(scale)
        return cls(
            own=np.zeros(cells), meat=np.zeros((size, size)), cross=np.zeros((cells, size)),
            score=np.zeros((cells, size)), squares=np.zeros(cells), scale=np.where(scale > 0, scale, 1.0), shared=[],
        )  # fmt: skip

    def add(self, shard: Shard, v: Floats, u: Floats) -> None:
        """Add one shard: v (groups,), u (groups, columns)."""
        cell, cells = shard.group_cell, len(self.own)
        self.own += tally(cell, v * v, cells)
        customers = shard.by_customer(u)
        self.meat += customers.T @ customers
        self.squares += tally(cell, (u * u) @ (1 / self.scale), cells)
        self.score += _scatter(np.ones(len(v)), cell, np.arange(len(v) + 1), cells) @ u
        self.cross += _scatter(v, cell, shard.owned, cells) @ customers
        owner = np.repeat(np.arange(len(customers)), np.diff(shard.owned))
        several = (np.diff(shard.owned) > 1)[owner] & (v != 0)
        self.shared.append((owner[several] + shard.first_customer, cell[several], v[several]))

    def shared_matrix(self, customers: int) -> sparse.csr_array:
        """v of customers with several cells (customers, cells)."""
        rows, cells, values = (np.concatenate(parts) for parts in zip(*self.shared, strict=True))
        bounds = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=customers))])
        return sparse.csr_array((values, cells, bounds), shape=(customers, len(self.own)))


def residual_parts(
    shard: Shard, item: Answers, moments: Moments, counts: Counts, slopes: Floats
) -> tuple[Floats, Floats]:
    """v (groups,) = Σ ω e/Ω_rt and u (groups, columns) = Σ ω x̃ e of one shard, e the residual within the cell."""
    omega = item.omega[shard.rows]
    level = moments.score - moments.mix @ slopes
    residual = omega * (item.score[shard.rows] - shard.design @ slopes - level[shard.cell])
    total = np.add.reduceat(residual, shard.first[:-1])
    v = ratio(total, counts.omega[shard.group_cell])
    u = shard.by_group(residual, shard.design)
    u -= moments.mix[shard.group_cell] * total[:, None]
    return v, u
