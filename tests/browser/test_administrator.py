"""An administrator's first half hour: one Excel file becomes a roster, and the sheet is seen as customers see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models import Answer, Assignment, Contact, Customer, Rep, Territory
from survey.tables.writing import Page as Sheet
from survey.tables.writing import workbook
from tests.signing_in import add_person, enter

HEADERS = ["客户代号", "客户", "业务", "片区", "对接人", "对接邮箱", "起始"]
VIEWS = {
    "phone, Chinese": {"viewport": {"width": 390, "height": 800}, "locale": "zh-CN"},
    "desktop, English, dark": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "color_scheme": "dark"},
}
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
         f"k{number}@kunde.example", "2025-01-01"]
        for number in range(1, 11)
    ]  # fmt: skip
    path = tmp_path / "客户清单.xlsx"
    path.write_bytes(workbook([Sheet(name="Sheet1", headers=HEADERS, rows=rows)]))
    return path


def _is_sound(page: Page) -> None:
    """Nothing for axe to report, and no sideways scrolling of the page."""
    found = Axe().run(page).response["violations"]
    assert not found, [(problem["id"], problem["nodes"][0]["html"]) for problem in found]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("view", VIEWS)
def test_from_an_excel_file_to_the_sheet_customers_will_see(
    live_server: str, open_browser: Callable[..., Page], administrator: str, own_file: Path, session: Session, view: str
) -> None:
    page = open_browser(**VIEWS[view])
    enter(page, session, live_server, administrator)
    page.goto(f"{live_server}/roster")
    _is_sound(page)
    page.click('a[href="/roster/import"]')
    page.select_option("#kind", "territories")
    page.set_input_files("#file", own_file)
    _is_sound(page)
    page.click("form[enctype] button")
    page.wait_for_url("**/roster/import/*")
    for kind, columns in CHOSEN.items():
        _import(page, kind, columns)
    session.rollback()
    counts = [session.scalar(select(func.count(one.id))) for one in (Territory, Rep, Customer, Contact, Assignment)]
    assert counts == [2, 5, 10, 10, 10]
    page.goto(f"{live_server}/questionnaires")
    _is_sound(page)
    page.click('a[href="/questionnaires/core"]')
    _is_sound(page)
    with page.expect_popup() as opened:
        page.click('a[href^="/preview/"]')
    preview = opened.value
    preview.wait_for_load_state()
    _is_sound(preview)
    preview.check('input[name="knowledge-1"][value="5"]')
    preview.locator('button[name="send"]').first.click()
    preview.wait_for_load_state()
    assert "h1" in preview.content()
    session.rollback()
    assert session.scalar(select(func.count(Answer.id))) == 0
    page.click('a[href="/questionnaires/core/edit"]')
    page.locator("summary").first.click()
    _is_sound(page)


def _import(page: Page, kind: str, columns: dict[str, str]) -> None:
    """Say which header is which, look, import; then read the same file for the next kind."""
    if kind != "territories":
        page.click(f'form:has(input[name="kind"][value="{kind}"]) button')
        page.wait_for_url("**/roster/import/*")
    for column, header in columns.items():
        page.select_option(f"#column-{column}", header)
    _is_sound(page)
    page.click("form:has(#mapping_name) button")
    page.wait_for_url("**/roster/import/*")
    _is_sound(page)
    page.locator("section .press button").first.click()
    page.wait_for_url("**/roster/imports/*")
    _is_sound(page)


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
            _is_sound(page)
            assert "This is not an e-mail address." in page.inner_text("main")
        page.locator("section .press button").first.click()
        page.wait_for_url("**/roster/imports/*")
    for path_ in ("/roster", "/roster/customers", "/roster/customers/C1", "/roster/reps/R1", "/objections"):
        page.goto(live_server + path_)
        _is_sound(page)
    page.goto(f"{live_server}/roster/reps/R1")
    page.get_by_label("One").check()
    page.select_option("#to", "R2")
    page.get_by_role("button", name="Hand over the chosen").click()
    page.wait_for_url("**/roster/imports/*")
    page.goto(f"{live_server}/roster/reps/R2")
    assert "One" in page.inner_text("table")
