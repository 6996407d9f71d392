"""What the bench of sending measures still runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import sending
from .child import Watch


@pytest.mark.slow
def test_the_bench_sends_every_letter(tmp_path: Path, postgres: str) -> None:
    watch = Watch()
    sending.drain(watch, str(tmp_path), f"{postgres}/postgres", "20", "2")
    assert watch.seconds > 0
    assert "letters a second" in watch.notes[0]
