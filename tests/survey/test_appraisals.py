"""Facts, events and scores become appraisals; a second person decides the band and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import appraisals, plans, schemes, users
from survey.appraisals import Paper, Reader, drawing
from survey.appraisals.grounds import FactsDoNotFit
from survey.appraisals.inputs import UnknownRep
from survey.indicators import events
from survey.indicators.revisions import ReasonMissing
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.company import JournalEntry, Period
from survey.models.facts import ConductEvent, IndicatorFact, PlanItem, Revision
from survey.models.roster import Rep, ReportingLine
from survey.models.scoring import RepScore
from survey.runs.stored import NoRun

from .conftest import Surveyed, adopt, put_events, put_facts

EVERYTHING = Reader(reps=select(Rep.id), states=appraisals.REVIEWERS_READ, email="someone@h.example")


def read(session: Session, row: Appraisal) -> Paper:
    return appraisals.paper(session, row.id, EVERYTHING)


def test_kelons_worked_example_comes_out_of_stored_facts(session: Session, kelon: Appraisal) -> None:
    statement = read(session, kelon).statement
    assert [(part.code, part.printed) for part in statement.indicators] == [
        ("collection", "36.8"), ("invoicing", "30.0"), ("outlets", "8.0"), ("network", "7.5"), ("receivables", "9.0"),
    ]  # fmt: skip
    assert statement.outcome.main_printed == "91.3"
    assert {part.code: (part.uncapped, part.points) for part in statement.deductions} == {
        "inventory": (-3, -3), "complaint": (-7, -5), "exposure": (0, 0), "daily": (-2, -2),
    }  # fmt: skip
    assert statement.outcome.printed == "81.3"
    assert (statement.outcome.low, statement.outcome.sd) == (None, None)
    assert (kelon.state, kelon.band, statement.survey, statement.satisfaction) == ("proposed", "B", None, ())


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(("grown", "told"), [(12.5, "新客户 +7.5、老客户 +5.0 个百分点"), (20, "")])
def test_growth_is_split_where_it_is_the_growth_of_these_sales(
    session: Session, surveyed: Surveyed, now: datetime, grown: float, told: str
) -> None:
    sales = {"sales": (450.0, None), "last_sales": (400.0, None), "new_customer_sales": (30.0, None)}
    put_facts(session, "R01", {"growth": (grown, 10.0), **sales})
    version = adopt(session, "four-counts", now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="c", at=now).appraisals
    assert next(part.remark_zh for part in read(session, row).statement.indicators if part.code == "growth") == told


def test_the_head_says_who_and_where_as_of_the_period(session: Session, kelon: Appraisal) -> None:
    statement = read(session, kelon).statement
    assert (statement.number, statement.revision, statement.company_zh) == ("A-2026-H1-R01", 1, "港湾仪表")
    person = statement.person
    assert (person.name, person.position, person.territories) == ("王建国", "sales rep", ("区域1",))
    assert (person.tenure_months, person.manager) == (39, "boss@h.example")


def test_indicators_may_be_written_by_name_in_either_language(
    session: Session, surveyed: Surveyed, now: datetime
) -> None:
    put_facts(session, "R02", {"回笼": (92, 100), "invoicing": (105, 100), "Outlet standard": (80, 100)})
    put_events(session, "R02", (("投诉", 2), ("weather", 1)))
    version = adopt(session, "kelon-branch-manager", now)
    done = drawing.draw_up(session, "2026-H1", version, by="c", at=now)
    statement = read(session, done.appraisals[0][0]).statement
    assert [part.code for part in statement.missing] == ["network", "receivables"]
    assert [part.printed for part in statement.deductions] == ["0.0", "-2.0", "0.0", "0.0"]
    assert done.unused == ("weather",)


def test_satisfaction_is_the_runs_composite_and_its_steps_add_up(session: Session, six: tuple[Appraisal, ...]) -> None:
    stored = {
        rep: row
        for row, rep in session.execute(
            select(RepScore, Rep.code).join(Rep).where(RepScore.item == "satisfaction", RepScore.reported.is_not(None))
        )
    }
    assert len(six) == 10
    for row in six[:9]:
        paper = read(session, row)
        part = next(part for part in paper.statement.indicators if part.code == "satisfaction")
        score = stored[paper.statement.person.code]
        assert part.actual == score.reported
        found = paper.statement.satisfaction[0]
        steps = found.steps
        assert round(steps.raw + steps.mix + steps.territory + steps.centring, 1) == steps.adjusted
        assert round(steps.adjusted + steps.shrinkage, 1) == steps.reported == round(score.reported, 1)
        assert round(sum(steps.adjusters.values()), 1) == steps.mix
        assert (found.asked, found.responses, found.customers) == (30, 24, 24)
        assert [dimension.item for dimension in found.dimensions] == [
            "knowledge", "delivery", "responsiveness", "advice", "guidance",
        ]  # fmt: skip
        assert paper.statement.outcome.sd > 0


def test_ranks_in_a_position_keep_what_the_run_knows_of_all(
    session: Session, six: tuple[Appraisal, ...], now: datetime
) -> None:
    """Who is fifth or sixth of nine, two of whom hold another position, is third to sixth of seven."""
    sets = {f"R{number:02}": (1, 9) for number in range(1, 10)} | {"R01": (5, 6), "R02": (1, 3)}
    for row, rep in session.execute(select(RepScore, Rep.code).join(Rep).where(RepScore.item == "satisfaction")):
        row.rank_low, row.rank_high = sets.get(rep, (None, None))
    session.execute(update(Rep).where(Rep.code.in_(["R08", "R09"])).values(position="branch manager"))
    done = drawing.draw_up(session, "2026-H1", six[0].scheme, by="c", at=now)
    peers = {row.outcome["rep"]: read(session, row).statement.peers for row, _ in done.appraisals}
    found = {rep: (peers[rep].reps, peers[rep].rank_low, peers[rep].rank_high) for rep in ("R01", "R02", "R03", "R08")}
    assert found == {"R01": (7, 3, 6), "R02": (7, 1, 3), "R03": (7, 1, 7), "R08": (2, 1, 2)}


def test_a_withheld_score_prints_nothing_of_it(session: Session, six: tuple[Appraisal, ...]) -> None:
    statement = read(session, six[9]).statement
    assert statement.person.code == "R10"
    part = next(part for part in statement.indicators if part.code == "satisfaction")
    assert (part.missing, part.points) == ("privacy_suppressed", None)
    found = statement.satisfaction[0]
    assert (found.evidence, found.steps, found.low, found.responses, found.customers) == (
        "withheld",
        None,
        None,
        None,
        None,
    )
    assert all(one.evidence == "withheld" and one.raw is None for one in found.dimensions)
    assert statement.outcome.coverage == pytest.approx(0.8)


def test_the_same_grounds_give_the_same_appraisal(session: Session, kelon: Appraisal, now: datetime) -> None:
    before = kelon.snapshot_hash
    version = adopt(session, "kelon-branch-manager", now)
    again = drawing.draw_up(session, "2026-H1", version, by="x", at=now)
    assert again.appraisals == ((kelon, "unchanged"),)
    assert kelon.snapshot_hash == before
    assert kelon.drawn_up_by == "command line"


def test_other_grounds_make_a_revision_of_a_proposal(session: Session, kelon: Appraisal, now: datetime) -> None:
    session.execute(update(IndicatorFact).where(IndicatorFact.indicator == "outlets").values(value=100))
    version = adopt(session, "kelon-branch-manager", now)
    ((newer, change),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    assert (change, newer.number, newer.revision, newer.statement["revision"]) == ("revised", kelon.number, 2, 2)
    assert [row.id for row in appraisals.listed(session, EVERYTHING).rows] == [newer.id]
    with pytest.raises(appraisals.NotProposed, match="newer revision"):
        appraisals.finalise(session, kelon.id, band="B", reason="", by="hr@h.example", at=now)


def test_a_draft_is_replaced_and_becomes_a_proposal(session: Session, surveyed: Surveyed, now: datetime) -> None:
    put_facts(session, "R01")
    version = schemes.keep(session, schemes.shipped()["kelon-branch-manager"])
    with pytest.raises(schemes.NotAdopted):
        drawing.draw_up(session, "2026-H1", version, by="x", at=now)
    ((draft, _),) = drawing.draw_up(session, "2026-H1", version, draft=True, by="x", at=now).appraisals
    put_events(session, "R01")
    ((same, change),) = drawing.draw_up(session, "2026-H1", version, draft=True, by="x", at=now).appraisals
    assert (same, change, same.revision, same.state) == (draft, "revised", 1, "draft")
    adopt(session, "kelon-branch-manager", now)
    ((same, change),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    assert (same, change, same.state) == (draft, "proposed", "proposed")


IN_TIME = datetime(2025, 12, 31, 9, tzinfo=UTC)


def test_a_scheme_adopted_after_the_period_began_bars_what_is_adverse(
    session: Session, surveyed: Surveyed, now: datetime
) -> None:
    put_facts(session, "R01")
    late = adopt(session, "kelon-branch-manager", now)
    done = drawing.draw_up(session, "2026-H1", late, by="c", at=now)
    assert not done.adopted_in_time
    assert "adopted_late" in read(session, done.appraisals[0][0]).statement.outcome.adverse_barred


def test_a_scheme_adopted_before_the_period_does_not(session: Session, surveyed: Surveyed, now: datetime) -> None:
    """On the last evening before it, which is still the day before where the company is."""
    put_facts(session, "R01")
    early = adopt(session, "kelon-branch-manager", IN_TIME)
    done = drawing.draw_up(session, "2026-H1", early, by="c", at=now)
    assert done.adopted_in_time
    assert "adopted_late" not in read(session, done.appraisals[0][0]).statement.outcome.adverse_barred


def test_an_event_stops_costing_points_when_it_is_overturned_or_expires(
    session: Session, kelon: Appraisal, now: datetime
) -> None:
    """Inventory −3 and daily −2 beside complaints that reach their cap: 81.3, then 84.3, then 86.3."""
    version = session.get(SchemeVersion, kelon.scheme_version_id)
    of = {one.category: one for one in session.scalars(select(ConductEvent))}
    events.decide(session, of["inventory"], "overturned", "盘点有误", by="hr@h.example", at=now)
    ((row, change),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    assert (change, row.outcome["printed"]) == ("revised", "84.3")
    for day, printed in ((date(2026, 7, 1), "84.3"), (date(2026, 6, 30), "86.3")):
        of["daily"].expires_on = day
        ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
        assert row.outcome["printed"] == printed, f"expires on {day}"


def test_two_schemes_give_two_numbers(session: Session, kelon: Appraisal, six: tuple[Appraisal, ...]) -> None:
    assert sorted(row.number for row in (kelon, *six) if row.rep_id == kelon.rep_id) == [
        "A-2026-H1-R01", "A-2026-H1-R01-2",
    ]  # fmt: skip


def test_one_rep_alone_gets_what_everybody_would_get(
    session: Session, six: tuple[Appraisal, ...], now: datetime
) -> None:
    version = session.get(SchemeVersion, six[0].scheme_version_id)
    done = drawing.draw_up(session, "2026-H1", version, rep_code="R04", by="x", at=now)
    assert [change for _, change in done.appraisals] == ["unchanged"]


def test_a_reviewer_confirms_the_band(session: Session, kelon: Appraisal, now: datetime) -> None:
    appraisals.finalise(session, kelon.id, band="B", reason="", by="hr@h.example", at=now)
    standing = read(session, kelon).standing
    assert (standing.state, standing.decision.band, standing.decision.by) == ("final", "B", "hr@h.example")
    line = session.scalars(select(JournalEntry).where(JournalEntry.action == "appraisal finalised")).one()
    assert (line.subject, line.hash) == ("A-2026-H1-R01 rev 1", standing.anchor)


def test_another_band_needs_a_reason_and_changes_no_point(session: Session, kelon: Appraisal, now: datetime) -> None:
    before = kelon.snapshot_hash
    with pytest.raises(appraisals.ReasonMissing, match="why the band is A and not B"):
        appraisals.finalise(session, kelon.id, band="A", reason="  ", by="hr@h.example", at=now)
    with pytest.raises(appraisals.UnknownBand):
        appraisals.finalise(session, kelon.id, band="S", reason="good", by="hr@h.example", at=now)
    appraisals.finalise(session, kelon.id, band="A", reason="Led the flood relief.", by="hr@h.example", at=now)
    paper = read(session, kelon)
    assert (paper.standing.decision.band, paper.standing.decision.reason) == ("A", "Led the flood relief.")
    assert (paper.statement.outcome.printed, paper.statement.outcome.band, kelon.snapshot_hash) == ("81.3", "B", before)


def test_below_the_standard_nothing_is_final_without_a_plan(session: Session, kelon: Appraisal, now: datetime) -> None:
    decide = partial(appraisals.finalise, session, kelon.id, band="D", reason="x", by="hr@h.example", at=now)
    with pytest.raises(appraisals.PlanMissing, match=r"Band D is below the standard.*王建国"):
        decide()
    period, rep = session.scalars(select(Period)).one(), session.get(Rep, kelon.rep_id)
    cells = {
        "rep": "R01", "item": "回款", "measure": "每周对账", "support": "财务每周发对账单", "starts_on": "2026-07-10",
        "due_on": "2026-09-30", "metric": "逾期款下降一半", "support_by": "财务部", "need": "5", "quick": "5",
        "payoff": "4",
    }  # fmt: skip

    def write(**other: str) -> PlanItem:
        return plans.write(session, period, rep, plans.PlanRow(**{**cells, **other}), by="boss@h.example", at=now)

    with pytest.raises(ValidationError, match="due_on"):
        write(due_on="")
    with pytest.raises(plans.PlanRefused, match="before it starts"):
        write(due_on="2026-07-10")
    with pytest.raises(ValidationError, match="need"):
        write(need="6")
    with pytest.raises(plans.PlanRefused, match="first and its last day"):
        write(reviews="2026-08-01, 2026-10-01")
    first = write(item="拜访", need="5", quick="3", payoff="3")
    with pytest.raises(plans.PlanRefused, match="already"):
        write(item="拜访")
    item, refused = write(reviews="2026-08-01"), write(item="报表", need="5", quick="5", payoff="5")
    with pytest.raises(plans.PlanRefused, match="3 items at most"):
        write(item="价格")
    own = select(Rep.id).where(Rep.code == "R01")
    told = {"by": "r", "at": now, "on": now.date()}
    with pytest.raises(plans.UnknownPlan):
        plans.answer(session, item.id, select(Rep.id).where(Rep.code == "R02"), 5, **told)
    for one in (first, item, refused):
        plans.answer(session, one.id, own, 0, **told)
    with pytest.raises(appraisals.PlanMissing):
        decide()
    plans.answer(session, first.id, own, 2, **told)
    plans.answer(session, item.id, own, 4, **told)
    decide()
    plan = read(session, kelon).standing.plan
    assert [(one.item, one.score, one.agreed_on) for one in plan] == [
        ("回款", 18, now.date()), ("拜访", 13, now.date()),
    ]  # fmt: skip
    kept = session.scalars(select(Revision.before).where(Revision.kind == "plan_item")).all()
    assert kept == [{"consent": 0, "agreed_on": None}] * 2


def test_the_next_appraisal_opens_with_what_came_of_the_plan(session: Session, kelon: Appraisal, now: datetime) -> None:
    period, rep = session.scalars(select(Period)).one(), session.get_one(Rep, kelon.rep_id)
    before = Period(code="2025-H2", from_on=date(2025, 7, 1), to_on=date(2025, 12, 31))
    session.add(before)
    session.flush()
    row = plans.PlanRow(
        rep="R01", item="回款", measure="每周对账", support="对账单", support_by="财务部", support_due_on="2026-02-01",
        starts_on="2026-01-10", due_on="2026-05-30", metric="逾期款", need="5", quick="5", payoff="4",
    )  # fmt: skip
    item = plans.write(session, before, rep, row, by="boss@h.example", at=now)
    reps, told = select(Rep.id), {"by": "boss@h.example", "at": now, "on": now.date()}

    def follow(reason: str = "", **cells: str) -> None:
        plans.follow(session, item.id, reps, plans.FollowedRow(rep="R01", **cells), reason=reason, **told)

    with pytest.raises(plans.PlanRefused, match="shows in"):
        follow(outcome="reached")
    follow(outcome="partly", outcome_note="逾期款降三成", support_given_on="2026-02-09")
    with pytest.raises(ReasonMissing):
        follow(outcome="reached")
    follow("补到账", outcome="reached")
    standing = read(session, kelon).standing
    (line,) = standing.last_plan
    assert (standing.last_period, standing.plan) == ("2025-H2", ())
    assert (line.outcome, line.outcome_note, line.support_given_on) == ("reached", "逾期款降三成", date(2026, 2, 9))
    assert plans.last_before(session, before, rep) == ("", ())
    assert plans.last_before(session, period, rep)[0] == "2025-H2"


def test_what_is_final_stays(session: Session, kelon: Appraisal, now: datetime) -> None:
    appraisals.finalise(session, kelon.id, band="B", reason="", by="hr@h.example", at=now)
    with pytest.raises(appraisals.NotProposed, match="is final"):
        appraisals.finalise(session, kelon.id, band="A", reason="x", by="hr@h.example", at=now)
    session.execute(update(IndicatorFact).where(IndicatorFact.indicator == "outlets").values(value=100))
    version = adopt(session, "kelon-branch-manager", now)
    assert drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals == ((kelon, "final"),)
    assert kelon.total == pytest.approx(81.3)


def test_nobody_decides_on_their_own_people(session: Session, kelon: Appraisal, now: datetime) -> None:
    boss = Rep(code="M1", name="主管", email="Boss@h.example")
    session.add(boss)
    session.flush()
    session.add(ReportingLine(rep_id=boss.id, manager_email="chief@h.example", since_on=date(2020, 1, 1)))
    session.flush()
    for person in ("r01@h.example", "boss@h.example", "BOSS@h.example", "chief@h.example", "command line"):
        with pytest.raises(appraisals.NotASecondPerson):
            appraisals.finalise(session, kelon.id, band="B", reason="", by=person, at=now)


def test_a_manager_of_the_period_stays_out_after_moving_on(session: Session, kelon: Appraisal, now: datetime) -> None:
    session.execute(update(ReportingLine).values(until_on=date(2026, 7, 1)))
    session.add(ReportingLine(rep_id=kelon.rep_id, manager_email="next@h.example", since_on=date(2026, 7, 1)))
    session.flush()
    for person in ("boss@h.example", "next@h.example"):
        with pytest.raises(appraisals.NotASecondPerson):
            appraisals.finalise(session, kelon.id, band="B", reason="", by=person, at=now)


def test_too_little_covered_has_no_band_to_give(session: Session, surveyed: Surveyed, now: datetime) -> None:
    put_facts(session, "R03", {"outlets": (80, 100)})
    version = adopt(session, "kelon-branch-manager", now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    assert row.band is None
    with pytest.raises(appraisals.UnknownBand):
        appraisals.finalise(session, row.id, band="C", reason="x", by="hr@h.example", at=now)
    appraisals.finalise(session, row.id, band="", reason="", by="hr@h.example", at=now)
    assert (row.state, row.final_band) == ("final", None)


def test_readers_see_what_is_theirs(session: Session, six: tuple[Appraisal, ...], now: datetime) -> None:
    own = select(Rep.id).where(Rep.code == "R01")
    rep = Reader(reps=own, states=appraisals.REPS_READ, email="R01@h.example")
    assert appraisals.listed(session, rep).rows == ()
    with pytest.raises(appraisals.NotToBeSeen):
        appraisals.paper(session, six[0].id, rep)
    appraisals.finalise(session, six[0].id, band=six[0].band or "", reason="", by="hr@h.example", at=now)
    appraisals.finalise(session, six[1].id, band=six[1].band or "", reason="", by="hr@h.example", at=now)
    assert [row.rep for row in appraisals.listed(session, rep).rows] == ["R01"]
    with pytest.raises(appraisals.NotToBeSeen):
        appraisals.paper(session, six[1].id, rep)
    manager_and_rep = Reader(reps=select(Rep.id), states=appraisals.MANAGERS_READ, email="r03@h.example")
    assert appraisals.listed(session, manager_and_rep).total == 9


def test_a_changed_statement_is_not_shown(session: Session, kelon: Appraisal) -> None:
    kelon.statement = kelon.statement | {"period": "2025-H2"}
    session.flush()
    with pytest.raises(appraisals.StatementChanged, match="A-2026-H1-R01"):
        read(session, kelon)


def test_a_statement_names_nobody_else(session: Session, six: tuple[Appraisal, ...], surveyed: Surveyed) -> None:
    others = set(session.scalars(select(Rep.name).where(Rep.code != "R01")))
    stored = str(six[0].statement) + str(six[0].outcome)
    assert "王建国" in stored
    assert not [name for name in (*others, *surveyed.customers, "海川商行") if name in stored]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_refusals_say_what_is_wrong(session: Session, surveyed: Surveyed, now: datetime) -> None:
    version = adopt(session, "taiwan-six", now)
    with pytest.raises(NoRun, match="evenhand score 2026-H1"):
        drawing.draw_up(session, "2026-H1", version, by="x", at=now)
    kelon = adopt(session, "kelon-branch-manager", now)
    with pytest.raises(drawing.NobodyToAppraise):
        drawing.draw_up(session, "2026-H1", kelon, by="x", at=now)
    with pytest.raises(UnknownRep):
        drawing.draw_up(session, "2026-H1", kelon, rep_code="R99", by="x", at=now)
    put_facts(session, "R01", {"collection": (92, 0), "network": (6, None)})
    with pytest.raises(FactsDoNotFit) as refused:
        drawing.draw_up(session, "2026-H1", kelon, by="x", at=now)
    assert len(refused.value.problems) == 2


def test_the_manager_is_named_where_known(session: Session, kelon: Appraisal, now: datetime) -> None:
    users.create(session, email="boss@h.example", name="周主管", role="manager", password_hash=None, by="x", at=now)
    session.execute(update(Appraisal).values(state="draft"))
    version = session.get(SchemeVersion, kelon.scheme_version_id)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    assert read(session, row).statement.person.manager == "周主管"


Evenhand = Callable[..., Result]


def test_the_command_draws_up_drafts_and_proposals(
    session: Session, surveyed: Surveyed, evenhand: Evenhand, tmp_path: Path
) -> None:
    put_facts(session, "R01")
    put_events(session, "R01", (("inventory", 3), ("weather", 1)))
    session.commit()
    refused = evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager")
    assert refused.exit_code == 1
    assert "--draft" in refused.stderr
    path = tmp_path / "own.toml"
    path.write_text(schemes.shipped()["kelon-branch-manager"], encoding="utf-8")
    assert "own.toml is not adopted yet" in evenhand("appraise", "2026-H1", "--scheme", path).stderr
    other = evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager", "--version", 3)
    assert "No version 3 of kelon-branch-manager was adopted." in other.stderr
    draft = json.loads(evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager", "--draft", "--json").stdout)
    assert [(one["number"], one["state"], one["change"]) for one in draft["appraisals"]] == [
        ("A-2026-H1-R01", "draft", "created")
    ]
    assert (draft["unused"], draft["adopted_in_time"]) == (["weather"], False)
    evenhand("schemes", "adopt", "kelon-branch-manager")
    done = evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager", "--rep", "R01")
    assert "1 appraisals under kelon-branch-manager 1: 1 proposed" in done.stdout
    assert "after 2026-H1 began: nothing adverse may follow from it" in done.stderr
    assert "no line for weather" in done.stdout
    unknown = evenhand("appraise", "2026-H1", "--scheme", "nobody", "--draft")
    assert unknown.exit_code == 1
    assert "There is no scheme nobody" in unknown.stderr


def test_a_roster_that_came_in_after_the_period_still_names_the_manager(
    session: Session, surveyed: Surveyed, now: datetime
) -> None:
    session.execute(update(ReportingLine).values(since_on=date(2026, 7, 6)))
    put_facts(session, "R02", {"collection": (92, 100)})
    version = adopt(session, "kelon-branch-manager", now)
    done = drawing.draw_up(session, "2026-H1", version, by="c", at=now)
    assert read(session, done.appraisals[0][0]).statement.person.manager == surveyed.manager


def test_a_scheme_of_one_position_appraises_nobody_else(session: Session, surveyed: Surveyed, now: datetime) -> None:
    for rep in ("R01", "R02"):
        put_facts(session, rep)
    session.execute(update(Rep).where(Rep.code == "R02").values(position="branch manager"))
    text = schemes.shipped()["kelon-branch-manager"].replace(
        "\n[[indicator]]", '\nversion = 2\npositions = ["branch manager"]\n\n[[indicator]]', 1
    )
    version = schemes.adopt(session, text, by="hr@h.example", at=now)
    done = drawing.draw_up(session, "2026-H1", version, by="c", at=now)
    assert [row.outcome["rep"] for row, _ in done.appraisals] == ["R02"]
