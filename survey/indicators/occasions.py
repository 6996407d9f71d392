"""The days customers are greeted on. Those of the lunar calendar stand in a table: no arithmetic gives them."""

from __future__ import annotations

from datetime import date

FIRST_YEAR, LAST_YEAR = 2024, 2035
_SAME_EVERY_YEAR = {"元旦": (1, 1), "五一": (5, 1), "国庆": (10, 1)}
_BY_TABLE = {
    "春节": "0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219 0208",
    "清明": "0404 0404 0405 0405 0404 0404 0405 0405 0404 0404 0405 0405",
    "端午": "0610 0531 0619 0609 0528 0616 0605 0624 0612 0601 0620 0610",
    "中秋": "0917 1006 0925 0915 1003 0922 0912 1001 0919 0908 0927 0916",
}
ENGLISH = {
    "元旦": "New Year's Day", "春节": "Spring Festival", "清明": "Qingming", "五一": "Labour Day",
    "端午": "Dragon Boat Festival", "中秋": "Mid-Autumn Festival", "国庆": "National Day",
}  # fmt: skip
_NAMED = {name.casefold(): chinese for chinese, english in ENGLISH.items() for name in (chinese, english)}


def occasions(from_on: date, to_on: date) -> dict[str, date]:
    """The occasions from one day to another, by their Chinese name; of the lunar ones those of 2024 to 2035. Over more
    than a year an occasion stands with its last day."""
    found: dict[str, date] = {}
    for year in range(from_on.year, to_on.year + 1):
        days = {name: date(year, *day) for name, day in _SAME_EVERY_YEAR.items()}
        if FIRST_YEAR <= year <= LAST_YEAR:
            listed = {name: row.split()[year - FIRST_YEAR] for name, row in _BY_TABLE.items()}
            days |= {name: date(year, int(day[:2]), int(day[2:])) for name, day in listed.items()}
        found |= {name: day for name, day in days.items() if from_on <= day <= to_on}
    return found


def named(text: str | None) -> str:
    """An occasion by its Chinese name, whichever language it was written in; others as they are written."""
    return _NAMED.get((text or "").strip().casefold(), (text or "").strip())
