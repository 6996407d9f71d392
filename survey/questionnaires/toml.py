"""A sheet as a file: TOML out, TOML in."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from survey.questionnaires.sheet import QuestionnaireRefused
from survey.refusals import N_

LARGEST = 200_000


def parse(content: bytes) -> dict[str, Any]:
    """The data in a TOML file, not yet checked. Raises QuestionnaireRefused."""
    if len(content) > LARGEST:
        raise QuestionnaireRefused(N_("This file is too large to be a question sheet."))
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:  # no UTF-8, no TOML, a number too long, or too many brackets
        raise QuestionnaireRefused(N_("This file is not TOML in UTF-8: %(problem)s"), problem=problem) from None


def write(content: Mapping[str, Any]) -> str:
    """The sheet's data as TOML that reads back the same."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    for name in ("code", "version", "title"):
        yield f"{name} = {_value(content[name])}"
    for scale in content["scale"]:
        yield from ("", "[[scale]]", f"code = {_value(scale['code'])}", "points = [")
        yield from (f"  {_value(point)}," for point in scale["points"])
        yield "]"
    for item in content["item"]:
        yield from ("", "[[item]]")
        yield from (f"{name} = {_value(value)}" for name, value in item.items())


def _value(value: Any) -> str:
    """TOML writes strings, numbers and truths the way JSON does."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(part)}" for name, part in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
