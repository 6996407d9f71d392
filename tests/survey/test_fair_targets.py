"""Targets by what a territory lets one expect: shared out, blended, limited, stored with their grounds, and printed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.targets import expect, share_plan
from survey.models.appraising import Appraisal
from survey.models.facts import FairTarget, Revision
from survey.models.roster import Rep
from survey.schemes import SHIPPED

Evenhand = Callable[..., Result]
Bring = Callable[..., dict[str, Any]]
POTENTIAL = {number: 100.0 * (1 + number % 7) for number in range(16)}
ACCOUNTS = {number: 20.0 + 3 * (number * 5 % 11) for number in range(16)}
SALES = {number: 50 * POTENTIAL[number] ** 0.5 * (1 + 0.05 * (number % 3 - 1)) for number in range(16)}


@pytest.fixture
def company(evenhand: Evenhand, bring: Bring) -> Callable[[int], None]:
    return lambda territories: build(evenhand, bring, territories)


def build(evenhand: Evenhand, bring: Bring, territories: int) -> None:
    """So many territories with a rep each; their sales of the last half-year."""
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    evenhand("period", "add", "2026-H2", "--from", "2026-07-01", "--to", "2026-12-31")
    some = range(territories)
    rows = [f"T{n},T{n},{POTENTIAL[n]},{ACCOUNTS[n]}" for n in some]
    bring("territories", "\n".join(("code,name,potential,accounts", *rows)))
    bring("reps", "\n".join(("code,name,hired_on", *(f"R{n},R{n},2026-09-01" for n in some))))
    bring("customers", "\n".join(("code,name", *(f"C{n},C{n}" for n in some))))
    served = (f"C{n},R{n},T{n},2025-01-01" for n in some)
    bring("assignments", "\n".join(("customer,rep,territory,served_from", *served)))
    facts = (f"2026-H1,R{n},sales,{SALES[n]}" for n in some)
    bring("facts", "\n".join(("period,rep,indicator,value", *facts)))


def targets(done: Result) -> dict[str, dict[str, Any]]:
    assert done.exit_code == 0, done.stderr
    return {row["rep"]: row for row in json.loads(done.stdout)}


def test_enough_territories_are_regressed_each_left_out_of_its_own(
    company: Callable[[int], None], evenhand: Evenhand
) -> None:
    company(16)
    found = targets(evenhand("targets", "set", "2026-H2", "sales", "--plan", "16000", "--from", "2026-H1", "--json"))
    names = {f"T{n}": n for n in range(16)}
    fit = expect(
        {name: SALES[n] for name, n in names.items()},
        {
            "potential": {name: POTENTIAL[n] for name, n in names.items()},
            "accounts": {name: ACCOUNTS[n] for name, n in names.items()},
        },
    )
    shares = share_plan(16_000, {one.territory: one.expected for one in fit.territories})
    assert {row["provenance"]["territory"]: row["target"] for row in found.values()} == pytest.approx(shares)
    assert math.fsum(row["target"] for row in found.values()) == pytest.approx(16_000)
    one = found["R3"]
    assert (one["method"], one["quota"]) == ("regression", None)
    assert one["se_log"] == pytest.approx(next(t.se_log for t in fit.territories if t.territory == "T3"))
    assert "left out of its own expectation" in one["why"]


def test_twice_the_potential_twice_the_expectation_the_same_attainment() -> None:
    """The same effort in a territory twice as rich is the same attainment: sales follow potential exactly here."""
    names = [str(n) for n in range(20)]
    potential = {name: 100.0 * (1 + int(name) % 5) for name in names}
    fit = expect({name: 3 * potential[name] for name in names}, {"potential": potential})
    assert {round(one.sales / one.expected, 9) for one in fit.territories} == {1}


CRAVENS = Path(__file__).parents[1] / "data" / "cravens1972.csv"
ATTAINED = {"1": 1.283, "5": 1.115, "6": 1.203, "7": 0.899, "19": 0.720, "23": 0.676}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_published_territories_come_out_of_imported_files(evenhand: Evenhand, bring: Bring) -> None:
    """Cravens, Woodruff and Stamper (1972): the plan is what was sold, so that attainment is sales over target."""
    lines = [line for line in CRAVENS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    evenhand("period", "add", "1971", "--from", "1971-01-01", "--to", "1971-12-31")
    evenhand("period", "add", "1972", "--from", "1972-01-01", "--to", "1972-12-31")
    columns = ("territory", "territory", "potential", "accounts", "workload", "advertising")
    table = [",".join(row[name] for name in columns) for row in rows]
    bring("territories", "\n".join(("code,name,potential,accounts,workload,advertising", *table)))
    bring("reps", "\n".join(("code,name", *(f"R{row['territory']},R{row['territory']}" for row in rows))))
    bring("customers", "\n".join(("code,name", *(f"C{row['territory']},C" for row in rows))))
    served = (f"C{row['territory']},R{row['territory']},{row['territory']},1970-01-01" for row in rows)
    bring("assignments", "\n".join(("customer,rep,territory,served_from", *served)))
    sales = (f"1971,R{row['territory']},sales,{row['sales']}" for row in rows)
    bring("facts", "\n".join(("period,rep,indicator,value", *sales)))
    plan = math.fsum(float(row["sales"]) for row in rows)
    found = targets(evenhand("targets", "set", "1972", "sales", "--plan", plan, "--from", "1971", "--json"))
    sold = {row["territory"]: float(row["sales"]) for row in rows}
    attained = {name: sold[name] / found[f"R{name}"]["target"] for name in sold}
    assert {name: attained[name] for name in ATTAINED} == pytest.approx(ATTAINED, abs=6e-4)
    by_rank = sorted(attained, key=attained.__getitem__, reverse=True)
    assert {name: by_rank.index(name) + 1 for name in ATTAINED} == {
        "1": 1, "5": 9, "6": 3, "7": 18, "19": 23, "23": 25,
    }  # fmt: skip
    provenance = found["R7"]["provenance"]
    assert {name: one[0] for name, one in provenance["coefficients"].items()} == pytest.approx(
        {"constant": 0.0915, "potential": 0.309, "support": 0.210, "accounts": 0.544, "workload": 0.149}, abs=6e-4
    )
    assert provenance["s"] == pytest.approx(0.1753, abs=5e-5)
    assert (provenance["r2"], provenance["left_out_r2"]) == pytest.approx((0.819, 0.744), abs=6e-4)


def test_too_few_territories_go_by_the_agreed_index(
    company: Callable[[int], None], evenhand: Evenhand, bring: Bring, session: Session
) -> None:
    company(4)
    bring("facts", "period,rep,indicator,value,target\n2026-H2,R1,sales,900,2000\n")
    found = targets(evenhand("targets", "set", "2026-H2", "sales", "--plan", "4000", "--from", "2026-H1", "--json"))
    whole = {name: sum(values[n] for n in range(4)) for name, values in
             (("potential", POTENTIAL), ("accounts", ACCOUNTS), ("sales", SALES))}  # fmt: skip
    expected = 4_000 * (
        0.5 * POTENTIAL[2] / whole["potential"]
        + 0.3 * ACCOUNTS[2] / whole["accounts"]
        + 0.2 * SALES[2] / whole["sales"]
    )
    assert found["R2"]["method"] == "index"
    assert found["R2"]["target"] == pytest.approx(expected)
    limited = found["R1"]
    assert limited["quota"] == 2_000
    assert limited["target"] == pytest.approx(max(1_500, math.sqrt(2_000 * limited["adjusted"])))
    evenhand("targets", "set", "2026-H2", "sales", "--plan", "8000", "--from", "2026-H1")
    assert session.scalars(select(Revision).where(Revision.kind == "fair_target")).all()


def test_without_results_there_is_no_target(company: Callable[[int], None], evenhand: Evenhand) -> None:
    company(4)
    done = evenhand("targets", "set", "2026-H2", "collection", "--plan", "1", "--from", "2026-H1")
    assert done.exit_code == 1
    assert "collection needs results of 2026-H1" in done.stderr
    wrong = ("targets", "set", "2026-H2", "sales", "--plan", "1", "--from", "2026-H1", "--weights")
    assert "workload" in evenhand(*wrong, "workload=1").stderr
    assert evenhand(*wrong, "potential").exit_code == 2
    same = evenhand("targets", "set", "2026-H1", "sales", "--plan", "1", "--from", "2026-H1")
    assert "2026-H1 does not end before 2026-H1 begins" in same.stderr


def test_the_appraisal_measures_by_it_and_says_so(
    company: Callable[[int], None], evenhand: Evenhand, bring: Bring, session: Session
) -> None:
    """R1 has been here four months at the period's end: the ramp asks four fifths of the territory's target."""
    company(4)
    bring("facts", "period,rep,indicator,value\n2026-H2,R1,sales,500\n2026-H2,R1,product_exam,80\n")
    targets(evenhand("targets", "set", "2026-H2", "sales", "--plan", "4000", "--from", "2026-H1", "--json"))
    assert evenhand("appraise", "2026-H2", "--scheme", "technical-newcomer-4-6", "--draft").exit_code == 0
    row = session.scalars(select(Appraisal)).one()
    stored = session.scalars(select(FairTarget).where(FairTarget.rep_id == row.rep_id)).one()
    part = next(one for one in row.outcome["parts"] if one["code"] == "sales")
    months = 3  # whole months from 1 September to 31 December
    share = 0.4 + 0.6 * months / 6
    assert (part["target_source"], part["target"]) == ("territory", pytest.approx(stored.target * share))
    assert "potential" in part["working"]["target_why_en"]
    assert "3 months in post" in part["working"]["target_why_en"]


HALF = ("2026-07-01", "2026-12-31")
"""184 days."""


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_last_years_sales_stretched_and_prorated_for_the_days_in_post_decide_with_the_team(
    evenhand: Evenhand, bring: Bring, session: Session, tmp_path: Path
) -> None:
    """Last year 1,000, factor 1.2, actual 1,080: 90 %. R2 began on day 93 of 184, R3 was away for 46 days, which lowers
    an agreed target as well; R4's was agreed knowing of the first day. Three of one manager are a team, one is none."""
    scheme = (SHIPPED / "result-process.toml").read_text(encoding="utf-8")
    scheme = scheme.replace("prorate = true", "prorate = true\nstretch = 1.2\nteam_share = 0.1", 1)
    own = tmp_path / "own.toml"
    own.write_text(scheme.replace('code = "result-process"', 'code = "own"'), encoding="utf-8")
    evenhand("period", "add", "2026-H2", "--from", HALF[0], "--to", HALF[1])
    bring(
        "reps",
        "code,name,hired_on,manager_email\nR1,a,2020-01-01,boss@h.example\nR2,b,2026-10-01,boss@h.example\n"
        "R3,c,2020-01-01,boss@h.example\nR4,d,2026-10-01,other@h.example\n",
    )
    head = "period,rep,indicator,value,target,note\n"
    measured = ("R1,sales,1080,,", "R1,last_year_sales,1000,,", "R2,sales,600,,", "R2,上年销售额,1000,,",
                "R3,sales,900,1200,", "R3,days_away,46,,产假", "R4,sales,1000,1000,")  # fmt: skip
    bring("facts", head + "".join(f"2026-H2,{one}\n" for one in measured))
    done = evenhand("appraise", "2026-H2", "--scheme", own, "--draft")
    assert done.exit_code == 0, done.stderr
    rows = session.execute(select(Rep.code, Appraisal.outcome).join(Appraisal, Appraisal.rep_id == Rep.id)).all()
    parts = {rep: next(one for one in outcome["parts"] if one["code"] == "sales") for rep, outcome in rows}
    assert {rep: part["target"] for rep, part in parts.items()} == {"R1": 1200, "R2": 600, "R3": 900, "R4": 1000}
    assert parts["R2"]["working"]["target_why_en"] == "last year’s 1,000 × 1.2: 1,200, for 92 of 184 days in post"
    assert parts["R3"]["working"]["target_why_zh"] == "与员工议定：1,200，按在岗 138/184 天计（产假）"
    team = (1080 + 600 + 900) / (1200 + 600 + 900)
    assert parts["R1"]["working"]["team"] == pytest.approx(team)
    assert parts["R1"]["points"] == pytest.approx(40 * (0.9 * 0.9 + 0.1 * team))
    assert "team" not in parts["R4"]["working"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("away", "told"), [("46,,", "write the reason in note"), ("200,,产假", "away for 200 of 184 days")]
)
def test_days_away_that_nobody_can_follow_are_refused(evenhand: Evenhand, bring: Bring, away: str, told: str) -> None:
    evenhand("period", "add", "2026-H2", "--from", HALF[0], "--to", HALF[1])
    bring("reps", "code,name\nR1,a\n")
    rows = f"2026-H2,R1,sales,900,1200,\n2026-H2,R1,days_away,{away}\n"
    bring("facts", f"period,rep,indicator,value,target,note\n{rows}")
    done = evenhand("appraise", "2026-H2", "--scheme", "result-process", "--draft")
    assert done.exit_code == 1
    assert told in done.stderr
