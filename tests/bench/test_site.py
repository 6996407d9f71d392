"""What the bench of reading pages measures still runs."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from . import site
from .child import Watch


@pytest.mark.slow
def test_the_bench_reads_every_page(tmp_path: Path, postgres: str) -> None:
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench_site")
    watch = Watch()
    site.read(watch, str(tmp_path), f"{postgres}/bench_site", "300", "4000", "1")
    assert watch.seconds > 0
    assert len(watch.notes) == 2 * len(site.PAGES)
