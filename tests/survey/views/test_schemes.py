"""Schemes in the browser: everything a scheme says and who says so; a named person adopts it and it is frozen."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import schemes
from survey.models.appraising import SchemeVersion
from survey.roster import periods

from .conftest import Page

Look = Callable[[TestResponse], Any]
KELON = schemes.shipped()["kelon-branch-manager"]


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
        assert all((one.zh if language == "zh" else str(one)) in page.text for one in scheme.warnings)


def test_what_the_text_states_is_told_apart_from_our_defaults(reviewer: FlaskClient, look: Look) -> None:
    page = look(reviewer.get("/schemes/kelon-branch-manager?lang=en")).text
    assert "stated" in page
    assert "our default" in page


def test_the_page_says_what_uniform_answers_earn(reviewer: FlaskClient, look: Look) -> None:
    """On 60 to 90, all “very” (75 of 100) earns half of 20 points and all “moderately” (50) nothing."""
    page = look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    assert "Customer satisfaction Extremely well 100 20.0" in page
    assert "Very well 75 10.0" in page
    assert "Moderately well 50 0.0" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_says_how_points_of_satisfaction_are_taken(
    reviewer: FlaskClient, look: Look, session: Session, now: datetime
) -> None:
    assert "at the reported score" in look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    text = schemes.shipped()["taiwan-six"].replace("full_at = 90", 'full_at = 90\npoints = "expected"')
    text = f"version = 2\n{text}"
    schemes.adopt(session, text, by="hr", at=now)
    session.commit()
    assert "expected over the uncertainty" in look(reviewer.get("/schemes/taiwan-six?lang=en")).text
    assert "按分数的不确定范围取期望值" in look(reviewer.get("/schemes/taiwan-six?lang=zh")).text


def test_a_named_person_adopts_and_it_is_frozen(reviewer: FlaskClient, look: Look, session: Session) -> None:
    form = look(reviewer.get("/schemes/kelon-branch-manager")).hidden
    assert reviewer.post("/schemes/taiwan-six", data=form).status_code == 404, "another's text"
    assert reviewer.post("/schemes/kelon-branch-manager", data=form | {"text": ""}).status_code == 400
    assert _stored(session) == []
    assert reviewer.post("/schemes/kelon-branch-manager", data=form).status_code == 303
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
    assert rep.post("/schemes", data={"csrf_token": page.token, "file": _file(KELON)}).status_code == 404
    assert "own" not in look(rep.get("/schemes?lang=en")).values
    assert _stored(session) == []


def test_there_is_no_other_scheme(reviewer: FlaskClient) -> None:
    assert reviewer.get("/schemes/nothing").status_code == 404
    assert reviewer.get("/schemes/nothing.toml").status_code == 404


def test_a_scheme_is_taken_home_changed_looked_at_and_adopted(
    reviewer: FlaskClient, look: Look, session: Session, now: datetime
) -> None:
    """What stands in a file comes back as the page of a shipped scheme; what was looked at is what is adopted, and
    appraisals may be drawn up by it."""
    taken = reviewer.get("/schemes/kelon-branch-manager.toml")
    assert (taken.mimetype, taken.text) == ("application/toml", KELON)
    ours = _renamed(taken.text).replace("\n", "\r\n")
    proposed = _bring(reviewer, b"\xef\xbb\xbf" + ours.encode())
    assert proposed.status_code == 200
    page = look(proposed).text
    assert "Nothing is stored before you adopt it" in page
    assert "our default" in page
    assert _stored(session) == []
    assert reviewer.post("/schemes/ours", data=look(proposed).hidden).status_code == 303
    (row,) = _stored(session)
    assert (row.name, row.adopted_by, row.content) == ("ours", "reviewer@harbour.example", _renamed(KELON))
    assert reviewer.get("/schemes/ours.toml").text == row.content
    again = look(_bring(reviewer, ours.encode())).text
    assert "what was adopted under this version" in again
    assert "Adopt this scheme" not in again
    number = periods.add(
        session, "2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30), by="hr", at=now
    ).id  # fmt: skip
    session.commit()
    for path in ("/schemes", f"/periods/{number}"):
        assert "Our own branch managers" in look(reviewer.get(f"{path}?lang=en")).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_mistake_in_a_file_is_named_in_the_readers_language(
    reviewer: FlaskClient, look: Look, session: Session
) -> None:
    wrong = KELON.replace("weight = 40", "weight = 50").replace('rule = "ratio"', 'rule = "guess"', 1)
    for language, *told in (
        ("en", "line 20, [indicator] 1: rule is 'guess'; choose from ratio", "the weights sum to 110; make them"),
        ("zh", "第 20 行，第 1 个 [indicator]：rule 为 'guess'；请从 ratio", "权重合计 110；请使合计为 100。"),
    ):
        answer = _bring(reviewer, wrong.encode(), language)
        assert answer.status_code == 400
        assert all(one in look(answer).text for one in told)
    assert _stored(session) == []


NO_SCHEMES = {
    "GB18030": (KELON.encode("gb18030"), "Save it as UTF-8"),
    "128 kB": (b"x" * 128_000, "64 kB are the most"),
    "binary": (b"\x00" * 90, "this is not TOML"),
    "brackets": (b"x = " + b"[" * 10_000, "nested too deeply"),
    "keys without end": (b"".join(b"k%d = 1\n" % number for number in range(2_000)), "… and 1907 more"),
    "digits without end": (b"version = " + b"9" * 60_000, "this is not TOML"),
    "nothing": (b"", "code is missing"),
}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_file_that_is_no_scheme_is_told_so(reviewer: FlaskClient, look: Look, session: Session) -> None:
    for kind, (content, told) in NO_SCHEMES.items():
        answer = _bring(reviewer, content)
        assert answer.status_code == 400, kind
        assert told in look(answer).text, kind
    assert _stored(session) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_changed_scheme_needs_a_higher_version(
    reviewer: FlaskClient, look: Look, session: Session, now: datetime
) -> None:
    changed = KELON.replace("cap = 1.0", "cap = 1.2")
    assert "comes with this software and says something else" in look(_bring(reviewer, changed.encode())).text
    looked_at = _bring(reviewer, f"version = 2\n{changed}".encode())
    schemes.adopt(session, f"version = 3\n{KELON}", by="hr", at=now)
    session.commit()
    late = reviewer.post("/schemes/kelon-branch-manager?lang=en", data=look(looked_at).hidden)
    assert late.status_code == 400
    for answer in (late, _bring(reviewer, f"version = 3\n{changed}".encode())):
        assert "Version 3 of kelon-branch-manager is adopted and frozen. Give" in look(answer).text
        assert "version 4" in look(answer).text
    chinese = look(_bring(reviewer, f"version = 3\n{changed}".encode(), "zh")).text
    assert "请将修改后的方案编为第 4 版" in chinese
    assert len(_stored(session)) == 1


def _renamed(text: str) -> str:
    return text.replace('"kelon-branch-manager"', '"ours"').replace(
        '"Kelon branch manager"', '"Our own branch managers"'
    )


def _file(text: str | bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(text.encode() if isinstance(text, str) else text), "ours.toml"


def _bring(client: FlaskClient, content: bytes, language: str = "en") -> TestResponse:
    form = Page(client.get("/schemes").text).hidden
    return client.post(f"/schemes?lang={language}", data=form | {"file": _file(content)})


def _stored(session: Session) -> list[SchemeVersion]:
    session.rollback()
    return list(session.scalars(select(SchemeVersion)))
