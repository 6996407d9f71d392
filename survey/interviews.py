"""Interviews by telephone: who is called by whom and when, what came of each call, and the answers taken down.

Asked by telephone are those a campaign has not heard from yet and those whom no mail reaches. An interviewer sees
their own calls only. Mode and interviewer are kept with the answers, because both shift how people answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from survey import campaigns, invitations, journal, responses, users
from survey.invitations import links
from survey.models.answering import Call, Interview
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Contact
from survey.refusals import N_, Refused
from survey.responses import Recorded, Sheets, Submission

PAUSES = {"no answer": timedelta(hours=3), "busy": timedelta(minutes=20)}
ENDS = {"refused": "refused", "wrong person": "wrong person"}
OUTCOMES = ("no answer", "busy", "call back", "refused", "wrong person")
MOST_CALLS = 6
NOT_AN_INTERVIEWER = N_("%(email)s is no interviewer. Create one: evenhand users create --role interviewer.")
OVER = N_("This interview is over. Go on with the next one.")


class UnknownInterview(Refused):
    """There is no such interview, or it is somebody else's."""


class InterviewOver(Refused):
    """This person is not to be called any more."""


class NobodyToInterview(Refused):
    """There are no interviewers to hand calls to."""


class UnknownOutcome(Refused):
    pass


class WrongTime(Refused):
    """A call-back in the past, or after the campaign."""


class InviteFirst(Refused):
    """The sample of this campaign has not been drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person to call."""

    interview_id: int
    customer: str
    contact: str
    phone: str
    language: str
    due_at: datetime
    calls: int
    last_outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An interviewer's calls: those due now, the one agreed on first, and those for later."""

    due: tuple[Line, ...]
    later: tuple[Line, ...]


def interviewers(session: Session, chosen: Sequence[str]) -> Sequence[str]:
    """The people chosen to call, all interviewers when nobody is chosen. Raises NobodyToInterview."""
    holders = users.in_role(session, "interviewer")
    if unknown := sorted(set(chosen) - set(holders)):
        raise NobodyToInterview(NOT_AN_INTERVIEWER, email=", ".join(unknown))
    return chosen or holders


def hand_out(
    session: Session, campaign: Campaign, callers: Sequence[str], *, most: int | None = None, by: str, at: datetime
) -> int:
    """Share out everybody with a telephone number who has not answered, or the first `most` of them, in turn among the
    callers. Customers whom no mail reaches are invited on the way. Handed out before stays where it is.

    Raises NobodyToInterview, InviteFirst, CampaignNotOpen, CheckUnderWay.
    """
    if not callers:
        raise NobodyToInterview(N_("There is no interviewer. Create one: evenhand users create --role interviewer."))
    if campaign.sample_plan is not None and campaign.sample_plan.drawn_at is None:
        raise InviteFirst(N_("Invite the customers of %(code)s first: that draws its sample."), code=campaign.code)
    invitations.invite(session, campaign, reach=_by_phone_alone, by=by, at=at)
    waiting = session.scalars(
        select(Invitation.id)
        .join(Contact, Contact.id == Invitation.contact_id)
        .outerjoin(Interview, Interview.invitation_id == Invitation.id)
        .where(
            Invitation.campaign_id == campaign.id,
            Invitation.disposition.in_(invitations.TO_ASK),
            Invitation.revoked_at.is_(None),
            Contact.phone.is_not(None),
            Contact.phone != "",
            Contact.opted_out_at.is_(None),
            Interview.id.is_(None),
        )
        .order_by(Invitation.id)
        .limit(most)
    ).all()
    session.add_all(
        Interview(invitation_id=invitation_id, interviewer=interviewer, state="waiting", due_at=at, handed_out_at=at)
        for invitation_id, interviewer in zip(waiting, cycle(callers), strict=False)
    )
    details = {"interviews": len(waiting), "interviewers": len(callers)}
    journal.record(session, "interviews handed out", campaign.code, details, by=by, at=at)
    return len(waiting)


def _by_phone_alone(contact: Contact) -> str | None:
    return invitations.BY_PHONE if contact.phone and not contact.email else None


def queue(session: Session, interviewer: str, *, at: datetime) -> Queue:
    """Whom this interviewer is to call, by time."""
    rows = session.scalars(
        select(Interview)
        .join(Invitation, Invitation.id == Interview.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(
            Interview.interviewer == interviewer,
            Interview.state == "waiting",
            Invitation.disposition.in_(invitations.TO_ASK),
            Invitation.revoked_at.is_(None),
            Campaign.state == "open",
        )
        .options(
            joinedload(Interview.invitation).joinedload(Invitation.contact),
            joinedload(Interview.invitation).joinedload(Invitation.customer),
            selectinload(Interview.calls),
        )
        .order_by(Interview.due_at, Interview.id)
    ).all()
    lines = [_line(interview) for interview in rows]
    due = [line for line in lines if line.due_at <= at]
    due.sort(key=lambda line: line.last_outcome != "call back")  # what was agreed on comes before what was not
    return Queue(due=tuple(due), later=tuple(line for line in lines if line.due_at > at))


def _line(interview: Interview) -> Line:
    contact = interview.invitation.contact
    return Line(
        interview_id=interview.id, customer=interview.invitation.customer.name,
        contact=contact.name if contact else "", phone=contact.phone or "" if contact else "",
        language=contact.language if contact else "zh", due_at=interview.due_at, calls=len(interview.calls),
        last_outcome=interview.calls[-1].outcome if interview.calls else "",
    )  # fmt: skip


def own(session: Session, interview_id: int, interviewer: str) -> Interview:
    """One interview of this interviewer, with everything its page shows. Raises UnknownInterview."""
    invitation = joinedload(Interview.invitation)
    interview = session.scalar(
        select(Interview)
        .where(Interview.id == interview_id, Interview.interviewer == interviewer)
        .options(
            invitation.joinedload(Invitation.campaign).joinedload(Campaign.questionnaire),
            invitation.joinedload(Invitation.contact),
            invitation.joinedload(Invitation.customer),
            invitation.selectinload(Invitation.subjects).joinedload(Subject.rep),
            selectinload(Interview.calls),
        )
    )
    if interview is None:
        raise UnknownInterview(N_("There is no such interview."))
    return interview


def require_open(session: Session, interview: Interview, *, at: datetime) -> None:
    """Raises InterviewOver when there is nobody to call any more."""
    invitation = interview.invitation
    asked = invitation.disposition in invitations.TO_ASK and invitation.revoked_at is None
    if interview.state != "waiting" or not asked or not campaigns.takes_answers(session, invitation.campaign, at=at):
        raise InterviewOver(OVER)


def note_call(
    session: Session, interview: Interview, outcome: str, *, call_back_at: datetime | None = None, by: str, at: datetime
) -> None:
    """Keep what came of a call that brought no answers, and when to call again, if at all.

    Raises InterviewOver, UnknownOutcome, WrongTime.
    """
    responses.queue_up(session, interview.invitation)
    require_open(session, interview, at=at)
    if outcome not in OUTCOMES:
        raise UnknownOutcome(N_("Please say what came of the call with one of the buttons."))
    if outcome == "call back":
        interview.due_at = _agreed(session, interview, call_back_at, at=at)
    interview.calls.append(Call(called_at=at, by=by, outcome=outcome))
    if outcome in PAUSES:
        interview.due_at = at + PAUSES[outcome]
        if len(interview.calls) >= MOST_CALLS:
            interview.state = "not reached"
    if outcome in ENDS:
        interview.state = ENDS[outcome]
        end = invitations.decline if outcome == "refused" else invitations.mark_wrong_person
        end(session, interview.invitation)
    session.flush()


def _agreed(session: Session, interview: Interview, call_back_at: datetime | None, *, at: datetime) -> datetime:
    closes_at = campaigns.closes_at(session, interview.invitation.campaign)
    if call_back_at is None or not at < call_back_at < closes_at:
        raise WrongTime(
            N_("Please give the day and time to call back: later than now, and not after %(day)s."),
            day=interview.invitation.campaign.closes_on,
        )
    return call_back_at


def complete(
    session: Session, interview: Interview, sheets: Sheets, *, nonce: str, language: str, by: str, at: datetime
) -> Recorded:
    """Record the answers of an interview with who asked; the same sheet sent again changes nothing.

    Raises InterviewOver, NothingAnswered, AnswersFinal, ForeignSubject.
    """
    responses.queue_up(session, interview.invitation)
    if not responses.was_recorded(session, interview.invitation, nonce):
        require_open(session, interview, at=at)
    submission = Submission(nonce=nonce, language=language, mode="phone", interviewer=by)
    try:
        done = responses.record(session, interview.invitation, sheets, submission, at=at)
    except links.LinkClosed:  # since the call was looked at
        raise InterviewOver(OVER) from None
    if not done.repeated:
        interview.calls.append(Call(called_at=at, by=by, outcome="completed"))
        interview.state = "completed"
        session.flush()
    return done
