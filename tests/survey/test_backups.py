"""A backup taken while customers answer comes back whole on either database, and nothing else does."""

from __future__ import annotations

import json
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from survey import journal
from survey.app import create_app
from survey.backups import restoring, taking
from survey.backups.archive import BackupBroken, BackupNewer, FileExists, Manifest, NotABackup
from survey.backups.restoring import NotEmpty, OtherTables, Restored
from survey.backups.taking import JournalDoesNotVerify
from survey.config import Settings
from survey.context import db
from survey.models.answering import Answer, Response
from survey.models.asking import Subject
from survey.models.company import JournalEntry
from survey.models.roster import Customer
from tests.asking import ask_many, sheet
from tests.conftest import _execute, settings_for

Evenhand = Callable[..., Result]
KEYS = {"SECRET_KEY": "s" * 40, "TOKEN_KEYS test": "t" * 40}


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> Iterator[Flask]:
    """Another, empty installation, on the other database."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    url, drop = f"sqlite:///{folder / 'evenhand.sqlite'}", ""
    if engine_name == "postgresql":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "evenhand.sqlite")
    else:
        server, name = request.getfixturevalue("postgres"), f"test_{uuid.uuid4().hex}"
        _execute(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('migrated_postgres')}")
        url, drop = f"{server}/{name}", f"DROP DATABASE {name} WITH (FORCE)"
    app = create_app(settings_for(folder, url))
    yield app
    with app.app_context():
        db.engine.dispose()
    if drop:
        _execute(server, drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Takes backups of one installation and restores them into another."""

    app: Flask
    elsewhere: Flask
    folder: Path
    now: datetime

    def take(self, file: Path, **more: Callable[[int], object]) -> Manifest:
        with self.app.app_context():
            db.session.rollback()
            return taking.take(db.engine, file, folder=self.folder, keys=KEYS, at=self.now, **more)

    def restore(self, file: Path, *, replace: bool = False, keys: dict[str, str] = KEYS) -> Restored:
        with self.elsewhere.app_context():
            done = restoring.restore(
                db.session, file, folder=self.folder / "elsewhere", keys=keys, replace=replace, by="a", at=self.now
            )
            db.session.commit()
            return done

    def count(self, what: type) -> int:
        with self.elsewhere.app_context():
            return db.session.scalar(select(func.count()).select_from(what)) or 0


@pytest.fixture
def keeper(app: Flask, elsewhere: Flask, tmp_path: Path, now: datetime) -> Keeper:
    return Keeper(app=app, elsewhere=elsewhere, folder=tmp_path, now=now)


@pytest.fixture
def kept(keeper: Keeper, session: Session, tmp_path: Path) -> Path:
    """A backup of three customers."""
    session.add_all(Customer(code=f"C{number}", name=f"海川商行{number}") for number in range(3))
    journal.record(session, "tried", "a thing", {"数": 1}, by="a@h.example", at=keeper.now)
    session.commit()
    file = tmp_path / "kept.zip"
    keeper.take(file)
    return file


def test_answers_acknowledged_before_a_backup_are_in_it_and_answers_during_it_are_taken(
    keeper: Keeper, session: Session, settings: Settings, client: FlaskClient, tmp_path: Path
) -> None:
    from survey.context import now as real_now

    asked = ask_many(session, settings, 6, at=real_now())

    def post(link: str) -> int:
        with keeper.app.app_context():
            return client.post(link, data=sheet(client, link)).status_code

    before, during = asked[:4], asked[4:]
    session.rollback()
    assert [post(link) for link, _ in before] == [303] * 4
    acknowledged: list[int] = []
    keeper.take(tmp_path / "b.zip", begin=lambda _rows: acknowledged.extend(post(link) for link, _ in during))
    assert acknowledged == [303] * 2
    assert session.scalar(select(func.count()).select_from(Response)) == 6
    done = keeper.restore(tmp_path / "b.zip")
    with keeper.elsewhere.app_context():
        answered = select(Subject.invitation_id).join(Response, Response.subject_id == Subject.id)
        assert set(db.session.scalars(answered)) == {invitation for _, invitation in before}
        values = select(Answer.value).where(Answer.item == "delivery", Answer.state == "answered")
        assert list(db.session.scalars(values)) == [4.0] * 4
        found = journal.verify(db.session, [done.anchor])
        assert (found.entries, found.broken) == (done.entries + 1, ())
        db.session.add(Customer(code="NEW", name="counts on where the backup stopped"))
        db.session.commit()


def test_letters_written_as_files_come_back_and_half_written_ones_do_not(
    keeper: Keeper, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "a.eml").write_bytes(b"From: a\r\n\r\n\xe4\xbd\xa0")
    (tmp_path / "outbox" / "b.part").touch()
    assert set(keeper.take(tmp_path / "b.zip").files) == {"outbox/a.eml"}
    keeper.restore(tmp_path / "b.zip")
    outbox = tmp_path / "elsewhere" / "outbox"
    assert [(file.name, file.read_bytes()) for file in outbox.iterdir()] == [("a.eml", b"From: a\r\n\r\n\xe4\xbd\xa0")]


def test_a_backup_holds_no_key_and_knows_other_ones(keeper: Keeper, kept: Path) -> None:
    with zipfile.ZipFile(kept) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert not any(key.encode() in everything for key in KEYS.values())
    assert kept.stat().st_mode & 0o077 == 0
    assert keeper.restore(kept, keys=KEYS | {"TOKEN_KEYS test": "u" * 40}).other_keys == ("TOKEN_KEYS test",)


def test_a_backup_replaces_no_file_and_leaves_none_behind_when_it_is_stopped(keeper: Keeper, kept: Path) -> None:
    def stop(_rows: int) -> None:
        raise KeyboardInterrupt

    before = {path: path.read_bytes() for path in kept.parent.iterdir() if path.suffix == ".zip"}
    with pytest.raises(FileExists):
        keeper.take(kept)
    with pytest.raises(KeyboardInterrupt):
        keeper.take(kept.with_name("stopped.zip"), begin=stop)
    assert {path: path.read_bytes() for path in kept.parent.iterdir() if path.suffix == ".zip"} == before
    assert not list(kept.parent.glob(".*"))


def test_a_journal_that_was_touched_is_not_backed_up(keeper: Keeper, kept: Path, session: Session) -> None:
    session.execute(update(JournalEntry).values(by="b@h.example"))
    session.commit()
    with pytest.raises(JournalDoesNotVerify, match="Line 1"):
        keeper.take(kept.with_name("touched.zip"))
    assert not kept.with_name("touched.zip").exists()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        place = archive.getinfo("tables/customer.jsonl").header_offset + len("tables/customer.jsonl") + 60
    content[place] ^= 0xFF
    file.write_bytes(content)


def _rewrite(file: Path, member: str, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member].decode()).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _told(file: Path, **changed: object) -> None:
    _rewrite(file, "manifest.json", lambda text: json.dumps(json.loads(text) | changed))


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (_cut, NotABackup),
        (lambda file: file.write_text("a letter"), NotABackup),
        (lambda file: _told(file, format="something else"), NotABackup),
        (lambda file: _told(file, version=2), BackupNewer),
        (lambda file: _told(file, tables_of="9999"), OtherTables),
        (lambda file: _told(file, anchor="0" * 64), BackupBroken),
        (lambda file: _told(file, files={"../x": {"count": 0, "sha256": "", "columns": []}}), BackupBroken),
        (lambda file: _rewrite(file, "tables/customer.jsonl", lambda text: text.replace("海川", "海关")), BackupBroken),
        (lambda file: _rewrite(file, "tables/customer.jsonl", lambda text: text.splitlines()[0]), BackupBroken),
        (_flip, BackupBroken),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_a_file_that_is_not_what_was_written_is_refused_and_nothing_is_kept(
    keeper: Keeper, kept: Path, spoil: Callable[[Path], object], refusal: type[Exception]
) -> None:
    spoil(kept)
    with pytest.raises(refusal):
        keeper.restore(kept)
    assert (keeper.count(Customer), keeper.count(JournalEntry)) == (0, 0)


def test_what_is_there_is_replaced_only_when_told(keeper: Keeper, kept: Path) -> None:
    keeper.restore(kept)
    with keeper.elsewhere.app_context():
        db.session.add(Customer(code="LATER", name="came after the backup"))
        db.session.commit()
    with pytest.raises(NotEmpty):
        keeper.restore(kept)
    assert keeper.count(Customer) == 4
    keeper.restore(kept, replace=True)
    assert keeper.count(Customer) == 3


def test_the_commands_say_what_they_did(evenhand: Evenhand, kept: Path, session: Session, tmp_path: Path) -> None:
    done = evenhand("backup", tmp_path / "b.zip", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] > 3
    taken = [entry.details for entry in session.scalars(select(JournalEntry).where(JournalEntry.action == "backed up"))]
    assert [entry["sha256"] for entry in taken] == [told["sha256"]]
    again = evenhand("backup", tmp_path / "b.zip")
    assert (again.exit_code, again.stdout) == (1, "")
    assert evenhand("restore", tmp_path / "b.zip").exit_code == 1
    replaced = evenhand("restore", tmp_path / "b.zip", "--replace", "--json")
    assert replaced.exit_code == 0, replaced.stderr
    assert json.loads(replaced.stdout)["anchor"] == told["anchor"]
    assert evenhand("audit", "verify", "--anchor", told["anchor"][:12]).exit_code == 0


def test_the_doctor_misses_a_backup_and_sees_one(evenhand: Evenhand, tmp_path: Path) -> None:
    def health() -> dict[str, bool]:
        return {finding["name"]: finding["well"] for finding in json.loads(evenhand("doctor", "--json").stdout)}

    assert not health()["last backup"]
    assert evenhand("backup", tmp_path / "b.zip").exit_code == 0
    assert health()["last backup"]


def test_lines_cut_off_the_end_of_the_journal_are_found_by_an_anchor_kept_elsewhere(
    evenhand: Evenhand, session: Session, now: datetime
) -> None:
    for number in range(3):
        journal.record(session, "tried", f"thing {number}", by="a@h.example", at=now)
    anchor = journal.anchor(session)
    session.execute(delete(JournalEntry).where(JournalEntry.id == 3))
    session.commit()
    assert evenhand("audit", "verify").exit_code == 0
    cut = evenhand("audit", "verify", "--anchor", anchor)
    assert (cut.exit_code, cut.stdout) == (1, "")
    assert anchor in cut.stderr
