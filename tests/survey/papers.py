"""Papers drawn from plain values, without a database: as many indicators and events as a test asks for. And the numbers
on a paper that are stored nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from scoring.appraisal import appraise
from scoring.facts import Event, Fact
from scoring.scheme import Scheme
from scoring.scores import Score
from survey.appraisals import statement as printed
from survey.figures import steps_as_printed

PLAIN: Mapping[str, Any] = {
    "rep": "R001", "indicators": 12, "events": 8, "missing": 0, "fact": "迟报月度总结", "reply": "",
    "state": "proposed", "reason": "", "revision": 1, "replaced_by": None, "name": "周秀兰", "manager": "沈玥",
    "position": "销售代表", "territories": ("华北",), "above": 0.0,
}  # fmt: skip
DIMENSIONS = (
    ("产品知识", "Product knowledge"), ("交货及时性", "Delivery timeliness"), ("响应速度", "Responsiveness"),
    ("服务建议", "Service advice"), ("技术指导", "Technical guidance"),
)  # fmt: skip
BANDS = (
    ("A", "优秀", "Excellent", 90), ("B", "良好", "Good", 80), ("C", "合格", "Satisfactory", 70),
    ("D", "待改进", "Needs improvement", 60), ("E", "不合格", "Below standard", 0),
)  # fmt: skip


def drawn(given: Mapping[str, Any]) -> printed.Paper:
    """A paper of somebody surveyed; `given` replaces what PLAIN says. `above` is added to what customers said."""
    wish = {**PLAIN, **given}
    scheme = Scheme.from_toml(scheme_of(wish["indicators"]))
    raw, adjusted, reported = (value + wish["above"] for value in (78.2, 80.7, 79.3))
    score = Score(
        rep=wish["rep"], item="satisfaction", responses=34, customers=31, raw=raw, mix=-0.6, territory=3.6,
        centring=-0.5, adjusted=adjusted, se=2.2, df=40.0, low=adjusted - 4.4, high=adjusted + 4.4, reliability=0.84,
        reported=reported, reported_sd=2.0, peer=reported, company=reported, case="A", component=1, fragile=False,
        evidence="full",
    )  # fmt: skip
    (outcome,) = appraise([score], _facts(wish), _events(wish), scheme)
    steps = steps_as_printed(
        raw=raw, mix=-0.6, territory=3.6, centring=-0.5, adjusted=adjusted, reported=reported,
        adjusters={"segment": -0.4, "size_band": -0.3, "industry": 0.1},
    )  # fmt: skip
    satisfaction = printed.Satisfaction(
        indicator="satisfaction", item="satisfaction", name_zh="综合满意度", name_en="Satisfaction", evidence="full",
        asked=92, responses=34, customers=31, low=adjusted - 4.4, high=adjusted + 4.4, reliability=0.84, average=79.9,
        case="A", fragile=False, steps=steps, dimensions=tuple(_dimensions(raw, adjusted)),
    )  # fmt: skip
    statement = printed.Statement(
        number=f"A-2026-H1-{wish['rep']}", revision=wish["revision"], company_zh="云杉仪表",
        company_en="Spruce Instruments",
        period="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30),
        person=printed.Person(code=wish["rep"], name=wish["name"], position=wish["position"],
                              territories=wish["territories"], tenure_months=18, manager=wish["manager"]),
        scheme=scheme.code, scheme_version=1, scheme_title_zh=scheme.title_zh, scheme_title_en=scheme.title_en,
        deduction_cap=scheme.deduction_cap,
        bands=tuple(printed.BandLine(code=one.code, name_zh=one.name_zh, name_en=one.name_en, cut=one.cut,
                                     adverse=one.adverse) for one in scheme.bands),
        definitions={one.code: printed.Definition(zh=one.definition_zh, en=one.definition_en)
                     for one in scheme.indicators},
        survey=printed.Survey(run=1, spec_hash="0" * 64, fingerprint="0" * 64, scored_on=date(2026, 7, 1),
                              policy="pooled", periods=1, minimum_customers=5),
        satisfaction=(satisfaction,), peers=printed.Peers(reps=57, rank_low=4, rank_high=31, stands="alike"),
        trend=(printed.Earlier(period="2026-H1", printed=outcome.printed, low=None, high=None, band=outcome.band,
                               satisfaction=None),),
        risen=(), software="evenhand", outcome=outcome,
    )  # fmt: skip
    at = datetime(2026, 7, 2, tzinfo=UTC)
    decision = printed.Decision(band="D", reason=wish["reason"], by="hr@h.example", at=at) if wish["reason"] else None
    standing = printed.Standing(
        id=1, state="final" if decision else wish["state"], replaced_by=wish["replaced_by"],
        snapshot=f"{wish['rep']:0>64}", anchor="a" * 64, drawn_up_at=at, drawn_up_by="command line", decision=decision,
    )  # fmt: skip
    return printed.Paper(statement=statement, standing=standing)


def _facts(wish: Mapping[str, Any]) -> list[Fact]:
    codes = [f"i{place}" for place in range(1, wish["indicators"])]
    measured = len(codes) - wish["missing"]
    return [
        Fact(rep=wish["rep"], indicator=code, value=88.0 + place % 15, target=100.0, evidence="ERP")
        for place, code in enumerate(codes[:measured])
    ] + [Fact(rep=wish["rep"], indicator=code, missing="not_measured") for code in codes[measured:]]


def _events(wish: Mapping[str, Any]) -> list[Event]:
    return [
        Event(rep=wish["rep"], category=f"d{1 + one % 4}", on=f"2026-{1 + one // 28:02}-{1 + one % 28:02}", points=1.0,
              fact=wish["fact"], reply=wish["reply"])
        for one in range(wish["events"])
    ]  # fmt: skip


def _dimensions(raw: float, adjusted: float) -> Iterator[printed.Dimension]:
    for place, (zh, en) in enumerate(DIMENSIONS):
        yield printed.Dimension(
            item=en, name_zh=zh, name_en=en, evidence="full", responses=34, raw=raw - place, adjusted=adjusted - place,
            low=adjusted - 5 - place, high=adjusted + 5 - place,
        )  # fmt: skip


def scheme_of(indicators: int) -> str:
    """A scheme with as many indicators, satisfaction among them, and four categories of events."""
    weights = [85 // (indicators - 1)] * (indicators - 1)
    weights[0] += 85 - sum(weights)
    tables = [
        'code = "drawn"\ntitle_zh = "测试方案"\ntitle_en = "Test scheme"\nsource_zh = "测试"\nsource_en = "A test"\n'
    ]
    tables += [
        f'[[indicator]]\ncode = "i{place}"\nname_zh = "指标第{place}号"\nname_en = "Indicator number {place}"\n'
        f'definition_zh = "该项实际完成值与约定目标值之比"\ndefinition_en = "What was done against what was agreed"\n'
        f'group = "result"\nunit = "%"\nweight = {weight}\nrule = "ratio"\n'
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
        f'[[band]]\ncode = "{code}"\nname_zh = "{zh}"\nname_en = "{en}"\ncut = {cut}\n' for code, zh, en, cut in BANDS
    ]
    return "".join(tables)


def strangers(paper: printed.Paper, text: str) -> list[str]:
    """The decimal numbers and percentages of a paper's text that are no stored number, rounded, nor a stored share."""
    statement = paper.statement
    text = text.replace("−", "-").replace(statement.software, "")
    stored = set(_numbers([statement.record(), asdict(statement.outcome)]))
    rounded = {f"{number:,.{digits}f}" for number in stored for digits in (1, 2)}
    found = [one for one in re.findall(r"(?<![\d.,])[\d,]*\d\.\d+(?![\d.])(?!\s?%)", text) if one not in rounded]
    attained = {part.actual / part.target for part in statement.indicators if part.target and part.actual is not None}
    percents = {100 * share for share in stored | attained} | stored | {95.0}
    shares = {form.format(one) for one in percents for form in ("{:.0f}", "{:.1f}", "{:.2f}", "{:g}", "{:,g}")}
    return found + [one for one in re.findall(r"(?<![\d.,])([\d,.]*\d)[\s\u00a0]?%", text) if one not in shares]


def _numbers(value: Any) -> Iterator[float]:
    """Every number in plain values, those inside printed strings included."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield abs(float(value))
    else:
        yield from (float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", str(value)))
