"""Every page there is, found by following links as each role: sound HTML, one language, nothing for axe to report."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import String, select
from werkzeug.serving import make_server

from survey import journal, schemes
from survey.context import db
from survey.database import Base
from survey.models.facts import MonitoringNote
from tests.soundness import OPTIONS, SCRIPT
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
    "env", "lite", "synchronous", "doctor", "debian", "restore",
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
        context.add_init_script(SCRIPT)
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
    """What axe reports in light, and of the contrast in dark: what else could a colour scheme change?"""
    yield from _violations(page, "light", OPTIONS)
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        yield "is wider than a phone"
    page.emulate_media(color_scheme="dark")
    yield from _violations(page, "dark", {**OPTIONS, "runOnly": ["color-contrast"]})


def _violations(page: Page, scheme: str, options: dict[str, list[str]]) -> Iterator[str]:
    for rule, element in page.evaluate("options => violations(options)", options):
        yield f"{scheme}: {rule} at {element[:120]}"


def test_contrast_is_measured_wherever_a_text_looks_otherwise(chromium: Browser) -> None:
    """A text that looks like one that passed is not measured again; its colour, its ground, its size or what lies over
    it being another makes it another look, in light and in dark."""
    page = chromium.new_page(viewport={"width": 320, "height": 640})
    lines = "".join(
        f'<p><span style="{style}">{name}</span></p>'
        for name, style in {"colour": "color: #bbb", "ground": "background: #555", "size": "font-size: 12px"}.items()
    )
    page.set_content(
        f"""<style>
            p, .bare {{ color: #888; font-size: 24px }}
            p {{ background: #fff }}
            .bare {{ position: relative }}
            .block {{ height: 40px; background: #555 }}
            .block + .bare {{ margin-top: -40px }}
            @media (prefers-color-scheme: dark) {{ .night {{ color: #eee }} }}
        </style>
        <p><span>legible</span></p>{lines}<p class="night">day</p><p class="night">night</p>
        <div class="bare">legible</div><div class="block"></div><div class="bare">over</div>"""
    )
    page.evaluate(SCRIPT)
    contrast = {**OPTIONS, "runOnly": ["color-contrast"]}
    assert _texts(_violations(page, "light", contrast)) == ["colour", "ground", "size", "over"]
    page.emulate_media(color_scheme="dark")
    assert _texts(_violations(page, "dark", contrast)) == ["colour", "ground", "size", "day", "night", "over"]
    page.close()


def _texts(found: Iterator[str]) -> list[str]:
    return [text for one in found for text in re.findall(r">([^<]+)<", one)]
