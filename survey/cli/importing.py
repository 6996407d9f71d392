"""Commands that bring things in: the company, its periods, and files of rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from survey import channels, tables
from survey.context import actor, now, reader, session, settings, today
from survey.indicators.files import ANSWERS, CORRECTED, KINDS, OF_A_PERIOD, take_in
from survey.intake import undoing
from survey.intake.changes import Changes
from survey.intake.rows import Report
from survey.intake.sheet import Sheet
from survey.invitations import addresses
from survey.refusals import N_, Refused
from survey.roster import company, files, periods
from survey.worker import jobs


@click.command("import")
@click.argument("kind", type=click.Choice([*KINDS]), metavar="KIND")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen and store nothing.")
@click.option("--valid-rows", is_flag=True, help="Store the rows that are right although others are refused.")
@click.option("--period", help="The period of answers; of facts, events and goals without a column for it.")
@click.option("--reason", help="Why stored values are corrected; the old ones are kept beside it.")
@click.option("--questionnaire", help="The question sheet that answers belong to (core).")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help='A TOML file that says which header holds a column: code = "客户编号". Blank: none does.',
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_appcontext
def import_file(  # one parameter for each option
    kind: str,
    file: Path,
    dry_run: bool,
    valid_rows: bool,
    period: str | None,
    reason: str | None,
    questionnaire: str | None,
    mapping: Path | None,
    as_json: bool,
) -> None:
    """Bring in a CSV or XLSX file of KIND: territories, reps, customers, contacts, assignments,
    facts, events, visits, projects, goals, notes, sales or answers.

    Headers may be English or Chinese. All rows are stored or, if any is refused, none. Importing the same file
    again changes nothing: entries are found by their code.

    \b
    territories  code, name; potential, competition, accounts, workload
    reps         code, name; email, position, hired_on, left_on, manager_email
    customers    code, name; segment, size_band, industry, channel, product_line, ship_from,
                 customer_since. A flat export may add the columns of contacts (the person is
                 contact_name) and of assignments.
    contacts     customer, name; role, email, phone, wechat, language
    assignments  customer, rep, territory, served_from; served_to
    facts        period, rep, indicator, value; target (in the same unit: 92% is 92 with target 100),
                 note, evidence, source. Without a value: missing (not_applicable with note and
                 approved_by, not_measured, withheld_by_rep with evidence)
                 A target alone is missing = not_measured; its value may be computed from facts named
                 working_days, calls, orders, sales, last_sales, expense, cost, discounts,
                 collection_days, interest, bad_debt_rate (both rates in %); new_customer_sales tells
                 growth apart, last_year_sales sets a target, days_away (why: note) lowers targets
    events       period, rep, category, on, points (above zero), fact; evidence, multiplier, expires_on,
                 in_survey (yes: customers' ratings already show it)
    visits       rep, customer (code, or a name that is no customer yet), on; number (of calls that
                 day), first (yes/no), order (yes/no), purpose, need, help, occasion, accompanied_by,
                 evidence
    projects     one row a stage: project, name, rep, stage, weight, planned_on, done (0-100%);
                 importance, done_on, evidence, approved_by, removed (why it is no longer asked for)
    goals        period, rep, text; target, unit, due_on, accepted_by, accepted_on (a goal without
                 them is refused with its reasons); indicator, proposed_by, done
    notes        rep, on, source (observation, plan, report, survey, feedback), text; evidence
    sales        number (of the order, unlike all others), customer, on, amount (below zero: came back)
    answers      campaign, customer, rep, territory, answered_on; mode (web, phone, paper), one column
                 for each item of the question sheet (knowledge, delivery …), any other column is an
                 adjuster. Needs --period. Unknown customers, reps and territories are created.

    Example: evenhand import customers customers.xlsx --dry-run
    """
    told = _told(kind, period=period, reason=reason, questionnaire=questionnaire)
    try:
        sheet = replace(tables.read(file), chosen=_mapping(mapping) if mapping else {})
        with _watched(sheet) as watched:
            report = take_in(
                reader(), kind, watched, **told, valid_rows=valid_rows, on=today(), by=actor(), at=now()
            )  # fmt: skip
    except Refused as refusal:
        if as_json:
            click.echo(json.dumps(_no_table(refusal), ensure_ascii=False))
        raise
    if dry_run or not report.stored:
        session().rollback()
    else:
        _follow(report.changes)
    _tell(kind, sheet, report, dry_run=dry_run, as_json=as_json)
    if not report.stored:
        sys.exit(1)


def _follow(changes: Changes) -> None:
    """Store what was done, and let links follow the people whose addresses it changed."""
    reach = channels.reach(channels.ways(settings()))
    followed = addresses.follow(session(), changes, reach=reach, by=actor(), at=now())
    session().commit()
    if followed.taken_back:
        jobs.wake()
        click.echo(
            f"{followed.taken_back} people who were asked have another address now: the links sent to the old one no "
            f"longer work, and {followed.sent_again} of them are sent a new one.",
            err=True,
        )


def _mapping(path: Path) -> dict[str, str]:
    try:
        return files.read_mapping(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise files.UnreadableMapping(N_("The mapping file is not UTF-8 text.")) from None


def _told(kind: str, *, period: str | None, reason: str | None, questionnaire: str | None) -> dict[str, str]:
    """The options that were given, if they mean something for this kind."""
    takes = {"period": kind in OF_A_PERIOD, "reason": kind in CORRECTED, "questionnaire": kind == ANSWERS}
    told = {"period": period, "reason": reason, "questionnaire": questionnaire}
    for name, value in told.items():
        if value and not takes[name]:
            raise click.UsageError(f"--{name} means nothing for {kind}.")
    return {name: value for name, value in told.items() if value}


@contextmanager
def _watched(sheet: Sheet) -> Iterator[Sheet]:
    """The same sheet, with a progress bar on a terminal as its rows are read."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(sheet.lines, label="Checking rows", file=sys.stderr, hidden=hidden) as lines:
        yield replace(sheet, lines=lines)


def _tell(kind: str, sheet: Sheet, report: Report, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_document(report), ensure_ascii=False))
    else:
        for line in _in_words(kind, sheet, report, dry_run=dry_run):
            click.echo(line)
    for refused in report.refused:
        click.echo(str(refused.sentence()), err=True)


def _document(report: Report) -> dict[str, Any]:
    return {
        "read": report.read,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "refused": [
            {"row": refused.row, "column": refused.column, "value": refused.value, "reason": str(refused.reason)}
            for refused in report.refused
        ],
        "ignored": list(report.ignored),
    }


def _no_table(refusal: Refused) -> dict[str, Any]:
    """A file that could not be read at all: one refusal without a place."""
    counts = dict.fromkeys(("read", "created", "updated", "unchanged"), 0)
    reason = {"row": None, "column": None, "value": None, "reason": str(refusal)}
    return {**counts, "refused": [reason], "ignored": []}


def _in_words(kind: str, sheet: Sheet, report: Report, *, dry_run: bool) -> Iterator[str]:
    if sheet.encoding == "gb18030":
        yield "The text was read as GB18030. If Chinese looks wrong, save the file as CSV (UTF-8)."
    if report.ignored:
        yield f"Columns not used: {', '.join(report.ignored)}."
    if not report.stored:
        rows = len({refused.row for refused in report.refused})
        yield f"{kind}: {report.read} rows read, {rows} refused, nothing stored."
        return
    counts = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    yield f"{kind}: {report.read} rows read, {counts}{' (dry run: nothing stored)' if dry_run else ''}."


imports = AppGroup("imports", help="What was brought in, and taking it back.")


@imports.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_imports(as_json: bool) -> None:
    """The newest imports: number, day, kind, file, who.

    Example: evenhand imports list
    """
    rows = [
        {
            "number": done.id, "at": done.at.isoformat(), "by": done.by, "kind": done.kind, "file": done.file_name,
            **done.counts, "undone": done.undone_at is not None,
        }
        for done in undoing.imports(session())
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        counts = f"{row['created']} created, {row['updated']} updated{', undone' if row['undone'] else ''}"
        click.echo(f"{row['number']}  {row['at'][:16]}  {row['kind']}  {row['file']}  {row['by']}  {counts}")


@imports.command("undo")
@click.argument("number", type=int)
def undo_import(number: int) -> None:
    """Take an import back: what it created goes, what it changed returns. Refused once something rests on it.

    Example: evenhand imports undo 12
    """
    done = undoing.undo(session(), number, by=actor(), at=now())
    _follow(undoing.reversed_changes(done))
    click.echo(f"Import {done.id} ({done.kind}, {done.file_name}) is undone.")


period = AppGroup("period", help="The periods scores and appraisals belong to.")


@period.command("add")
@click.argument("code")
@click.option("--from", "from_on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day.")
@click.option("--to", "to_on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day.")
def add_period(code: str, from_on: datetime, to_on: datetime) -> None:
    """Store a period: a code with its first and last day.

    Example: evenhand period add 2026-H1 --from 2026-01-01 --to 2026-06-30
    """
    stored = periods.add(session(), code, from_on=from_on.date(), to_on=to_on.date(), by=actor(), at=now())
    session().commit()
    click.echo(f"Period {stored.code}: {stored.from_on} to {stored.to_on}.")


company_group = AppGroup("company", help="The company this installation belongs to.")


@company_group.command("set")
@click.option("--name", help="The company's name.")
@click.option("--name-zh", help="The company's name in Chinese.")
@click.option("--time-zone", help="Where its days begin and end, for example Asia/Shanghai.")
@click.option("--privacy-contact", help="Whom customers may ask about their data.")
def set_company(name: str | None, name_zh: str | None, time_zone: str | None, privacy_contact: str | None) -> None:
    """Name the company, or change what is known of it; what is left out stays.

    Example: evenhand company set --name Hengyuan --name-zh 恒源 --privacy-contact privacy@hengyuan.example
    """
    settled = company.settle(
        session(), name=name, name_zh=name_zh, time_zone=time_zone, privacy_contact=privacy_contact, by=actor(),
        at=now(),
    )  # fmt: skip
    session().commit()
    click.echo(f"{settled.name} ({settled.name_zh}), {settled.time_zone}, privacy: {settled.privacy_contact}")


COMMANDS: tuple[click.Command, ...] = (import_file, imports, period, company_group)
