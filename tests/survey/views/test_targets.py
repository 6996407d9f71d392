"""Fair targets in the browser: looked at territory by territory, stored as the command stores them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import Result
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.facts import FairTarget, Revision
from tests.survey.test_fair_targets import build

from .conftest import Page

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])
TERMS = {
    "period": "2026-H2", "indicator": "sales", "base": "2026-H1", "plan": "4,000", "blend": "50", "limit": "25",
    "weights": "",
}  # fmt: skip
SET = ("targets", "set", "2026-H2", "sales", "--from", "2026-H1")


@pytest.fixture
def reviewer(person: Callable[..., str], sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(person("reviewer"))


def _look(client: FlaskClient, language: str = "en", **terms: str) -> str:
    return client.get(f"/targets?{urlencode(TERMS | terms)}&lang={language}").text


def test_too_few_territories_are_said_and_what_is_seen_is_stored_as_by_the_command(
    reviewer: FlaskClient, session: Session, evenhand: Callable[..., Result], bring: Callable[..., dict[str, Any]]
) -> None:
    build(evenhand, bring, 4)
    bring("facts", "period,rep,indicator,value,target\n2026-H2,R1,sales,900,2000\n")
    assert 'value="50"' in reviewer.get("/targets").text
    seen = _look(reviewer)
    assert "4 territories are too few for 2 covariates (15 needed)" in seen
    assert "changed by 25% at most" in seen
    chinese = _look(reviewer, "zh", weights="潜力=0.6，客户数=0.4")
    assert "按议定指数（0.6 潜力 + 0.4 客户数）分摊计划 4,000。" in chinese
    assert "4 个区域太少" in _look(reviewer, "zh")
    assert session.scalars(select(FairTarget)).all() == []
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', seen.split('action="/targets"')[1]))
    answer = reviewer.post("/targets", data=hidden)
    assert answer.status_code == 303
    stored = json.loads(evenhand("targets", "show", "2026-H2", "--json").stdout)
    assert [row["rep"] for row in stored] == ["R0", "R1", "R2", "R3"]
    assert json.loads(evenhand(*SET, "--plan", "4000", "--json").stdout) == stored
    assert session.scalars(select(Revision)).all() == [], "the command computes the same"
    page = Page(reviewer.get(answer.location).text).text
    assert "reviewer@harbour.example" in page


def test_a_regression_shows_its_equation_and_terms_that_cannot_be_are_told(
    reviewer: FlaskClient, evenhand: Callable[..., Result], bring: Callable[..., dict[str, Any]]
) -> None:
    build(evenhand, bring, 16)
    seen = _look(reviewer)
    assert "The equation" in seen
    assert "each territory left out of its own expectation" in seen
    for wrong, said in (
        ({"plan": "many"}, "This is not a number"), ({"plan": "-3"}, "above zero"),
        ({"weights": "potential=.4"}, "sum to 0.4"), ({"weights": "potential"}, "Write the weights like"),
        ({"weights": "workload=1"}, "needs workload of every territory"), ({"limit": "900"}, "from 0 to 100"),
        ({"base": "2026-H2"}, "sales needs results of 2026-H2"),
    ):  # fmt: skip
        answer = reviewer.get(f"/targets?{urlencode(TERMS | wrong)}&lang=en")
        assert (answer.status_code, said in answer.text) == (400, True), wrong
    assert "指数需要每个区域的 工作量、竞争" in _look(reviewer, "zh", weights="workload=.5,competition=.5")


@pytest.mark.parametrize("role", ["administrator", "manager", "rep", "auditor"])
def test_targets_are_a_reviewers(person: Callable[..., str], sign_in: Callable[..., FlaskClient], role: str) -> None:
    assert sign_in(person(role)).get("/targets").status_code == 404
