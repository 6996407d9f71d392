"""Appraisals and the outbox in a real browser: nothing for axe to report, and words that stay readable on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from survey import worker
from survey.config import Settings
from survey.context import now
from tests import signing_in
from tests.asking import ask
from tests.signing_in import add_person
from tests.soundness import assert_sound

PHONE = {"viewport": {"width": 320, "height": 640}}
VIEWS = {
    "phone, Chinese": {**PHONE, "locale": "zh-CN"},
    "phone, English, dark": {**PHONE, "locale": "en-GB", "color_scheme": "dark"},
    "desktop, Chinese, dark": {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN", "color_scheme": "dark"},
}
NARROWEST_WORDS = """() => Math.min(...[...document.querySelectorAll(".scroll table:not(.working) :is(th, td)")]
    .filter(cell => !cell.matches(".number") && cell.innerText.length > 4)
    .map(cell => cell.getBoundingClientRect().width))"""


@pytest.fixture
def kelon(evenhand: Callable[..., Result], bring: Callable[..., dict[str, Any]]) -> None:
    """One branch manager, appraised from facts and events."""
    bring("reps", "业务员编号,姓名,岗位\nM7,沈玥,分公司经理\n")
    evenhand("period", "add", "2026-H1", "--from", "2026-01-01", "--to", "2026-06-30")
    bring(
        "facts",
        "考核期,业务员编号,指标,实际,目标\n2026-H1,M7,回笼,92,100\n2026-H1,M7,开单,105,100\n2026-H1,M7,网点达标,80,100\n"
        "2026-H1,M7,网络开发,6,8\n2026-H1,M7,应收账款管理,9,10\n",
    )
    bring("events", "考核期,业务员编号,类别,日期,扣分,事由\n2026-H1,M7,投诉,2026-03-01,2,迟复\n")
    evenhand("schemes", "adopt", "kelon-branch-manager")
    assert evenhand("appraise", "2026-H1", "--scheme", "kelon-branch-manager").exit_code == 0


@pytest.fixture
def enter(session: Session, live_server: str) -> Callable[[Page, str], None]:
    """Sign in as somebody of a role, through the form."""

    def enter(page: Page, role: str) -> None:
        person = add_person(session, role, f"{role}@harbour.example")
        signing_in.enter(page, session, live_server, person.email)

    return enter


def assert_readable(page: Page) -> None:
    assert_sound(page)
    assert page.evaluate(NARROWEST_WORDS) >= 64, "a column of words is too narrow to be read"


@pytest.mark.parametrize("view", VIEWS)
def test_a_reviewer_reads_appraisals(
    live_server: str, open_browser: Callable[..., Page], kelon: None, enter: Callable[[Page, str], None], view: str
) -> None:
    page = open_browser(**VIEWS[view])
    enter(page, "reviewer")
    page.goto(f"{live_server}/appraisals")
    assert_readable(page)
    page.get_by_role("link", name="沈玥").click()
    page.wait_for_url("**/appraisals/*")
    assert "89.3" in page.inner_text("main")
    assert_readable(page)


@pytest.mark.parametrize("view", VIEWS)
def test_an_administrator_reads_the_outbox(
    session: Session, settings: Settings, live_server: str, open_browser: Callable[..., Page],
    enter: Callable[[Page, str], None], view: str,
) -> None:  # fmt: skip
    ask(session, settings, at=now())
    worker.drain()
    page = open_browser(**VIEWS[view])
    enter(page, "administrator")
    page.goto(f"{live_server}/outbox")
    assert_readable(page)
    page.locator("tbody a").first.click()
    page.wait_for_url("**/outbox/*")
    assert_readable(page)
