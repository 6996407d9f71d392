"""Exports: one PDF per appraisal and an index, each file written whole or not at all.

A file says in itself, in the identifier every PDF carries, what it was printed from. An export that was stopped goes on
where it was: what is there already and still true is kept.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from survey.appraisals.statement import Paper
from survey.refusals import N_, Refused

INDEX, WORKBOOK = "index.csv", "index.xlsx"
DRAFT = ".draft"
_END = b"%%EOF"
COLUMNS = (
    "number", "revision", "period", "rep", "name", "scheme", "state", "total", "low", "high", "coverage", "band",
    "file", "sha256",
)  # fmt: skip


class ExportRunning(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One appraisal's file, or why there is none. `kept`: it was there already and still true."""

    paper: Paper
    file: Path | None
    sha256: str
    kept: bool = False
    refusal: Refused | None = None


def appraisals(
    papers: Sequence[Paper], out: Path, *, language: str, draw: Callable[[Paper], Callable[[], bytes]], workers: int = 2
) -> Iterator[Exported]:
    """Print each appraisal into `out`, then the index of those that are there, by number.

    `draw` is called here and gives what makes the PDF, which `workers` threads call; a PDF is expected to carry `mark`
    of its paper. What is refused is reported and the others are printed all the same. Raises ExportRunning.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out), ThreadPoolExecutor(workers) as pool:
        done: list[Exported] = []
        waiting: set[Future[Exported]] = set()
        for paper in papers:
            path = out / file_name(paper, language)
            kept = _kept(paper, path, language)
            if kept is not None:
                done.append(kept)
                yield kept
                continue
            waiting.add(pool.submit(_printed, paper, path, draw(paper)))
            if len(waiting) > workers:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    done.append(future.result())
                    yield done[-1]
        for future in waiting:
            done.append(future.result())
            yield done[-1]
        rows = [_row(one) for one in sorted(done, key=lambda one: one.paper.statement.number) if one.refusal is None]
        write_whole(out / INDEX, _csv(rows).encode("utf-8-sig"))
        write_whole(out / WORKBOOK, _workbook(rows))


def mark(paper: Paper, language: str) -> str:
    """What a PDF of this paper carries as its identifier: it changes with anything that is printed but the day."""
    printed = [paper.standing.snapshot, paper.standing.anchor, str(paper.standing.replaced_by), language]
    printed += [str(item) for item in paper.standing.plan]
    return hashlib.sha256("\n".join([*printed, version("evenhand")]).encode()).hexdigest()[:32]


def file_name(paper: Paper, language: str) -> str:
    """NUMBER-revN.LANGUAGE.pdf, with nothing in it that a file system could trip over."""
    number = re.sub(r"[^\w.-]+", "_", paper.statement.number).lstrip(".")
    return f"{number}-rev{paper.statement.revision}.{language}.pdf"


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place complete and on the disk; a crash leaves the old one or none, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}{DRAFT}")
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


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One export at a time in a directory, which is cleared of what a killed one left behind."""
    directory = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportRunning(
                N_("Another export is writing into %(directory)s. Wait for it, or name another directory."),
                directory=out,
            ) from None
        for draft in out.glob(f".*{DRAFT}"):
            draft.unlink(missing_ok=True)
        yield
    finally:
        os.close(directory)


def _kept(paper: Paper, path: Path, language: str) -> Exported | None:
    """The file that is there, if it is whole and was printed from the same."""
    if not path.exists():
        return None
    content = path.read_bytes()
    if not content.rstrip().endswith(_END) or mark(paper, language).encode() not in content:
        return None
    return Exported(paper=paper, file=path, sha256=hashlib.sha256(content).hexdigest(), kept=True)


def _printed(paper: Paper, path: Path, draw: Callable[[], bytes]) -> Exported:
    try:
        pdf = draw()
    except Refused as refusal:
        return Exported(paper=paper, file=None, sha256="", refusal=refusal)
    write_whole(path, pdf)
    return Exported(paper=paper, file=path, sha256=hashlib.sha256(pdf).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of the index, in the order of COLUMNS; None where nothing was measured."""

    number: str
    revision: int
    period: str
    rep: str
    name: str
    scheme: str
    state: str
    total: float | None
    low: float | None
    high: float | None
    coverage: float
    band: str
    file: str
    sha256: str


def _row(one: Exported) -> _Row:
    statement, standing = one.paper.statement, one.paper.standing
    outcome = statement.outcome
    return _Row(
        number=statement.number, revision=statement.revision, period=statement.period, rep=statement.person.code,
        name=statement.person.name, scheme=statement.scheme, state=standing.state,
        total=float(outcome.printed) if outcome.printed else None, low=_tenth(outcome.low), high=_tenth(outcome.high),
        coverage=round(outcome.coverage, 2), band=standing.decision.band if standing.decision else outcome.band,
        file=one.file.name if one.file else "", sha256=one.sha256,
    )  # fmt: skip


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _csv(rows: Sequence[_Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_inert(_shown(name, value)) for name, value in asdict(row).items()])
    return text.getvalue()


def _shown(column: str, value: object) -> str:
    if value is None:
        return ""
    digits = {"total": 1, "low": 1, "high": 1, "coverage": 2}.get(column)
    return str(value) if digits is None else f"{value:.{digits}f}"


def _inert(cell: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _workbook(rows: Sequence[_Row]) -> bytes:
    import xlsxwriter

    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        sheet = book.add_worksheet("appraisals")
        head = book.add_format({"bold": True, "bottom": 1})
        form = {"total": "0.0", "low": "0.0", "high": "0.0", "coverage": "0%"}
        for place, name in enumerate(COLUMNS):
            sheet.set_column(place, place, 24 if name in ("number", "name", "file") else 12,
                             book.add_format({"num_format": form[name]}) if name in form else None)  # fmt: skip
        sheet.write_row(0, 0, COLUMNS, head)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, list(asdict(row).values()))
    return target.getvalue()
