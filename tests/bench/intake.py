"""Importing: a company's 100,000 customers with their contacts and who serves them, from one flat CSV of a CRM."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import Line, Section
from tests.bench.runner import call, prepare

if TYPE_CHECKING:
    from flask import Flask

    from tests.bench.child import Watch

HERE = "tests.bench.intake"
CUSTOMERS, REPS, TERRITORIES = 100_000, 500, 50


def importing(folder: Path) -> Section:
    """Into a fresh SQLite database, and the same file once more."""
    prepare(f"{HERE}:write", folder, CUSTOMERS)
    prepare(f"{HERE}:found", folder)
    first = call(f"{HERE}:bring_in", folder)
    again = call(f"{HERE}:bring_in", folder)
    return Section(
        title="Importing customers",
        lines=(
            Line(what=f"{CUSTOMERS:,} customers, as many contacts and assignments, one CSV, SQLite", measured=first,
                 target="≤ 60 s, < 600 MB"),
            Line(what="the same file again: nothing changes", measured=again),
        ),
    )  # fmt: skip


def write(_watch: Watch, folder: str, customers: str) -> None:
    """The three files."""
    dice, place = random.Random(1), Path(folder)
    _table(place / "territories.csv", "code,name", ([f"T{i:02}", f"区域{i}"] for i in range(TERRITORIES)))
    _table(place / "reps.csv", "code,name,email", ([f"R{i:03}", f"业务员{i}", f"r{i}@x.example"] for i in range(REPS)))
    _table(
        place / "customers.csv",
        "customer,customer_name,segment,size_band,industry,channel,product_line,ship_from,customer_since,"
        "contact_name,role,email,phone,language,rep,territory,served_from,served_to",
        (_customer(i, dice.randrange(REPS), dice) for i in range(int(customers))),
    )


def _table(path: Path, header: str, rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)  # type: ignore[arg-type]


def _customer(number: int, rep: int, dice: random.Random) -> list[str]:
    return [
        f"C{number:06}", f"海川商行{number:06}", dice.choice(["key account", "standard"]), dice.choice("LMS"), "零售",
        "direct", "泵", "上海", f"20{dice.randrange(10, 26)}-03-01", f"王芳{number}", "采购",
        f"buyer{number}@c{number % 3000}.example", f"+86138{number:08}", "zh", f"R{rep:03}",
        f"T{rep % TERRITORIES:02}", "2025-01-01", "",
    ]  # fmt: skip


def found(_watch: Watch, folder: str) -> None:
    """A database with the territories and the reps."""
    from survey.app import alembic

    app = _app(folder)
    with app.app_context():
        alembic.upgrade()
    for kind in ("territories", "reps"):
        _evenhand(app, "import", kind, f"{folder}/{kind}.csv")


def bring_in(watch: Watch, folder: str) -> None:
    """What is measured: the command, from its first line to its last."""
    app = _app(folder)
    with watch:
        _evenhand(app, "import", "customers", f"{folder}/customers.csv", "--json")


def _app(folder: str) -> Flask:
    from survey.app import create_app
    from survey.config import load

    return create_app(load(_env_file=None, evenhand_dir=folder, secret_key="s" * 40, token_keys={"bench": "t" * 40}))


def _evenhand(app: Flask, *words: str) -> None:
    import contextlib
    import io

    from flask.cli import ScriptInfo

    from survey.cli import main

    with contextlib.redirect_stdout(io.StringIO()):
        main.main(list(words), standalone_mode=False, obj=ScriptInfo(create_app=lambda: app))
