"""Nobody reads a single answer by holding two runs against each other: what changes is published in batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from scipy.optimize import linprog
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import runs
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Subject
from survey.models.roster import Rep
from survey.models.scoring import RepReach, RepScore, Run

from .conftest import ITEMS, Surveyed, answer

SPEC = DEFAULT_SPEC.read_text(encoding="utf-8")
HARSH, MIXED = (1, 1, 1, 1, 1), (1, 4, 5, 3, 4)


@pytest.fixture
def score(session: Session, surveyed: Surveyed, now: datetime) -> Callable[[], Run]:
    """Score the half-year again, after its first `run`."""
    return lambda: runs.score_period(session, surveyed.period, SPEC, by="a", at=now)


@pytest.fixture
def more(session: Session, surveyed: Surveyed, now: datetime) -> Callable[..., None]:
    """Further customers of a rep answer, one for each value, which they choose throughout."""

    def come(rep: str, *values: int) -> None:
        silent = (
            select(Subject)
            .join(Rep, Rep.id == Subject.rep_id)
            .outerjoin(Response, Response.subject_id == Subject.id)
            .where(Rep.code == rep, Response.id.is_(None))
            .order_by(Subject.id)
        )
        for subject, value in zip(session.scalars(silent).all(), values, strict=False):
            answer(session, subject, dict.fromkeys(ITEMS, value), at=now)
        session.flush()

    return come


def _shown(session: Session, run: Run, rep: str) -> dict[str, RepScore]:
    rows = select(RepScore).join(Rep).where(RepScore.run_id == run.id, Rep.code == rep)
    return {row.item: row for row in session.scalars(rows) if row.raw is not None}


def possible(first: dict[str, RepScore], second: dict[str, RepScore], item: str) -> list[tuple[float, float]]:
    """The least and greatest rating of each customer the second run has more, on 0–100, that agree with everything both
    print: the item's raw score and number of customers, to the printed decimal. The reader knows who answered when."""
    before, after = first[item].customers, second[item].customers
    who = np.zeros((2, after))
    who[0, :before], who[1, :] = 1, 1
    sums = np.array([before * round(first[item].raw, 1), after * round(second[item].raw, 1)])
    slack = 0.05 * np.array([before, after]) + 1e-6
    limits = {"A_ub": np.vstack([who, -who]), "b_ub": np.concatenate([sums + slack, slack - sums]), "bounds": (0, 100)}
    ends = []
    for newcomer in range(before, after):
        aim = np.eye(after)[newcomer]
        low, high = linprog(aim, **limits), linprog(-aim, **limits)
        assert low.success, low.message
        assert high.success, high.message
        ends.append((low.fun, -high.fun))
    return ends


def test_one_more_answer_would_be_read_by_subtraction_and_waits(
    session: Session, run: Run, score: Callable[[], Run], more: Callable[..., None]
) -> None:
    more("R01", 1)
    second = score()
    before, after = _shown(session, run, "R01"), _shown(session, second, "R01")
    assert all(possible(before, after, item) == [] for item in before)
    assert {item: (row.raw, row.customers) for item, row in after.items()} == {
        item: (row.raw, row.customers) for item, row in before.items()
    }
    assert second.record["waiting"] == len(ITEMS) - 1  # `advice` was not applicable to so unhappy a customer
    assert second.fingerprint == run.fingerprint


def test_a_whole_batch_is_published_and_none_of_it_can_be_read(
    session: Session, run: Run, score: Callable[[], Run], more: Callable[..., None]
) -> None:
    more("R01", *MIXED)
    second = score()
    before, after = _shown(session, run, "R01"), _shown(session, second, "R01")
    assert after["knowledge"].customers == before["knowledge"].customers + 5
    for item in ("knowledge", "delivery", "responsiveness", "overall", "guidance"):
        for low, high in possible(before, after, item):
            assert high - low > 50
    assert after["advice"].customers == before["advice"].customers  # only four of the five rated it
    assert second.record["waiting"] == 4


def test_the_attack_itself_finds_an_answer_that_does_not_wait(
    session: Session, run: Run, score: Callable[[], Run], more: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without batches the linear program has the newcomer to a few points: what the other tests show is not luck."""
    more("R01", 1)
    monkeypatch.setattr("survey.runs.batches.held", lambda table, _earlier, _items, batch: (table, 0))
    second = score()
    [(low, high)] = possible(_shown(session, run, "R01"), _shown(session, second, "R01"), "overall")
    assert low <= 0.01
    assert high < 6


def test_a_corrected_answer_waits_as_well_and_others_are_not_held_up(
    session: Session, run: Run, score: Callable[[], Run], more: Callable[..., None]
) -> None:
    corrected = session.scalars(
        select(Answer)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Rep, Rep.id == Subject.rep_id)
        .where(Rep.code == "R01", Answer.item == "overall")
    ).first()
    corrected.value = 1 if corrected.value > 1 else 5
    more("R02", *MIXED)
    second = score()
    assert _shown(session, second, "R01")["overall"].raw == _shown(session, run, "R01")["overall"].raw
    assert _shown(session, second, "R02")["overall"].customers == 29
    assert runs.recompute(session, second.id).largest_difference < 1e-9


def test_whoever_was_not_shown_before_has_nothing_to_subtract_from(
    session: Session, surveyed: Surveyed, run: Run, score: Callable[[], Run], more: Callable[..., None], now: datetime
) -> None:
    """R10 has two answering customers; three more make the first score that is shown."""
    rep = session.scalars(select(Rep).where(Rep.code == "R10")).one()
    model = session.scalars(select(Subject).where(Subject.rep_id == rep.id)).first()
    others = session.scalars(select(Subject).join(Rep).where(Rep.code == "R09").order_by(Subject.id)).all()[:3]
    for place, other in enumerate(others):
        subject = Subject(
            invitation_id=other.invitation_id, rep_id=rep.id, territory_id=model.territory_id,
            adjusters=other.adjusters,
        )  # fmt: skip
        session.add(subject)
        session.flush()
        answer(session, subject, dict.fromkeys(ITEMS, 3 + place % 2), at=now)
    second = score()
    assert _shown(session, second, "R10")["overall"].customers == 5
    assert second.record["waiting"] == 0


@pytest.mark.parametrize("across", [False, True], ids=["half-years", "a period lies across them"])
def test_a_wider_window_is_held_against_the_runs_inside_it(
    session: Session, surveyed: Surveyed, run: Run, now: datetime, across: bool
) -> None:
    from datetime import date

    from survey.models.asking import Campaign, Invitation
    from survey.models.company import Period

    later = Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31))
    session.add(later)
    if across:
        session.add(Period(code="2026-M5", from_on=date(2026, 5, 1), to_on=date(2026, 12, 31)))
    session.flush()
    old = session.scalars(select(Campaign)).one()
    wave = Campaign(
        code="2026-H2", period_id=later.id, questionnaire_version_id=old.questionnaire_version_id,
        opens_on=date(2026, 12, 1), closes_on=date(2026, 12, 30), asked_about=old.asked_about, state="closed",
    )  # fmt: skip
    session.add(wave)
    session.flush()
    for subject in session.scalars(select(Subject).join(Rep).where(Rep.code == "R01").order_by(Subject.id)).all()[:2]:
        invitation = Invitation(
            campaign_id=wave.id, customer_id=subject.invitation.customer_id, mode="web", created_at=now,
            disposition="completed",
        )  # fmt: skip
        session.add(invitation)
        session.flush()
        again = Subject(
            invitation_id=invitation.id, rep_id=subject.rep_id, territory_id=subject.territory_id,
            adjusters=subject.adjusters,
        )  # fmt: skip
        session.add(again)
        session.flush()
        answer(session, again, dict.fromkeys(ITEMS, 2), at=now)
    both = runs.score_period(session, "2026-H2", SPEC.replace("window = 1", "window = 2"), by="a", at=now)
    rated = pd.read_parquet(BytesIO(both.snapshot)).query("rep == 'R01' and wave == '2026-H2'")
    assert rated["overall"].isna().all()


def test_how_many_answered_is_told_in_batches_too(
    session: Session, run: Run, score: Callable[[], Run], more: Callable[..., None]
) -> None:
    def answered(of: Run) -> int | None:
        told = select(RepReach.answered).join(Rep).where(RepReach.run_id == of.id, Rep.code == "R01")
        return session.scalars(told).one()

    assert answered(run) == 24
    more("R01", *MIXED[:4])
    assert answered(score()) == 24
    more("R01", MIXED[4])
    assert answered(score()) == 29


def test_the_command_says_how_many_wait(
    surveyed: Surveyed, session: Session, evenhand: Callable[..., Result], more: Callable[..., None]
) -> None:
    assert json.loads(evenhand("score", surveyed.period, "--json").stdout)["waiting"] == 0
    more("R03", *HARSH[:2])
    session.commit()
    assert "wait until enough" in evenhand("score", surveyed.period).stdout
