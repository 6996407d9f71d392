"""The `evenhand` command. Exit 0: done; 1: refused, one sentence per problem on stderr; 2: wrong usage."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import DBAPIError

from survey import database
from survey.app import create_app
from survey.cli import (
    appraisals,
    backups,
    campaigns,
    demo,
    importing,
    interviewing,
    questionnaires,
    retention,
    runs,
    sending,
    system,
    users,
)
from survey.config import SettingsRefused
from survey.refusals import Refused


class Commands(AppGroup):
    """A command group that turns refusals into sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            for problem in refusal.problems or (refusal,):
                click.echo(str(problem), err=True)
        except SettingsRefused as refusal:
            click.echo(str(refusal), err=True)
        except DBAPIError as error:
            told = database.refusal(error)
            if told is None:
                raise
            click.echo(str(told), err=True)
        except OSError as error:
            if not error.filename:
                raise
            click.echo(f"{error.filename}: {error.strerror}.", err=True)
        sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Evenhand: ask customers, score fairly, appraise on paper."""
    if ctx.find_object(ScriptInfo) is None:
        ctx.ensure_object(_Script)


class _Script(ScriptInfo):
    def __init__(self) -> None:
        super().__init__(create_app=create_app, load_dotenv_defaults=False)


for command in (
    *system.COMMANDS,
    *backups.COMMANDS,
    *campaigns.COMMANDS,
    *sending.COMMANDS,
    *importing.COMMANDS,
    *interviewing.COMMANDS,
    *runs.COMMANDS,
    *appraisals.COMMANDS,
    *questionnaires.COMMANDS,
    *users.COMMANDS,
    *retention.COMMANDS,
    *demo.COMMANDS,
):
    main.add_command(command)
