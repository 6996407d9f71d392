"""Commands that hand out interviews by telephone."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from survey import campaigns, interviews, users
from survey.context import actor, now, session

group = AppGroup("interviews", help="Customers asked by telephone.")


@group.command("hand-out")
@click.argument("code")
@click.option("--to", "chosen", multiple=True, help="Address of an interviewer; all of them unless given.")
def hand_out(code: str, chosen: tuple[str, ...]) -> None:
    """Share out everybody with a telephone number who has not answered among the interviewers.

    Example: evenhand interviews hand-out july
    """
    holders = users.in_role(session(), "interviewer")
    unknown = sorted(set(chosen) - set(holders))
    if unknown:
        raise interviews.NobodyToInterview(interviews.NOT_AN_INTERVIEWER, email=", ".join(unknown))
    shared = interviews.hand_out(
        session(), campaigns.named(session(), code), chosen or holders, by=actor(), at=now()
    )  # fmt: skip
    session().commit()
    click.echo(f"{shared} people to call were handed to {len(chosen or holders)} interviewers.")


COMMANDS: tuple[click.Command, ...] = (group,)
