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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 600.0
"""Seconds after which even what should finish is given up."""
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
    megabytes, the last line it printed; ``unfinished`` says why it did not reach its end.
    """

    seconds: float
    busy: float
    peak: float
    output: str
    unfinished: str

    @property
    def told(self) -> Any:
        """What a child printed, as values."""
        return json.loads(self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Several runs of one thing: ``seconds`` by the clock and ``busy`` seconds of processor time of each, the highest
    ``peak`` in megabytes; or why it is ``unfinished``. ``notes`` are sentences to print beside it.
    """

    seconds: tuple[float, ...] = ()
    busy: tuple[float, ...] = ()
    peak: float = 0.0
    unfinished: str = ""
    notes: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """Seconds by the clock."""
        return statistics.median(self.seconds)

    @property
    def processor(self) -> float:
        """Median seconds of processor time."""
        return statistics.median(self.busy)


def command(arguments: Sequence[str], *, runs: int = 1) -> Measured:
    """A program of Python from its start to its end."""
    processes = [_finished(_process([sys.executable, *arguments], LIMIT)) for _ in range(runs)]
    return Measured(
        seconds=tuple(one.seconds for one in processes),
        busy=tuple(one.busy for one in processes),
        peak=max(one.peak for one in processes),
    )


def call(function: str, *arguments: object, runs: int = 1) -> Measured:
    """What ``module:function(watch, *arguments)`` does inside ``with watch:``; the rest only counts as memory."""
    return _measured([_finished(_child(function, arguments)) for _ in range(runs)])


def attempt(function: str, *arguments: object, limit: float) -> Measured:
    """The same once, for what may take longer than ``limit`` seconds or more memory than there is."""
    process = _child(function, arguments, limit=limit)
    return Measured(unfinished=process.unfinished) if process.unfinished else _measured([process])


def whereabouts(function: str, *arguments: object) -> dict[str, float]:
    """Processor seconds by function of the product for the same call, sampled in one more run."""
    return dict(_finished(_child(function, arguments, "--where")).told["where"])


def prepare(function: str, *arguments: object) -> None:
    """Make the files of a bench; nothing is measured."""
    _finished(_child(function, arguments))


def _measured(processes: Sequence[Process]) -> Measured:
    told = [process.told for process in processes]
    return Measured(
        seconds=tuple(one["seconds"] for one in told),
        busy=tuple(one["busy"] for one in told),
        peak=max(process.peak for process in processes),
        notes=tuple(told[-1]["notes"]),
    )


def _finished(process: Process) -> Process:
    if process.unfinished:
        raise Broken(process.unfinished)
    return process


def _child(function: str, arguments: Sequence[object], *options: str, limit: float = LIMIT) -> Process:
    return _process([sys.executable, "-m", "tests.bench.child", *options, function, *map(str, arguments)], limit)


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
        unfinished, last = "", err.read().decode().strip().rpartition("\n")[2]
        if process.returncode < 0:
            unfinished = f"not finished within {limit:.0f} s" if seconds >= limit else "ended by the system"
        elif "MemoryError" in last:
            unfinished = "not enough memory"
        elif process.returncode > 0:
            raise Broken(f"{' '.join(words[1:])}: {last}")
        return Process(
            seconds=seconds,
            busy=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss / 1024,
            output=out.read().decode().strip().rpartition("\n")[2],
            unfinished=unfinished,
        )
