"""Answers become scores that say how they came about and come out the same again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from scoring.ties import Ties
from survey import runs
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import JournalEntry, Period
from survey.models.roster import Assignment, Rep
from survey.models.scoring import AnswerCount, RepPlace, RepReach, RepScore, Run, RunItem, ScoreChange, ScoreStep
from survey.roster.periods import UnknownPeriod
from survey.runs import publishing, stored
from survey.runs.answers import NothingAnswered, packed

from ..keeping import Keeper
from .conftest import ITEMS, Asked, Surveyed, put_answers

SPEC = DEFAULT_SPEC.read_text(encoding="utf-8")


def _score(session: Session, run: Run, rep: str, item: str = "satisfaction") -> RepScore:
    row = session.scalar(
        select(RepScore).join(Rep).where(RepScore.run_id == run.id, Rep.code == rep, RepScore.item == item)
    )
    assert row is not None
    return row


def test_every_rep_gets_every_item_and_the_composite(session: Session, run: Run, surveyed: Surveyed) -> None:
    rows = session.scalars(select(RepScore).where(RepScore.run_id == run.id)).all()
    assert len(rows) == len(surveyed.reps) * 7
    row = _score(session, run, "R01")
    assert row.responses == row.customers == 24
    assert None not in (row.raw, row.mix, row.territory, row.centring, row.adjusted, row.reported, row.reported_sd)
    assert row.raw + row.mix + row.territory + row.centring == pytest.approx(row.adjusted, abs=1e-9)


def test_ranks_are_stored_as_sets_and_only_for_those_who_may_be_compared(session: Session, run: Run) -> None:
    rows = session.scalars(select(RepScore).where(RepScore.run_id == run.id, RepScore.item == "satisfaction")).all()
    compared = [row for row in rows if row.evidence in ("provisional", "full")]
    assert compared
    assert all(1 <= row.rank_low <= row.rank_high <= len(compared) for row in compared)
    assert all(row.rank_low is row.rank_high is None for row in rows if row not in compared)


def test_the_steps_of_the_adjusters_add_up_to_the_mix_step(session: Session, run: Run) -> None:
    row = _score(session, run, "R03")
    steps = session.scalars(
        select(ScoreStep.amount).where(
            ScoreStep.run_id == run.id, ScoreStep.rep_id == row.rep_id, ScoreStep.item == row.item
        )
    )
    assert sum(steps) == pytest.approx(row.mix, abs=1e-9)


def test_too_few_customers_leave_no_number(session: Session, run: Run) -> None:
    row = _score(session, run, "R10")
    assert row.evidence == "withheld"
    assert (row.raw, row.adjusted, row.reported, row.low) == (None, None, None, None)


def test_raw_is_the_plain_mean_of_what_was_answered(session: Session, run: Run) -> None:
    """R10's answers aside, a customer answers once here, so the raw mean needs no weights."""
    values = session.scalars(
        select(Answer.value)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .where(Response.subject_id.in_(_subjects_of("R02")), Answer.item == "advice", Answer.state == "answered")
    ).all()
    expected = sum(100 * (value - 1) / 4 for value in values) / len(values)
    assert _score(session, run, "R02", "advice").raw == pytest.approx(expected, abs=1e-9)


def _subjects_of(rep: str):
    return select(Subject.id).join(Rep).where(Rep.code == rep)


def test_only_the_last_version_of_a_response_counts(session: Session, surveyed: Surveyed, now: datetime) -> None:
    response = session.scalars(select(Response).where(Response.subject_id.in_(_subjects_of("R02")))).first()
    newer = ResponseVersion(
        response_id=response.id, version_no=2, nonce="again", answered_at=now, mode="phone", language="zh"
    )
    session.add(newer)
    session.flush()
    session.add(Answer(response_version_id=newer.id, item="knowledge", scale="five", state="answered", value=1))
    response.version_no = 2
    session.flush()
    run = runs.score_period(session, surveyed.period, SPEC, by="a", at=now)
    assert [_score(session, run, "R02", item).responses for item in ("knowledge", "overall")] == [24, 23]


def test_the_same_answers_give_the_same_fingerprint(session: Session, surveyed: Surveyed, now: datetime) -> None:
    first, second = (runs.score_period(session, surveyed.period, SPEC, by="a", at=now) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert stored.latest(session, first.period) == second


def test_the_snapshot_names_no_customer(session: Session, run: Run, surveyed: Surveyed) -> None:
    table = pd.read_parquet(BytesIO(run.snapshot))
    assert set(table["customer"]) & set(surveyed.customers) == set()
    assert "海川商行".encode() not in run.snapshot
    assert list(table.columns) == [
        "rep", "territory", "customer", "wave", "mode", "weight", "knowledge", "delivery", "responsiveness", "advice",
        "guidance", "overall", "segment", "size_band", "industry", "channel", "product_line", "tenure", "contact_role",
        "language",
    ]  # fmt: skip


def test_the_unanswered_are_part_of_the_frame(session: Session, run: Run) -> None:
    table = pd.read_parquet(BytesIO(run.snapshot))
    assert table["overall"].isna().sum() == 9 * 6 + 2  # R10's two answering customers are too few to be in a run
    findings = [finding["name"] for finding in run.record["findings"]]
    assert "duplicate_rows" not in findings


def test_a_stored_run_comes_out_again(session: Session, run: Run) -> None:
    session.commit()
    session.expire_all()
    found = runs.recompute(session, run.id)
    assert found.numbers == 70 * 23
    assert found.largest_difference <= 1e-9


def test_a_changed_score_is_found(session: Session, run: Run) -> None:
    row = _score(session, run, "R05")
    session.execute(update(RepScore).where(RepScore.id == row.id).values(reported=row.reported + 1e-6))
    session.expire_all()
    with pytest.raises(runs.ScoresDiffer, match="does not come out again"):
        runs.recompute(session, run.id)


def test_changed_answers_are_found(session: Session, run: Run) -> None:
    table = pd.read_parquet(BytesIO(run.snapshot))
    table.loc[0, "overall"] = 1.0
    buffer = BytesIO()
    table.to_parquet(buffer, index=False)
    run.snapshot = buffer.getvalue()
    with pytest.raises(runs.ScoresDiffer, match="not those it was made from"):
        runs.recompute(session, run.id)


def test_scoring_is_journaled(session: Session, run: Run) -> None:
    entry = session.scalars(select(JournalEntry).where(JournalEntry.action == "period scored")).one()
    assert (entry.by, entry.subject, entry.details["answers"]) == ("a@h.example", "2026-H1", run.fingerprint)


def test_explain_gives_every_item_with_its_steps(session: Session, run: Run, surveyed: Surveyed) -> None:
    told = stored.explain(session, surveyed.period, "R01")
    assert [one.score.item for one in told.items] == ["satisfaction", *ITEMS]
    assert [one.name.zh for one in told.items[:2]] == ["综合满意度", "产品知识"]
    steps = told.items[0].steps
    assert {"segment", "size_band"} <= steps.adjusters.keys()
    assert round(steps.raw + steps.mix + steps.territory + steps.centring, 1) == steps.adjusted
    assert stored.explain(session, surveyed.period, "R10").items[0].steps is None


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_refusals_say_what_to_do(session: Session, surveyed: Surveyed, now: datetime) -> None:
    with pytest.raises(UnknownPeriod):
        runs.score_period(session, "2031-H1", SPEC, by="a", at=now)
    with pytest.raises(stored.NoRun, match="evenhand score 2026-H1"):
        stored.explain(session, surveyed.period, "R01")
    with pytest.raises(runs.NotScored, match="no reason"):
        runs.score_period(session, surveyed.period, SPEC + '\n[[adjuster]]\nname="x"\nkind="number"\n', by="a", at=now)
    with pytest.raises(runs.UnknownRun):
        runs.recompute(session, 77)
    session.execute(update(Response).values(version_no=99))
    with pytest.raises(NothingAnswered, match="nothing to score"):
        runs.score_period(session, surveyed.period, SPEC, by="a", at=now)


def test_a_window_of_two_periods_reads_the_one_before(session: Session, surveyed: Surveyed, now: datetime) -> None:
    from datetime import date

    from survey.models.company import Period

    session.add(Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31)))
    session.flush()
    run = runs.score_period(session, "2026-H2", SPEC.replace("window = 1", "window = 2"), by="a", at=now)
    assert _score(session, run, "R01").responses == 24


Evenhand = Callable[..., Result]


def test_the_command_scores_and_says_how_sure_it_is(
    session: Session, surveyed: Surveyed, evenhand: Evenhand, tmp_path: Path
) -> None:
    done = evenhand("score", "2026-H1", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    session.rollback()
    run = session.get(Run, told["run"])
    assert (told["fingerprint"], told["reps"]) == (run.fingerprint, 10)
    assert told["evidence"]["withheld"] == 1
    assert any("two or more reps" in finding for finding in told["findings"])
    again = json.loads(evenhand("score", "recompute", str(run.id), "--json").stdout)
    assert again["largest_difference"] <= 1e-9
    assert f"Run {run.id} came out again" in evenhand("score", "recompute", str(run.id)).stdout
    spec = tmp_path / "our.toml"
    spec.write_text(SPEC.replace("minimum_customers = 5", "minimum_customers = 25"))
    assert json.loads(evenhand("score", "2026-H1", "--spec", spec, "--json").stdout)["evidence"]["withheld"] == 10


def test_the_command_explains_in_both_languages(session: Session, run: Run, evenhand: Evenhand) -> None:
    session.commit()
    composite = _score(session, run, "R01")
    english = evenhand("score", "explain", "2026-H1", "R01").stdout
    assert f"{composite.raw:.1f}  raw: 24 answers of 24 customers" in english
    assert f"{composite.reported:.1f}  reported" in english
    assert "customer segment" in english
    chinese = evenhand("score", "explain", "2026-H1", "R01", "--lang", "zh").stdout
    assert f"{composite.adjusted:.1f}  调整后" in chinese
    assert "24 位客户的 24 份答卷" in chinese
    withheld = evenhand("score", "explain", "2026-H1", "R10").stdout
    assert "Too few customers answered" in withheld
    assert not re.search(r"\d\.\d", withheld)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_refuses_in_one_sentence(surveyed: Surveyed, evenhand: Evenhand) -> None:
    done = evenhand("score", "2031-H1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert evenhand("score").exit_code == 2
    assert evenhand("score", "recompute", "x").exit_code == 2
    assert "Example: evenhand score" in evenhand("score", "--help").stdout


# -- what pages show beyond the scores --------------------------------------------------------------------------


def _rows(session: Session, table: type, run: Run, *columns: str) -> list[tuple]:
    return [tuple(row) for row in session.execute(
        select(*(getattr(table, name) for name in columns)).where(table.run_id == run.id)
    )]  # fmt: skip


def test_the_funnel_and_the_agreement_of_every_item_are_stored(session: Session, run: Run) -> None:
    items = {row.item: row for row in session.scalars(select(RunItem).where(RunItem.run_id == run.id))}
    assert set(items) == {*ITEMS, "satisfaction"}
    row = items["satisfaction"]
    assert row.customer_variance > 0
    assert 0 < row.kendall <= row.spearman <= 1
    assert row.moved_sd > 0
    scores = session.scalars(select(RepScore).where(RepScore.run_id == run.id, RepScore.item == "satisfaction")).all()
    assert all((score.effective is None) == (score.evidence == "withheld") for score in scores)
    assert all((score.q is not None) == (score.evidence in ("provisional", "full")) for score in scores)
    assert (
        min(score.raw for score in scores if score.raw) < row.average < max(score.raw for score in scores if score.raw)
    )


def test_answers_are_counted_by_point_and_not_where_they_are_withheld(session: Session, run: Run) -> None:
    counts = session.execute(
        select(Rep.code, AnswerCount.item, AnswerCount.value, AnswerCount.answers)
        .join(Rep, Rep.id == AnswerCount.rep_id)
        .where(AnswerCount.run_id == run.id)
    ).all()
    assert {rep for rep, *_ in counts} == {f"R{number:02}" for number in range(1, 10)}
    for rep in ("R01", "R07"):
        score = _score(session, run, rep, "knowledge")
        mine = {value: answers for code, item, value, answers in counts if (code, item) == (rep, "knowledge")}
        assert sum(mine.values()) == score.responses
        mean = sum(100 * (value - 1) / 4 * answers for value, answers in mine.items()) / score.responses
        assert mean == pytest.approx(score.raw, abs=1e-9)


def test_an_item_that_too_few_rated_is_in_no_number_of_its_rep(
    session: Session, surveyed: Surveyed, now: datetime
) -> None:
    """Of R02 only three customers rate `advice`: neither the composite nor anything else rests on them, so nothing has
    to be withheld beside it."""
    answers = session.scalars(
        select(Answer)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .where(Response.subject_id.in_(_subjects_of("R02")), Answer.item == "advice")
        .order_by(Answer.id)
    ).all()
    for one in [one for one in answers if one.state == "answered"][3:]:
        one.state, one.value = "not applicable", None
    session.flush()
    run = runs.score_period(session, surveyed.period, SPEC, by="a", at=now)
    withheld = {item for item in ITEMS if _score(session, run, "R02", item).evidence == "withheld"}
    assert withheld == {"advice"}
    counted = session.scalars(
        select(AnswerCount.item).join(Rep, Rep.id == AnswerCount.rep_id)
        .where(AnswerCount.run_id == run.id, Rep.code == "R02")
    )  # fmt: skip
    assert set(counted) == set(ITEMS) - withheld


def test_how_many_were_asked_and_answered_is_kept_as_of_the_run(session: Session, run: Run) -> None:
    reach = {
        code: (asked, answered)
        for code, asked, answered in session.execute(
            select(Rep.code, RepReach.asked, RepReach.answered)
            .join(Rep, Rep.id == RepReach.rep_id)
            .where(RepReach.run_id == run.id)
        )
    }
    assert reach["R01"] == (30, 24)
    assert reach["R10"] == (2, None)  # both answered, and both could be read from the number
    places = session.execute(select(RepPlace.rep_id, RepPlace.territory_id).where(RepPlace.run_id == run.id)).all()
    assert len(places) == len(set(places)) == 10


def test_imported_history_says_nothing_of_who_was_asked(session: Session, surveyed: Surveyed, now: datetime) -> None:
    session.execute(update(Campaign).values(imported=True))
    run = runs.score_period(session, surveyed.period, SPEC, by="a", at=now)
    assert _rows(session, RepReach, run, "id") == []


def test_what_ties_two_scores_gives_their_difference(session: Session, run: Run) -> None:
    item = session.scalars(select(RunItem).where(RunItem.run_id == run.id, RunItem.item == "satisfaction")).one()
    ties = Ties.unpacked(item.ties)
    compared = [rep for rep in ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09") if rep in ties.reps]
    scores = {rep: _score(session, run, rep) for rep in compared}
    for rep, score in scores.items():
        assert score.evidence in ("provisional", "full")
        for other, its in scores.items():
            if other != rep:
                assert abs(ties.between(rep, other)) < score.se * its.se


def test_the_first_run_of_all_has_no_changes(session: Session, run: Run) -> None:
    assert run.earlier_run_id is None
    assert _rows(session, ScoreChange, run, "id") == []


@pytest.fixture
def both(session: Session, run: Run, now: datetime, keep: Keeper) -> tuple[Run, Run]:
    """The run of the half-year, and the one of the next."""
    keep(session, "both", lambda: _score_the_next(session, now), after="run")
    first, second = session.scalars(select(Run).order_by(Run.id))
    return first, second


def _score_the_next(session: Session, now: datetime) -> None:
    """The same customers answer, R01's a point better, R02 is asked about no more."""
    period = Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31))
    session.add(period)
    session.flush()
    first = session.scalars(select(Campaign)).one()
    second = Campaign(
        code="2026-H2", period_id=period.id, questionnaire_version_id=first.questionnaire_version_id,
        opens_on=date(2026, 12, 1), closes_on=date(2026, 12, 30), asked_about=first.asked_about, state="closed",
    )  # fmt: skip
    session.add(second)
    session.flush()
    known = {rep.id: rep for rep in session.scalars(select(Rep).where(Rep.code != "R02"))}
    served = {assignment.customer_id: assignment for assignment in session.scalars(select(Assignment))}
    values: dict[int, dict[str, int]] = {}
    for customer, item, value in session.execute(
        select(Invitation.customer_id, Answer.item, Answer.value)
        .join(Subject, Subject.invitation_id == Invitation.id)
        .join(Response, Response.subject_id == Subject.id)
        .join(ResponseVersion, ResponseVersion.response_id == Response.id)
        .join(Answer, Answer.response_version_id == ResponseVersion.id)
        .where(Answer.value.is_not(None))
    ):
        values.setdefault(customer, {})[item] = int(value)
    asked = [
        Asked(
            customer=one.customer, rep=one.rep, territory=one.territory,
            rated={
                item: value + (1 if one.rep.code == "R01" else customer % 12 == 0)
                for item, value in values[customer].items()
            },
        )
        for customer, one in served.items()
        if one.rep_id in known and customer in values
    ]  # fmt: skip
    put_answers(session, second, asked, at=now)
    session.commit()
    runs.score_period(session, "2026-H2", SPEC, by="a", at=now)


def test_changes_since_the_earlier_period_come_from_one_fit_of_both(session: Session, both: tuple[Run, Run]) -> None:
    run, later = both
    assert later.earlier_run_id == run.id
    found = session.scalars(
        select(ScoreChange).where(ScoreChange.run_id == later.id, ScoreChange.item == "satisfaction")
    ).all()
    by_rep = {session.get_one(Rep, change.rep_id).code: change for change in found}
    assert not {"R02", "R10"} & set(by_rep)
    assert len(by_rep) >= 5
    for code, change in by_rep.items():
        assert change.low < change.difference < change.high
        assert change.difference == pytest.approx(change.later - change.earlier, abs=1e-9)
        assert change.expected is not None
        grades = {_score(session, either, code).evidence for either in (run, later)}
        assert grades <= {"provisional", "full"}
    if "R01" in by_rep:
        assert by_rep["R01"].difference == max(change.difference for change in found)


def test_a_run_is_not_compared_with_what_it_holds_itself_nor_with_other_questions(
    session: Session, both: tuple[Run, Run]
) -> None:
    run = both[0]
    wide = "window = 2\n" + SPEC.replace("window = 1", "")
    assert runs.gather(session, "2026-H2", wide).earlier is None
    material = runs.gather(session, "2026-H2", SPEC)
    assert material.earlier is not None
    assert material.earlier.run_id == run.id
    other = packed(pd.read_parquet(BytesIO(run.snapshot)).drop(columns=["overall"]))
    asked_otherwise = replace(material.earlier, snapshot=other)
    found = publishing.published(runs.scored(material), material.snapshot, asked_otherwise)
    assert (found.earlier_run_id, found.changes) == (None, ())
