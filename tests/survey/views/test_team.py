"""The pages of scores, as managers and reviewers see them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.roster import Rep, Territory
from survey.models.scoring import RepPlace, RepScore, Run
from survey.names import sort_key
from tests.conftest import Scored


@pytest.fixture
def boss(scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("manager", "boss@harbour.example"))


def _row(markup: str, name: str) -> str:
    """The cells of one rep's row in the table, tags taken out."""
    row = re.search(rf"<tr>\s*<th scope=\"row\"><a [^>]*>{name}</a></th>(.*?)</tr>", markup, re.S)
    assert row, f"{name} has no row"
    return " ".join(re.sub(r"<[^>]+>", " ", row[1]).split())


def test_the_team_shows_each_number_once_rounded(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en").get_data(as_text=True)
    assert _row(page, "王建国") == "华北 86.2 89.7 83.5–95.9 0.90 65 / 60 full above 88.6"
    assert _row(page, "李思远") == "华北 71.0 74.5 64.7–84.3 0.55 29 / 24 provisional cannot be told apart 76.5"


def test_a_thin_rep_has_an_interval_and_no_comparison(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en").get_data(as_text=True)
    assert _row(page, "张晨曦").endswith("thin not enough answers to compare – 75.1")
    assert "not enough answers yet to compare 张晨曦 with anybody" in boss.get("/reps/R03?lang=en").get_data(True)


@pytest.mark.parametrize(("code", "name"), [("R04", "Alice Archer"), ("R05", "陈志鹏")])
def test_a_withheld_rep_has_no_number(boss: FlaskClient, code: str, name: str) -> None:
    assert _row(boss.get("/team?lang=en").get_data(as_text=True), name) == "华北 too few answers to show withheld – –"
    page = boss.get(f"/reps/{code}?lang=en").get_data(as_text=True)
    assert "too few customers answered" in page
    assert "How the score came about" not in page
    assert not re.search(r"\d\.\d", re.sub(r"<head>.*?</head>", "", page, flags=re.S))


def test_a_number_beyond_the_scale_is_printed_at_its_end_and_said_so(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en").get_data(as_text=True)
    assert _row(page, "杨晓东").startswith("华北 99.0 100.0† 96.3–100.0†")
    assert "† Computed beyond 0–100 and printed at the limit." in page


def test_the_default_order_is_by_name_and_no_rank_is_shown(boss: FlaskClient, session: Session) -> None:
    for row in session.scalars(select(RepScore)):
        row.rank_low, row.rank_high = 1, 7
    session.commit()
    page = boss.get("/team?lang=en").get_data(as_text=True)
    names = re.findall(r"<th scope=\"row\"><a [^>]*>([^<]+)</a>", page)
    assert names == sorted(names, key=sort_key)
    assert "rank" not in re.sub(r"no rank|not by rank", "", page)


def test_the_picture_holds_a_mark_for_every_shown_rep(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en").get_data(as_text=True)
    picture = re.search(r"<svg width=\"100%\".*?</figure>", page, re.S)
    assert picture
    assert picture[0].count('class="adjusted') == 6
    assert picture[0].count('class="raw"') == 6
    assert len(re.findall(r"<text[^>]*>[^<]*too few answers to show", picture[0])) == 2
    assert "mean" in picture[0]


def test_the_rep_page_tells_the_working_in_words(boss: FlaskClient) -> None:
    page = boss.get("/reps/R01?lang=en").get_data(as_text=True)
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "王建国 is clearly above the mean of 82.7, given the answers of 60 customers, all reps" in text
    assert "customer segment +2.3 customers of this kind rate lower; the points are given back" in text
    assert "customer size −0.4 customers of this kind rate higher; the points are taken out" in text
    assert "territory +2.3 ratings run low in this territory; the points are given back" in text
    assert (
        "Compared only within the territory, the reported score would be 87.6; with territory left out of account, 89.6"
        in text
    )
    assert "Compared with other territories through colleagues who work in more than one." in text


def test_alone_in_a_territory_the_page_says_what_cannot_be_known(boss: FlaskClient) -> None:
    page = boss.get("/reps/R07?lang=en").get_data(as_text=True)
    assert "rep and territory cannot be told apart" in page
    assert "Compared only within the territory" not in page


def test_missing_answers_are_counted_for_the_next_grade(boss: FlaskClient) -> None:
    assert "About 22 more answering customers would make it full." in boss.get("/reps/R02?lang=en").get_data(True)
    assert "大约再有 22 位客户作答" in boss.get("/reps/R02?lang=zh").get_data(as_text=True)


def test_period_and_dimension_live_in_the_address(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en&period=2025-H2&item=delivery").get_data(as_text=True)
    assert '<option value="2025-H2" selected>' in page
    assert re.search(r'item=delivery" aria-current="page">Delivery timeliness<', page)
    assert "/reps/R01?period=2025-H2&amp;item=delivery" in page


def test_a_period_not_scored_yet_says_so(boss: FlaskClient) -> None:
    assert "2026-H2 has not been scored yet" in boss.get("/team?lang=en&period=2026-H2").get_data(as_text=True)
    assert "Not scored yet" in boss.get("/reps/R01?lang=en&period=2026-H2").get_data(as_text=True)


def test_without_periods_or_without_people_the_page_says_what_is_missing(
    person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager"))
    assert "There is no period yet" in client.get("/team?lang=en").get_data(as_text=True)


def test_a_manager_without_people_is_told_where_they_come_from(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    page = sign_in(person("manager", "new@harbour.example")).get("/team?lang=en").get_data(as_text=True)
    assert "No rep reports to you" in page
    assert "王建国" not in page


@pytest.mark.parametrize("address", ["/team?period=1999", "/team?item=charm", "/reps/R99", "/reps/R%0001"])
def test_what_is_not_there_is_a_plain_404(boss: FlaskClient, address: str) -> None:
    assert boss.get(address).status_code == 404


def test_both_languages_say_the_same_numbers(boss: FlaskClient) -> None:
    pages = [boss.get(f"/reps/R01?lang={language}").get_data(as_text=True) for language in ("zh", "en")]
    figures = [re.findall(r"(?<=>)[+−]?\d+\.\d+†?(?=<)", page) for page in pages]
    assert figures[0] == figures[1]
    assert len(figures[0]) > 20


def test_names_are_text_whatever_they_hold(boss: FlaskClient, session: Session) -> None:
    rep = session.scalars(select(Rep).where(Rep.code == "R01")).one()
    rep.name = "<script>alert(1)</script>"
    session.commit()
    for address in ("/team", "/reps/R01"):
        page = boss.get(address).get_data(as_text=True)
        assert "<script" not in page
        assert "&lt;script&gt;" in page


VIEWS = ("", "/territories", "/funnel", "/answers", "/trend", "/adjustment")


@pytest.mark.parametrize("query", ["", "?period=2026-H2", "?search=nobody", "?territory=NORTH&sort=-raw&item=delivery"])
def test_every_view_of_the_team_is_whole_in_every_state(boss: FlaskClient, query: str) -> None:
    """Answered, not scored yet, nobody left, narrowed: without a stray percent sign, and light."""
    for view in VIEWS:
        answer = boss.get(f"/team{view}{query}{'&' if query else '?'}lang=en")
        assert answer.status_code == 200
        page = answer.get_data(as_text=True)
        assert "%%" not in page
        assert ("Nobody fits" in page) == ("nobody" in query)
        assert ("has not been scored yet" in page) == ("2026-H2" in query)
        assert len(answer.get_data()) < 70_000  # with the style sheets less than 100 KB


LIGHT = 100_000 - sum(Path("survey/static", name).stat().st_size for name in ("tokens.css", "site.css", "mark.svg"))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_page_is_light_with_300_reps_in_30_territories(
    session: Session, scored: Scored, person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    """Style sheets and the mark included, nothing compressed. Nobody is lost between the pages."""
    _crowd(session)
    reviewer = sign_in(person("reviewer"))
    pages = [f"/team{view}" for view in VIEWS]
    pages += ["/reps/R01", "/reps/R01/talk", "/reps/N000", "/team/pair?rep=R01&rep=R02", "/appraisals", "/facts"]
    pages += ["/campaigns", "/follow-ups", "/periods", "/schemes", "/method/", "/help/numbers"]
    heavy = {page: len(reviewer.get(page).get_data()) for page in pages}
    assert max(heavy.values()) < LIGHT, sorted(heavy.items(), key=lambda one: -one[1])
    address, seen, walked = "/team/territories", set[str](), 0
    while address:
        page = reviewer.get(address).text
        assert len(page.encode()) < LIGHT
        seen |= set(re.findall(r'href="/reps/(N\d+)\?', page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address, walked = following[1].replace("&amp;", "&") if following else "", walked + 1
    assert len(seen) == 300
    assert walked > 5
    listed = [re.findall(r"A-2026-H1-(N\d+)", reviewer.get(f"/appraisals?page={page}").text) for page in range(1, 7)]
    assert sorted(chain.from_iterable(listed)) == sorted(seen)


def _crowd(session: Session) -> None:
    """300 more reps of the last scored period, ten in each of 30 territories."""
    run = session.scalars(select(Run).order_by(Run.id.desc())).first()
    assert run is not None
    territories = [Territory(code=f"N{number:02}", name=f"第{number}片区 North-West") for number in range(30)]
    reps = [Rep(code=f"N{number:03}", name=f"欧阳志远{number}", position="客户经理") for number in range(300)]
    session.add_all([*territories, *reps])
    session.flush()
    session.execute(
        insert(RepScore),
        [
            {
                "run_id": run.id, "rep_id": rep.id, "item": item, "responses": 30, "customers": 30, "evidence": "full",
                "raw": 70.0 + rep.id % 20, "mix": 1.0, "territory": -1.0, "centring": 0.0, "se": 2.0, "df": 40.0,
                "adjusted": 70.0 + rep.id % 20, "low": 66.0 + rep.id % 20, "high": 74.0 + rep.id % 20,
                "reliability": 0.8, "reported": 71.0 + rep.id % 17, "reported_sd": 1.8, "peer": 0.0, "company": 0.0,
                "case": "A", "component": 0, "fragile": False, "rank_low": 1, "rank_high": 300, "q": 0.4,
                "effective": 28.0,
            }
            for rep in reps
            for item in ("satisfaction", "knowledge", "delivery")
        ],
    )  # fmt: skip
    session.execute(
        insert(RepPlace),
        [
            {"run_id": run.id, "rep_id": rep.id, "territory_id": territories[number // 10].id}
            for number, rep in enumerate(reps)
        ],
    )
    scheme = SchemeVersion(name="own", version=1, content="", content_hash="")
    session.add(scheme)
    session.flush()
    session.execute(
        insert(Appraisal),
        [
            {
                "number": f"A-2026-H1-{rep.code}", "revision": 1, "period_id": run.period_id, "rep_id": rep.id,
                "scheme_version_id": scheme.id, "state": "proposed", "band": "B",
                "outcome": {
                    "printed": "81.5", "territory_sensitive": False, "peer_band": "B", "company_band": "B",
                },
                "statement": {"scheme_title_zh": "台湾六项", "scheme_title_en": "Taiwan six"}, "snapshot_hash": "",
                "drawn_up_at": run.created_at, "drawn_up_by": "a",
            }
            for rep in reps
        ],
    )  # fmt: skip
    session.commit()


def test_a_column_is_sorted_by_a_link_that_says_which_way(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en&sort=-adjusted&territory=NORTH").get_data(as_text=True)
    header = re.findall(r'<th scope="col"[^>]*aria-sort="(\w+)"><a class="sort" href="([^"]+)">(\w+)', page)
    assert [(way, label) for way, _, label in header] == [("descending", "Adjusted")]
    assert "sort=adjusted" in header[0][1]
    assert "territory=NORTH" in header[0][1]
    names = re.findall(r"<th scope=\"row\"><a [^>]*>([^<]+)</a>", page)
    assert names[0] == "杨晓东"
    assert "The order is no ranking" in page


def test_the_filters_stand_in_the_form_again(boss: FlaskClient) -> None:
    page = boss.get("/team?lang=en&search=Alice&manager=lead@harbour.example").get_data(as_text=True)
    assert 'name="search" value="Alice"' in page
    assert '<option value="lead@harbour.example" selected>王建国</option>' in page


def test_two_reps_stand_side_by_side(boss: FlaskClient) -> None:
    text = boss.get("/team/pair?lang=en&rep=R01&rep=R08").get_data(as_text=True)
    assert "Customers rate 王建国 higher than 黄国强, by 24.2 points." in text
    assert "+24.2" in text
    text = boss.get("/team/pair?lang=en&rep=R01&rep=R06").get_data(as_text=True)
    assert "Customers rate 杨晓东 higher than 王建国" in text
    assert "There are not enough answers about both of them" in boss.get("/team/pair?lang=en&rep=R01&rep=R03").get_data(
        True
    )
    assert "Choose two reps" in boss.get("/team/pair?lang=en&rep=R01").get_data(as_text=True)


def test_nobody_elses_rep_stands_beside_anybody(boss: FlaskClient) -> None:
    for address in ("/team/pair?rep=R01&rep=R09", "/team/pair?rep=R99&rep=R01", "/team/reps.pdf"):
        assert boss.get(address).status_code == 404


FILES = ("reps", "funnel", "territories", "answers", "rates", "trend", "adjustment")


def test_every_view_comes_as_a_file_with_the_same_filters(boss: FlaskClient) -> None:
    for view in FILES:
        text = boss.get(f"/team/{view}.csv?lang=en&search=R01").get_data()
        assert text.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
        assert len(rows) > 1
        assert "R02" not in text.decode("utf-8-sig")
        book = boss.get(f"/team/{view}.xlsx?lang=zh&search=R01")
        assert book.headers["Content-Disposition"] == f"attachment; filename=team-{view}.xlsx"
        with zipfile.ZipFile(io.BytesIO(book.get_data())) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<autoFilter" in sheet
        assert 'state="frozen"' in sheet
        assert "<f>" not in sheet
        assert sheet.count("<row ") == len(rows)


def test_a_file_holds_numbers_as_numbers_and_no_formula(boss: FlaskClient, session: Session) -> None:
    rep = session.scalars(select(Rep).where(Rep.code == "R01")).one()
    rep.name = "=HYPERLINK(1)"
    session.commit()
    rows = list(csv.reader(io.StringIO(boss.get("/team/reps.csv?lang=en").get_data().decode("utf-8-sig"))))
    row = next(row for row in rows if row[0] == "R01")
    assert row[:2] == ["R01", "'=HYPERLINK(1)"]
    assert row[5:12] == ["86.2", "89.7", "83.5", "95.9", "0.90", "65", "60"]
    withheld = next(row for row in rows if row[0] == "R04")
    assert withheld[5:12] == [""] * 7
    with zipfile.ZipFile(io.BytesIO(boss.get("/team/reps.xlsx?lang=en").get_data())) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<v>86.2</v>" in sheet


def test_files_hold_only_whom_the_person_may_see(
    scored: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager", "other@harbour.example"))
    for view in FILES:
        text = client.get(f"/team/{view}.csv?lang=en&manager=boss@harbour.example").get_data(as_text=True)
        assert not re.search(r"R0[1-8]", text)
    assert client.get("/team/reps.csv?period=2026-H2").status_code == 404
