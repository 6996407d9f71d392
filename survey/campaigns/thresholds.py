"""The thresholds in force: those of the newest run's spec, and before there is one, those that ship."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey.models.scoring import Run

DEFAULT_SPEC = Path(__file__).parent.parent / "specs" / "default.toml"


def spec_in_force(session: Session) -> AdjustmentSpec:
    """The spec whose thresholds count now."""
    newest = session.scalar(select(Run.spec).order_by(Run.id.desc()).limit(1))
    return AdjustmentSpec.from_toml(newest or DEFAULT_SPEC.read_text(encoding="utf-8"))
