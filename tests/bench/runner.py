"""Fresh processes, timed from outside or by themselves, with their peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = {
    **os.environ,
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONDONTWRITEBYTECODE": "",  # as installed: the second run finds everything compiled
}


class Broken(Exception):
    """What should be measured failed, so there is no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process that ran: ``seconds`` by the clock, ``busy`` seconds of processor time, ``peak`` resident memory in
    megabytes, what it printed last.
    """

    seconds: float
    busy: float
    peak: float
    output: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Several runs of one thing: ``seconds`` by the clock and ``busy`` seconds of processor time of each, the highest
    ``peak`` in megabytes, or why there is none.
    """

    seconds: tuple[float, ...] = ()
    busy: tuple[float, ...] = ()
    peak: float = 0.0
    problem: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def median(self) -> float:
        """Seconds by the clock."""
        return statistics.median(self.seconds)

    @property
    def processor(self) -> float:
        """Median seconds of processor time."""
        return statistics.median(self.busy)


def command(arguments: Sequence[str], *, runs: int = 1, limit: float = 600) -> Measured:
    """A program from its start to its end."""
    processes = [_process([sys.executable, *arguments], limit) for _ in range(runs)]
    for one in processes:
        if one.problem:
            raise Broken(f"{' '.join(arguments)}: {one.problem}")
    return Measured(
        seconds=tuple(one.seconds for one in processes),
        busy=tuple(one.busy for one in processes),
        peak=max(one.peak for one in processes),
    )


def call(function: str, *arguments: object, runs: int = 1, limit: float = 600) -> Measured:
    """What ``module:function(watch, *arguments)`` does inside ``with watch:``; the rest only counts as memory.

    A run that does not finish, or fails, ends the series and is told as the problem.
    """
    seconds: list[float] = []
    busy: list[float] = []
    peak, notes = 0.0, ()
    for _ in range(runs):
        process = _child(function, arguments, limit)
        if process.problem:
            return Measured(peak=process.peak, problem=process.problem)
        told = json.loads(process.output)
        seconds.append(told["seconds"])
        busy.append(told["busy"])
        peak, notes = max(peak, process.peak), tuple(told["notes"])
    return Measured(seconds=tuple(seconds), busy=tuple(busy), peak=peak, notes=notes)


def whereabouts(function: str, *arguments: object, limit: float = 600) -> dict[str, float]:
    """Seconds by function of the product for the same call, sampled in one more run."""
    process = _child(function, arguments, limit, "--where")
    if process.problem:
        raise Broken(f"{function}: {process.problem}")
    return dict(json.loads(process.output)["where"])


def prepare(function: str, *arguments: object) -> None:
    """Make the files of a bench; nothing is measured."""
    process = _child(function, arguments, 600)
    if process.problem:
        raise Broken(f"{function}: {process.problem}")


def _child(function: str, arguments: Sequence[object], limit: float, *options: str) -> Process:
    words = [sys.executable, "-m", "tests.bench.child", *options, function, *map(str, arguments)]
    return _process(words, limit)


def _process(words: Sequence[str], limit: float) -> Process:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdout=out, stderr=err, cwd=ROOT, env=SETTINGS)
        guard = threading.Timer(limit, process.kill)
        guard.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        guard.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        problem = "" if process.returncode == 0 else _problem(err.read().decode(), seconds >= limit, limit)
        return Process(
            seconds=seconds,
            busy=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss / 1024,
            output=out.read().decode().strip().rpartition("\n")[2],
            problem=problem,
        )


def _problem(errors: str, overdue: bool, limit: float) -> str:
    if overdue:
        return f"not finished within {limit:.0f} s"
    return errors.strip().rpartition("\n")[2] or "ended by the system, probably for want of memory"
