"""Kinds of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Enum

Json = dict[str, Any]


def one_of(name: str, *values: str) -> Enum:
    """A column that takes these words alone, on both databases."""
    return Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)
