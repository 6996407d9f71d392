"""Measure, print and write results.md: ``python -m tests.bench [SUBJECT …]``. A choice of subjects is only printed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import answering, intake, paper, scoring, sending, site
from tests.bench.report import machine, markdown

SUBJECTS = {
    subject.__name__: subject
    for subject in (
        scoring.adjusting,
        scoring.command_line,
        scoring.beside_others,
        intake.importing,
        paper.printing,
        sending.mailing,
        answering.answering,
        site.reading,
    )
}
RESULTS = Path(__file__).with_name("results.md")

PREFACE = """\
# Figures

Written by `make bench`. Medians by the clock and of processor time over several runs, each in a fresh process, and the
highest resident memory of that process from its start to its end; making the data is not measured. These numbers are
read, not asserted: by the clock they also tell what else the machine was doing.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT", help=", ".join(SUBJECTS))
    chosen = parser.parse_args().subjects
    parts = [PREFACE, machine() + "\n"]
    print("\n".join(parts), flush=True)
    for name in chosen or SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="evenhand-bench-") as folder:
            parts.append(markdown(SUBJECTS[name](Path(folder))))
        print(parts[-1], flush=True)
    if not chosen:
        RESULTS.write_text("\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
