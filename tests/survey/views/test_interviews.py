"""The interviewer's pages: own calls only, both languages, answers and outcomes through one plain form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from survey import interviews
from survey.config import Settings
from survey.context import now
from survey.models.answering import Answer, Call, Draft, FollowUp, Interview, Response, ResponseVersion
from survey.models.asking import Invitation
from survey.models.roster import Contact
from tests.asking import CORE, Asked, ask, hidden

ANN = "ann@harbour.example"
SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    """王芳's interview is Ann's, Bob Brown's is somebody else's."""
    made = ask(session, settings, at=now())
    for name, interviewer in (("王芳", ANN), ("Bob Brown", "ben@harbour.example")):
        session.scalars(select(Contact).where(Contact.name == name)).one().phone = "+86 21 5555 0101"
        invitation = session.scalars(
            select(Invitation).join(Contact, Contact.id == Invitation.contact_id).where(Contact.name == name)
        ).one()
        session.add(
            Interview(
                invitation_id=invitation.id, interviewer=interviewer, state="waiting", due_at=now(),
                handed_out_at=now(),
            )
        )  # fmt: skip
    session.commit()
    return made


@pytest.fixture
def ann(asked: Asked, person: Callable[..., str], sign_in: SignIn) -> FlaskClient:
    return sign_in(person("interviewer", ANN, name="安妮"))


@pytest.fixture
def own(session: Session, asked: Asked) -> str:
    """The address of Ann's interview."""
    number = session.scalars(select(Interview.id).where(Interview.interviewer == ANN)).one()
    session.rollback()
    return f"/interviews/{number}"


def _form(client: FlaskClient, page: str, replies: dict[str, str]) -> dict[str, str]:
    opened = client.get(page).text
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', opened))
    return {"csrf_token": token, **hidden(opened), **{f"{item}-1": value for item, value in replies.items()}}


def _number(session: Session, table: type) -> int:
    session.expire_all()
    number = session.scalar(select(func.count()).select_from(table)) or 0
    session.rollback()
    return number


def test_the_queue_shows_own_calls_and_nobody_elses(ann: FlaskClient, own: str) -> None:
    page = ann.get("/interviews?lang=en").text
    assert own in page
    assert "王芳" in page
    assert "Bob Brown" not in page


def test_anothers_call_is_not_there(ann: FlaskClient, session: Session, asked: Asked) -> None:
    other = session.scalars(select(Interview.id).where(Interview.interviewer != ANN)).one()
    session.rollback()
    form = _form(ann, f"/interviews/{other - 1}", CORE)
    assert ann.get(f"/interviews/{other}").status_code == 404
    assert ann.post(f"/interviews/{other}", data=form).status_code == 404
    assert _number(session, Response) == 0


def test_the_page_speaks_the_customers_language_and_can_change_without_losing_anything(
    ann: FlaskClient, session: Session, own: str
) -> None:
    page = ann.get(own).text
    assert '<html lang="zh-Hans">' in page
    assert "+86 21 5555 0101" in page
    assert "安妮" in page
    assert " checked" not in page
    switched = ann.post(own, data={**_form(ann, own, {"knowledge": "4", "comment": "好"}), "switch": "en"})
    assert switched.status_code == 200
    assert '<html lang="en">' in switched.text
    assert re.search(r'name="knowledge-1" value="4"[^>]* checked', switched.text)
    assert "Am I speaking with 王芳?" in switched.text
    assert (_number(session, Response), _number(session, Call)) == (0, 0)


def test_an_interview_is_recorded_once_with_mode_and_interviewer(ann: FlaskClient, session: Session, own: str) -> None:
    form = {**_form(ann, own, CORE), "send": "1"}
    for _ in range(2):
        done = ann.post(own, data=form)
        assert (done.status_code, done.location) == (303, "/interviews")
    version = session.scalars(select(ResponseVersion)).one()
    assert (version.mode, version.interviewer, version.language) == ("phone", ANN, "zh")
    session.rollback()
    assert _number(session, Call) == 1
    assert own not in ann.get("/interviews").text
    over = ann.get(own)
    assert over.status_code == 410
    assert re.search(r"<h1>[^<]+</h1>", over.text)


UNHAPPY = {**CORE, "delivery": "2"}


def test_an_unhappy_answer_leads_to_the_question_with_nothing_chosen_and_a_yes_makes_one_task(
    ann: FlaskClient, session: Session, own: str
) -> None:
    assert ann.get(f"{own}/contact").status_code == 410, "nothing was answered yet"
    asks = ann.post(own, data={**_form(ann, own, UNHAPPY), "send": "1"}).location
    assert asks == f"{own}/contact?lang=zh"
    page = ann.get(asks).text
    assert "我们可以" in page
    assert " checked" not in page
    assert _number(session, FollowUp) == 0
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
    for strange in ("", "maybe", "\x00", "x" * 10_000):
        answer = ann.post(f"{own}/contact", data={"csrf_token": token, "contact": strange})
        assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert _number(session, FollowUp) == 0
    said = ann.post(f"{own}/contact", data={"csrf_token": token, "contact": "yes"})
    assert (said.status_code, said.location) == (303, "/interviews")
    assert "再见" in ann.get("/interviews?lang=en").text, "what is left to say is in the language of the call"
    assert _number(session, FollowUp) == 1
    assert ann.get(f"{own}/contact").status_code == 410, "asked once"


def test_a_no_leaves_nothing_and_only_who_called_may_ask(
    ann: FlaskClient, session: Session, own: str, person: Callable[..., str], sign_in: SignIn
) -> None:
    ann.post(own, data={**_form(ann, own, UNHAPPY), "send": "1"})
    ben = sign_in(person("interviewer", "ben@harbour.example"))
    assert ben.get(f"{own}/contact").status_code == 404
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', ann.get(f"{own}/contact").text))
    assert ann.post(f"{own}/contact", data={"csrf_token": token, "contact": "no"}).location == "/interviews"
    session.execute(update(Response).values(first_answered_at=now() - timedelta(hours=25)))
    session.commit()
    late = ann.post(f"{own}/contact", data={"csrf_token": token, "contact": "yes"})
    assert late.status_code == 410, "the call is long over"
    assert _number(session, FollowUp) == 0


def test_a_happy_customer_is_not_asked(ann: FlaskClient, own: str) -> None:
    ann.post(own, data={**_form(ann, own, CORE), "send": "1"})
    assert ann.get(f"{own}/contact").status_code == 410


@pytest.mark.parametrize("outcome", ["no answer", "busy", "refused", "wrong person"])
def test_what_came_of_a_call_is_kept_without_answers(
    ann: FlaskClient, session: Session, own: str, outcome: str
) -> None:
    done = ann.post(own, data={**_form(ann, own, {}), "outcome": outcome, "call_back_at": ""})
    assert done.status_code == 303
    assert session.scalars(select(Call.outcome)).all() == [outcome]
    session.rollback()
    assert _number(session, Response) == 0


def test_a_call_back_keeps_what_was_answered_so_far_for_the_same_interviewer(
    ann: FlaskClient, session: Session, own: str, asked: Asked, make_client: Callable[[], FlaskClient]
) -> None:
    tomorrow = (now() + timedelta(days=1)).astimezone(ZoneInfo("Asia/Shanghai")).replace(second=0, microsecond=0)
    form = _form(ann, own, {"knowledge": "4", "delivery": "na"})
    form |= {"outcome": "call back", "call_back_at": tomorrow.strftime("%Y-%m-%dT%H:%M")}
    assert ann.post(own, data=form).status_code == 303
    assert session.scalars(select(Interview.due_at).where(Interview.interviewer == ANN)).one() == tomorrow
    session.rollback()
    assert (_number(session, Draft), _number(session, Response)) == (1, 0)
    assert ann.get(own).text.count(" checked") == 2


def test_a_time_that_cannot_be_is_said_and_loses_nothing(ann: FlaskClient, session: Session, own: str) -> None:
    for when in ("", "tomorrow", "2020-01-01T10:00", "9999-12-31T23:59", "0001-01-01T00:00", "2" * 10_000):
        form = {**_form(ann, own, {"knowledge": "4"}), "outcome": "call back", "call_back_at": when}
        answer = ann.post(own, data=form)
        assert answer.status_code == 400, when
        assert 'role="alert"' in answer.text
        assert re.search(r'name="knowledge-1" value="4"[^>]* checked', answer.text)
    assert (_number(session, Call), _number(session, Draft)) == (0, 0)


BAD: tuple[dict[str, object], ...] = (
    {"knowledge-1": "6"}, {"knowledge-1": ["5", "4"]}, {"comment-1": "x" * 100_000}, {"comment-1": "a\u202eb"},
    {"comment-1": "a\x00b"}, {"taste-1": "5"}, {"nonce": ""}, {"nonce": "made.up"}, {"outcome": "completed"},
    {"outcome": "x" * 10_000}, {"language": "tlh"}, {"csrf_token": ""}, {"csrf_token": "x" * 10_000},
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: next(iter(bad)))
def test_what_the_page_never_sends_is_refused_with_a_sentence(
    ann: FlaskClient, session: Session, own: str, bad: dict[str, object]
) -> None:
    answer = ann.post(own, data={**_form(ann, own, CORE), **bad})
    assert answer.status_code == 400
    assert re.search(r"<h1>[^<]{4,}</h1>|<li><a[^>]*>[^<]{4,}</a></li>", answer.text)
    assert [_number(session, table) for table in (Response, Answer, Call, Draft)] == [0, 0, 0, 0]


def test_other_bodies_are_refused(ann: FlaskClient, session: Session, own: str) -> None:
    for content_type, body in (("application/json", b"{}"), ("text/plain", b"send=1"), ("", b"")):
        assert ann.post(own, data=body, content_type=content_type).status_code == 400
    assert _number(session, Response) == 0


def test_the_command_hands_out_whom_a_telephone_reaches(
    evenhand: Callable[..., object], session: Session, asked: Asked, person: Callable[..., str]
) -> None:
    nobody = evenhand("interviews", "hand-out", "S1")
    assert (nobody.exit_code, "no interviewer" in nobody.stderr) == (1, True)  # type: ignore[attr-defined]
    person("interviewer", ANN)
    session.scalars(select(Contact).where(Contact.name == "无邮箱")).one().phone = "+86 21 5555 0103"
    session.commit()
    strange = evenhand("interviews", "hand-out", "S1", "--to", "x@harbour.example")
    assert (strange.exit_code, "x@harbour.example" in strange.stderr) == (1, True)  # type: ignore[attr-defined]
    assert evenhand("interviews", "hand-out", "S1").exit_code == 0  # type: ignore[attr-defined]
    session.expire_all()
    assert [line.contact for line in interviews.queue(session, ANN, at=now()).due] == ["王芳", "无邮箱"]
