"""Figures as text: what is printed, and what results.md holds."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.bench.runner import Measured

LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "pyarrow")
SHOWN = 12
"""Lines of a table of where the time goes; the rest is summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing measured, and what it should stay within."""

    what: str
    measured: Measured
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One subject: ``remarks`` are sentences (ratios, what stands in the way), ``where`` seconds by function."""

    title: str
    lines: tuple[Line, ...]
    remarks: tuple[str, ...] = ()
    where: Mapping[str, Mapping[str, float]] | None = None


def machine() -> str:
    """What the figures were taken on."""
    cpu = Path("/proc/cpuinfo")
    names = cpu.read_text().splitlines() if cpu.exists() else []
    name = next((line.partition(":")[2].strip() for line in names if line.startswith("model name")), platform.machine())
    libraries = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    return f"{os.cpu_count()} × {name}, one BLAS thread; Python {platform.python_version()}, {libraries}."


def ratio(what: str, slow: Measured, fast: Measured) -> str:
    """A sentence comparing the processor time of two things in the same run of the bench; empty without a figure."""
    if slow.unfinished or fast.unfinished:
        return ""
    return f"{what}: × {slow.processor / fast.processor:.3g} (processor)"


def markdown(section: Section) -> str:
    """The section as results.md has it."""
    rows = [_row(line) for line in section.lines]
    parts = [
        f"## {section.title}",
        "\n".join(
            ["| | median | fastest–slowest | processor | peak memory | target |", "|---|--:|--:|--:|--:|---|", *rows]
        ),
        "\n".join(f"- {remark}" for remark in section.remarks if remark),
        *(_where(title, seconds) for title, seconds in (section.where or {}).items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _where(title: str, seconds: Mapping[str, float]) -> str:
    whole = sum(seconds.values())
    ranked = sorted(seconds.items(), key=lambda pair: -pair[1])
    rest = sum(amount for _, amount in ranked[SHOWN:])
    shown = ranked[:SHOWN] + ([("everything else", rest)] if rest else [])
    rows = [f"| `{name}` | {amount:.2f} s | {amount / whole:.0%} |" for name, amount in shown]
    return "\n".join([f"Where the time goes, {title}:", "", "| | processor | share |", "|---|--:|--:|", *rows])


def _row(line: Line) -> str:
    measured = line.measured
    if measured.unfinished:
        cells = [line.what, measured.unfinished, "", "", ""]
    else:
        spread = f"{min(measured.seconds):.2f}–{max(measured.seconds):.2f} s of {len(measured.seconds)}"
        several = len(measured.seconds) > 1
        peak = f"{measured.peak:,.0f} MB"
        cells = [line.what, f"{measured.median:.2f} s", spread * several, f"{measured.processor:.2f} s", peak]
    return f"| {' | '.join([*cells, line.target])} |"
