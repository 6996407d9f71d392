"""The one base of every "no" we say to a person: a sentence that can be translated, with its values beside it."""

from __future__ import annotations

from typing import Any


def N_(sentence: str) -> str:  # noqa: N802 - the customary mark for a sentence translated later
    """Mark a sentence for the catalogue; the door that shows it translates it."""
    return sentence


class Refused(Exception):
    """Work was refused. `sentence` holds %(name)s places, `values` fills them; doors translate, then fill.

    `problems` lists further refusals when there are several to be named at once.
    """

    def __init__(self, sentence: str, *, problems: tuple[Refused, ...] = (), **values: Any) -> None:
        self.sentence = sentence
        self.values = values
        self.problems = problems
        super().__init__(sentence % values)


def kept(refusal: Refused) -> dict[str, Any]:
    """A refusal as it is stored, for a page to say later in the reader's language."""
    return {
        "sentence": refusal.sentence,
        "values": {name: str(value) for name, value in refusal.values.items()},
    }
