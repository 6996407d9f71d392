"""A customer who keeps and goes on elsewhere, one who was unhappy, and an interviewer's call, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask_security import hash_password
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from survey import interviews, users
from survey.config import Settings
from survey.context import now
from survey.database import Base
from survey.models.answering import Answer, Draft, FollowUp, ResponseVersion
from survey.models.roster import Contact
from tests.asking import BY, Asked, ask
from tests.soundness import assert_sound

Open = Callable[..., Page]
PASSWORD = "correct horse battery staple"
ANN = "ann@harbour.example"


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    return ask(session, settings, at=now())


def _in(page: Page, item: str, number: int = 1) -> Locator:
    return page.get_by_role("group").filter(has=page.locator(f"#{item}-{number}"))


def _number(session: Session, table: type) -> int:
    session.expire_all()
    number = session.scalar(select(func.count()).select_from(table)) or 0
    session.rollback()
    return number


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_kept_on_the_phone_is_gone_on_with_at_the_desk(
    open_browser: Open, phone: dict[str, object], live_server: str, session: Session, asked: Asked, scripts: bool
) -> None:
    first = open_browser(**phone, java_script_enabled=scripts)
    first.goto(live_server + asked.en)
    _in(first, "knowledge").get_by_label("Slightly well", exact=True).check()
    first.get_by_role("button", name="Keep and go on later").first.click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Kept, but not sent yet")
    assert (_number(session, Draft), _number(session, Answer)) == (1, 0)
    second = open_browser(viewport={"width": 1280, "height": 900}, java_script_enabled=scripts)
    second.goto(live_server + asked.en)
    expect(second.get_by_role("radio", checked=True)).to_have_count(0)
    second.get_by_role("button", name="Go on with them").click()
    expect(_in(second, "knowledge").get_by_label("Slightly well", exact=True)).to_be_checked()
    second.get_by_role("button", name="Send").first.click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert _number(session, Draft) == 0
    contact = second.get_by_role("group", name="May we contact you about this?")
    expect(contact.get_by_role("radio", checked=True)).to_have_count(0)
    contact.get_by_label("Yes, please contact me").check()
    second.get_by_role("button", name="Send").click()
    expect(second.get_by_text("We will get in touch with you.")).to_be_visible()
    assert _number(session, FollowUp) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_around_the_sheet_fit_a_phone_and_axe_reports_nothing(
    open_browser: Open, phone: dict[str, object], live_server: str, asked: Asked, scheme: str
) -> None:
    page = open_browser(**phone, color_scheme=scheme)
    for link, keep, send in ((asked.zh, "暂存，稍后继续", "提交"), (asked.en, "Keep and go on later", "Send")):
        page.goto(live_server + link)
        page.locator("#knowledge-1").check()
        page.get_by_role("button", name=keep).last.click()
        assert_sound(page)
        page.goto(live_server + link)
        assert_sound(page)
        page.locator('input[name="delivery-1"][value="1"]').check()
        page.get_by_role("button", name=send).first.click()
        assert_sound(page)
        page.goto(f"{live_server}{link}/wrong-person")
        assert_sound(page)


def test_a_scanner_that_submits_what_it_finds_leaves_a_draft_unsent(
    open_browser: Open, live_server: str, session: Session, asked: Asked
) -> None:
    page = open_browser()
    page.goto(live_server + asked.en)
    page.locator("#knowledge-1").check()
    page.get_by_role("button", name="Keep and go on later").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kept, but not sent yet")

    def everything() -> dict[str, list[str]]:
        session.expire_all()
        rows = {
            table.name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{table.name}"'))))
            for table in Base.metadata.sorted_tables
        }
        session.rollback()
        return rows

    before = everything()
    scanner = open_browser()
    for path in (asked.en, f"{asked.en}/draft"):
        scanner.goto(live_server + path)
        for number in range(scanner.locator("form").count()):
            scanner.goto(live_server + path)
            with scanner.expect_navigation():
                scanner.evaluate("number => document.forms[number].submit()", number)
        for name in ("Send", "Keep and go on later", "Go on with them", "Go on now", "中文"):
            scanner.goto(live_server + path)
            button = scanner.get_by_role("button", name=name)
            if button.count():
                with scanner.expect_navigation():
                    button.first.click()
    assert everything() == before


def test_a_screen_reader_is_told_groups_choices_and_buttons(open_browser: Open, live_server: str, asked: Asked) -> None:
    page = open_browser(locale="en-GB")
    page.goto(live_server + asked.en)
    tree = page.locator("form#answers").aria_snapshot()
    for line in (
        '- group "In the past 6 months, how well did 李伟 know the products you buy?"',
        '- radio "Extremely well"',
        '- radio "We did not discuss products"',
        '- button "Send"',
        '- button "Keep and go on later"',
    ):
        assert line in tree
    assert "[checked]" not in tree


@pytest.fixture
def call(session: Session, asked: Asked) -> str:
    """王芳 is to be called by Ann."""
    users.create(
        session, email=ANN, name="Ann", role="interviewer", password_hash=hash_password(PASSWORD), by=BY, at=now()
    )
    session.scalars(select(Contact).where(Contact.name == "王芳")).one().phone = "+86 21 5555 0101"
    interviews.hand_out(session, asked.campaign, [ANN], by=BY, at=now())
    session.commit()
    return "王芳"


@pytest.mark.parametrize("scripts", [True, False])
def test_an_interviewer_calls_asks_and_enters_by_keyboard(
    open_browser: Open, live_server: str, session: Session, call: str, scripts: bool
) -> None:
    page = open_browser(viewport={"width": 1280, "height": 900}, locale="en-GB", java_script_enabled=scripts)
    page.goto(f"{live_server}/interviews")
    page.fill("#email", ANN)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Interviews")
    if scripts:
        assert_sound(page)
    page.get_by_role("link", name=call).click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Am I speaking with 王芳?")).to_be_visible()
    if scripts:
        assert_sound(page)
        for key in ("2", "3", "2", "5", "0"):  # knowledge, delivery, the delay, responsiveness, advice
            page.keyboard.press(key)
    else:
        page.locator("#knowledge-1").focus()
        for keys in (("Space", "ArrowDown"), ("Space", "ArrowDown", "ArrowDown")):
            for key in keys:
                page.keyboard.press(key)
            page.keyboard.press("Tab")
    page.get_by_role("button", name="The interview is complete").focus()
    page.keyboard.press("Enter")
    if scripts:  # somebody was unhappy
        expect(page.get_by_role("heading", level=1)).to_have_text("One last question")
        assert page.locator("input:checked").count() == 0
        expect(page.locator("#contact")).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody is to be called right now.")).to_be_visible()
    expect(page.get_by_text("Thank you very much for your time. Goodbye.")).to_be_visible()
    session.expire_all()
    stored = dict(session.execute(select(Answer.item, Answer.value).where(Answer.state == "answered")).all())
    expected = {"knowledge": 4, "delivery": 3}
    unhappy = {"knowledge": 2, "delivery": 3, "delivery_control": 2, "responsiveness": 5}
    assert stored == (unhappy if scripts else expected)
    assert not session.scalars(select(FollowUp)).all(), "a no leaves nothing"
    assert session.scalars(select(ResponseVersion.interviewer)).all() == [ANN]
