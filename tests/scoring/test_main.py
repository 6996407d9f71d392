"""The command line: files in, files out, one clear sentence when it cannot be done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from scoring.__main__ import main
from scoring.adjustment import adjust
from scoring.ratings import Ratings
from scoring.spec import AdjustmentSpec
from scoring.synthetic import Company, invent

SPEC = """
[[item]]
name = "advice"
lo = 1
hi = 5
[[item]]
name = "delivery"
lo = 1
hi = 5
[[adjuster]]
name = "segment"
kind = "category"
reason = "fixed by the company before the period"
[[adjuster]]
name = "tenure"
kind = "number"
reason = "fixed before the period"
[composite]
name = "satisfaction"
items = ["advice", "delivery"]
"""
COLUMNS = [
    "rep",
    "item",
    "responses",
    "customers",
    "raw",
    "mix",
    "territory",
    "centring",
    "adjusted",
    "se",
    "df",
    "low",
    "high",
    "reliability",
    "reported",
    "reported_sd",
    "peer",
    "company",
    "case",
    "component",
    "fragile",
    "rank_low",
    "rank_high",
    "evidence",
]


@pytest.fixture
def table() -> pd.DataFrame:
    company = Company(reps=20, territories=5, items=("advice", "delivery"), answers=(8, 60), alone=1)
    made = invent(company, seed=5).table
    return made[(made["rep"] != "R000003") | (made.groupby("rep").cumcount() < 2)]


@pytest.fixture
def folder(tmp_path: Path, table: pd.DataFrame) -> Path:
    (tmp_path / "spec.toml").write_text(SPEC, encoding="utf-8")
    table.to_csv(tmp_path / "ratings.csv", index=False)
    table.to_parquet(tmp_path / "ratings.parquet")
    return tmp_path


def command(folder: Path, ratings: str = "ratings.csv", spec: str = "spec.toml", out: str = "out") -> int:
    return main(["adjust", str(folder / ratings), "--spec", str(folder / spec), "--out", str(folder / out)])


def scores(folder: Path, out: str = "out") -> pd.DataFrame:
    return pd.read_csv(folder / out / "scores.csv")


def test_three_files_with_the_contracts_columns(folder: Path) -> None:
    assert command(folder) == 0
    table = scores(folder)
    assert table.columns[:24].tolist() == COLUMNS
    shown = table[table["evidence"] != "withheld"]
    added = shown["raw"] + shown["mix"] + shown["territory"] + shown["centring"]
    assert (added - shown["adjusted"]).abs().max() < 1e-9
    withheld = table[table["evidence"] == "withheld"]
    assert withheld["rep"].tolist() == ["R000003"] * 3
    assert withheld[COLUMNS[4:18]].isna().all(axis=None)
    assert withheld["responses"].tolist() == [2, 2, 2]
    steps = pd.read_csv(folder / "out" / "steps.csv")
    assert steps.columns.tolist() == ["rep", "item", "adjuster", "amount"]
    total = steps.groupby(["rep", "item"])["amount"].sum()
    assert (shown.set_index(["rep", "item"])["mix"] - total).abs().max() < 1e-9
    assert not set(steps["rep"]) & {"R000003"}
    record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["items"].keys() == {"advice", "delivery", "satisfaction"}
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["run.json", "scores.csv", "steps.csv"]


def test_ranks_are_sets_and_one_is_best(folder: Path) -> None:
    command(folder)
    table = scores(folder)
    ranked = table[table["rank_low"].notna() & (table["item"] == "satisfaction")]
    assert set(ranked["evidence"]) <= {"full", "provisional"}
    assert (ranked["rank_low"] <= ranked["rank_high"]).all()
    assert ranked.loc[ranked["adjusted"].idxmax(), "rank_low"] == 1


def test_unrounded_numbers_as_the_function_gives_them(folder: Path, table: pd.DataFrame) -> None:
    command(folder)
    spec = AdjustmentSpec.from_toml(SPEC)
    found = adjust(Ratings.from_table(table, spec), spec)
    written = scores(folder)["adjusted"]
    for score, number in zip(found.scores, written, strict=True):
        assert score.adjusted == (None if pd.isna(number) else number)


def test_csv_and_parquet_rows_in_any_order_give_the_same_bytes(folder: Path, table: pd.DataFrame) -> None:
    table.sample(frac=1, random_state=2).to_csv(folder / "shuffled.csv", index=False, encoding="utf-8-sig")
    command(folder)
    command(folder, "ratings.parquet", out="parquet")
    command(folder, "shuffled.csv", out="shuffled")
    for name in ("scores.csv", "steps.csv", "run.json"):
        first = (folder / "out" / name).read_bytes()
        assert (folder / "parquet" / name).read_bytes() == first
        assert (folder / "shuffled" / name).read_bytes() == first


def test_territory_effects_of_an_earlier_run_are_kept(folder: Path) -> None:
    command(folder)
    kept = f'territory_from = "{(folder / "out").as_posix()}"\n'
    (folder / "kept.toml").write_text(kept + SPEC, encoding="utf-8")
    assert command(folder, spec="kept.toml", out="again") == 0
    one, other = (json.loads((folder / out / "run.json").read_text(encoding="utf-8")) for out in ("out", "again"))
    assert other["policy"] == "frozen"
    assert other["items"]["advice"]["tau"] == one["items"]["advice"]["tau"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ratings": "absent.csv"}, "absent.csv: No such file or directory; check the path"),
        ({"ratings": "ratings.xlsx"}, "ratings.xlsx: ratings are read from .csv or .parquet"),
        ({"ratings": "empty.csv"}, "empty.csv: this file is empty; its first line must name the columns"),
        ({"ratings": "header.csv"}, "Nobody has answered any of the items"),
        ({"ratings": "gbk.csv"}, "gbk.csv: this is not UTF-8 text; save it as UTF-8"),
        ({"ratings": "unnamed.csv"}, "names 8 columns and the second has 9 values; give each its name"),
        ({"ratings": "quote.csv"}, "quote.csv: this table cannot be read (field larger than field limit"),
        ({"ratings": "pages.parquet"}, "pages.parquet: this table cannot be read"),
        ({"ratings": "long.csv"}, "long.csv: this table cannot be read"),
        ({"ratings": "twice.csv"}, "The ratings have the column delivery twice; remove one of them"),
        ({"ratings": "semicolon.csv"}, "no column rep; every row must say who was rated"),
        ({"ratings": "broken.parquet"}, "broken.parquet: this table cannot be read"),
        ({"ratings": "column.csv"}, "The ratings have no column delivery"),
        ({"ratings": "one.csv"}, "All ratings are about one rep, R000001"),
        ({"spec": "bare.toml"}, "The spec has no item"),
        ({"spec": "gbk.csv"}, "gbk.csv: this is not UTF-8 text"),
        ({"spec": "kept.toml"}, "spec.toml: this is not the run.json of an earlier run"),
        ({"out": "ratings.csv"}, "ratings.csv: File exists; check the path"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    folder: Path, table: pd.DataFrame, capsys: pytest.CaptureFixture[str], changed: dict[str, str], says: str
) -> None:
    for name in ("empty.csv", "ratings.xlsx", "bare.toml"):
        (folder / name).write_text("")
    (folder / "gbk.csv").write_bytes("业务员,区域\n李,北京\n".encode("gb18030"))
    (folder / "broken.parquet").write_bytes(b"not a parquet file")
    (folder / "kept.toml").write_text(f'territory_from = "{(folder / "spec.toml").as_posix()}"\n{SPEC}')
    table.drop(columns="delivery").to_csv(folder / "column.csv", index=False)
    text = table.to_csv(index=False)
    header, rows = text.split("\n", 1)
    (folder / "header.csv").write_text(header)
    (folder / "quote.csv").write_text('"' + 200_000 * "x")
    (folder / "pages.parquet").write_bytes(b"PAR1" + bytes(900) + (folder / "ratings.parquet").read_bytes()[904:])
    (folder / "unnamed.csv").write_text(f"{header}\n" + rows.replace("\n", ",9\n"))
    (folder / "long.csv").write_text(text + "a,b,c,d,e,f,g,h,i,j\n")
    (folder / "twice.csv").write_text(text.replace("mode", "delivery", 1))
    (folder / "semicolon.csv").write_text(text.replace(",", ";"))
    table.assign(rep="R000001").to_csv(folder / "one.csv", index=False)
    assert command(folder, **changed) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (folder / "out" / "scores.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["adjust"], ["adjust", "ratings.csv"], ["guess"], ["plan", "--icc", ".05"],
        ["plan", "--icc", "five", "--reliability", ".8"],
    ],
)  # fmt: skip
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "--icc", "2", "--reliability", ".8"], "icc is 2.0; give a number above 0 and below 1"),
        (["plan", "--icc", "nan", "--reliability", ".8"], "icc is nan; give a number"),
        (["plan", "--icc", ".05", "--reliability", "1"], "reliability is 1.0; give a number"),
        (
            ["plan", "--icc", ".05", "--reliability", ".8", "--customers", "9"],
            "customers and response-rate go",
        ),
        (["simulate", "--seed", "-1", "--responses", "100", "--out", "x.csv"], "seed is -1; give a whole number"),
        (["simulate", "--seed", "1", "--responses", "0", "--out", "x.csv"], "0 responses are too few for 2 reps"),
        (["simulate", "--seed", "1", "--responses", "100", "--items", "0", "--out", "x.csv"], "needs a rep"),
        (["simulate", "--seed", "1", "--responses", "100", "--out", "x.xlsx"], "written as .csv or .parquet"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    refused = capsys.readouterr()
    assert says in refused.err
    assert len(refused.err.splitlines()) == 1
    assert refused.out == ""
    assert list(tmp_path.iterdir()) == []


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("adjust", "appraise", "plan", "simulate"):
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"python -m scoring {name}" in capsys.readouterr().out.split("example")[1]


def test_plan_and_simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--icc", ".05", "--reliability", ".8"]) == 0
    assert "76 answers" in capsys.readouterr().out
    out = tmp_path / "made.parquet"
    assert main(["simulate", "--seed", "1", "--responses", "400", "--out", str(out)]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["adjust", str(files[0]), "--spec", str(files[2]), "--out", str(tmp_path / "scored")]) == 0


def test_it_runs_as_a_module_with_one_thread(folder: Path) -> None:
    arguments = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "scoring",
        "adjust",
        "ratings.csv",
        "--spec",
        "spec.toml",
        "--out",
        "o",
    ]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        arguments, cwd=folder, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert command(folder) == 0
    assert (folder / "o" / "scores.csv").read_bytes() == (folder / "out" / "scores.csv").read_bytes()
