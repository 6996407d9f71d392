"""An administrator edits what customers are asked, looks at it as they do, mails a test, and files go in and out."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import questionnaires
from survey.config import Settings
from survey.models.answering import Answer, Draft, Response
from survey.models.asking import Invitation, QuestionnaireVersion
from survey.models.company import JournalEntry
from survey.questionnaires import toml
from tests.survey.views.conftest import Page

SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def administrator(person: Callable[..., str], sign_in: SignIn) -> FlaskClient:
    return sign_in(person("administrator"))


def _fields(markup: str) -> dict[str, str]:
    """What a browser would post of the editor's form, untouched."""
    form = markup[markup.index('action="/questionnaires/') :]
    posted = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told.get("type") != "checkbox" or " checked" in tag:
            posted[told["name"]] = unescape(told.get("value", ""))
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.findall(r'<option value="([^"]*)" selected', options) or re.findall(
            r'<option value="([^"]*)"', options
        )
        posted[name] = unescape(chosen[0])
    return posted


def _edit(client: FlaskClient, code: str = "core", do: str = "save", way: str = "edit", **changes: str) -> TestResponse:
    path = f"/questionnaires/{code}/{way}"
    return client.post(f"{path}?lang=en", data=_fields(client.get(path).text) | changes | {"do": do})


def _stored(session: Session) -> list[QuestionnaireVersion]:
    session.rollback()
    session.expire_all()
    ordered = select(QuestionnaireVersion).order_by(QuestionnaireVersion.code, QuestionnaireVersion.version)
    return list(session.scalars(ordered))


def test_looking_stores_nothing(administrator: FlaskClient, session: Session) -> None:
    for path in ("", "/core", "/core/edit", "/key-account", "/relationship/copy", "/core/1.toml"):
        assert administrator.get(f"/questionnaires{path}").status_code == 200
    assert not _stored(session)


def test_saving_untouched_changes_nothing_in_any_shipped_sheet(administrator: FlaskClient, session: Session) -> None:
    for code, content in questionnaires.shipped().items():
        assert _edit(administrator, code).status_code == 303
        assert next(row.content for row in _stored(session) if row.code == code) == content


def test_an_edit_is_kept_in_place_until_it_was_sent_and_then_becomes_the_next_version(
    administrator: FlaskClient, session: Session, now: Any
) -> None:
    _edit(administrator, title_en="Service")
    (first,) = _stored(session)
    assert (first.version, first.content["title"]["en"]) == (1, "Service")
    questionnaires.freeze(first, at=now)
    session.commit()
    _edit(administrator, title_en="Service, later")
    first, second = _stored(session)
    assert (first.content["title"]["en"], second.content["title"]["en"]) == ("Service", "Service, later")
    assert second.version == 2
    assert second.frozen_at is None
    session.rollback()
    saved = select(func.count()).where(JournalEntry.action == "questionnaire saved")
    assert session.scalar(saved) == 2


def test_every_gap_is_named(administrator: FlaskClient, session: Session) -> None:
    changes = {"title_zh": "", "items-0-question_en": " ", "items-1-dimension_zh": "", "scales-0-points-2-zh": ""}
    answer = _edit(administrator, **changes)
    assert answer.status_code == 400
    for gap in (
        "title: the Chinese text is missing.",
        "knowledge: the English text is missing.",
        "delivery dimension: the Chinese text is missing.",
        "well 3: the Chinese text is missing.",
    ):
        assert gap in answer.text
    assert not _stored(session)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"items-0-code": "Knowledge!"}, "short code"),
        ({"items-0-core": ""}, "core items come first"),
        ({"items-0-question_en": "How was {boss}?"}, "{boss}"),
        ({"scales-0-points-0-value": "five"}, "does not hold what belongs there"),
        ({"items-7-scale": "well", "items-7-kind": "choice", "items-2-asked_if": "overall"}, "right behind"),
        ({"items-1-question_zh": "好\u202e吗"}, "invisible"),
    ],
)
def test_a_broken_sheet_is_not_stored(
    administrator: FlaskClient, session: Session, changes: dict[str, str], says: str
) -> None:
    fields = _fields(administrator.get("/questionnaires/core/edit").text) | changes
    if changes.get("items-0-core") == "":
        del fields["items-0-core"]
    answer = administrator.post("/questionnaires/core/edit?lang=en", data=fields | {"do": "save"})
    assert answer.status_code == 400
    assert says in unescape(answer.text)
    assert not _stored(session)


def test_questions_are_added_moved_and_removed_without_storing(administrator: FlaskClient, session: Session) -> None:
    moved = _fields(_edit(administrator, do="item-up.1").text)
    assert (moved["items-0-code"], moved["items-1-code"]) == ("delivery", "knowledge")
    taken = _edit(administrator, do="item-take", ready="key-account/product_quality")
    fields = _fields(taken.text)
    assert (fields["items-9-code"], fields["items-9-about"]) == ("product_quality", "company")
    assert fields["scales-7-code"] == "good"
    assert not _stored(session)
    saved = administrator.post("/questionnaires/core/edit", data=fields | {"do": "save"})
    assert saved.status_code == 303
    (row,) = _stored(session)
    sheet = questionnaires.read(row.content)
    assert sheet.item("product_quality").about == "company"
    assert "product_quality" not in {item.code for item in sheet.ratings}
    removed = _fields(_edit(administrator, do="item-remove.9").text)
    assert "items-9-code" not in removed
    assert _edit(administrator, do="item-up.99").status_code == 400


def test_two_who_edit_at_once_do_not_overwrite_each_other(administrator: FlaskClient, session: Session) -> None:
    fields = _fields(administrator.get("/questionnaires/core/edit").text)
    _edit(administrator, title_en="The other's")
    answer = administrator.post("/questionnaires/core/edit?lang=en", data=fields | {"title_en": "Mine", "do": "save"})
    assert (answer.status_code, "meanwhile" in answer.text) == (400, True)
    assert _stored(session)[0].content["title"]["en"] == "The other's"


def test_a_copy_needs_a_code_of_its_own(administrator: FlaskClient, session: Session) -> None:
    assert _edit(administrator, way="copy").status_code == 400
    fields = _fields(administrator.get("/questionnaires/core/copy").text) | {"do": "save"}
    taken = administrator.post("/questionnaires/core/copy?lang=en", data=fields | {"code": "relationship"})
    assert (taken.status_code, "already" in taken.text) == (400, True)
    made = administrator.post("/questionnaires/core/copy", data=fields | {"code": "dealers"})
    assert made.location == "/questionnaires/dealers"
    assert [row.code for row in _stored(session)] == ["dealers"]


def test_a_file_goes_out_and_comes_back_the_same(administrator: FlaskClient, session: Session) -> None:
    content = questionnaires.shipped()["key-account"]
    file = administrator.get("/questionnaires/key-account/1.toml")
    assert tomllib.loads(file.text) == content
    token = Page(administrator.get("/questionnaires").text).token

    def bring(data: bytes) -> TestResponse:
        return administrator.post(
            "/questionnaires?lang=en", data={"csrf_token": token, "file": (io.BytesIO(data), "x.toml")}
        )

    assert bring(file.data).status_code == 303
    assert _stored(session)[0].content == content
    for broken, says in (
        (b"code = ", "not TOML"),
        (b"code = 'x'\n", "item is missing"),
        (file.data.replace("产品质量".encode(), b""), "product_quality dimension: the Chinese text is missing."),
        (b"\xff\xfe", "not TOML"),
        (b"#" * (toml.LARGEST + 1), "too large"),
    ):
        answer = bring(broken)
        assert answer.status_code == 400
        assert says in unescape(answer.text)
    assert len(_stored(session)) == 1


def test_the_preview_looks_like_the_sheet_and_stores_no_answer(
    administrator: FlaskClient, client: FlaskClient, session: Session
) -> None:
    link = re.findall(r'href="(/preview/[^"]+)"', administrator.get("/questionnaires/core").text)[0]
    page = client.get(f"{link}?lang=en")
    assert "how well did Alice Archer know the products you buy?" in page.text
    assert "This is a preview" in page.text
    blank = {"language": "en", "send": "1"}
    assert client.post(link, data=blank).status_code == 400
    assert client.post(link, data=blank | {"knowledge-1": "9"}).status_code == 400
    assert "王建国" in client.post(link, data={"language": "en", "switch": "zh"}).text
    thanks = client.post(link, data=blank | {"knowledge-1": "5", "comment-1": "fine"})
    assert (thanks.status_code, "nothing was stored" in thanks.text) == (200, True)
    assert client.post(link, data={"foreign": "1"}).status_code == 400
    assert client.get("/preview/forged").status_code == 404
    assert client.get(f"{link}x").status_code == 404
    session.rollback()
    for model in (Answer, Response, Invitation, Draft):
        assert session.scalar(select(func.count()).select_from(model)) == 0


def test_a_test_mail_is_marked_and_leads_to_the_preview(
    administrator: FlaskClient, client: FlaskClient, session: Session, settings: Settings
) -> None:
    token = Page(administrator.get("/questionnaires/core").text).token
    wrong = administrator.post("/questionnaires/core/test", data={"csrf_token": token, "address": "li", "first": "en"})
    assert wrong.status_code == 400
    form = {"csrf_token": token, "address": "li@harbour.example", "first": "en"}
    assert administrator.post("/questionnaires/core/test", data=form).status_code == 303
    (file,) = settings.outbox.glob("*.eml")
    letter = administrator.get(f"/outbox/{file.stem}").text
    assert "[Test]" in letter
    link = re.findall(r'href="http://localhost(/preview/[^"]+?)"', letter)[0]
    assert "This is a preview" in client.get(f"{link}?lang=en").text
    assert client.post(f"{link}/stop").status_code == 200
    session.rollback()
    entry = session.scalars(select(JournalEntry).order_by(JournalEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.details) == ("questionnaire test sent", {"version": 1})


@pytest.mark.parametrize("code", ["nothing", "R01", "%00", "x" * 300])
def test_an_unknown_sheet_is_not_here(administrator: FlaskClient, code: str) -> None:
    for path in (code, f"{code}/edit", f"{code}/copy", f"{code}/1.toml", "core/99.toml"):
        assert administrator.get(f"/questionnaires/{path}").status_code == 404
