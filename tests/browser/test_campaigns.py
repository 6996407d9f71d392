"""Campaigns in a real browser: an administrator plans, opens and sends one; a manager watches; nothing for axe."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey import campaigns
from survey.models.answering import Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Company, Period
from survey.models.roster import Assignment, Contact, Customer, Rep, ReportingLine, Territory
from survey.models.sending import OutboxMessage
from tests.signing_in import add_person, enter
from tests.soundness import assert_sound

BOSS = "boss@harbour.example"
NAMES = (
    "王建国",
    "李思远",
    "张晨曦",
    "Alice Archer",
    "陈志鹏",
    "杨晓东",
    "赵桂英",
    "黄国强",
    "Daniel Doyle",
    "喆玥堃昇",
)

VIEWS = {
    "phone, Chinese, dark": {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark"},
    "desktop, English": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"},
}
BY = "command line"
BECAME = (
    "completed", "sent", "completed", "opened", "completed", "partial", "sent", "bounced", "completed", "sent",
    "completed", "opted out", "completed", "wrong person", "queued", "completed", "sent",
)  # fmt: skip


@pytest.fixture
def company(session: Session) -> None:
    """Ten reps in three territories with 20 to 65 customers each, the first four of them the boss's."""
    dice = random.Random(5)
    session.add(Company(name="Harbour", name_zh="港湾工具", time_zone="Asia/Shanghai", privacy_contact="p@h.example"))
    session.add(Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30)))
    territories = [Territory(code=code, name=name) for code, name in (("E", "华东"), ("N", "华北"), ("S", "South"))]
    reps = [Rep(code=f"R{number:02}", name=name) for number, name in enumerate(NAMES)]
    session.add_all([*territories, *reps])
    session.flush()
    for place, rep in enumerate(reps):
        if place < 4:
            session.add(ReportingLine(rep_id=rep.id, manager_email=BOSS, since_on=date(2025, 1, 1)))
        for number in range(20 + 5 * place):
            code = f"C{place}{number:02}"
            customer = Customer(code=code, name=f"海川商行{code}", segment=dice.choice(["key account", "standard"]))
            session.add(customer)
            session.flush()
            session.add(Contact(customer_id=customer.id, name="王芳", email=f"{code}@c.example".lower(), language="zh"))
            session.add(
                Assignment(
                    customer_id=customer.id, rep_id=rep.id, territory_id=territories[place % 3].id,
                    served_from=date(2025, 1, 1),
                )
            )  # fmt: skip
    for email, role in (("admin@harbour.example", "administrator"), (BOSS, "manager"), ("r@h.example", "reviewer")):
        add_person(session, role, email)
    session.commit()


@pytest.fixture
def running(session: Session, company: None) -> Campaign:
    """A campaign three days old: about half answered, hardly anybody about the eighth rep, and every outcome."""
    at = datetime.now(UTC) - timedelta(days=3)
    campaign = campaigns.create(
        session, "2026-H1-夏", period="2026-H1", questionnaire="core", opens_on=at.date(),
        closes_on=at.date() + timedelta(days=20), by=BY, at=at,
    )  # fmt: skip
    campaigns.open_up(session, campaign, by=BY, at=at)
    served = session.execute(
        select(Assignment.customer_id, Assignment.rep_id, Assignment.territory_id, Contact.id, Rep.code)
        .join(Contact, Contact.customer_id == Assignment.customer_id)
        .join(Rep, Rep.id == Assignment.rep_id)
    ).all()
    for place, (customer_id, rep_id, territory_id, contact_id, rep) in enumerate(served):
        became = "sent" if rep == "R07" and place % 8 else BECAME[place % len(BECAME)]
        invitation = Invitation(
            campaign_id=campaign.id, customer_id=customer_id, contact_id=contact_id, mode="web", disposition=became,
            created_at=at,
        )  # fmt: skip
        session.add(invitation)
        session.flush()
        subject = Subject(invitation_id=invitation.id, rep_id=rep_id, territory_id=territory_id, adjusters={})
        session.add(subject)
        session.flush()
        if became in {"completed", "partial"}:
            session.execute(insert(Response).values(subject_id=subject.id, first_answered_at=at, version_no=1))
        state = {"queued": "queued", "bounced": "failed"}.get(became, "sent")
        session.add(
            OutboxMessage(
                invitation_id=invitation.id, number=0, channel="mail", message_id=f"m{invitation.id}", state=state,
                not_before=at, created_at=at, sent_at=at if state == "sent" else None,
                last_error="550 5.1.1 no such user" if state == "failed" else None,
            )
        )  # fmt: skip
    session.commit()
    return campaign


def _asked(session: Session) -> int:
    """How many have been asked. The reading ends at once, or it would hold up who writes."""
    count = session.scalar(select(func.count(Invitation.id))) or 0
    session.rollback()
    return count


@pytest.mark.parametrize("view", VIEWS)
def test_an_administrator_plans_opens_and_sends(
    live_server: str, open_browser: Callable[..., Page], session: Session, company: None, view: str
) -> None:
    page = open_browser(**VIEWS[view])
    enter(page, session, live_server, "admin@harbour.example")
    page.goto(f"{live_server}/campaigns")
    assert_sound(page)
    page.locator("a.button").click()
    page.wait_for_url("**/campaigns/new")
    assert_sound(page)
    page.fill("#code", "")
    page.locator("main form button").click()
    assert page.locator(".error-summary a").first.get_attribute("href") == "#code"
    assert_sound(page)
    page.fill("#code", "夏-1")
    page.locator("input[name=sample][value=planned]").check()
    page.fill("#reliability", "0.3")
    page.locator("main form button").click()
    page.wait_for_url("**/plan")
    assert page.locator("tbody tr").count() == len(NAMES)
    assert_sound(page)
    page.locator("main details summary").click()
    assert_sound(page)
    page.fill("#unchecked", "went through the list together")
    page.locator("main details form button").click()  # open
    page.wait_for_url("**/plan")
    assert page.locator(".notice").count() == 1
    assert _asked(session) == 0
    page.locator("main form[action$=send] button").click()
    page.wait_for_url("**/campaigns/*-1")
    assert_sound(page)
    asked = _asked(session)
    assert 0 < asked < 425
    assert str(asked) in page.inner_text("main .facts")


@pytest.mark.parametrize("view", VIEWS)
def test_an_administrator_watches_it_live(
    session: Session, live_server: str, open_browser: Callable[..., Page], running: Campaign, view: str
) -> None:
    page = open_browser(**VIEWS[view])
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if live_server not in request.url else None)
    enter(page, session, live_server, "admin@harbour.example")
    page.goto(f"{live_server}/campaigns")
    page.locator("tbody a").click()
    page.wait_for_url("**/campaigns/2026*")
    assert page.locator("figure.chart path.down").count() == 2, "the eighth rep, and the legend"
    assert "黄国强" in page.locator("figure.chart").inner_text()
    assert_sound(page)
    for folded in page.locator("details summary").all():
        folded.click()
    assert_sound(page)
    _renews_itself(page, session)
    page.locator("a[href$=undelivered]").click()
    page.wait_for_url("**/undelivered")
    assert_sound(page)
    page.locator("tbody a").first.click()
    page.wait_for_url("**/undelivered/*")
    assert_sound(page)
    page.goto(f"{live_server}/campaigns/2026-H1-夏/exclusions")
    page.fill("#customer", "C001")
    page.fill("#reason", "out of business")
    page.locator("main form.propose button, main form button").last.click()
    assert page.locator("tbody tr").count() == 1
    assert_sound(page)
    assert not elsewhere


def _renews_itself(page: Page, session: Session) -> None:
    """What has come in shows without a reload, until the reader stops it. Half a minute passes in a third of a
    second."""
    live = page.context.new_page()
    live.add_init_script("const wait = setInterval; window.setInterval = (act, time) => wait(act, time / 100)")
    live.goto(page.url)
    live.evaluate("window.untouched = true")
    bounced = live.locator("#progress table").first.locator("tr", has_text=re.compile("could not|未能送达|无法送达"))
    before = int(bounced.locator("td").inner_text())
    lost = session.scalars(select(Invitation).where(Invitation.disposition == "bounced").limit(2)).all()
    lost[0].disposition = "opted out"
    session.commit()
    expect(bounced.locator("td")).to_have_text(str(before - 1))
    live.locator("#keeping-up").click()
    expect(live.locator("#keeping-up")).to_have_text(re.compile("Go on|继续"))
    lost[1].disposition = "opted out"
    session.commit()
    live.wait_for_timeout(900)
    assert int(bounced.locator("td").inner_text()) == before - 1, "who stopped it reads in peace"
    live.locator("#keeping-up").click()
    expect(bounced.locator("td")).to_have_text(str(before - 2))
    assert live.evaluate("window.untouched"), "the page was loaded anew"
    live.close()


@pytest.mark.parametrize("view", VIEWS)
def test_a_manager_watches_own_reps_and_learns_nobodys_answer(
    session: Session, live_server: str, open_browser: Callable[..., Page], running: Campaign, view: str
) -> None:
    page = open_browser(**VIEWS[view], java_script_enabled=True)
    enter(page, session, live_server, BOSS)
    page.goto(f"{live_server}/campaigns")
    assert_sound(page)
    page.locator("tbody a").click()
    page.wait_for_url("**/reps")
    shown = page.inner_text("main")
    assert all(name in shown for name in NAMES[:4])
    assert not any(name in shown for name in NAMES[4:])
    assert "海川商行" not in shown
    counts = [cell.split()[-1] for cell in page.locator("tbody td:nth-child(3)").all_inner_texts() if cell]
    told = [int("".join(filter(str.isdigit, count))) for count in counts if any(map(str.isdigit, count))]
    assert told
    assert all(count % 5 == 0 for count in told)
    assert_sound(page)
