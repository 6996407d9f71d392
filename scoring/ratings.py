"""The one checked table that enters: who rated whom, where, how, and what was known about them beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import canonical, read_answers, read_attribute, read_customers, read_names, read_weights
from scoring.findings import N_, Finding, Refusal
from scoring.spec import IDENTITY, AdjustmentSpec
from scoring.sums import Codes, Flags, Floats, Places, changes, ratio, tally

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONAL = ("wave", "mode")


class MissingColumn(Refusal):
    """A column the spec needs is not in the table."""

    sentence = "The ratings have no column %(column)s; %(remedy)s. Their columns are %(columns)s."


class ColumnTwice(Refusal):
    """Two columns of one name, so that nobody knows which is meant."""

    sentence = "The ratings have the column %(column)s twice; remove one of them, or rename it."


class NoRatings(Refusal):
    """An empty table, or one in which nobody answered anything."""

    sentence = "Nobody has answered any of the items %(items)s; there is nothing to score."


class OneRep(Refusal):
    """A single rep."""

    sentence = "All ratings are about one rep, %(rep)s; scores compare reps, so at least two are needed."


class OneCustomer(Refusal):
    """A single customer."""

    sentence = "All ratings come from one customer, %(customer)s; at least two are needed to know how sure a score is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """An adjuster with named levels, sorted; ``codes`` (rows,) index them, −1 where unknown."""

    levels: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An adjuster that is a number; ``values`` (rows,), NaN where unknown."""

    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """Rows in canonical order: by shard, customer, rep, territory, then by content.

    ``rep``, ``territory``, ``customer``, ``cell`` (rows,) are codes into the sorted names and into the cells;
    ``weight`` (rows,) is positive; ``items`` hold the raw answers (rows,), NaN where there is none on the scale.
    Rows without any answer stay: they are part of the frame. ``shards`` (65,) are the row bounds of the shards.
    """

    reps: tuple[str, ...]
    territories: tuple[str, ...]
    customers: NDArray[Any]
    rep: Codes
    territory: Codes
    customer: Codes
    cell: Codes
    cell_rep: Codes
    cell_territory: Codes
    weight: Floats
    items: Mapping[str, Floats]
    adjusters: Mapping[str, Category | Number]
    shards: Places
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.rep)

    def slices(self) -> Iterator[slice]:
        """The rows of each shard, in order."""
        for first, last in zip(self.shards[:-1], self.shards[1:], strict=True):
            yield slice(int(first), int(last))

    def weigh(self, answered: Flags, weights: str) -> Floats:
        """ω (rows,): the row's weight, under "customer" over the sum for the same rep and customer; 0 if not answered.

        So a customer counts once per rep however often they answer.
        """
        weight = np.where(answered, self.weight, 0.0)
        if weights == "response":
            return weight
        pair = np.cumsum(self.new_pair) - 1
        return ratio(weight, tally(pair, weight, pair[-1] + 1)[pair])

    @property
    def new_customer(self) -> Flags:
        """Rows (rows,) at which another customer begins."""
        return changes(self.customer)

    @property
    def new_pair(self) -> Flags:
        """Rows (rows,) at which another customer-and-rep pair begins."""
        return np.asarray(self.new_customer | changes(self.rep))

    @property
    def new_group(self) -> Flags:
        """Rows (rows,) at which another customer-and-cell group begins."""
        return np.asarray(self.new_customer | changes(self.cell))

    @property
    def comparable_territories(self) -> int:
        """How many territories have at least two reps in the frame, answered or not."""
        return int(np.count_nonzero(np.bincount(self.cell_territory) >= 2))

    @property
    def fingerprint(self) -> str:
        """BLAKE2b of what was scored, the same for the same rows in any order."""
        digest = hashlib.blake2b(digest_size=32)
        for names in (self.reps, self.territories, self.customers):
            digest.update("\x1f".join(names).encode() + b"\x1e")
        columns: list[tuple[str, NDArray[Any]]] = [
            ("rep", self.rep), ("territory", self.territory), ("customer", self.customer), ("weight", self.weight),
            *self.items.items(),
        ]  # fmt: skip
        for name, adjuster in self.adjusters.items():
            if isinstance(adjuster, Category):
                columns.append(("\x1f".join((name, *adjuster.levels)), adjuster.codes))
            else:
                columns.append((name, adjuster.values))
        for name, column in columns:
            digest.update(name.encode() + b"\x1e")
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    @classmethod
    def from_table(cls, table: pd.DataFrame, spec: AdjustmentSpec) -> Ratings:
        """Check a table and put it in canonical order.

        Columns ``rep``, ``territory``, ``customer``, optional ``weight``, then one per adjuster and item of the spec
        (the adjusters ``wave`` and ``mode`` may be absent). Items hold raw answers on the scale of the spec; anything
        blank, unreadable or off the scale is a missing answer, and counted in a finding.

        Raises:
            MissingColumn, ColumnTwice, MissingIdentity, NotNames, NotNumbers, NotFinite, TooLarge, BadWeight,
            NoRatings, OneRep, OneCustomer.
        """
        findings: list[Finding] = []
        check_columns([str(name) for name in table.columns], spec)
        rep, reps = read_names(table, "rep")
        territory, territories = read_names(table, "territory")
        customer, customers, bounds = read_customers(table)
        weight = read_weights(table)
        items = {item.name: read_answers(table, item.name, item.lo, item.hi, findings) for item in spec.items}
        adjusters: dict[str, Category | Number] = {}
        for adjuster in spec.adjusters:
            if adjuster.name not in table.columns:
                findings.append(_absent(adjuster.name))
            elif adjuster.kind == "category":
                codes, levels = read_names(table, adjuster.name, blank=True)
                adjusters[adjuster.name] = Category(levels=levels, codes=codes)
            else:
                adjusters[adjuster.name] = Number(values=read_attribute(table, adjuster.name, findings))
        _check_enough(reps, customers, items)
        contents: list[NDArray[Any]] = [weight, *items.values()]
        contents += [one.codes if isinstance(one, Category) else one.values for one in adjusters.values()]
        if "wave" in table.columns and "wave" not in adjusters:
            contents.append(read_names(table, "wave", blank=True)[0])
        order, duplicates = canonical(rep, territory, customer, contents)
        if duplicates:
            findings.append(_duplicates(duplicates, spec.weights))
        rep, territory, customer = rep[order], territory[order], customer[order]
        cell, cell_rep, cell_territory = _cells(rep, territory, len(territories))
        return cls(
            reps=reps, territories=territories, customers=customers,
            rep=rep, territory=territory, customer=customer,
            cell=cell, cell_rep=cell_rep, cell_territory=cell_territory,
            weight=weight[order],
            items={name: values[order] for name, values in items.items()},
            adjusters={name: _reorder(adjuster, order) for name, adjuster in adjusters.items()},
            shards=np.searchsorted(customer, bounds).astype(np.int64),
            findings=tuple(findings),
        )  # fmt: skip


def check_columns(columns: Sequence[str], spec: AdjustmentSpec) -> None:
    """Whether a table with these columns has all that the spec needs, each once.

    Raises:
        MissingColumn, ColumnTwice.
    """
    needed = [*IDENTITY, *(item.name for item in spec.items)]
    needed += [adjuster.name for adjuster in spec.adjusters if adjuster.name not in OPTIONAL]
    for column in needed:
        if column not in columns:
            who = "every row must say who was rated, where, and by whom"
            remedy = who if column in IDENTITY else "add it, or take it out of the spec"
            raise MissingColumn(column=column, remedy=remedy, columns=", ".join(columns) or "none")
    for column in (*needed, *OPTIONAL, "weight"):
        if columns.count(column) > 1:
            raise ColumnTwice(column=column)


def _check_enough(reps: Sequence[str], customers: NDArray[Any], items: Mapping[str, Floats]) -> None:
    if all(np.isnan(values).all() for values in items.values()):
        raise NoRatings(items=", ".join(items))
    if len(reps) == 1:
        raise OneRep(rep=reps[0])
    if len(customers) == 1:
        raise OneCustomer(customer=customers[0])


def _cells(rep: Codes, territory: Codes, territories: int) -> tuple[Codes, Codes, Codes]:
    """Rep-by-territory cells in order of rep, then territory: the cell of every row, and what each cell is."""
    codes, pairs = pd.factorize(rep.astype(np.int64) * territories + territory, sort=True)
    pairs = np.asarray(pairs, dtype=np.int64)
    return codes.astype(np.int32), (pairs // territories).astype(np.int32), (pairs % territories).astype(np.int32)


def _reorder(adjuster: Category | Number, order: Places) -> Category | Number:
    if isinstance(adjuster, Category):
        return Category(levels=adjuster.levels, codes=adjuster.codes[order])
    return Number(values=adjuster.values[order])


def _absent(column: str) -> Finding:
    return Finding(
        name="column_absent",
        sentence=N_("The ratings have no column %(column)s, so nothing is adjusted for it."),
        values={"column": column},
    )


def _duplicates(count: int, weights: str) -> Finding:
    consequence = {
        "customer": "Under customer weights this changes no score, but check where the table comes from.",
        "response": "Under response weights every repetition counts; remove those that are no answers of their own.",
    }
    return Finding(
        name="duplicate_rows",
        sentence=f"%(count)s rows repeat another row exactly. {consequence[weights]}",
        values={"count": count},
    )
