"""A backup every night: when it is due, what it is called, and how many of them stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from survey import orders
from survey.backups import archive, taking
from survey.backups.archive import Manifest
from survey.refusals import N_, Refused

NIGHT = time(3)
"""When the night's backup falls due, where the company is."""
_NAMED = "evenhand-%Y-%m-%d-%H%M%S.zip"
_OURS = re.compile(r"evenhand-\d{4}-\d\d-\d\d-\d{6}\.zip")
_HALF_DONE = re.compile(rf"\.{_OURS.pattern}\..+")


class UnfitDirectory(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One backup, whole and read back."""

    file: Path
    manifest: Manifest
    sha256: str


def is_due(session: Session, *, zone: ZoneInfo, at: datetime) -> bool:
    """Has nobody asked for a backup since the last night began? One that failed is not tried again before the next."""
    local = at.astimezone(zone)
    night = datetime.combine(local.date(), NIGHT, tzinfo=zone)
    last = orders.newest(session, "backup")
    if last is None:
        return True
    return last.state not in orders.UNFINISHED and last.asked_at < (
        night if night <= local else night - timedelta(days=1)
    )


def take(
    engine: Engine, folder: Path, *, kept: int, beside: Path, keys: Mapping[str, str], zone: ZoneInfo, at: datetime,
    begin: Callable[[int], object], tell: Callable[[int], object],
) -> Taken:  # fmt: skip
    """Take a backup into `folder`, and let all but the newest `kept` of those taken this way go. `beside` is where the
    files lie that belong to the database. One at a time: what another left half done is cleared away.

    Raises UnfitDirectory and what `taking.take` raises.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in _those(folder, _HALF_DONE):
            left.unlink(missing_ok=True)
        file = folder / at.astimezone(zone).strftime(_NAMED)
        manifest = taking.take(engine, file, folder=beside, keys=keys, at=at, begin=begin, tell=tell)
        sha256 = archive.checksum(file)
        for old in sorted((one for one in _those(folder, _OURS) if one != file), reverse=True)[kept - 1 :]:
            old.unlink(missing_ok=True)
    except OSError as trouble:
        raise UnfitDirectory(
            N_("The backup could not be written to %(folder)s: %(said)s."), folder=folder, said=trouble.strerror
        ) from None
    return Taken(file=file, manifest=manifest, sha256=sha256)


def _those(folder: Path, named: re.Pattern[str]) -> Iterator[Path]:
    """Files of these names alone: what somebody else put here stays."""
    return (one for one in list(folder.iterdir()) if named.fullmatch(one.name) and one.is_file())
