"""Pictures drawn on the server: a mark for every number that may be seen, none for those that may not, always with how
sure it is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask, render_template_string

from survey import i18n
from survey.models.appraising import Appraisal
from survey.models.asking import Invitation
from survey.models.scoring import RepScore
from survey.models.sending import OutboxMessage


def _drawn(app: Flask, macro: str, **values: Any) -> str:
    """What `file.html:name(…)` of the macros draws, in English."""
    file, call = macro.split(":")
    with app.test_request_context():
        i18n.speak("en")
        return render_template_string(
            f'{{% import "macros/{file}.html" as drawing %}}{{{{ drawing.{call} }}}}', **values
        )


def _point(name: str, adjusted: float | None, **more: Any) -> dict[str, Any]:
    there = adjusted is not None
    return {
        "name": name, "adjusted": adjusted, "raw": adjusted - 2 if there else None,
        "low": adjusted - 5 if there else None, "high": adjusted + 5 if there else None, "mean": 75.0,
        "evidence": "full" if there else "withheld", **more,
    }  # fmt: skip


@pytest.fixture(params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """A picture needs no database."""
    return str(request.param)


def test_a_trend_shows_an_interval_with_every_score_and_no_mark_where_it_is_withheld(app: Flask) -> None:
    points = [_point("2025-H1", 70.0), _point("2025-H2", None), _point("2026-H1", 80.0), _point("2026-H2", 82.0)]
    picture = _drawn(app, "trend:over_time(points, 'Trend')", points=points).split("</figcaption>")[1]
    assert picture.count('class="adjusted"') == picture.count('class="interval"') == 3
    assert picture.count("withheld") == 1
    assert picture.count('class="link"') == 1  # no line leads over the gap
    assert 'aria-label="Trend"' in picture


def test_higher_scores_stand_higher(app: Flask) -> None:
    points = [_point("a", 60.0), _point("b", 90.0)]
    picture = _drawn(app, "trend:over_time(points, 'Trend')", points=points)
    low, high = (
        float(y) for y in re.findall(r'class="adjusted" cx="[^"]*" cy="([^"]*)" r="5" fill="#0f6b57"/>\n', picture)
    )
    assert high < low


def test_a_difference_told_apart_is_filled_and_another_hollow(app: Flask) -> None:
    rows = [
        {"name": "A", "difference": 6.0, "low": 2.0, "high": 10.0, "apart": True, "expected": -1.0},
        {"name": "B", "difference": 1.0, "low": -3.0, "high": 5.0, "apart": False, "expected": None},
    ]
    picture = _drawn(app, "trend:differences(rows, 'Change')", rows=rows).split("</figcaption>")[1]
    assert picture.count('class="adjusted"') == picture.count('class="apart"') == picture.count('class="expected"') == 1
    assert picture.count('class="interval"') == 2


def test_shares_of_answers_fill_the_bar_and_few_answers_draw_none(app: Flask) -> None:
    rows = [{"name": "A", "counts": [1, 0, 4, 5, 10], "margin": 0.22}, {"name": "B", "counts": None, "margin": None}]
    picture = _drawn(app, "answers:stacked(rows, ['1', '2', '3', '4', '5'], 'Answers')", rows=rows)
    bar = picture.split("</figcaption>")[1]
    widths = [float(width) for width in re.findall(r'class="part" x="[^"]*" y="[^"]*" width="([0-9.]+)%"', bar)]
    assert len(widths) == 4
    assert sum(widths) == pytest.approx(47, abs=0.01)
    assert widths[-1] == pytest.approx(47 / 2, abs=0.01)
    assert "± 22\xa0%" in bar
    assert bar.count(">too few answers to show</text>") == 1


def test_the_table_behind_holds_the_same_counts(app: Flask) -> None:
    rows = [{"name": "A", "counts": [1, 0, 4], "margin": 0.4}, {"name": "B", "counts": None, "margin": None}]
    table = _drawn(app, "answers:stacked_table(rows, ['1', '2', '3'], 'Answers', 'h')", rows=rows)
    assert re.findall(r'<td class="number">([^<]*)</td>', table) == ["1", "0", "4", "5", "± 40\xa0%"]


NAMED = [_point("A", 70.0), _point("B", None)]


@pytest.mark.parametrize(
    ("macro", "values", "said"),
    [
        ("chart:dots(rows, 75, 'x')", {"rows": NAMED}, "A: adjusted 70.0, 95 % interval 65.0–75.0, raw 68.0"),
        ("trend:over_time(rows, 'x')", {"rows": NAMED}, "B: too few answers to show"),
        (
            "trend:differences(rows, 'x')",
            {"rows": [{"name": "A", "difference": 6.0, "low": 2.0, "high": 9.0, "apart": True, "expected": None}]},
            "A: +6.0, 95 % interval +2.0 to +9.0, told apart from chance",
        ),
        (
            "answers:stacked(rows, ['1', '2'], 'x')", {"rows": [{"name": "A", "counts": [1, 3], "margin": 0.2}]},
            "A: 1 – 25\xa0%, 2 – 75\xa0%",
        ),
        (
            "chart:waterfall(rows, 'x')",
            {"rows": [{"kind": "level", "label": "raw", "value": 70}, {"kind": "step", "label": "mix", "value": 2}]},
            "mix +2.0",
        ),
    ],
)  # fmt: skip
def test_every_mark_is_reached_by_keyboard_and_says_its_numbers(
    app: Flask, macro: str, values: dict[str, Any], said: str
) -> None:
    picture = _drawn(app, macro, **values)
    assert picture.count('class="mark" tabindex="0" role="img"') == len(values["rows"])
    assert f'aria-label="{said}"><title>{said}</title>' in picture
    assert 'role="img" aria-label="x"' not in picture, "what can be focused may not lie inside an image"


@pytest.mark.parametrize("macro", ["chart:dots(rows, 75, 'x')", "trend:over_time(rows, 'x')"])
def test_raw_and_adjusted_are_told_apart_without_colour(app: Flask, macro: str) -> None:
    """Hollow and filled; few answers are dashed: nothing depends on hue."""
    rows = [_point("A", 70.0), _point("C", 72.0, evidence="thin")]
    picture = _drawn(app, macro, rows=rows).split("</figcaption>")[1]
    assert set(re.findall(r'<circle class="raw"[^>]*fill="([^"]+)"', picture)) == {"#ffffff"}
    assert "#ffffff" not in re.findall(r'<circle class="adjusted[^>]*fill="([^"]+)"', picture)
    assert picture.count('stroke-dasharray="3 3"') > 0
    assert re.search(r'class="interval thin"[^>]*stroke-dasharray', picture)
    assert not re.search(r'class="interval"[^>]*stroke-dasharray', picture)


def _said(app: Flask, language: str, template: str, **values: Any) -> str:
    with app.test_request_context():
        i18n.speak(language)
        return " ".join(render_template_string(template, **values).split())


def test_dates_numbers_and_plurals_follow_the_language(app: Flask) -> None:
    template = (
        '{% import "macros/figure.html" as figure %}{{ figure.day(day) }} | {{ figure.moment(at) }} | '
        "{{ figure.count(12345) }} | {{ figure.share(0.256) }} | {{ figure.signed(-1.25) }} | "
        '{{ ngettext("%(num)s rep", "%(num)s reps", 1) }} | {{ ngettext("%(num)s rep", "%(num)s reps", 2) }}'
    )
    told = {"day": date(2026, 3, 9), "at": datetime(2026, 3, 8, 16, 5, tzinfo=UTC)}
    assert _said(app, "en", template, **told) == (
        "Mar 9, 2026 | March 9, 2026 00:05 | 12,345 | 26 % | −1.2 | 1 rep | 2 reps"
    )
    assert _said(app, "zh", template, **told) == (
        "2026年3月9日 | 2026年3月9日 00:05 | 12,345 | 26% | −1.2 | 1 名业务员 | 2 名业务员"
    )


STORED = {
    "campaign.html:disposition": (Invitation, "disposition"), "campaign.html:message": (OutboxMessage, "state"),
    "appraisal.html:state": (Appraisal, "state"), "words.html:evidence": (RepScore, "evidence"),
}  # fmt: skip


@pytest.mark.parametrize("macro", STORED)
def test_every_word_that_is_stored_has_words_in_both_languages(app: Flask, macro: str) -> None:
    file, name = macro.split(":")
    model, column = STORED[macro]
    for stored in model.__table__.c[column].type.enums:
        template = f'{{% import "macros/{file}" as words with context %}}{{{{ words.{name}(stored) }}}}'
        assert re.search(r"[\u3400-\u9fff]", _said(app, "zh", template, stored=stored)), stored
        assert _said(app, "en", template, stored=stored).isprintable()


def test_an_amount_below_zero_has_the_sign_of_the_sentences_and_zero_has_none(app: Flask) -> None:
    assert _drawn(app, "figure:amount(-1338.25)") == "−1,338.25"
    assert _drawn(app, "figure:amount(-0.001)") == "0"
