"""What every page in a browser is held to: nothing for axe to report, and nothing wider than the screen."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

SCRIPT = f"{AXE_SCRIPT}\n{Path(__file__).with_suffix('.js').read_text(encoding='utf-8')}"
"""axe, and `violations(options)`, which says what it found. A page has it once it has run."""

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
    page.evaluate(SCRIPT)
    assert not (found := page.evaluate("options => violations(options)", OPTIONS)), (page.url, found)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
