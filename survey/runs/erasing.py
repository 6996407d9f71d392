"""Taking an erased customer's ratings out of what runs have read, where too few others stand beside them to hide in."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey.models.company import Period
from survey.models.retention import Erasure
from survey.models.scoring import Run
from survey.refusals import N_, Refused
from survey.runs.answers import packed, pseudonym

if TYPE_CHECKING:
    import pandas as pd

Rating = tuple[str, str, str]
"""Rep, item and campaign, by code: one customer has one rating of each that counts."""


class AnswersErased(Refused):
    """A run does not come out again because some of what it had read is gone, with whoever had answered it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was taken out of one run; `counts` when it is the last of its period. `digest` is SHA-256 of what is
    left."""

    run: int
    period: str
    counts: bool
    ratings: int
    digest: str


def beside(session: Session, customer_id: int) -> dict[Rating, bool]:
    """A customer's ratings as the last run of each period counts them: do at least `minimum_customers` others stand
    beside each, in every one of these runs?"""
    found: dict[Rating, bool] = {}
    for run_id in session.scalars(_last()).all():
        frame, spec = _read(session, run_id)
        for rating, others in _others(frame, spec, customer_id).items():
            found[rating] = found.get(rating, True) and others >= spec.minimum_customers
    return found


def take_out(session: Session, customer_id: int, dropped: Collection[Rating]) -> tuple[Taken, ...]:
    """Take these ratings of a customer out of every run, each run's own where too few others stand beside them, and
    what is known of the customer alone. Scores stay as they were made."""
    last, taken = set(session.scalars(_last())), []
    for run_id, period in session.execute(select(Run.id, Period.code).join(Period).order_by(Run.id)).all():
        frame, spec = _read(session, run_id)
        theirs = frame["customer"] == pseudonym("customer", customer_id)
        ratings = [
            one
            for one, others in _others(frame, spec, customer_id).items()
            if one in dropped or others < spec.minimum_customers
        ]
        for rep, item, wave in ratings:
            frame.loc[theirs & (frame["rep"] == rep) & (frame["wave"] == wave), item] = float("nan")
        if not (_hide_what_is_theirs_alone(frame, theirs, spec) or ratings):
            continue
        left = packed(frame)
        session.execute(update(Run).where(Run.id == run_id).values(snapshot=left))
        taken.append(
            Taken(run=run_id, period=period, counts=run_id in last, ratings=len(ratings), digest=_digest(left))
        )
    return tuple(taken)


def refuse_if_erased(session: Session, run: Run) -> None:
    """Raises AnswersErased for a run from which something was taken out, and nothing touched since."""
    every = session.scalars(select(Erasure).order_by(Erasure.id)).all()
    erasures = [one for one in every if str(run.id) in one.runs]
    if not erasures or erasures[-1].runs[str(run.id)]["digest"] != _digest(run.snapshot):
        return
    counts = [one.runs[str(run.id)]["ratings"] for one in erasures]
    raise AnswersErased(
        N_(
            "Run %(run)s does not come out again: customers it had read were erased (%(days)s), and %(ratings)s of its "
            "ratings with them. Its scores stand as they were made. Score %(period)s again for a run that does."
        ),
        run=run.id,
        days=", ".join(sorted({str(one.erased_at.date()) for one in erasures})),
        ratings=sum(counts),
        period=run.period.code,
    )


def _last() -> Select[int]:
    return select(func.max(Run.id)).group_by(Run.period_id)


def _read(session: Session, run_id: int) -> tuple[pd.DataFrame, AdjustmentSpec]:
    import pandas as pd

    snapshot, spec = session.execute(select(Run.snapshot, Run.spec).where(Run.id == run_id)).one()
    return pd.read_parquet(BytesIO(snapshot)), AdjustmentSpec.from_toml(spec)


def _others(frame: pd.DataFrame, spec: AdjustmentSpec, customer_id: int) -> dict[Rating, int]:
    """How many other customers rated the same rep on the same item, for each rating of this one."""
    who, found = pseudonym("customer", customer_id), {}
    for item in (one.name for one in spec.items if one.name in frame.columns):
        rated = frame[frame[item].notna()]
        theirs = rated["customer"] == who
        others = rated[~theirs].groupby("rep")["customer"].nunique()
        for rep, wave in zip(rated.loc[theirs, "rep"], rated.loc[theirs, "wave"], strict=True):
            found[str(rep), item, str(wave)] = int(others.get(rep, 0))
    return found


def _hide_what_is_theirs_alone(frame: pd.DataFrame, theirs: pd.Series, spec: AdjustmentSpec) -> bool:
    """An attribute in words that no other customer of the run has would tell who they were. Was there one?"""
    hidden = False
    for name in (one.name for one in spec.adjusters if one.kind == "category" and one.name in frame.columns):
        alone = theirs & frame[name].notna() & ~frame[name].isin(frame.loc[~theirs, name])
        if alone.any():
            frame.loc[alone, name] = None
            hidden = True
    return hidden


def _digest(snapshot: bytes) -> str:
    return hashlib.sha256(snapshot).hexdigest()
