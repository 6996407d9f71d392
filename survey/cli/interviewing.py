"""Commands that hand out interviews by telephone."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from survey import campaigns, interviews
from survey.context import actor, now, session

group = AppGroup("interviews", help="Customers asked by telephone.")


@group.command("hand-out")
@click.argument("code")
@click.option("--to", "chosen", multiple=True, help="Address of an interviewer; all of them unless given.")
def hand_out(code: str, chosen: tuple[str, ...]) -> None:
    """Share out everybody with a telephone number who has not answered among the interviewers.

    Example: evenhand interviews hand-out july
    """
    callers = interviews.interviewers(session(), chosen)
    shared = interviews.hand_out(session(), campaigns.named(session(), code), callers, by=actor(), at=now())
    session().commit()
    click.echo(f"{shared} people to call were handed to {len(callers)} interviewers.")


COMMANDS: tuple[click.Command, ...] = (group,)
