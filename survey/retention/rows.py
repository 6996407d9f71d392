"""Row by row, what leads to a customer and the people there: what is deleted, and what stays without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session, joinedload, undefer

from survey.models.answering import Call, Draft, FollowUp, Interview
from survey.models.asking import Campaign, Exclusion, FrameEntry, Invitation, Subject, Token
from survey.models.facts import MonitoringNote, Revision, Sale, Visit
from survey.models.intake import FileImport, Upload
from survey.models.roster import Assignment, Contact, Customer, Objection
from survey.models.sending import DeliveryReport, OutboxMessage
from survey.refusals import N_, Refused
from survey.retention.words import MARK
from survey.sampling.draw import number_of

TABLES = ("call", "contact", "customer", "draft", "frame_entry", "interview", "response_version", "sale", "token")
"""Those that hold no words and change as well."""
HELD = "The customer was erased."


class LetterOnItsWay(Refused):
    """A worker has a letter to them in its hands, and is about to say what came of it."""


def lock(session: Session, customer_id: int, *, at: datetime) -> None:
    """Answers and letters on their way are done with before or after, not in between. Raises LetterOnItsWay."""
    theirs = select(Invitation.id).where(Invitation.customer_id == customer_id)
    session.execute(theirs.with_for_update())
    letters = select(OutboxMessage).where(OutboxMessage.invitation_id.in_(theirs)).with_for_update()
    for letter in session.scalars(letters.execution_options(populate_existing=True)):
        in_hand = letter.state == "claimed" and letter.taken_by is None
        if in_hand and letter.lease_until is not None and letter.lease_until > at:
            raise LetterOnItsWay(N_("A letter to this customer is on its way. Try again in five minutes."))


def forget_people(session: Session, customer_id: int, *, at: datetime) -> tuple[list[int], int]:
    """Contacts go, links end, nothing more is sent or asked. The contacts' ids, and how many invitations there were."""
    asked = session.scalars(select(Invitation.id).where(Invitation.customer_id == customer_id)).all()
    theirs, subjects = select(Invitation.id).where(Invitation.customer_id == customer_id), select(Subject.id)
    interviews = select(Interview.id).where(Interview.invitation_id.in_(theirs))
    messages = select(OutboxMessage.id).where(OutboxMessage.invitation_id.in_(theirs))
    for rows in (
        delete(Draft).where(Draft.invitation_id.in_(theirs)),
        delete(FollowUp).where(FollowUp.subject_id.in_(subjects.where(Subject.invitation_id.in_(theirs)))),
        delete(Call).where(Call.interview_id.in_(interviews)),
        delete(Interview).where(Interview.invitation_id.in_(theirs)),
        delete(DeliveryReport).where(DeliveryReport.outbox_message_id.in_(messages)),
        update(OutboxMessage).where(OutboxMessage.invitation_id.in_(theirs)).values(last_error=None),
        update(OutboxMessage)
        .where(OutboxMessage.invitation_id.in_(theirs), OutboxMessage.state != "sent")
        .values(state="held", last_error=HELD, lease_until=None, taken_by=None),
        update(Token).where(Token.invitation_id.in_(theirs), Token.revoked_at.is_(None)).values(revoked_at=at),
        update(Invitation)
        .where(Invitation.customer_id == customer_id, Invitation.revoked_at.is_(None))
        .values(revoked_at=at),
        update(Invitation).where(Invitation.customer_id == customer_id).values(contact_id=None),
    ):
        session.execute(rows)
    contacts = list(session.scalars(select(Contact.id).where(Contact.customer_id == customer_id)))
    session.execute(delete(Contact).where(Contact.customer_id == customer_id))
    return contacts, len(asked)


def forget_visits(session: Session, known_by: Collection[str], becomes: str) -> None:
    """Visits still count for the rep, without what was said there; notes of an accompanied one lose the name."""
    visits = session.scalars(select(Visit).where(Visit.customer.in_(known_by)).order_by(Visit.place, Visit.id)).all()
    of_day: Counter[tuple[int, date]] = Counter()
    for visit in visits:
        of_day[visit.rep_id, visit.on] += 1
        visit.customer, visit.place = becomes, of_day[visit.rep_id, visit.on]
        for name in ("purpose", "need", "help", "evidence"):
            if getattr(visit, name):
                setattr(visit, name, MARK)
    ids = [visit.id for visit in visits]
    session.execute(delete(Revision).where(Revision.kind == Visit.__tablename__, Revision.entry_id.in_(ids)))
    _forget_changes(session, {Visit.__tablename__: set(ids)})
    for note in session.scalars(select(MonitoringNote).where(MonitoringNote.details.is_not(None))):
        if note.details and note.details.get("customer") in known_by:
            note.details = note.details | {"customer": becomes}
    session.flush()


def forget_service(session: Session, customer_id: int, *, on: date) -> None:
    """Past service stays, for the scores and counts that rest on it; it ends today. What was ordered goes."""
    to_come = select(Assignment.id).where(Assignment.customer_id == customer_id, Assignment.served_from > on)
    session.execute(update(Objection).where(Objection.assignment_id.in_(to_come)).values(assignment_id=None))
    session.execute(delete(Assignment).where(Assignment.id.in_(list(session.scalars(to_come)))))
    session.execute(
        update(Assignment)
        .where(
            Assignment.customer_id == customer_id, or_(Assignment.served_to.is_(None), Assignment.served_to > on)
        )
        .values(served_to=on)
    )  # fmt: skip
    session.execute(delete(Sale).where(Sale.customer_id == customer_id))


def forget_words(session: Session, customer_id: int) -> None:
    """Why they were left out, and what reps said of serving them."""
    left_out = Exclusion.customer_id == customer_id
    session.execute(delete(Exclusion).where(left_out, Exclusion.decision == "open"))
    session.execute(update(Exclusion).where(left_out).values(reason=MARK))
    served = select(Assignment.id).where(Assignment.customer_id == customer_id)
    about = update(Objection).where(Objection.assignment_id.in_(served))
    session.execute(about.values(reason=MARK))
    session.execute(about.where(Objection.verdict_reason.is_not(None)).values(verdict_reason=MARK))


def keep_numbers(session: Session, customer: Customer) -> None:
    """Draws can be repeated still: the customer's number stays, the code it came from does not."""
    for entry in session.scalars(select(FrameEntry).where(FrameEntry.customer_id == customer.id)):
        campaign = session.get_one(Campaign, entry.campaign_id, options=[joinedload(Campaign.sample_plan)])
        if campaign.sample_plan is not None:
            entry.number = number_of(campaign.sample_plan.seed, customer.code)


def forget_files(session: Session, customer_id: int, contacts: Collection[int]) -> int:
    """What imports changed about them cannot be undone any more. Files on their way in go, all of them: what they hold
    is not known yet. How many."""
    served = select(Assignment.id).where(Assignment.customer_id == customer_id)
    _forget_changes(session, {
        Customer.__tablename__: {customer_id}, Contact.__tablename__: set(contacts),
        Assignment.__tablename__: set(session.scalars(served)),
    })  # fmt: skip
    return len(session.scalars(delete(Upload).returning(Upload.id)).all())


def _forget_changes(session: Session, gone: dict[str, set[int]]) -> None:
    """Old and new values of these rows, by table, leave the records by which imports are undone."""
    for done in session.scalars(select(FileImport).options(undefer(FileImport.changes))):
        changes: dict[str, Any] = {
            table: {**of, "updated": [one for one in of["updated"] if one[0] not in gone.get(table, ())]}
            for table, of in done.changes.items()
        }
        if changes != done.changes:
            done.changes = changes
    session.flush()
