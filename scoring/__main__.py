"""python -m scoring: scores, appraisals, plans and invented ratings from files, without database or web.

Exits 0 on success, 1 when the work was refused (one sentence per problem on stderr), 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")  # a second thread makes small matrices slower; only read when numpy loads

if TYPE_CHECKING:
    import pandas as pd

    from scoring.spec import AdjustmentSpec

Files = Mapping[Path, "pd.DataFrame | str"]


class Unusable(Exception):
    """A file that cannot be used; the sentence says which and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    A command returns the exit code, a text to print, or the files to write.
    """
    parser = argparse.ArgumentParser(prog="python -m scoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        outcome = options.run(options)
        if isinstance(outcome, Mapping):
            _write(outcome)
            outcome = "\n".join(str(path) for path in outcome)
    except (Unusable, ValueError) as problem:  # every refusal of scoring is a ValueError with its sentence
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}; check the path and that you may use it.", file=sys.stderr)
        return 1
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


def _add_commands(commands: Any) -> None:
    from scoring.appraisal_files import add_appraise
    from scoring.planning import add_plan
    from scoring.simulation import add_simulate

    add_adjust(commands)
    add_appraise(commands)
    add_plan(commands)
    add_simulate(commands)


def add_adjust(subparsers: Any) -> None:
    """Add ``adjust`` to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "adjust",
        help="take customer mix and territory out of ratings",
        description="Writes scores.csv, steps.csv and run.json into DIR.",
        epilog="example: python -m scoring adjust ratings.csv --spec spec.toml --out scores",
    )
    parser.add_argument("ratings", metavar="RATINGS", type=Path, help="a .csv or .parquet file, one answer sheet a row")
    parser.add_argument("--spec", type=Path, required=True, metavar="SPEC.toml", help="what is scored and adjusted for")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    parser.set_defaults(run=adjusted)


def adjusted(options: argparse.Namespace) -> Files:
    """scores.csv, steps.csv and run.json of one run."""
    from scoring.adjustment import adjust
    from scoring.ratings import Ratings
    from scoring.spec import AdjustmentSpec

    spec = AdjustmentSpec.from_toml(_text(options.spec))
    table = _ratings(options.ratings, spec)
    effects = _effects(Path(spec.territory_from)) if spec.territory_from else None
    run = adjust(Ratings.from_table(table, spec), spec, territory_effects=effects)
    return {
        options.out / "scores.csv": run.score_table(),
        options.out / "steps.csv": run.step_table(),
        options.out / "run.json": json.dumps(run.record(), ensure_ascii=False, indent=1, allow_nan=False),
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"{path}: this is not UTF-8 text; save it as UTF-8.") from error


def _ratings(path: Path, spec: AdjustmentSpec) -> pd.DataFrame:
    """The columns of the file that the spec can use."""
    import pandas as pd

    wanted = {"rep", "territory", "customer", "weight", *(item.name for item in spec.items)}
    wanted |= {adjuster.name for adjuster in spec.adjusters}
    names = {adjuster.name for adjuster in spec.adjusters if adjuster.kind == "category"} | {
        "rep",
        "territory",
        "customer",
    }
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            there = pyarrow.parquet.read_schema(path).names
            return pd.read_parquet(path, columns=[name for name in there if name in wanted])
        if path.suffix == ".csv":
            return pd.read_csv(
                path, usecols=lambda name: name in wanted, dtype=dict.fromkeys(names, "str"), keep_default_na=False,
                na_values={name: [""] for name in wanted}, encoding="utf-8-sig",
            )  # fmt: skip
    except (ValueError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: this is not a table that can be read: {error}".rstrip(".") + ".") from error
    raise Unusable(f"{path}: ratings are read from .csv or .parquet; save the table as one of these.")


def _effects(path: Path) -> dict[str, dict[str, float]]:
    """The territory effects by item of an earlier run: its run.json, or the folder that holds it."""
    path = path / "run.json" if path.is_dir() else path
    try:
        items = json.loads(_text(path))["items"]
        return {name: item["tau"] for name, item in items.items() if "tau" in item}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise Unusable(f"{path}: this is not the run.json of an earlier run.") from error


def _write(files: Files) -> None:
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif path.suffix == ".parquet":
            content.to_parquet(path, index=False)
        else:
            content.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    sys.exit(main())
