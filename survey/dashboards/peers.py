"""A rep among the colleagues of the same position under the same manager: by name, each with an interval, no rank."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from survey import names
from survey.dashboards.shown import ShownScore, as_shown
from survey.models.roster import Rep, ReportingLine
from survey.models.scoring import RepScore, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`same` marks the rep whom the page is about."""

    code: str
    name: str
    same: bool
    score: ShownScore


def peers(session: Session, viewer_reps: Select[int], rep: Rep, run: Run, item: str) -> tuple[Peer, ...]:
    """Those of them whom the viewer may see and who were asked about in this run, the rep included; nobody where the
    rep would stand alone."""
    open_line = ReportingLine.until_on.is_(None)
    managers = select(func.lower(ReportingLine.manager_email)).where(ReportingLine.rep_id == rep.id, open_line)
    led = select(ReportingLine.rep_id).where(open_line, func.lower(ReportingLine.manager_email).in_(managers))
    position = Rep.position.is_(None) if rep.position is None else Rep.position == rep.position
    found = session.execute(
        select(Rep.code, Rep.name, RepScore)
        .join(RepScore, and_(RepScore.rep_id == Rep.id, RepScore.run_id == run.id, RepScore.item == item))
        .where(Rep.id.in_(viewer_reps), Rep.id.in_(led), position)
    )
    listed = names.by_name(
        Peer(code=code, name=name, same=code == rep.code, score=as_shown(row)) for code, name, row in found
    )
    return tuple(listed) if any(not one.same for one in listed) else ()
