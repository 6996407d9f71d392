"""The days customers are greeted on: those of the lunar calendar by table."""

from __future__ import annotations

from datetime import date

from survey.indicators.occasions import ENGLISH, named, occasions


def test_a_year_has_seven_occasions_by_name() -> None:
    found = occasions(date(2026, 1, 1), date(2026, 12, 31))
    assert found == {
        "元旦": date(2026, 1, 1), "春节": date(2026, 2, 17), "清明": date(2026, 4, 5), "五一": date(2026, 5, 1),
        "端午": date(2026, 6, 19), "中秋": date(2026, 9, 25), "国庆": date(2026, 10, 1),
    }  # fmt: skip
    assert found.keys() == ENGLISH.keys()


def test_new_moons_near_midnight_are_those_of_beijing() -> None:
    """The new moon of 2027 falls at 23:56 in Beijing, that of 2030 at 00:07: arithmetic by mean motions misses both."""
    assert occasions(date(2027, 1, 1), date(2027, 12, 31))["春节"] == date(2027, 2, 6)
    assert occasions(date(2030, 1, 1), date(2030, 12, 31))["春节"] == date(2030, 2, 3)


def test_only_what_falls_into_the_days_and_years_outside_the_table_have_no_lunar_days() -> None:
    assert set(occasions(date(2026, 4, 1), date(2026, 5, 1))) == {"清明", "五一"}
    assert set(occasions(date(2050, 1, 1), date(2050, 12, 31))) == {"元旦", "五一", "国庆"}


def test_an_occasion_is_known_in_both_languages() -> None:
    assert named("Mid-Autumn Festival") == named(" 中秋 ") == "中秋"
    assert named("生日") == "生日"
    assert named(None) == ""
