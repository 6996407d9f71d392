"""The sheet for the talk, on screen and as a PDF."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from tests.survey.views.conftest import Page


@pytest.fixture
def boss(scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("manager", "boss@harbour.example"))


def _text(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return Page(answer.get_data(as_text=True)).text


def test_the_sheet_says_what_is_supported_and_what_is_not(boss: FlaskClient) -> None:
    text = _text(boss, "/reps/R08/talk?lang=en")
    assert "黄国强 is clearly below the mean of 82.7, given the answers of 60 customers" in text
    assert "Product knowledge is clearly below the mean: 65.5 (59.3–71.7), mean 82.7." in text
    assert "Customers rate Product knowledge lower than elsewhere. What happens there" in text
    assert "Customer segment: your customers are of a kind that rates lower, and 2.3 points were given back." in text
    assert "What it takes to know more" not in text


def test_the_sheet_says_whether_the_change_may_be_told_from_chance(boss: FlaskClient) -> None:
    risen, level = (_text(boss, f"/reps/{code}/talk?lang=en") for code in ("R01", "R08"))
    change = "+6.0 points (95 % interval +2.0 to +10.0), −0.8 to be expected by itself"
    assert f"Satisfaction has risen since 2025-H2: {change}." in risen
    assert "A rise or a fall since 2025-H2: −3.1 points (95 % interval −7.1 to +0.9)" in level
    assert "since 2025-H2" not in _text(boss, "/reps/R02/talk?lang=en")


def test_short_of_evidence_the_sheet_counts_what_is_missing_and_names_nobody(boss: FlaskClient) -> None:
    text = _text(boss, "/reps/R03/talk?lang=en")
    assert "Any comparison: there are not enough answers. That is neither good nor bad." in text
    assert "About 8 more answering customers would make it provisional." in text
    assert "No campaign asks about 张晨曦 now; the next one can." in text
    assert "Nothing yet: there are not enough answers." in text
    assert "It cannot be reached: it takes 16, and only 0 customers can be asked." in text
    assert "海川商行" not in text
    assert "Any number: too few customers answered" in _text(boss, "/reps/R04/talk?lang=en")
    assert "Whether it is the rep or the territory" in _text(boss, "/reps/R07/talk?lang=en")
    assert "Not scored yet" in _text(boss, "/reps/R01/talk?lang=en&period=2026-H2")


@pytest.mark.parametrize(
    "address", ["/reps/R09/talk", "/reps/R09/talk.pdf", "/reps/R99/talk", "/reps/R01/talk?period=x"]
)
def test_somebody_elses_rep_and_nobody_are_a_plain_404(boss: FlaskClient, address: str) -> None:
    assert boss.get(address).status_code == 404


def test_an_unscored_period_has_no_paper(boss: FlaskClient) -> None:
    assert boss.get("/reps/R01/talk.pdf?period=2026-H2").status_code == 404


@pytest.mark.parametrize(("language", "said"), [("en", "Any adverse consequence"), ("zh", "任何不利后果")])
def test_the_paper_is_one_page_with_the_same_numbers(boss: FlaskClient, language: str, said: str) -> None:
    answer = boss.get(f"/reps/R02/talk.pdf?lang={language}")
    assert answer.mimetype == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.get_data())).pages
    assert len(pages) == 1
    text = pages[0].extract_text()
    for number in ("71.0", "74.5", "64.7–84.3", "76.5", "0.55", "22"):
        assert number in text, number
    assert said in text.replace("\n", "")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_sheets_of_a_team_print_together_one_page_each_and_nobody_elses(boss: FlaskClient) -> None:
    assert "/team/talks.pdf" in boss.get("/team").text
    pages = PdfReader(io.BytesIO(boss.get("/team/talks.pdf?lang=en&search=R0").get_data())).pages
    texts = [page.extract_text() for page in pages]
    assert len(texts) == 8
    assert sum("黄国强" in text for text in texts) == 1
    assert all(text.count("What they do not support") == 1 for text in texts)
    assert "Daniel Doyle" not in " ".join(texts), "R09 is another manager's"
    assert boss.get("/team/talks.pdf?search=nobody").status_code == 404
