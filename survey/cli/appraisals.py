"""Commands that appraise: schemes, drawing up, printing."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from survey import appraisals, exports, i18n, schemes
from survey.appraisals import drawing
from survey.appraisals.explaining import explanation
from survey.appraisals.statement import Paper
from survey.cli.reading import text_of
from survey.context import actor, db, now, session, today
from survey.indicators import targets
from survey.indicators.targets.sharing import Terms, UnfitWeights, weights_of
from survey.models.appraising import Appraisal, SchemeVersion
from survey.refusals import Refused
from survey.roster import periods
from survey.users import check_second_person
from survey.worker.printing import print_all

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.command()
@click.argument("period")
@click.option("--scheme", required=True, help="Name of an adopted scheme (any scheme, or a TOML file, with --draft).")
@click.option("--rep", help="Code of one rep (default: everybody with a fact or a score).")
@click.option("--version", type=click.IntRange(min=1), help="Which adopted version (default: the one in force).")
@click.option("--draft", is_flag=True, help="Draw up drafts, also under a scheme that nobody adopted.")
@AS_JSON
@with_appcontext
def appraise(
    period: str, scheme: str, rep: str | None, version: int | None, draft: bool, as_json: bool
) -> None:  # fmt: skip
    """Draw up the appraisals of PERIOD from its last run, its facts and its events.

    The version in force is the newest one adopted before the period began. Under a scheme adopted later nothing adverse
    may follow, and every paper says so.

    Example: evenhand appraise 2026-H1 --scheme taiwan-six
    """
    row = _version(period, scheme, version, draft=draft)
    done = drawing.draw_up(session(), period, row, rep_code=rep, draft=draft, by=actor(), at=now())
    session().commit()
    if as_json:
        told = [_told(*one) for one in done.appraisals]
        click.echo(
            json.dumps({"appraisals": told, "unused": done.unused, "adopted_in_time": done.adopted_in_time})
        )  # fmt: skip
        return
    if not done.adopted_in_time:
        since = f"was adopted on {row.adopted_at:%Y-%m-%d}, after" if row.adopted_at else "was not adopted before"
        click.echo(f"{row.name} {row.version} {since} {period} began: nothing adverse may follow from it.", err=True)
    changes = Counter(change for _, change in done.appraisals)
    click.echo(f"{len(done.appraisals)} appraisals under {row.name} {row.version}: {_counted(changes)}.")
    if changes["final"]:
        click.echo("Those that are final stay as they are, although their grounds have changed since.")
    if done.unused:
        click.echo(f"The scheme has no line for {', '.join(done.unused)}; they count for nothing here.")


def _version(period: str, scheme: str, version: int | None, *, draft: bool) -> SchemeVersion:
    if draft and not _is_adopted(scheme):
        return schemes.keep(session(), _text(scheme))
    if Path(scheme).is_file():
        raise schemes.not_adopted(scheme)
    if version is not None:
        return schemes.version_of(session(), scheme, version)
    return schemes.in_force(session(), scheme, periods.find(session(), period).from_on)


def _is_adopted(name: str) -> bool:
    return any(one.name == name and one.adopted_at for one in schemes.listed(session()))


def _text(name_or_file: str) -> str:
    """A scheme's text, from a file when one of that name is there."""
    path = Path(name_or_file)
    return text_of(path) if path.is_file() else schemes.text_of(db.session, name_or_file)


def _told(row: Appraisal, change: str) -> dict[str, Any]:
    outcome = row.outcome
    return {
        "number": row.number, "revision": row.revision, "rep": outcome["rep"], "change": change, "state": row.state,
        **{
            key: outcome[key]
            for key in ("total", "low", "high", "band", "band_probability", "coverage", "territory_sensitive")
        },
        "snapshot": row.snapshot_hash,
    }  # fmt: skip


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


paper = AppGroup("appraisals", help="Appraisals that were drawn up.")


@paper.command()
@click.argument("period")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The directory to fill.")
@click.option("--rep", help="Code of one rep (default: everybody).")
@click.option("--lang", type=click.Choice([*i18n.LANGUAGES, i18n.BOTH]), default="zh", show_default=True)
@AS_JSON
def export(period: str, out: Path, rep: str | None, lang: str, as_json: bool) -> None:
    """Print the appraisals of PERIOD: one PDF each and an index. Run again, it keeps the files that are still true.

    Example: evenhand appraisals export 2026-H1 --out pdf --lang both
    """
    papers = appraisals.papers(db.session, period, rep)
    db.session.rollback()
    done = []
    with click.progressbar(
        length=len(papers), label="Printing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as progress:
        for one in print_all(papers, out, language=lang):
            done.append(one)
            progress.update(1)
    files = [one for one in done if one.refusal is None]
    kept = sum(one.kept for one in files)
    if as_json:
        rows = [
            {"number": one.paper.statement.number, "file": str(one.file), "sha256": one.sha256, "kept": one.kept}
            for one in files
        ]
        told = {"printed": rows, "index": str(out / exports.INDEX), "workbook": str(out / exports.WORKBOOK)}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{len(files)} of {len(papers)} appraisals are in {out}" + (f", {kept} as before." if kept else "."))
    refused = [_named(one.paper, one.refusal) for one in done if one.refusal]
    if refused:
        raise Refused("", problems=tuple(refused))


@paper.command()
@click.argument("period")
@click.argument("rep")
@click.option("--lang", type=click.Choice([*i18n.LANGUAGES]), default="zh", show_default=True)
@AS_JSON
def explain(period: str, rep: str, lang: str, as_json: bool) -> None:
    """Say why the appraisals of REP in PERIOD have their points; with --json the tree that gives them again.

    Example: evenhand appraisals explain 2026-H1 R001 --lang en
    """
    trees = [explanation(one) for one in appraisals.papers(db.session, period, rep)]
    if as_json:
        click.echo(json.dumps(trees, ensure_ascii=False))
        return
    for tree in trees:
        total = tree["total"]
        click.echo(f"{tree['number']} rev {tree['revision']}, {tree['scheme']['code']} {tree['scheme']['version']}")
        for leaf in (*total["main"]["of"], *total["deductions"]["of"], *tree["corrections"]):
            name = leaf.get("name", {}).get(lang, leaf["code"])
            click.echo(f"{leaf['printed'] or '-':>7}  {name}: {leaf['why'][lang]}")
        click.echo(f"{total['printed']:>7}")


def _named(paper: Paper, refusal: Refused) -> Refused:
    return Refused("%(number)s: %(refusal)s", number=paper.statement.number, refusal=refusal)


scheme_group = AppGroup("schemes", help="Appraisal schemes.")


@scheme_group.command("list")
@AS_JSON
def list_schemes(as_json: bool) -> None:
    """List every scheme, with its source and who adopted it.

    Example: evenhand schemes list --json
    """
    found = schemes.listed(db.session)
    if as_json:
        click.echo(json.dumps([_listed(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        adopted = f"adopted {one.adopted_at:%Y-%m-%d} by {one.adopted_by}" if one.adopted_at else "not adopted"
        click.echo(f"{one.name} {one.version}: {one.title_en} / {one.title_zh} ({adopted})\n    {one.source_en}")


def _listed(one: schemes.Listed) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "title": {"zh": one.title_zh, "en": one.title_en},
        "source": {"zh": one.source_zh, "en": one.source_en},
        "adopted_at": one.adopted_at.isoformat() if one.adopted_at else None,
        "adopted_by": one.adopted_by,
    }


@scheme_group.command()
@click.argument("scheme")
@AS_JSON
def show(scheme: str, as_json: bool) -> None:
    """Show a SCHEME (a name or a file): every value, and whether its source states it or we chose it.

    Example: evenhand schemes show kelon-branch-manager
    """
    read = schemes.read(_text(scheme))
    if as_json:
        click.echo(json.dumps({**read.record(), "hash": read.hash}, ensure_ascii=False))
        return
    click.echo(f"{read.title_en} / {read.title_zh}, version {read.version}\n{read.source_en}\n{read.source_zh}")
    for table, code, key, value, stated in read.values():
        place = " ".join(part for part in (table, code) if part)
        click.echo(f"{place:28} {key:16} {value!s:40} {'stated' if stated else 'our default'}")
    for one in schemes.earned(read):
        said = f"{one.answer_en} / {one.answer_zh}"
        click.echo(f"If everybody answers “{said}” ({one.score:g}), {one.indicator} earns {one.points:.1f} points.")


@scheme_group.command()
@click.argument("scheme")
@AS_JSON
def check(scheme: str, as_json: bool) -> None:
    """Check a SCHEME (a name or a file): every mistake with its line and remedy, and advice.

    Example: evenhand schemes check our-scheme.toml
    """
    found = schemes.mistakes(_text(scheme))
    wrong = [one for one in found if not one.warning]
    if as_json:
        click.echo(json.dumps({"usable": not wrong, "found": [asdict(one) for one in found]}, ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{'Advice' if one.warning else 'Mistake'}: {one}", err=not one.warning)
    if wrong:
        sys.exit(1)
    if not as_json:
        click.echo(f"{scheme} can be used.")


@scheme_group.command()
@click.argument("scheme")
@click.option("--by", help="E-mail of the administrator or reviewer who adopts it (default: the command line).")
@AS_JSON
def adopt(scheme: str, by: str | None, as_json: bool) -> None:
    """Make a SCHEME (a name or a file) the company's own. It is frozen from then on.

    Example: evenhand schemes adopt taiwan-six --by hr@acme.example
    """
    if by:
        check_second_person(session(), by=by, first="", rep_ids=(), on=today())
    row = schemes.adopt(session(), _text(scheme), by=by.lower() if by else actor(), at=now())
    session().commit()
    if as_json:
        told = {"name": row.name, "version": row.version, "content_hash": row.content_hash}
        click.echo(json.dumps(told))
        return
    click.echo(f"{row.name} {row.version} is adopted.")


target_group = AppGroup("targets", help="Targets by what a territory lets one expect.")


@target_group.command("set")
@click.argument("period")
@click.argument("indicator")
@click.option("--plan", required=True, type=float, help="What all reps together are to reach.")
@click.option("--from", "base", required=True, help="The period whose results are looked at.")
@click.option("--weights", help="Share out by an agreed index instead, such as potential=.5,accounts=.3,sales=.2")
@click.option(
    "--blend",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="How far the computed target counts beside the negotiated one.",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="The most it may change the negotiated one.",
)
@AS_JSON
def set_targets(
    period: str, indicator: str, plan: float, base: str, weights: str | None, blend: float, limit: float, as_json: bool
) -> None:
    """Set the targets of INDICATOR in PERIOD: a plan shared out by the territories' potential, accounts, workload and
    competition. The negotiated target is the accepted goal's, or the one entered with the fact.

    Example: evenhand targets set 2026-H2 sales --plan 1200000 --from 2026-H1
    """
    try:
        terms = Terms(plan=plan, base=base, weights=weights_of(weights or ""), blend=blend, limit=limit)
    except UnfitWeights as refusal:
        raise click.UsageError(f"--weights: {refusal}") from None
    targets.set_targets(session(), period, indicator, terms, by=actor(), at=now())
    session().commit()
    _show_targets(period, as_json)


@target_group.command("show")
@click.argument("period")
@AS_JSON
def show_targets(period: str, as_json: bool) -> None:
    """Show the targets of PERIOD and where each comes from.

    Example: evenhand targets show 2026-H2
    """
    _show_targets(period, as_json)


def _show_targets(period: str, as_json: bool) -> None:
    rows = targets.listed(session(), period)
    if as_json:
        told = [
            {"rep": rep, "indicator": row.indicator, "target": row.target, "quota": row.quota, "adjusted": row.adjusted,
             "se_log": row.se_log, "method": row.method, "provenance": row.provenance, "why": row.why_en}
            for rep, row in rows
        ]  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for rep, row in rows:
        click.echo(f"{rep} {row.indicator}: {row.target:,.2f}\n    {row.why_en}")


COMMANDS: tuple[click.Command, ...] = (appraise, paper, scheme_group, target_group)
