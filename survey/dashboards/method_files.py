"""What can be taken away of a run: its spec, what it says of itself, its scores and steps, each as far as it may be
seen. Spreadsheets open the tables in any language: UTF-8 with its mark."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.dashboards.method import published_record
from survey.dashboards.shown import WITHHELD, not_to_be_seen
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, ScoreStep

SCORES = (
    "rep", "item", "responses", "customers", "raw", "mix", "territory", "centring", "adjusted", "se", "df", "low",
    "high", "reliability", "reported", "reported_sd", "peer", "company", "case", "component", "fragile", "rank_low",
    "rank_high", "evidence",
)  # fmt: skip
STEPS = ("rep", "item", "adjuster", "amount")
FILES = {
    "spec.toml": "application/toml", "run.json": "application/json", "scores.csv": "text/csv", "steps.csv": "text/csv",
}  # fmt: skip


def file_of(session: Session, run_id: int, name: str) -> bytes:
    """One of FILES. Raises NotToBeSeen for a run or a file that is not there."""
    run = session.get(Run, run_id)
    if run is None or name not in FILES:
        raise not_to_be_seen(name)
    if name == "spec.toml":
        return run.spec.encode()
    if name == "run.json":
        return json.dumps(published_record(session, run), ensure_ascii=False, indent=1).encode()
    return _csv(SCORES, _scores(session, run)) if name == "scores.csv" else _csv(STEPS, _steps(session, run))


def _scores(session: Session, run: Run) -> Iterable[Sequence[Any]]:
    found = session.execute(
        select(Rep.code, RepScore)
        .join(RepScore, RepScore.rep_id == Rep.id)
        .where(RepScore.run_id == run.id)
        .order_by(RepScore.item, Rep.code)
    )
    for code, row in found:
        shown = row.evidence != WITHHELD
        yield code, row.item, *(getattr(row, name) if shown else None for name in SCORES[2:-1]), row.evidence


def _steps(session: Session, run: Run) -> Iterable[Sequence[Any]]:
    """The steps of every score that may be seen."""
    found = session.execute(
        select(Rep.code, ScoreStep.item, ScoreStep.adjuster, ScoreStep.amount)
        .join(Rep, Rep.id == ScoreStep.rep_id)
        .join(
            RepScore,
            (RepScore.run_id == ScoreStep.run_id)
            & (RepScore.rep_id == ScoreStep.rep_id)
            & (RepScore.item == ScoreStep.item),
        )
        .where(ScoreStep.run_id == run.id, RepScore.evidence != WITHHELD)
        .order_by(ScoreStep.item, Rep.code, ScoreStep.adjuster)
    )
    return (tuple(row) for row in found)


def _csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    """Numbers unrounded; a code that looks like a formula is only text."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return str(value)
