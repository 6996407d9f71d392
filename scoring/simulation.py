"""The command that invents ratings to try the method with: a table, the truth behind it, and a spec that fits."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.synthetic import Company, NotACompany, invent

ITEMS = ("knowledge", "delivery", "responsiveness")
ANSWERS_PER_REP = 32.5
REPS_PER_TERRITORY = 8
MOST_TERRITORIES = 30

SPEC = """\
weights = "customer"
territory = "pooled"
{items}
[[adjuster]]
name = "segment"
kind = "category"
reason = "fixed by the company before the period; small customers are easier to please"

[[adjuster]]
name = "tenure"
kind = "number"
reason = "years as a customer when the period began; long-standing customers answer more kindly"

[[adjuster]]
name = "mode"
kind = "category"
reason = "set by the survey, not by the rep; people are kinder on the phone"
{composite}"""
ITEM = """
[[item]]
name = "{name}"
lo = 1
hi = 5
reversed = false
"""
COMPOSITE_NAME = "satisfaction"
COMPOSITE = """
[composite]
name = "{name}"
items = [{names}]
"""


def add_simulate(subparsers: Any) -> None:
    """Add ``simulate`` to the commands of ``python -m scoring``."""
    parser: ArgumentParser = subparsers.add_parser(
        "simulate",
        help="invent ratings with known truth",
        description="Writes FILE (.csv or .parquet), the truth (FILE-truth.csv) and a spec that fits (FILE-spec.toml).",
        epilog="example: python -m scoring simulate --seed 1 --responses 100000 --out ratings.csv",
    )
    parser.add_argument("--seed", type=int, required=True, help="the same seed gives the same file")
    parser.add_argument("--responses", type=int, required=True, help="how many answers")
    parser.add_argument("--reps", type=int, help="how many reps (default: so that each has 5 to 60 answers)")
    parser.add_argument("--territories", type=int, help="how many territories (default: 8 reps each, at most 30)")
    parser.add_argument("--items", type=int, default=len(ITEMS), help="how many items (default: 3)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the ratings go")
    parser.set_defaults(run=simulate)


def simulate(options: Namespace) -> Mapping[Path, pd.DataFrame | str]:
    """The files of one invented company: ratings, truth (rep, item, theta, estimand) and the text of a spec.

    The truth of the composite is the mean of its items'.

    Raises:
        NotACompany: numbers no company can have, or an unusable seed.
    """
    if options.seed < 0:
        raise NotACompany(problem=f"seed is {options.seed}; give a whole number from 0 up.")
    reps = options.reps or max(math.ceil(options.responses / ANSWERS_PER_REP), 2)
    names = tuple(ITEMS[i] if i < len(ITEMS) else f"item_{i + 1}" for i in range(options.items))
    company = Company(
        reps=reps,
        territories=options.territories or min(max(reps // REPS_PER_TERRITORY, 1), MOST_TERRITORIES),
        responses=options.responses,
        items=names,
    )
    world = invent(company, seed=options.seed)
    truth = {name: pd.DataFrame({"theta": world.theta[name], "estimand": world.estimand(name)}) for name in names}
    if len(names) > 1:
        truth[COMPOSITE_NAME] = pd.concat(truth.values()).groupby(level=0).mean()
    out: Path = options.out
    return {
        out: world.table,
        out.with_name(f"{out.stem}-truth.csv"): pd.concat(truth, names=["item", "rep"]).reset_index(),
        out.with_name(f"{out.stem}-spec.toml"): spec(names),
    }


def spec(items: tuple[str, ...]) -> str:
    """A spec for an invented table, as TOML: all its adjusters, and a composite of several items."""
    names = ", ".join(f'"{name}"' for name in items)
    return SPEC.format(
        items="".join(ITEM.format(name=name) for name in items),
        composite=COMPOSITE.format(name=COMPOSITE_NAME, names=names) if len(items) > 1 else "",
    )
