"""One rep over the periods, among colleagues, and on the sheet for the talk: everything from stored rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from survey import names
from survey.appraisals import MANAGERS_READ, Reader
from survey.dashboards.rep import RepPage, rep_page
from survey.dashboards.talk import Talk, talk
from survey.models.appraising import Appraisal
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory
from survey.models.scoring import RepScore, Run, RunItem

EVERYBODY = select(Rep.id)
TODAY = date(2026, 7, 6)


def _of(*codes: str) -> object:
    return select(Rep.id).where(Rep.code.in_(codes))


def _page(session: Session, code: str, viewer: object = EVERYBODY) -> RepPage:
    return rep_page(session, viewer, code, None, None)  # type: ignore[arg-type]


def _talk(session: Session, code: str, period: str | None = None) -> Talk:
    reader = Reader(reps=EVERYBODY, states=MANAGERS_READ, email="boss@harbour.example")
    return talk(session, EVERYBODY, reader, code, period, on=TODAY)


@contextmanager
def _selects(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    session.expire_all()
    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield statements
    event.remove(session.get_bind(), "before_cursor_execute", note)


def test_the_periods_stand_as_their_runs_stored_them(session: Session, scored: object) -> None:
    runs = session.scalars(select(Run).order_by(Run.id)).all()
    for row in session.scalars(select(RepScore).where(RepScore.run_id == runs[0].id)):
        if row.raw is not None:
            row.adjusted = (row.adjusted or 0.0) - 5
    for item in session.scalars(select(RunItem).where(RunItem.run_id == runs[0].id)):
        item.average = (item.average or 0.0) - 5
    points = _page(session, "R01").trend
    assert [point.name for point in points] == ["2025-H2", "2026-H1"]
    for point, run in zip(points, runs, strict=True):
        stored = session.scalars(
            select(RepScore).join(Rep).where(
                RepScore.run_id == run.id, Rep.code == "R01", RepScore.item == "satisfaction"
            )
        ).one()  # fmt: skip
        assert (point.raw, point.adjusted, point.low, point.high) == (
            stored.raw, stored.adjusted, stored.low, stored.high
        )  # fmt: skip
    assert points[0].mean == pytest.approx((points[1].mean or 0) - 5, abs=1e-9)
    assert points[1].mean == pytest.approx(_page(session, "R01").mean, abs=1e-9)


def test_a_period_that_withheld_the_score_shows_nothing_of_it(session: Session, scored: object) -> None:
    first = session.scalars(select(Run).order_by(Run.id)).first()
    assert first is not None
    for row in session.scalars(select(RepScore).join(Rep).where(Rep.code == "R01", RepScore.run_id == first.id)):
        row.evidence = "withheld"
    point = _page(session, "R01").trend[0]
    assert (point.evidence, point.raw, point.adjusted, point.low, point.high, point.customers) == (
        "withheld", None, None, None, None, None,
    )  # fmt: skip


def test_the_change_of_one_rep_is_the_teams(session: Session, scored: object) -> None:
    """Of the one fit that was stored, with the same verdict; nothing where nothing was stored or may be seen."""
    risen, level = _page(session, "R01").change, _page(session, "R08").change
    assert risen is not None
    assert level is not None
    assert (risen.since, risen.difference, risen.expected, risen.verdict) == ("2025-H2", 6.04, -0.83, "above")
    assert (level.low, level.high, level.verdict) == (pytest.approx(-7.1), pytest.approx(0.9), "cannot be told apart")
    assert _page(session, "R02").change is None
    assert rep_page(session, EVERYBODY, "R01", "2025-H2", None).change is None
    assert rep_page(session, EVERYBODY, "R01", None, "knowledge").change is None


@pytest.mark.parametrize("evidence", ["thin", "withheld"])
def test_a_change_to_a_score_that_is_not_compared_is_not_shown(session: Session, scored: object, evidence: str) -> None:
    for row in session.scalars(select(RepScore).join(Rep).where(Rep.code == "R01")):
        row.evidence = evidence
    assert _page(session, "R01").change is None


def test_colleagues_share_manager_and_position_and_stand_by_name(session: Session, scored: object) -> None:
    found = {rep.code: rep for rep in session.scalars(select(Rep))}
    found["R02"].position = "key accounts"
    session.flush()
    peers = _page(session, "R01").peers
    assert {peer.code for peer in peers} == {"R01", "R03", "R04", "R06"}  # R05 was never answered about
    assert [peer.name for peer in peers] == sorted((peer.name for peer in peers), key=names.sort_key)
    assert [peer.code for peer in peers if peer.same] == ["R01"]
    withheld = next(peer for peer in peers if peer.code == "R04")
    assert withheld.score.adjusted is None


def test_a_viewer_sees_no_colleague_who_is_not_theirs(session: Session, scored: object) -> None:
    assert {peer.code for peer in _page(session, "R01", _of("R01", "R06")).peers} == {"R01", "R06"}
    assert _page(session, "R01", _of("R01")).peers == ()


@pytest.mark.parametrize("code", ["R03", "R04"])
def test_without_enough_answers_nobody_is_beside(session: Session, scored: object, code: str) -> None:
    assert _page(session, code).peers == ()


def test_the_sheet_says_what_the_intervals_say(session: Session, scored: object) -> None:
    above, below, level = (_talk(session, code) for code in ("R01", "R08", "R09"))
    assert [one.item for one in above.above] == ["knowledge", "delivery"]
    assert above.supported
    assert (above.below, above.level, above.unknown) == ((), (), ())
    assert [(one.kind, one.adjuster) for one in above.questions] == [("adjuster", "segment"), ("strongest", "")]
    assert above.questions[0].points == pytest.approx(2.3)
    assert [one.item for one in below.below] == ["knowledge", "delivery"]
    assert [one.kind for one in below.questions] == ["weakest", "adjuster"]
    assert below.questions[0].about == below.below[0]
    assert not level.supported
    assert [one.item for one in level.level] == ["knowledge", "delivery"]
    assert above.outlook is None


@pytest.mark.parametrize(("code", "missing"), [("R03", 8), ("R04", None)])
def test_short_of_evidence_nothing_is_said_and_what_is_missing_is_counted(
    session: Session, scored: object, code: str, missing: int | None
) -> None:
    sheet = _talk(session, code)
    assert not sheet.supported
    assert len(sheet.unknown) == 2
    assert len(sheet.questions) == 2
    assert not {one.kind for one in sheet.questions} & {"weakest", "strongest"}
    assert sheet.outlook is not None
    assert sheet.outlook.missing == missing
    assert sheet.outlook.reach == "never"  # nobody is in the roster who could be asked


def test_the_steps_of_a_withheld_rep_ask_nothing(session: Session, scored: object) -> None:
    assert [one.kind for one in _talk(session, "R04").questions] == ["listen", "help"]


def _customers(session: Session, code: str, count: int, now: datetime, *, campaign: Campaign | None = None) -> None:
    rep = session.scalars(select(Rep).where(Rep.code == code)).one()
    territory = session.scalars(select(Territory)).one()
    for number in range(count):
        customer = Customer(code=f"K{number}", name=f"顾客{number}")
        session.add(customer)
        session.flush()
        contact = Contact(customer_id=customer.id, name="某人", email=f"k{number}@k.example", language="zh")
        session.add_all(
            [
                contact,
                Assignment(
                    customer_id=customer.id, rep_id=rep.id, territory_id=territory.id, served_from=date(2025, 1, 1)
                ),
            ]
        )
        session.flush()
        if campaign is not None:
            invitation = Invitation(
                campaign_id=campaign.id, customer_id=customer.id, contact_id=contact.id, mode="web",
                disposition="sent", created_at=now,
            )  # fmt: skip
            session.add(invitation)
            session.flush()
            session.add(Subject(invitation_id=invitation.id, rep_id=rep.id, territory_id=territory.id, adjusters={}))
    session.flush()


@pytest.mark.parametrize(
    ("customers", "reach"), [(60, "one period"), (40, "two periods"), (20, "more periods"), (15, "never")]
)
def test_the_window_is_the_planners(
    session: Session, scored: object, now: datetime, customers: int, reach: str
) -> None:
    """R03 has 8 and needs 16; nothing has closed that says how many answer, so 30 % are supposed."""
    _customers(session, "R03", customers, now)
    outlook = _talk(session, "R03").outlook
    assert outlook is not None
    assert (outlook.customers, outlook.needed, outlook.reach, outlook.supposed) == (customers, 16, reach, True)
    assert outlook.one == round(customers * 0.3)
    assert outlook.two == round(customers * 0.51)


def test_an_open_campaign_says_until_when(session: Session, scored: object, now: datetime) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H2")).one()
    sheet = session.scalars(select(Campaign)).first()
    assert sheet is not None
    campaign = Campaign(
        code="2026-H2", period_id=period.id, questionnaire_version_id=sheet.questionnaire_version_id,
        opens_on=date(2026, 7, 1), closes_on=date(2026, 7, 20), asked_about={}, state="open",
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    _customers(session, "R03", 3, now, campaign=campaign)
    outlook = _talk(session, "R03").outlook
    assert outlook is not None
    assert [(one.code, one.period, one.closes_on) for one in outlook.campaigns] == [
        ("2026-H2", "2026-H2", date(2026, 7, 20))
    ]
    other = _talk(session, "R02").outlook
    assert other is not None
    assert other.campaigns == ()


def test_what_the_figures_ask_is_asked(session: Session, six: tuple[Appraisal, ...]) -> None:
    row = six[0]
    row.statement = {**row.statement, "diagnosis": {"questions": [{"zh": "毛利为何下降？", "en": "Why did it fall?"}]}}
    session.flush()
    rep = session.get_one(Rep, row.rep_id)
    asked = _talk(session, rep.code, "2026-H1").questions
    assert "Why did it fall?" in [one.en for one in asked]
    assert _talk(session, "R02" if rep.code != "R02" else "R03", "2026-H1").questions != asked


def test_the_number_of_queries_is_the_same_for_every_rep(session: Session, scored: object) -> None:
    counts = []
    for code in ("R02", "R03", "R04"):
        with _selects(session) as found:
            _talk(session, code)
        counts.append(len(found) + 2 * (code in {"R03", "R04"}))  # nobody is looked for beside them, nor a change
    assert counts[0] == counts[1]
    assert counts[2] == counts[0] - 1  # nor are there steps of a withheld score


def test_a_period_without_a_run_has_an_empty_sheet(session: Session, scored: object) -> None:
    sheet = _talk(session, "R01", "2026-H2")
    assert sheet.page.choice.item is None
    assert not sheet.supported
