"""The worked table of one rep over four years, and when nothing may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scoring.diagnosis import asks_for_diagnosis, diagnose
from scoring.diagnosis.questions import Company
from scoring.diagnosis.table import NotATable, Period

YEARS = ("y1", "y2", "y3", "y4")
A, B = (251_300, 253_200, 270_000, 263_100), (423_200, 439_200, 553_900, 561_900)
QUOTA_A, QUOTA_B = (95.6, 92.0, 88.0, 84.7), (120.4, 122.3, 134.9, 130.8)
EXPENSE, CALLS = (10_200, 11_100, 11_600, 13_200), (1_675, 1_700, 1_680, 1_660)
CUSTOMERS, WON, LOST = (320, 324, 328, 334), (13, 14, 15, 20), (8, 10, 11, 14)


def worked() -> list[Period]:
    return [
        Period(
            label=YEARS[year],
            sales={"A": A[year], "B": B[year]},
            attainment={"A": QUOTA_A[year], "B": QUOTA_B[year]},
            profit={"A": A[year] * 0.2, "B": B[year] * 0.1},
            expense=EXPENSE[year],
            calls=CALLS[year],
            customers=CUSTOMERS[year],
            won=WON[year],
            lost=LOST[year],
        )
        for year in range(4)
    ]


def codes(periods: Sequence[Period], company: Company | None = None, workload: float | None = None) -> list[str]:
    return [question.code for question in diagnose(periods, company=company, workload=workload).questions]


def test_the_derived_lines_are_the_table_s() -> None:
    lines = {line.number: [round(value, 2) for value in line.values] for line in diagnose(worked()).lines}
    assert len(lines) == 17
    assert lines[3] == [674_500, 692_400, 823_900, 825_000]
    assert lines[6] == [50_260, 50_640, 54_000, 52_620]
    assert lines[8] == [92_580, 94_560, 109_390, 108_810]
    assert [round(value, 1) for value in lines[10]] == [1.5, 1.6, 1.4, 1.6]
    assert lines[12] == [6.09, 6.53, 6.90, 7.95]
    assert [round(value) for value in lines[16]] == [2_108, 2_137, 2_512, 2_470]
    assert [round(value) for value in lines[17]] == [289, 292, 334, 326]


def test_findings_d1_to_d7_fire_and_d8_d9_want_the_company_s_averages() -> None:
    found = diagnose(worked())
    assert [question.code for question in found.questions] == ["D1", "D2", "D3", "D4", "D5", "D6", "D7"]
    assert [(one.code, one.en) for one in found.left_out] == [
        ("D8", "Company average missing."),
        ("D9", "Company average missing."),
    ]
    assert found.unbalanced == ()


def test_the_findings_rest_on_the_worked_numbers() -> None:
    found = {question.code: question for question in diagnose(worked()).questions}
    assert found["D2"].numbers == pytest.approx({"sales": 1_100, "profit": -580})
    assert found["D3"].numbers == pytest.approx({"A": -1_380, "B": 800, "mix": -580})
    assert found["D7"].numbers == {"first": 8, "last": 14}
    assert found["D2"].lines == (3, 8)
    assert found["D3"].lines == (1, 2, 6, 7)
    assert found["D4"].lines == (4, 5)
    assert "−1,380 (A) +800 (B) = −580" in found["D3"].en


def test_findings_are_questions_in_both_languages() -> None:
    company = Company(profit_per_customer=400, calls=1_900, workload=20)
    questions = diagnose(worked(), company=company, workload=22).questions
    assert [question.code for question in questions][-2:] == ["D8", "D9"]
    for question in questions:
        assert question.zh.endswith("？")
        assert question.en.endswith("?")


@pytest.mark.parametrize("workload", [None, 15.0, 25.0])
def test_calls_are_not_compared_where_distances_differ(workload: float | None) -> None:
    company = Company(profit_per_customer=300, calls=1_900, workload=20)
    found = diagnose(worked(), company=company, workload=workload)
    assert "D9" not in {question.code for question in found.questions}
    assert [one.code for one in found.left_out] == ["D9"]


def test_a_rep_who_does_as_well_as_colleagues_is_asked_nothing_about_it() -> None:
    company = Company(profit_per_customer=300, calls=1_600, workload=20)
    found = diagnose(worked(), company=company, workload=20)
    assert not {"D8", "D9"} & {question.code for question in found.questions}
    assert found.left_out == ()


def test_each_finding_needs_its_own_change() -> None:
    years = worked()
    assert "D1" not in codes([years[1], years[0], *years[2:]])
    better = replace(years[3], profit={"A": 60_000, "B": 60_000})
    assert not {"D2", "D3"} & set(codes([*years[:3], better]))
    cheap = replace(years[3], sales={"A": 280_000, "B": 500_000}, profit={"A": 56_000, "B": 50_000})
    assert "D3" not in codes([*years[:3], cheap]), "B was sold less, and earns less"
    assert "D4" not in codes([*years[:3], replace(years[3], attainment={"A": 101.0, "B": 130.8})])
    assert not {"D5", "D6"} & set(codes([*years[:3], replace(years[3], expense=11_000)]))
    assert "D5" not in codes([*years[:3], replace(years[3], calls=1_700)])
    assert "D6" not in codes([*years[:3], replace(years[3], won=15)])
    assert "D7" not in codes([*years[:3], replace(years[3], lost=11)])


def test_customers_that_do_not_add_up_are_named() -> None:
    years = worked()
    years[1] = replace(years[1], customers=24)
    assert diagnose(years).unbalanced == ("y2", "y3")


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(NotATable, match="at least two"):
        diagnose(worked()[:1])
    with pytest.raises(NotATable, match="different products"):
        diagnose([worked()[0], replace(worked()[1], sales={"A": 1.0}, attainment={"A": 1.0}, profit={"A": 1.0})])
    with pytest.raises(NotATable, match="same products"):
        replace(worked()[0], profit={"A": 1.0})
    with pytest.raises(NotATable, match="above 0"):
        replace(worked()[0], calls=0)


@pytest.mark.parametrize(
    ("losses", "opened"), [((1, 1), True), ((0, 1, 0, 1), False), ((2,), True), ((1,), False), ((), False)]
)
def test_repeated_losses_ask_for_a_diagnosis(losses: tuple[int, ...], opened: bool) -> None:
    assert asks_for_diagnosis(losses) is opened
