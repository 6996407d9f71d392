"""Commands that ask customers: campaigns, invitations, and the worker that sends."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

import click
from flask.cli import AppGroup, with_appcontext

from survey import campaigns, invitations, worker
from survey.context import actor, now, session, settings
from survey.invitations import links

DATE = click.DateTime(["%Y-%m-%d"])
MOST_NAMED = 10

campaign = AppGroup("campaign", help="A question sheet put to customers between two dates.")


@campaign.command()
@click.argument("code")
@click.option("--period", required=True, help="Code of the period the answers are about.")
@click.option("--questionnaire", required=True, help="Code of the question sheet, such as core.")
@click.option("--opens", required=True, type=DATE, help="First day, where the company is.")
@click.option("--closes", required=True, type=DATE, help="Last day, where the company is.")
@click.option("--months", type=click.IntRange(1, 36), help="Ask about this many past months (default: the period's).")
def create(code: str, period: str, questionnaire: str, opens: datetime, closes: datetime, months: int | None) -> None:
    """Plan a campaign.

    Example: evenhand campaign create july --period 2026-H1 --questionnaire core --opens 2026-07-01 --closes 2026-07-21
    """
    campaigns.create(
        session(), code, period=period, questionnaire=questionnaire, opens_on=opens.date(), closes_on=closes.date(),
        months=months, by=actor(), at=now(),
    )  # fmt: skip
    session().commit()
    click.echo(f"Campaign {code} is planned. Open it: evenhand campaign open {code}")


@campaign.command("open")
@click.argument("code")
def open_(code: str) -> None:
    """Let customers be asked and answer, from now on.

    Example: evenhand campaign open july
    """
    campaigns.open_up(session(), campaigns.named(session(), code), by=actor(), at=now())
    session().commit()
    click.echo(f"Campaign {code} is open. Invite its customers: evenhand invite {code}")


@campaign.command()
@click.argument("code")
def close(code: str) -> None:
    """End a campaign: its links close, and mail still waiting is not sent.

    Example: evenhand campaign close july
    """
    campaigns.close(session(), campaigns.named(session(), code), by=actor(), at=now())
    session().commit()
    click.echo(f"Campaign {code} is closed.")


@campaign.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status(code: str, as_json: bool) -> None:
    """Say where a campaign stands.

    Example: evenhand campaign status july
    """
    found = campaigns.status(session(), campaigns.named(session(), code))
    if as_json:
        click.echo(json.dumps(asdict(found), default=str, ensure_ascii=False))
        return
    click.echo(f"{found.code}: {found.state}, {found.opens_on} to {found.closes_on}, about {found.period}")
    click.echo(f"Opinions about reps asked for {found.subjects}, received {found.responses}.")
    for heading, counts in (("Invitations", found.invitations), ("Messages", found.messages)):
        for name, count in sorted(counts.items()):
            click.echo(f"{heading:12} {name:14} {count:7}")


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
    done = invitations.invite(session(), asked, by=actor(), at=now())
    printed = _links(asked.id, code) if print_links else []
    session().commit()
    if as_json:
        click.echo(json.dumps({**asdict(done), "links": printed}, ensure_ascii=False))
        return
    click.echo(f"Invited {done.invited}; invited before {done.invited_before}.")
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


@click.command("worker")
@click.option("--once", is_flag=True, help="Send what is due, then stop.")
@with_appcontext
def work(once: bool) -> None:
    """Send the mail that waits, again and again, until stopped.

    Example: evenhand worker --once
    """
    if once:
        _tell(worker.drain())
    else:
        worker.work(worker.stop_on_signals(), _tell)


def _tell(tally: worker.Tally) -> None:
    click.echo(f"Sent {tally.sent}, refused {tally.refused}, to be tried again {tally.delayed}.")
    if tally.trouble:
        click.echo(f"The mail server cannot be reached ({tally.trouble}). Mail waits; look at SMTP_HOST.", err=True)


COMMANDS: tuple[click.Command, ...] = (campaign, invite, work)
