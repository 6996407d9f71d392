"""A fresh process that does one thing and prints how long it took as JSON: ``python -m tests.bench.child FUNCTION …``.

With ``--where`` it samples instead where the time goes: the innermost function of the product on the stack.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = (str(ROOT / "scoring"), str(ROOT / "survey"))
EVERY = 0.001
"""Seconds of processor time between two samples."""


class Watch:
    """Times what happens inside ``with watch:``, by the clock and in processor time.

    ``notes`` are sentences to print beside the figure.
    """

    def __init__(self) -> None:
        self.seconds = self.busy = 0.0
        self.notes: list[str] = []

    def __enter__(self) -> Watch:
        self._begin = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.seconds += time.perf_counter() - self._begin[0]
        self.busy += time.process_time() - self._begin[1]

    def told(self) -> dict[str, object]:
        return {"seconds": self.seconds, "busy": self.busy, "notes": self.notes}


class Sampler(Watch):
    """Credits the processor time since the last sample to the function of the product that is running.

    A signal waits until a long call into a library returns, so samples are not counted but weighed by the time between
    them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.where: Counter[str] = Counter()
        self._last = 0.0

    def __enter__(self) -> Watch:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        self._last = time.process_time()
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        super().__exit__(kind, error, at)
        signal.setitimer(signal.ITIMER_PROF, 0)

    def told(self) -> dict[str, object]:
        return {**super().told(), "where": dict(self.where)}

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.process_time()
        self.where[_place(frame)] += now - self._last
        self._last = now


def _place(frame: FrameType | None) -> str:
    """importing, or the innermost function of the product on the stack."""
    found = ""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return "importing"
        if not found and name.startswith(PRODUCT):
            found = f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname.partition('.<locals>')[0]}"
        frame = frame.f_back
    return found or "outside the product"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--where", action="store_true")
    parser.add_argument("function")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    module, name = options.function.split(":")
    watch = Sampler() if options.where else Watch()
    getattr(importlib.import_module(module), name)(watch, *options.arguments)
    print(json.dumps(watch.told()))


if __name__ == "__main__":
    main()
