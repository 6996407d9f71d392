"""Commands about the installation itself."""

from __future__ import annotations

import json
import sys

import click
import waitress
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from survey import access, health, journal
from survey.app import alembic
from survey.context import session
from survey.refusals import N_, Refused
from survey.views import first_run


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
    first_run.announce(app)
    click.echo(f"Serving on http://{host}:{port} – stop with Ctrl+C.")
    waitress.serve(app, host=host, port=port, threads=8, ident=None, clear_untrusted_proxy_headers=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Say what is wrong with this installation, and how to mend it.

    Example: evenhand doctor
    """
    findings = health.findings()
    if as_json:
        click.echo(json.dumps([_plain(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{'well ' if finding.well else 'WRONG'}  {finding.name}: {finding.seen}")
            if not finding.well:
                click.echo(f"       {finding.remedy}")
    if not all(finding.well for finding in findings):
        sys.exit(1)


def _plain(finding: health.Finding) -> dict[str, object]:
    return {"name": finding.name, "well": finding.well, "seen": str(finding.seen), "remedy": str(finding.remedy)}


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
