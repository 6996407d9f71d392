"""A small company with a surveyed half-year, as rows: ten reps in five territories, two of them in each. And their
run (`run`) and appraisals: one by facts and events alone (`kelon`), everybody's with satisfaction (`six`)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import questionnaires, runs, schemes
from survey.appraisals import drawing
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Company, Period
from survey.models.facts import ConductEvent, IndicatorFact
from survey.models.roster import Assignment, Customer, Rep, ReportingLine, Territory
from survey.models.scoring import Run
from tests.keeping import Keeper

SPEC = DEFAULT_SPEC.read_text(encoding="utf-8")
FACTS = {
    "collection": (92, 100), "invoicing": (105, 100), "outlets": (80, 100), "network": (6, 8), "receivables": (9, 10),
}  # fmt: skip
SIX: dict[str, tuple[float, float | None]] = {
    "attainment": (96, 100), "profit": (20, 20), "market_share": (9, 10), "expenses": (5, 4), "supervisor": (4, None),
}  # fmt: skip
EVENTS = (("inventory", 3), ("complaint", 2), ("complaint", 2), ("complaint", 3), ("daily", 2))
ITEMS = ("knowledge", "delivery", "responsiveness", "advice", "guidance", "overall")
NAMES = (
    "王建国",
    "李思远",
    "张晨曦",
    "Alice Archer",
    "陈志鹏",
    "杨晓东",
    "赵桂英",
    "黄国强",
    "Daniel Doyle",
    "喆玥堃昇",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What `surveyed` put into the database: R01 … R10 (R10 with two answering customers only), manager of them all."""

    period: str
    reps: tuple[str, ...]
    customers: tuple[str, ...]
    manager: str


@pytest.fixture
def surveyed(session: Session, now: datetime, keep: Keeper) -> Surveyed:
    keep(session, "surveyed", lambda: survey_company(session, now))
    return SURVEYED


SURVEYED = Surveyed(
    period="2026-H1", reps=tuple(f"R{number:02}" for number in range(1, 11)), manager="boss@h.example",
    customers=tuple(f"C{place:02}{number:02}" for place in range(10) for number in range(2 if place == 9 else 30)),
)  # fmt: skip


def survey_company(session: Session, now: datetime) -> Surveyed:
    """Store it, and say what is there."""
    dice = random.Random(20260706)
    session.add(
        Company(
            name="Harbour Instruments", name_zh="港湾仪表", time_zone="Asia/Shanghai", privacy_contact="p@h.example"
        )
    )
    period = Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))
    territories = [Territory(code=f"T{number}", name=f"区域{number}") for number in range(1, 6)]
    reps = [
        Rep(
            code=f"R{number:02}", name=name, email=f"r{number:02}@h.example", position="sales rep",
            hired_on=date(2023, 3, 1),
        )
        for number, name in enumerate(NAMES, start=1)
    ]  # fmt: skip
    session.add_all([period, *territories, *reps])
    session.flush()
    session.add_all(
        ReportingLine(rep_id=rep.id, manager_email="boss@h.example", since_on=date(2023, 3, 1)) for rep in reps
    )
    sheet = questionnaires.newest(session, "core")
    campaign = Campaign(
        code="2026-H1", period_id=period.id, questionnaire_version_id=sheet.id, opens_on=date(2026, 6, 1),
        closes_on=date(2026, 6, 30), asked_about={"en": "the past 6 months", "zh": "过去6个月"}, state="closed",
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    asked = []
    for place, rep in enumerate(reps):
        skill = dice.gauss(0, 0.5)
        for number in range(2 if place == 9 else 30):
            customer = Customer(
                code=f"C{place:02}{number:02}", name=f"海川商行{place:02}{number:02}", customer_since=date(2020, 1, 1),
                segment=dice.choice(["key account", "standard"]), size_band=dice.choice(["large", "small"]),
            )  # fmt: skip
            ease = skill + (0.4 if customer.segment == "key account" else -0.3)
            rated = {item: round(3.8 + ease + dice.gauss(0, 0.8)) for item in ITEMS} if number < 24 else None
            asked.append(Asked(customer=customer, rep=rep, territory=territories[place // 2], rated=rated))
    _ask(session, campaign, asked, at=now)
    session.commit()
    return SURVEYED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A customer asked about a rep, and what they answered, if they did."""

    customer: Customer
    rep: Rep
    territory: Territory
    rated: dict[str, int] | None


def _ask(session: Session, campaign: Campaign, asked: list[Asked], *, at: datetime) -> None:
    """Customers that are new, their assignments, and what came of asking them."""
    session.add_all(one.customer for one in asked)
    session.flush()
    session.add_all(
        [
            Assignment(
                customer_id=one.customer.id, rep_id=one.rep.id, territory_id=one.territory.id,
                served_from=date(2025, 1, 1), served_to=None,
            )
            for one in asked
        ]
    )  # fmt: skip
    put_answers(session, campaign, asked, at=at)


def put_answers(session: Session, campaign: Campaign, asked: list[Asked], *, at: datetime) -> None:
    """Invitations and what was answered, table by table, so that each is written at once."""

    def store(rows: list[Any]) -> list[Any]:
        session.add_all(rows)
        session.flush()
        return rows

    invitations = store(
        [
            Invitation(
                campaign_id=campaign.id, customer_id=one.customer.id, mode="web", created_at=at,
                disposition="completed" if one.rated else "expired",
            )
            for one in asked
        ]
    )  # fmt: skip
    subjects = store(
        [
            Subject(
                invitation_id=invitation.id, rep_id=one.rep.id, territory_id=one.territory.id,
                adjusters={
                    "segment": one.customer.segment, "size_band": one.customer.size_band, "mode": "web",
                    "language": "zh",
                },
            )
            for one, invitation in zip(asked, invitations, strict=True)
        ]
    )  # fmt: skip
    rated = [(subject, one.rated) for subject, one in zip(subjects, asked, strict=True) if one.rated]
    responses = store([Response(subject_id=subject.id, first_answered_at=at, version_no=1) for subject, _ in rated])
    versions = store(
        [_version(subject, response, at) for (subject, _), response in zip(rated, responses, strict=True)]
    )  # fmt: skip
    store([row for version, (_, values) in zip(versions, rated, strict=True) for row in _answers(version, values)])


def answer(session: Session, subject: Subject, values: dict[str, int], *, at: datetime) -> Response:
    """One more counted response."""
    response = Response(subject_id=subject.id, first_answered_at=at, version_no=1)
    session.add(response)
    session.flush()
    version = _version(subject, response, at)
    session.add(version)
    session.flush()
    session.add_all(_answers(version, values))
    session.flush()
    return response


def _version(subject: Subject, response: Response, at: datetime) -> ResponseVersion:
    return ResponseVersion(
        response_id=response.id, version_no=1, nonce=f"{subject.id:064}", answered_at=at, mode="web", language="zh"
    )


def _answers(version: ResponseVersion, values: dict[str, int]) -> list[Answer]:
    """Values held within 1–5, `advice` not applicable where it comes out low."""
    absent = {item for item, value in values.items() if item == "advice" and value < 3}
    return [
        Answer(
            response_version_id=version.id, item=item, scale="five",
            state="not applicable" if item in absent else "answered",
            value=None if item in absent else min(5, max(1, value)),
        )
        for item, value in values.items()
    ]  # fmt: skip


def put_facts(session: Session, rep: str, facts: dict[str, tuple[float, float | None]] = FACTS) -> None:
    """Facts of one rep in the only period."""
    period, who = session.scalars(select(Period)).one(), session.scalars(select(Rep).where(Rep.code == rep)).one()
    session.add_all(
        IndicatorFact(period_id=period.id, rep_id=who.id, indicator=name, value=value, target=target)
        for name, (value, target) in facts.items()
    )
    session.flush()


def put_events(session: Session, rep: str, events: tuple[tuple[str, float], ...] = EVENTS) -> None:
    """Events of one rep, a day apart."""
    period, who = session.scalars(select(Period)).one(), session.scalars(select(Rep).where(Rep.code == rep)).one()
    session.add_all(
        ConductEvent(
            period_id=period.id, rep_id=who.id, category=category, on=date(2026, 3, day), points=points,
            fact=f"事项{day}", multiplier=1.0,
        )
        for day, (category, points) in enumerate(events, start=1)
    )  # fmt: skip
    session.flush()


def adopt(session: Session, name: str, now: datetime) -> SchemeVersion:
    return schemes.adopt(session, schemes.shipped()[name], by="hr@h.example", at=now)


@pytest.fixture
def kelon(session: Session, surveyed: Surveyed, now: datetime, keep: Keeper) -> Appraisal:
    keep(session, "kelon", lambda: appraise_by_events(session, now), after="surveyed")
    return session.scalars(select(Appraisal)).one()


def appraise_by_events(session: Session, now: datetime) -> Appraisal:
    put_facts(session, "R01")
    put_events(session, "R01")
    done = drawing.draw_up(
        session, "2026-H1", adopt(session, "kelon-branch-manager", now), by="command line", at=now
    ).appraisals
    assert [change for _, change in done] == ["created"]
    return done[0][0]


@pytest.fixture
def run(session: Session, surveyed: Surveyed, now: datetime, keep: Keeper) -> Run:
    """The half-year's only run, in which R10 is withheld."""
    keep(session, "run", lambda: score(session, now), after="surveyed")
    return session.scalars(select(Run)).one()


def score(session: Session, now: datetime) -> Run:
    return runs.score_period(session, "2026-H1", SPEC, by="a@h.example", at=now)


@pytest.fixture
def six(session: Session, surveyed: Surveyed, run: Run, now: datetime, keep: Keeper) -> tuple[Appraisal, ...]:
    """Every rep appraised by satisfaction and five facts."""
    keep(session, "six", lambda: appraise_everybody(session, surveyed, now), after="run")
    found = select(Appraisal).join(SchemeVersion).where(SchemeVersion.name == "taiwan-six").order_by(Appraisal.id)
    return tuple(session.scalars(found))


def appraise_everybody(session: Session, surveyed: Surveyed, now: datetime) -> tuple[Appraisal, ...]:
    """As the half-year was scored."""
    for rep in surveyed.reps:
        put_facts(session, rep, SIX)
    version = adopt(session, "taiwan-six", now)
    return tuple(row for row, _ in drawing.draw_up(session, "2026-H1", version, by="command line", at=now).appraisals)
