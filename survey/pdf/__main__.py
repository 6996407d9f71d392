"""The printing process: reads pages from its standard input until that ends, answers each with a PDF or a refusal."""

from __future__ import annotations

import gc
import os
import resource
import sys

from survey.pdf import MARK, receive, send
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
    gc.freeze()
    gc.disable()  # collecting while a page is set takes as long as setting it; it is done when the page is out
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    send(answers, b"ready")
    while (order := receive(sys.stdin.buffer)) is not None:
        mark, page = order[:MARK].decode(), order[MARK:].decode()
        answer: bytes | Refused
        try:
            answer = typesetter.print(page, mark)
        except Refused as refusal:
            answer = refusal
        try:
            send(answers, answer)
        except BrokenPipeError:  # whoever asked is gone
            return
        gc.collect()


if __name__ == "__main__":
    main(int(sys.argv[1]))
