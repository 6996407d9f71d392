"""Which column of a file is which: headers in English or Chinese, in any order, found by what they are called."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import Field
from pydantic.fields import FieldInfo

from survey.intake.cells import legible
from survey.refusals import N_, Refused


class MissingColumn(Refused):
    pass


class DoubleColumn(Refused):
    """Two columns mean the same."""


class UnknownColumn(Refused):
    """A column was chosen that there is no use for, or a header that the file does not have."""


def headed(*names: str, **more: Any) -> Any:
    """A field of a row, and what its column may be called. The first name is the contract's."""
    return Field(json_schema_extra={"headers": list(names)}, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a column may be called, dearest name first, and whether a file can do without it."""

    names: tuple[str, ...]
    needed: bool


Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns(Generic[Name]):
    """Where each field stands, and the headers nobody claimed with their places."""

    places: Mapping[Name, int]
    others: Mapping[str, int] = field(default_factory=dict)


def headings(model: Any) -> dict[str, Heading]:
    """What the columns of a row's fields may be called."""
    return {name: _heading(info) for name, info in model.__pydantic_fields__.items()}


def _heading(info: FieldInfo) -> Heading:
    extra = info.json_schema_extra
    names = extra["headers"] if isinstance(extra, dict) else []
    return Heading(names=tuple(map(str, names)) if isinstance(names, list) else (), needed=info.is_required())


def spelled(header: str) -> str:
    """A header without the differences that mean nothing: case, spaces, full-width letters, a star for "required"."""
    plain = unicodedata.normalize("NFKC", header).casefold().strip().strip("*").strip()
    return "_".join(plain.replace("-", " ").replace("_", " ").split())


def match(
    headers: Sequence[str], wanted: Mapping[Name, Heading], chosen: Mapping[str, str] | None = None
) -> Columns[Name]:
    """Find the wanted columns. Each field takes its dearest name that is there and not taken.

    `chosen` says of some columns, by their first names, which header holds them (blank: none does); one header may be
    chosen for several. Raises MissingColumn, DoubleColumn (also for two columns with one header), UnknownColumn.
    """
    _refuse_doubles(headers)
    chosen = chosen or {}
    places = _chosen_places(headers, wanted, chosen)
    left_to_names = {name: heading for name, heading in wanted.items() if heading.names[0] not in chosen}
    places |= _named_places(headers, left_to_names, set(places.values()))
    taken = set(places.values())
    missing = [heading.names[0] for name, heading in wanted.items() if heading.needed and name not in places]
    if missing:
        raise MissingColumn(
            N_("There is no column %(missing)s. The file has: %(headers)s."),
            missing=", ".join(missing), headers=", ".join(map(legible, headers)),
        )  # fmt: skip
    others = {header: place for place, header in enumerate(headers) if place not in taken}
    _refuse_second_names(headers, others, left_to_names, places)
    return Columns(places=places, others=others)


def proposed(headers: Sequence[str], wanted: Mapping[Name, Heading]) -> dict[str, str]:
    """Which header seems to hold which column (by its first name), for a person to confirm or correct."""
    places = _named_places(headers, wanted, set())
    return {wanted[name].names[0]: headers[place] for name, place in places.items()}


def _named_places(headers: Sequence[str], wanted: Mapping[Name, Heading], taken: set[int]) -> dict[Name, int]:
    at = {spelled(header): place for place, header in enumerate(headers)}
    places: dict[Name, int] = {}
    for name, heading in wanted.items():
        free = (at[n] for n in map(spelled, heading.names) if n in at and at[n] not in taken)
        place = next(free, None)
        if place is not None:
            places[name] = place
            taken = taken | {place}
    return places


def _chosen_places(
    headers: Sequence[str], wanted: Mapping[Name, Heading], chosen: Mapping[str, str]
) -> dict[Name, int]:
    known = {heading.names[0] for heading in wanted.values()}
    strange = sorted(chosen.keys() - known)
    if strange:
        raise UnknownColumn(
            N_("A column %(strange)s was chosen, but there are only: %(known)s."),
            strange=legible(", ".join(strange)), known=", ".join(sorted(known)),
        )  # fmt: skip
    at = {spelled(header): place for place, header in enumerate(headers)}
    absent = sorted({header for header in chosen.values() if header and spelled(header) not in at})
    if absent:
        raise UnknownColumn(
            N_("“%(absent)s” was chosen, but the file has: %(headers)s."),
            absent=legible(", ".join(absent)), headers=", ".join(map(legible, headers)),
        )  # fmt: skip
    filled = {name: chosen.get(heading.names[0], "") for name, heading in wanted.items()}
    return {name: at[spelled(header)] for name, header in filled.items() if header}


def _refuse_doubles(headers: Sequence[str]) -> None:
    for name, times in Counter(map(spelled, headers)).items():
        if times > 1:
            same = next(header for header in headers if spelled(header) == name)
            raise DoubleColumn(N_("Two columns are called “%(header)s”. Keep one."), header=legible(same))


def _refuse_second_names(
    headers: Sequence[str], others: Iterable[str], wanted: Mapping[Name, Heading], places: Mapping[Name, int]
) -> None:
    for header in others:
        for name, heading in wanted.items():
            if name in places and spelled(header) in map(spelled, heading.names):
                raise DoubleColumn(
                    N_("The columns “%(one)s” and “%(other)s” mean the same. Keep one."),
                    one=legible(headers[places[name]]), other=legible(header),
                )  # fmt: skip
