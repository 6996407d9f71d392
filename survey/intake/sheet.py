"""A file as rows: what the reading of any table hands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Cells = tuple[str, ...]


class Line(NamedTuple):
    """One row as a person sees it: the header is row 1. Cells are text, empty ones `""`.

    There are as many cells as headers, or the row itself is too short or too long.
    """

    number: int
    cells: Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Headers as written in the file, the rows under them (blank ones left out), any row's cells again by its number,
    the file's SHA-256 and name, and how its text was encoded (empty for a workbook). `chosen` says which header holds
    which of our columns where a person said so; the others are found by what they are called."""

    headers: tuple[str, ...]
    lines: Iterable[Line]
    cells: Callable[[int], Cells]
    digest: str
    encoding: str = ""
    name: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
