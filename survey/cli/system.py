"""Commands about the installation itself."""

from __future__ import annotations

import json
import sqlite3
import sys
from dataclasses import asdict, dataclass

import click
import waitress
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from survey import access, database, journal
from survey.app import alembic
from survey.backups import latest
from survey.context import now, session, settings
from survey.refusals import N_, Refused


class ModelsAndMigrationsDiffer(Refused):
    pass


db = AppGroup("db", help="The database's tables.")


@db.command()
def upgrade() -> None:
    """Bring the tables to this version's shape.

    Example: evenhand db upgrade
    """
    alembic.upgrade()
    click.echo("The database is up to date.")


@db.command()
def check() -> None:
    """Say whether models and migrations agree.

    Example: evenhand db check
    """
    differences = alembic.compare_metadata()
    if differences:
        raise ModelsAndMigrationsDiffer(
            N_("Models and migrations differ: %(differences)s. Write a migration."), differences=differences
        )
    click.echo("Models and migrations agree.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def routes(as_json: bool) -> None:
    """List every route with the permission it asks for.

    Example: evenhand routes --json
    """
    rows = [
        {
            "rule": rule.rule,
            "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
            "endpoint": rule.endpoint,
            "permission": access.permission_of(current_app, rule.endpoint),
        }
        for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule)
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{'/'.join(row['methods']):9} {row['rule']:40} {row['permission']}")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@with_appcontext
def serve(host: str, port: int) -> None:
    """Serve the pages on this machine. In production put gunicorn and a proxy with HTTPS in front of `wsgi:app`.

    Example: evenhand serve --port 8000
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    click.echo(f"Serving on http://{host}:{port} – stop with Ctrl+C.")
    waitress.serve(app, host=host, port=port, threads=8, ident=None, clear_untrusted_proxy_headers=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do when it is not."""

    name: str
    well: bool
    seen: str
    remedy: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Say what is wrong with this installation, and how to mend it.

    Example: evenhand doctor
    """
    try:
        findings = [_database_finding(), _tables_finding(), *_backup_findings()]
    except OperationalError as error:
        findings = [_no_database_finding(error)]
    findings += [_address_finding(), _mail_finding()]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{'well ' if finding.well else 'WRONG'}  {finding.name}: {finding.seen}")
            if not finding.well:
                click.echo(f"       {finding.remedy}")
    if not all(finding.well for finding in findings):
        sys.exit(1)


def _database_finding() -> Finding:
    engine = session().get_bind()
    if engine.dialect.name != "sqlite":
        return Finding(name="database", well=True, seen=f"{engine.dialect.name}, durable by its own defaults")
    version = sqlite3.sqlite_version
    mode = session().execute(text("PRAGMA journal_mode")).scalar_one()
    level = session().execute(text("PRAGMA synchronous")).scalar_one()
    reason = (
        "write-ahead log, sound in this version"
        if mode == "wal"
        else "rollback journal, because write-ahead logs can be corrupted by versions below 3.51.3"
    )
    return Finding(
        name="database",
        well=level == 2,
        seen=f"SQLite {version}: {reason}; synchronous={'FULL' if level == 2 else level}",
        remedy="Nothing outside Evenhand should open this database with other pragmas.",
    )


def _no_database_finding(error: OperationalError) -> Finding:
    return Finding(
        name="database",
        well=False,
        seen=str(database.refusal(error)),
        remedy="See that it runs, and that DATABASE_URL (or EVENHAND_DIR) leads to it.",
    )


def _tables_finding() -> Finding:
    behind = {head.revision for head in alembic.heads()} != {script.revision for script in alembic.current()}
    return Finding(
        name="tables",
        well=not behind,
        seen="older than this version of Evenhand" if behind else "up to date",
        remedy="Run: evenhand db upgrade",
    )


def _backup_findings() -> list[Finding]:
    try:
        last = latest.taken_at(session())
    except DBAPIError:  # without its tables it has no backups either, and the finding before this one says so
        session().rollback()
        return []
    return [
        Finding(
            name="last backup",
            well=settings().is_demo or (last is not None and now() - last < latest.ENOUGH),
            seen=f"{last:%Y-%m-%d %H:%M} UTC" if last else "none taken yet",
            remedy="Run every day: evenhand backup FILE – and keep the file on another machine.",
        )
    ]


def _address_finding() -> Finding:
    url = settings().base_url
    local = "//127.0.0.1" in url or "//localhost" in url
    return Finding(
        name="public address",
        well=url.startswith("https://") or (local and settings().is_demo),
        seen=url,
        remedy="Customers' links start with BASE_URL; set it to the https:// address they can reach.",
    )


def _mail_finding() -> Finding:
    if settings().sends_mail:
        return Finding(name="mail", well=True, seen=f"through {settings().smtp_host}:{settings().smtp_port}")
    return Finding(
        name="mail",
        well=settings().is_demo,
        seen=f"written as files to {settings().outbox}",
        remedy="No customer is reached this way; set SMTP_HOST, SMTP_USER, SMTP_PASSWORD and MAIL_FROM.",
    )


audit = AppGroup("audit", help="The journal of who did what.")


class JournalBroken(Refused):
    pass


@audit.command()
@click.option(
    "--anchor", "kept", multiple=True, help="An anchor kept elsewhere, such as a printed one; may be repeated."
)
def verify(kept: tuple[str, ...]) -> None:
    """Read the whole journal and name every line that was changed, inserted or removed. An anchor kept elsewhere tells
    whether lines were cut off at the end too.

    Example: evenhand audit verify --anchor 3f0c9a…
    """
    found = journal.verify(session(), kept)
    if found.broken:
        raise JournalBroken("", problems=tuple(JournalBroken(line) for line in found.broken))
    click.echo(f"{found.entries} lines, unbroken. Anchor {found.anchor}")


@audit.command("anchor")
def print_anchor() -> None:
    """Print the hash of the last line, to be kept elsewhere.

    Example: evenhand audit anchor
    """
    click.echo(journal.anchor(session()))


COMMANDS: tuple[click.Command, ...] = (serve, doctor, db, routes, audit)
