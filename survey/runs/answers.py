"""What a run reads: one row per rep asked about in one invitation, under pseudonyms, packed so that it can be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from scoring.spec import AdjustmentSpec
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Rep, Territory
from survey.refusals import N_, Refused

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 10_000
NO_INTERVIEWER = "none"
"""The level of the adjuster `interviewer` for whoever answered alone."""


class NothingAnswered(Refused):
    pass


def answers(
    session: Session, period: Period, spec: AdjustmentSpec, *, earlier: Iterable[pd.DataFrame] = ()
) -> tuple[pd.DataFrame, int]:
    """One row per rep asked about in one invitation, answered or not: the frame counts too. And how many ratings wait,
    because too few changed since the runs that had read `earlier` (`batches.held`).

    Only answered ratings are numbers; not applicable, skipped and never answered are all missing. Customers come as
    pseudonyms. The weight is the share of the period on which the rep served the customer, so that of several answers
    of one customer about one rep the one about the longer service weighs more. Of a customer's unanswered rows one is
    enough.
    """
    import pandas as pd

    from survey.runs import batches

    items = [item.name for item in spec.items]
    adjusters = [adjuster.name for adjuster in spec.adjusters if adjuster.name not in ("wave", "mode")]
    columns = ["rep", "territory", "customer", "wave", "mode", "weight", *items, *adjusters]
    table = pd.DataFrame(_rows(session, _question(in_window(period, spec), items), adjusters), columns=columns)
    table, waiting = batches.held(table, earlier, items, batch=spec.minimum_customers)
    unanswered = table[items].isna().all(axis=1)
    if unanswered.all():
        raise NothingAnswered(
            N_("Nobody has answered about %(period)s yet; there is nothing to score."), period=period.code
        )
    return table[~(unanswered & table.duplicated())].reset_index(drop=True), waiting


def spanned(period: Period, spec: AdjustmentSpec) -> Select[int]:
    """The periods a run spans: this one and those that were over before it (a half-year that began with the quarter
    was not)."""
    ours = or_(Period.id == period.id, Period.to_on < period.from_on)
    return select(Period.id).where(ours).order_by(Period.from_on.desc(), Period.to_on.desc()).limit(spec.window)


def in_window(period: Period, spec: AdjustmentSpec) -> ColumnElement[bool]:
    """Campaigns of the periods a run spans."""
    return Campaign.period_id.in_(spanned(period, spec).scalar_subquery())


def _question(chosen_campaigns: ColumnElement[bool], items: Sequence[str]) -> Select[*tuple[Any, ...]]:
    chosen = [aliased(Answer) for _ in items]
    question: Select[*tuple[Any, ...]] = (
        select(
            Rep.code, Territory.code, Invitation.customer_id, Campaign.code, Invitation.mode, ResponseVersion.mode,
            ResponseVersion.interviewer, Subject.adjusters, Subject.served_share, *(answer.value for answer in chosen),
        )
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .outerjoin(
            ResponseVersion,
            and_(ResponseVersion.response_id == Response.id, ResponseVersion.version_no == Response.version_no),
        )
        .where(chosen_campaigns)
    )  # fmt: skip
    for item, answer in zip(items, chosen, strict=True):
        of_item = and_(
            answer.response_version_id == ResponseVersion.id, answer.item == item, answer.state == "answered"
        )
        question = question.outerjoin(answer, of_item)
    return question.order_by(Subject.id)


def _rows(session: Session, question: Select[*tuple[Any, ...]], adjusters: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for rep, territory, customer, wave, asked_by, answered_by, interviewer, known, share, *values in session.execute(
        question.execution_options(yield_per=_BATCH)
    ):
        who = pseudonym("interviewer", interviewer) if interviewer else NO_INTERVIEWER
        held = ({**known, "interviewer": who}.get(name) for name in adjusters)
        yield rep, territory, pseudonym("customer", customer), wave, answered_by or asked_by, share, *values, *held


def pseudonym(kind: str, identity: int | str) -> str:
    """The same in every run, and no name: what stands for somebody here, hashed, so that it means nothing elsewhere."""
    return hashlib.sha256(f"{kind} {identity}".encode()).hexdigest()[:16]


def packed(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
