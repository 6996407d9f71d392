"""Paper is whole, right and tagged, in both languages; it fetches nothing and prints no empty boxes."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import appraisals, i18n, schemes
from survey.app import create_app
from survey.appraisals import drawing
from survey.appraisals.helping import PlanLine, Provided, Told
from survey.appraisals.statement import Paper, Person
from survey.context import db
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.company import Period
from survey.models.facts import IndicatorFact
from survey.pdf import PageRefused, Press, PrintingFailed, fonts
from survey.views.appraisals import pages_of

from ..conftest import NOW, settings_for
from .conftest import Surveyed, appraise_by_events, appraise_everybody, put_events, put_facts, score, survey_company
from .papers import drawn, strangers
from .test_appraisals import read

PRINTED_ON = date(2026, 7, 6)
LANGUAGES = ("zh", "en", "both")
NAMES = ("surveyed", "withheld", "kelon")
LONG_REASON = "理由很长。" * 390
LONG_NAMES = {
    "name": "阿卜杜热西提买买提江阿吉", "manager": "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis",
    "position": "SeniorKeyAccountManagerAndTechnicalServiceEngineerInternational",
    "territories": ("新疆维吾尔自治区伊犁哈萨克", "Northrhine-Westphalia-and-Lower-Saxony-and-Schleswig-Holsteins"),
}  # fmt: skip
PLAIN = "<html lang=en><title>t</title><body>A page.</body></html>"


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    with Press() as press:
        yield press


def print_paper(press: Press, paper: Paper, language: str) -> bytes:
    return press.print_first(pages_of(paper, language, printed_on=PRINTED_ON))


def pages_in(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def text_of(pdf: bytes) -> str:
    return "\n".join(pages_in(pdf))


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """The small company's papers as they are stored, and each in three languages as PDF and as text."""

    papers: Mapping[str, Paper]
    people: tuple[Person, ...]
    customers: tuple[str, ...]
    pdfs: Mapping[tuple[str, str], bytes]
    texts: Mapping[tuple[str, str], str]

    def text(self, name: str, language: str) -> str:
        return self.texts[name, language]


@pytest.fixture(scope="module")
def printed(press: Press, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Printed:
    """Printed once for all tests that only read: somebody surveyed, somebody hardly surveyed, somebody not surveyed."""
    folder = tmp_path_factory.mktemp("printed")
    shutil.copy(migrated_sqlite, folder / "evenhand.sqlite")
    app = create_app(settings_for(folder, f"sqlite:///{folder / 'evenhand.sqlite'}"))
    with app.app_context():
        company = survey_company(db.session, NOW)
        score(db.session, NOW)
        six = [read(db.session, row) for row in appraise_everybody(db.session, company, NOW)]
        papers = {
            "surveyed": six[0],
            "withheld": six[9],
            "kelon": read(db.session, appraise_by_events(db.session, NOW)),
        }
        pdfs = {
            (name, language): print_paper(press, paper, language)
            for name, paper in papers.items()
            for language in LANGUAGES
        }
        db.session.rollback()
        db.engine.dispose()
    return Printed(
        papers=papers, people=tuple(one.statement.person for one in six), customers=company.customers, pdfs=pdfs,
        texts={key: text_of(pdf) for key, pdf in pdfs.items()},
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_number_on_paper_is_a_stored_one(printed: Printed, name: str, language: str) -> None:
    assert not strangers(printed.papers[name], printed.text(name, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_that_is_not_stored_is_found(printed: Printed, language: str) -> None:
    text = printed.text("surveyed", language)
    total = printed.papers["surveyed"].statement.outcome.printed
    assert set(strangers(printed.papers["surveyed"], text.replace(total, "12.34"))) == {"12.34"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_waterfall_on_paper_adds_up(printed: Printed, language: str) -> None:
    steps = printed.papers["surveyed"].statement.satisfaction[0].steps
    assert steps is not None
    text = printed.text("surveyed", language)
    for value in (steps.raw, steps.adjusted, steps.reported):
        assert f"{value:.1f}" in text
    for value in (steps.mix, steps.territory, steps.centring, steps.shrinkage):
        assert value is not None
        assert f"{'+' if value > 0 else '−'}{abs(value):.1f}" in text or value == 0


def test_kelons_worked_example_stands_on_paper(printed: Printed) -> None:
    for language, capped in (("zh", "−7，封顶 −5"), ("en", "−7, capped at −5")):
        text = printed.text("kelon", language)
        for number in ("36.8", "30.0", "8.0", "7.5", "9.0", "91.3", "−3.0", "−5.0", "0.0", "−2.0", "81.3", capped):
            assert number in text
    assert "interval not measured" in text
    assert "±" not in text


def test_chinese_can_be_read_out_of_it(printed: Printed) -> None:
    text = printed.text("withheld", "zh")
    for words in (
        "销售人员绩效考核表", "港湾仪表", "喆玥堃昇", "客户满意度", "签名表示已知悉，不表示同意", "待审定", "申诉",
    ):  # fmt: skip
        assert words in text
    english = printed.text("surveyed", "en")
    for words in ("Sales appraisal", "Harbour Instruments", "It does not mean: agreed", "Proposed", "Appeal"):
        assert words in english


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_two_tagged_pages_and_small(printed: Printed, name: str, language: str) -> None:
    pdf = printed.pdfs[name, language]
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) == 2
    assert len(pdf) < 400_000
    catalogue = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]  # type: ignore[index]
    assert catalogue["/Lang"] == ("en" if language == "en" else "zh-Hans")  # type: ignore[index]
    assert reader.metadata is not None
    assert printed.papers[name].statement.number in str(reader.metadata.title)
    assert "/StructTreeRoot" in catalogue  # type: ignore[operator]
    assert [re.findall(r"\d / \d", page)[-1] for page in pages_in(pdf)] == ["1 / 2", "2 / 2"]


BLOCKS = {
    "zh": (
        "一、指标得分", "二、扣分", "三、客户满意度", "四、为何是这个目标", "五、同岗位比较", "六、趋势", "七、进步",
        "八、主管评语", "九、改进计划", "十、奖励/培训建议", "十一、说明", "十二、签字", "十三、申诉",
    ),
    "en": (
        "1. Indicators", "2. Deductions", "3. Customer satisfaction", "4. Why this target", "5. Peers", "6. Trend",
        "7. Improvement", "8. Manager’s comments", "9. Improvement plan", "10. Recommendations", "11. Notes",
        "12. Sign-off", "13. Appeal",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_thirteen_blocks_stand_in_order(printed: Printed, name: str, language: str) -> None:
    text = printed.text(name, language)
    places = [text.find(block) for block in BLOCKS["en" if language == "en" else "zh"]]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(("indicators", "events"), [(7, 2), (9, 0)])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_table_at_the_foot_of_a_page_keeps_its_heading(
    press: Press, app: Flask, indicators: int, events: int
) -> None:
    with app.app_context():
        text = text_of(print_paper(press, drawn({"indicators": indicators, "events": events}), "both"))
    assert text.count("考核期") == 2, "the heading of the trend and the note on when targets were agreed"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_days_of_a_plan_stay_whole_and_on_two_pages(press: Press, app: Flask, language: str) -> None:
    item = PlanLine(
        item="回款", measure="每周对账", support="财务每周发对账单", starts_on=date(2026, 7, 10),
        due_on=date(2026, 9, 30), metric="逾期款下降一半", reward="外出培训一次", agreed_on=date(2026, 7, 3),
    )  # fmt: skip
    paper = drawn({"indicators": 6, "events": 3})
    paper = replace(paper, standing=replace(paper.standing, plan=(item,) * 3))
    with app.app_context():
        pages = pages_in(print_paper(press, paper, language))
    assert len(pages) == 2
    assert [pages[1].count(day) for day in ("2026-07-10", "2026-09-30", "2026-07-03")] == [3, 3, 3]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_stands_beside_the_points_is_printed_and_fits(press: Press, app: Flask, language: str) -> None:
    """The last plan's outcome, the company's part with its days, the rep's own summary, trainings: before any annex the
    paper stays on two pages."""
    item = PlanLine(
        item="回款", measure="每周对账", support="发对账单", starts_on=date(2026, 7, 10), due_on=date(2026, 9, 30),
        metric="逾期款减半", reward="外出培训一次", agreed_on=date(2026, 7, 3), score=18, reviews=("2026-08-10",),
        support_by="财务部", support_due_on=date(2026, 7, 20),
    )  # fmt: skip
    before = replace(item, item="拜访", outcome="partly", outcome_note="每周 9 家", support_given_on=date(2026, 2, 9))
    paper = drawn({"indicators": 9, "events": 5})
    standing = replace(
        paper.standing, plan=(item, item), last_period="2025-H2", last_plan=(before,),
        provided=(Provided(what="市场报告", hours=None, result="", due_on=date(2026, 3, 1), done_on=None),),
        told=Told(reached="签约八家。" * 20, hard="断货三周。" * 20, better="提前备货。" * 20),
    )  # fmt: skip
    with app.app_context():
        pages = pages_in(print_paper(press, replace(paper, standing=standing), language))
    text = "".join("".join(pages).split())
    for printed in ("财务部", "2026-08-10", "每周9家", "市场报告", "签约八家。" * 20, "提前备货。" * 20):
        assert printed in text
    assert len(pages) == 2 or "附页" in pages[2] or "Annex" in pages[2]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same(printed: Printed, name: str) -> None:
    text = " ".join(printed.text(name, "both").split())
    for part in printed.papers[name].statement.outcome.parts:
        assert part.name_zh in text
        assert part.name_en in text
    for pair in (("签名表示已知悉", "It does not mean: agreed"), ("申诉", "Appeal"), ("综合得分", "Total")):
        assert pair[0] in text
        assert pair[1] in text
    assert not re.search("[\x02\x03\x1f]", text)


def test_a_reps_copy_names_nobody_else(printed: Printed) -> None:
    text = printed.text("surveyed", "zh")
    assert not [one.name for one in printed.people[1:] if one.name in text]
    assert not [one.code for one in printed.people[1:] if re.search(rf"\b{one.code}\b", text)]
    assert "海川商行" not in text
    assert not [code for code in printed.customers if code in text]


def test_a_pair_inside_a_pair_finds_its_language() -> None:
    inner = "\x02甲\x1fA\x03"
    page = (
        f'<p title="{inner}">\x02共 {inner} 项\x1fall of {inner}\x03\x02；\x1f; \x03</p><svg><text>{inner}</text></svg>'
    )
    assert i18n.paired(page) == (
        '<p title="甲 / A">共 甲 项 <span class="en" lang="en">all of A</span>；</p><svg><text>甲 / A</text></svg>'
    )
    assert i18n.halves(f"\x02共 {inner}\x1fall {inner}\x03") == ["共 甲", "all A"]
    assert i18n.halves("same") == ["same"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_rose_is_praised_and_costs_nothing(
    session: Session, kelon: Appraisal, press: Press, now: datetime
) -> None:
    text = text_of(print_paper(press, read(session, kelon), "en"))
    assert "no earlier appraisal under this scheme" in text
    last = session.get(Period, kelon.period_id)
    session.add(Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31)))
    session.flush()
    newer = session.scalars(select(Period).where(Period.code == "2026-H2")).one()
    rep = kelon.rep_id
    session.add_all(
        IndicatorFact(period_id=newer.id, rep_id=rep, indicator=code, value=value, target=target)
        for code, value, target in (("collection", 97, 100), ("outlets", 70, 100), ("network", 8, 8))
    )
    session.flush()
    version = session.get(SchemeVersion, kelon.scheme_version_id)
    ((row, _),) = drawing.draw_up(session, "2026-H2", version, by="x", at=now).appraisals
    statement = read(session, row).statement
    assert [(one.name_en, one.before, one.now) for one in statement.risen] == [
        ("Network development", 6, 8), ("Cash collection", 92, 97),
    ]  # fmt: skip
    assert [one.period for one in statement.trend] == [last.code, "2026-H2"]
    assert statement.trend[0].printed == "81.3"
    text = text_of(print_paper(press, read(session, row), "en")).replace("\n", " ")
    assert "Risen since 2026-H1" in text
    assert "no points follow" in text


@pytest.mark.parametrize(
    ("given", "language"),
    [({}, "zh"), ({}, "en"), (LONG_NAMES, "zh"), (LONG_NAMES, "en"), ({"missing": 3}, "en"), ({"events": 0}, "both")],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_twelve_indicators_and_eight_events_fit_on_two_pages(
    press: Press, app: Flask, given: dict[str, Any], language: str
) -> None:
    paper = drawn({"indicators": 12, "events": 8} | given)
    with app.app_context():
        pages = pages_in(print_paper(press, paper, language))
    assert len(pages) == 2
    assert ("Appeal" if language == "en" else "申诉") in pages[1]
    assert not strangers(paper, "\n".join(pages))


@pytest.mark.parametrize(
    ("given", "language"),
    [({}, "both"), ({"events": 28}, "en"), ({"indicators": 30, "events": 40}, "zh"), ({"reason": LONG_REASON}, "both")],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_is_more_than_two_pages_hold_stands_in_an_annex(
    press: Press, app: Flask, given: dict[str, Any], language: str
) -> None:
    """However much it is: the annex begins the third page and says so, nothing of it is lost, and sign-off and appeal
    stay on the second."""
    paper = drawn({"indicators": 12, "events": 8, "fact": "客户反映校准证书未随货送达，三次电话催促后仍未回复"} | given)
    with app.app_context():
        pages = pages_in(print_paper(press, paper, language))
    en = language == "en"
    title, appeal, signing = ("Annex", "13. Appeal", "12. Sign-off") if en else ("附页", "十三、申诉", "十二、签字")
    assert len(pages) > 2
    assert not [page for page in pages[:2] if title in page.splitlines()]
    assert all(any(line.startswith(title) for line in page.splitlines()) for page in pages[2:])
    assert appeal in pages[1]
    assert signing in pages[1]
    text = "".join("\n".join(pages).split())
    for part in paper.statement.outcome.parts:
        assert "".join((part.name_en if en else part.name_zh).split()) in text
    assert text.count("校准证书") == sum(len(part.events) for part in paper.statement.deductions)
    if paper.standing.decision:
        assert text.count("理由很长。") == LONG_REASON.count("理由很长。")
    assert [re.findall(r"\d+ / \d+", page)[-1] for page in pages] == [
        f"{place} / {len(pages)}" for place in range(1, len(pages) + 1)
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"state": "draft"}, "草稿"),
        ({"state": "proposed"}, "待审定"),
        ({"state": "final", "reason": "依复核"}, "已发布"),
        ({"state": "final", "reason": "依复核", "revision": 2}, "已更正"),
        ({"state": "final", "reason": "依复核", "replaced_by": 2}, "已被取代"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_watermark_says_where_it_stands(app: Flask, given: dict[str, Any], words: str) -> None:
    with app.app_context():
        page = next(pages_of(drawn({"indicators": 3, "events": 1} | given), "zh", printed_on=PRINTED_ON))
    assert re.search(r'<div class="watermark [a-z]+">([^<]*)</div>', page).group(1) == words  # type: ignore[union-attr]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_state_and_the_decision_are_printed(
    press: Press, session: Session, kelon: Appraisal, now: datetime
) -> None:
    appraisals.finalise(session, kelon.id, band="A", reason="抗洪有功", by="hr@h.example", at=now)
    text = text_of(print_paper(press, read(session, kelon), "zh"))
    assert "已审定" in text
    assert "待审定" not in text
    assert "抗洪有功" in text
    assert "hr@h.example" in text
    paper = read(session, kelon)
    assert paper.standing.snapshot in text
    assert paper.standing.anchor in text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_markup_in_data_stays_text(
    press: Press, app: Flask, session: Session, surveyed: Surveyed, now: datetime
) -> None:
    put_facts(session, "R01")
    put_events(session, "R01", (("daily", 1),))
    from sqlalchemy import update

    from survey.models.facts import ConductEvent
    from survey.models.roster import Rep

    hostile = "<img src=http://127.0.0.1:9/x><script>1</script>{{ 7654321*7 }}</style>"
    session.execute(update(ConductEvent).values(fact=hostile, evidence='"><svg onload=1>'))
    session.execute(update(Rep).where(Rep.code == "R01").values(name="=HYPERLINK(1)</td>"))
    version = schemes.adopt(session, schemes.shipped()["kelon-branch-manager"], by="hr", at=now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, by="x", at=now).appraisals
    text = text_of(print_paper(press, read(session, row), "en"))
    assert "<script>" in text
    assert "53580247" not in text
    assert "=HYPERLINK(1)</td>" in text


def test_the_same_page_gives_the_same_bytes(press: Press) -> None:
    with Press() as another:
        assert press.print(PLAIN) == press.print(PLAIN) == another.print(PLAIN)


def _printed_or_refused(press: Press, page: str) -> str:
    try:
        return text_of(press.print(page))
    except PageRefused as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="URL">',
        '<link rel="stylesheet" href="URL">',
        '<link rel="attachment" href="URL">',
        '<style>@import url("URL");</style>',
        '<style>body { background: url("URL") }</style>',
        '<style>@font-face { font-family: x; src: url("URL") } p { font-family: x }</style><p>x</p>',
        '<svg width="9" height="9"><image href="URL" width="9" height="9"/></svg>',
        '<svg width="9" height="9"><use href="URL#x"/></svg>',
        '<object data="URL">x</object>',
        '<embed src="URL">',
        '<base href="URL"><img src="x.png">',
        "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='URL'/></svg>\">",
    ],
)
def test_nothing_is_fetched(press: Press, markup: str) -> None:
    """A server stands ready; nobody comes. A file is no better."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.05)
        for url in (f"http://127.0.0.1:{server.getsockname()[1]}/x", "file:///etc/passwd", "bundled:../config.py"):
            page = f"<html lang=en><title>t</title><body>{markup.replace('URL', url)}"
            printed = _printed_or_refused(press, page)
            assert "a PDF fetches nothing" in printed or "root:" not in printed
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_companys_logo_stands_in_the_page_itself(press: Press) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (90, 30), "#2b6a4d").save(drawn, "PNG")
    page = '<html lang=en><title>t</title><header><img class="logo" alt="" src="data:image/png;base64,%s">'
    assert b"/Image" in press.print(page % base64.b64encode(drawn.getvalue()).decode())
    for other in (b"<svg/>", b"\xff\xd8\xff\xe0 a JPEG", drawn.getvalue() + bytes(70_000)):
        with pytest.raises(PageRefused, match="a PDF fetches nothing"):
            press.print(page % base64.b64encode(other).decode())


def test_an_image_from_elsewhere_is_refused_aloud(press: Press) -> None:
    with pytest.raises(PageRefused, match=r"http://example\.com/x\.png; a PDF fetches nothing"):
        press.print('<html lang=en><title>t</title><img src="http://example.com/x.png">')


@pytest.mark.parametrize("character", ["\U0001f642", "\u202e", "\ud7a3", "\ue000"])
def test_a_character_without_a_shape_is_an_error(press: Press, character: str) -> None:
    with pytest.raises(PageRefused, match=f"U\\+{ord(character):04X}\\) “业务员王") as refused:
        press.print(f"<html lang=en><title>t</title><p>前文</p><p>业务员<b>x</b></p><p>业务员王{character}</p>")
    assert "前文" not in str(refused.value)
    assert character.isprintable() or character not in str(refused.value)
    with pytest.raises(PageRefused):
        press.print(f"<html lang=en><title>t</title><p>&#{ord(character)};</p>")


def test_rare_names_are_printed(press: Press) -> None:
    names = "喆玥堃昇 龑䶮㛃 𬭎𬀩 Łukasz? Müller Nguyễn Ольга".replace("Łukasz?", "Lukasz")
    assert names in text_of(press.print(f"<html lang=zh><title>t</title><body class=zh><p>{names}</p>"))


def test_a_page_that_takes_too_long_is_stopped() -> None:
    with Press(page_seconds=0) as press, pytest.raises(PrintingFailed, match="took longer"):
        press.print(PLAIN)


def test_a_page_that_takes_too_much_is_stopped() -> None:
    """What it holds when it is ready counts, so that hardly anything is left."""
    with Press(memory_bytes=64 * 1024**2) as press, pytest.raises(PrintingFailed, match="stopped"):
        press.print("<p>A page.</p>" * 20_000)


def test_a_killed_printing_process_is_started_again_and_leaves_nothing_lying_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Press() as press:
        first = press.print(PLAIN)
        assert list(tmp_path.rglob("weasyprint-*")), "its copies of the fonts"
        os.kill(press._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        press._process.wait()  # type: ignore[union-attr]
        assert press.print(PLAIN) == first
    assert not list(tmp_path.iterdir())


def test_a_machine_without_pango_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load library libpango-1.0-0')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Press() as press, pytest.raises(PageRefused, match=r"apt-get install libpangoft2-1\.0-0 .* fonts-noto-cjk"):
        press.print(PLAIN)


def test_a_machine_without_the_font_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "PLACES", (tmp_path,))
    fonts._source.cache_clear()
    with pytest.raises(fonts.FontMissing, match="apt-get install fonts-noto-cjk"):
        fonts.prepare()
    fonts._source.cache_clear()
