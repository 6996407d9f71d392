"""What a person has chosen and not sent: kept on the server, taken up again on any device, never counted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, invitations, questionnaires, responses
from survey.models.answering import Draft
from survey.models.asking import Invitation
from survey.responses import Sheets

Chosen = dict[int, dict[str, str]]
"""Subject id → item code → what the form posts."""


def save(
    session: Session,
    invitation: Invitation,
    sheets: Sheets,
    *,
    nonce: str,
    link: tuple[str, ...] = (),
    interviewer: str | None = None,
    at: datetime,
) -> None:
    """Keep what is chosen so far, in place of what was kept before. A sheet that was sent meanwhile leaves no draft.

    Raises LinkClosed, NothingAnswered, AnswersFinal, ForeignSubject.
    """
    responses.take_turn(session, invitation, link=link)
    responses.require_time_left(session, invitation, at=at)
    sheet = questionnaires.of(invitation.campaign.questionnaire)
    said = responses.answered(invitation, sheet, sheets)
    if responses.was_recorded(session, invitation, nonce):
        return
    draft = _draft(session, invitation) or Draft(invitation_id=invitation.id)
    draft.replies = {
        str(subject_id): {code: reply.posted for code, reply in replies.items() if reply.given}
        for subject_id, replies in said.items()
    }
    draft.interviewer, draft.saved_at = interviewer, at
    session.add(draft)
    invitations.move(session, invitation.id, campaigns.UNOPENED, "opened")


def saved_at(session: Session, invitation: Invitation) -> datetime | None:
    """When something was last kept for this link, if it still is."""
    draft = _draft(session, invitation)
    return draft.saved_at if draft else None


def chosen(session: Session, invitation: Invitation, *, interviewer: str | None = None) -> Chosen:
    """What was kept, to be shown again; an interviewer sees only what they took down themselves."""
    draft = _draft(session, invitation)
    if draft is None or interviewer not in (None, draft.interviewer):
        return {}
    return {int(subject_id): replies for subject_id, replies in draft.replies.items()}


def _draft(session: Session, invitation: Invitation) -> Draft | None:
    return session.scalar(select(Draft).where(Draft.invitation_id == invitation.id))
