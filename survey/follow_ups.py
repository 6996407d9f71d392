"""Follow-ups: an unhappy customer who agrees to be contacted becomes a task of the rep's manager, once.

The task names the customer and never an answer. It appears only when the answers are final, so that winning the
customer back cannot change what was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from survey import journal, questionnaires, responses
from survey.models.answering import Answer, FollowUp, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Contact, Customer, Rep
from survey.questionnaires.sheet import readable
from survey.refusals import N_, Refused

UNHAPPY = 2


class UnknownFollowUp(Refused):
    """There is no such task, or it is somebody else's."""


class NothingToldAbout(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One customer to get in touch with about one rep."""

    id: int
    rep: str
    customer: str
    contact: str
    email: str | None
    phone: str | None
    wechat: str | None
    agreed_at: datetime
    done_at: datetime | None
    done_by: str | None
    what_happened: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What a manager has to do and has done. `coming` more wait until their answers are final."""

    open: tuple[Task, ...]
    done: tuple[Task, ...]
    coming: int


def is_unhappy(session: Session, invitation: Invitation) -> bool:
    """Does a rating that counts, of the rep or of the company, say 2 or less?"""
    return bool(_unhappy(session, invitation))


def agree(session: Session, invitation: Invitation, *, at: datetime) -> None:
    """The customer says yes to being contacted: one task about each rep they are unhappy with, however often they
    say it."""
    responses.queue_up(session, invitation)
    of_invitation = select(FollowUp.subject_id).join(Subject).where(Subject.invitation_id == invitation.id)
    known = set(session.scalars(of_invitation))
    fresh = [subject_id for subject_id in _unhappy(session, invitation) if subject_id not in known]
    session.add_all(FollowUp(subject_id=subject_id, agreed_at=at) for subject_id in fresh)


def agreed(session: Session, invitation: Invitation) -> bool:
    """Has this customer said yes already?"""
    yes = select(FollowUp.id).join(Subject).where(Subject.invitation_id == invitation.id).limit(1)
    return session.scalar(yes) is not None


_LOW = (
    select(Subject.id)
    .join(Response, Response.subject_id == Subject.id)
    .join(ResponseVersion, ResponseVersion.response_id == Response.id)
    .join(Answer, Answer.response_version_id == ResponseVersion.id)
    .where(
        Subject.invitation_id == bindparam("invitation_id"),
        ResponseVersion.version_no == Response.version_no,
        Answer.item.in_(bindparam("ratings", expanding=True)),
        Answer.value <= UNHAPPY,
    )
    .distinct()
    .order_by(Subject.id)
)
"""Made once: every answer sent again asks it."""


def _unhappy(session: Session, invitation: Invitation) -> Sequence[int]:
    sheet = questionnaires.of(invitation.campaign.questionnaire)
    ratings = [item.code for item in sheet.items if item.kind == "rating"]
    return session.scalars(_LOW, {"invitation_id": invitation.id, "ratings": ratings}).all()


def tasks(session: Session, visible_reps: Select[int], *, reader: str, at: datetime) -> Tasks:
    """The tasks about the reps this reader may see; never one about the reader."""
    rows = session.execute(
        select(FollowUp, Rep.name, Customer.name, Contact, _final(at))
        .join(Subject, Subject.id == FollowUp.subject_id)
        .join(Response, Response.subject_id == Subject.id)
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .join(Customer, Customer.id == Invitation.customer_id)
        .outerjoin(Contact, Contact.id == Invitation.contact_id)
        .where(_theirs(visible_reps, reader))
        .order_by(FollowUp.agreed_at, FollowUp.id)
    ).all()
    ready = [_task(row, rep, customer, contact) for row, rep, customer, contact, final in rows if final]
    return Tasks(
        open=tuple(task for task in ready if task.done_at is None),
        done=tuple(task for task in reversed(ready) if task.done_at is not None),
        coming=len(rows) - len(ready),
    )


def finish(
    session: Session, task_id: int, visible_reps: Select[int], *, what_happened: str, by: str, at: datetime
) -> None:
    """Close a task with a word on what came of it; done again, it stays as it was.

    Raises UnknownFollowUp, NothingToldAbout, TextTooLong, UnprintableText.
    """
    row = session.scalar(
        select(FollowUp)
        .join(Subject, Subject.id == FollowUp.subject_id)
        .join(Response, Response.subject_id == Subject.id)
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(FollowUp.id == task_id, _theirs(visible_reps, by), _final(at))
        .with_for_update(of=FollowUp)
    )
    if row is None:
        raise UnknownFollowUp(N_("There is no such follow-up."))
    if not what_happened.strip():
        raise NothingToldAbout(N_("Please say in a few words what happened."))
    words = readable(what_happened.strip())
    if row.done_at is None:
        row.what_happened, row.done_at, row.done_by = words, at, by
        journal.record(session, "follow-up done", f"follow-up {row.id}", by=by, at=at)


def _theirs(visible_reps: Select[int], reader: str) -> ColumnElement[bool]:
    return and_(Subject.rep_id.in_(visible_reps), or_(Rep.email.is_(None), func.lower(Rep.email) != reader))


def _final(at: datetime) -> ColumnElement[bool]:
    return or_(Response.first_answered_at <= at - responses.CORRECTION_TIME, Campaign.state == "closed")


def _task(row: FollowUp, rep: str, customer: str, contact: Contact | None) -> Task:
    return Task(
        id=row.id, rep=rep, customer=customer, contact=contact.name if contact else "",
        email=contact.email if contact else None, phone=contact.phone if contact else None,
        wechat=contact.wechat if contact else None, agreed_at=row.agreed_at, done_at=row.done_at, done_by=row.done_by,
        what_happened=row.what_happened,
    )  # fmt: skip
