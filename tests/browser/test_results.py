"""What a manager, a rep and an auditor read of one rep and of the method: on a phone and on a desk, in light and dark,
in both languages, and on paper."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from flask_security import hash_password
from playwright.sync_api import Page
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import users
from survey.models.scoring import Run
from tests.soundness import assert_sound

PASSWORD = "correct horse battery staple"
VIEWS = {
    "phone, Chinese, dark": {"viewport": {"width": 320, "height": 640}, "locale": "zh-CN", "color_scheme": "dark"},
    "desktop, English": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"},
}
READ = {
    "boss@harbour.example": ("manager", ("reps/R01", "reps/R02/talk", "reps/R04/talk", "method/", "help/numbers")),
    "r02@harbour.example": ("rep", ("my/results", "help/method")),
    "auditor@harbour.example": ("auditor", ("method/?item=delivery",)),
}
RECORD = {
    "policy": "pooled",
    "versions": {"method": "1"},
    "imputed": {"segment": 0.02},
    "findings": [{"name": "exchangeable", "item": "", "sentence": "Nobody answered %(item)s; it has no scores."}],
    "items": {
        "delivery": {
            "policy": "pooled",
            "coefficients": {"segment[standard]": {"estimate": -2.0, "se": 0.9}},
            "impact": {"segment": {"partial_r2": 0.04, "heterogeneity": 0.06, "impact": 0.0024}},
            "sigma2_rep": {"estimate": 41.3, "low": 26.5, "high": 66.0},
            "sigma2_territory": {"estimate": 11.9, "low": 2.7, "high": None},
            "customer_variance": 245.0,
            "gls": {"cells": 75, "largest_difference": 1e-14, "holds": True},
            "tests": {
                "mundlak": {"f": 0.8, "df1": 14, "df2": 45, "p": 0.6},
                "slope_heterogeneity": {"statistic": 1.3, "p": 0.09},
            },
            "findings": [],
        }
    },
}


@pytest.fixture
def people(session: Session, scored: object, now: datetime) -> None:
    for email, (role, _) in READ.items():
        users.create(
            session, email=email, name="李敏", role=role, password_hash=hash_password(PASSWORD), by="command line",
            at=now,
        )  # fmt: skip
    for run in session.scalars(select(Run)):
        run.record = RECORD
    session.commit()


def _enter(page: Page, server: str, email: str, address: str) -> None:
    page.goto(f"{server}/{address}")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}/{address}")


@pytest.mark.parametrize("view", VIEWS)
def test_everybody_reads_their_pages(
    live_server: str, open_browser: Callable[..., Page], people: None, view: str
) -> None:
    for email, (_, addresses) in READ.items():
        page = open_browser(**VIEWS[view])
        _enter(page, live_server, email, addresses[0])
        assert_sound(page)
        for address in addresses[1:]:
            page.goto(f"{live_server}/{address}")
            assert_sound(page)


def test_an_answer_is_folded_until_it_is_asked_for(
    live_server: str, open_browser: Callable[..., Page], people: None
) -> None:
    page = open_browser(locale="en-GB", java_script_enabled=False)
    _enter(page, live_server, "r02@harbour.example", "help/numbers")
    questions = page.locator("details")
    assert questions.count() == 10
    answer = page.get_by_text("74.8 lies within")
    assert not answer.is_visible()
    page.get_by_text("Is the second one better?").press("Enter")
    assert answer.is_visible()


def test_the_sheet_for_the_talk_prints_on_one_page(
    live_server: str, open_browser: Callable[..., Page], people: None
) -> None:
    page = open_browser(locale="zh-CN", color_scheme="dark")
    _enter(page, live_server, "boss@harbour.example", "reps/R02/talk")
    paper = PdfReader(io.BytesIO(page.pdf(format="A4", margin={"top": "12mm", "bottom": "12mm"}))).pages
    assert len(paper) == 1
    text = paper[0].extract_text()
    assert "74.5" in text
    assert "PDF" not in text
