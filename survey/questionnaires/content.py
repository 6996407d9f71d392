"""Whether the data of a sheet is whole: its shape, both languages everywhere, and what the sheet asks of its items.

Every gap is named at once, with its place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from survey.questionnaires import read
from survey.questionnaires.sheet import Questionnaire, QuestionnaireRefused
from survey.refusals import N_, Refused

LONGEST = 500
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MOST_ITEMS = 40
MOST_POINTS = 11

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Wording(_Part):
    zh: str = ""
    en: str = ""


class _Point(_Wording):
    value: Annotated[int, Field(ge=0, le=100)]


class _Scale(_Part):
    code: Code
    points: Annotated[list[_Point], Field(max_length=MOST_POINTS)]


class _Condition(_Part):
    item: Code
    at_most: int


class _Item(_Part):
    code: Code
    kind: Literal["rating", "choice", "text"]
    core: bool
    question: _Wording
    dimension: _Wording | None = None
    scale: Code | None = None
    not_applicable: _Wording | None = None
    asked_if: _Condition | None = None
    about: Literal["rep", "company"] = "rep"


class _Sheet(_Part):
    code: Code
    version: Annotated[int, Field(ge=1, le=9999)]
    title: _Wording
    scale: Annotated[list[_Scale], Field(max_length=MOST_ITEMS)]
    item: Annotated[list[_Item], Field(max_length=MOST_ITEMS)]


@cache
def _shape() -> TypeAdapter[_Sheet]:
    return TypeAdapter(_Sheet)


def check(content: Mapping[str, Any]) -> Questionnaire:
    """The sheet, if nothing is wrong with its data. Raises QuestionnaireRefused with every problem."""
    problems = tuple(_shape_problems(content)) or tuple(_gaps(content))
    if problems:
        raise QuestionnaireRefused(
            N_("The question sheet is not complete: %(count)s places need attention."),
            problems=problems, count=len(problems),
        )  # fmt: skip
    return read(content)


def _shape_problems(content: Mapping[str, Any]) -> Iterator[Refused]:
    try:
        _shape().validate_python(dict(content))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            place = ".".join(str(step + 1) if isinstance(step, int) else step for step in problem["loc"])
            yield _shape_problem(place, problem["type"])


def _shape_problem(place: str, kind: str) -> Refused:
    if kind == "missing":
        return QuestionnaireRefused(N_("%(place)s is missing."), place=place)
    if kind == "extra_forbidden":
        return QuestionnaireRefused(N_("%(place)s has no meaning here."), place=place)
    if kind == "string_pattern_mismatch":
        return QuestionnaireRefused(
            N_("%(place)s must be a short code: small letters, digits, - and _, a letter first."), place=place
        )
    return QuestionnaireRefused(N_("%(place)s does not hold what belongs there."), place=place)


def _gaps(content: Mapping[str, Any]) -> Iterator[Refused]:
    """Texts missing in a language or not fit to print; when the texts are whole, what the sheet itself refuses."""
    found = [gap for place, text in _texts(content) for gap in _text_gaps(place, text)]
    yield from found
    if not found:
        try:
            read(content)
        except QuestionnaireRefused as problem:
            yield problem


def _texts(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text of the sheet with the place it stands at."""
    yield "title", content["title"]
    for scale in content["scale"]:
        for point in scale["points"]:
            yield f"{scale['code']} {point['value']}", point
    for item in content["item"]:
        for part in ("question", "dimension", "not_applicable"):
            if part in item:
                yield item["code"] if part == "question" else f"{item['code']} {part}", item[part]


def _text_gaps(place: str, text: Mapping[str, str]) -> Iterator[Refused]:
    chinese, english = text.get("zh", ""), text.get("en", "")
    if not chinese.strip():
        yield QuestionnaireRefused(N_("%(place)s: the Chinese text is missing."), place=place)
    if not english.strip():
        yield QuestionnaireRefused(N_("%(place)s: the English text is missing."), place=place)
    for said in (chinese, english):
        if len(said) > LONGEST:
            yield QuestionnaireRefused(
                N_("%(place)s: a text has at most %(longest)s characters."), place=place, longest=LONGEST
            )
        if any(unicodedata.category(sign) in HIDDEN for sign in said):
            yield QuestionnaireRefused(N_("%(place)s: there are invisible characters in the text."), place=place)
