"""Commands about the people who may sign in."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import asdict

import click
from flask.cli import AppGroup

from survey import access
from survey import users as room
from survey.context import actor, now, session, today
from survey.users import inviting, passwords, people
from survey.worker import jobs

users = AppGroup("users", help="Who may sign in.")


@users.command()
@click.option("--role", type=click.Choice(room.ROLES), required=True, help="What the person may do.")
@click.option("--email", required=True, help="The address they sign in with.")
@click.option("--name", help="How pages call them; the address unless given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
def create(role: str, email: str, name: str | None, password_stdin: bool) -> None:
    """Let a person sign in. Without --password-stdin a password is made and shown this once.

    Example: evenhand users create --role manager --email li@example.com --name 李敏
    """
    password = _read_password() if password_stdin else secrets.token_urlsafe(12)
    hashed = access.hashed(password)
    current = session()
    user = room.create(current, email=email, name=name or email, role=role, password_hash=hashed, by=actor(), at=now())
    current.commit()
    click.echo(f"{user.email} can sign in as {role}.")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")


@users.command()
@click.option("--all", is_flag=True, required=True, expose_value=False, help="Every manager and rep of the roster.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def invite(as_json: bool) -> None:
    """Give the managers and reps of the roster accounts, and send each an invitation to choose a password.

    Run again, it invites only who is new.

    Example: evenhand users invite --all
    """
    current = session()
    with click.progressbar(length=0, label="Inviting", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def tell(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        done = inviting.invite_all(current, on=today(), by=actor(), at=now(), tell=tell)
    current.commit()
    jobs.wake()
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
    else:
        click.echo(f"Invited {done.created}; given another role {done.updated}; left as they are {done.unchanged}.")
        for line in done.refused:
            click.echo(line, err=True)


@users.command("reset-second-factor")
@click.option("--email", required=True, help="The address they sign in with.")
def reset_second_factor(email: str) -> None:
    """Let somebody who lost phone and recovery codes set up another app at the next sign-in.

    Example: evenhand users reset-second-factor --email li@example.com
    """
    current = session()
    people.take_second_factor(current, room.named(current, email), by=actor(), at=now())
    current.commit()
    click.echo(f"{email} sets up another app at the next sign-in.")


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    passwords.check(password)
    return password


COMMANDS: tuple[click.Command, ...] = (users,)
