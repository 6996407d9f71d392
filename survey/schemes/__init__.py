"""Schemes: shipped as data beside this file, adopted by a named person, and frozen from then on.

A version that was adopted never changes; other content needs another version number. Drafts may be drawn up with any
scheme: it is stored without an adopter, and may still change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.appraisal.parts import points_of
from scoring.scheme import Scheme, SchemeRefused, check
from scoring.scheme.lines import Indicator
from scoring.toml_tables import Mistake
from survey import campaigns, journal, questionnaires
from survey.models.appraising import SchemeVersion
from survey.refusals import N_, Refused

SHIPPED = Path(__file__).parent
LARGEST = 64 * 1024
"""Of a scheme's file, in bytes; the longest that ships has 5 kB."""


class UnknownScheme(Refused):
    pass


class SchemeNotUsable(Refused):
    """A scheme with mistakes in it; `problems` names every one."""

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        return tuple(one.values["mistake"] for one in self.problems)


class SchemeUnreadable(Refused):
    """A file that is no text, or too much of it."""


class SchemeFrozen(Refused):
    """Other content under a version that is settled: it was adopted, or it ships."""


class NotAdopted(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One scheme as listed: its newest adopted version, or the shipped one when none was adopted."""

    name: str
    version: int
    title_zh: str
    title_en: str
    source_zh: str
    source_en: str
    adopted_at: datetime | None
    adopted_by: str | None


def shipped() -> dict[str, str]:
    """The text of every scheme that ships, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.toml"))}


def read(text: str) -> Scheme:
    """The scheme written in a text. Raises SchemeNotUsable with every mistake, its place and remedy."""
    try:
        return _scheme(text)
    except SchemeRefused as refusal:
        raise SchemeNotUsable(
            N_("The scheme cannot be used: %(mistakes)s"),
            mistakes=str(refusal),
            problems=tuple(Refused("%(mistake)s", mistake=mistake) for mistake in refusal.mistakes),
        ) from None


@lru_cache(maxsize=64)
def _scheme(text: str) -> Scheme:
    """A scheme never changes once it is read, and a page that lists them all reads each of them."""
    return Scheme.from_toml(text)


def mistakes(text: str) -> Sequence[Mistake]:
    """Every mistake and every piece of advice about a scheme's text, in the order of its lines."""
    return check(text)


def decoded(content: bytes) -> str:
    """The text of a scheme's file. Raises SchemeUnreadable."""
    if len(content) > LARGEST:
        raise SchemeUnreadable(N_("This file is too large to be a scheme: 64 kB are the most."))
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise SchemeUnreadable(N_("This file is not UTF-8 text. Save it as UTF-8.")) from None


def listed(session: Session) -> tuple[Listed, ...]:
    """Every scheme there is, by name."""
    adopted = select(SchemeVersion).where(SchemeVersion.adopted_at.is_not(None)).order_by(SchemeVersion.version)
    newest = {row.name: row for row in session.scalars(adopted)}
    texts = shipped() | {name: row.content for name, row in newest.items()}
    return tuple(_listed(read(text), newest.get(name)) for name, text in sorted(texts.items()))


def _listed(scheme: Scheme, row: SchemeVersion | None) -> Listed:
    return Listed(
        name=scheme.code, version=scheme.version, title_zh=scheme.title_zh, title_en=scheme.title_en,
        source_zh=scheme.source_zh, source_en=scheme.source_en,
        adopted_at=row.adopted_at if row else None, adopted_by=row.adopted_by if row else None,
    )  # fmt: skip


def text_of(session: Session, name: str) -> str:
    """The text of the newest adopted version of a scheme, or of the shipped one. Raises UnknownScheme."""
    row = _newest(session, name)
    text = row.content if row else shipped().get(name)
    if text is None:
        raise UnknownScheme(
            N_("There is no scheme %(name)s. Choose one of %(names)s, or give a file."),
            name=name, names=", ".join(one.name for one in listed(session)),
        )  # fmt: skip
    return text


def adopted(session: Session, name: str) -> SchemeVersion:
    """The newest adopted version. Raises UnknownScheme, NotAdopted."""
    row = _newest(session, name)
    if row is None:
        text_of(session, name)
        raise not_adopted(name)
    return row


def in_force(session: Session, name: str, on: date) -> SchemeVersion:
    """The version by which a period that begins on this day is appraised: the newest one adopted by then, or else the
    newest one there is. Raises UnknownScheme, NotAdopted."""
    newest = adopted(session, name)
    found = session.scalars(
        select(SchemeVersion)
        .where(SchemeVersion.name == newest.name, SchemeVersion.adopted_at.is_not(None))
        .order_by(SchemeVersion.version)
    ).all()
    in_time = [one for one in found if adopted_in_time(session, one, on)]
    return in_time[-1] if in_time else newest


def version_of(session: Session, name: str, version: int) -> SchemeVersion:
    """One adopted version. Raises UnknownScheme, NotAdopted."""
    row = session.scalar(
        select(SchemeVersion).where(
            SchemeVersion.name == name, SchemeVersion.version == version, SchemeVersion.adopted_at.is_not(None)
        )
    )
    if row is None:
        text_of(session, name)
        raise NotAdopted(N_("No version %(version)s of %(name)s was adopted."), version=version, name=name)
    return row


def adopted_in_time(session: Session, version: SchemeVersion, on: date) -> bool:
    """Whether a version was adopted by this day, where the company is: cut-offs are frozen before a period begins."""
    if version.adopted_at is None:
        return False
    return version.adopted_at.astimezone(campaigns.time_zone(session)).date() <= on


def not_adopted(name: str) -> NotAdopted:
    return NotAdopted(
        N_("%(name)s is not adopted yet. Adopt it (evenhand schemes adopt %(name)s), or draw up drafts (--draft)."),
        name=name,
    )


def rated(session: Session) -> tuple[Indicator, ...]:
    """The ratings of the adopted schemes that describe their levels in words, each once, by code."""
    adopted_ones = select(SchemeVersion).where(SchemeVersion.adopted_at.is_not(None)).order_by(SchemeVersion.version)
    newest = {row.name: row for row in session.scalars(adopted_ones)}
    lines = (line for _, row in sorted(newest.items()) for line in read(row.content).indicators if line.anchors_zh)
    return tuple({line.code: line for line in lines}.values())


def _newest(session: Session, name: str) -> SchemeVersion | None:
    return session.scalar(
        select(SchemeVersion)
        .where(SchemeVersion.name == name, SchemeVersion.adopted_at.is_not(None))
        .order_by(SchemeVersion.version.desc())
        .limit(1)
    )


def keep(session: Session, text: str) -> SchemeVersion:
    """Store a scheme for drafts, without adopting it. The same content again is found, not stored twice.

    Raises SchemeNotUsable, SchemeFrozen.
    """
    scheme = read(text)
    row = session.scalar(
        select(SchemeVersion).where(SchemeVersion.name == scheme.code, SchemeVersion.version == scheme.version)
    )
    if row is None:
        row = SchemeVersion(name=scheme.code, version=scheme.version, content=text, content_hash=scheme.hash)
        session.add(row)
    elif row.content_hash != scheme.hash:
        if row.adopted_at is not None:
            raise SchemeFrozen(
                N_("Version %(version)s of %(name)s is adopted and frozen. Give the changed scheme version %(next)s."),
                version=row.version, name=row.name, next=row.version + 1,
            )  # fmt: skip
        row.content, row.content_hash = text, scheme.hash
    session.flush()
    return row


def adopt(session: Session, text: str, *, by: str, at: datetime) -> SchemeVersion:
    """Make a scheme the company's own, frozen from now on. Adopting the same again changes nothing.

    Raises SchemeNotUsable, SchemeFrozen.
    """
    _refuse_other_content(session, read(text))
    row = keep(session, text)
    if row.adopted_at is None:
        row.adopted_at, row.adopted_by = at, by
        details = {"version": row.version, "content": row.content_hash}
        journal.record(session, "scheme adopted", row.name, details, by=by, at=at)
    return row


def _refuse_other_content(session: Session, scheme: Scheme) -> None:
    """A version that was adopted or that ships says one thing for good; what says another comes after it."""
    newest, known = _newest(session, scheme.code), _hash_of(session, scheme)
    if known == scheme.hash:
        return
    if newest and (known or newest.version > scheme.version):
        raise SchemeFrozen(
            N_("Version %(version)s of %(name)s is adopted and frozen. Give the changed scheme version %(next)s."),
            version=newest.version, name=newest.name, next=newest.version + 1,
        )  # fmt: skip
    text = shipped().get(scheme.code)
    ours = read(text) if text else None
    if ours and ours.version >= scheme.version and ours.hash != scheme.hash:
        raise SchemeFrozen(
            N_(
                "Version %(version)s of %(name)s comes with this software and says something else. Give the changed "
                "scheme a code of its own, or version %(next)s."
            ),
            version=ours.version, name=ours.code, next=ours.version + 1,
        )  # fmt: skip


def _hash_of(session: Session, scheme: Scheme) -> str | None:
    """What was adopted under this version, if anything was."""
    return session.scalar(
        select(SchemeVersion.content_hash).where(
            SchemeVersion.name == scheme.code, SchemeVersion.version == scheme.version,
            SchemeVersion.adopted_at.is_not(None),
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """One version of a scheme that is kept here; without `adopted_at` it serves drafts alone."""

    version: int
    content_hash: str
    adopted_at: datetime | None
    adopted_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What a rep earns on one surveyed indicator when every customer chooses this point of the scale."""

    indicator: str
    name_zh: str
    name_en: str
    answer_zh: str
    answer_en: str
    score: float
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemePage:
    """A scheme and its text, with the versions kept of it, the advice about it, and what uniform answers earn."""

    text: str
    scheme: Scheme
    versions: tuple[Adoption, ...]
    advice: tuple[Mistake, ...]
    earned: tuple[Earned, ...]

    @property
    def adopted(self) -> Adoption | None:
        return next((one for one in self.versions if one.adopted_at and one.content_hash == self.scheme.hash), None)


def page(session: Session, name: str) -> SchemePage:
    """The newest adopted version of a scheme, or the shipped one, as people read it. Raises UnknownScheme."""
    return _page(session, text_of(session, name))


def proposal(session: Session, content: bytes) -> SchemePage:
    """A scheme from its file, as people read it before anybody adopts it. Nothing is stored.

    Raises SchemeUnreadable, SchemeNotUsable, SchemeFrozen.
    """
    text = decoded(content)
    _refuse_other_content(session, read(text))
    return _page(session, text)


def _page(session: Session, text: str) -> SchemePage:
    scheme = read(text)
    rows = session.scalars(
        select(SchemeVersion).where(SchemeVersion.name == scheme.code).order_by(SchemeVersion.version.desc())
    )
    return SchemePage(
        text=text, scheme=scheme,
        versions=tuple(
            Adoption(
                version=row.version, content_hash=row.content_hash, adopted_at=row.adopted_at,
                adopted_by=row.adopted_by,
            )
            for row in rows
        ),
        advice=scheme.warnings,
        earned=earned(scheme),
    )  # fmt: skip


def earned(scheme: Scheme) -> tuple[Earned, ...]:
    """What all-“very” and all-“moderately” answers earn, by surveyed indicator: the scale is agreed with these points
    in view. Raw answers, before anything is adjusted."""
    sheet = questionnaires.read(questionnaires.shipped()["core"])
    found = []
    for indicator in (one for one in scheme.indicators if one.survey):
        asked = next((one for one in sheet.ratings if one.code == indicator.item), sheet.ratings[0])
        scale = asked.scale
        if scale is None:
            continue
        for point in scale.points:
            score = 100 * (point.value - scale.lowest) / (scale.highest - scale.lowest)
            points = points_of(scheme, indicator, score, None)
            found.append(
                Earned(
                    indicator=indicator.code, name_zh=indicator.name_zh, name_en=indicator.name_en,
                    answer_zh=point.label.zh, answer_en=point.label.en, score=score, points=points,
                )
            )  # fmt: skip
    return tuple(found)
