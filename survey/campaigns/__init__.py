"""Campaigns: a question sheet put to customers between two dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from survey import journal, questionnaires
from survey.models.answering import Draft
from survey.models.asking import Campaign, Invitation
from survey.models.company import Company, Period
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused
from survey.roster import hearing, periods

UNNAMED_COMPANYS_ZONE = "Asia/Shanghai"
UNOPENED = ("queued", "sent")
UNANSWERED = (*UNOPENED, "opened")
USUAL_REST = 30
_CODE = re.compile(r"\w[\w.\-]{0,39}")


class UnknownCampaign(Refused):
    pass


class CampaignExists(Refused):
    pass


class UnfitCode(Refused):
    pass


class WrongDates(Refused):
    pass


class CampaignClosed(Refused):
    pass


def create(
    session: Session,
    code: str,
    *,
    period: str,
    questionnaire: str,
    opens_on: date,
    closes_on: date,
    months: int | None = None,
    rest_days: int = USUAL_REST,
    by: str,
    at: datetime,
) -> Campaign:
    """Plan a campaign as a draft. `months` is what customers are asked about; by default the length of the period.
    Whoever another campaign asked less than `rest_days` before is left in peace.

    Raises UnfitCode, UnknownPeriod, UnknownQuestionnaire, CampaignExists, WrongDates.
    """
    if not _CODE.fullmatch(code):
        raise UnfitCode(
            N_("“%(code)s” cannot name a campaign. Use at most 40 letters, digits, hyphens or dots."), code=code[:60]
        )
    if session.scalar(select(Campaign.id).where(Campaign.code == code)):
        raise CampaignExists(N_("There is a campaign %(code)s already. Choose another code."), code=code)
    if closes_on < opens_on:
        raise WrongDates(
            N_("The campaign would close on %(closes)s, before it opens on %(opens)s."),
            closes=closes_on,
            opens=opens_on,
        )
    if closes_on - at.date() > periods.FARTHEST:
        raise WrongDates(N_("The campaign would close on %(closes)s. Check the year."), closes=closes_on)
    stretch = periods.find(session, period)
    sheet = questionnaires.newest(session, questionnaire)
    campaign = Campaign(
        code=code,
        period=stretch,
        questionnaire=sheet,
        opens_on=opens_on,
        closes_on=closes_on,
        asked_about=past_months(months or _length_in_months(stretch)),
        state="draft",
        rest_days=rest_days,
    )
    session.add(campaign)
    session.flush()
    details = {"period": period, "questionnaire": f"{sheet.code} {sheet.version}", "closes_on": closes_on.isoformat()}
    journal.record(session, "campaign created", code, details, by=by, at=at)
    return campaign


def _length_in_months(period: Period) -> int:
    after = period.to_on + timedelta(days=1)
    return max(1, (after.year - period.from_on.year) * 12 + after.month - period.from_on.month)


def past_months(months: int) -> dict[str, str]:
    """What {period} becomes in a question, by language."""
    return {"en": f"the past {months} months" if months > 1 else "the past month", "zh": f"过去{months}个月"}


def named(session: Session, code: str) -> Campaign:
    """The campaign of this code. Raises UnknownCampaign."""
    campaign = session.scalar(select(Campaign).where(Campaign.code == code)) if code.isprintable() else None
    if campaign is None:
        raise UnknownCampaign(N_("There is no campaign %(code)s."), code=code)
    return campaign


def one_at_a_time(session: Session, campaign: Campaign) -> None:
    """Nobody invites or reminds beside us: who does it at the same moment waits, and finds it done."""
    session.execute(select(Campaign.id).where(Campaign.id == campaign.id).with_for_update(key_share=True))


def listed(session: Session) -> Sequence[Campaign]:
    """Every campaign that was held here, the latest first; imported history has none of its own."""
    held = select(Campaign).where(Campaign.imported.is_(False)).options(joinedload(Campaign.period))
    return session.scalars(held.order_by(Campaign.opens_on.desc(), Campaign.id.desc())).all()


_TIME_ZONE = select(Company.time_zone)


def time_zone(session: Session) -> ZoneInfo:
    """The zone every date of this company is in."""
    return ZoneInfo(session.scalar(_TIME_ZONE) or UNNAMED_COMPANYS_ZONE)


def closes_at(session: Session, campaign: Campaign) -> datetime:
    """The first instant at which answers are refused: the end of the last day, where the company is."""
    return datetime.combine(campaign.closes_on + timedelta(days=1), time.min, tzinfo=time_zone(session))


def takes_answers(session: Session, campaign: Campaign, *, at: datetime) -> bool:
    return campaign.state == "open" and at < closes_at(session, campaign)


def open_up(session: Session, campaign: Campaign, *, unchecked: str = "", by: str, at: datetime) -> None:
    """Let customers be asked and answer, from now on even if a later day was planned. `unchecked` is why the reps did
    not look through their assignments first; the journal keeps that they did not, with or without a reason.

    Raises CampaignClosed, CheckUnderWay.
    """
    if campaign.state == "closed" or at >= closes_at(session, campaign):
        raise CampaignClosed(
            N_("Campaign %(code)s closed on %(closes)s. Create a new one."),
            code=campaign.code, closes=campaign.closes_on,
        )  # fmt: skip
    if campaign.state == "open":
        return
    today = at.astimezone(time_zone(session)).date()
    hearing.require_over(session, campaign.period, on=today)
    campaign.state = "open"
    campaign.opens_on = min(campaign.opens_on, today)
    held = hearing.of_period(session, campaign.period)
    details = {"reps’ check": f"until {held.until_on.isoformat()}" if held else "not held"}
    if unchecked:
        details["reason"] = unchecked
    journal.record(session, "campaign opened", campaign.code, details, by=by, at=at)


def close(session: Session, campaign: Campaign, *, by: str, at: datetime) -> None:
    """End a campaign. Whoever has not begun by now counts as expired; whoever began and never sent was reached, and
    stays so counted, though what was chosen is forgotten. Mail still waiting is not sent."""
    if campaign.state == "closed":
        return
    campaign.state = "closed"
    invited = Invitation.campaign_id == campaign.id
    session.execute(delete(Draft).where(Draft.invitation_id.in_(select(Invitation.id).where(invited))))
    session.execute(
        update(Invitation).where(invited, Invitation.disposition.in_(UNOPENED)).values(disposition="expired")
    )
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.state == "queued", OutboxMessage.invitation_id.in_(select(Invitation.id).where(invited)))
        .values(state="held", last_error="The campaign closed first.")
    )
    journal.record(session, "campaign closed", campaign.code, by=by, at=at)


def overdue(session: Session, *, at: datetime) -> list[Campaign]:
    """Open campaigns whose last day is over."""
    still_open = session.scalars(select(Campaign).where(Campaign.state == "open"))
    return [campaign for campaign in still_open if at >= closes_at(session, campaign)]
