"""Workers born quickly: everything is imported once; each line read starts one `evenhand worker` and tells its pid."""

from __future__ import annotations

import os
import signal
import sys

from survey.cli import main


def bear() -> None:
    """In a child of our own, which never comes back here."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nowhere, stream)
    try:
        main(["worker"])
    finally:
        os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried at once
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            bear()
        print(child, flush=True)
