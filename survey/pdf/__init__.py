"""Paper: a page of HTML in, a PDF out. The one keeper of WeasyPrint, which it runs in a process of its own.

A page that eats memory or never ends is stopped there, and harms neither the web server nor the next page.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Self

from survey.refusals import N_, Refused

MEMORY_BYTES = 2 * 1024**3
PAGE_SECONDS = 60.0
START_SECONDS = 900.0
"""The first start on a machine prepares the fonts, which takes a minute or more."""

MARK = 32
"""Characters of the identifier that go before each page."""

_LENGTH = struct.Struct(">cQ")
_PDF, _REFUSAL = b"P", b"R"


class PageRefused(Refused):
    """The printing process said no, and why."""


class SheetsExceeded(PageRefused):
    """It takes more sheets than it allows itself."""


class PrintingFailed(Refused):
    pass


class Press:
    """Prints one page at a time in a child process, which starts with the first page and is used again.

    Threads may share a press; they take turns. Close it, or use it in a `with` block.
    """

    def __init__(self, *, page_seconds: float = PAGE_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._page_seconds = page_seconds
        self._memory_bytes = memory_bytes
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def print(self, page: str, mark: str = "") -> bytes:
        """The page as PDF, identified by `mark` (32 hexadecimal digits; default: a digest of the page).

        Raises PageRefused for a page or a machine that cannot be printed (on), PrintingFailed when the child died or
        took longer than `page_seconds` or more than `memory_bytes`.
        """
        with self._turn:
            process = self._started()
            assert process.stdin is not None
            try:
                send(process.stdin, f"{mark or _digest(page)}{page}".encode())
            except BrokenPipeError:
                self.close()
                raise PrintingFailed(N_("The printing process stopped before the page was printed.")) from None
            return self._answer(process, self._page_seconds)

    def print_first(self, pages: Iterable[str], mark: str = "") -> bytes:
        """The first of these pages that takes no more sheets than it allows itself; raises what `print` does.

        Several shapes of one page are expected, from the most comfortable to the one that fits whatever it holds: they
        are only made when the one before was too long.
        """
        for page in pages:
            try:
                return self.print(page, mark)
            except SheetsExceeded as refusal:
                exceeded = refusal
        raise exceeded

    def close(self) -> None:
        self._stop()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            scratch = tempfile.mkdtemp(prefix="evenhand-press-")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "survey.pdf", str(self._memory_bytes)],
                cwd=Path(__file__).resolve().parent.parent.parent, env={**os.environ, "TMPDIR": scratch},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            )  # fmt: skip
            self._stop = weakref.finalize(self, _end, self._process, scratch)
            self._answer(self._process, START_SECONDS)
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert process.stdout is not None
        try:
            answer = receive(process.stdout, seconds=seconds)
        except TimeoutError:
            self.close()
            raise PrintingFailed(
                N_("Printing a page took longer than %(seconds)s seconds and was stopped."), seconds=round(seconds)
            ) from None
        except PageRefused:
            if process.poll() is not None:
                self.close()
            raise
        if answer is None:
            self.close()
            raise PrintingFailed(N_("The printing process stopped before the page was printed."))
        return answer


def _digest(page: str) -> str:
    return hashlib.sha256(page.encode()).hexdigest()[:MARK]


def _end(process: subprocess.Popen[bytes], scratch: str) -> None:
    """Who is killed tidies nothing up, and the fonts of one process are 20 MB."""
    process.kill()
    process.communicate()
    shutil.rmtree(scratch, ignore_errors=True)


def send(pipe: IO[bytes], message: bytes | Refused) -> None:
    """Write one message whole: its kind, its length, its bytes."""
    kind, body = (_PDF, message) if isinstance(message, bytes) else (_REFUSAL, _told(message))
    rest = memoryview(_LENGTH.pack(kind, len(body)) + body)
    while rest:
        rest = rest[pipe.write(rest) :]


def receive(pipe: IO[bytes], *, seconds: float | None = None) -> bytes | None:
    """The next message, or None when the other side is gone. Raises PageRefused when it is a refusal, TimeoutError."""
    deadline = None if seconds is None else time.monotonic() + seconds
    header = _read(pipe, _LENGTH.size, deadline)
    if header is None:
        return None
    kind, length = _LENGTH.unpack(header)
    body = _read(pipe, length, deadline)
    if body is not None and kind == _REFUSAL:
        told = json.loads(body)
        raise (SheetsExceeded if told["sheets"] else PageRefused)(told["sentence"], **told["values"])
    return body


def _told(refusal: Refused) -> bytes:
    told = {"sentence": refusal.sentence, "values": refusal.values, "sheets": isinstance(refusal, SheetsExceeded)}
    return json.dumps(told, default=str).encode()


def _read(pipe: IO[bytes], length: int, deadline: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        if deadline is not None and not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(pipe.fileno(), min(length - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
