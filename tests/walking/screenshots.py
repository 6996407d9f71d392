"""`make screenshots`: a picture of every page, three widths, light and dark, both languages.

python -m tests.walking.screenshots DIRECTORY [WORD IN THE VIEW'S NAME]
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.walking import Place, cookies_of
from tests.walking.company import Walkable, build, unseen

WIDTHS = (320, 768, 1440)
SCHEMES = ("light", "dark")
LANGUAGES = ("zh", "en")
PATIENCE = 120_000


def main(directory: Path, wanted: str = "") -> None:
    with tempfile.TemporaryDirectory() as scratch:
        company = build(Path(scratch) / "company")
        places = [place for place, _ in company.places()]
        if missing := unseen(company.app, places):
            sys.exit(f"No link leads to: {', '.join(sorted(missing))}. Every page has to be in the pictures.")
        first = {place.endpoint: place for place in reversed(places) if wanted in place.endpoint}
        server = make_server("127.0.0.1", 0, company.app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            for number, place in enumerate(first.values(), start=1):
                _take(browser, company, place, f"http://localhost:{server.server_port}", directory)
                print(f"{number}/{len(first)} {place.endpoint}", file=sys.stderr)
            browser.close()
        server.shutdown()
    print(f"Pictures of {len(first)} pages lie in {directory}.")


def _take(browser: Browser, company: Walkable, place: Place, base: str, directory: Path) -> None:
    for language in LANGUAGES:
        context = browser.new_context(locale={"zh": "zh-CN", "en": "en-GB"}[language])
        context.set_default_timeout(PATIENCE)
        context.add_cookies(  # type: ignore[arg-type]
            [*cookies_of(company.client(place.role), base), {"name": "language", "value": language, "url": base}]
        )
        page = context.new_page()
        page.goto(base + place.address)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                name = f"{place.endpoint}-{place.role}-{width}-{scheme}-{language}.png"
                directory.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=directory / name, full_page=True)
        context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
