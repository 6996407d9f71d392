"""Which reps a team page is about: what the address asks for, what there is to choose from, and who is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from survey import names, users
from survey.models.company import Period
from survey.models.roster import Rep, ReportingLine, Territory
from survey.models.scoring import RepPlace, Run

PAGE = 40
"""Reps on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the address of a page asks for. `sort` is a column, with a minus in front for the largest first."""

    period: str | None = None
    item: str | None = None
    manager: str | None = None
    territory: str | None = None
    position: str | None = None
    search: str | None = None
    sort: str | None = None
    page: int = 1

    def address(self, **changes: str | int | None) -> dict[str, str | int]:
        """The same wish with changes, as the parts of an address; another filter begins at the first page."""
        now = {field.name: getattr(self, field.name) for field in fields(self)} | {"page": None} | changes
        return {name: value for name, value in now.items() if value and (name, value) != ("page", 1)}

    @property
    def narrows(self) -> bool:
        """Does it leave anybody out?"""
        return bool(self.manager or self.territory or self.position or self.search)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one may choose from: managers by address, territories by code, and positions."""

    managers: Mapping[str, str]
    territories: Mapping[str, str]
    positions: tuple[str, ...]


def options(session: Session, viewer_reps: Select[int], run: Run, *, on: date) -> Options:
    """The managers, territories and positions of the viewer's reps."""
    current = (ReportingLine.since_on <= on) & (ReportingLine.until_on.is_(None) | (ReportingLine.until_on > on))
    address = func.lower(ReportingLine.manager_email)
    leads = session.execute(
        select(address, func.max(func.coalesce(users.User.name, Rep.name)))
        .outerjoin(users.User, users.User.email == address)
        .outerjoin(Rep, func.lower(Rep.email) == address)
        .where(current, ReportingLine.rep_id.in_(viewer_reps))
        .group_by(address)
    )
    places = session.execute(
        select(Territory.code, Territory.name)
        .join(RepPlace, RepPlace.territory_id == Territory.id)
        .where(RepPlace.run_id == run.id, RepPlace.rep_id.in_(viewer_reps))
        .distinct()
    )
    positions = session.scalars(
        select(Rep.position).where(Rep.id.in_(viewer_reps), Rep.position.is_not(None)).distinct()
    )
    return Options(
        managers=_by_name({email: name or email for email, name in leads}),
        territories=_by_name(dict(iter(places))),
        positions=tuple(sorted((one for one in positions if one), key=names.sort_key)),
    )


def _by_name(named: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(named.items(), key=lambda pair: (names.sort_key(pair[1]), pair[0])))


def narrowed(viewer_reps: Select[int], run: Run, wish: Wish, *, on: date) -> Select[int]:
    """The ids of the viewer's reps whom the wish leaves, names and codes apart (`found`)."""
    conditions: list[ColumnElement[bool]] = []
    if not all(text.isprintable() for text in (wish.manager or "", wish.territory or "", wish.position or "")):
        conditions.append(false())
    if wish.manager:
        conditions.append(Rep.id.in_(users.led_by(wish.manager.lower(), on=on)))
    if wish.territory:
        here = select(RepPlace.rep_id).join(Territory, Territory.id == RepPlace.territory_id)
        conditions.append(Rep.id.in_(here.where(RepPlace.run_id == run.id, Territory.code == wish.territory)))
    if wish.position:
        conditions.append(Rep.position == wish.position)
    # Without a wish as it came: one question within another costs the database a tenth of a second in a large company.
    return select(Rep.id).where(Rep.id.in_(viewer_reps), *conditions) if conditions else viewer_reps


def found(wish: Wish, code: str, name: str) -> bool:
    """Is this who is searched for? By a part of the name, of its sound, or of the code."""
    wanted = "".join((wish.search or "").casefold().split())
    return any(wanted in "".join(text.casefold().split()) for text in (code, name)) or wanted in names.said(name)


def employed_in(period: Period) -> ColumnElement[bool]:
    """Was a rep with the company in some of the period?"""
    return and_(
        or_(Rep.hired_on.is_(None), Rep.hired_on <= period.to_on),
        or_(Rep.left_on.is_(None), Rep.left_on >= period.from_on),
    )
