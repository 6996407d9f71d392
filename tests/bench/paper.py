"""Paper: a hundred two-page appraisals by the export, and the same pages by other means."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.bench.report import Line, Section, ratio
from tests.bench.runner import Measured, call, prepare

if TYPE_CHECKING:
    from tests.bench.child import Watch

HERE = "tests.bench.paper"
DOCUMENTS, FEW = 100, 10
INDICATORS, EVENTS = 8, 5
LANGUAGE = "zh"
PRINTED_ON = date(2026, 7, 6)
CHROMIUM = "/usr/bin/chromium"
SAFE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"]  # fmt: skip
SCHEME = """\
code = "bench"
title_zh = "量度"
title_en = "Bench"
source_zh = "测试"
source_en = "A test"
"""


def printing(folder: Path) -> Section:
    """A hundred documents, and where their time goes."""
    prepare(f"{HERE}:pages", folder)
    ours = call(f"{HERE}:export", folder)
    parts = call(f"{HERE}:in_parts", folder)
    plain = call(f"{HERE}:plain_weasyprint", folder)
    browser = call(f"{HERE}:headless_chromium", folder)
    return Section(
        title=f"{INDICATORS} indicators, {EVENTS} events and five dimensions on two pages, in Chinese",
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
    pairs = (note.partition(": ") for note in parts.notes if not note.startswith("Size"))
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
    from survey.views.appraisals import page_of

    settings = config.load(
        _env_file=None, evenhand_dir=folder, base_url="http://localhost", secret_key="s" * 40,
        token_keys={"bench": "t" * 40},
    )  # fmt: skip
    app = create_app(settings)
    app.app_context().push()
    if not settings.database_url or not (folder / "evenhand.sqlite").exists():
        alembic.upgrade()
    for number in range(DOCUMENTS):
        yield _paper(number), lambda paper: page_of(paper, LANGUAGE, printed_on=PRINTED_ON)


def _paper(number: int) -> Any:
    from scoring.appraisal import appraise
    from scoring.facts import Event, Fact
    from scoring.scheme import Scheme
    from scoring.scores import Score
    from survey.appraisals import statement as printed
    from survey.figures import steps_as_printed

    scheme = Scheme.from_toml(_scheme())
    rep = f"R{number:03}"
    raw, adjusted, reported = 78.2 + number % 7, 80.7 + number % 7, 79.3 + number % 7
    score = Score(
        rep=rep, item="satisfaction", responses=34, customers=31, raw=raw, mix=-0.6, territory=3.6, centring=-0.5,
        adjusted=adjusted, se=2.2, df=40.0, low=adjusted - 4.4, high=adjusted + 4.4, reliability=0.84,
        reported=reported, reported_sd=2.0, peer=reported, company=reported, case="A", component=1, fragile=False,
        evidence="full",
    )  # fmt: skip
    facts = [
        Fact(rep=rep, indicator=f"i{one}", value=90.0 + (one + number) % 15, target=100.0, evidence="ERP")
        for one in range(1, INDICATORS)
    ]
    events = [
        Event(rep=rep, category=f"d{1 + one % 4}", on=f"2026-03-{one + 1:02}", points=1.0, fact="迟报月度总结")
        for one in range(EVENTS)
    ]
    (outcome,) = appraise([score], facts, events, scheme)
    steps = steps_as_printed(
        raw=raw, mix=-0.6, territory=3.6, centring=-0.5, adjusted=adjusted, reported=reported,
        adjusters={"segment": -0.4, "size_band": -0.3, "industry": 0.1},
    )  # fmt: skip
    dimensions = tuple(
        printed.Dimension(
            item=name, name_zh=name, name_en=name, evidence="full", responses=34, raw=raw - place,
            adjusted=adjusted - place, low=adjusted - 5 - place, high=adjusted + 5 - place,
        )
        for place, name in enumerate(("产品知识", "交货及时性", "响应速度", "服务建议", "技术指导"))
    )  # fmt: skip
    found = printed.Satisfaction(
        indicator="satisfaction", item="satisfaction", name_zh="综合满意度", name_en="Satisfaction", evidence="full",
        asked=92, responses=34, customers=31, low=adjusted - 4.4, high=adjusted + 4.4, reliability=0.84, average=79.9,
        case="A", fragile=False, steps=steps, dimensions=dimensions,
    )  # fmt: skip
    statement = printed.Statement(
        number=f"A-2026-H1-{rep}", revision=1, company_zh="云杉仪表", company_en="Spruce Instruments",
        period="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30),
        person=printed.Person(code=rep, name=f"周秀兰{chr(0x4E00 + number)}", position="销售代表",
                              territories=("华北",), tenure_months=18, manager="沈玥"),
        scheme=scheme.code, scheme_version=1, scheme_title_zh=scheme.title_zh, scheme_title_en=scheme.title_en,
        deduction_cap=scheme.deduction_cap,
        bands=tuple(printed.BandLine(code=one.code, name_zh=one.name_zh, name_en=one.name_en, cut=one.cut,
                                     adverse=one.adverse) for one in scheme.bands),
        definitions={one.code: printed.Definition(zh=one.definition_zh, en=one.definition_en)
                     for one in scheme.indicators},
        survey=printed.Survey(run=1, spec_hash="0" * 64, fingerprint="0" * 64, scored_on=date(2026, 7, 1),
                              policy="pooled", periods=1, minimum_customers=5),
        satisfaction=(found,), peers=printed.Peers(reps=57, rank_low=4, rank_high=31, stands="alike"),
        trend=(), risen=(), software="evenhand", outcome=outcome,
    )  # fmt: skip
    at = datetime(2026, 7, 2, tzinfo=UTC)
    standing = printed.Standing(
        id=number, state="proposed", replaced_by=None, snapshot=f"{number:064}", anchor="a" * 64, drawn_up_at=at,
        drawn_up_by="command line", decision=None,
    )  # fmt: skip
    return printed.Paper(statement=statement, standing=standing)


def _scheme() -> str:
    weights = [15, *[70 // (INDICATORS - 2)] * (INDICATORS - 2)]
    weights[0] += 85 - sum(weights)
    tables = [
        f'[[indicator]]\ncode = "i{place}"\nname_zh = "指标第{place}号"\nname_en = "Indicator {place}"\n'
        f'definition_zh = "实际完成值与约定目标值之比"\ndefinition_en = "Done against agreed"\ngroup = "result"\n'
        f'unit = "%"\nweight = {weight}\nrule = "ratio"\n'
        for place, weight in enumerate(weights, start=1)
    ]
    tables.append(
        '[[indicator]]\ncode = "satisfaction"\nname_zh = "客户满意度"\nname_en = "Customer satisfaction"\n'
        'group = "process"\nweight = 15\nrule = "satisfaction"\n'
    )
    tables += [
        f'[[deduction]]\ncode = "d{one}"\nname_zh = "扣分{one}"\nname_en = "Deduction {one}"\ncap = 5\n'
        for one in range(1, 5)
    ]
    tables += [
        f'[[band]]\ncode = "{code}"\nname_zh = "{code}等"\nname_en = "Band {code}"\ncut = {cut}\n'
        for code, cut in (("A", 80), ("B", 0))
    ]
    return SCHEME + "".join(tables)
