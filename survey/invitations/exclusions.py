"""Customers left out of a campaign: one person proposes it with a reason, a second one decides, and both before any
score of the period is there to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from survey import invitations, journal, users
from survey.models.answering import Response
from survey.models.asking import Campaign, Exclusion, Invitation, Subject
from survey.models.roster import Customer
from survey.models.scoring import Run
from survey.refusals import N_, Refused
from survey.sampling.frame import services

LONGEST_REASON = 1000


class ReasonMissing(Refused):
    pass


class TooLate(Refused):
    pass


class UnknownCustomer(Refused):
    pass


class ProposedAlready(Refused):
    pass


class UnknownExclusion(Refused):
    pass


class DecidedAlready(Refused):
    pass


def propose(session: Session, campaign: Campaign, customer: str, *, reason: str, by: str, at: datetime) -> Exclusion:
    """Propose to leave a customer (by code) out. Nothing changes until a second person agrees.

    Raises ReasonMissing, UnknownCustomer, ProposedAlready, TooLate.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise ReasonMissing(
            N_("Say why this customer should be left out, in at most %(longest)s characters."), longest=LONGEST_REASON
        )
    row = session.scalar(select(Customer).where(Customer.code == customer.strip())) if customer.isprintable() else None
    if row is None:
        raise UnknownCustomer(N_("There is no customer with the code “%(code)s”."), code=customer)
    proposed = select(Exclusion.id).where(Exclusion.campaign_id == campaign.id, Exclusion.customer_id == row.id)
    if session.scalar(proposed):
        raise ProposedAlready(
            N_("It was proposed before to leave %(code)s out; one decision is enough."), code=row.code
        )
    _check_in_time(session, campaign, row)
    exclusion = Exclusion(campaign=campaign, customer=row, reason=reason, proposed_at=at, proposed_by=by)
    session.add(exclusion)
    session.flush()
    details = {"exclusion": exclusion.id, "reason": journal.sealed(reason)}
    journal.record(session, "exclusion proposed", campaign.code, details, by=by, at=at)
    return exclusion


def decide(
    session: Session, campaign: Campaign, exclusion_id: int, *, accept: bool, on: date, by: str, at: datetime
) -> Exclusion:
    """Agree to an exclusion or refuse it. Whoever was invited already and has not answered is told nothing more: the
    link closes, and mail still waiting is not sent.

    Raises UnknownExclusion, DecidedAlready, NotASecondPerson, TooLate.
    """
    exclusion = session.scalar(
        select(Exclusion).where(Exclusion.id == exclusion_id, Exclusion.campaign_id == campaign.id).with_for_update()
    )
    if exclusion is None:
        raise UnknownExclusion(N_("There is no such proposal."))
    if exclusion.decision != "open":
        raise DecidedAlready(N_("%(by)s has decided this already."), by=exclusion.decided_by)
    served_by = services(session, campaign.period).get(exclusion.customer_id, ())
    rep_ids = [service.rep_id for service in served_by]
    users.check_second_person(session, by=by, first=exclusion.proposed_by, rep_ids=rep_ids, on=on)
    if accept:
        _check_in_time(session, campaign, exclusion.customer)
        _take_back(session, campaign, exclusion, by=by, at=at)
    exclusion.decision = "accepted" if accept else "refused"
    exclusion.decided_at, exclusion.decided_by = at, by
    session.flush()
    reason = journal.sealed(exclusion.reason)
    details = {"exclusion": exclusion.id, "reason": reason, "proposed by": exclusion.proposed_by}
    journal.record(session, f"exclusion {exclusion.decision}", campaign.code, details, by=by, at=at)
    return exclusion


def listed(session: Session, campaign: Campaign) -> Sequence[Exclusion]:
    """Every proposal of a campaign, the undecided first, with its customer."""
    return session.scalars(
        select(Exclusion)
        .where(Exclusion.campaign_id == campaign.id)
        .options(joinedload(Exclusion.customer))
        .order_by(Exclusion.decision != "open", Exclusion.id)
    ).all()


def _check_in_time(session: Session, campaign: Campaign, customer: Customer) -> None:
    """Once scores may have been seen, or the customer has answered, leaving out would be choosing."""
    if session.scalar(select(exists().where(Run.period_id == campaign.period_id))):
        raise TooLate(
            N_("%(period)s has been scored. Nobody can be left out any more, since it could be chosen by the score."),
            period=campaign.period.code,
        )
    answered = (
        select(Response.id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .where(Invitation.campaign_id == campaign.id, Invitation.customer_id == customer.id)
        .limit(1)
    )
    if session.scalar(answered):
        raise TooLate(N_("%(code)s has answered already, and what was answered stays."), code=customer.code)


def _take_back(session: Session, campaign: Campaign, exclusion: Exclusion, *, by: str, at: datetime) -> None:
    invited = select(Invitation).where(
        Invitation.campaign_id == campaign.id,
        Invitation.customer_id == exclusion.customer_id,
        Invitation.revoked_at.is_(None),
    )
    for invitation in session.scalars(invited).all():
        invitations.revoke(session, invitation, reason=exclusion.reason, by=by, at=at)
