"""Question sheets: versioned data in Chinese and English, frozen once anything was sent with them.

A sheet is a list of items. A rating or a choice is answered with one point of its scale, a text with words; where an
item offers it, "not applicable" stands apart from the scale. A question left alone is *skipped*, which is stored apart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models import QuestionnaireVersion
from survey.refusals import N_, Refused

SHIPPED = Path(__file__).parent / "questionnaires"
LONGEST_TEXT = 2000
NOT_APPLICABLE = "na"
_PLACES = re.compile(r"\{([^}]*)\}")
# Control characters but tab and line ends, and the marks that turn the direction of everything after them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Language = Literal["zh", "en"]
Kind = Literal["rating", "choice", "text"]
State = Literal["answered", "not applicable", "skipped", "text"]


class UnknownQuestionnaire(Refused):
    pass


class QuestionnaireRefused(Refused):
    """The data of a sheet is incomplete or contradicts itself."""


class FrozenQuestionnaire(Refused):
    """A version that customers have seen was changed without a new version number."""


class OutOfScale(Refused):
    pass


class TextTooLong(Refused):
    pass


class UnprintableText(Refused):
    pass


def _refuse(what: str) -> QuestionnaireRefused:
    return QuestionnaireRefused(N_("The question sheet cannot be used: %(what)s."), what=what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text in both languages. {rep} and {period} are its only places."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not (self.zh.strip() and self.en.strip()):
            raise _refuse(f"“{self.zh or self.en}” is missing in one of the two languages")
        foreign = {*_PLACES.findall(self.zh), *_PLACES.findall(self.en)} - {"rep", "period"}
        if foreign:
            raise _refuse(f"“{self.en}” has a place {{{foreign.pop()}}}; only {{rep}} and {{period}} are filled")

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
            raise _refuse(f"scale {self.code} needs at least two points, each with its own value")

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


SKIPPED = Reply(state="skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question. `dimension` is what a score of it is called; only ratings have one."""

    code: str
    kind: Kind
    core: bool
    question: Wording
    dimension: Wording | None = None
    scale: Scale | None = None
    not_applicable: Wording | None = None
    asked_if: Condition | None = None

    def __post_init__(self) -> None:
        if (self.kind == "text") is not (self.scale is None):
            raise _refuse(f"item {self.code}: ratings and choices need a scale, a text has none")
        if (self.kind == "rating") is not (self.dimension is not None):
            raise _refuse(f"item {self.code}: ratings, and only they, name their dimension")
        if self.kind == "rating" and self.scale and list(self.points) != sorted(self.points, reverse=True):
            raise _refuse(f"item {self.code}: the best answer stands first")

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
            return Reply(state="text", text=_readable(posted))
        if posted == NOT_APPLICABLE and self.not_applicable:
            return Reply(state="not applicable")
        for point in self.points:
            if posted == str(point):
                return Reply(state="answered", value=point)
        raise OutOfScale(N_("Please choose one of the answers shown."))


def _readable(words: str) -> str:
    words = words.replace("\r\n", "\n")
    if len(words) > LONGEST_TEXT:
        raise TextTooLong(
            N_("Please keep it to %(longest)s characters; these are %(length)s."), longest=LONGEST_TEXT, length=len(words)
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
            raise _refuse("it needs at least one item, and each item its own code")
        standing = [item.core for item in self.items if not item.asked_if]
        if standing != sorted(standing, reverse=True):
            raise _refuse("core items come first")
        for before, item in zip((None, *self.items), self.items, strict=False):
            if item.asked_if and (before is None or before.code != item.asked_if.item or before.kind != "rating"):
                raise _refuse(f"item {item.code} must stand right behind the rating it depends on")

    def item(self, code: str) -> Item:
        return next(item for item in self.items if item.code == code)

    @property
    def core(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.core)

    @property
    def ratings(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind == "rating")

    def follow_up(self, item: Item) -> Item | None:
        """The item asked only after certain answers to this one."""
        return next((other for other in self.items if other.asked_if and other.asked_if.item == item.code), None)

    def asked(self, item: Item, replies: Mapping[str, Reply]) -> bool:
        """Does this item apply, given the other replies about the same rep?"""
        if item.asked_if is None:
            return True
        value = replies.get(item.asked_if.item, SKIPPED).value
        return value is not None and value <= item.asked_if.at_most


def read(content: Mapping[str, Any]) -> Questionnaire:
    """A sheet from its data (a parsed TOML file, or what a version stores). Raises QuestionnaireRefused."""
    try:
        scales = {
            scale["code"]: Scale(
                code=scale["code"],
                points=tuple(
                    Point(value=point["value"], label=Wording(zh=point["zh"], en=point["en"]))
                    for point in scale["points"]
                ),
            )
            for scale in content["scale"]
        }
        return Questionnaire(
            code=content["code"],
            version=content["version"],
            title=Wording(**content["title"]),
            items=tuple(_item(item, scales) for item in content["item"]),
        )
    except KeyError as missing:
        raise _refuse(f"{missing} is missing or unknown") from None


def _item(data: Mapping[str, Any], scales: Mapping[str, Scale]) -> Item:
    return Item(
        code=data["code"],
        kind=data["kind"],
        core=data["core"],
        question=Wording(**data["question"]),
        dimension=Wording(**data["dimension"]) if "dimension" in data else None,
        scale=scales[data["scale"]] if "scale" in data else None,
        not_applicable=Wording(**data["not_applicable"]) if "not_applicable" in data else None,
        asked_if=Condition(**data["asked_if"]) if "asked_if" in data else None,
    )


def shipped() -> dict[str, dict[str, Any]]:
    """The data of every sheet that ships, by code."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(SHIPPED.glob("*.toml"))}


def newest(session: Session, code: str) -> QuestionnaireVersion:
    """The newest version of a sheet; a shipped one is stored on first use.

    Raises UnknownQuestionnaire, FrozenQuestionnaire.
    """
    stored = session.scalar(
        select(QuestionnaireVersion)
        .where(QuestionnaireVersion.code == code)
        .order_by(QuestionnaireVersion.version.desc())
        .limit(1)
    )
    ours = shipped().get(code)
    if ours and (stored is None or stored.version < ours["version"]):
        return store(session, ours)
    if stored is None:
        raise UnknownQuestionnaire(
            N_("There is no question sheet “%(code)s”. Choose one of: %(codes)s."),
            code=code, codes=", ".join(shipped()),
        )  # fmt: skip
    return stored


def store(session: Session, content: Mapping[str, Any]) -> QuestionnaireVersion:
    """Keep one version of a sheet, after checking it. Raises QuestionnaireRefused, FrozenQuestionnaire."""
    sheet = read(content)
    row = session.scalar(
        select(QuestionnaireVersion).where(
            QuestionnaireVersion.code == sheet.code, QuestionnaireVersion.version == sheet.version
        )
    )
    if row is None:
        row = QuestionnaireVersion(code=sheet.code, version=sheet.version, content=dict(content))
        session.add(row)
    elif row.content != content:
        if row.frozen_at:
            raise FrozenQuestionnaire(
                N_("Version %(version)s of “%(code)s” was sent to customers and stays as it is. Raise its version."),
                version=sheet.version, code=sheet.code,
            )  # fmt: skip
        row.content = dict(content)
    session.flush()
    return row


def freeze(version: QuestionnaireVersion, *, at: datetime) -> None:
    """From now on this version is what customers were asked."""
    version.frozen_at = version.frozen_at or at
