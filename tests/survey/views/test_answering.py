"""The customer's page as the network sees it: what it says, what it refuses, and what it never does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.config import Settings
from survey.context import now
from survey.database import Base
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, TokenMiss
from survey.models.roster import Rep
from tests.asking import BY, CORE, Asked, ask, hidden, sheet

ROOT = Path(__file__).resolve().parents[3]
THIRTY_KILOBYTES = 30 * 1024


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    """Two customers were asked today; see `Asked`."""
    return ask(session, settings, at=now())


def _snapshot(session: Session) -> dict[str, list[str]]:
    """Every row of every table."""
    session.expire_all()
    rows = {
        table.name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{table.name}"'))))
        for table in Base.metadata.sorted_tables
    }
    session.rollback()
    return rows


def _number(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def _values(session: Session) -> dict[str, float | None]:
    rows = session.execute(select(Answer.item, Answer.value).where(Answer.state == "answered"))
    return dict(rows.all())


# -- reading ----------------------------------------------------------------------------------------------------


def test_the_page_says_who_asks_who_sees_what_and_how_long(client: FlaskClient, asked: Asked) -> None:
    zh, en = client.get(asked.zh).text, client.get(asked.en).text
    assert '<html lang="zh-Hans">' in zh
    for words in (
        "港湾工具",
        "李伟看不到您的具体回答",
        "保密",
        "不到一分钟",
        "过去6个月，李伟对您所购产品的了解程度如何？",
    ):
        assert words in zh
    assert '<html lang="en">' in en
    for words in ("Harbour Tools", "do not see your individual answers", "confidential", "less than a minute"):
        assert words in en
    assert "anonym" not in en.lower()
    assert "匿名" not in zh


def test_each_rep_behind_the_link_is_asked_about_by_name(client: FlaskClient, asked: Asked) -> None:
    page = client.get(asked.en).text
    assert "how well did 李伟 know the products you buy?" in page
    assert "how well did Maria Schmidt know the products you buy?" in page
    assert "Maria Schmidt" not in client.get(asked.zh).text


def test_nothing_is_preselected_compulsory_or_scripted(client: FlaskClient, asked: Asked) -> None:
    page = client.get(asked.en).text
    assert not re.search(r"\schecked|\srequired|<script|\son\w+=|\sstyle=|<table", page)


def test_the_core_stands_before_everything_else_and_the_best_answer_first(client: FlaskClient, asked: Asked) -> None:
    fields = re.findall(r'type="radio" name="([a-z_]+)-(\d)" value="(\w+)"', client.get(asked.en).text)
    order = list(dict.fromkeys((item, number) for item, number, _ in fields))
    core = ["knowledge", "delivery", "delivery_control", "responsiveness"]
    assert order[:8] == [(item, number) for number in "12" for item in core]
    values = [value for item, number, value in fields if (item, number) == ("delivery", "1")]
    assert values == ["5", "4", "3", "2", "1", "na"]


def test_every_answer_has_its_own_label(client: FlaskClient, asked: Asked) -> None:
    page = client.get(asked.en).text
    radios = re.findall(r'<label[^>]*><input type="radio"[^>]*>[^<]+</label>', page)
    assert len(radios) == page.count('type="radio"')
    assert page.count("<fieldset") == page.count("<legend")


def test_page_and_style_stay_under_thirty_kilobytes(client: FlaskClient, asked: Asked) -> None:
    page = client.get(asked.zh)
    size = len(page.data)
    for path in re.findall(r'href="(/static/[^"]+)"', page.text):
        with client.get(path) as asset:
            size += len(asset.data)
    assert size < THIRTY_KILOBYTES


def test_nothing_is_loaded_from_elsewhere(client: FlaskClient, asked: Asked) -> None:
    for path in (asked.zh, "/privacy", "/s/nowhere"):
        assert set(re.findall(r'(?:src|href|action)="(https?:|//)', client.get(path).text)) == set()


@pytest.mark.parametrize("path", ["{zh}", "{zh}/thanks", "{zh}/stop", "/s/nowhere", "/privacy"])
def test_headers_keep_the_page_private_and_no_cookie_is_set(client: FlaskClient, asked: Asked, path: str) -> None:
    response = client.get(path.format(zh=asked.zh))
    assert "Set-Cookie" not in response.headers
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "noindex" in response.headers["X-Robots-Tag"]
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy


def test_the_title_says_nothing(client: FlaskClient, asked: Asked) -> None:
    assert re.findall("<title>(.*)</title>", client.get(asked.zh).text) == ["客户调查"]
    assert re.findall("<title>(.*)</title>", client.get(asked.en).text) == ["Customer survey"]


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_a_link_changes_nothing(
    client: FlaskClient, session: Session, asked: Asked, method: str, answered: bool
) -> None:
    if answered:
        client.post(asked.zh, data=sheet(client, asked.zh))
    before = _snapshot(session)
    prefetch = {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch"}
    for path in (asked.zh, f"{asked.zh}/thanks", f"{asked.zh}/stop", f"{asked.zh}?lang=en", "/privacy"):
        for headers in ({}, prefetch, {"User-Agent": "Mozilla/5.0 (compatible; SafeLinks scanner)"}):
            assert client.open(path, method=method, headers=headers).status_code in {200, 302}
    assert _snapshot(session) == before


# -- answering --------------------------------------------------------------------------------------------------


def test_answers_are_recorded_and_thanked_for(client: FlaskClient, session: Session, asked: Asked) -> None:
    done = client.post(asked.zh, data=sheet(client, asked.zh))
    assert (done.status_code, done.location) == (303, f"{asked.zh}/thanks?lang=zh")
    assert "谢谢" in client.get(done.location).text
    assert _values(session) == {"knowledge": 5, "delivery": 4, "responsiveness": 3}
    version = session.scalars(select(ResponseVersion)).one()
    assert (version.language, version.mode, version.version_no) == ("zh", "web", 1)
    assert session.scalars(select(Invitation.disposition).order_by(Invitation.id)).all() == ["completed", "queued"]


def test_one_answer_is_enough(client: FlaskClient, session: Session, asked: Asked) -> None:
    for reply in ({"overall": "2"}, {"delivery": "na"}, {"comment": "继续保持"}, {"pressure": "1"}):
        assert client.post(asked.zh, data=sheet(client, asked.zh, reply)).status_code == 303
    assert _number(session, Response) == 1
    assert _number(session, ResponseVersion) == 4


def test_several_reps_are_answered_about_in_one_go(client: FlaskClient, session: Session, asked: Asked) -> None:
    second = {f"{item}-2": "1" for item in CORE}
    assert client.post(asked.en, data={**sheet(client, asked.en), **second}).status_code == 303
    assert _number(session, Response) == 2
    assert session.scalars(select(Invitation.disposition).order_by(Invitation.id)).all()[1] == "completed"


def test_a_double_click_is_one_answer_and_the_same_thanks(client: FlaskClient, session: Session, asked: Asked) -> None:
    form = sheet(client, asked.zh)
    first, second = client.post(asked.zh, data=form), client.post(asked.zh, data={**form, "knowledge-1": "1"})
    assert (first.status_code, first.location) == (second.status_code, second.location)
    assert _number(session, ResponseVersion) == 1
    assert _values(session)["knowledge"] == 5


def test_answers_given_are_never_shown_again(client: FlaskClient, asked: Asked) -> None:
    done = client.post(asked.zh, data=sheet(client, asked.zh, {"knowledge": "1", "comment": "一句悄悄话"}))
    for path in (done.location, asked.zh, f"{asked.zh}/stop"):
        page = client.get(path).text
        assert "悄悄话" not in page
        assert " checked" not in page
    assert "您已经作答过" in client.get(asked.zh).text


def test_the_same_link_may_answer_again_for_a_day(client: FlaskClient, session: Session, asked: Asked) -> None:
    client.post(asked.zh, data=sheet(client, asked.zh))
    assert client.post(asked.zh, data=sheet(client, asked.zh, {"knowledge": "1"})).status_code == 303
    session.execute(update(Response).values(first_answered_at=now() - timedelta(hours=24, minutes=1)))
    session.commit()
    late = client.get(asked.zh)
    assert late.status_code == 410
    assert "不能再修改" in late.text


def test_a_page_opened_in_time_and_sent_too_late_is_told_so(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    client.post(asked.zh, data=sheet(client, asked.zh))
    form = sheet(client, asked.zh, {"knowledge": "1"})
    session.execute(update(Response).values(first_answered_at=now() - timedelta(hours=24, minutes=1)))
    session.commit()
    before = _snapshot(session)
    late = client.post(asked.zh, data=form)
    assert late.status_code == 410
    assert "不能再修改" in late.text
    assert _snapshot(session) == before


def test_thanks_belong_to_those_who_answered(client: FlaskClient, asked: Asked) -> None:
    assert client.get(f"{asked.zh}/thanks").location == asked.zh


# -- the other language -----------------------------------------------------------------------------------------


def test_switching_the_language_loses_nothing_and_records_nothing(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    form = sheet(client, asked.zh, {"knowledge": "4", "delivery": "na", "comment": "谢谢 <b>\n两行"})
    before = _snapshot(session)
    switched = client.post(asked.zh, data={**form, "switch": "en"})
    assert switched.status_code == 200
    assert _snapshot(session) == before
    assert '<html lang="en">' in switched.text
    assert 'name="knowledge-1" value="4" checked>Very well' in switched.text
    assert 'name="delivery-1" value="na" checked>No orders' in switched.text
    assert switched.text.count(" checked") == 2
    assert "谢谢 &lt;b&gt;\n两行</textarea>" in switched.text
    kept = hidden(switched.text)
    assert (kept["nonce"], kept["language"]) == (form["nonce"], "en"), "it is still the same one submission"
    sent = client.post(asked.zh, data={**form, **kept})
    assert sent.location.endswith("?lang=en")
    assert session.scalars(select(ResponseVersion.language)).all() == ["en"]


def test_enter_in_a_field_sends_nothing_and_moves_nothing(client: FlaskClient, session: Session, asked: Asked) -> None:
    page = client.get(asked.zh).text
    first = re.findall(r"<button([^>]*)>", page)[0]
    assert first == ' form="answers" name="stay" value="1" hidden'
    before = _snapshot(session)
    stayed = client.post(asked.zh, data={**sheet(client, asked.zh), "stay": "1"})
    assert (stayed.status_code, stayed.data) == (204, b"")
    assert _snapshot(session) == before


def test_a_link_may_be_opened_in_either_language(client: FlaskClient, asked: Asked) -> None:
    assert '<html lang="en">' in client.get(f"{asked.zh}?lang=en").text
    assert '<html lang="zh-Hans">' in client.get(f"{asked.zh}?lang=tlh").text


# -- what is refused --------------------------------------------------------------------------------------------

SENTENCE = re.compile(r"<h1>[^<]{4,}</h1>|<li><a[^>]*>[^<]{4,}</a></li>")


def _refused(client: FlaskClient, session: Session, link: str, status: int, **post: object) -> str:
    """Post; nothing may change, and a person must be told something under this status."""
    before = _snapshot(session)
    response = client.post(link, **post)  # type: ignore[arg-type]
    assert response.status_code == status
    assert SENTENCE.search(response.text), response.text
    after = _snapshot(session)
    before.pop("token_miss")
    after.pop("token_miss")
    assert after == before
    return response.text


def test_nothing_chosen_gets_a_friendly_word_linked_to_the_first_question(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    page = _refused(client, session, asked.zh, 400, data=sheet(client, asked.zh, {}))
    assert '<a href="#knowledge-1">请至少回答一个问题，任选一题即可。</a>' in page
    assert 'id="knowledge-1"' in page
    assert "尚未提交" in page
    assert re.search(r'role="alert" tabindex="-1" autofocus', page)


IMPOSSIBLE = (
    ("knowledge", "6"), ("knowledge", "0"), ("knowledge", "-1"), ("knowledge", "4.5"), ("knowledge", "five"),
    ("overall", "na"), ("delivery", "null"), ("pressure", "5"), ("knowledge", "５"), ("knowledge", "5" * 10_000),
    ("comment", "好" * 2001), ("comment", "x" * 100_000), ("comment", "a\x00b"), ("comment", "a\x1b[2Jb"),
    ("comment", "a\u202eb"), ("comment", "a\u2067b"),
)  # fmt: skip


def test_a_reply_that_cannot_be_is_named_at_its_question_and_the_others_are_kept(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    for item, words in IMPOSSIBLE:
        page = _refused(client, session, asked.zh, 400, data=sheet(client, asked.zh, {"guidance": "2", item: words}))
        assert f'<a href="#{item}-1">' in page, words
        assert f'id="{item}-1-error"' in page, words
        assert f'aria-describedby="{item}-1-error"' in page, words
        assert 'name="guidance-1" value="2" checked' in page, words


FOREIGN_PARTS: tuple[dict[str, object], ...] = (
    {"taste-1": "5"}, {"knowledge-2": "5"}, {"knowledge": "5"}, {"knowledge-1[]": "5"}, {"knowledge-01": "5"},
    {"__proto__": "1"}, {"": "5"}, {"knowledge-1": ["5", "4"]}, {"language": ["zh", "en"]}, {"language": "tlh"},
    {"switch": "tlh"}, {"csrf_token": "x"},
)  # fmt: skip


def test_parts_the_page_never_sends_are_refused(client: FlaskClient, session: Session, asked: Asked) -> None:
    for more in FOREIGN_PARTS:
        _refused(client, session, asked.zh, 400, data={**sheet(client, asked.zh), **more})


def test_a_file_is_no_answer(client: FlaskClient, session: Session, asked: Asked) -> None:
    form = {**sheet(client, asked.zh), "comment-1": (ROOT / "LICENSE").open("rb")}
    _refused(client, session, asked.zh, 400, data=form, content_type="multipart/form-data")


OTHER_BODIES = (
    ("application/json", b'{"knowledge-1": "5"}'), ("application/json", b"{"), ("text/plain", b"knowledge-1=5"),
    ("text/xml", b"<a/>"), ("", b"knowledge-1=5"), ("application/octet-stream", b"\x00\xff"),
    ("multipart/form-data", b"no boundary"), ("application/x-www-form-urlencoded", b"\xff\xfe%zz=%00"),
    ("application/x-www-form-urlencoded", b""),
)  # fmt: skip


def test_only_the_pages_own_form_is_read(client: FlaskClient, session: Session, asked: Asked) -> None:
    for content_type, body in OTHER_BODIES:
        _refused(client, session, asked.zh, 400, data=body, content_type=content_type)


def test_too_large_a_body_is_refused(client: FlaskClient, session: Session, asked: Asked) -> None:
    form = {**sheet(client, asked.zh), "comment-1": "x" * 600_000}
    _refused(client, session, asked.zh, 413, data=form)


NONCES: dict[str, Callable[[str, str], dict[str, str]]] = {
    "missing": lambda _ours, _other: {},
    "empty": lambda _ours, _other: {"nonce": ""},
    "made up": lambda _ours, _other: {"nonce": "abc.def"},
    "altered": lambda ours, _other: {"nonce": _with_another_signature(ours)},
    "of another link": lambda _ours, other: {"nonce": other},
    "long": lambda ours, _other: {"nonce": ours * 1000},
}


def _with_another_signature(nonce: str) -> str:
    """Change the signature's first character: its last one has bits that stand for nothing."""
    payload, signature = nonce.rsplit(".", 1)
    return f"{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def test_a_form_this_page_did_not_make_is_not_recorded_but_not_lost(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    form = sheet(client, asked.zh)
    other = hidden(client.get(asked.en).text)["nonce"]
    ours = form.pop("nonce")
    for kind, nonce in NONCES.items():
        page = _refused(client, session, asked.zh, 400, data={**form, **nonce(ours, other)})
        assert re.search(r'name="knowledge-1" value="5"[^>]* checked', page), f"{kind}: what was chosen is still there"
    again = client.post(asked.zh, data={**form, "nonce": hidden(page)["nonce"]})
    assert again.status_code == 303


def test_a_nonce_serves_only_its_own_purpose(client: FlaskClient, session: Session, asked: Asked, app: Flask) -> None:
    from itsdangerous import URLSafeSerializer

    invitation = session.scalars(select(Invitation.id).order_by(Invitation.id)).first()
    session.rollback()
    foreign = URLSafeSerializer(app.config["SECRET_KEY"], salt="something else").dumps([invitation, "nonce"])
    form = {**sheet(client, asked.zh), "nonce": foreign}
    _refused(client, session, asked.zh, 400, data=form)


# -- links that lead nowhere, or no longer ----------------------------------------------------------------------


NOWHERE = ("nowhere", "0" * 26, "a" * 10_000, "%00", "%E2%80%AE", "' OR 1=1 --", "<script>", "%ff")


def test_an_unknown_link_is_not_found_whatever_is_done_with_it(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    form = sheet(client, asked.zh)
    for token in NOWHERE:
        way = ("", "/thanks", "/stop")[len(token) % 3]
        response = client.get(f"/s/{token}{way}")
        assert response.status_code == 404
        assert SENTENCE.search(response.text)
        for way in ("", "/stop"):
            _refused(client, session, f"/s/{token}{way}", 404, data=form)


@pytest.mark.parametrize("end", ["closed", "over", "revoked"])
def test_a_link_that_was_good_once_is_gone_with_one_calm_sentence(
    client: FlaskClient, session: Session, asked: Asked, end: str
) -> None:
    form = sheet(client, asked.zh)
    campaign = session.scalars(select(Campaign)).one()
    if end == "closed":
        campaigns.close(session, campaign, by=BY, at=now())
    elif end == "over":
        campaign.opens_on = campaign.closes_on = (now() - timedelta(days=3)).date()
    else:
        for invitation in session.scalars(select(Invitation)):
            invitations.revoke(session, invitation, reason="wrong person", by=BY, at=now())
    session.commit()
    for way in ("", "/thanks"):
        response = client.get(f"{asked.zh}{way}")
        assert response.status_code == 410
        assert re.findall("<h1>(.+)</h1>", response.text)
        assert '<html lang="zh-Hans">' in response.text
        assert "<form" not in response.text
    _refused(client, session, asked.zh, 410, data=form)


def test_guessing_is_stopped_and_real_links_are_not(client: FlaskClient, session: Session, asked: Asked) -> None:
    codes = [client.get(f"/s/{number:026}").status_code for number in range(40)]
    assert codes == [404] * 30 + [429] * 10
    limited = client.post("/s/nowhere", headers={"X-Forwarded-For": "198.51.100.1"})
    assert limited.status_code == 429
    assert limited.headers["Retry-After"] == "600"
    assert client.get(asked.zh).status_code == 200
    assert client.post(asked.zh, data=sheet(client, asked.zh)).status_code == 303
    assert _number(session, TokenMiss) == 30


def test_guesses_made_at_once_are_counted_one_by_one(app: Flask, session: Session, asked: Asked) -> None:
    session.rollback()

    def guess(number: int) -> int:
        return FlaskClient(app).get(f"/s/{number:026}").status_code

    with ThreadPoolExecutor(20) as crowd:
        codes = list(crowd.map(guess, range(60)))
    assert sorted(codes) == [404] * 30 + [429] * 30


def test_only_the_listed_methods_are_answered(client: FlaskClient, session: Session, asked: Asked) -> None:
    before = _snapshot(session)
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        assert client.open(asked.zh, method=method).status_code == 405
    assert client.post(f"{asked.zh}/thanks").status_code == 405
    assert client.post("/privacy").status_code == 405
    assert _snapshot(session) == before


# -- names and words are data -----------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>{{7*7}}\"'><img src=x onerror=alert(1)>%(rep)s"


def test_names_are_shown_as_they_are_and_do_nothing(app: Flask, session: Session, asked: Asked) -> None:
    session.execute(update(Rep).values(name=HOSTILE))
    session.commit()
    client = FlaskClient(app)
    for language in ("zh", "en"):
        page = client.get(f"{asked.en}?lang={language}").text
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
    again = client.post(asked.en, data={**hidden(client.get(asked.en).text), "comment-1": HOSTILE * 40})
    assert again.status_code == 400
    assert "<script" not in again.text


# -- what it leaves behind --------------------------------------------------------------------------------------


def test_logs_name_no_person_no_answer_and_no_link(
    client: FlaskClient, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    client.post(asked.zh, data=sheet(client, asked.zh, {"comment": "一句悄悄话"}))
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert re.search(r"link [0-9a-f]{8}: answered", told)
    for secret in (asked.zh.removeprefix("/s/"), "王芳", "李伟", "悄悄话"):
        assert secret not in told


def test_the_notice_names_who_is_responsible_in_both_languages(client: FlaskClient, asked: Asked) -> None:
    for language, company in (("zh", "港湾工具"), ("en", "Harbour Tools")):
        page = client.get(f"/privacy?lang={language}").text
        assert company in page
        assert page.count("privacy@harbour.example") == 2
        assert page.count("<h2>") == 6


def test_an_answered_survey_has_loaded_neither_pandas_nor_statsmodels(
    settings: Settings, session: Session, asked: Asked, database_url: str
) -> None:
    """A customer's page must not pay for what scoring needs."""
    session.rollback()
    program = f"""
import re, sys
sys.path.insert(0, {str(ROOT)!r})
from survey.app import create_app
from survey.config import load
from tests.asking import sheet
app = create_app(load(
    _env_file=None, evenhand_dir={str(settings.evenhand_dir)!r}, database_url={database_url!r},
    base_url="http://localhost", secret_key="s" * 40, token_keys={{"test": "t" * 40}},
))
client = app.test_client()
answer = client.post({asked.zh!r}, data=sheet(client, {asked.zh!r}))
assert answer.status_code == 303, answer.text
assert client.get(answer.location).status_code == 200
print(sorted({{"pandas", "statsmodels", "scipy", "numpy", "weasyprint", "pyarrow"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


# -- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False])
def test_fifty_posts_at_once_make_one_counted_response(app: Flask, session: Session, asked: Asked, same: bool) -> None:
    client = FlaskClient(app)
    forms = [sheet(client, asked.zh, {**CORE, "knowledge": str(3 + number % 3)}) for number in range(50)]
    if same:
        forms = [{**form, "nonce": forms[0]["nonce"]} for form in forms]
    session.rollback()

    def post(form: dict[str, str]) -> tuple[int, str]:
        with app.app_context():
            answer = FlaskClient(app).post(asked.zh, data=form)
            return answer.status_code, answer.location

    with ThreadPoolExecutor(50) as crowd:
        told = set(crowd.map(post, forms))
    assert told == {(303, f"{asked.zh}/thanks?lang=zh")}
    assert _number(session, Response) == 1
    assert _number(session, ResponseVersion) == (1 if same else 50)
