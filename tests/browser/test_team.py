"""A manager's way in a real browser: sign in, the team, one rep; phone and desktop, light and dark, both languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask_security import hash_password
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from survey import users
from tests.soundness import assert_sound

PASSWORD = "correct horse battery staple"
VIEWS = {
    "phone, Chinese, dark": {"viewport": {"width": 320, "height": 640}, "locale": "zh-CN", "color_scheme": "dark"},
    "phone, English": {"viewport": {"width": 320, "height": 640}, "locale": "en-GB", "java_script_enabled": True},
    "desktop, Chinese": {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN"},
    "desktop, English, dark": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "color_scheme": "dark"},
}


@pytest.fixture
def boss(session: Session, scored: object, now: datetime) -> str:
    user = users.create(
        session, email="boss@harbour.example", name="李敏", role="manager", password_hash=hash_password(PASSWORD),
        by="command line", at=now,
    )  # fmt: skip
    session.commit()
    return user.email


def _enter(page: Page, server: str, email: str) -> None:
    page.goto(f"{server}/team")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}/team")


@pytest.mark.parametrize("view", VIEWS)
def test_a_manager_reads_the_team_and_one_rep(
    live_server: str, open_browser: Callable[..., Page], boss: str, view: str
) -> None:
    page = open_browser(**VIEWS[view])
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if live_server not in request.url else None)
    page.goto(f"{live_server}/login")
    assert_sound(page)
    _enter(page, live_server, boss)
    assert_sound(page)
    assert page.locator("figure.chart circle.adjusted").count() == 7  # six reps and the legend
    page.get_by_role("link", name="王建国").click()
    page.wait_for_url("**/reps/R01*")
    assert "89.7" in page.inner_text("main")
    assert_sound(page)
    for address in ("reps/R04", "team?period=2026-H2", "nothing"):
        page.goto(f"{live_server}/{address}")
        assert_sound(page)
    assert not elsewhere


def test_everything_works_without_scripts_and_by_keyboard(
    live_server: str, open_browser: Callable[..., Page], boss: str
) -> None:
    page = open_browser(java_script_enabled=False, locale="en-GB")
    _enter(page, live_server, boss)
    page.select_option("#period", "2025-H2")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**period=2025-H2*")
    page.get_by_role("link", name="Delivery timeliness").press("Enter")
    page.wait_for_url("**item=delivery*")
    page.get_by_role("button", name="中文").press("Enter")
    page.wait_for_url("**item=delivery*")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("button", name="退出登录").press("Enter")
    page.wait_for_url("**/login")


def test_what_has_the_focus_shows_it(live_server: str, open_browser: Callable[..., Page], boss: str) -> None:
    page = open_browser(locale="en-GB")
    _enter(page, live_server, boss)
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        width, name = page.evaluate(
            "[getComputedStyle(document.activeElement).outlineWidth, document.activeElement.textContent.trim()]"
        )
        assert width == "3px", name
        seen.add(name)
    assert "Skip to the content" in seen


def test_the_page_prints_without_its_controls(live_server: str, open_browser: Callable[..., Page], boss: str) -> None:
    page = open_browser(locale="en-GB", color_scheme="dark")
    _enter(page, live_server, boss)
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert page.locator(".choosing:visible").count() == 0
    assert page.locator("table").first.is_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"


@pytest.mark.parametrize("view", ["phone, Chinese, dark", "desktop, English"])
def test_every_view_of_the_team_is_sound(
    live_server: str, open_browser: Callable[..., Page], boss: str, view: str
) -> None:
    page = open_browser(**VIEWS.get(view, {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}))
    _enter(page, live_server, boss)
    for place in ("territories", "funnel", "answers", "trend", "adjustment", "pair?rep=R01&rep=R08", "pair"):
        page.goto(f"{live_server}/team/{place}")
        assert_sound(page)
    page.goto(f"{live_server}/team/trend?search=nobody")
    assert_sound(page)


def test_the_team_is_narrowed_sorted_and_compared_without_scripts(
    live_server: str, open_browser: Callable[..., Page], boss: str
) -> None:
    page = open_browser(java_script_enabled=False, locale="en-GB")
    _enter(page, live_server, boss)
    page.get_by_role("link", name="Adjusted", exact=True).click()
    page.wait_for_url("**sort=-adjusted*")
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.get_by_label("Name or code").fill("guo")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**search=guo*")
    assert page.locator("tbody th").all_inner_texts() == ["王建国", "黄国强"]
    page.get_by_label("Compare 王建国").check()
    page.get_by_label("Compare 黄国强").check()
    page.get_by_role("button", name="Two reps side by side").click()
    page.wait_for_url("**/team/pair?**")
    assert "Customers rate 王建国 higher than 黄国强" in page.inner_text("main")
