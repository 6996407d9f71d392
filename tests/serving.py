"""A real gunicorn before the application, and a crowd of clients that keep their lines open."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from survey.config import Settings

ROOT = Path(__file__).resolve().parents[1]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATIENCE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One form to be posted; without fields, a page to be read."""

    path: str
    fields: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back, and how long it took in seconds; status 0: the line broke."""

    status: int
    location: str
    seconds: float


class Server:
    """A gunicorn with `workers` processes. It may be killed with all of them, or lose one, and be started again."""

    def __init__(self, app: str, settings: Settings, *, workers: int = 2, threads: int = 2) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        keys = {name: key.get_secret_value() for name, key in settings.token_keys.items()}
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EVENHAND_DIR": str(settings.evenhand_dir),
            "DATABASE_URL": settings.database_url,
            "BASE_URL": settings.base_url,
            "SECRET_KEY": settings.secret_key.get_secret_value(),
            "TOKEN_KEYS": str(keys).replace("'", '"'),
        }
        self._command = [
            sys.executable, "-m", "gunicorn", "--workers", str(workers), "--threads", str(threads), "--bind",
            f"127.0.0.1:{self.port}", "--backlog", "4096", "--log-level", "error", "--no-control-socket", app,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, start_new_session=True)
        _wait_for(self.port, self._process)

    def workers(self) -> list[int]:
        """The numbers of the processes that answer."""
        return children(self._process.pid)

    def kill(self) -> None:
        """Everything at once, without a warning."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=PATIENCE)


def children(number: int) -> list[int]:
    """The numbers of the processes a process has begun."""
    return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


@contextmanager
def served(app: str, settings: Settings, *, workers: int = 2, threads: int = 2) -> Iterator[int]:
    """Serve `module:app` with these settings; gives the port."""
    server = Server(app, settings, workers=workers, threads=threads)
    try:
        yield server.port
    finally:
        server.stop()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        line = http.client.HTTPConnection("localhost", port, timeout=PATIENCE)
        try:
            line.request("GET", "/privacy")
            if line.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            line.close()
    raise RuntimeError("the server did not come up")


def post_all(port: int, posts: Sequence[Post], *, clients: int, rate: float = 0.0) -> list[Answered]:
    """Send every post, spread over the clients in order; with a `rate`, that many a second and no more."""
    begin = time.monotonic()

    def client(number: int) -> list[tuple[int, Answered]]:
        line = http.client.HTTPConnection("localhost", port, timeout=PATIENCE)
        told = []
        for place in range(number, len(posts), clients):
            if rate:
                time.sleep(max(0.0, begin + place / rate - time.monotonic()))
            told.append((place, send(line, posts[place])))
        line.close()
        return told

    with ThreadPoolExecutor(clients) as crowd:
        told = [pair for pairs in crowd.map(client, range(clients)) for pair in pairs]
    return [answered for _, answered in sorted(told, key=lambda pair: pair[0])]


def send(line: http.client.HTTPConnection, post: Post) -> Answered:
    """One form over a line that is kept; one that broke is opened anew the next time."""
    since = time.perf_counter()
    try:
        if post.fields is None:
            line.request("GET", post.path)
        else:
            line.request("POST", post.path, urlencode(post.fields), FORM)
        response = line.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        line.close()
        return Answered(status=0, location="", seconds=time.perf_counter() - since)
    seconds = time.perf_counter() - since
    return Answered(status=response.status, location=response.headers.get("Location", ""), seconds=seconds)
