"""What a campaign can show, asked before it is sent: the answers each rep needs, and those to be expected.

The planner reads the variances of the last stored run and the response rate of the last campaign that closed. Until
there are any it supposes ordinary ones, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scoring.planning import Plan, expected_evidence, expected_reliability, plan
from scoring.spec import AdjustmentSpec
from survey import names
from survey.campaigns.thresholds import spec_in_force
from survey.models.answering import Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.roster import Rep
from survey.models.scoring import Run
from survey.refusals import N_, Refused
from survey.sampling.frame import Service

SUPPOSED_ICC = 0.05
SUPPOSED_RATE = 0.30

Services = Mapping[int, tuple[Service, ...]]


class NoShare(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a plan rests on: `icc`, the share of the variance of single answers that lies between reps, out of run
    `run`, and the share of customers who answer, out of campaign `campaign`. Without either, it was supposed. `spec`
    holds the thresholds of evidence."""

    icc: float
    run: int | None
    response_rate: float
    campaign: str | None
    spec: AdjustmentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RepPlan:
    """What can be learned about one rep, and what asking `asked` of the customers can be expected to bring."""

    rep_id: int
    code: str
    name: str
    plan: Plan
    asked: int
    answers: float
    reliability: float
    evidence: str


def grounds(session: Session, *, response_rate: float | None = None) -> Grounds:
    """What is known from before, the response rate unless it is given. Raises NoShare."""
    if response_rate is not None and not 0 < response_rate <= 1:
        raise NoShare(N_("A response rate of %(rate)s is no share. Give one above 0, at most 1."), rate=response_rate)
    spec = spec_in_force(session)
    icc, run = _last_variances(session, spec)
    before = None if response_rate is not None else _last_rate(session)
    return Grounds(
        icc=icc,
        run=run,
        response_rate=response_rate or (before[0] if before else SUPPOSED_RATE),
        campaign=before[1] if before else None,
        spec=spec,
    )


def usual_rate(session: Session) -> tuple[float, str | None]:
    """The share of customers who answer, and the campaign that says so; without one it is supposed."""
    return _last_rate(session) or (SUPPOSED_RATE, None)


def check_reliability(wanted: float) -> None:
    """Raises NoShare."""
    if not 0 < wanted < 1:
        raise NoShare(N_("A reliability of %(wanted)s cannot be. Give one between 0 and 1."), wanted=wanted)


def _last_variances(session: Session, spec: AdjustmentSpec) -> tuple[float, int | None]:
    """The ICC of the newest run, on its composite or its first item. A run that found reps alike, or could not tell,
    says nothing."""
    run = session.scalar(select(Run).order_by(Run.id.desc()).limit(1))
    if run is None:
        return SUPPOSED_ICC, None
    of_item = run.record.get("items", {}).get(spec.composite.name if spec.composite else spec.items[0].name, {})
    between = (of_item.get("sigma2_rep") or {}).get("estimate")
    within = of_item.get("customer_variance")
    return (between / (between + within), run.id) if between and within else (SUPPOSED_ICC, None)


def _last_rate(session: Session) -> tuple[float, str] | None:
    """The share of customers who answered in the campaign that closed last, and its code. A history that lists only
    who answered says nothing about it."""
    asked = func.count(Invitation.customer_id.distinct())
    answered = func.count(Invitation.customer_id.distinct()).filter(Response.id.is_not(None))
    found = session.execute(
        select(answered, asked, Campaign.code)
        .join(Invitation, Invitation.campaign_id == Campaign.id)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .outerjoin(Response, Response.subject_id == Subject.id)
        .where(Campaign.state == "closed")
        .group_by(Campaign.id, Campaign.code, Campaign.closes_on)
        .having(answered > 0, answered < asked)
        .order_by(Campaign.closes_on.desc(), Campaign.id.desc())
        .limit(1)
    ).first()
    return (found[0] / found[1], found[2]) if found else None


def plan_reps(
    session: Session, could: Services, will: Services, *, reliability: float, on: Grounds
) -> tuple[RepPlan, ...]:
    """The plan of every rep somebody could be asked about, by name.

    `could`: customer id → services that could be asked about; `will`: those the campaign asks about.
    """
    customers, asked = _by_rep(could), _by_rep(will)
    named = session.execute(select(Rep.id, Rep.code, Rep.name))
    return tuple(
        _rep_plan(rep_id, code, name, customers[rep_id], asked[rep_id], reliability, on)
        for rep_id, code, name in names.by_name(named)
        if rep_id in customers
    )


def _by_rep(services: Services) -> Counter[int]:
    return Counter(service.rep_id for several in services.values() for service in several)


def _rep_plan(  # one argument for each thing known of the rep
    rep_id: int, code: str, name: str, customers: int, asked: int, reliability: float, on: Grounds
) -> RepPlan:
    answers = asked * on.response_rate
    return RepPlan(
        rep_id=rep_id,
        code=code,
        name=name,
        plan=plan(customers=customers, response_rate=on.response_rate, reliability=reliability, icc=on.icc),
        asked=asked,
        answers=answers,
        reliability=expected_reliability(answers, on.icc),
        evidence=expected_evidence(answers, on.icc, on.spec),
    )
