"""The sums everything is made of, in two rounds over the shards: moments first, then, with the slopes, the customers' parts.

All sums are additive over customers and run shard by shard, so memory holds one shard's design at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scoring.adjusters import Design
from scoring.ratings import Codes, Floats, Ratings
from scoring.spec import ItemSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One item's answers: ``score`` (rows,) on 0–100 and ``omega`` (rows,), both 0 where there is no answer."""

    name: str
    score: Floats
    omega: Floats

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

    ``omega`` is Ω_rt. ``size`` is G_rt: customers, or with unequal weights their effective number. ``customers`` (cells,)
    and ``rep_customers`` are heads. ``largest`` is the largest customer's share of the rep's weight.
    """

    omega: Floats
    size: Floats
    customers: NDArray[np.int64]
    responses: NDArray[np.int64]
    rep_customers: NDArray[np.int64]
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
        total = np.bincount(ratings.cell, omega, minlength=cells)
        size = customers.astype(np.float64)
        if weights == "response":
            weight = np.bincount(cell, mass[there], minlength=cells)
            squares = np.bincount(cell, mass[there] ** 2, minlength=cells)
            size = np.divide(weight**2, squares, out=np.zeros(cells), where=squares > 0)
        size[customers == 1] = 1.0
        pair = np.flatnonzero(ratings.new_pair)
        held = np.add.reduceat(omega, pair)
        rep = ratings.rep[pair]
        largest = np.zeros(reps)
        np.maximum.at(largest, rep, held)
        weight = np.bincount(rep, held, minlength=reps)
        return cls(
            omega=total, size=size, customers=customers,
            responses=np.bincount(ratings.rep[answered], minlength=reps),
            rep_customers=np.bincount(rep[held > 0], minlength=reps),
            largest=np.divide(largest, weight, out=np.zeros(reps), where=weight > 0),
            everyone=int(np.count_nonzero(np.add.reduceat(omega, np.flatnonzero(ratings.new_customer)) > 0)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Round one of one item: cell means ``score`` (cells,) and ``mix`` (columns, cells), and ``within``, the sums of
    squares and products within cells (columns + 1, columns + 1) with the score last; ``overall`` is the diagonal of the
    same about the grand means.
    """

    score: Floats
    mix: Floats
    within: Floats
    overall: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The rows of 1/64 of the customers: their design (columns, rows) and where each group of one customer in one cell
    begins. ``owner`` (groups,) numbers the customers from ``first_customer``.
    """

    rows: slice
    design: Floats
    cell: Codes
    first: NDArray[np.int64]
    group_cell: Codes
    owner: NDArray[np.int64]
    first_customer: int


def shards(ratings: Ratings, design: Design) -> Iterator[Shard]:
    """The shards in order; empty ones are skipped."""
    new_group = ratings.new_group
    for rows in ratings.slices():
        if rows.start == rows.stop:
            continue
        first = np.flatnonzero(new_group[rows])
        customer = ratings.customer[rows][first]
        cell = ratings.cell[rows]
        yield Shard(
            rows=rows, design=design.block(ratings, rows), cell=cell, first=first, group_cell=cell[first],
            owner=(customer - customer[0]).astype(np.int64), first_customer=int(customer[0]),
        )  # fmt: skip


def moments(ratings: Ratings, design: Design, answers: Sequence[Answers], counts: Sequence[Counts]) -> list[Moments]:
    """Round one of several items in one pass over the shards."""
    size, cells = len(design.terms) + 1, len(ratings.cell_rep)
    products = [np.zeros((size, size)) for _ in answers]
    sums = [np.zeros((size, cells)) for _ in answers]
    for shard in shards(ratings, design):
        for item, product, total in zip(answers, products, sums, strict=True):
            omega = item.omega[shard.rows]
            score = item.score[shard.rows] - 50
            weighted = shard.design * omega
            product[:-1, :-1] += weighted @ shard.design.T
            product[:-1, -1] += weighted @ score
            product[-1, -1] += score @ (omega * score)
            for number, row in enumerate(weighted):
                total[number] += np.bincount(shard.cell, row, minlength=cells)
            total[-1] += np.bincount(shard.cell, omega * score, minlength=cells)
    return [_moments(*parts) for parts in zip(products, sums, counts, strict=True)]


def _moments(product: Floats, total: Floats, counts: Counts) -> Moments:
    product[-1, :-1] = product[:-1, -1]
    omega = counts.omega
    means = np.divide(total, omega, out=np.zeros_like(total), where=omega > 0)
    within = product - total @ means.T
    grand = total.sum(axis=1) / omega.sum()
    overall = np.diag(product) - omega.sum() * grand**2
    return Moments(score=means[-1] + 50, mix=means[:-1], within=(within + within.T) / 2, overall=overall)


@dataclass(slots=True, kw_only=True)
class Clustered:
    """Round two, of one item or of the composite (columns then run over its items).

    With v_g the residual mean of customer g in a cell and u_g their part in the slopes' score: ``own`` (cells,) Σ v²,
    ``meat`` (columns, columns) Σ u u', ``cross`` (columns, cells) Σ u_g v_g, ``score`` (columns, cells) the cells' own
    scores and ``squares`` (cells,) Σ_g Σ_j u²/a_j with ``scale`` a. ``shared`` are the v of customers with several cells.
    """

    own: Floats
    meat: Floats
    cross: Floats
    score: Floats
    squares: Floats
    scale: Floats
    shared: list[tuple[NDArray[np.int64], Codes, Floats]]

    @classmethod
    def empty(cls, scale: Floats, cells: int) -> Clustered:
        """Nothing added yet; ``scale`` (columns,) is the diagonal of the within moments."""
        size = len(scale)
        return cls(
            own=np.zeros(cells), meat=np.zeros((size, size)), cross=np.zeros((size, cells)),
            score=np.zeros((size, cells)), squares=np.zeros(cells), scale=np.where(scale > 0, scale, 1.0), shared=[],
        )  # fmt: skip

    def add(self, shard: Shard, v: Floats, u: Floats) -> None:
        """Add one shard: v (groups,), u (columns, groups)."""
        cell, cells = shard.group_cell, len(self.own)
        begins = np.flatnonzero(np.insert(shard.owner[1:] != shard.owner[:-1], 0, True))
        number = np.cumsum(np.insert(shard.owner[1:] != shard.owner[:-1], 0, False))
        customers = np.add.reduceat(u, begins, axis=1) if len(u) else np.zeros((0, len(begins)))
        self.own += np.bincount(cell, v * v, minlength=cells)
        self.meat += customers @ customers.T
        self.squares += np.bincount(cell, np.sum(u * u / self.scale[:, None], axis=0), minlength=cells)
        for row, mine, theirs in zip(range(len(u)), u, customers, strict=True):
            self.cross[row] += np.bincount(cell, v * theirs[number], minlength=cells)
            self.score[row] += np.bincount(cell, mine, minlength=cells)
        several = (np.bincount(number) > 1)[number] & (v != 0)
        self.shared.append((shard.owner[several] + shard.first_customer, cell[several], v[several]))

    def shared_matrix(self, customers: int) -> sparse.csr_array:
        """v of customers with several cells (customers, cells)."""
        rows = np.concatenate([part[0] for part in self.shared])
        cells = np.concatenate([part[1] for part in self.shared])
        values = np.concatenate([part[2] for part in self.shared])
        return sparse.csr_array((values, (rows, cells)), shape=(customers, len(self.own)))


def residual_parts(
    shard: Shard, item: Answers, moments: Moments, counts: Counts, slopes: Floats
) -> tuple[Floats, Floats]:
    """v (groups,) = Σ ω e/Ω_rt and u (columns, groups) = Σ ω x̃ e of one shard, e the residual within the cell."""
    omega = item.omega[shard.rows]
    level = moments.score - slopes @ moments.mix
    residual = omega * (item.score[shard.rows] - slopes @ shard.design - level[shard.cell])
    total = np.add.reduceat(residual, shard.first)
    mass = counts.omega[shard.group_cell]
    v = np.divide(total, mass, out=np.zeros_like(total), where=mass > 0)
    if not len(slopes):
        return v, np.zeros((0, len(total)))
    u = np.add.reduceat(shard.design * residual, shard.first, axis=1)
    u -= moments.mix[:, shard.group_cell] * total
    return v, u
