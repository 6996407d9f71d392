"""The grounds of appraisals: everything those of one period and scheme have in common, gathered once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.appraisal import COMPOSITE
from scoring.facts import Event, Fact, FactRefused
from scoring.scheme import Scheme
from scoring.spec import AdjustmentSpec
from survey import campaigns, schemes
from survey.appraisals import inputs, measured
from survey.models.appraising import SchemeVersion
from survey.models.company import Company, Period
from survey.models.scoring import RepScore, Run
from survey.questionnaires.sheet import Wording
from survey.refusals import N_, Refused
from survey.runs import stored


class FactsDoNotFit(Refused):
    """Facts that contradict the scheme; `problems` names every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a scheme is applied to. Scores go by (rep, item), steps by (rep id, item), asked by rep id; means, names
    and how many reps are `ranked` by item; without a satisfaction indicator there is no run and they are empty."""

    period: Period
    scheme: Scheme
    version: SchemeVersion
    company: Company
    run: Run | None
    spec: AdjustmentSpec | None
    facts: list[Fact]
    events: list[Event]
    scores: dict[tuple[str, str], RepScore]
    ranked: Mapping[str, int]
    means: dict[str, float]
    names: dict[str, Wording]
    asked: dict[int, int]
    steps: dict[tuple[int, str], dict[str, float]]
    scored_on: date | None
    adopted_in_time: bool

    @property
    def composite(self) -> str:
        return self.spec.composite.name if self.spec and self.spec.composite else COMPOSITE

    @property
    def surveyed(self) -> dict[str, str]:
        """The item behind each satisfaction indicator: the composite unless the indicator names one."""
        return {one.code: one.item or self.composite for one in self.scheme.indicators if one.survey}


def gather(session: Session, period: Period, version: SchemeVersion) -> Grounds:
    """Read them. Raises SchemeNotUsable, NoRun, FactsDoNotFit."""
    scheme = schemes.read(version.content)
    run = stored.latest(session, period) if any(one.survey for one in scheme.indicators) else None
    if run is None and any(one.survey for one in scheme.indicators):
        raise stored.NoRun(N_("%(period)s has not been scored yet: evenhand score %(period)s."), period=period.code)
    scores = inputs.scores(session, run) if run else {}
    try:
        facts = measured.facts(session, period, scheme, scored={rep for rep, _ in scores})
        events = inputs.events(session, period, scheme)
    except FactRefused as refusal:
        raise FactsDoNotFit("%(problem)s", problem=str(refusal)) from None
    return Grounds(
        period=period,
        scheme=scheme,
        version=version,
        company=session.scalar(select(Company)) or Company(name="Evenhand", name_zh="衡评"),
        run=run,
        spec=AdjustmentSpec.from_toml(run.spec) if run else None,
        facts=facts,
        events=events,
        scores=scores,
        ranked=Counter(item for (_, item), row in scores.items() if row.rank_low is not None),
        means=stored.means(session, run) if run else {},
        names=stored.item_names(session, run) if run else {},
        asked=stored.asked(session, run) if run else {},
        steps=stored.adjuster_steps(session, run) if run else {},
        scored_on=run.created_at.astimezone(campaigns.time_zone(session)).date() if run else None,
        adopted_in_time=schemes.adopted_in_time(session, version, period.from_on),
    )
