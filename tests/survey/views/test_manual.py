"""The help pages: in both languages, of equal content, and safe."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from survey import handbook
from tests.survey.views.conftest import Page


@pytest.fixture
def rep(scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("rep", "r01@harbour.example"))


def test_every_page_can_be_read_in_both_languages(rep: FlaskClient, look: Callable[..., Page]) -> None:
    names = handbook.names()
    assert "method" in names
    for language in ("zh", "en"):
        listed = look(rep.get(f"/help/?lang={language}"))
        for name in names:
            assert f"/help/{name}" in listed.links
            answer = rep.get(f"/help/{name}?lang={language}")
            assert answer.status_code == 200
            title = handbook.page(name, language).title
            assert title in look(answer).title
            assert f"<h1>{title}</h1>" in answer.get_data(as_text=True)
            assert "style=" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("name", handbook.names())
def test_the_two_languages_say_the_same(name: str) -> None:
    """As many sections, questions, paragraphs, list items and table rows; and the same figures in each."""
    zh, en = (handbook.page(name, language).body for language in ("zh", "en"))
    for tag in ("h2", "h3", "details", "p", "li", "tr", "td", "img", "code", "em"):
        assert len(re.findall(f"<{tag}[ >]", zh)) == len(re.findall(f"<{tag}[ >]", en)), f"{name}: {tag}"
    sections = [re.split("<h2>|<details", body) for body in (zh, en)]
    for chinese, english in zip(*sections, strict=True):
        assert _figures(chinese) == _figures(english)


def _figures(part: str) -> list[str]:
    text = re.sub("<[^>]*>", " ", part)
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", text))


def test_html_in_a_page_is_text_and_a_question_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        handbook, "source",
        lambda *_: "# Title\n\nOpening.\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n### Why?\n\n"
        "Because.\n\n### Not a question\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n",
    )  # fmt: skip
    handbook._read.cache_clear()
    page = handbook.page("method", "en")
    handbook._read.cache_clear()
    assert page.title == "Title"
    assert page.opening == "Opening."
    assert "<script" not in page.body
    assert "href" not in page.body
    assert '<details class="fold" id="question-1"><summary>Why?</summary><p>Because.</p>\n</details>' in page.body
    assert "<h3>Not a question</h3>" in page.body
    assert "<td class=number>2</td>" in page.body


@pytest.mark.parametrize("address", ["/help/nothing", "/help/..", "/help/pictures/../method.zh.md", "/help/pictures/x"])
def test_what_is_not_there_is_a_plain_404(rep: FlaskClient, address: str) -> None:
    assert rep.get(address).status_code == 404


def test_a_picture_is_served_to_whoever_signed_in(rep: FlaskClient, client: FlaskClient) -> None:
    with rep.get("/help/pictures/team.png") as answer:
        assert answer.mimetype == "image/png"
    assert client.get("/help/pictures/team.png").status_code == 302


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_help_page_links_nobody_to_what_their_role_does_not_open(
    rep: FlaskClient, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], look: Callable[..., Page]
) -> None:
    assert "/method/" in look(rep.get("/help/numbers")).links
    interviewer = look(sign_in(person("interviewer")).get("/help/numbers?lang=en"))
    assert "/method/" not in interviewer.links
    assert "the method of each run" in interviewer.text
    assert "/help/method" in interviewer.links
