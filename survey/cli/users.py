"""Commands about the people who may sign in."""

from __future__ import annotations

import secrets
import sys

import click
from flask.cli import AppGroup
from flask_security import hash_password

from survey import users as room
from survey.context import actor, now, session
from survey.refusals import N_, Refused

SHORTEST_PASSWORD = 12


class PasswordTooShort(Refused):
    pass


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
    hashed = hash_password(password)
    current = session()
    user = room.create(current, email=email, name=name or email, role=role, password_hash=hashed, by=actor(), at=now())
    current.commit()
    click.echo(f"{user.email} can sign in as {role}.")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(N_("A password needs at least %(least)s characters."), least=SHORTEST_PASSWORD)
    return password


COMMANDS: tuple[click.Command, ...] = (users,)
