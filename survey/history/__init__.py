"""Answers given before, or to another survey tool: brought in as campaigns that are over, beside what is asked here.

A line is one customer's answer about one rep. What it is known by and what it says are kept as two digests in the
nonce of its version: a line that is stored already changes nothing, and one that says something else is refused,
because history is not rewritten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, questionnaires
from survey.database import begin_write
from survey.history.keeping import Keeper
from survey.history.lines import AnswerRow, Given, columns_of
from survey.intake.cells import UnfitCell
from survey.intake.rows import Intake, Part, Report
from survey.intake.sheet import Sheet
from survey.intake.storing import finish, receive
from survey.models.answering import Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion, Subject
from survey.models.company import Period
from survey.models.roster import Customer, Rep, Territory
from survey.refusals import N_, Refused
from survey.roster import erased, periods

SHIPPED = "core"


class PeriodNotSaid(Refused):
    pass


def take_in(
    session: Session,
    sheet: Sheet,
    *,
    period: str | None = None,
    questionnaire: str = SHIPPED,
    valid_rows: bool = False,
    by: str,
    at: datetime,
) -> Report:
    """Bring in answers to `questionnaire`, given in campaigns of `period`.

    Columns named like the questionnaire's items hold answers, all other unknown columns adjusters. Customers, reps and
    territories not known yet are created by code. A line without any answer is somebody who was asked
    and did not reply.

    Raises PeriodNotSaid, UnknownPeriod, UnknownQuestionnaire, NoItems, MissingColumn, DoubleColumn, NoRows; rows are
    refused in the report.
    """
    if not period:
        raise PeriodNotSaid(N_("Say which period these answers belong to (in a command: --period CODE)."))
    begin_write(session)
    stretch = periods.find(session, period)
    version = questionnaires.newest(session, questionnaire)
    columns = columns_of(sheet, questionnaires.read(version.content))
    answers = Part(columns.model, columns.places)
    intake = receive(session, sheet, answers)
    zone = campaigns.time_zone(session)
    intake.check(answers, "customer", erased.why_not(session))
    _check_campaigns(session, intake, answers, stretch, version)
    lines = [columns.given(number, row) for number, row in intake.standing(answers)]
    _check_days(intake, answers, lines, today=at.astimezone(zone).date())
    new = list(_unknown(session, intake, answers, lines))
    if not intake.may_store(valid_rows=valid_rows):
        return intake.report(stored=False)
    questionnaires.freeze(version, at=at)
    Keeper(session=session, period=stretch, version=version, zone=zone, changes=intake.changes, at=at).keep(
        new, columns.items
    )
    for line in new:
        intake.mark(line.number, "created")
    return finish(session, intake, "answers", by=by, at=at)


def _check_campaigns(
    session: Session, intake: Intake, answers: Part[AnswerRow], period: Period, version: QuestionnaireVersion
) -> None:
    """Answers may join a campaign that was imported before, with the same period and question sheet; no other."""
    stored = {campaign.code: campaign for campaign in session.scalars(select(Campaign))}

    def why_not(code: str) -> Refused | None:
        campaign = stored.get(code)
        if campaign is None:
            return None
        if not campaign.imported:
            return Refused(N_("This campaign was asked from here; no answers can be added to it. Choose another code."))
        if campaign.period_id != period.id:
            return Refused(N_("This campaign belongs to period %(period)s."), period=campaign.period.code)
        if campaign.questionnaire_version_id != version.id:
            return Refused(N_("This campaign holds answers to another question sheet. Choose another code."))
        return None

    intake.check(answers, "campaign", why_not)


def _check_days(intake: Intake, answers: Part[AnswerRow], lines: list[Given], *, today: date) -> None:
    for line in lines:
        day = line.row.answered_on
        if day is None and line.answered:
            intake.refuse(answers, line.number, "answered_on", UnfitCell(N_("This cell must not be empty.")))
        if day is not None and day > today:
            intake.refuse(answers, line.number, "answered_on", UnfitCell(N_("This day has not come yet.")))


def _unknown(session: Session, intake: Intake, answers: Part[AnswerRow], lines: list[Given]) -> Iterator[Given]:
    """The lines not stored yet, each once. Refuses those that contradict what is stored."""
    codes = {line.row.campaign for line in lines}
    said, silent = _said(session, codes), _silent(session, codes)
    seen: set[str] = set()
    for line in lines:
        nonce = line.nonce
        if line.number in intake.refused_rows or nonce in seen:
            continue
        seen.add(nonce)
        before = said[line.known_by]
        if not line.answered:
            if line.asked not in silent:
                yield line
        elif not before:
            yield line
        elif nonce not in before:
            intake.refuse(answers, line.number, "answered_on", _contradiction())


def _contradiction() -> UnfitCell:
    return UnfitCell(
        N_("An answer of this customer about this rep on this day is stored already and says something else.")
    )


def _said(session: Session, codes: set[str]) -> defaultdict[str, set[str]]:
    """The nonces of all stored answers of these campaigns, by what they are known by."""
    question = (
        select(ResponseVersion.nonce)
        .join(Response, Response.id == ResponseVersion.response_id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .join(Campaign, Campaign.id == Invitation.campaign_id)
        .where(Campaign.code.in_(codes))
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for nonce in session.scalars(question):
        found[Given.known_from(nonce)].add(nonce)
    return found


def _silent(session: Session, codes: set[str]) -> set[tuple[str, ...]]:
    """Who was asked about whom, and where, in these campaigns, and did not reply."""
    question = (
        select(Campaign.code, Customer.code, Rep.code, Territory.code)
        .join(Invitation, Invitation.campaign_id == Campaign.id)
        .join(Customer, Customer.id == Invitation.customer_id)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .where(Campaign.code.in_(codes), Response.id.is_(None))
    )
    return {tuple(row) for row in session.execute(question)}
