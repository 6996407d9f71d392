"""The sheets a company has, version by version: shown without storing anything, and edited into the next version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import journal, questionnaires
from survey.models.asking import Campaign, QuestionnaireVersion
from survey.questionnaires.content import check
from survey.questionnaires.sheet import Questionnaire
from survey.refusals import N_, Refused


class ChangedMeanwhile(Refused):
    pass


class SheetExists(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a sheet as pages show it. `campaigns` counts those that use it."""

    content: Mapping[str, Any]
    sheet: Questionnaire
    frozen_at: datetime | None = None
    campaigns: int = 0

    @property
    def mark(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()


def overview(session: Session) -> tuple[Version, ...]:
    """The newest version of every sheet, stored or shipped, by code."""
    stored = set(session.scalars(select(QuestionnaireVersion.code).distinct()))
    return tuple(history(session, code)[0] for code in sorted(stored | questionnaires.shipped().keys()))


def history(session: Session, code: str) -> tuple[Version, ...]:
    """Every version of a sheet, newest first; a shipped one that was never used is among them.

    Raises UnknownQuestionnaire.
    """
    rows = session.scalars(
        select(QuestionnaireVersion)
        .where(QuestionnaireVersion.code == code)
        .order_by(QuestionnaireVersion.version.desc())
    ).all()
    used = _campaigns(session, rows)
    found = tuple(_version(row.content, frozen_at=row.frozen_at, campaigns=used.get(row.id, 0)) for row in rows)
    ours = questionnaires.shipped().get(code)
    if ours and (not rows or rows[0].version < ours["version"]):
        found = (_version(ours), *found)
    if not found:
        raise questionnaires.unknown(code)
    return found


def find(session: Session, code: str, version: int) -> Version:
    """Raises UnknownQuestionnaire."""
    for one in history(session, code):
        if one.sheet.version == version:
            return one
    raise questionnaires.unknown(code)


def save(
    session: Session, content: Mapping[str, Any], *, seen: str | None = None, by: str, at: datetime
) -> QuestionnaireVersion:
    """Keep a sheet as edited: in its newest version while that was not sent, as the next one after.

    `seen` is the mark of the version the editing began with. The version number in `content` does not matter.
    Raises QuestionnaireRefused, ChangedMeanwhile.
    """
    edited = dict(content) | {"version": 1}
    sheet = check(edited)
    stored = session.scalar(select(func.count()).where(QuestionnaireVersion.code == sheet.code))
    before = questionnaires.newest(session, sheet.code) if stored or sheet.code in questionnaires.shipped() else None
    if before is not None:
        if seen is not None and _version(before.content).mark != seen:
            raise ChangedMeanwhile(
                N_("Somebody else saved this sheet meanwhile. Open it again in another tab and compare.")
            )
        edited["version"] = before.version + 1 if before.frozen_at else before.version
        if {**before.content, "version": 0} == {**edited, "version": 0}:
            return before
    row = questionnaires.store(session, edited)
    details = {"version": row.version, "items": len(sheet.items)}
    journal.record(session, "questionnaire saved", sheet.code, details, by=by, at=at)
    return row


def save_new(session: Session, content: Mapping[str, Any], *, by: str, at: datetime) -> QuestionnaireVersion:
    """Keep a sheet under a code of its own. Raises SheetExists, QuestionnaireRefused."""
    code = check(dict(content) | {"version": 1}).code
    taken = session.scalar(select(func.count()).where(QuestionnaireVersion.code == code))
    if taken or code in questionnaires.shipped():
        raise SheetExists(N_("There is a sheet “%(code)s” already. Choose another code."), code=code)
    return save(session, content, by=by, at=at)


def ready_made() -> dict[tuple[str, str], tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """The items of every shipped sheet with their scales, by sheet and item: any of them can join another sheet."""
    found = {}
    for code, content in questionnaires.shipped().items():
        scales = {scale["code"]: scale for scale in content["scale"]}
        for item in content["item"]:
            found[code, item["code"]] = (item, scales.get(item.get("scale", "")))
    return found


def _version(content: Mapping[str, Any], *, frozen_at: datetime | None = None, campaigns: int = 0) -> Version:
    return Version(content=content, sheet=questionnaires.read(content), frozen_at=frozen_at, campaigns=campaigns)


def _campaigns(session: Session, rows: Sequence[QuestionnaireVersion]) -> dict[int, int]:
    of_these = Campaign.questionnaire_version_id.in_([row.id for row in rows])
    counted = select(Campaign.questionnaire_version_id, func.count()).where(of_these)
    return dict(session.execute(counted.group_by(Campaign.questionnaire_version_id)).all())
