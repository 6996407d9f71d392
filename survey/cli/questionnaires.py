"""Commands about question sheets: which there are, one as a file, and a file taken in."""

from __future__ import annotations

import json
from pathlib import Path

import click
from flask.cli import AppGroup

from survey.context import actor, now, session
from survey.questionnaires import toml, versions
from survey.questionnaires.content import check

questionnaires = AppGroup("questionnaires", help="What customers are asked.")
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@questionnaires.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_sheets(as_json: bool) -> None:
    """Every sheet in its newest version.

    Example: evenhand questionnaires list
    """
    rows = [
        {
            "code": one.sheet.code, "version": one.sheet.version, "title_zh": one.sheet.title.zh,
            "title_en": one.sheet.title.en, "items": len(one.sheet.items), "frozen": one.frozen_at is not None,
        }
        for one in versions.overview(session())
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        frozen = ", frozen" if row["frozen"] else ""
        click.echo(f"{row['code']}  version {row['version']}, {row['items']} items{frozen}  {row['title_en']}")


@questionnaires.command("show")
@click.argument("code")
@click.option("--version", type=int, help="Another version than the newest.")
def show(code: str, version: int | None) -> None:
    """One sheet as TOML, to be kept or edited.

    Example: evenhand questionnaires show core > core.toml
    """
    found = versions.find(session(), code, version) if version else versions.history(session(), code)[0]
    click.echo(toml.write(found.content), nl=False)


@questionnaires.command("check")
@click.argument("file", type=FILE)
def check_file(file: Path) -> None:
    """Say whether a sheet's file is whole in both languages; every gap is named.

    Example: evenhand questionnaires check dealers.toml
    """
    sheet = check(toml.parse(file.read_bytes()))
    click.echo(f"{sheet.code}: {len(sheet.items)} items, complete in Chinese and English.")


@questionnaires.command("add")
@click.argument("file", type=FILE)
def add(file: Path) -> None:
    """Take a sheet in: a new one under its code, or an edit of the one there. What was sent becomes the next version.

    Example: evenhand questionnaires add dealers.toml
    """
    row = versions.save(session(), toml.parse(file.read_bytes()), by=actor(), at=now())
    session().commit()
    click.echo(f"{row.code} is stored as version {row.version}.")


COMMANDS: tuple[click.Command, ...] = (questionnaires,)
