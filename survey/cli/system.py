"""Commands about the installation itself."""

from __future__ import annotations

import json

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from survey import access, journal
from survey.app import alembic
from survey.context import session
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


audit = AppGroup("audit", help="The journal of who did what.")


class JournalBroken(Refused):
    pass


@audit.command()
def verify() -> None:
    """Read the whole journal and name every line that was changed, inserted or removed.

    Example: evenhand audit verify
    """
    found = journal.verify(session())
    if found.broken:
        raise JournalBroken("", problems=tuple(JournalBroken(line) for line in found.broken))
    click.echo(f"{found.entries} lines, unbroken. Anchor {found.anchor}")


@audit.command("anchor")
def print_anchor() -> None:
    """Print the hash of the last line, to be kept elsewhere.

    Example: evenhand audit anchor
    """
    click.echo(journal.anchor(session()))


COMMANDS: tuple[click.Command, ...] = (db, routes, audit)
