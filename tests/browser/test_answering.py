"""A customer on a phone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def test_privacy(live_server: str, open_browser: Callable[..., Page], phone: dict[str, object]) -> None:
    page = open_browser(**phone)
    page.goto(f"{live_server}/privacy")
    assert page.title()
