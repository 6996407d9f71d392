"""What every page in a browser is held to: nothing for axe to report, and nothing wider than the screen."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
"""All of WCAG 2.2 AA, the size of what is pressed included, which axe leaves out unless it is named."""


def assert_sound(page: Page) -> None:
    """Fails with what axe found, or when the page scrolls sideways.

    Waits for the page first: right after a click its document may not be there yet.
    """
    page.wait_for_load_state()
    found = Axe().run(page, options=OPTIONS).response["violations"]
    assert not found, [(page.url, problem["id"], problem["nodes"][0]["html"]) for problem in found]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
