"""Appraisals on screen and on paper, for those they belong to."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pypdf
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from scoring.explanation import retraced
from survey import names
from survey.models.appraising import Appraisal
from survey.models.roster import Rep
from tests.survey.conftest import NAMES

Enter = Callable[[str], FlaskClient]
Person = Callable[..., str]
Look = Callable[[TestResponse], object]


@pytest.fixture
def appraised(session: Session, six: tuple[Appraisal, ...]) -> dict[str, int]:
    """Everybody's proposed appraisal, by the rep's code."""
    session.commit()
    codes = dict(iter(session.execute(select(Rep.id, Rep.code))))
    return {codes[row.rep_id]: row.id for row in six}


@pytest.fixture
def reviewer(appraised: object, person: Person, sign_in: Enter) -> FlaskClient:
    return sign_in(person("reviewer", "hr@h.example"))


@pytest.mark.parametrize("address", ["/appraisals", "/appraisals/comparison", "/facts", "/reps/R01"])
def test_reps_stand_as_their_names_are_said(reviewer: FlaskClient, address: str) -> None:
    page = reviewer.get(address).text.rpartition("<table")[2]
    shown = sorted((name for name in NAMES if name in page), key=page.index)
    assert len(shown) > 5
    assert shown == sorted(shown, key=names.sort_key)


def test_the_roster_stands_as_names_are_said(
    appraised: object, person: Person, sign_in: Enter, session: Session
) -> None:
    desk = sign_in(person("administrator", "office@h.example"))
    for name in NAMES[:6]:
        person("rep", f"{NAMES.index(name)}@h.example", name)
    for address, there in (("/roster", NAMES), ("/people", NAMES[:6])):
        page = desk.get(address).text
        assert sorted(there, key=page.index) == sorted(there, key=names.sort_key)


def _decide(client: FlaskClient, look: Look, number: int, **fields: str) -> TestResponse:
    page = look(client.get(f"/appraisals/{number}"))
    return client.post(f"/appraisals/{number}", data={"csrf_token": page.token, **fields})


def test_a_reviewer_reads_everybodys_by_name(reviewer: FlaskClient, look: Look) -> None:
    page = reviewer.get("/appraisals?lang=en").get_data(as_text=True)
    shown = re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', page)
    assert len(shown) == 10
    assert shown == sorted(shown, key=names.sort_key)
    assert "Proposed" in page
    assert "待审定" in reviewer.get("/appraisals?lang=zh").get_data(as_text=True)


def test_one_appraisal_shows_what_it_is_made_of(
    reviewer: FlaskClient, appraised: dict[str, int], session: Session
) -> None:
    page = reviewer.get(f"/appraisals/{appraised['R01']}?lang=en").get_data(as_text=True)
    row = session.get(Appraisal, appraised["R01"])
    for part in row.outcome["parts"]:
        assert part["printed"].replace("-", "−") in page
        assert part["name_en"].replace("'", "&#39;") in page
    for value in row.statement["satisfaction"][0]["steps"].values():
        if isinstance(value, float):
            assert f"{abs(value):.1f}" in page
    assert row.snapshot_hash in page
    assert "Make it final" in page


def test_a_reviewer_decides_once(
    reviewer: FlaskClient, look: Look, appraised: dict[str, int], session: Session
) -> None:
    number = appraised["R01"]
    band = session.get(Appraisal, number).band
    assert _decide(reviewer, look, number, band=band).status_code == 303
    session.expire_all()
    row = session.get(Appraisal, number)
    assert (row.state, row.final_band, row.finalised_by) == ("final", band, "hr@h.example")
    page = reviewer.get(f"/appraisals/{number}?lang=en").get_data(as_text=True)
    assert "Decided by hr@h.example" in page
    assert "Make it final" not in page


def test_another_band_needs_a_reason(
    reviewer: FlaskClient, look: Look, appraised: dict[str, int], session: Session
) -> None:
    number = appraised["R02"]
    other = "A" if session.get(Appraisal, number).band != "A" else "B"
    refused = _decide(reviewer, look, number, band=other)
    assert refused.status_code == 400
    assert "Write down why" in reviewer.post(
        f"/appraisals/{number}?lang=en",
        data={"csrf_token": look(reviewer.get(f"/appraisals/{number}")).token, "band": other},
    ).get_data(as_text=True)
    assert _decide(reviewer, look, number, band="Z").status_code == 400
    session.expire_all()
    assert session.get(Appraisal, number).state == "proposed"
    assert _decide(reviewer, look, number, band=other, reason="<b>救灾</b>有功").status_code == 303
    page = reviewer.get(f"/appraisals/{number}").get_data(as_text=True)
    assert "&lt;b&gt;救灾&lt;/b&gt;有功" in page.replace("&amp;lt;", "&lt;")


def test_a_decision_without_the_forms_token_is_refused(
    reviewer: FlaskClient, appraised: dict[str, int], session: Session
) -> None:
    assert reviewer.post(f"/appraisals/{appraised['R01']}", data={"band": "A"}).status_code == 400
    assert session.get(Appraisal, appraised["R01"]).state == "proposed"


def test_a_manager_reads_their_own_people_and_decides_nothing(
    appraised: dict[str, int], person: Person, sign_in: Enter, look: Look, session: Session
) -> None:
    boss = sign_in(person("manager", "boss@h.example"))
    assert len(re.findall("/appraisals/\\d+.pdf", boss.get("/appraisals").get_data(as_text=True))) == 10
    page = boss.get(f"/appraisals/{appraised['R01']}?lang=en").get_data(as_text=True)
    assert "Make it final" not in page
    assert boss.post(f"/appraisals/{appraised['R01']}", data={"band": "A"}).status_code in (400, 404)
    stranger = sign_in(person("manager", "other@h.example"))
    assert "There is no appraisal to see yet" in stranger.get("/appraisals?lang=en").get_data(as_text=True)
    for path in (f"/appraisals/{appraised['R01']}", f"/appraisals/{appraised['R01']}.pdf", "/appraisals/987654"):
        assert stranger.get(path).status_code == 404


def test_a_rep_reads_their_own_once_it_is_final(
    appraised: dict[str, int], reviewer: FlaskClient, person: Person, sign_in: Enter, look: Look, session: Session
) -> None:
    rep = sign_in(person("rep", "r01@h.example"))
    own, others = appraised["R01"], appraised["R02"]
    assert rep.get(f"/appraisals/{own}").status_code == 404
    for number in (own, others):
        _decide(reviewer, look, number, band=session.get(Appraisal, number).band)
    assert rep.get(f"/appraisals/{own}").status_code == 200
    assert rep.get(f"/appraisals/{own}.pdf").status_code == 200
    assert rep.get(f"/appraisals/{others}").status_code == 404
    assert rep.get(f"/appraisals/{others}.pdf").status_code == 404
    page = rep.get("/appraisals").get_data(as_text=True)
    assert "王建国" in page
    assert "李思远" not in page


@pytest.mark.parametrize("role", ["administrator", "interviewer", "auditor"])
def test_other_roles_see_no_appraisal(role: str, appraised: dict[str, int], person: Person, sign_in: Enter) -> None:
    client = sign_in(person(role))
    for path in ("/appraisals", f"/appraisals/{appraised['R01']}", f"/appraisals/{appraised['R01']}.pdf"):
        assert client.get(path).status_code == 404


def test_the_pdf_is_the_appraisal_in_the_readers_language(
    reviewer: FlaskClient, appraised: dict[str, int], session: Session
) -> None:
    row = session.get(Appraisal, appraised["R01"])
    for language, title in (("zh", "绩效考核表"), ("en", "Sales appraisal")):
        response = reviewer.get(f"/appraisals/{row.id}.pdf?lang={language}")
        assert response.mimetype == "application/pdf"
        assert f"A-2026-H1-R01-rev1.{language}.pdf" in response.headers["Content-Disposition"]
        assert response.headers["Cache-Control"] == "no-store"
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(response.data)).pages)
        assert title in text
        assert row.outcome["printed"] in text


def test_what_cannot_be_printed_is_said_on_the_page(
    reviewer: FlaskClient, appraised: dict[str, int], session: Session
) -> None:
    from survey.appraisals.statement import snapshot_hash

    row = session.get(Appraisal, appraised["R01"])
    person = row.statement["person"] | {"name": "王\U0001f642"}
    row.statement = row.statement | {"person": person}
    row.snapshot_hash = snapshot_hash(row.statement, row.outcome)
    session.commit()
    response = reviewer.get(f"/appraisals/{row.id}.pdf?lang=en")
    assert response.status_code == 303
    assert "U+1F642" in reviewer.get(f"/appraisals/{row.id}?lang=en").get_data(as_text=True)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_changed_statement_is_not_shown(reviewer: FlaskClient, appraised: dict[str, int], session: Session) -> None:
    row = session.get(Appraisal, appraised["R01"])
    row.outcome = row.outcome | {"printed": "99.9"}
    session.commit()
    assert reviewer.get(f"/appraisals/{row.id}").status_code == 409


def test_the_explanation_gives_every_point_again(
    reviewer: FlaskClient, appraised: dict[str, int], session: Session
) -> None:
    row = session.get(Appraisal, appraised["R01"])
    page = reviewer.get(f"/appraisals/{row.id}/explanation?lang=en").get_data(as_text=True)
    for part in row.outcome["parts"]:
        assert part["why_en"].replace("'", "&#39;") in page
        assert str(part["points"]) in page
    tree = reviewer.get(f"/appraisals/{row.id}/explanation.json").get_json()
    assert retraced(tree) == row.outcome["total"] == tree["total"]["points"]
    assert tree["snapshot"] == row.snapshot_hash
    assert tree["survey"]["fingerprint"] == row.statement["survey"]["fingerprint"]


def test_the_explanation_is_for_those_who_may_read_the_appraisal(
    appraised: dict[str, int], person: Person, sign_in: Enter
) -> None:
    rep = sign_in(person("rep", "r01@h.example"))
    for address in ("explanation", "explanation.json"):
        assert rep.get(f"/appraisals/{appraised['R01']}/{address}").status_code == 404
        assert rep.get(f"/appraisals/{appraised['R02']}/{address}").status_code == 404


def test_reps_stand_beside_one_another_for_their_manager(
    session: Session, six: tuple[Appraisal, ...], person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    session.commit()
    client = sign_in(person("manager", "boss@h.example"))
    shown = client.get("/appraisals/comparison?lang=en").get_data(as_text=True)
    assert "Reps beside one another" in shown
    names = [row.statement["person"]["name"] for row in six]
    assert all(name in shown for name in names)
    assert "Decisions that departed" not in shown
    reviewing = sign_in(person("reviewer", "hr@h.example"))
    assert "Too few decisions to say" in reviewing.get("/appraisals/comparison?lang=en").get_data(as_text=True)
    assert client.get("/appraisals/comparison?period=1999").status_code == 404
    rep = sign_in(person("rep", "r01@h.example"))
    assert rep.get("/appraisals/comparison").status_code == 404


def test_rewards_are_recommended_by_band_and_nothing_is_paid(
    reviewer: FlaskClient, look: Look, appraised: dict[str, int], session: Session
) -> None:
    outcomes = {row.id: row.outcome for row in session.scalars(select(Appraisal))}
    wanted = {number for number, one in outcomes.items() if one["reward_band"] in ("A", "B")}
    assert 0 < len(wanted) < len(outcomes)
    page = look(reviewer.get("/appraisals/rewards?lang=en&amount-A=x&amount-B=1000"))
    shown = {int(link.rsplit("/", 1)[1]) for link in page.links if re.fullmatch(r"/appraisals/\d+", link)}
    assert shown == wanted
    people = sum(outcomes[number]["reward_band"] == "B" for number in wanted)
    assert f"Together {people * 1000:,}" in page.text
    one = min(wanted)
    assert _decide(reviewer, look, one, band="C", reason="客户投诉未了").status_code == 303
    page = look(reviewer.get("/appraisals/rewards?lang=en"))
    assert f"/appraisals/{one}" not in page.links, "a person has decided otherwise"
    assert reviewer.get("/appraisals/rewards?period=1999").status_code == 404


def test_only_a_reviewer_reads_recommendations_and_what_waits(
    reviewer: FlaskClient, appraised: object, person: Person, sign_in: Enter, session: Session
) -> None:
    page = reviewer.get("/appraisals?lang=en").get_data(as_text=True)
    assert "10 appraisals of 2026-H1 wait for a decision" in page
    boss = sign_in(person("manager", "boss@h.example"))
    assert "wait for a decision" not in boss.get("/appraisals?lang=en").get_data(as_text=True)
    assert boss.get("/appraisals/rewards").status_code == 404
