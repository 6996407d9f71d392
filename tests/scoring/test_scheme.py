"""Schemes as data: what ships is right, what is wrong is named at once with line and remedy."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scoring.rules import RULES
from scoring.scheme import Scheme, SchemeRefused, check
from scoring.scheme.lines import Band, Indicator

SHIPPED = {path.stem: path for path in (Path(__file__).parents[2] / "survey" / "schemes").glob("*.toml")}
BANDS = (
    Band(code="A", name_zh="优秀", name_en="Excellent", cut=80),
    Band(code="B", name_zh="合格", name_en="Satisfactory", cut=0, adverse=True),
)


def shipped(code: str) -> Scheme:
    return Scheme.from_toml(SHIPPED[code].read_text(encoding="utf-8"))


def scheme(*indicators: Indicator) -> Scheme:
    return Scheme(
        code="own",
        title_zh="自定",
        title_en="Own",
        source_zh="公司",
        source_en="Company",
        indicators=indicators,
        bands=BANDS,
    )


def indicator(code: str, weight: float, **given: object) -> Indicator:
    values = {"group": "process", "rule": "ratio", **given}
    return Indicator(code=code, name_zh=code, name_en=code, weight=weight, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_a_shipped_scheme_is_sound_and_named_like_its_file(code: str) -> None:
    loaded = shipped(code)
    assert loaded.code == code
    assert sum(one.weight for one in loaded.indicators) == pytest.approx(100)
    assert [(band.code, band.cut) for band in loaded.bands] == [("A", 90), ("B", 80), ("C", 70), ("D", 60), ("E", 0)]
    assert [band.code for band in loaded.bands if band.adverse] == ["D", "E"]


def test_taiwan_six_has_satisfaction_second() -> None:
    six = shipped("taiwan-six")
    assert [one.weight for one in six.indicators] == [35, 20, 15, 10, 10, 10]
    assert six.indicators[1].survey
    assert six.parameters(six.indicators[1]) == {"zero_at": 60, "full_at": 90, "points": "plug-in"}
    assert six.warnings == ()


def test_kelon_as_published_gives_no_cause_for_advice() -> None:
    kelon = shipped("kelon-branch-manager")
    assert kelon.warnings == ()
    assert sum(one.cap for one in kelon.deductions) == 20
    assert not any(one.survey for one in kelon.indicators)


@pytest.mark.parametrize("code", [code for code in SHIPPED if f"{code}-satisfaction" in SHIPPED])
def test_the_overlay_is_the_published_scheme_at_four_fifths_with_satisfaction_added(code: str) -> None:
    published, overlaid = shipped(code), shipped(f"{code}-satisfaction")
    *rest, satisfaction = overlaid.indicators
    named = [(one.code, one.name_zh, one.definition_zh, one.rule, one.target) for one in published.indicators]
    assert [(one.code, one.name_zh, one.definition_zh, one.rule, one.target) for one in rest] == named
    for before, after in zip(published.indicators, rest, strict=True):
        for actual in (0, 60, 80, 93.5, 100, 140):
            given = {"actual": actual, "target": 100}
            full, reduced = (
                RULES[one.rule].points(weight=one.weight, **given, **loaded.parameters(one))
                for loaded, one in ((published, before), (overlaid, after))
            )
            assert reduced == pytest.approx(0.8 * full)
    assert (satisfaction.weight, satisfaction.survey) == (20, True)
    assert "weight" not in {key for one in overlaid.indicators for key in one.stated}
    assert [(one.code, one.cap) for one in overlaid.deductions] == [(one.code, one.cap) for one in published.deductions]


def test_the_overlay_warns_that_a_complaint_can_count_twice() -> None:
    assert [warning.key for warning in shipped("kelon-branch-manager-satisfaction").warnings] == ["repeats"]


@pytest.mark.parametrize("code", [code for code in SHIPPED if not code.endswith(("-satisfaction", "-only"))])
def test_shipped_schemes_give_no_cause_for_advice(code: str) -> None:
    assert shipped(code).warnings == ()


def test_values_tell_what_the_text_states_from_our_defaults() -> None:
    values = {(table, code, key): stated for table, code, key, _, stated in shipped("kelon-branch-manager").values()}
    assert values[("indicator", "collection", "weight")]
    assert values[("indicator", "collection", "name_zh")]
    assert not values[("indicator", "collection", "cap")]
    assert not values[("", "kelon-branch-manager", "cap")]
    assert values[("deduction", "complaint", "cap")]
    assert not values[("band", "A", "cut")]
    assert not values[("limits", "", "adverse")]


def test_the_hash_follows_the_content_and_nothing_else() -> None:
    text = SHIPPED["taiwan-six"].read_text(encoding="utf-8")
    loaded = Scheme.from_toml(text)
    assert Scheme.from_toml(f"# a remark\n\n{text}").hash == loaded.hash
    assert Scheme.from_toml(text.replace("cut = 90", "cut = 91")).hash != loaded.hash
    assert Scheme.from_toml(text.replace("full_at = 90", "full_at = 91")).hash != loaded.hash
    json.dumps(loaded.record())


WRONG = """\
code = "Mixed Up"
title_zh = ""
title_en = "Wrong"
source_zh = "公司"
cap = 3
colour = "red"

[[indicator]]
code = "a"
name_zh = "甲"
name_en = "A"
group = "resluts"
weight = 60
rule = "raito"

[[indicator]]
code = "a"
name_zh = "乙"
name_en = "B"
group = "result"
weight = "forty"
rule = "lower_is_better"

[[indicator]]
code = "c"
name_zh = "丙"
name_en = "C"
group = "result"
weight = 40
rule = "band_table"
table = [[0.8, 5], [1.0, 10]]
item = "knowledge"
stated = ["weihgt", "colour"]

[[indicator]]
code = "d"
name_zh = "丁"
name_en = "D"
group = "result"
weight = 4
rule = "anchored_rating"
target = 5
lowest = 5
highest = 1

[[indicator]]
code = "e"
name_zh = "戊"
name_en = "E"
group = "result"
weight = 6
rule = "step_deduction"
measure = "footsteps"

[[indicator]]
code = "f"
name_zh = "己"
name_en = "F"
group = "result"
weight = 6
rule = "satisfaction"
ramp = true
cap = 2

[[deduction]]
code = "a"
name_zh = "投诉"
name_en = "Complaints"
cap = 0
repeats = ["z", "y"]

[[band]]
code = "A"
name_zh = "优"
name_en = "A"
cut = 60
adverse = true

[[band]]
code = "B"
name_zh = "良"
name_en = "B"
cut = 70

[limits]
benefit = 30

[ramp]
start = 4
full_after = 0
table = [0.5, 0.4]
stated = ["years"]
"""


def test_every_mistake_is_named_at_once_with_its_line() -> None:
    with pytest.raises(SchemeRefused) as refused:
        Scheme.from_toml(WRONG)
    found = {(mistake.line, mistake.key) for mistake in refused.value.mistakes}
    assert found == {
        (None, "source_en"), (1, "code"), (2, "title_zh"), (5, "cap"), (6, "colour"), (12, "group"), (14, "rule"),
        (16, "zero_at"), (17, "code"), (21, "weight"), (31, "table"), (32, "item"), (33, "stated"), (42, "target"),
        (44, "highest"), (46, "step"), (46, "step_points"), (53, "measure"), (62, "ramp"), (63, "cap"), (66, "code"),
        (69, "cap"), (70, "repeats"), (79, "adverse"), (83, "cut"), (86, "benefit"), (89, "start"), (90, "full_after"),
        (91, "table"), (92, "stated"),
    }  # fmt: skip
    told = str(refused.value)
    assert "line 12, [indicator] 1: group is 'resluts'; choose from result, process, ability, development." in told
    assert "'weihgt'" in told
    assert "'colour'" in told
    assert "repeats names 'z'" in told
    assert "repeats names 'y'" in told
    assert "totals below 70 have no band" in told


def test_checking_adds_advice_to_the_mistakes() -> None:
    advice = {(mistake.line, mistake.key) for mistake in check(WRONG) if mistake.warning}
    assert advice == {(40, "weight"), (41, "rule"), (None, "process")}


def test_every_mistake_and_every_advice_is_said_in_chinese_too() -> None:
    """What to do as well as what is wrong: a sentence of two halves."""
    silent = [
        str(one) for one in check(WRONG) if not re.fullmatch(r".*[\u4e00-\u9fff].*；.*[\u4e00-\u9fff].*。", one.zh)
    ]
    assert silent == []
    said = [one.said("zh") for one in check(WRONG)]
    assert (
        "第 12 行，第 1 个 [indicator]：group 为 'resluts'；请从 result、process、ability、development 中选择。" in said
    )


def test_what_is_not_toml_is_refused_with_the_place() -> None:
    with pytest.raises(SchemeRefused, match=r"this is not TOML.*line 2"):
        Scheme.from_toml('code = "x"\nweight 40\n')


@pytest.mark.parametrize("text", ["", 'indicator = "sales"\nband = 3\nlimits = []\n'])
def test_a_file_without_tables_is_refused(text: str) -> None:
    with pytest.raises(SchemeRefused, match="code is missing"):
        Scheme.from_toml(text)


def test_numbers_that_are_none_are_refused() -> None:
    text = SHIPPED["taiwan-six"].read_text(encoding="utf-8")
    for wrong in ("nan", "inf", "true", '"35"', "[35]"):
        with pytest.raises(SchemeRefused, match=r"weight is .*; give a number"):
            Scheme.from_toml(text.replace("weight = 35", f"weight = {wrong}"))


LEVELS = '["1", "2", "3", "4", "5"]'
RATIO = 'rule = "ratio"\ntarget = 100'
BROKEN = {
    "nan": ("weight = 40", "weight = nan", "line 19, [indicator] 1: weight is nan"),
    "beyond all numbers": ("weight = 40", f"weight = {'9' * 400}", "give a number"),
    "a negative cap": ("cap = 5", "cap = -5", "line 78, [deduction] 1: cap is -5"),
    "a cap of everything": ("deduction_cap = 20", "deduction_cap = 1000", "line 8: deduction_cap is 1000"),
    "a code with spaces": ('code = "invoicing"', 'code = "In voicing"', "line 25, [indicator] 2: code is 'In voicing'"),
    "a code twice": ('code = "invoicing"', 'code = "collection"', "code 'collection' is used twice"),
    "bands that overlap": ("cut = 80", "cut = 95", "line 112, [band] 2: cut 95 is not below A's 90"),
    "a band code twice": ('code = "B"', 'code = "A"', "line 109, [band] 2: code 'A' is used twice"),
    "nothing at the bottom": ("cut = 0\n", "cut = 30\n", "totals below 30 have no band"),
    "a top nobody reaches": ("cut = 90", "cut = 101", "nobody reaches 101"),
    "a label missing": ('name_zh = "回笼"\n', "", "[indicator] 1: name_zh is missing"),
    "a label of spaces": ('name_zh = "回笼"', 'name_zh = "  "', "line 13, [indicator] 1: name_zh is empty"),
    "signs nobody sees": ("Kelon branch manager", "Kelon\\u202e", "without control signs"),
    "no sign at all": ("Kelon branch manager", "Kelon\\u0000", "without control signs"),
    "a date for a title": ('"Kelon branch manager"', "2020-01-01", "line 4: title_en is"),
    "a bounded top": (RATIO, 'rule = "band_table"\ntable = [[0.8, 8], [1.0, 10]]', "from the highest attainment"),
    "rows of three": (RATIO, 'rule = "band_table"\ntable = [[1.0, 10, 3]]', "a list of number pairs"),
    "more than the weight": (RATIO, 'rule = "band_table"\ntable = [[1.0, 99]]', "gives more than the weight of 40"),
    "a floor below 0": (RATIO, 'rule = "ratio"\nfloor = -3', "floor is -3; give a share from 0 to 1"),
    "a cap of fifty": (RATIO, 'rule = "ratio"\ncap = 50', "cap is 50; give 2 at most"),
    "zero before the target": (
        RATIO, 'rule = "lower_is_better"\ntarget = 5\nzero_at = 3', "zero_at (3) is not above the target (5)",
    ),
    "two zero levels": (RATIO, 'rule = "lower_is_better"\nzero_at = 3\nzero_times = 2', "must be given exactly once"),
    "itself": ('code = "collection"', 'code = "collection"\nrepeats = ["collection"]', "collection repeats itself"),
    "best and bad": ("cut = 90", "cut = 90\nadverse = true", "line 109, [band] 2: B is milder than A"),
    "a key twice": ("weight = 40", "weight = 40\nweight = 41", "this is not TOML"),
    "too many brackets": ("cap = 1.0", f"cap = {'[' * 5000}{']' * 5000}", "nested too deeply"),
    "too many dots": ("cap = 1.0", f"cap{'.a' * 20_000} = 1", "names are nested too deeply"),
    "tables in a number": ("cap = 1.0", f"cap{'.a' * 40} = 1", "give a number"),
    "a number nobody can write out": ("weight = 40", f"weight = 0x{'f' * 50_000}", "weight is …; give a number"),
    "a target beyond computing": ("target = 100", "target = 1e300", "line 21, [indicator] 1: target goes beyond 1e+15"),
    "rows beyond computing": (
        RATIO, 'rule = "band_table"\ntable = [[1e300, 10]]', "line 21, [indicator] 1: table goes beyond 1e+15",
    ),
    "a rule of digits": ('rule = "ratio"', f"rule = 0x{'f' * 50_000}", "rule is …; give text in quotes"),
    "a code without end": ('code = "invoicing"', f'code = "{"x" * 9_000}"', "60 at most"),
    "a key without end": ("cap = 1.0", f"{'x' * 9_000} = 1.0", "is not known here"),
    "too long": ("# Kelon", f"# {'x' * 1_000_001} Kelon", "1,000,000 are the most"),
    "versions without end": ("cap = 1.0", "cap = 1.0\nversion = 99999999999", "count versions from 1 to 9999"),
    "no question": (RATIO, 'rule = "ratio"\nconfirmed_by = [1]', "verified_by is missing"),
    "a point on both sides": (
        RATIO, 'rule = "ratio"\nverified_by = "q"\nconfirmed_by = [1, 2]\ndenied_by = [2]', "the point 2 both bears",
    ),
    "an unknown aside": (RATIO, f'{RATIO}\nbeside = "weather"', "beside is 'weather'"),
    "a loss worth five": (RATIO, f"{RATIO}\nlost_worth = 5", "a lost customer counts as 5 new ones"),
    "late without stages": (RATIO, f"{RATIO}\nlate_step = 0.05", "only project_stages can be late"),
    "late for everything": (RATIO, f'{RATIO}\nmeasure = "project_stages"\nlate_step = 1', "late_step is 1"),
    "a minimum that moves": (RATIO, f"{RATIO}\nminimum = true\nramp = true", "a required minimum never moves"),
    "two targets": (RATIO, f"{RATIO}\nstretch = 1.2", "there is a target and also a stretch"),
    "a stretch of ten": (RATIO, 'rule = "ratio"\nstretch = 10', "stretch is 10"),
    "a team that decides": (RATIO, f"{RATIO}\nteam_share = 0.6", "team_share is 0.6"),
    "a team that passes": (RATIO, 'rule = "pass_fail"\nteam_share = 0.1', "only an attainment by the rule ratio"),
    "other points": (RATIO, 'rule = "satisfaction"\npoints = "mean"', "line 21, [indicator] 1: points is 'mean'"),
    "points for sale": (RATIO, f'{RATIO}\npoints = "expected"', "points is not known here"),
    "levels of no rating": (RATIO, f'{RATIO}\nanchors_zh = ["好"]', "only a rating has levels in words"),
    "too much by one person": (
        RATIO, f'rule = "anchored_rating"\nanchors_zh = {LEVELS}\nanchors_en = {LEVELS}',
        "line 19, [indicator] 1: ratings by a supervisor carry 40 points; give them 20 together at most",
    ),
    "a job nobody holds": ("cap = 1.0", 'cap = 1.0\npositions = [" manager"]', "line 8: positions names ' manager'"),
    "an unknown table": ("[[band]]", "[[Band]]\n[[band]]", "line 102: Band is not known here; write band"),
    "levels upside down": (
        f"{RATIO[:-1]}\n", f'rule = "anchored_rating"\nlowest = 5\nhighest = 1\nanchors_zh = {LEVELS}\n',
        "highest (1.0) is not above lowest (5.0)",
    ),
    "limits crossed": ("# Kelon", "limits = {rateable = 0.95}\n# Kelon", "rateable (0.95) is above complete (0.9)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_told_what_is_wrong_and_nothing_else(kind: str) -> None:
    before, after, told = BROKEN[kind]
    text = SHIPPED["kelon-branch-manager"].read_text(encoding="utf-8")
    assert before in text
    wrong = [mistake for mistake in check(text.replace(before, after, 1)) if not mistake.warning]
    assert len(wrong) == 1, [str(mistake) for mistake in wrong]
    assert told in str(wrong[0])
    assert re.search(r"[\u4e00-\u9fff]", wrong[0].zh)
    assert len(wrong[0].said("zh")) < 500


def test_what_is_missing_hides_nothing_that_is_wrong_beside_it() -> None:
    text = SHIPPED["kelon-branch-manager"].read_text(encoding="utf-8")
    wrong = check(text.replace(RATIO, 'rule = "step_deduction"\nstep = 0', 1))
    assert {mistake.key for mistake in wrong} == {"step", "step_points"}


def test_bands_that_are_all_adverse_are_refused() -> None:
    text = SHIPPED["kelon-branch-manager"].read_text(encoding="utf-8").replace("adverse = true\n", "")
    every = "".join(f"{line}\nadverse = true" if line.startswith("cut") else line for line in text.splitlines(True))
    assert "every band would have adverse consequences" in " ".join(map(str, check(every)))


def test_weights_must_sum_to_a_hundred() -> None:
    with pytest.raises(SchemeRefused, match="the weights sum to 95"):
        scheme(indicator("a", 60), indicator("b", 35))


def test_weights_beyond_all_sums_are_refused_like_others() -> None:
    text = SHIPPED["kelon-branch-manager"].read_text(encoding="utf-8")
    assert "the weights sum to inf" in " ".join(map(str, check(re.sub(r"weight = \d+", "weight = 1.7e308", text))))


def test_every_level_of_a_rating_is_described_or_none_is() -> None:
    rated = {
        "rule": "anchored_rating",
        "anchors_zh": tuple("差中好优特"),
        "anchors_en": ("bad", "fair", "good", "fine"),
    }
    with pytest.raises(SchemeRefused, match="anchors_en describes 4 of 5 levels"):
        scheme(indicator("a", 80), indicator("b", 20, **rated))
    silent = scheme(indicator("a", 80), indicator("b", 20, rule="anchored_rating"))
    assert {(warning.key, warning.position) for warning in silent.warnings} == {("few", 0), ("rule", 1)}


def test_a_ramp_on_a_duty_is_advised_against() -> None:
    duty = scheme(indicator("a", 50, ramp=True), indicator("b", 50, group="result", ramp=True))
    assert {(warning.key, warning.position) for warning in duty.warnings} == {("few", 0), ("ramp", 0)}


def test_fourteen_indicators_have_no_focus() -> None:
    many = scheme(*(indicator(f"i{number}", 100 / 14, group="result") for number in range(14)))
    assert {warning.key for warning in many.warnings} == {"many", "process"}


def test_two_indicators_cannot_guide_and_light_ones_hardly_matter() -> None:
    few = scheme(indicator("a", 97), indicator("b", 3))
    assert {warning.key for warning in few.warnings} == {"few", "weight"}


def test_sales_alone_are_too_narrow() -> None:
    sales = scheme(*(indicator(f"i{number}", 25, sales=True, group="result") for number in range(4)))
    assert {warning.key for warning in sales.warnings} == {"sales", "process"}


def test_deductions_above_a_fifth_discourage() -> None:
    kelon = shipped("kelon-branch-manager")
    harsher = replace(kelon, deduction_cap=25.0, deductions=tuple(replace(one, cap=7.0) for one in kelon.deductions))
    assert {warning.key for warning in harsher.warnings} == {"deductions"}
