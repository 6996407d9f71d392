"""Paper: a hundred two-page appraisals by the export, and the same pages by other means."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.bench.report import Line, Section, ratio
from tests.bench.runner import Measured, call, prepare

if TYPE_CHECKING:
    from tests.bench.child import Watch

HERE = "tests.bench.paper"
DOCUMENTS, FEW = 100, 10
SIZE = {"indicators": 8, "events": 5}
LANGUAGE = "zh"
PRINTED_ON = date(2026, 7, 6)
CHROMIUM = "/usr/bin/chromium-headless-shell"
SAFE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"]  # fmt: skip


def printing(folder: Path) -> Section:
    """A hundred documents, and where their time goes."""
    prepare(f"{HERE}:pages", folder)
    ours = call(f"{HERE}:export", folder)
    parts = call(f"{HERE}:in_parts", folder)
    plain = call(f"{HERE}:plain_weasyprint", folder)
    browser = call(f"{HERE}:headless_chromium", folder)
    return Section(
        title=f"{SIZE['indicators']} indicators, {SIZE['events']} events and five dimensions on two pages, in Chinese",
        lines=(
            Line(what=f"the export: {DOCUMENTS} documents, two presses, started anew, every file on the disk",
                 measured=ours, target=f"≤ 0.25 s a document, {0.25 * DOCUMENTS:.0f} s"),
            Line(what=f"plain WeasyPrint, its defaults and the system's fonts: {FEW} documents", measured=plain),
            Line(what=f"headless Chromium, one browser: {FEW} documents", measured=browser),
        ),
        remarks=(
            f"The export takes {ours.median / DOCUMENTS:.3f} s a document by the clock.",
            ratio(f"Plain WeasyPrint against ours in one process, {FEW} documents each", plain, parts),
            *_sizes(parts, plain, browser),
        ),
        where={f"one process, {FEW} documents": _split(parts)},
    )  # fmt: skip


def _sizes(*measured: Measured) -> tuple[str, ...]:
    return tuple(note for one in measured for note in one.notes if note.startswith("Size"))


def _split(parts: Measured) -> dict[str, float]:
    pairs = (note.rpartition(": ") for note in parts.notes if not note.startswith("Size"))
    return {name: float(seconds) for name, _, seconds in pairs}


def pages(_watch: Watch, folder: str) -> None:
    """The pages as HTML."""
    for number, (paper, page) in enumerate(_rendered(Path(folder))):
        (Path(folder) / f"{number:03}.html").write_text(page(paper), encoding="utf-8")


def export(watch: Watch, folder: str) -> None:
    """All of it: pages from values, two presses, whole files, the index."""
    from survey import exports
    from survey.pdf import Press

    found = list(_rendered(Path(folder)))
    render = {id(paper): page for paper, page in found}
    out = Path(folder) / f"out-{time.monotonic_ns()}"
    with watch, Press() as one, Press() as other:
        free: SimpleQueue[Any] = SimpleQueue()
        free.put(one)
        free.put(other)

        def draw(paper: Any) -> Callable[[], bytes]:
            page = render[id(paper)](paper)

            def printed() -> bytes:
                press = free.get()
                try:
                    return bytes(press.print(page, exports.mark(paper, LANGUAGE)))
                finally:
                    free.put(press)

            return printed

        done = list(exports.appraisals([paper for paper, _ in found], out, language=LANGUAGE, draw=draw))
    if any(one.refusal for one in done):
        raise RuntimeError(str(next(one.refusal for one in done if one.refusal)))


def in_parts(watch: Watch, folder: str) -> None:
    """What one press does, taken apart: the same calls in the same order, timed."""
    import gc

    import weasyprint.document
    import weasyprint.pdf
    import weasyprint.pdf.fonts

    from survey.pdf.typesetting import Typesetter

    setter, found = Typesetter(), _stored(folder)
    setter.print(found[0], "0" * 32)
    gc.collect()
    gc.freeze()
    gc.disable()
    spent: dict[str, float] = {}
    _timed(spent, "fonts: cut down to what is used", weasyprint.pdf, "build_fonts_dictionary")
    _timed(spent, "painting, tags and fonts", weasyprint.document, "generate_pdf")
    _timed(spent, "styles, boxes and layout", weasyprint.HTML, "render")
    _timed(spent, "reading the HTML", weasyprint.HTML, "__init__")
    size = 0
    with watch:
        for page in found:
            size += len(setter.print(page, "0" * 32))
    spent["painting and tags"] = spent.pop("painting, tags and fonts") - spent["fonts: cut down to what is used"]
    spent["writing and compressing"] = watch.busy - sum(spent.values())
    watch.notes += [f"{name}: {seconds:.4f}" for name, seconds in spent.items()]
    watch.notes.append(f"Size of one of ours: {size / len(found) / 1000:.0f} KB.")


def _timed(spent: dict[str, float], name: str, owner: Any, attribute: str) -> None:
    original = getattr(owner, attribute)

    def timed(*arguments: Any, **options: Any) -> Any:
        begin = time.process_time()
        try:
            return original(*arguments, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - begin

    setattr(owner, attribute, timed)


def plain_weasyprint(watch: Watch, folder: str) -> None:
    """As anybody would begin: `HTML(string=…).write_pdf()`, the fonts of the system."""
    import logging

    import weasyprint

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    found = [_with_style(page) for page in _stored(folder)]
    size = 0
    with watch:
        for page in found:
            size += len(weasyprint.HTML(string=page).write_pdf())
    watch.notes.append(f"Size of one by plain WeasyPrint: {size / len(found) / 1000:.0f} KB.")


def headless_chromium(watch: Watch, folder: str) -> None:
    """The same HTML and style sheet, printed by one browser."""
    from playwright.sync_api import sync_playwright

    found = [_with_style(page) for page in _stored(folder)]
    size = 0
    with sync_playwright() as playwright, watch:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SAFE)
        sheet = browser.new_page()
        for page in found:
            sheet.set_content(page)
            size += len(sheet.pdf(prefer_css_page_size=True))
        browser.close()
    watch.notes.append(f"Size of one by Chromium: {size / len(found) / 1000:.0f} KB.")


def _stored(folder: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.html"))[:FEW]]


def _with_style(page: str) -> str:
    """The style sheet inside the page, its fonts those of the system."""
    from survey.pdf.typesetting import STATIC

    style = (STATIC / "tokens.css").read_text(encoding="utf-8") + (STATIC / "print.css").read_text(encoding="utf-8")
    style = re.sub(r"@(import|font-face)[^;{]*({[^}]*}|;)", "", style).replace('"Han"', '"Noto Sans CJK SC"')
    return page.replace("</head>", f"<style>{style}</style></head>")


def _rendered(folder: Path) -> Any:
    """Every paper with what makes its page, inside an application over an empty database."""
    from survey import config
    from survey.app import alembic, create_app
    from survey.views.appraisals import pages_of
    from tests.survey.papers import drawn

    settings = config.load(
        _env_file=None, evenhand_dir=folder, base_url="http://localhost", secret_key="s" * 40,
        token_keys={"bench": "t" * 40},
    )  # fmt: skip
    app = create_app(settings)
    app.app_context().push()
    if not settings.database_url or not (folder / "evenhand.sqlite").exists():
        alembic.upgrade()
    for number in range(DOCUMENTS):
        name = f"周秀兰{chr(0x4E00 + number)}"
        yield (
            drawn({"rep": f"R{number:03}", "name": name, "above": number % 7, **SIZE}),
            lambda paper: next(pages_of(paper, LANGUAGE, printed_on=PRINTED_ON)),
        )
