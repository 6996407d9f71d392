"""``python -m scoring appraise``: score, fact and event files in, outcomes.csv and parts.csv out."""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from scoring.appraisal import COMPOSITE, appraise, unused
from scoring.facts import MISSING, Event, Fact, FactRefused, FactsRefused
from scoring.findings import Refusal
from scoring.outcome import Outcome, Part
from scoring.scheme import Scheme, SchemeRefused
from scoring.scores import EVIDENCE, Score

_OUTCOME = (
    "rep", "total", "low", "high", "band", "band_probability", "coverage", "territory_sensitive", "rating", "neighbour",
    "neighbour_probability", "reward_band", "adverse_band", "if_zero", "if_full",
)  # fmt: skip
_PART = (
    "indicator", "target", "target_source", "actual", "points", "weight", "note", "kind", "missing", "why_zh", "why_en",
)  # fmt: skip
_YES = {"yes", "true", "1", "是"}
_Value = TypeVar("_Value")
_EXAMPLE = """\
example:
  python -m scoring appraise out/scores.csv --facts facts.csv --events events.csv --scheme taiwan-six.toml --out out

facts: rep, indicator, value, target (same unit), note, evidence; instead of a value, missing is one of not_applicable
  (with note and approved_by), not_measured, withheld_by_rep (with evidence); confirmed of asked customers bore it out;
  team is the share of its targets that the rep's team reached (0.95)
events: rep, category, on, points (positive), fact, evidence, multiplier, in_survey (yes: already in the satisfaction),
  overturned, expired (yes: listed, but it costs nothing)
"""


class FilesRefused(ValueError):
    """Files that cannot be used: one sentence for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def add_appraise(subparsers: Any) -> None:
    """Add the ``appraise`` command; its ``run`` default takes the parsed arguments and returns the exit code."""
    parser = subparsers.add_parser(
        "appraise",
        help="apply a scheme to scores and facts",
        description="Apply a scheme to scores and facts: one outcome per rep, and the parts it is made of.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scores", metavar="SCORES.csv", type=Path, help="scores.csv as adjust writes it")
    parser.add_argument("--facts", type=Path, required=True, metavar="FACTS.csv")
    parser.add_argument("--events", type=Path, metavar="EVENTS.csv")
    parser.add_argument("--scheme", type=Path, required=True, metavar="SCHEME.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="written here: outcomes.csv, parts.csv")
    parser.add_argument("--period", help="use these facts and events only; needed if a file holds several periods")
    parser.add_argument("--composite", metavar="ITEM", help="the item a satisfaction indicator means if it names none")
    parser.set_defaults(run=run_appraise)


def run_appraise(arguments: argparse.Namespace) -> int:
    try:
        outcomes = _appraised(arguments)
        _write(outcomes, arguments.out)
    except (FilesRefused, FactsRefused) as refusal:
        problems = refusal.problems
    except SchemeRefused as refusal:
        problems = tuple(f"{arguments.scheme}: {mistake}" for mistake in refusal.mistakes)
    except OSError as error:
        problems = (f"{error.filename}: {error.strerror}; check the path and that you may use it.",)
    else:
        rated = sum(outcome.rating != "not_rateable" for outcome in outcomes)
        print(f"{len(outcomes)} reps appraised, {rated} with a band: {arguments.out / 'outcomes.csv'}")
        return 0
    print("\n".join(problems), file=sys.stderr)
    return 1


def _appraised(arguments: argparse.Namespace) -> tuple[Outcome, ...]:
    scheme = Scheme.from_toml(_text(arguments.scheme))
    problems: list[str] = []
    scores = _read(arguments.scores, ("rep", "item", "evidence"), _score, problems)
    facts = _read(arguments.facts, ("rep", "indicator"), _fact, problems, period=arguments.period)
    events: list[Event] = []
    if arguments.events:
        events = _read(arguments.events, ("rep", "category", "points"), _event, problems, period=arguments.period)
    composite = _composite(scheme, scores, arguments.composite, problems)
    if problems:
        raise FilesRefused(problems)
    for code in unused(scheme, facts, events):
        print(f"Note: the scheme {scheme.code} has no line for {code}; it is left out.", file=sys.stderr)
    return appraise(scores, facts, events, scheme, composite=composite)


def _composite(scheme: Scheme, scores: Sequence[Score], named: str | None, problems: list[str]) -> str:
    """The item meant by a satisfaction indicator that names none: as told, the only one, or the one of that name."""
    items = sorted({score.item for score in scores})
    if named or not scores or all(one.item for one in scheme.indicators if one.survey):
        return named or COMPOSITE
    if len(items) == 1 or COMPOSITE in items:
        return items[0] if len(items) == 1 else COMPOSITE
    problems.append(f"The scores are for {', '.join(items)}; say which is meant with --composite ITEM.")
    return COMPOSITE


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{path}: this is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8."
        raise FilesRefused([problem]) from None


def _read(
    path: Path,
    needed: Sequence[str],
    build: Callable[[Mapping[str, str]], _Value],
    problems: list[str],
    *,
    period: str | None = None,
) -> list[_Value]:
    """One value per row; what is wrong with a row goes to ``problems`` with its line."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    absent = [column for column in needed if column not in (reader.fieldnames or ())]
    if absent:
        problems.append(f"{path}: the column {', '.join(absent)} is missing; the first line must name the columns.")
        return []
    rows = [(reader.line_num, row) for row in reader]
    periods = sorted({row["period"] for _, row in rows if row.get("period")})
    if len(periods) > 1 and period is None:
        problems.append(f"{path}: there are several periods ({', '.join(periods)}); choose one with --period.")
        return []
    built = []
    for line, row in rows:
        if None in row or None in row.values():
            problems.append(f"{path}, line {line}: the row has more or fewer cells than there are columns; mend it.")
        elif period is None or row.get("period", period) == period:
            try:
                built.append(build({column: cell.strip() for column, cell in row.items()}))
            except (FactRefused, Refusal, Unreadable) as refusal:
                problems.append(f"{path}, line {line}: {refusal}")
    return built


class Unreadable(ValueError):
    """A cell that cannot be read as what its column holds."""

    def __init__(self, column: str, found: str, wanted: str = "a plain number such as 92 or 5.5") -> None:
        super().__init__(f"{column} is {found!r}; give {wanted}.")


def _number(row: Mapping[str, str], column: str) -> float | None:
    found = row.get(column, "")
    if not found:
        return None
    try:
        number = float(found)
    except ValueError:
        raise Unreadable(column, found) from None
    if not math.isfinite(number):
        raise Unreadable(column, found)
    return number


def _count(row: Mapping[str, str], column: str) -> int | None:
    found = _number(row, column)
    if found is None:
        return None
    if found != int(found):
        raise Unreadable(column, row[column], "a whole number of customers")
    return int(found)


def _score(row: Mapping[str, str]) -> Score:
    if row["evidence"] not in EVIDENCE:
        raise Unreadable("evidence", row["evidence"], f"one of {', '.join(EVIDENCE)}")
    known = partial(_number, row)
    return Score(
        rep=row["rep"],
        item=row["item"],
        responses=int(known("responses") or 0),
        customers=int(known("customers") or 0),
        raw=known("raw"),
        mix=known("mix"),
        territory=known("territory"),
        centring=known("centring"),
        adjusted=known("adjusted"),
        se=known("se"),
        df=known("df"),
        low=known("low"),
        high=known("high"),
        reliability=known("reliability"),
        reported=known("reported"),
        reported_sd=known("reported_sd"),
        peer=known("peer"),
        company=known("company"),
        case=row.get("case") or None,
        component=None,
        fragile=None,
        evidence=row["evidence"],
    )


def _fact(row: Mapping[str, str]) -> Fact:
    texts: dict[str, Any] = {key: row[key] for key in ("note", "evidence", "missing", "approved_by") if row.get(key)}
    source = row.get("target_source") or "agreed"
    return Fact(
        rep=row["rep"],
        indicator=row["indicator"],
        value=_number(row, "value"),
        target=_number(row, "target"),
        target_source=source,
        confirmed=_count(row, "confirmed"),
        asked=_count(row, "asked"),
        team=_number(row, "team"),
        **texts,
    )


def _event(row: Mapping[str, str]) -> Event:
    points = _number(row, "points")
    if points is None:
        raise Unreadable("points", "")
    return Event(
        rep=row["rep"],
        category=row["category"],
        on=row.get("on", ""),
        points=points,
        fact=row.get("fact", ""),
        evidence=row.get("evidence", ""),
        multiplier=_number(row, "multiplier"),
        in_survey=row.get("in_survey", "").lower() in _YES,
        overturned=row.get("overturned", "").lower() in _YES,
        expired=row.get("expired", "").lower() in _YES,
    )


def _write(outcomes: Sequence[Outcome], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / "outcomes.csv", _OUTCOME, ([getattr(one, key) for key in _OUTCOME] for one in outcomes))
    _write_table(
        folder / "parts.csv",
        ("rep", *_PART),
        ([one.rep, *_part_cells(part)] for one in outcomes for part in one.parts),
    )


def _part_cells(part: Part) -> list[object]:
    note = part.note_en or (MISSING[part.missing][1] if part.missing else "")
    named = {"indicator": part.code, "note": note}
    return [named[key] if key in named else getattr(part, key) for key in _PART]


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
