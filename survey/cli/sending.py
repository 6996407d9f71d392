"""Commands that write to customers: inviting, reminding, the worker that sends, and reports of what did not arrive."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from survey import bounces, campaigns, channels, invitations, worker
from survey.context import actor, now, session, settings
from survey.invitations import by_hand, delivery, links, outbox, reminders, reports
from survey.worker import jobs, returned
from survey.worker.orders import Workshop

MOST_NAMED = 10


@click.command()
@click.argument("code")
@click.option("--print-links", is_flag=True, help="Also print a link for each unanswered invitation (journaled).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def invite(code: str, print_links: bool, as_json: bool) -> None:
    """Ask every customer served in the campaign's period. The mail goes into the outbox; the worker sends it.

    Example: evenhand invite july
    """
    asked = campaigns.named(session(), code)
    reach = channels.reach(channels.ways(settings()))
    with _bar(0, "Inviting", quiet=as_json) as bar:
        done = invitations.invite(session(), asked, reach=reach, tell=_moving(bar), by=actor(), at=now())
    printed = _links(asked.id, code) if print_links else []
    by_wechat = by_hand.waiting_by_campaign(session(), at=now()).get(code) if channels.by_hand(settings()) else None
    session().commit()
    jobs.wake()
    if as_json:
        click.echo(json.dumps({**asdict(done), "links": printed}, ensure_ascii=False))
        return
    click.echo(f"Invited {done.invited}; invited before {done.invited_before}.")
    if by_wechat:
        click.echo(f"By WeChat, by hand: {by_wechat}, on {settings().base_url}/campaigns/{code}/wechat.")
    if done.not_drawn:
        click.echo(f"The sample leaves out {done.not_drawn} customers.")
    if done.excluded or done.rested:
        click.echo(f"Left out: {done.excluded} excluded, {done.rested} asked by another campaign lately.")
    if done.unreachable:
        click.echo(f"No mail reaches {len(done.unreachable)} customers: {_some(done.unreachable)}.")
    for line in printed:
        click.echo(f"{line['customer']}\t{line['contact']}\t{line['link']}")


def _some(codes: tuple[str, ...]) -> str:
    shown = ", ".join(codes[:MOST_NAMED])
    return f"{shown} and {len(codes) - MOST_NAMED} more" if len(codes) > MOST_NAMED else shown


def _links(campaign_id: int, code: str) -> list[dict[str, str]]:
    base = settings().base_url
    return [
        {
            "customer": invitation.customer.code,
            "contact": invitation.contact.name if invitation.contact else "",
            "link": f"{base}/s/{token}",
        }
        for invitation, token in links.printed(
            session(), campaign_id, code, keys=settings().token_keys, by=actor(), at=now()
        )
    ]


@click.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def remind(code: str, as_json: bool) -> None:
    """Remind everybody asked who has not answered, beside the reminders that go out by themselves. At most two each,
    and none on a day on which the person was already written to.

    Example: evenhand remind july
    """
    asked = campaigns.named(session(), code)
    with _bar(0, "Reminding", quiet=as_json) as bar:
        done = reminders.remind(session(), asked, tell=_moving(bar), by=actor(), at=now())
    session().commit()
    jobs.wake()
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(
        f"Reminders written {done.reminded}; a message on its way {done.on_its_way}; "
        f"reminded often enough {done.often_enough}."
    )


@click.command("worker")
@click.option("--once", is_flag=True, help="Send what is due and do what was asked for, then stop.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 32), help="Letters sent side by side.")
@click.option(
    "--schedule/--no-schedule", default=True, show_default=True,
    help="Also do what the clock asks for (reminders, returning leases). One worker of several is enough.",
)  # fmt: skip
@with_appcontext
def work(once: bool, threads: int, schedule: bool) -> None:
    """Send the mail that waits and do the long work asked for on pages (scoring, drawing up, printing), again and
    again, until stopped. Any number of workers may share one PostgreSQL.

    Example: evenhand worker --threads 4
    """
    if once:
        _send_all()
    else:
        stop = jobs.stop_on_signals()
        click.echo("Doing what waits – stop with Ctrl+C.")
        jobs.run(current_app._get_current_object(), stop, threads=threads, schedule=schedule)  # type: ignore[attr-defined]


def _send_all() -> None:
    worker.tidy()
    waiting = outbox.waiting(session(), by_hand=channels.by_hand(settings()), at=now())
    session().rollback()
    with _bar(waiting, "Sending") as bar:
        tally = worker.drain(tell=lambda tally: bar.update(tally.total - bar.pos))
    click.echo(f"Sent {tally.sent}, refused {tally.refused}, to be tried again {tally.delayed}.")
    if tally.trouble:
        click.echo(f"The server cannot be reached ({tally.trouble}). Mail waits; look at SMTP_HOST.", err=True)
    Workshop().finish()


def _bar(length: int, label: str, *, quiet: bool = False) -> Any:
    """A progress bar on a terminal; nothing in a log, or where a program reads along."""
    hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)


def _moving(bar: Any) -> invitations.Tell:
    """Moves a bar whose length nobody knows before the sample is drawn."""

    def tell(done: int, total: int) -> None:
        bar.length = total
        bar.update(done - bar.pos)

    return tell


@click.command("bounces")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def read_bounces(file: Path, as_json: bool) -> None:
    """Read delivery reports from a mailbox file (mbox). An address that does not exist is not written to again until it
    is corrected; a full mailbox is tried later. Reading a report again changes nothing.

    Example: evenhand bounces /var/mail/bounces
    """
    with _bar(bounces.count(file), "Reading", quiet=as_json) as bar:
        effects = returned.read(file, lambda: bar.update(1))
    if as_json:
        click.echo(json.dumps({effect: effects[effect] for effect in reports.EFFECTS}))
        return
    click.echo(
        f"Stopped {effects['stopped']}, to be tried again {effects['tried again']}, only noted {effects['noted']}, "
        f"read before {effects['known']}, about no message of ours {effects['foreign']}."
    )


@click.command()
@click.argument("code")
@with_appcontext
def pause(code: str) -> None:
    """Send nothing more for a campaign for now. Its links still take answers.

    Example: evenhand campaign pause july
    """
    delivery.pause(session(), campaigns.named(session(), code), by=actor(), at=now())
    session().commit()
    click.echo(f"Sending for campaign {code} is paused. Go on: evenhand campaign resume {code}")


@click.command()
@click.argument("code")
@with_appcontext
def resume(code: str) -> None:
    """Go on sending for a campaign.

    Example: evenhand campaign resume july
    """
    delivery.resume(session(), campaigns.named(session(), code), by=actor(), at=now())
    session().commit()
    jobs.wake()
    click.echo(f"Sending for campaign {code} goes on.")


COMMANDS: tuple[click.Command, ...] = (invite, remind, work, read_bounces)
