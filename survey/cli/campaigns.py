"""Commands about campaigns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import click
from flask.cli import AppGroup

from survey import campaigns, channels
from survey.campaigns.progress import Part, Progress, progress
from survey.campaigns.rates import DISPOSITIONS, Rates
from survey.cli import sending
from survey.context import actor, now, session, settings
from survey.roster import hearing
from survey.sampling import draw
from survey.sampling.draw import Preview
from survey.sampling.planning import Grounds

DATE = click.DateTime(["%Y-%m-%d"])

campaign = AppGroup("campaign", help="A question sheet put to customers between two dates.")


@campaign.command()
@click.argument("code")
@click.option("--period", required=True, help="Code of the period the answers are about.")
@click.option("--questionnaire", required=True, help="Code of the question sheet, such as core.")
@click.option("--opens", required=True, type=DATE, help="First day, where the company is.")
@click.option("--closes", required=True, type=DATE, help="Last day, where the company is.")
@click.option("--months", type=click.IntRange(1, 36), help="Ask about this many past months (default: the period's).")
@click.option(
    "--sample",
    type=click.Choice(["all", "planned"]),
    default="all",
    show_default=True,
    help="Ask every customer, or a random sample as large as the reliability takes.",
)
@click.option(
    "--reliability",
    type=float,
    default=draw.USUAL_RELIABILITY,
    show_default=True,
    help="The reliability wanted for every rep; for a planned sample.",
)
@click.option(
    "--rest-days",
    type=click.IntRange(0, 365),
    default=campaigns.USUAL_REST,
    show_default=True,
    help="Leave out whoever another campaign asked less than this many days before.",
)
def create(
    code: str,
    period: str,
    questionnaire: str,
    opens: datetime,
    closes: datetime,
    months: int | None,
    sample: str,
    reliability: float,
    rest_days: int,
) -> None:
    """Plan a campaign.

    Example: evenhand campaign create july --period 2026-H1 --questionnaire core --opens 2026-07-01 --closes 2026-07-21
    """
    planned = campaigns.create(
        session(), code, period=period, questionnaire=questionnaire, opens_on=opens.date(), closes_on=closes.date(),
        months=months, rest_days=rest_days, by=actor(), at=now(),
    )  # fmt: skip
    if sample == "planned":
        draw.plan_draw(session(), planned, reliability=reliability, by=actor(), at=now())
    session().commit()
    click.echo(f"Campaign {code} is planned. Open it: evenhand campaign open {code}")


@campaign.command("open")
@click.argument("code")
@click.option("--without-check", "reason", default="", help="Why the reps did not look through their assignments.")
def open_(code: str, reason: str) -> None:
    """Let customers be asked and answer, from now on. The reps' own check of their assignments comes first; the
    journal keeps when it does not.

    Example: evenhand campaign open july
    """
    opened = campaigns.named(session(), code)
    unchecked = hearing.stated(session(), opened.period, reason) if reason else ""
    campaigns.open_up(session(), opened, unchecked=unchecked, by=actor(), at=now())
    if not reason and hearing.of_period(session(), opened.period) is None:
        click.echo(
            f"The reps have not looked through their assignments of {opened.period.code}; the journal keeps that. "
            "Say why with --without-check, or let them first on the page Objections.",
            err=True,
        )
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
    """Say where a campaign stands: dispositions and AAPOR rates, in all, by rep and by territory.

    Example: evenhand campaign status july
    """
    found = progress(session(), campaigns.named(session(), code), by_hand=channels.by_hand(settings()))
    if as_json:
        click.echo(json.dumps(found.record(), default=str, ensure_ascii=False))
        return
    for line in _in_words(found):
        click.echo(line)


def _in_words(found: Progress) -> Iterator[str]:
    yield f"{found.code}: {found.state}, {found.opens_on} to {found.closes_on}, about {found.period}"
    yield f"Opinions about reps asked for {found.subjects}, received {found.responses}."
    yield f"Customers asked {found.customers}, of whom {found.customers_answered} answered."
    for name in DISPOSITIONS:
        if found.rates.people.get(name):
            yield f"{'Invitations':12} {name:14} {found.rates.people[name]:7}"
    for name, count in sorted(found.messages.items()):
        yield f"{'Messages':12} {name:14} {count:7}"
    yield f"Response RR1 {_share(found.rates.rr1)}, RR2 {_share(found.rates.rr2)}; {_rest(found.rates)}."
    for heading, parts in (("Rep", found.reps), ("Territory", found.territories)):
        for part in parts:
            yield f"{heading:10} {part.code:10} {_part(part)}"
    if found.funnel:
        beyond = ", ".join(point.code for point in found.funnel.outside)
        yield f"Response rates that chance does not explain: {beyond or 'none'}."


def _part(part: Part) -> str:
    rates = part.rates
    return f"invited {rates.invited:6}  RR1 {_share(rates.rr1):>6}  RR2 {_share(rates.rr2):>6}  {_rest(rates)}"


def _rest(rates: Rates) -> str:
    return f"contact CON1 {_share(rates.con)}, refusal REF1 {_share(rates.ref)}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


sample = AppGroup("sample", help="Whom a campaign asks, and what that can show.")


@sample.command("plan")
@click.argument("code")
@click.option(
    "--reliability", type=float, help="The reliability wanted for every rep (default: the campaign's, or .8)."
)
@click.option("--response-rate", type=float, help="The share of customers expected to answer (default: as last time).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def plan_sample(code: str, reliability: float | None, response_rate: float | None, as_json: bool) -> None:
    """Say how many invitations each rep needs, and what cannot be reached in one period, in two, or ever.

    Example: evenhand sample plan july --reliability .8
    """
    asked = campaigns.named(session(), code)
    reach = channels.reach(channels.ways(settings()))
    found = draw.preview(session(), asked, reliability=reliability, response_rate=response_rate, reach=reach, at=now())
    if as_json:
        click.echo(json.dumps(_plan_record(found), ensure_ascii=False))
        return
    for line in _plan_in_words(found):
        click.echo(line)


def _plan_record(found: Preview) -> dict[str, object]:
    return {
        "reliability": found.reliability,
        "icc": found.grounds.icc,
        "run": found.grounds.run,
        "response_rate": found.grounds.response_rate,
        "response_rate_of": found.grounds.campaign,
        "customers": len(found.asked),
        "people": found.people,
        "unreachable": len(found.frame.unreachable),
        "excluded": len(found.frame.excluded),
        "rested": len(found.frame.rested),
        "repeats": found.repeats,
        "reps": [
            {
                "rep": rep.code, "name": rep.name, "customers": rep.plan.customers, "needed": rep.plan.needed,
                "invitations": rep.plan.invitations, "reach": rep.plan.reach, "asked": rep.asked,
                "expected_answers": rep.answers, "expected_reliability": rep.reliability,
                "expected_evidence": rep.evidence,
            }
            for rep in found.reps
        ],
    }  # fmt: skip


def _plan_in_words(found: Preview) -> Iterator[str]:
    yield _ground(found.grounds)
    yield f"Asked: {len(found.asked)} customers, {found.people} people."
    yield (
        f"Left out: {len(found.frame.unreachable)} whom no mail reaches, {len(found.frame.excluded)} excluded, "
        f"{len(found.frame.rested)} asked by another campaign lately."
    )
    if found.repeats is not None:
        yield f"The draw, repeated just now, comes to {'the same' if found.repeats else 'OTHER'} customers."
    for rep in found.reps:
        yield (
            f"{rep.code:10} needs {rep.plan.needed} answers: {rep.plan.invitations} invitations; asked {rep.asked} of "
            f"{rep.plan.customers}, {rep.evidence} expected (reliability {rep.reliability:.2f}). {rep.plan}"
        )


def _ground(on: Grounds) -> str:
    variance = f"as run {on.run} found" if on.run else "supposed"
    rate = f"as in {on.campaign}" if on.campaign else "supposed"
    return (
        f"Between-rep share of the variance {on.icc:.3f} ({variance}); response rate {on.response_rate:.0%} ({rate})."
    )


campaign.add_command(sending.pause)
campaign.add_command(sending.resume)

COMMANDS: tuple[click.Command, ...] = (campaign, sample)
