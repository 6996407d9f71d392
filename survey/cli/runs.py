"""Commands that score: a period, one rep in words, a stored run once more."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask import render_template
from flask.cli import AppGroup, with_appcontext

from survey import i18n, runs
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.cli.reading import text_of
from survey.context import actor, db, now, session
from survey.models.scoring import Run
from survey.runs import stored


class Score(AppGroup):
    """A group whose plain argument is a period: `score 2026-H1` beside `score explain …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["period", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Score, subcommand_metavar="PERIOD [--spec FILE] [--json] | COMMAND [ARGS]…")
def score() -> None:
    """Score a period, or look at what was scored.

    Example: evenhand score 2026-H1
    """


@score.command("period", hidden=True)
@click.argument("period")
@click.option(
    "--spec", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=DEFAULT_SPEC,
    help="What to adjust for, and every threshold (a TOML file; default: the one that ships).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def score_period(period: str, spec: Path, as_json: bool) -> None:
    """Score everything answered about PERIOD, and store the run.

    Example: evenhand score 2026-H1 --spec our.toml
    """
    material = runs.gather(db.session, period, text_of(spec))
    db.session.rollback()  # customers go on answering while this takes its time
    adjustment = runs.scored(material)
    publication = runs.published(material, adjustment)
    run = runs.keep(session(), material, adjustment, publication, by=actor(), at=now())
    session().commit()
    told = _told(run)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"Run {run.id}: {told['reps']} reps scored for {period}.")
    click.echo("Evidence: " + ", ".join(f"{grade} {count}" for grade, count in told["evidence"].items()))
    if told["waiting"]:
        click.echo(
            f"{told['waiting']} ratings wait until enough of their kind came in that none can be read from a page."
        )
    for finding in told["findings"]:
        click.echo(f"- {finding}")


def _told(run: Run) -> dict[str, Any]:
    """What a person wants to know of a run at once: how many reps, how sure, and every finding."""
    evidence = stored.evidence(db.session, run)
    items = run.record["items"].values()
    findings = [*run.record["findings"], *(finding for item in items for finding in item["findings"])]
    return {
        "run": run.id,
        "period": run.period.code,
        "spec_hash": run.spec_hash,
        "fingerprint": run.fingerprint,
        "reps": sum(evidence.values()),
        "evidence": evidence,
        "waiting": run.record["waiting"],
        "findings": [finding["text"] for finding in findings],
    }


@score.command()
@click.argument("period")
@click.argument("rep")
@click.option("--lang", type=click.Choice([*i18n.LANGUAGES]), default="en", show_default=True)
@with_appcontext
def explain(period: str, rep: str, lang: str) -> None:
    """Say in words how the scores of REP came about in the last run of PERIOD.

    Example: evenhand score explain 2026-H1 R017 --lang zh
    """
    told = stored.explain(db.session, period, rep)
    i18n.speak(lang)
    click.echo(render_template("runs/explanation.txt", told=told))


@score.command()
@click.argument("run", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def recompute(run: int, as_json: bool) -> None:
    """Make the scores of a stored RUN again and hold them against what is stored, to 1e-9.

    Example: evenhand score recompute 3
    """
    found = runs.recompute(db.session, run)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    click.echo(f"Run {run} came out again: {found.numbers} numbers, largest difference {found.largest_difference:.1e}.")


COMMANDS: tuple[click.Command, ...] = (score,)
