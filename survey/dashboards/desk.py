"""The administrator's desk: how far the installation is, and the next sensible step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.asking import Campaign
from survey.models.company import Company
from survey.models.roster import Contact, Customer, Rep
from survey.models.scoring import Run
from survey.users import inviting, people


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing an installation needs, by name; `number` of it there are, `open` more are wanted."""

    name: str
    done: bool
    number: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The steps in the order in which they make sense, and the campaigns that take answers now."""

    steps: tuple[Step, ...]
    running: tuple[Campaign, ...]

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if not step.done), None)


def desk(session: Session, *, on: date, reaches_people: bool) -> Desk:
    """`reaches_people` is whether the settings name an address and a mail server customers can be reached by."""

    def count(question: Select[Any]) -> int:
        return session.scalar(question) or 0

    reps, customers = count(select(func.count(Rep.id))), count(select(func.count(Customer.id)))
    contacts = count(select(func.count(Contact.id)))
    known, wanted = people.addresses(session), {person.email for person in inviting.wanted(session, on=on)}
    uninvited = len(wanted - known)
    adopted = count(select(func.count(SchemeVersion.id)).where(SchemeVersion.adopted_at.is_not(None)))
    campaigns = count(select(func.count(Campaign.id)))
    running = session.scalars(select(Campaign).where(Campaign.state == "open").order_by(Campaign.closes_on)).all()
    runs, papers = count(select(func.count(Run.id))), count(select(func.count(Appraisal.id)))
    return Desk(
        steps=(
            Step(name="company", done=count(select(func.count(Company.id))) > 0),
            Step(name="reach", done=reaches_people),
            Step(name="reps", done=reps > 0, number=reps),
            Step(name="customers", done=customers > 0 and contacts > 0, number=customers),
            Step(name="people", done=reps > 0 and not uninvited, number=len(wanted & known), open=uninvited),
            Step(name="scheme", done=adopted > 0, number=adopted),
            Step(name="campaign", done=campaigns > 0, number=campaigns),
            Step(name="scores", done=runs > 0, number=runs),
            Step(name="appraisals", done=papers > 0, number=papers),
        ),
        running=tuple(running),
    )
