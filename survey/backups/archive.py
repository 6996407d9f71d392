"""The file of a backup: tables as lines of JSON, other files as they are, and a manifest that vouches for each."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from survey.refusals import N_, Refused

FORMAT = "evenhand backup"
VERSION = 1
MANIFEST = "manifest.json"
_LEVEL = 3  # a third of the time of the usual 6, for a file a tenth larger
_CHUNK = 1 << 20

Row = list[Any]


class FileExists(Refused):
    pass


class NotABackup(Refused):
    pass


class BackupBroken(Refused):
    """Something in the file is not what was written."""


class BackupNewer(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table (`count` rows) or one file (`count` bytes) and the SHA-256 of its content. Files have no columns."""

    count: int
    sha256: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `taken_at` is ISO 8601 in UTC; `tables_of` the revision of the database's tables;
    `entries` and `anchor` the journal's length and last hash; `keys` tells whether an installation has the same keys,
    without giving them away."""

    taken_at: str
    software: str
    tables_of: str
    engine: str
    entries: int
    anchor: str
    keys: dict[str, str]
    tables: dict[str, Part] = field(default_factory=dict)
    files: dict[str, Part] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(part.count for part in self.tables.values())


class Writer:
    """Fills a backup part by part; each vouched for once it is whole."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.tables: dict[str, Part] = {}
        self.files: dict[str, Part] = {}

    def table(self, name: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        digest, count = hashlib.sha256(), 0
        with self._archive.open(_table_member(name), "w", force_zip64=True) as member:
            for row in rows:
                line = _line(row)
                digest.update(line)
                member.write(line)
                count += 1
        self.tables[name] = Part(count=count, sha256=digest.hexdigest(), columns=columns)

    def file(self, name: str, source: IO[bytes]) -> None:
        digest, count = hashlib.sha256(), 0
        with self._archive.open(_file_member(name), "w", force_zip64=True) as member:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                member.write(chunk)
                count += len(chunk)
        self.files[name] = Part(count=count, sha256=digest.hexdigest())

    def manifest(self, manifest: Manifest) -> None:
        told = {"format": FORMAT, "version": VERSION, **_plain(manifest)}
        self._archive.writestr(MANIFEST, json.dumps(told, ensure_ascii=False, indent=1))


def _plain(manifest: Manifest) -> dict[str, Any]:
    parts = {"tables": manifest.tables, "files": manifest.files}
    told = {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__ if name not in parts}
    return told | {
        kind: {name: {"count": part.count, "sha256": part.sha256, "columns": part.columns} for name, part in of.items()}
        for kind, of in parts.items()
    }


def _table_member(name: str) -> str:
    return f"tables/{name}.jsonl"


def _file_member(name: str) -> str:
    return f"files/{name}"


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def digest(rows: Iterable[Row]) -> tuple[int, str]:
    """How many rows these are, and their SHA-256, as a backup would hold them."""
    found, count = hashlib.sha256(), 0
    for row in rows:
        found.update(_line(row))
        count += 1
    return count, found.hexdigest()


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to. It gets the name once it is whole and on the disk, and only if the
    name is still free; whatever goes wrong before, nothing is left.

    Raises FileExists.
    """
    _refuse_existing(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner alone
    partial = Path(name)
    try:
        os.close(handle)
        yield partial
        _onto_the_disk(partial)
        _name(partial, path)
        _onto_the_disk(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _name(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)  # unlike a rename, it never replaces what came meanwhile
    except FileExistsError:
        _refuse_existing(path)
    except OSError:  # a memory stick, say, whose file system has no second names
        _refuse_existing(path)
        partial.rename(path)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileExists(N_("%(file)s exists already. Name a new file; a backup replaces none."), file=path)


def _onto_the_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def create(path: Path) -> Iterator[Writer]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        yield Writer(archive)


class Reader:
    """Reads a backup, and refuses the part that is not what its manifest says."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self.manifest = self._manifest()

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table in their order. Raises BackupBroken at the end when they are not those written."""
        part, found, count = self.manifest.tables[name], hashlib.sha256(), 0
        for line in self._lines(_table_member(name)):
            found.update(line)
            count += 1
            yield self._parsed(line)
        if (count, found.hexdigest()) != (part.count, part.sha256):
            raise self._broken(name)

    def file(self, name: str) -> bytes:
        """Raises BackupBroken."""
        content = b"".join(self._chunks(_file_member(name)))
        if hashlib.sha256(content).hexdigest() != self.manifest.files[name].sha256:
            raise self._broken(name)
        return content

    def _manifest(self) -> Manifest:
        try:
            told = json.loads(b"".join(self._chunks(MANIFEST)))
            known = told.pop("format") == FORMAT
            version = told.pop("version")
        except (ValueError, KeyError, AttributeError, TypeError, BackupBroken):
            known = False
        if not known:
            raise NotABackup(N_("%(file)s is not a backup made by Evenhand."), file=self._path)
        if version != VERSION:
            raise BackupNewer(
                N_("%(file)s was made by a newer version of Evenhand (%(software)s). Update this installation first."),
                file=self._path, software=told.get("software", "?"),
            )  # fmt: skip
        try:
            tables, files = (_parts(told.pop(kind)) for kind in ("tables", "files"))
            return Manifest(**told, tables=tables, files=files)
        except (TypeError, KeyError, ValueError, AttributeError):
            raise self._broken(MANIFEST) from None

    def _chunks(self, member: str) -> Iterator[bytes]:
        with self._opened(member) as source:
            while chunk := source.read(_CHUNK):
                yield chunk

    def _lines(self, member: str) -> Iterator[bytes]:
        with self._opened(member) as source:
            yield from source

    @contextmanager
    def _opened(self, member: str) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(member) as source:
                yield source
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise self._broken(member) from None

    def _parsed(self, line: bytes) -> Row:
        try:
            row: Row = json.loads(line)
        except ValueError:
            raise self._broken(MANIFEST) from None
        return row

    def _broken(self, part: str) -> BackupBroken:
        return BackupBroken(
            N_("%(file)s is damaged: “%(part)s” is not what was written. Use another copy of it."),
            file=self._path, part=part,
        )  # fmt: skip


def _parts(told: Mapping[str, Any]) -> dict[str, Part]:
    return {
        name: Part(count=part["count"], sha256=part["sha256"], columns=tuple(part["columns"]))
        for name, part in told.items()
    }


@contextmanager
def read(path: Path) -> Iterator[Reader]:
    """Raises NotABackup, BackupBroken, BackupNewer."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise NotABackup(
            N_("%(file)s is not a whole backup made by Evenhand: it is cut short, or something else."), file=path
        ) from None
    with archive:
        yield Reader(archive, path)


def checksum(path: Path) -> str:
    """The SHA-256 of the whole file, to be kept elsewhere."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
