"""`evenhand backup` and `evenhand restore`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from flask.cli import with_appcontext

from survey.backups import archive, latest, restoring, taking
from survey.context import actor, db, now, session, settings

NO_KEYS = (
    "The keys (SECRET_KEY, TOKEN_KEYS) are not in it: keep them elsewhere, or nobody can sign in and no link opens."
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def backup(file: Path, as_json: bool) -> None:
    """Write everything this installation knows into FILE, while everybody goes on working, and read it back. It
    replaces no file. The keys are not in it; names and answers are, so keep it as carefully as the database.

    Example: evenhand backup /backups/evenhand-2026-07-06.zip
    """
    at = now()
    with _progress("Backing up") as (begin, tell):
        manifest = taking.take(
            db.engine, file, folder=settings().evenhand_dir, keys=settings().keys, at=at, begin=begin, tell=tell
        )  # fmt: skip
    sha256 = archive.checksum(file)
    latest.note(session(), file, manifest, sha256=sha256, by=actor(), at=at)
    session().commit()
    told = {
        "file": str(file), "bytes": file.stat().st_size, "sha256": sha256, "rows": manifest.rows,
        "files": len(manifest.files), "journal_lines": manifest.entries, "anchor": manifest.anchor,
        "taken_at": manifest.taken_at,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"{file}: {manifest.rows} rows and {len(manifest.files)} files, read back and whole.")
    click.echo(f"SHA-256 {sha256}")
    click.echo(f"Journal {manifest.entries} lines, anchor {manifest.anchor}")
    click.echo(NO_KEYS)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Lose everything that this installation holds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def restore(file: Path, replace: bool, as_json: bool) -> None:
    """Put back what FILE holds, into the empty tables that `evenhand db upgrade` made, on SQLite or PostgreSQL,
    whichever it was taken from. All or nothing; then every row and the journal are held against what was written. Stop
    the web server and the worker before.

    Example: evenhand restore /backups/evenhand-2026-07-06.zip
    """
    with _progress("Restoring") as (begin, tell):
        done = restoring.restore(
            session(), file, folder=settings().evenhand_dir, keys=settings().keys, replace=replace, by=actor(),
            at=now(), begin=begin, tell=tell,
        )  # fmt: skip
        session().commit()
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(
        f"Restored {done.rows} rows and {done.files} files as of {done.taken_at}; every one is as it was written."
    )
    click.echo(f"The journal verifies: {done.entries} lines, anchor {done.anchor}")
    if done.other_keys:
        click.echo(
            f"Other keys than this installation's were in use: {', '.join(done.other_keys)}. Set the old ones, or "
            "links signed with them do not open and passwords have to be chosen anew.",
            err=True,
        )
    if done.waiting:
        click.echo(f"{done.waiting} messages that waited then go out when the worker starts, or by hand.")


@contextmanager
def _progress(label: str) -> Iterator[tuple[Callable[[int], object], Callable[[int], object]]]:
    """A bar on a terminal, nothing in a log; its length is known once the file or the database was looked into."""
    with click.progressbar(length=0, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def begin(rows: int) -> None:
            bar.length = rows

        yield begin, bar.update


COMMANDS: tuple[click.Command, ...] = (backup, restore)
