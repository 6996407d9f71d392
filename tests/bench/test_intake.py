"""What the bench of importing measures still runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from . import intake
from .child import Watch


def test_the_bench_brings_customers_in(tmp_path: Path) -> None:
    intake.write(Watch(), str(tmp_path), "200")
    intake.found(Watch(), str(tmp_path))
    watch = Watch()
    intake.bring_in(watch, str(tmp_path))
    assert watch.seconds > 0
    stored = sqlite3.connect(tmp_path / "evenhand.sqlite")
    counts = [stored.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("customer", "assignment")]
    stored.close()
    assert counts == [200, 200]
