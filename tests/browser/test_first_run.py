"""From an empty installation to a manager who reads the team page, through pages and letters alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from survey import worker
from survey.config import Settings
from survey.context import now
from survey.users.second_factor import Codes
from survey.views import first_run
from tests.signing_in import KEY, PASSWORD
from tests.soundness import assert_sound

VIEWS = {
    "phone, Chinese, dark": {
        "viewport": {"width": 320, "height": 640}, "locale": "zh-CN", "color_scheme": "dark",
        "java_script_enabled": True,
    },
    "desktop, English": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"},
}  # fmt: skip


def _letter_to(settings: Settings, address: str) -> str:
    """The link in the letter to an address."""
    worker.drain()
    for file in settings.outbox.glob("*.eml"):
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        if address in str(letter["To"]):
            text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            return re.search(r"https?://[^/\s]+(/choose-password/\S+)", text).group(1)  # type: ignore[union-attr]
    raise AssertionError(f"nobody wrote to {address}")


@pytest.mark.parametrize("view", VIEWS)
def test_from_nothing_to_a_manager_on_the_team_page(
    live_server: str, open_browser: Callable[..., Page], settings: Settings, scored: object, view: str, tmp_path: Path
) -> None:
    page = open_browser(**VIEWS[view])
    page.goto(f"{live_server}/")
    page.wait_for_url("**/first-run")
    assert_sound(page)
    page.fill("#code", first_run.setup_code(settings))
    for field, value in {
        "person": "李敏", "email": "li@harbour.example", "password": PASSWORD, "name": "Harbour Instruments",
        "name_zh": "港湾仪表", "privacy_contact": "privacy@harbour.example",
    }.items():  # fmt: skip
        page.fill(f"#{field}", value)
    page.locator("main form button").last.click()
    page.wait_for_url("**/second-factor/set-up")
    assert_sound(page)
    page.locator("main summary").click()
    secret = page.inner_text("main details code").replace(" ", "")
    page.fill("#code", Codes(key=KEY).shown(secret, at=now()))
    page.locator("main form button").click()
    expect(page.locator(".recovery li")).to_have_count(10)
    assert_sound(page)
    page.locator("main a.button").click()
    page.wait_for_url("**/desk")
    assert_sound(page)
    page.locator("header summary").first.click()
    assert_sound(page)
    page.locator('header a[href="/people"]').click()
    page.wait_for_url("**/people")
    page.locator('form[action="/people/invite"] button').click()
    expect(page.locator(".notice.done")).to_contain_text("12")
    assert_sound(page)
    manager = open_browser(**VIEWS[view])
    manager.goto(live_server + _letter_to(settings, "boss@harbour.example"))
    assert_sound(manager)
    manager.fill("#chosen", "violet kettle under seven bridges")
    manager.locator("main form button").click()
    manager.wait_for_url("**/team")
    assert "王建国" in manager.inner_text("main")
    for address in ("people/new", "people/1", "settings", "health", "account"):
        page.goto(f"{live_server}/{address}")
        assert_sound(page)
    for address in ("forgotten-password", "choose-password/x"):
        manager.context.clear_cookies()
        manager.goto(f"{live_server}/{address}")
        assert_sound(manager)
