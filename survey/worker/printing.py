"""Printing every appraisal of a period: pages made here, pressed in two processes, for a command or an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from queue import SimpleQueue

from flask import Flask, current_app

from survey import exports
from survey.appraisals.statement import Paper
from survey.context import today
from survey.exports import Exported
from survey.pdf import Press
from survey.views.appraisals import pages_of

PRESSES = 2
"""Printing processes an export uses; each takes a processor while it works."""


def print_all(papers: Sequence[Paper], out: Path, *, language: str) -> Iterator[Exported]:
    """Print each paper into `out`, with an index; what is there and still true is kept. Raises ExportRunning."""
    app, day = current_app._get_current_object(), today()  # type: ignore[attr-defined]
    with ExitStack() as stack:
        presses: SimpleQueue[Press] = SimpleQueue()
        for _ in range(min(PRESSES, len(papers))):
            presses.put(stack.enter_context(Press()))

        def draw(one: Paper) -> Callable[[], bytes]:
            pages, mark = pages_of(one, language, printed_on=day), exports.mark(one, language)
            first = next(pages)
            return lambda: _on_a_free_press(presses, chain([first], _within(app, pages)), mark)

        yield from exports.appraisals(papers, out, language=language, draw=draw, workers=PRESSES)


def _on_a_free_press(presses: SimpleQueue[Press], pages: Iterable[str], mark: str) -> bytes:
    press = presses.get()
    try:
        return press.print_first(pages, mark)
    finally:
        presses.put(press)


def _within(app: Flask, pages: Iterator[str]) -> Iterator[str]:
    """Pages that are made in a worker's thread, should the first be too long."""
    while True:
        with app.app_context():
            page = next(pages, None)
        if page is None:
            return
        yield page
