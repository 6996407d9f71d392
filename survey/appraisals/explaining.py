"""The explanation of an appraisal: its tree of points, with what it was made from, by whom, when and with what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scoring.explanation import explained, retraced
from survey.appraisals.statement import Paper


def explanation(paper: Paper) -> dict[str, Any]:
    """Plain JSON values, worked out anew before they are given away.

    Raises NotReproduced when the stored points do not follow from what is stored with them.
    """
    statement, standing = paper.statement, paper.standing
    tree = explained(statement.outcome, deduction_cap=statement.deduction_cap)
    retraced(tree)
    return {
        "number": statement.number,
        "revision": statement.revision,
        "period": statement.period,
        "snapshot": standing.snapshot,
        "anchor": standing.anchor,
        "software": statement.software,
        "drawn_up_at": standing.drawn_up_at.isoformat(),
        "drawn_up_by": standing.drawn_up_by,
        "survey": (asdict(statement.survey) | {"scored_on": statement.survey.scored_on.isoformat()})
        if statement.survey
        else None,
        **tree,
    }
