"""An administrator's first half hour: an Excel file becomes a roster, a campaign, a letter and an answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event, Thread

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.config import Settings
from survey.models.answering import Answer, Response
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory
from survey.tables.writing import Page as Sheet
from survey.tables.writing import workbook
from survey.worker import jobs
from tests.signing_in import add_person, enter
from tests.soundness import assert_sound

PATIENCE = 60_000
HEADERS = ["客户代号", "客户", "业务", "片区", "对接人", "对接邮箱", "起始"]
CHOSEN = {
    "territories": {"code": "片区", "name": "片区"},
    "reps": {"code": "业务", "name": "业务"},
    "customers": {
        "code": "客户代号", "name": "客户", "contact_name": "对接人", "email": "对接邮箱", "rep": "业务",
        "territory": "片区", "served_from": "起始",
    },
}  # fmt: skip


@pytest.fixture
def administrator(session: Session) -> str:
    return add_person(session, "administrator", "admin@harbour.example").email


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """What comes out of a company's own system: five reps, ten customers, and headers of its own."""
    rows = [
        [f"K{number:03}", f"客户{number}号", f"业务员{number % 5 + 1}", ("华北", "华东")[number % 2], f"联系人{number}",
         f"k{number}@kunde.example" if number < 10 else "kunde.example", "2025-01-01"]
        for number in range(1, 11)
    ]  # fmt: skip
    path = tmp_path / "客户清单.xlsx"
    path.write_bytes(workbook([Sheet(name="Sheet1", headers=HEADERS, rows=rows)]))
    return path


@pytest.fixture
def working(app: Flask) -> Iterator[None]:
    """The worker, as it runs beside the pages."""
    stop = Event()
    worker = Thread(target=jobs.run, args=(app, stop))
    worker.start()
    yield
    stop.set()
    worker.join(PATIENCE / 1000)


def test_the_first_half_hour_from_an_excel_file_to_the_first_answer(
    live_server: str, open_browser: Callable[..., Page], phone: dict[str, object], administrator: str, own_file: Path,
    working: None, settings: Settings, session: Session,
) -> None:  # fmt: skip
    page = open_browser(viewport={"width": 1280, "height": 900}, locale="en-GB", color_scheme="dark")
    enter(page, session, live_server, administrator)
    page.goto(f"{live_server}/roster")
    assert_sound(page)
    page.click('a[href="/roster/import"]')
    with page.expect_download() as template:
        page.locator('a[href$=".xlsx"]').first.click()
    assert template.value.suggested_filename.endswith(".xlsx")
    page.select_option("#kind", "territories")
    page.set_input_files("#file", own_file)
    assert_sound(page)
    page.click("form[enctype] button")
    page.wait_for_url("**/roster/import/*")
    for kind, columns in CHOSEN.items():
        _import(page, kind, columns)
    session.rollback()
    counts = [session.scalar(select(func.count(one.id))) for one in (Territory, Rep, Customer, Contact, Assignment)]
    session.rollback()
    assert counts == [2, 5, 9, 9, 9], "the row with a wrong address was left out"
    _plan_and_send(page, live_server)
    letter = _first_letter(settings)
    customer = open_browser(**phone, locale="zh-CN")
    customer.goto(live_server + letter)
    customer.check('input[name="knowledge-1"][value="5"]')
    customer.locator('button[name="send"]').last.click()
    customer.wait_for_url("**/thanks*")
    assert_sound(customer)
    page.reload()
    became = dict(
        line.lower().split("\t") for line in page.locator("table[aria-labelledby=people] tr").all_inner_texts()
    )
    assert became.pop("answered in part") == "1"
    assert sum(map(int, became.values())) == 8
    session.rollback()
    assert session.scalar(select(func.count(Response.id))) == 1


def _plan_and_send(page: Page, server: str) -> None:
    """A period and a campaign that exist nowhere but on this page; what to expect is seen before anything leaves."""
    page.goto(f"{server}/campaigns/new")
    page.fill("#code", "first")
    page.fill("#period_code", "last half-year")
    page.fill("#period_from", "2025-01-01")
    page.fill("#period_to", "2025-06-30")
    page.locator("main form button").click()
    page.wait_for_url("**/plan")
    assert page.locator("tbody .evidence").count() == 5, "what to expect for each rep"
    assert_sound(page)
    page.get_by_text("Open without it").click()
    page.get_by_label("Why it goes without").fill("five of us, we went through the list together")
    page.get_by_role("button", name="Open the campaign without the check").click()
    page.get_by_role("button", name="Send the invitations").click()
    page.wait_for_url("**/campaigns/first")
    assert page.locator(".facts .big").first.inner_text() == "9"


def _first_letter(settings: Settings) -> str:
    """The path of the link in the first letter that leaves: it lies in the folder that takes the server's place."""
    until = time.monotonic() + PATIENCE / 1000
    while not (letters := sorted(settings.outbox.glob("*.eml"))):
        assert time.monotonic() < until, "no letter left"
        time.sleep(0.05)
    mail = message_from_bytes(letters[0].read_bytes(), policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    return re.findall(r"http://localhost(/s/[0-9a-z]{26})\s", body.get_content())[0]


def test_a_sheet_is_seen_as_customers_see_it_and_edited(
    live_server: str, open_browser: Callable[..., Page], administrator: str, session: Session
) -> None:
    page = open_browser(viewport={"width": 390, "height": 800}, locale="zh-CN")
    enter(page, session, live_server, administrator)
    page.goto(f"{live_server}/questionnaires")
    assert_sound(page)
    page.click('a[href="/questionnaires/core"]')
    assert_sound(page)
    with page.expect_popup() as opened:
        page.click('a[href^="/preview/"]')
    preview = opened.value
    preview.wait_for_load_state()
    assert_sound(preview)
    preview.check('input[name="knowledge-1"][value="5"]')
    preview.locator('button[name="send"]').first.click()
    preview.wait_for_load_state()
    assert "h1" in preview.content()
    session.rollback()
    assert session.scalar(select(func.count(Answer.id))) == 0
    page.click('a[href="/questionnaires/core/edit"]')
    page.locator("summary").first.click()
    assert_sound(page)


def _import(page: Page, kind: str, columns: dict[str, str]) -> None:
    """Say which header is which, look, import; then read the same file for the next kind."""
    if kind != "territories":
        page.click(f'form:has(input[name="kind"][value="{kind}"]) button')
        page.wait_for_url("**/roster/import/*")
    for column, header in columns.items():
        page.select_option(f"#column-{column}", header)
    assert_sound(page)
    page.click("form:has(#mapping_name) button")
    page.wait_for_url("**/roster/import/*")
    assert_sound(page)
    if kind == "customers":
        assert "This is not an e-mail address." in page.inner_text("section:has(#refused)")
    page.locator("section .press button").first.click()
    page.wait_for_url("**/roster/imports/*")
    assert_sound(page)


def test_refused_rows_the_roster_and_a_hand_over_are_sound(
    live_server: str, open_browser: Callable[..., Page], administrator: str, session: Session, tmp_path: Path
) -> None:
    page = open_browser(viewport={"width": 390, "height": 800}, locale="en-GB", java_script_enabled=True)
    enter(page, session, live_server, administrator)
    page.goto(f"{live_server}/roster")
    files = {
        "territories": "code,name\nT1,North\n",
        "reps": "code,name,left_on\nR1,Alice,2026-06-30\nR2,Bob,\n",
        "customers": "code,name,rep,territory,served_from\nC1,One,R1,T1,2025-01-01\nC2,Two,R1,T1,2025-01-01\n",
        "contacts": "customer,name,role,email\nC1,Liu,buyer,liu@c1.example\nC9,Chen,buyer,chen\n",
    }
    for kind, text in files.items():
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        page.goto(f"{live_server}/roster/import?kind={kind}")
        page.set_input_files("#file", path)
        page.click("form[enctype] button")
        page.wait_for_url("**/roster/import/*")
        if kind == "contacts":
            assert_sound(page)
            assert "This is not an e-mail address." in page.inner_text("main")
        page.locator("section .press button").first.click()
        page.wait_for_url("**/roster/imports/*")
    for path_ in ("/roster", "/roster/customers", "/roster/customers/C1", "/roster/reps/R1", "/objections"):
        page.goto(live_server + path_)
        assert_sound(page)
    page.goto(f"{live_server}/roster/reps/R1")
    page.get_by_label("One").check()
    page.select_option("#to", "R2")
    page.get_by_role("button", name="Hand over the chosen").click()
    page.wait_for_url("**/roster/imports/*")
    page.goto(f"{live_server}/roster/reps/R2")
    assert "One" in page.inner_text("table")
