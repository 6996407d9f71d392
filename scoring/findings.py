"""What a run has to say about itself: findings, which go with the numbers, and refusals, which replace them.

Both are English sentences with named places and the values that fill them, so that a page can translate the sentence
first and fill it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def N_(sentence: str) -> str:  # noqa: N802  # the mark gettext's tools look for
    """Mark a sentence for the catalogue of translations."""
    return sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the reader of a run must know. ``item`` is empty when it concerns the whole run."""

    name: str
    sentence: str
    item: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.sentence % self.values

    def record(self) -> dict[str, Any]:
        """Plain values for run.json."""
        return {"name": self.name, "item": self.item, "text": str(self), "sentence": self.sentence, **self.values}


class Refusal(ValueError):
    """Scoring was refused. ``sentence`` holds %(name)s places, ``values`` fills them."""

    sentence = ""

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(self.sentence % values)
