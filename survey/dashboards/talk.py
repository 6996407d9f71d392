"""The sheet a manager takes into the talk with a rep: what the answers support, what they do not, two questions to ask,
and what it would take to know more. It says nothing of who answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from scoring.planning import Plan
from survey.appraisals import Reader
from survey.appraisals.about import mentions
from survey.dashboards.rep import Dimension, RepPage, rep_page
from survey.dashboards.shown import THIN, WITHHELD, standing
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Assignment, Contact, Rep
from survey.sampling import planning

QUESTIONS = 2
ASKABLE = or_(Contact.email.is_not(None), Contact.phone.is_not(None), Contact.wechat.is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to ask. `kind` says which: weakest, strongest, adjuster, territory, listen, help, or found (then `zh`
    and `en` are its words). `about` is the dimension, `adjuster` and `points` the step it rests on."""

    kind: str
    about: Dimension | None = None
    adjuster: str = ""
    points: float = 0.0
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCampaign:
    """A campaign that asks about the rep now: answers until `closes_on` count for `period`."""

    code: str
    period: str
    closes_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the next grade takes. `missing` answering customers, where that can be said, `needed` with those that have
    answered; `reach` in how many periods they can be expected (as the sample planner says it) from `customers` who can
    be asked when `rate` of them answer; `supposed`: no campaign has closed yet that says how many do."""

    grade: str
    missing: int | None
    needed: int | None
    reach: str | None
    customers: int
    one: int
    two: int
    rate: float
    supposed: bool
    campaigns: tuple[OpenCampaign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """`above` and `below` are the dimensions told apart from their mean, the farthest first; `level` those that are
    not; `unknown` those with too few answers to say anything."""

    page: RepPage
    above: tuple[Dimension, ...]
    below: tuple[Dimension, ...]
    level: tuple[Dimension, ...]
    unknown: tuple[Dimension, ...]
    questions: tuple[Question, ...]
    outlook: Outlook | None

    @property
    def supported(self) -> bool:
        """Is there anything at all that the answers support?"""
        changed = self.page.change is not None and self.page.change.apart
        return changed or bool(self.above or self.below) or self.page.verdict in {"above", "below"}


def talk(
    session: Session, viewer_reps: Select[int], reader: Reader, code: str, period: str | None, *, on: date
) -> Talk:
    """The sheet of one of the viewer's reps. Questions of a diagnosis come from the appraisals they may read.

    Raises NotToBeSeen.
    """
    page = rep_page(session, viewer_reps, code, period, None)
    read = mentions(session, reader, code, page.choice.period) if page.choice.period else ()
    found = [pair for one in read for pair in one.questions]
    parts = [one for one in page.dimensions if one.item != page.choice.item]
    above = sorted((one for one in parts if _stands(one) == "above"), key=_distance, reverse=True)
    below = sorted((one for one in parts if _stands(one) == "below"), key=_distance, reverse=True)
    return Talk(
        page=page,
        above=tuple(above),
        below=tuple(below),
        level=tuple(one for one in parts if _stands(one) == "level"),
        unknown=tuple(one for one in parts if _stands(one) == "unknown"),
        questions=_questions(page, above, below, found),
        outlook=_outlook(session, page, on) if page.next_grade else None,
    )


def _stands(one: Dimension) -> str:
    """above, below, level or unknown. What is near its mean cannot be told apart from it either."""
    found = standing(one.score, one.mean)
    return {WITHHELD: "unknown", THIN: "unknown", "near": "level"}.get(found, found)


def _distance(one: Dimension) -> float:
    """From the mean, to what either database computes alike."""
    return round(abs((one.score.adjusted or 0.0) - (one.mean or 0.0)), 6)


def _questions(
    page: RepPage, above: Sequence[Dimension], below: Sequence[Dimension], found: Sequence[tuple[str, str]]
) -> tuple[Question, ...]:
    """The weakest dimension that the evidence supports, what the figures of the period ask, the largest step, the
    strongest dimension; where the answers say nothing, a question that only listens."""
    asked = [Question(kind="weakest", about=one) for one in below[:1]]
    asked += [Question(kind="found", zh=zh, en=en) for zh, en in found[:1]]
    asked += _about_the_largest_step(page)
    asked += [Question(kind="strongest", about=one) for one in above[:1]]
    asked += [Question(kind="found", zh=zh, en=en) for zh, en in found[1:2]]
    asked += [Question(kind="listen"), Question(kind="help")]
    return tuple(asked[:QUESTIONS])


def _about_the_largest_step(page: RepPage) -> list[Question]:
    """What the adjustment did most: an attribute of the customers, or the territory; nothing below a point."""
    if page.steps is None:
        return []
    steps = [("adjuster", name, amount) for name, amount in page.steps.adjusters.items()]
    steps += [("territory", "", page.steps.territory)]
    kind, name, points = max(steps, key=lambda step: abs(step[2]))
    return [Question(kind=kind, adjuster=name, points=points)] if abs(points) >= 1 else []


def _outlook(session: Session, page: RepPage, on: date) -> Outlook | None:
    grade = page.next_grade
    if grade is None:
        return None
    rep = select(Rep.id).where(Rep.code == page.code).scalar_subquery()
    rate, campaign = planning.usual_rate(session)
    customers = _askable(session, rep, on)
    missing = grade.customers
    needed = None if missing is None else missing + (page.score.customers or 0)
    if page.score.evidence == WITHHELD:  # how many have answered is not said, so neither is how many are missing
        needed = page.choice.minimum_customers
    one, two = customers * rate, customers * (1 - (1 - rate) ** 2)
    plan = None if needed is None else Plan(customers=customers, needed=needed, invitations=0, one=one, two=two)
    return Outlook(
        grade=grade.grade, missing=missing, needed=needed, reach=plan.reach if plan else None, customers=customers,
        one=round(one), two=round(two), rate=rate, supposed=campaign is None,
        campaigns=_campaigns(session, rep, on),
    )  # fmt: skip


def _askable(session: Session, rep: object, on: date) -> int:
    """The rep's customers of today with somebody who can be reached."""
    found = session.scalar(
        select(func.count(Assignment.customer_id.distinct()))
        .join(Contact, Contact.customer_id == Assignment.customer_id)
        .where(
            Assignment.rep_id == rep, Assignment.served_from <= on,
            or_(Assignment.served_to.is_(None), Assignment.served_to >= on), Contact.opted_out_at.is_(None), ASKABLE,
        )
    )  # fmt: skip
    return found or 0


def _campaigns(session: Session, rep: object, on: date) -> tuple[OpenCampaign, ...]:
    asked = (
        select(Invitation.id)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .where(Invitation.campaign_id == Campaign.id, Subject.rep_id == rep)
    )
    found = session.execute(
        select(Campaign.code, Period.code, Campaign.closes_on)
        .join(Period, Period.id == Campaign.period_id)
        .where(Campaign.state == "open", Campaign.closes_on >= on, asked.exists())
        .order_by(Campaign.closes_on, Campaign.code)
    )
    return tuple(OpenCampaign(code=code, period=period, closes_on=closes_on) for code, period, closes_on in found)
