"""What may be adjusted for: the design columns, what fills their gaps, and what the machine can object to.

An adjuster must be fixed before the period or set by the survey's own design, not be chosen by the rep, be likely to
shift how a customer answers, and be lawful and explainable. The spec carries the written reason; a person judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scoring.findings import N_, Finding
from scoring.ratings import Category, Number, Ratings
from scoring.spec import AdjustmentSpec
from scoring.sums import Codes, Flags, Floats, ratio, tally

MOST_MISSING = 0.20
"""An adjuster missing in more than this share is left out."""

NEARLY_COLLINEAR = 0.90
"""An adjuster of which the others explain more than this is reported."""

REP_CONTROLLED = 0.30
"""An adjuster whose variance lies to more than this share between reps of one territory may be the reps' own doing."""


MANY_LEVELS = 10
"""A category of more levels than this, and on average fewer than two customers a level, names customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One adjuster's design columns: a category's levels after the first, or the number about ``centre``.

    ``gaps`` (columns, reps) is what a rep's unknown rows get: the rep's own mean.
    """

    values: Category | Number
    centre: float
    gaps: Floats

    def __len__(self) -> int:
        return len(self.gaps)

    def block(self, rows: slice, rep: Codes, out: Floats) -> None:
        """Write the columns for some rows into ``out`` (columns, rows)."""
        if isinstance(self.values, Category):
            codes = self.values.codes[rows]
            for number, column in enumerate(out, start=1):
                column[:] = codes == number
            unknown = np.flatnonzero(codes < 0)
        else:
            np.subtract(self.values.values[rows], self.centre, out=out[0])
            unknown = np.flatnonzero(np.isnan(out[0]))
        if unknown.size:
            out[:, unknown] = self.gaps[:, rep[unknown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The design columns of a run, shared by its items.

    ``terms`` (columns,) are ``name`` or ``name[level]``; ``adjuster`` (columns,) says to which of ``adjusters`` each
    belongs; ``imputed`` is the share of every adjuster that was filled with the rep's mean.
    """

    terms: tuple[str, ...]
    adjusters: tuple[str, ...]
    adjuster: Codes
    columns: tuple[Column, ...]
    imputed: Mapping[str, float]
    findings: tuple[Finding, ...]

    def block(self, ratings: Ratings, rows: slice) -> Floats:
        """The design (rows, columns) of some rows, gaps filled."""
        out = np.empty((len(self.terms), rows.stop - rows.start))
        rep = ratings.rep[rows]
        first = 0
        for column in self.columns:
            column.block(rows, rep, out[first : first + len(column)])
            first += len(column)
        return np.ascontiguousarray(out.T)

    @classmethod
    def build(cls, ratings: Ratings, spec: AdjustmentSpec) -> Design:
        """The columns of every adjuster that is known often enough and has more than one value.

        Unknown values become the mean over all of the rep's rows, answered or not (CAHPS Analysis Program); a rep of
        whom nothing is known gets the mean over all reps.
        """
        findings: list[Finding] = []
        columns: dict[str, Column] = {}
        imputed: dict[str, float] = {}
        everyone = ratings.weigh(np.ones(len(ratings), dtype=bool), spec.weights)
        for name, values in ratings.adjusters.items():
            known = values.codes >= 0 if isinstance(values, Category) else ~np.isnan(values.values)
            missing = float(everyone[~known].sum() / everyone.sum())
            if missing > MOST_MISSING:
                findings.append(_mostly_missing(name, missing))
            elif isinstance(values, Category) and _names_customers(len(values.levels), len(ratings.customers)):
                findings.append(_identifying(name, len(values.levels), len(ratings.customers)))
            elif column := _column(ratings, values, known, spec.weights):
                columns[name] = column
                imputed[name] = missing
            else:
                findings.append(constant(name))
        terms = [term for name, column in columns.items() for term in _terms(name, column)]
        sizes = [len(column) for column in columns.values()]
        return cls(
            terms=tuple(terms), adjusters=tuple(columns),
            adjuster=np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
            columns=tuple(columns.values()), imputed=imputed, findings=tuple(findings),
        )  # fmt: skip


def _terms(name: str, column: Column) -> list[str]:
    if isinstance(column.values, Category):
        return [f"{name}[{level}]" for level in column.values.levels[1:]]
    return [name]


def _column(ratings: Ratings, values: Category | Number, known: Flags, weights: str) -> Column | None:
    """The columns of one adjuster, or None if it has a single value."""
    if isinstance(values, Category):
        if len(values.levels) < 2:
            return None
        size, centre = len(values.levels) - 1, 0.0
    else:
        if not known.any() or np.ptp(values.values[known]) == 0:
            return None
        size, centre = 1, float(values.values[known].mean())
    gaps = np.zeros((size, len(ratings.reps)))
    if known.all():
        return Column(values=values, centre=centre, gaps=gaps)
    omega = ratings.weigh(known, weights)
    mass = tally(ratings.rep, omega, len(ratings.reps))
    for number in range(size):
        if isinstance(values, Category):
            weighted = np.where(values.codes == number + 1, omega, 0.0)
        else:
            weighted = np.where(known, omega * (values.values - centre), 0.0)
        total = tally(ratings.rep, weighted, len(ratings.reps))
        gaps[number] = ratio(total, mass, empty=total.sum() / mass.sum())
    return Column(values=values, centre=centre, gaps=gaps)


def constant(name: str, item: str = "") -> Finding:
    """An adjuster, or one of its levels, that never varies where it would have to."""
    return Finding(
        name="constant",
        sentence=N_(
            "%(adjuster)s does not vary among the customers of any one rep in one territory, so its effect cannot "
            "be told from the reps'; it is left out."
        ),
        item=item,
        values={"adjuster": name},
    )


def collinear(name: str, item: str) -> Finding:
    """A column that others already determine."""
    return Finding(
        name="collinear",
        sentence=N_(
            "%(adjuster)s is determined by the other adjusters, so its effect cannot be told from theirs; it is "
            "left out."
        ),
        item=item,
        values={"adjuster": name},
    )


def nearly_collinear(name: str, share: float, item: str) -> Finding:
    """An adjuster of which the others explain nearly everything."""
    return Finding(
        name="nearly_collinear",
        sentence=N_(
            "%(percent).0f %% of %(adjuster)s is explained by the other adjusters, so the points of each are "
            "uncertain; their sum is not. Consider keeping one of them."
        ),
        item=item,
        values={"adjuster": name, "share": share, "percent": 100 * share},
    )


def rep_controlled(name: str, share: float, item: str) -> Finding:
    """An adjuster that differs suspiciously between reps of one territory."""
    return Finding(
        name="rep_controlled",
        sentence=N_(
            "%(percent).0f %% of the differences in %(adjuster)s lie between reps of the same territory; make "
            "sure that it is fixed by the company and not chosen by the rep."
        ),
        item=item,
        values={"adjuster": name, "icc": share, "percent": 100 * share},
    )


def _mostly_missing(name: str, share: float) -> Finding:
    return Finding(
        name="mostly_missing",
        sentence=N_("%(adjuster)s is unknown for %(percent).0f %% of the answers, more than a fifth; it is left out."),
        values={"adjuster": name, "share": share, "percent": 100 * share},
    )


def _names_customers(levels: int, customers: int) -> bool:
    return levels > max(MANY_LEVELS, customers / 2)


def _identifying(name: str, levels: int, customers: int) -> Finding:
    return Finding(
        name="identifying",
        sentence=N_(
            "%(adjuster)s has %(levels)s values among %(customers)s customers, so it names them rather than says "
            "what they have in common; it is left out. Group its values."
        ),
        values={"adjuster": name, "levels": levels, "customers": customers},
    )


def icc_within_territory(within: Floats, means: Floats, weight: Floats, territory: Codes) -> float:
    """Share of an adjuster's variance that lies between reps of one territory (one-way analysis of variance).

    A category counts its first level like the others, so the answer does not depend on which level comes first.

    Args:
        within: sums of squares and products within cells (columns, columns), the columns of one adjuster.
        means: cell means (cells, columns).
        weight: Ω of the cells (cells,), all positive.
        territory: their territories (cells,).
    """
    inside = float(np.trace(within))
    if len(within) > 1:
        means = np.column_stack([means, 1 - means.sum(axis=1)])
        inside += float(within.sum())
    territories = int(territory.max()) + 1
    mass = tally(territory, weight, territories)
    there = mass > 0
    spread, replication = len(weight) - np.count_nonzero(there), weight.sum() - len(weight)
    if spread < 1 or replication <= 0:
        return 0.0
    between = 0.0
    for column in means.T:
        centre = ratio(tally(territory, weight * column, territories), mass)
        between += float(weight @ (column - centre[territory]) ** 2)
    size = (weight.sum() - ratio(tally(territory, weight**2, territories), mass).sum()) / spread
    mean_between, mean_within = between / spread, inside / replication
    total = mean_between + (size - 1) * mean_within
    return float(max(0.0, (mean_between - mean_within) / total)) if total > 0 else 0.0
