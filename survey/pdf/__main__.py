"""The printing process: reads pages from its standard input until that ends, answers each with a PDF or a refusal."""

from __future__ import annotations

import os
import resource
import sys

from survey.pdf import receive, send
from survey.pdf.typesetting import Typesetter
from survey.refusals import Refused


def main(memory_bytes: int) -> None:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    try:
        typesetter = Typesetter()
    except Refused as refusal:
        send(answers, refusal)
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    send(answers, b"ready")
    while (page := receive(sys.stdin.buffer)) is not None:
        try:
            send(answers, typesetter.print(page.decode()))
        except Refused as refusal:
            send(answers, refusal)


if __name__ == "__main__":
    main(int(sys.argv[1]))
