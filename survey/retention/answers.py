"""What stays of an erased customer's answers: ratings that count, among enough others to hide in; no word of theirs."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.orm import Session

from scoring.spec import AdjustmentSpec
from survey.campaigns.thresholds import spec_in_force
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Rep
from survey.models.scoring import Run
from survey.runs.erasing import Rating

_PIECE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """How many answers were deleted and how many ratings stay; `dropped` are the ratings that counted and went, in
    `periods`."""

    deleted: int
    kept: int
    dropped: frozenset[Rating]
    periods: frozenset[str]


def thin(session: Session, customer_id: int, beside: Mapping[Rating, bool]) -> Thinned:
    """Delete every answer of a customer but the ratings that stay. `beside`: the ratings that runs hold, and whether
    enough others stand beside each; of others the answers stored are counted."""
    fewest = spec_in_force(session).minimum_customers
    every = list(_every(session, customer_id))
    counting = [row for row in every if row.counts and row.state == "answered"]
    enough = {
        rating: beside[rating] if rating in beside else _others(session, customer_id, row) >= fewest
        for rating, row in {_rating(row): row for row in counting}.items()
    }
    kept = [row for row in counting if enough[_rating(row)]]
    alive = {row.response_id for row in kept}
    staying = {row.id for row in kept} | {
        row.id
        for row in every
        if row.counts and row.state in ("not applicable", "skipped") and row.response_id in alive
    }
    gone = [row.id for row in every if row.id not in staying]
    _delete(session, Answer, gone)
    _delete_emptied(session, customer_id, alive)
    return Thinned(
        deleted=len(gone),
        kept=len(kept),
        dropped=frozenset(rating for rating, stays in enough.items() if not stays),
        periods=frozenset(row.period for row in counting if not enough[_rating(row)]),
    )


def keep_what_is_shared(session: Session, customer_id: int) -> None:
    """Of what was known when they were asked, runs need the attributes of their specs alone; and words that no other
    customer of the campaign has would tell who they were."""
    specs = [AdjustmentSpec.from_toml(text) for text in session.scalars(select(Run.spec).distinct())]
    wanted = {one.name for spec in (*specs, spec_in_force(session)) for one in spec.adjusters}
    others = _known_of_others(session, customer_id)
    rows = select(Subject, Invitation.campaign_id).join(Invitation).where(Invitation.customer_id == customer_id)
    for subject, campaign_id in session.execute(rows):
        subject.adjusters = {
            name: value
            for name, value in subject.adjusters.items()
            if name in wanted and (not isinstance(value, str) or (name, value) in others[campaign_id])
        }


def _known_of_others(session: Session, customer_id: int) -> defaultdict[int, set[tuple[str, str]]]:
    """By campaign, every attribute in words that another customer has."""
    theirs = select(Invitation.campaign_id).where(Invitation.customer_id == customer_id)
    rows = (
        select(Invitation.campaign_id, Subject.adjusters)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .where(Invitation.campaign_id.in_(theirs), Invitation.customer_id != customer_id)
        .execution_options(yield_per=10_000)
    )
    found: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for campaign_id, adjusters in session.execute(rows):
        found[campaign_id] |= {(name, value) for name, value in adjusters.items() if isinstance(value, str)}
    return found


def _every(session: Session, customer_id: int) -> Iterator[Row[Any]]:
    """Every answer of a customer, whether it counts, and what it is an answer to."""
    return iter(
        session.execute(
            select(
                Answer.id, Answer.item, Answer.state, Response.id.label("response_id"), Rep.code.label("rep"),
                Subject.rep_id, Campaign.code.label("wave"), Campaign.period_id, Period.code.label("period"),
                (ResponseVersion.version_no == Response.version_no).label("counts"),
            )
            .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
            .join(Response, Response.id == ResponseVersion.response_id)
            .join(Subject, Subject.id == Response.subject_id)
            .join(Rep, Rep.id == Subject.rep_id)
            .join(Invitation, Invitation.id == Subject.invitation_id)
            .join(Campaign, Campaign.id == Invitation.campaign_id)
            .join(Period, Period.id == Campaign.period_id)
            .where(Invitation.customer_id == customer_id)
        )
    )  # fmt: skip


def _rating(row: Row[Any]) -> Rating:
    return row.rep, row.item, row.wave


def _others(session: Session, customer_id: int, row: Row[Any]) -> int:
    """How many other customers answered the same about the same rep in the same period."""
    counted = (
        select(func.count(Invitation.customer_id.distinct()))
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .join(Response, Response.subject_id == Subject.id)
        .join(ResponseVersion, ResponseVersion.response_id == Response.id)
        .join(Answer, Answer.response_version_id == ResponseVersion.id)
        .where(
            Campaign.period_id == row.period_id, Subject.rep_id == row.rep_id, Answer.item == row.item,
            Answer.state == "answered", ResponseVersion.version_no == Response.version_no,
            Invitation.customer_id != customer_id,
        )
    )  # fmt: skip
    return session.scalar(counted) or 0


def _delete_emptied(session: Session, customer_id: int, alive: set[int]) -> None:
    """Versions that no longer count go, responses without a rating too; what stays forgets which submission it was."""
    found = session.execute(
        select(Response.id, ResponseVersion.id, ResponseVersion.version_no == Response.version_no)
        .join(ResponseVersion, ResponseVersion.response_id == Response.id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .where(Invitation.customer_id == customer_id)
    ).all()
    staying = [version for response, version, counts in found if counts and response in alive]
    _delete(session, ResponseVersion, [version for _, version, _ in found if version not in staying])
    _delete(session, Response, sorted({response for response, _, _ in found} - alive))
    for version in staying:
        session.execute(update(ResponseVersion).where(ResponseVersion.id == version).values(nonce=uuid.uuid4().hex))


def _delete(session: Session, model: Any, ids: list[int]) -> None:
    for begin in range(0, len(ids), _PIECE):
        session.execute(delete(model).where(model.id.in_(ids[begin : begin + _PIECE])))
