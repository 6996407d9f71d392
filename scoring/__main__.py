"""python -m scoring: scores, appraisals, plans and invented ratings from files, without database or web.

Exits 0 on success, 1 when the work was refused (one sentence per problem on stderr), 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.findings import Refusal

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")  # a second thread makes small matrices slower; only read when numpy loads

if TYPE_CHECKING:
    import pandas as pd

    from scoring.spec import AdjustmentSpec

Files = Mapping[Path, "pd.DataFrame | str"]


TABLES = (".csv", ".parquet")
NOT_UTF_8 = "this is not UTF-8 text; save it as UTF-8"

COMMANDS = {
    "adjust": (__name__, "add_adjust"),
    "appraise": ("scoring.appraisal_files", "add_appraise"),
    "plan": ("scoring.planning", "add_plan"),
    "simulate": ("scoring.simulation", "add_simulate"),
}
"""Where each command is described: module and function."""


class Unusable(Refusal):
    """A file that cannot be used."""

    sentence = "%(path)s: %(what)s."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    A command returns the exit code, a text to print, or the files to write.
    """
    parser = argparse.ArgumentParser(prog="python -m scoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words = sys.argv[1:] if arguments is None else arguments
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:  # the others' modules take time to import
        module, add = COMMANDS[name]
        getattr(import_module(module), add)(commands)
    options = parser.parse_args(words)
    try:
        outcome = options.run(options)
        if isinstance(outcome, Mapping):
            _write(outcome)
            outcome = "\n".join(str(path) for path in outcome)
    except Refusal as problem:
        return _refused(str(problem))
    except OSError as problem:
        return _refused(f"{problem.filename}: {problem.strerror}; check the path and that you may use it.")
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0


def _refused(problem: str) -> int:
    print(problem, file=sys.stderr)
    return 1


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
    from scoring.spec import AdjustmentSpec

    with _at_rest():
        import statsmodels.regression.linear_model  # noqa: F401

        from scoring.adjustment import adjust
        from scoring.comparison import with_ranks
        from scoring.ratings import Ratings

    spec = AdjustmentSpec.from_toml(_text(options.spec))
    ratings = Ratings.from_table(_ratings(options.ratings, spec), spec)
    effects = _effects(Path(spec.territory_from)) if spec.territory_from else None
    run = with_ranks(adjust(ratings, spec, territory_effects=effects))
    return {
        options.out / "scores.csv": run.score_table(),
        options.out / "steps.csv": run.step_table(),
        options.out / "run.json": json.dumps(run.record(), ensure_ascii=False, indent=1, allow_nan=False),
    }


@contextmanager
def _at_rest() -> Iterator[None]:
    """Libraries are imported while the garbage collector rests, and it leaves alone for good what they define, which is
    never garbage: walking all that, at the end once more, would be a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Unusable(path=path, what=NOT_UTF_8) from None


def _ratings(path: Path, spec: AdjustmentSpec) -> pd.DataFrame:
    """The columns of the file that the spec can use."""
    import pandas as pd

    from scoring.ratings import check_columns

    names = {"rep", "territory", "customer", "wave"}
    names |= {adjuster.name for adjuster in spec.adjusters if adjuster.kind == "category"}
    wanted = {*names, "weight", *(item.name for item in spec.items), *(adjuster.name for adjuster in spec.adjusters)}
    if path.suffix not in TABLES:
        raise Unusable(path=path, what="ratings are read from .csv or .parquet; save the table as one of these")
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            there = pyarrow.parquet.read_schema(path).names
            check_columns(there, spec)
            return pd.read_parquet(path, columns=[name for name in there if name in wanted])
        there = _header(path)
        check_columns(there, spec)
        # all columns are read, so that a row with more of them than the header is noticed
        table = pd.read_csv(
            path, dtype=dict.fromkeys(names, "str"), keep_default_na=False, na_values={name: [""] for name in wanted},
            encoding="utf-8-sig", index_col=False, low_memory=False,
        )  # fmt: skip
        return table[[name for name in there if name in wanted]]
    except Refusal:
        raise
    except UnicodeDecodeError:
        raise Unusable(path=path, what=NOT_UTF_8) from None
    except (ValueError, OSError, csv.Error) as error:
        if isinstance(error, OSError) and error.filename:
            raise  # the file cannot be opened; what can, but holds broken pages, is an OSError without a name too
        reason = " ".join(str(error).split()).rstrip(".")
        what = f"this table cannot be read ({reason}); mend the file, or save it anew"
        raise Unusable(path=path, what=what) from error


def _header(path: Path) -> list[str]:
    """The names of a CSV file's columns. Raises Unusable where there are none, or fewer than the first row has values:
    then nobody can tell which value belongs to which."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header, first = next(lines, []), next(lines, [])
    if not header:
        raise Unusable(path=path, what="this file is empty; its first line must name the columns")
    if len(first) > len(header):
        what = f"the first line names {len(header)} columns and the second has {len(first)} values; give each its name"
        raise Unusable(path=path, what=what)
    return header


def _effects(path: Path) -> dict[str, dict[str, float]]:
    """The territory effects by item of an earlier run: its run.json, or the folder that holds it."""
    path = path / "run.json" if path.is_dir() else path
    try:
        items = json.loads(_text(path))["items"]
        return {name: item["tau"] for name, item in items.items() if item["tau"]}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise Unusable(path=path, what="this is not the run.json of an earlier run") from None


def _write(files: Files) -> None:
    """Write each file beside its place and move it there whole. Raises Unusable before anything is written."""
    for path, content in files.items():
        if not isinstance(content, str) and path.suffix not in TABLES:
            raise Unusable(path=path, what=f"a table is written as {' or '.join(TABLES)}; name the file so")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        if isinstance(content, str):
            part.write_text(content, encoding="utf-8")
        elif path.suffix == ".parquet":
            content.to_parquet(part, index=False)
        else:
            content.to_csv(part, index=False, lineterminator="\n")
        part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
