"""`evenhand erase`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import click
from flask.cli import AppGroup

from survey import retention
from survey.context import db, settings
from survey.refusals import N_, Refused
from survey.worker import erasing
from survey.worker.erasing import Outcome


class NotYetGone(Refused):
    """The rows are gone, what they left behind in the database's files is not."""


erase = AppGroup("erase", help="Let go of a person for good.")


@erase.command()
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def customer(code: str, yes: bool, as_json: bool) -> None:
    """Erase the customer CODE: name, contacts, addresses, links, words. Ratings stay, without a name, where at least
    as many other customers rated the same as it takes to show a score; the others are deleted.

    Whoever is erased comes back by no file: of their code a fingerprint stays, and rows with it are refused from then
    on. Nothing undoes this.

    Example: evenhand erase customer C0017
    """
    held = retention.holding(db.session, code)
    db.session.rollback()
    if not yes and held.erased_at is None:
        click.confirm(
            f"Erase {code} ({held.name})? Contacts: {held.contacts}, invitations: {held.invitations}, answers: "
            f"{held.answers}. Nothing brings them back.",
            abort=True, err=True,
        )  # fmt: skip
    done = erasing.erase(code)
    if as_json:
        click.echo(json.dumps(_plain(done), ensure_ascii=False))
    else:
        for line in _lines(code, done):
            click.echo(line)
    if done.held_up:
        raise NotYetGone(
            N_("The rows are gone, but their traces in the database's files are not: %(said)s Run this once more."),
            said=str(done.held_up),
        )


def _plain(done: Outcome) -> dict[str, object]:
    told = asdict(done.erased) | {"erased_at": done.erased.erased_at.isoformat(), "files": done.files}
    return told | {"written_anew": done.held_up is None, "backups_kept": _backups()}


def _backups() -> int | None:
    """For how many nights backups still hold them; None where none are taken here."""
    return settings().backups_kept if settings().backup_dir else None


def _lines(code: str, done: Outcome) -> Iterator[str]:
    erased = done.erased
    if not erased.fresh:
        yield f"{code} was erased on {erased.erased_at:%Y-%m-%d}. Nothing was changed; files deleted: {done.files}."
        return
    yield f"{code} is erased."
    yield f"Contacts: {erased.contacts}, invitations: {erased.invitations}, answers deleted: {erased.answers}."
    yield f"Ratings that stay without a name, each among enough others: {erased.kept} ({erased.known_as})."
    yield "Visits and past service still count for the rep. The journal knows customers by number."
    yield from _what_to_do(erased)
    if done.files:
        yield f"Files deleted, letters in the outbox and papers that waited to be fetched: {done.files}."
    if erased.uploads:
        yield f"Files on their way in, deleted whatever they held: {erased.uploads}. Upload them again."
    yield from _where_it_stays()


def _what_to_do(erased: retention.Erased) -> Iterator[str]:
    if erased.score_again:
        yield "Scores rest on ratings that are gone. Stored runs say so; to have runs without them:"
        yield from (f"  evenhand score {period}" for period in erased.score_again)
    if erased.draw_up_again:
        yield "Appraisals rest on them too. What is proposed gets a revision, what is final stays:"
        yield from (f"  evenhand appraise {period} --scheme {scheme}" for period, scheme in erased.draw_up_again)
    if erased.appraisals:
        yield f"A name was put out of appraisals that quoted it: {', '.join(erased.appraisals)}."
        yield "Export them again: files that quote it are printed anew (evenhand appraisals export)."
    if erased.shared:
        yield f"Also said of others, so left where people wrote it: {', '.join(erased.shared)}."
    if erased.also:
        yield f"The same person or address stands at other customers: {', '.join(erased.also)}."


def _where_it_stays() -> Iterator[str]:
    nights = _backups()
    if nights is not None:
        yield f"Backups taken until now hold them; the last of these goes after {nights} nights."
    else:
        yield "Backups taken until now hold them: delete those yourself. Whoever restores one erases again."
    if db.engine.dialect.name == "postgresql":
        yield "PostgreSQL's own log of changes holds them until it is written over, which takes days on a quiet server."
    if settings().bounce_file:
        yield f"Delivery reports in {settings().bounce_file} may name their address: that file is your mail server's."
    yield "Files downloaded or exported before are yours to delete."


COMMANDS: tuple[click.Command, ...] = (erase,)
