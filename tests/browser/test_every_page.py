"""Every page there is, found by following links as each role: sound HTML, one language, nothing for axe to report."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import String, select
from werkzeug.serving import make_server

from survey import journal, schemes
from survey.context import db
from survey.database import Base
from survey.models import MonitoringNote
from tests.soundness import OPTIONS
from tests.walking import Place, cookies_of
from tests.walking.company import Walkable, build, unseen
from tests.walking.markup import chinese_words, english_words, faults

OF_SEVERAL_LANGUAGES = {
    "manual.page",  # its sources have the titles they have
    "outbox.letters", "outbox.letter",  # what was written to a customer, in the customer's language
    "editing.edit", "editing.copy_of", "questionnaires.shown",  # both wordings stand side by side
    "importing.checked",  # a file's own headers
    "schemes.shown",  # a line's code stands before its name
    "journal.lines",  # as they were written
    "method.shown",  # names the software and sections of the README
}  # fmt: skip
KNOWN = {
    "evenhand", "sha", "cookie", "tab", "pdf", "csv", "xlsx", "toml", "json", "smtp", "spf", "dkim", "english", "url",
    "env", "lite", "synchronous", "doctor", "debian",
}  # fmt: skip
"""Names of things that are called so in Chinese too."""

Pages = dict[str, list[tuple[Place, str]]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Walkable:
    return build(tmp_path_factory.mktemp("walk") / "company")


@pytest.fixture(scope="module")
def pages(company: Walkable) -> Pages:
    return {language: list(company.places(language=language)) for language in ("zh", "en")}


def test_every_page_can_be_reached_by_links(company: Walkable, pages: Pages) -> None:
    """A page without a way to it is a page nobody opens; and what follows here would not have looked at it."""
    assert not unseen(company.app, [place for place, _ in pages["zh"]])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_html_of_every_page_is_sound(pages: Pages, language: str) -> None:
    found = {(place.address, fault) for place, markup in pages[language] for fault in faults(markup)}
    assert not found


def test_what_is_wrong_with_html_is_found() -> None:
    page = '<!doctype html><html lang="en"><head><title>x</title></head><body>{}</body></html>'
    assert not faults(page.format('<p id="a">fine</p><label for="b">b</label><input id="b">'))
    for broken in ("<p><div></div></p>", '<i id="a"></i><i id="a"></i>', '<label for="none">x</label>', "<b><i></b>"):
        assert faults(page.format(broken))


@pytest.fixture(scope="module")
def written(company: Walkable) -> dict[str, set[str]]:
    """Words that stand in the database: names, codes, what people typed. They are shown as they are."""
    words: dict[str, set[str]] = {"zh": set(), "en": set()}
    with company.app.app_context():
        for table in Base.metadata.sorted_tables:
            if table.name in ("scheme_version", "questionnaire_version", "outbox_message", "journal_entry"):
                chosen = [table.c[name] for name in ("name", "code") if name in table.c]
            else:
                chosen = [column for column in table.columns if isinstance(column.type, String)]
            for column in chosen:
                for value in db.session.scalars(select(column).distinct()):
                    if value and value != journal.COMMAND_LINE:
                        words["zh"].update(word.lower() for word in re.findall(r"[A-Za-z][a-z]{2,}", value))
                        words["en"].update(re.findall(r"[\u3400-\u9fff]+", value))
        for seen in db.session.scalars(select(MonitoringNote.details)):
            words["en"].update(re.findall(r"[\u3400-\u9fff]+", " ".join((seen or {}).values())))
    return words


def test_no_english_is_left_in_chinese_pages(pages: Pages, written: dict[str, set[str]]) -> None:
    names = " ".join((*schemes.shipped(), *(place.address.lower() for place, _ in pages["zh"])))
    assert not _left(pages["zh"], english_words, written["zh"] | KNOWN | set(re.findall(r"[a-z]{3,}", names)))


def test_no_chinese_is_left_in_english_pages(pages: Pages, written: dict[str, set[str]]) -> None:
    assert not _left(pages["en"], chinese_words, written["en"] | {"中文"})


def _left(
    of: list[tuple[Place, str]], words: Callable[[str], Iterator[tuple[str, str]]], known: set[str]
) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for place, markup in of:
        if place.endpoint not in OF_SEVERAL_LANGUAGES:
            for word, text in words(markup):
                if word not in known:
                    found[word].add(f"{place.endpoint}: {text[:100]}")
    return dict(found)


@pytest.fixture(scope="module")
def served(company: Walkable) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, company.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}".replace("127.0.0.1", "localhost")
    server.shutdown()
    thread.join(timeout=60)
    server.server_close()


@pytest.mark.timeout(900)
def test_axe_reports_nothing_on_any_page_in_light_and_dark_and_all_fit_a_phone(
    company: Walkable, pages: Pages, served: str, chromium: Browser
) -> None:
    found: list[str] = []
    for role, places in _one_of_each(pages["zh"]).items():
        context = chromium.new_context(viewport={"width": 320, "height": 640})
        context.set_default_timeout(60_000)
        context.add_cookies(cookies_of(company.client(role), served))  # type: ignore[arg-type]
        page = context.new_page()
        for place in places:
            page.emulate_media(color_scheme="light")
            page.goto(served + place.address, wait_until="load")
            found += [f"{place.address}: {fault}" for fault in _troubles(page)]
        context.close()
    assert not found


def _one_of_each(walked: list[tuple[Place, str]]) -> dict[str, list[Place]]:
    """The first page of each view, by whoever came to it first."""
    first: dict[str, Place] = {}
    for place, _ in walked:
        first.setdefault(place.endpoint, place)
    by_role: defaultdict[str, list[Place]] = defaultdict(list)
    for place in first.values():
        by_role[place.role].append(place)
    return by_role


def _troubles(page: Page) -> Iterator[str]:
    yield from _violations(Axe().run(page, options=OPTIONS).response, "light")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        yield "is wider than a phone"
    page.emulate_media(color_scheme="dark")
    # What else could a colour scheme change? And axe is in the page already.
    contrast = "axe.run({runOnly: ['color-contrast'], resultTypes: ['violations']})"
    yield from _violations(page.evaluate(contrast), "dark")


def _violations(found: dict[str, Any], scheme: str) -> Iterator[str]:
    for problem in found["violations"]:
        yield f"{scheme}: {problem['id']} at {problem['nodes'][0]['html'][:120]}"
