"""Schemes in the browser: everything a scheme says and who says so; a named person adopts it and it is frozen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import schemes
from survey.models import SchemeVersion

Look = Callable[[TestResponse], Any]


@pytest.fixture
def reviewer(person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("reviewer"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_shipped_scheme_can_be_read(reviewer: FlaskClient, look: Look, language: str) -> None:
    links = look(reviewer.get(f"/schemes?lang={language}")).links
    for name, text in schemes.shipped().items():
        assert f"/schemes/{name}" in links
        page = look(reviewer.get(f"/schemes/{name}?lang={language}"))
        scheme = schemes.read(text)
        assert (scheme.title_zh if language == "zh" else scheme.title_en) in page.text
        assert all(one.code in page.text for one in scheme.indicators)


def test_what_the_text_states_is_told_apart_from_our_defaults(reviewer: FlaskClient, look: Look) -> None:
    page = look(reviewer.get("/schemes/kelon-branch-manager?lang=en")).text
    assert "stated" in page
    assert "our default" in page


def test_the_page_says_what_uniform_answers_earn(reviewer: FlaskClient, look: Look) -> None:
    """On 60 to 90, all “very” (75 of 100) earns half of 20 points and all “moderately” (50) nothing."""
    page = look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    assert "Extremely well 100 20.0" in page
    assert "Very well 75 10.0" in page
    assert "Moderately well 50 0.0" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_says_how_points_of_satisfaction_are_taken(
    reviewer: FlaskClient, look: Look, session: Session, now: datetime
) -> None:
    assert "at the reported score" in look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    text = schemes.shipped()["taiwan-six"].replace("full_at = 90", 'full_at = 90\npoints = "expected"')
    schemes.adopt(session, text, by="hr", at=now)
    session.commit()
    assert "expected over the uncertainty" in look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    assert "按分数的不确定范围取期望值" in look(reviewer.get("/schemes/taiwan-six?lang=zh")).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_advice_is_given_in_the_readers_language(reviewer: FlaskClient, look: Look) -> None:
    chinese = look(reviewer.get("/schemes/satisfaction-only?lang=zh")).text
    assert "只有 1 项指标，不足以引导全部工作；通常为三至十项。" in chinese
    assert "three to ten" not in chinese
    assert "1 indicator alone cannot guide" in look(reviewer.get("/schemes/satisfaction-only?lang=en")).text
    for text in schemes.shipped().values():
        assert all(one.zh for one in schemes.read(text).warnings)
    assert (
        "扣分 2：同一件事可能在 complaint 和 satisfaction 中重复计算"
        in look(reviewer.get("/schemes/kelon-branch-manager-satisfaction?lang=zh")).text
    )


def test_a_named_person_adopts_and_it_is_frozen(reviewer: FlaskClient, look: Look, session: Session) -> None:
    token = look(reviewer.get("/schemes/kelon-branch-manager")).token
    done = reviewer.post("/schemes/kelon-branch-manager", data={"csrf_token": token})
    assert done.status_code == 303
    row = session.scalars(select(SchemeVersion)).one()
    assert (row.name, row.adopted_by) == ("kelon-branch-manager", "reviewer@harbour.example")
    page = look(reviewer.get("/schemes/kelon-branch-manager?lang=en")).text
    assert "by reviewer@harbour.example, frozen" in page
    assert "Adopt this scheme" not in page


def test_a_rep_reads_it_and_cannot_adopt_it(
    person: Callable[..., str], sign_in: Callable[[str], FlaskClient], look: Look, session: Session
) -> None:
    rep = sign_in(person("rep"))
    page = look(rep.get("/schemes/kelon-branch-manager?lang=en"))
    assert "Adopt this scheme" not in page.text
    assert rep.post("/schemes/kelon-branch-manager", data={"csrf_token": page.token}).status_code == 404
    assert session.scalar(select(SchemeVersion.id)) is None


def test_there_is_no_other_scheme(reviewer: FlaskClient) -> None:
    assert reviewer.get("/schemes/nothing").status_code == 404
