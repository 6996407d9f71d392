"""Answers: written here and nowhere else, once, under a unique constraint.

A subject has one response. The response has a version for every submission (nonce); the last version counts, and the
earlier ones are kept. A submission's nonce seen again is a repeat: it changes nothing and gets the same thanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, delete, exists, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from survey import campaigns, invitations, questionnaires
from survey.invitations import links
from survey.models.answering import Answer, Draft, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject, Token
from survey.questionnaires.sheet import SKIPPED, Questionnaire, Reply
from survey.refusals import N_, Refused

CORRECTION_TIME = timedelta(hours=24)

Sheets = Mapping[int, Mapping[str, Reply]]
"""Subject id → item code → reply."""


class NothingAnswered(Refused):
    pass


class AnswersFinal(Refused):
    """The time in which a person may answer again is over."""


class ForeignSubject(Refused):
    """Answers about a rep this invitation does not ask about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one submission did: `repeated` when the same nonce had been recorded before."""

    repeated: bool
    subjects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """How a sheet came in: its mark, the language it was asked in, the digests of the link it came by, and who asked
    when it was not the page."""

    nonce: str
    language: str | None
    link: tuple[str, ...] = ()
    mode: str = "web"
    interviewer: str | None = None


def record(
    session: Session, invitation: Invitation, sheets: Sheets, submission: Submission, *, at: datetime
) -> Recorded:
    """Write one submission about the reps of an invitation, or recognise it as a repeat.

    A subject without a single reply gets no version: what was said of that rep before still counts.
    Raises LinkClosed, NothingAnswered, AnswersFinal, ForeignSubject.
    """
    responses = take_turn(session, invitation, link=submission.link)
    sheet = questionnaires.of(invitation.campaign.questionnaire)
    if _was_recorded(session, responses, submission.nonce):
        return Recorded(repeated=True, subjects=len(responses))
    _require_time_left(session, invitation, responses, at=at)
    said = answered(invitation, sheet, sheets)
    _add_versions(session, responses, said, sheet, submission, at=at)
    session.execute(_FORGET_DRAFT, {"of": invitation.id})
    invitations.hold_mail(session, invitation, "The customer has answered.")
    complete = _says_everything(invitation, sheet, said) or _is_complete(session, invitation, sheet)
    _dispose(session, invitation, "completed" if complete else "partial")
    return Recorded(repeated=False, subjects=len(said))


def queue_up(session: Session, invitation: Invitation) -> None:
    """What comes in for one link at once is taken one by one: PostgreSQL on this row, SQLite on its write lock."""
    if session.get_bind().dialect.name == "sqlite":
        return
    session.execute(select(Invitation.id).where(Invitation.id == invitation.id).with_for_update(key_share=True))


def take_turn(session: Session, invitation: Invitation, *, link: tuple[str, ...] = ()) -> dict[int, Response]:
    """Wait for one's turn, and read what was answered before, by subject. The link was looked at before that, so
    whoever took it back or closed the campaign since then came first. Raises LinkClosed."""
    queue_up(session, invitation)
    rows = session.execute(_IN_TURN, {"invitation_id": invitation.id, "link": link}).all()
    _response, revoked_at, state, taken_back = rows[0]
    links.require_good(taken_back=revoked_at is not None or taken_back, is_open=state == "open")
    return {response.subject_id: response for response, *_ in rows if response is not None}


def was_recorded(session: Session, invitation: Invitation, nonce: str) -> bool:
    """Has this very submission been written already?"""
    return _was_recorded(session, _responses(session, invitation), nonce)


def answered_before(session: Session, invitation: Invitation) -> bool:
    """Has this link been used to answer?"""
    return bool(_responses(session, invitation))


def require_time_left(session: Session, invitation: Invitation, *, at: datetime) -> None:
    """Raises AnswersFinal when this link was used and the time for corrections is over."""
    _require_time_left(session, invitation, _responses(session, invitation), at=at)


def changeable_until(session: Session, invitation: Invitation) -> datetime | None:
    """When the answers of this link become final; None as long as there are none."""
    return _final_at(session, invitation, _responses(session, invitation))


def _require_time_left(
    session: Session, invitation: Invitation, responses: Mapping[int, Response], *, at: datetime
) -> None:
    until = _final_at(session, invitation, responses)
    if until is not None and at >= until:
        raise AnswersFinal(N_("Your answers have been received and can no longer be changed. Thank you."))


# Made once: every answer asks and says these.
_OF_INVITATION = select(Response).join(Subject).where(Subject.invitation_id == bindparam("invitation_id"))
_IN_TURN = (
    select(
        Response, Invitation.revoked_at, Campaign.state,
        exists().where(Token.digest.in_(bindparam("link", expanding=True)), Token.revoked_at.is_not(None)),
    )
    .select_from(Invitation)
    .join(Invitation.campaign)
    .outerjoin(Subject, Subject.invitation_id == Invitation.id)
    .outerjoin(Response, Response.subject_id == Subject.id)
    .where(Invitation.id == bindparam("invitation_id"))
)  # fmt: skip
"""A statement of its own after the lock: PostgreSQL shows it what was committed while it waited."""
_WITH_NONCE = select(ResponseVersion.id).where(
    ResponseVersion.response_id.in_(bindparam("ids", expanding=True)), ResponseVersion.nonce == bindparam("nonce")
)
_FORGET_DRAFT = delete(Draft).where(Draft.invitation_id == bindparam("of")).execution_options(synchronize_session=False)
_RESPONSE, _VERSION, _ANSWER = (cast(Table, one.__table__) for one in (Response, ResponseVersion, Answer))
_ADD_RESPONSES = insert(_RESPONSE).returning(_RESPONSE.c.subject_id, _RESPONSE.c.id)
_ADD_VERSIONS = insert(_VERSION).returning(_VERSION.c.response_id, _VERSION.c.id)
_ADD_ANSWERS = insert(_ANSWER)
_DISPOSE = (
    update(Invitation)
    .where(Invitation.id == bindparam("of"))
    .values(disposition=bindparam("now"))
    .execution_options(synchronize_session=False)
)


def _responses(session: Session, invitation: Invitation) -> dict[int, Response]:
    found = session.scalars(_OF_INVITATION, {"invitation_id": invitation.id})
    return {response.subject_id: response for response in found}


def _was_recorded(session: Session, responses: Mapping[int, Response], nonce: str) -> bool:
    if not responses:
        return False
    ids = [response.id for response in responses.values()]
    return session.scalars(_WITH_NONCE, {"ids": ids, "nonce": nonce}).first() is not None


def _final_at(session: Session, invitation: Invitation, responses: Mapping[int, Response]) -> datetime | None:
    if not responses:
        return None
    first = min(response.first_answered_at for response in responses.values())
    return min(first + CORRECTION_TIME, campaigns.closes_at(session, invitation.campaign))


def answered(invitation: Invitation, sheet: Questionnaire, sheets: Sheets) -> dict[int, dict[str, Reply]]:
    """Only the subjects about whom something was said, only the questions that were asked.

    Raises NothingAnswered, ForeignSubject.
    """
    if foreign := sheets.keys() - {subject.id for subject in invitation.subjects}:
        raise ForeignSubject(N_("This link does not ask about %(subjects)s."), subjects=sorted(foreign))
    said = {}
    for subject_id, replies in sheets.items():
        asked = {item.code: replies.get(item.code, SKIPPED) for item in sheet.items if sheet.asked(item, replies)}
        if any(reply.given for reply in asked.values()):
            said[subject_id] = asked
    if not said:
        raise NothingAnswered(N_("Please answer at least one question. Any one will do."))
    return said


def _add_versions(
    session: Session,
    responses: Mapping[int, Response],
    said: Mapping[int, Mapping[str, Reply]],
    sheet: Questionnaire,
    submission: Submission,
    *,
    at: datetime,
) -> None:
    """One more version about each subject something was said about: rows for the tables as they are, a statement for
    each table, for this is the busiest place of all."""
    first = [
        {"subject_id": subject_id, "first_answered_at": at, "version_no": 1}
        for subject_id in said
        if subject_id not in responses
    ]
    again = {subject_id: response for subject_id, response in responses.items() if subject_id in said}
    for response in again.values():
        response.version_no += 1
    ids = {subject_id: response.id for subject_id, response in again.items()}
    if first:
        ids |= dict(session.execute(_ADD_RESPONSES, first).all())
    versions = [
        {
            "response_id": ids[subject_id], "version_no": again[subject_id].version_no if subject_id in again else 1,
            "nonce": submission.nonce, "answered_at": at, "mode": submission.mode,
            "interviewer": submission.interviewer, "language": submission.language,
        }
        for subject_id in said
    ]  # fmt: skip
    written: dict[int, int] = dict(session.execute(_ADD_VERSIONS, versions).all())
    answers = [
        {
            "response_version_id": written[ids[subject_id]], "item": code,
            "scale": sheet.item(code).scale_code, "state": reply.state, "value": reply.value, "text": reply.text,
        }
        for subject_id, replies in said.items()
        for code, reply in replies.items()
    ]  # fmt: skip
    session.execute(_ADD_ANSWERS, answers)


def _dispose(session: Session, invitation: Invitation, disposition: str) -> None:
    """Said to the database directly: to find this one change by itself the session takes longer than for all else."""
    session.execute(_DISPOSE, {"of": invitation.id, "now": disposition})
    set_committed_value(invitation, "disposition", disposition)


def _says_everything(invitation: Invitation, sheet: Questionnaire, said: Mapping[int, Mapping[str, Reply]]) -> bool:
    """Does this one submission answer every core question about every rep?"""
    return all(
        said.get(subject.id, {}).get(item.code, SKIPPED).given for subject in invitation.subjects for item in sheet.core
    )


def _is_complete(session: Session, invitation: Invitation, sheet: Questionnaire) -> bool:
    """Has every core question about every rep been answered, or found not applicable?"""
    given = (
        select(Subject.id, Answer.item)
        .join(Response, Response.subject_id == Subject.id)
        .join(ResponseVersion, ResponseVersion.response_id == Response.id)
        .join(Answer, Answer.response_version_id == ResponseVersion.id)
        .where(
            Subject.invitation_id == invitation.id,
            ResponseVersion.version_no == Response.version_no,
            Answer.state != "skipped",
        )
    )
    replies = {(subject_id, item) for subject_id, item in session.execute(given)}
    return all((subject.id, item.code) in replies for subject in invitation.subjects for item in sheet.core)
