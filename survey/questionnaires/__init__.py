"""Question sheets: versioned data in Chinese and English, frozen once anything was sent with them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.asking import QuestionnaireVersion
from survey.questionnaires.sheet import (
    Condition,
    Item,
    Point,
    Questionnaire,
    QuestionnaireRefused,
    Scale,
    Wording,
)
from survey.refusals import N_, Refused

SHIPPED = Path(__file__).parent


class UnknownQuestionnaire(Refused):
    pass


class FrozenQuestionnaire(Refused):
    """A version that customers have seen was changed without a new version number."""


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
        raise QuestionnaireRefused(N_("The question sheet says nothing of %(missing)s."), missing=missing) from None


def of(version: QuestionnaireVersion) -> Questionnaire:
    """The sheet of a stored version. What was read once is known by its words: every answer needs it."""
    return _known(json.dumps(version.content))


@lru_cache(maxsize=32)
def _known(written: str) -> Questionnaire:
    return read(json.loads(written))


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
        about=data.get("about", "rep"),
    )


def shipped() -> dict[str, dict[str, Any]]:
    """The data of every sheet that ships, by code."""
    return deepcopy(_shipped())


@cache
def _shipped() -> dict[str, dict[str, Any]]:
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
        raise unknown(code)
    return stored


def unknown(code: str) -> UnknownQuestionnaire:
    return UnknownQuestionnaire(
        N_("There is no question sheet “%(code)s”. Choose one of: %(codes)s."), code=code, codes=", ".join(shipped())
    )


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
