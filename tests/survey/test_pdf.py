"""Paper is whole, right and tagged, in both languages; it fetches nothing and prints no empty boxes."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import appraisals, i18n, schemes
from survey.appraisals import drawing
from survey.appraisals.statement import Paper
from survey.models import Appraisal, IndicatorFact, Period, SchemeVersion
from survey.pdf import PageRefused, Press, PrintingFailed, fonts
from survey.views.appraisals import page_of

from .conftest import Surveyed, put_events, put_facts
from .test_appraisals import read

PRINTED_ON = date(2026, 7, 6)
PLAIN = "<html lang=en><title>t</title><body>A page.</body></html>"


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    with Press() as press:
        yield press


def print_paper(press: Press, paper: Paper, language: str) -> bytes:
    return press.print(page_of(paper, language, printed_on=PRINTED_ON))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def _stored_numbers(value: Any) -> Iterator[float]:
    """Every number in a stored statement and outcome, those inside printed strings included."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _stored_numbers(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _stored_numbers(one)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield abs(float(value))
    else:
        yield from (float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", value))


@pytest.mark.parametrize("language", ["zh", "en", "both"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_number_on_paper_is_a_stored_one(
    press: Press, session: Session, six: tuple[Appraisal, ...], kelon: Appraisal, language: str
) -> None:
    for row in (*six[:2], six[9], kelon):
        text = text_of(print_paper(press, read(session, row), language)).replace("−", "-")
        stored = set(_stored_numbers(row.statement)) | set(_stored_numbers(row.outcome))
        rounded = {f"{number:.{digits}f}" for number in stored for digits in (1, 2)}
        text = text.replace(row.statement["software"], "")
        printed = re.findall(r"(?<![\d.])\d+\.\d+(?![\d.])", text)
        assert len(printed) > 10
        assert not [number for number in printed if number not in rounded], row.number
        for part in row.outcome["parts"]:
            assert part["printed"] in text
        assert row.outcome["printed"] in text
        attained = {part["actual"] / part["target"] for part in row.outcome["parts"] if part["target"]}
        shares = {f"{100 * share:.0f}" for share in stored | attained} | {f"{number:g}" for number in stored} | {"95"}
        assert not [one for one in re.findall(r"(?<![\d.])(\d+)[\s\u00a0]?%", text) if one not in shares]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_waterfall_on_paper_adds_up(
    press: Press, session: Session, six: tuple[Appraisal, ...], language: str
) -> None:
    paper = read(session, six[0])
    steps = paper.statement.satisfaction[0].steps
    text = text_of(print_paper(press, paper, language))
    for value in (steps.raw, steps.adjusted, steps.reported):
        assert f"{value:.1f}" in text
    for value in (steps.mix, steps.territory, steps.centring, steps.shrinkage):
        assert f"{'+' if value > 0 else '−'}{abs(value):.1f}" in text or value == 0


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_kelons_worked_example_stands_on_paper(press: Press, session: Session, kelon: Appraisal) -> None:
    for language, capped in (("zh", "−7，封顶 −5"), ("en", "−7, capped at −5")):
        text = text_of(print_paper(press, read(session, kelon), language))
        for printed in ("36.8", "30.0", "8.0", "7.5", "9.0", "91.3", "−3.0", "−5.0", "0.0", "−2.0", "81.3", capped):
            assert printed in text
    assert "interval not measured" in text
    assert "±" not in text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_chinese_can_be_read_out_of_it(press: Press, session: Session, six: tuple[Appraisal, ...]) -> None:
    text = text_of(print_paper(press, read(session, six[9]), "zh"))
    for words in (
        "销售人员绩效考核表",
        "港湾仪表",
        "喆玥堃昇",
        "客户满意度",
        "签名表示已知悉，不表示同意",
        "待审定",
        "申诉",
    ):
        assert words in text
    english = text_of(print_paper(press, read(session, six[0]), "en"))
    for words in ("Sales appraisal", "Harbour Instruments", "It does not mean: agreed", "Proposed", "Appeal"):
        assert words in english


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_it_is_two_tagged_pages_and_small(
    press: Press, session: Session, six: tuple[Appraisal, ...], kelon: Appraisal, language: str
) -> None:
    for row in (six[0], six[9], kelon):
        pdf = print_paper(press, read(session, row), language)
        reader = pypdf.PdfReader(io.BytesIO(pdf))
        assert len(reader.pages) == 2
        assert len(pdf) < 400_000
        catalogue = reader.trailer["/Root"]
        assert catalogue["/MarkInfo"]["/Marked"]
        assert catalogue["/Lang"] == {"zh": "zh-Hans", "en": "en"}[language]
        assert row.number in reader.metadata.title
        assert "/StructTreeRoot" in catalogue


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


@pytest.mark.parametrize("language", ["zh", "en", "both"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_thirteen_blocks_stand_in_order(
    press: Press, session: Session, six: tuple[Appraisal, ...], kelon: Appraisal, language: str
) -> None:
    for row in (six[0], six[9], kelon):
        text = text_of(print_paper(press, read(session, row), language))
        places = [text.find(block) for block in BLOCKS["en" if language == "en" else "zh"]]
        assert -1 not in places
        assert places == sorted(places)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_both_languages_say_the_same_on_two_pages(
    press: Press, session: Session, six: tuple[Appraisal, ...], kelon: Appraisal
) -> None:
    for row in (six[0], kelon):
        pdf = print_paper(press, read(session, row), "both")
        assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 2
        assert len(pdf) < 400_000
        text = " ".join(text_of(pdf).split())
        for part in row.outcome["parts"]:
            assert part["name_zh"] in text
            assert part["name_en"] in text
        for pair in (("签名表示已知悉", "It does not mean: agreed"), ("申诉", "Appeal"), ("综合得分", "Total")):
            assert pair[0] in text
            assert pair[1] in text
        assert not re.search("[\x02\x03\x1f]", text)


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


TWELVE = """
code = "twelve"
title_zh = "十二项"
title_en = "Twelve indicators"
source_zh = "测试"
source_en = "A test"
"""


def _twelve_indicators() -> str:
    bands = "".join(
        f'[[band]]\ncode = "{code}"\nname_zh = "{zh}"\nname_en = "{en}"\ncut = {cut}\n'
        for code, zh, en, cut in (("A", "优秀", "Excellent", 80), ("B", "合格", "Satisfactory", 0))
    )
    facts = "".join(
        f'[[indicator]]\ncode = "i{number}"\nname_zh = "指标{number}号"\nname_en = "Indicator number {number}"\n'
        f'definition_zh = "该项实际完成值与约定目标值之比"\ndefinition_en = "What was done against what was agreed"\n'
        f'group = "result"\nunit = "%"\nweight = {8 if number < 11 else 5}\nrule = "ratio"\ntarget = 100\n'
        for number in range(1, 12)
    )
    survey = (
        '[[indicator]]\ncode = "satisfaction"\nname_zh = "客户满意度"\nname_en = "Customer satisfaction"\n'
        'group = "process"\nweight = 15\nrule = "satisfaction"\n'
    )
    deductions = "".join(
        f'[[deduction]]\ncode = "d{number}"\nname_zh = "扣分{number}"\nname_en = "Deduction {number}"\ncap = 5\n'
        for number in range(1, 5)
    )
    return TWELVE + facts + survey + deductions + bands


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_twelve_indicators_and_eight_events_still_fit(
    press: Press, session: Session, six: tuple[Appraisal, ...], now: datetime, language: str
) -> None:
    put_facts(session, "R03", {f"i{number}": (90 + number, 100) for number in range(1, 12)})
    put_events(session, "R03", tuple((f"d{1 + number % 4}", 1) for number in range(8)))
    version = schemes.adopt(session, _twelve_indicators(), by="hr", at=now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, rep_code="R03", by="x", at=now).appraisals
    pdf = print_paper(press, read(session, row), language)
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 2


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_is_more_than_two_pages_hold_stands_in_an_annex(
    press: Press, session: Session, six: tuple[Appraisal, ...], now: datetime
) -> None:
    """Nine events: each is listed in the annex, and sign-off and appeal stay on the second page."""
    put_facts(session, "R03", {f"i{number}": (90 + number, 100) for number in range(1, 12)})
    put_events(session, "R03", tuple((f"d{1 + number % 4}", 1) for number in range(9)))
    version = schemes.adopt(session, _twelve_indicators(), by="hr", at=now)
    ((row, _),) = drawing.draw_up(session, "2026-H1", version, rep_code="R03", by="x", at=now).appraisals
    pages = pypdf.PdfReader(io.BytesIO(print_paper(press, read(session, row), "zh"))).pages
    assert len(pages) == 3
    first, second, annex = (page.extract_text() for page in pages)
    assert "事项" not in first
    assert "十三、申诉" in second
    assert len(re.findall(r"事项\d", annex)) == 9
    assert "为何得此分数" in annex


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
def test_a_reps_copy_names_nobody_else(
    press: Press, session: Session, six: tuple[Appraisal, ...], surveyed: Surveyed
) -> None:
    text = text_of(print_paper(press, read(session, six[0]), "zh"))
    names = [read(session, row).statement.person for row in six[1:]]
    assert not [one.name for one in names if one.name in text]
    assert not [one.code for one in names if re.search(rf"\b{one.code}\b", text)]
    assert "海川商行" not in text
    assert not [code for code in surveyed.customers if code in text]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_markup_in_data_stays_text(
    press: Press, app: Flask, session: Session, surveyed: Surveyed, now: datetime
) -> None:
    put_facts(session, "R01")
    put_events(session, "R01", (("daily", 1),))
    from sqlalchemy import update

    from survey.models import ConductEvent, Rep

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


def test_an_image_from_elsewhere_is_refused_aloud(press: Press) -> None:
    with pytest.raises(PageRefused, match=r"http://example\.com/x\.png; a PDF fetches nothing"):
        press.print('<html lang=en><title>t</title><img src="http://example.com/x.png">')


@pytest.mark.parametrize("character", ["\U0001f642", "\u202e", "\ud7a3", "\ue000"])
def test_a_character_without_a_shape_is_an_error(press: Press, character: str) -> None:
    with pytest.raises(PageRefused, match=f"U\\+{ord(character):04X}"):
        press.print(f"<html lang=en><title>t</title><p>王{character}</p>")
    with pytest.raises(PageRefused):
        press.print(f"<html lang=en><title>t</title><p>&#{ord(character)};</p>")


def test_rare_names_are_printed(press: Press) -> None:
    names = "喆玥堃昇 龑䶮㛃 𬭎𬀩 Łukasz? Müller Nguyễn Ольга".replace("Łukasz?", "Lukasz")
    assert names in text_of(press.print(f"<html lang=zh><title>t</title><body class=zh><p>{names}</p>"))


def test_a_page_that_takes_too_long_is_stopped() -> None:
    with Press(page_seconds=0) as press, pytest.raises(PrintingFailed, match="took longer"):
        press.print(PLAIN)


def test_a_page_that_takes_too_much_is_stopped() -> None:
    with Press(memory_bytes=200 * 1024**2) as press, pytest.raises(PrintingFailed, match="stopped"):
        press.print("<p>A page.</p>" * 200_000)


def test_a_killed_printing_process_is_started_again() -> None:
    with Press() as press:
        first = press.print(PLAIN)
        os.kill(press._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        press._process.wait()  # type: ignore[union-attr]
        assert press.print(PLAIN) == first


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
