"""What a question sheet is made of, as checked values.

A sheet is a list of items. A rating or a choice is answered with one point of its scale, a text with words; where an
item offers it, "not applicable" stands apart from the scale. A question left alone is *skipped*, which is stored apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from survey.refusals import N_, Refused

LONGEST_TEXT = 2000
NOT_APPLICABLE = "na"
_PLACES = re.compile(r"\{([^}]*)\}")
# Control characters but tab and line ends, and the marks that turn the direction of everything after them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Language = Literal["zh", "en"]
Kind = Literal["rating", "choice", "text"]
About = Literal["rep", "company"]
State = Literal["answered", "not applicable", "skipped", "text"]


class QuestionnaireRefused(Refused):
    """The data of a sheet is incomplete or contradicts itself."""


class OutOfScale(Refused):
    pass


class TextTooLong(Refused):
    pass


class UnprintableText(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text in both languages. {rep} and {period} are its only places."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not (self.zh.strip() and self.en.strip()):
            raise QuestionnaireRefused(
                N_("“%(text)s” is missing in one of the two languages."), text=self.zh.strip() or self.en.strip()
            )
        foreign = {*_PLACES.findall(self.zh), *_PLACES.findall(self.en)} - {"rep", "period"}
        if foreign:
            raise QuestionnaireRefused(
                N_("“%(text)s” has a place {%(place)s}; only {rep} and {period} are filled."),
                text=self.en, place=min(foreign),
            )  # fmt: skip

    def said(self, language: Language, *, rep: str = "", period: str = "") -> str:
        filling = {"rep": rep, "period": period}
        return _PLACES.sub(lambda place: filling[place[1]], self.zh if language == "zh" else self.en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    value: int
    label: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The labelled points of an answer, in the order shown: for ratings the best first."""

    code: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len({point.value for point in self.points}) < max(2, len(self.points)):
            raise QuestionnaireRefused(
                N_("Scale %(scale)s needs at least two points, each with its own value."), scale=self.code
            )

    @property
    def lowest(self) -> int:
        return min(point.value for point in self.points)

    @property
    def highest(self) -> int:
        return max(point.value for point in self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Ask only when `item` was rated `at_most` this."""

    item: str
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a person did with one item."""

    state: State
    value: int | None = None
    text: str | None = None

    @property
    def given(self) -> bool:
        return self.state != "skipped"

    @property
    def posted(self) -> str:
        """What a form posts for it, so that `Item.reply` reads it back."""
        if self.state == "not applicable":
            return NOT_APPLICABLE
        return self.text or (str(self.value) if self.value is not None else "")


SKIPPED = Reply(state="skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question. `dimension` is what a score of it is called; only ratings have one. A rating about the company
    is not scored for the rep: it shows what is not the rep's doing."""

    code: str
    kind: Kind
    core: bool
    question: Wording
    dimension: Wording | None = None
    scale: Scale | None = None
    not_applicable: Wording | None = None
    asked_if: Condition | None = None
    about: About = "rep"

    def __post_init__(self) -> None:
        if (self.kind == "text") is not (self.scale is None):
            raise QuestionnaireRefused(
                N_("Question %(item)s: ratings and choices need a scale, a text has none."), item=self.code
            )
        if (self.kind == "rating") is not (self.dimension is not None):
            raise QuestionnaireRefused(
                N_("Question %(item)s: ratings, and only they, name their dimension."), item=self.code
            )
        if self.kind == "rating" and self.scale and list(self.points) != sorted(self.points, reverse=True):
            raise QuestionnaireRefused(N_("Question %(item)s: the best answer stands first."), item=self.code)
        if self.about == "company" and (self.kind != "rating" or self.core):
            raise QuestionnaireRefused(
                N_("Question %(item)s: only ratings beside the core can be about the company."), item=self.code
            )

    @property
    def points(self) -> tuple[int, ...]:
        return tuple(point.value for point in self.scale.points) if self.scale else ()

    @property
    def scale_code(self) -> str:
        return self.scale.code if self.scale else "text"

    def reply(self, posted: str) -> Reply:
        """Read what a form posted: a point's number, `na`, words, or nothing.

        Raises OutOfScale, TextTooLong, UnprintableText.
        """
        posted = posted.strip()
        if not posted:
            return SKIPPED
        if self.kind == "text":
            return Reply(state="text", text=readable(posted))
        if posted == NOT_APPLICABLE and self.not_applicable:
            return Reply(state="not applicable")
        for point in self.points:
            if posted == str(point):
                return Reply(state="answered", value=point)
        raise OutOfScale(N_("Please choose one of the answers shown."))


def readable(words: str) -> str:
    """Words as they are kept. Raises TextTooLong, UnprintableText."""
    words = words.replace("\r\n", "\n")
    if len(words) > LONGEST_TEXT:
        raise TextTooLong(
            N_("Please keep it to %(longest)s characters; these are %(length)s."),
            longest=LONGEST_TEXT,
            length=len(words),
        )
    if _UNPRINTABLE.search(words):
        raise UnprintableText(N_("There are invisible control characters in this text. Please type it without them."))
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """One version of a sheet: core items first, a conditional item right behind the one it depends on."""

    code: str
    version: int
    title: Wording
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        codes = [item.code for item in self.items]
        if not codes or len(set(codes)) < len(codes):
            raise QuestionnaireRefused(N_("A sheet needs at least one item, and each item its own code."))
        standing = [item.core for item in self.items if not item.asked_if]
        if standing[:1] != [True] or standing != sorted(standing, reverse=True):
            raise QuestionnaireRefused(N_("Something must be core, and core items come first."))
        for before, item in zip((None, *self.items), self.items, strict=False):
            if item.asked_if and (before is None or before.code != item.asked_if.item or before.kind != "rating"):
                raise QuestionnaireRefused(
                    N_("Question %(item)s must stand right behind the rating it depends on."), item=item.code
                )
            if item.asked_if and before and not before.points[-1] <= item.asked_if.at_most < before.points[0]:
                raise QuestionnaireRefused(
                    N_("Question %(item)s: it depends on an answer from %(lowest)s to %(highest)s."),
                    item=item.code, lowest=before.points[-1], highest=before.points[0] - 1,
                )  # fmt: skip

    def item(self, code: str) -> Item:
        return next(item for item in self.items if item.code == code)

    @property
    def core(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.core)

    @property
    def ratings(self) -> tuple[Item, ...]:
        """What is scored for the rep."""
        return tuple(item for item in self.items if item.kind == "rating" and item.about == "rep")

    def follow_up(self, item: Item) -> Item | None:
        """The item asked only after certain answers to this one."""
        return next((other for other in self.items if other.asked_if and other.asked_if.item == item.code), None)

    def asked(self, item: Item, replies: Mapping[str, Reply]) -> bool:
        """Does this item apply, given the other replies about the same rep?"""
        if item.asked_if is None:
            return True
        value = replies.get(item.asked_if.item, SKIPPED).value
        return value is not None and value <= item.asked_if.at_most
