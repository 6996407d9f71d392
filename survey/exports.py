"""Exports: one PDF per appraisal and an index, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from survey.appraisals.statement import Paper
from survey.refusals import Refused

INDEX = "index.csv"
COLUMNS = (
    "number", "revision", "period", "rep", "name", "scheme", "state", "total", "low", "high", "coverage", "band",
    "file", "sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One appraisal's file, or why there is none."""

    paper: Paper
    file: Path | None
    sha256: str
    refusal: Refused | None = None


def appraisals(
    papers: Sequence[Paper], out: Path, *, language: str, draw: Callable[[Paper], bytes]
) -> Iterator[Exported]:
    """Print each appraisal into `out`, one after the other, then the index of those that were printed.

    `draw` makes the PDF; what it refuses is reported and the others are printed all the same.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = []
    for paper in papers:
        try:
            pdf = draw(paper)
        except Refused as refusal:
            yield Exported(paper=paper, file=None, sha256="", refusal=refusal)
            continue
        exported = Exported(
            paper=paper, file=out / file_name(paper, language), sha256=hashlib.sha256(pdf).hexdigest()
        )  # fmt: skip
        write_whole(out / file_name(paper, language), pdf)
        done.append(exported)
        yield exported
    write_whole(out / INDEX, _index(done).encode("utf-8-sig"))


def file_name(paper: Paper, language: str) -> str:
    """NUMBER-revN.LANGUAGE.pdf, with nothing in it that a file system could trip over."""
    number = re.sub(r"[^\w.-]+", "_", paper.statement.number).lstrip(".")
    return f"{number}-rev{paper.statement.revision}.{language}.pdf"


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place complete and on the disk; a crash leaves the old one or none, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _index(done: Sequence[Exported]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in done:
        statement, standing = one.paper.statement, one.paper.standing
        outcome = statement.outcome
        band = standing.decision.band if standing.decision else outcome.band
        row = (
            statement.number, statement.revision, statement.period, statement.person.code, statement.person.name,
            statement.scheme, standing.state, outcome.printed, _tenth(outcome.low), _tenth(outcome.high),
            f"{outcome.coverage:.2f}", band, one.file.name if one.file else "", one.sha256,
        )  # fmt: skip
        writer.writerow([_inert(str(cell)) for cell in row])
    return text.getvalue()


def _tenth(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _inert(cell: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
