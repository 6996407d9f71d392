"""`evenhand demo`: an invented company brought in by the commands anybody uses, then served."""

from __future__ import annotations

import csv
import io
import json
import socket
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import click
import waitress
from flask import Flask
from flask.cli import ScriptInfo
from flask_security import hash_password
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from survey import access, appraisals, campaigns, channels, config, database, interviews, invitations, users, worker
from survey.app import create_app
from survey.cli import invented
from survey.cli.invented import InventedCompany, Table
from survey.config import Settings
from survey.context import actor, db, now, session, settings, today
from survey.invitations import links
from survey.refusals import N_, Refused
from survey.users import User, second_factor
from survey.worker import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "taiwan-six"
CAMPAIGN = "demo"
QUESTIONNAIRE = "core"
PASSWORD = "fair-and-square"  # noqa: S105 - printed for everybody who runs the demo
LINKS = 6
FIRST_MAILS = 100
CALLS = 12
LOGINS = {
    "administrator": "admin@demo.example",
    "reviewer": "reviewer@demo.example",
    "manager": "southwest.manager@demo.example",
    "rep": f"{invented.FLIPPED.lower()}@demo.example",
    "interviewer": "interviewer@demo.example",
    "auditor": "auditor@demo.example",
}


class NotADemo(Refused):
    pass


class AnotherDemo(Refused):
    pass


class PortTaken(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Where everything lies in the demo's directory."""

    directory: Path

    @property
    def tables(self) -> Path:
        return self.directory / "tables"

    @property
    def pdf(self) -> Path:
        return self.directory / "pdf"

    def settings(self, port: int) -> Settings:
        return config.demo_settings(self.directory, base_url=f"http://127.0.0.1:{port}")


@click.command()
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), default=Path("var/demo"))
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-serve", is_flag=True, help="Build it and stop.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def demo(ctx: click.Context, directory: Path, port: int, no_serve: bool, as_json: bool) -> None:
    """Build an invented company with known truth, and serve it. Run again, it keeps what is there.

    Example: evenhand demo --dir var/demo --port 8000
    """
    place = Demo(directory=directory.resolve())
    if not no_serve:
        _check_port(port)
    if not (place.directory / config.DEMO_MARK).exists():
        _build(ctx, place, port)
    settings = place.settings(port)
    app = create_app(settings)
    with app.app_context():
        _check_tables(place)
        opened = _opened(place, settings)
    click.echo(json.dumps(opened, ensure_ascii=False) if as_json else _told(opened, no_serve))
    sys.stdout.flush()
    if not no_serve:
        _serve(app, port)


def _check_port(port: int) -> None:
    """Building takes a minute: better to hear now that nothing could be served."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PortTaken(
                N_("Port %(port)s is in use by another program. Choose another: --port %(other)s."),
                port=port, other=port + 1,
            ) from None  # fmt: skip


def _check_tables(place: Demo) -> None:
    """What an earlier version built is not migrated: demos are rebuilt, and there is nothing in them to lose."""
    try:
        there = inspect(db.engine)
        fit = all(
            {column["name"] for column in there.get_columns(table.name)} == set(table.columns.keys())
            for table in database.Base.metadata.sorted_tables
        )
    except (DBAPIError, NoSuchTableError):
        fit = False
    if not fit:
        raise AnotherDemo(
            N_(
                "%(directory)s holds a demo that this version of Evenhand cannot use. Remove that directory and run "
                "the same again, or name another."
            ),
            directory=place.directory,
        )


def _build(ctx: click.Context, place: Demo, port: int) -> None:
    """Build beside the final place and move there when done, so that half a demo is never taken for a whole one."""
    if place.directory.exists() and any(place.directory.iterdir()):
        raise NotADemo(
            N_("%(directory)s holds something that is not a demo. Name an empty or new directory."),
            directory=place.directory,
        )
    building = Demo(directory=place.directory.with_name(f"{place.directory.name}.building"))
    _clear(building.directory)
    settings = building.settings(port)
    app = create_app(settings)
    evenhand = _Commands(ctx.find_root().command, app)
    evenhand("db", "upgrade")
    with _chapter("Inventing a company"), app.app_context():
        company = invented.invent(today())
        _write_tables(building, company)
    _bring_in(evenhand, building, company)
    _score_and_appraise(evenhand, building, company)
    with app.app_context(), _chapter("Asking customers about the present half-year"):
        _ask(company)
    building.directory.rename(place.directory)


def _clear(directory: Path) -> None:
    if directory.exists():
        for path in sorted(directory.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


@contextmanager
def _chapter(title: str) -> Iterator[None]:
    click.echo(f"{title} …", err=True)
    yield


@dataclass(frozen=True, slots=True)
class _Commands:
    """Runs `evenhand` commands inside this process, against the demo."""

    root: click.Command
    app: Flask

    def __call__(self, *arguments: str | Path) -> None:
        script = ScriptInfo(create_app=lambda: self.app)
        with redirect_stdout(io.StringIO()):
            self.root.main([str(argument) for argument in arguments], standalone_mode=False, obj=script)


def _write_tables(place: Demo, company: InventedCompany) -> None:
    place.tables.mkdir(parents=True, exist_ok=True)
    named = {
        "territories": company.territories, "reps": company.reps, "customers": company.customers,
        "contacts": company.contacts, "assignments": company.assignments, "facts": company.facts,
        **{f"answers-{half}": rows for half, rows in company.answers.items()},
    }  # fmt: skip
    for name, rows in named.items():
        _write_csv(place.tables / f"{name}.csv", rows)
    _write_csv(place.directory / "truth.csv", company.truth)


def _write_csv(path: Path, rows: Table) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _bring_in(evenhand: _Commands, place: Demo, company: InventedCompany) -> None:
    evenhand(
        "company", "set", "--name", "Spruce Instruments (demo)", "--name-zh", "云杉仪表（演示）",
        "--time-zone", "Asia/Shanghai", "--privacy-contact", "privacy@demo.example",
    )  # fmt: skip
    for kind in ("territories", "reps", "customers", "contacts", "assignments"):
        with _chapter(f"Importing {kind}"):
            evenhand("import", kind, place.tables / f"{kind}.csv")
    for half in company.halves:
        evenhand("period", "add", half.code, "--from", half.first.isoformat(), "--to", half.last.isoformat())
    for code in company.answers:
        with _chapter(f"Importing the answers of {code}"):
            evenhand("import", "answers", place.tables / f"answers-{code}.csv", "--period", code)


def _score_and_appraise(evenhand: _Commands, place: Demo, company: InventedCompany) -> None:
    evenhand("import", "facts", place.tables / "facts.csv")
    evenhand("schemes", "adopt", SCHEME)
    for half in company.answers:
        with _chapter(f"Scoring and appraising {half}"):
            evenhand("score", half)
            evenhand("appraise", half, "--scheme", SCHEME)
    last = company.halves[1].code
    with _chapter("Printing one appraisal in both languages"):
        for language in ("zh", "en"):
            evenhand(
                "appraisals", "export", last, "--out", place.pdf / language, "--rep", invented.FLIPPED,
                "--lang", language,
            )  # fmt: skip


def _ask(company: InventedCompany) -> None:
    """Logins, a decision taken, and a campaign that is open today."""
    for role, email in LOGINS.items():
        user = users.create(
            session(), email=email, name=role.capitalize(), role=role, password_hash=hash_password(PASSWORD),
            by=actor(), at=now(),
        )  # fmt: skip
        if second_factor.is_needed(user):
            _give_second_factor(user)
    _decide(company.halves[0].code)
    asked = campaigns.create(
        session(), CAMPAIGN, period=company.halves[2].code, questionnaire=QUESTIONNAIRE,
        opens_on=today() - timedelta(days=7), closes_on=today() + timedelta(days=21), by=actor(), at=now(),
    )  # fmt: skip
    campaigns.open_up(session(), asked, by=actor(), at=now())
    reach = channels.reach(channels.ways(settings()))
    invitations.invite(session(), asked, reach=reach, by=actor(), at=now())
    session().commit()
    worker.drain(most=FIRST_MAILS)
    interviews.hand_out(session(), asked, [LOGINS["interviewer"]], most=CALLS, by=actor(), at=now())
    session().commit()


def _give_second_factor(user: User) -> None:
    """An app whose key is printed, for whoever tries the demo; its recovery codes nobody needs."""
    codes = access.codes()
    secret = codes.new_secret()
    second_factor.set_up(session(), user, secret, codes.shown(secret, at=now()), codes=codes, at=now())


def _decide(period: str) -> None:
    """The reviewer has decided on an older appraisal, so that the rep who signs in finds one."""
    for paper in appraisals.papers(session(), period, invented.FLIPPED):
        appraisals.finalise(
            session(), paper.standing.id, band=paper.statement.outcome.band or "", reason="", by=LOGINS["reviewer"],
            at=now(),
        )  # fmt: skip


def _opened(place: Demo, settings: Settings) -> dict[str, Any]:
    """What can be opened now. The links are fresh: no link is stored anywhere."""
    base = settings.base_url
    asked = campaigns.named(session(), CAMPAIGN)
    fresh = links.printed(
        session(), asked.id, asked.code, keys=settings.token_keys, most=LINKS, by=actor(), at=now()
    )  # fmt: skip
    tokens = [token for _invitation, token in fresh]
    session().commit()
    return {
        "site": f"{base}/",
        "dashboard": f"{base}/team",
        "survey_links": [f"{base}/s/{token}" for token in tokens],
        "logins": [
            {"role": role, "email": email, "password": PASSWORD, "totp_secret": _key_of(email)}
            for role, email in LOGINS.items()
        ],
        "pdf": str(next((place.pdf / "zh").glob("*.pdf"))),
        "database": settings.database,
        "outbox": str(settings.outbox.resolve()),
    }


def _key_of(email: str) -> str | None:
    """What to type into an authenticator app, for whoever needs one."""
    user = users.named(session(), email)
    return access.codes().secret_of(user) if user.totp else None


def _told(opened: dict[str, Any], no_serve: bool) -> str:
    lines = ["", "Answer as a customer (each link is one customer's):"]
    lines += [f"  {link}" for link in opened["survey_links"]]
    lines += ["", f"Sign in at {opened['site']} with the password {PASSWORD}:"]
    for login in opened["logins"]:
        key = f"  authenticator key {login['totp_secret']}" if login["totp_secret"] else ""
        lines.append(f"  {login['role']:14} {login['email']}{key}")
    lines += ["", f"An appraisal as PDF:  {opened['pdf']}", f"Mail as files:        {opened['outbox']}"]
    lines += [f"Database:             {opened['database']}", ""]
    if not no_serve:
        lines.append("Serving – stop with Ctrl+C.")
    return "\n".join(lines)


def _serve(app: Flask, port: int) -> None:
    """The pages in this thread, the mail in another."""
    stop = Event()

    mailer = Thread(target=jobs.run, args=(app, stop), name="worker")
    mailer.start()
    try:
        waitress.serve(app, host="127.0.0.1", port=port, threads=8, ident=None)
    finally:
        stop.set()
        mailer.join()


COMMANDS: tuple[click.Command, ...] = (demo,)
