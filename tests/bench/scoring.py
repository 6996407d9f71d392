"""Scoring: the adjustment alone, the whole command, and other software on the same answers."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import Line, Section, ratio
from tests.bench.runner import Measured, attempt, call, command, prepare, whereabouts

if TYPE_CHECKING:
    import numpy as np

    from tests.bench.child import Watch

HERE = "tests.bench.scoring"
WORLDS = "tests.bench.worlds"
PATIENCE = 120
"""Seconds that other software is given."""

LMER = """\
library(lme4)
answers <- read.csv(commandArgs(TRUE)[1])
terms <- grep("^x", names(answers), value = TRUE)
formula <- reformulate(c(terms, "(1 | rep)", "(1 | territory)"), "score")
cat(system.time(lmer(formula, answers))["elapsed"], "\\n")
"""


def adjusting(folder: Path) -> Section:
    """One item from arrays in memory, at one and at ten million answers."""
    table, million, ten, group = (folder / name for name in ("table", "million", "ten-million", "group"))
    prepare(f"{WORLDS}:rows", table, 1_000_000, 20_000)
    prepare(f"{WORLDS}:arrays", million, 1_000_000, 20_000)
    checked = call(f"{HERE}:check", table, runs=3)
    once = call(f"{HERE}:adjust_ratings", million, runs=5)
    where = whereabouts(f"{HERE}:adjust_ratings", million)
    checking = whereabouts(f"{HERE}:check", table)
    prepare(f"{WORLDS}:arrays", ten, 10_000_000, 20_000)
    tenfold = call(f"{HERE}:adjust_ratings", ten)
    prepare(f"{WORLDS}:arrays", group, 100_000, 2_000)
    ranked = call(f"{HERE}:rank", group, runs=3)
    return Section(
        title="The adjustment, from arrays in memory",
        lines=(
            Line(what="1,000,000 answers about 20,000 reps, 30 territories, 20 design columns", measured=once,
                 target="≤ 4 s, ≤ 1,200 MB"),
            Line(what="10,000,000 answers about the same reps", measured=tenfold, target="≤ 11 × the line above"),
            Line(what="before it: checking a table of 1,000,000 rows and ordering it", measured=checked),
            Line(what="after it: rank sets of 2,000 reps, compared all with all", measured=ranked, target="≤ 10 s"),
        ),
        remarks=(ratio("10,000,000 answers against 1,000,000", tenfold, once),),
        where={"1,000,000 answers, the adjustment": where, "1,000,000 answers, checking the table": checking},
    )  # fmt: skip


def command_line(folder: Path) -> Section:
    """``python -m scoring adjust``, from the start of the process to its end."""
    million, small, lectures = folder / "five", folder / "small", folder / "lectures"
    for path, responses, reps in ((million, 1_000_000, 20_000), (small, 10_000, 200)):
        size = ["--responses", str(responses), "--reps", str(reps), "--territories", "30"]
        command(["-m", "scoring", "simulate", "--seed", "1", *size, "--items", "5", "--out", f"{path}.parquet"])
        Path(f"{path}-spec.toml").rename(f"{path}.toml")
    prepare(f"{WORLDS}:lectures", lectures)
    whole, short, real = _adjust(million, runs=3), _adjust(small, runs=5), _adjust(lectures, runs=5)
    imports = call(f"{HERE}:import_libraries", runs=5)
    share = imports.processor / short.processor
    return Section(
        title="python -m scoring adjust, the whole process",
        lines=(
            Line(what="a parquet file of 1,000,000 rows, five items and a composite", measured=whole,
                 target="≤ 30 s, ≤ 3,000 MB"),
            Line(what="10,000 rows, five items and a composite", measured=short, target="≤ 3 s"),
            Line(what="InstEval: 73,421 ratings of 1,128 lecturers", measured=real, target="≤ 4 s"),
            Line(what="of each of these, importing the libraries", measured=imports),
        ),
        remarks=(f"Importing pandas, scipy and statsmodels is {share:.0%} of the time for 10,000 rows (processor).",),
        where={
            "1,000,000 rows": whereabouts(f"{HERE}:run", *_words(million)),
            "10,000 rows": whereabouts(f"{HERE}:run", *_words(small)),
            "InstEval": whereabouts(f"{HERE}:run", *_words(lectures)),
        },
    )  # fmt: skip


def beside_others(folder: Path) -> Section:
    """The same answers through general software. It does less: no clusters, no territories, no checks, no steps."""
    lines: list[Line] = []
    remarks: list[str] = []
    for responses, reps in ((10_000, 200), (100_000, 2_000)):
        path, size = folder / f"answers-{responses}", f"{responses:,} answers, {reps:,} reps"
        prepare(f"{WORLDS}:arrays", path, responses, reps)
        ours = call(f"{HERE}:adjust_ratings", path, runs=3)
        lines.append(Line(what=f"{size}: Evenhand, all of it", measured=ours))
        others = {
            "statsmodels MixedLM, a random intercept per rep": attempt(f"{HERE}:mixed_model", path, limit=PATIENCE),
            "statsmodels OLS, a column per rep": attempt(f"{HERE}:dummies", path, limit=PATIENCE),
        }
        if shutil.which("Rscript"):
            others["R lme4, random intercepts per rep and territory"] = attempt(f"{HERE}:lmer", path, limit=PATIENCE)
        for name, measured in others.items():
            lines.append(Line(what=f"{size}: {name}", measured=measured))
            remarks += [ratio(f"{size}, {name} against Evenhand", measured, ours), *measured.notes]
    if not shutil.which("Rscript"):
        remarks.append("R is not installed here (no Rscript), so lme4 was not measured.")
    return Section(title="Beside general software, on the same answers", lines=tuple(lines), remarks=tuple(remarks))


def _words(path: Path) -> list[str]:
    return ["adjust", f"{path}.parquet", "--spec", f"{path}.toml", "--out", f"{path}-scores"]


def _adjust(path: Path, runs: int) -> Measured:
    return command(["-m", "scoring", *_words(path)], runs=runs)


def adjust_ratings(watch: Watch, path: str) -> None:
    """Scores, steps, uncertainty, and the record of the run with its intervals and checks."""
    from scoring.adjustment import adjust
    from tests.bench.worlds import spec, stored

    ratings = stored(path)
    with watch:
        adjust(ratings, spec()).record()


def check(watch: Watch, path: str) -> None:
    from scoring.ratings import Ratings
    from tests.bench.worlds import spec, stored

    table = stored(path)
    with watch:
        Ratings.from_table(table, spec())


def rank(watch: Watch, path: str) -> None:
    from scoring.adjustment import adjust
    from scoring.comparison import with_ranks
    from tests.bench.worlds import spec, stored

    run = adjust(stored(path), spec())
    with watch:
        with_ranks(run)


def run(watch: Watch, *words: str) -> None:
    with watch, contextlib.redirect_stdout(io.StringIO()):
        from scoring.__main__ import main

        if main(words):
            raise SystemExit(1)


def import_libraries(watch: Watch) -> None:
    with watch:
        import statsmodels.regression.linear_model  # noqa: F401


def mixed_model(watch: Watch, path: str) -> None:
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM

    score, columns, rep, _ = _design(path)
    with warnings.catch_warnings(), watch:
        warnings.simplefilter("ignore")
        result = MixedLM(score, columns, groups=rep).fit()
    if not result.converged:
        watch.notes.append("statsmodels MixedLM says that it did not converge.")


def dummies(watch: Watch, path: str) -> None:
    import numpy as np
    from statsmodels.regression.linear_model import OLS

    score, columns, rep, _ = _design(path)
    with watch:
        indicators = (rep[:, None] == np.arange(rep.max() + 1)).astype(float)
        OLS(score, np.hstack([indicators, columns[:, 1:]])).fit()


def lmer(watch: Watch, path: str) -> None:
    import subprocess

    import pandas as pd

    score, columns, rep, territory = _design(path)
    answers = pd.DataFrame(columns[:, 1:]).add_prefix("x").assign(score=score, rep=rep, territory=territory)
    answers.to_csv(f"{path}.csv", index=False)
    words = ["Rscript", "--vanilla", "-e", LMER, f"{path}.csv"]
    watch.seconds = watch.busy = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def _design(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Answers, an intercept and the 20 columns (rows, 21), rep and territory."""
    import numpy as np

    from scoring.adjusters import Design
    from tests.bench.worlds import ITEM, spec, stored

    ratings = stored(path)
    columns = Design.build(ratings, spec()).block(ratings, slice(0, len(ratings)))
    return ratings.items[ITEM], np.column_stack([np.ones(len(ratings)), columns]), ratings.rep, ratings.territory
