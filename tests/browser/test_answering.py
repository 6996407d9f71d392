"""A customer in a real browser: on a small phone, in both languages, with and without scripts, with a keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from survey.config import Settings
from survey.context import now
from survey.database import Base
from survey.models.answering import Answer, Response, ResponseVersion
from tests.asking import Asked, ask
from tests.soundness import assert_sound

Open = Callable[..., Page]
WORDS = {
    "zh": {
        "knowledge": "比较了解", "delivery": "有时", "control": "否", "reply": "总是", "send": "提交",
        "thanks": "谢谢您", "other": "English",
    },
    "en": {
        "knowledge": "Very well", "delivery": "Sometimes", "control": "No", "reply": "Always", "send": "Send",
        "thanks": "Thank you", "other": "中文",
    },
}  # fmt: skip


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    return ask(session, settings, at=now())


def _stored(session: Session) -> dict[str, float | None]:
    session.expire_all()
    rows = session.execute(select(Answer.item, Answer.value).where(Answer.state == "answered"))
    stored = dict(rows.all())
    session.rollback()
    return stored


def _in(page: Page, item: str, number: int = 1) -> Locator:
    """The question about an item: its group of answers."""
    return page.get_by_role("group").filter(has=page.locator(f"#{item}-{number}"))


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_customer_answers_on_a_small_phone(
    open_browser: Open, phone: dict[str, object], live_server: str, session: Session, asked: Asked,
    language: str, scripts: bool,
) -> None:  # fmt: skip
    words = WORDS[language]
    page = open_browser(**phone, java_script_enabled=scripts)
    page.goto(live_server + (asked.zh if language == "zh" else asked.en))
    _in(page, "knowledge").get_by_label(words["knowledge"], exact=True).check()
    control = _in(page, "delivery_control")
    expect(control).to_be_hidden()
    _in(page, "delivery").get_by_label(words["delivery"], exact=True).check()
    expect(control).to_be_visible()
    control.get_by_label(words["control"], exact=True).check()
    _in(page, "responsiveness").get_by_label(words["reply"], exact=True).check()
    page.get_by_role("button", name=words["send"]).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["thanks"])
    assert _stored(session) == {"knowledge": 4, "delivery": 3, "delivery_control": 2, "responsiveness": 5}


@pytest.mark.parametrize("scripts", [True, False])
def test_the_language_is_switched_by_name_and_nothing_is_lost(
    open_browser: Open, phone: dict[str, object], live_server: str, session: Session, asked: Asked, scripts: bool
) -> None:
    page = open_browser(**phone, java_script_enabled=scripts)
    page.goto(live_server + asked.zh)
    _in(page, "knowledge").get_by_label("不太了解", exact=True).check()
    page.locator("#comment-1").fill("第一行\n第二行")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(_in(page, "knowledge").get_by_label("Slightly well", exact=True)).to_be_checked()
    expect(page.locator("#comment-1")).to_have_value("第一行\n第二行")
    page.get_by_role("button", name="中文").click()
    expect(_in(page, "knowledge").get_by_label("不太了解", exact=True)).to_be_checked()
    assert _stored(session) == {}
    page.get_by_role("button", name="提交").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("谢谢您")
    assert _stored(session) == {"knowledge": 2}


def test_an_empty_sheet_is_met_with_a_summary_that_has_the_focus(
    open_browser: Open, phone: dict[str, object], live_server: str, session: Session, asked: Asked
) -> None:
    page = open_browser(**phone)
    page.goto(live_server + asked.en)
    page.get_by_role("button", name="Send").first.click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(page.locator("#knowledge-1")).to_be_focused()
    assert _stored(session) == {}


def test_a_keyboard_alone_will_do(open_browser: Open, live_server: str, session: Session, asked: Asked) -> None:
    page = open_browser(locale="en-GB")
    page.goto(live_server + asked.en)
    _reach(page, "knowledge-1")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # a habit of some: it must not send half a sheet
    expect(_in(page, "knowledge").get_by_label("Very well", exact=True)).to_be_checked()
    assert page.evaluate("document.activeElement.value") == "4", "the page has not moved"
    assert _stored(session) == {}
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "send":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert _stored(session) == {"knowledge": 4}


def _reach(page: Page, target: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == target:
            return
    raise AssertionError(f"{target} cannot be reached with the keyboard")


def test_a_browser_that_cannot_tell_shows_the_follow_up_always(
    open_browser: Open, phone: dict[str, object], live_server: str, asked: Asked
) -> None:
    page = open_browser(**phone)

    def older(route: Route) -> None:
        """The style as a browser reads it that does not know `:has`: it drops those rules."""
        response = route.fetch()
        route.fulfill(response=response, body=re.sub(r"[^{}]*:has\([^{}]*\{[^{}]*\}", "", response.text()))

    page.route("**/survey.css", older)
    page.goto(live_server + asked.zh)
    expect(_in(page, "delivery_control")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_overflows_and_axe_reports_nothing(
    open_browser: Open, live_server: str, asked: Asked, width: int, scheme: str
) -> None:
    page = open_browser(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path in (asked.zh, asked.en, f"{asked.zh}/stop", "/privacy?lang=en", "/s/nowhere"):
        page.goto(live_server + path)
        assert_sound(page)
    page.goto(live_server + asked.en)
    _in(page, "delivery").get_by_label("Never", exact=True).check()
    assert_sound(page)
    page.goto(live_server + asked.en)
    page.locator("#comment-1").evaluate("box => { box.removeAttribute('maxlength'); box.value = 'long '.repeat(500) }")
    page.get_by_role("button", name="Send").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_sound(page)


def test_what_is_pressed_is_large_enough_for_a_thumb(
    open_browser: Open, phone: dict[str, object], live_server: str, asked: Asked
) -> None:
    page = open_browser(**phone)
    page.goto(live_server + asked.en)
    for target in page.locator(".question label:has(input), button:visible").all():
        box = target.bounding_box()
        if box:
            assert box["height"] >= 44, target.inner_text()


def test_text_twice_as_large_still_fits(open_browser: Open, live_server: str, asked: Asked) -> None:
    page = open_browser(viewport={"width": 640, "height": 800})
    page.goto(live_server + asked.en)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_a_scanner_that_runs_scripts_and_submits_blanks_changes_nothing(
    open_browser: Open, live_server: str, session: Session, asked: Asked
) -> None:
    def everything() -> dict[str, list[str]]:
        session.expire_all()
        rows = {
            table.name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{table.name}"'))))
            for table in Base.metadata.sorted_tables
        }
        session.rollback()
        return rows

    before = everything()
    page = open_browser()
    for link in (asked.zh, asked.en):
        page.goto(live_server + link)
        forms = page.locator("form").count()
        for number in range(forms):
            page.goto(live_server + link)
            with page.expect_navigation():
                page.evaluate("number => document.forms[number].submit()", number)
        for name in ("Send", "提交", "English", "中文"):
            page.goto(live_server + link)
            button = page.get_by_role("button", name=name)
            if button.count():
                with page.expect_navigation():
                    button.first.click()
    assert everything() == before


def test_no_cookie_is_kept_and_nothing_else_is_fetched(
    open_browser: Open, live_server: str, session: Session, asked: Asked
) -> None:
    page = open_browser()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(live_server + asked.en)
    _in(page, "overall").get_by_label("Very satisfied", exact=True).check()
    page.get_by_role("button", name="Send").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert page.context.cookies() == []
    assert all(url.startswith(live_server) for url in fetched)


def test_an_impatient_double_click_is_one_answer(
    open_browser: Open, live_server: str, session: Session, asked: Asked
) -> None:
    page = open_browser()
    page.goto(live_server + asked.zh)
    _in(page, "knowledge").get_by_label("一般", exact=True).check()
    page.get_by_role("button", name="提交").first.dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("谢谢您")
    session.expire_all()
    for table in (Response, ResponseVersion):
        assert session.scalar(select(func.count()).select_from(table)) == 1
