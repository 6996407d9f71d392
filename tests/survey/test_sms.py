"""Text messages through a gateway spoken to by HTTP: what is asked of it, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import channels, invitations, worker
from survey.app import create_app
from survey.config import Settings
from survey.context import db, now
from survey.letters import Asked, Letter, LetterDelayed, LetterRefused, ServerUnreachable
from survey.models.asking import Invitation
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from survey.sms import TextMessages
from tests.asking import BY, found, plan
from tests.conftest import free_port, settings_for

LINK = "https://ask.harbour.example/s/0123456789abcdefghjkmnpqrs"
LETTER = Letter(
    message_id="0f" * 16, to_name="王芳", to_address="+8613800138000", language="zh",
    company_zh="港湾工具", company_en="Harbour Tools",
    asked=(Asked(reps=("李伟",), closes_on=date(2026, 7, 20), link=LINK),),
    written_at=datetime(2026, 7, 6, 2, 0, tzinfo=UTC), privacy_link="https://ask.harbour.example/privacy",
)  # fmt: skip


@dataclass(slots=True)
class Gateway:
    """What it was sent: (path, headers, body); and what it answers."""

    port: int
    status: int = 200
    answer: str = '{"code":0}'
    location: str = ""
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/send"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway(port=free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            gateway.asked.append((self.path, dict(self.headers), body))
            self.send_response(gateway.status)
            if gateway.location:
                self.send_header("Location", gateway.location)
            self.end_headers()
            self.wfile.write(gateway.answer.encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", gateway.port), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield gateway
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def with_gateway(gateway: Gateway, tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path, "", sms_url=gateway.url, sms_headers={"Authorization": "Bearer key"}, sms_accepted='"code":0'
    )


def _send(settings: Settings, letter: Letter = LETTER) -> None:
    with TextMessages(settings).open() as post:
        post(letter)


def test_the_gateway_is_asked_as_it_wants_to_be(gateway: Gateway, with_gateway: Settings) -> None:
    _send(with_gateway, replace(LETTER, company_zh='港湾"工具\\'))
    ((path, headers, body),) = gateway.asked
    assert path == "/send"
    assert headers["Authorization"] == "Bearer key"
    said = json.loads(body)
    assert (said["to"], said["id"]) == ("+8613800138000", "0f" * 16)
    assert said["text"].startswith('【港湾"工具\\】')
    assert LINK in said["text"]
    assert f"{LINK}/stop" in said["text"]


def test_a_form_is_spoken_as_well(gateway: Gateway, with_gateway: Settings) -> None:
    settings = with_gateway.model_copy(
        update={
            "sms_headers": {"Content-Type": with_gateway.sms_headers["Authorization"].__class__(FORM)},
            "sms_body": "mobile={to}&content={text}&ref={id}",
        }
    )
    _send(settings, replace(LETTER, language="en", company_en="A&B=C"))
    said = parse_qs(gateway.asked[0][2], strict_parsing=True)
    assert said["mobile"] == ["+8613800138000"]
    assert said["content"][0].startswith("A&B=C: How well")


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, '{"code":17,"msg":"blacklisted"}', LetterRefused),
        (400, "no such number", LetterRefused),
        (429, "slow down", LetterDelayed),
        (500, "trouble", LetterDelayed),
        (503, "trouble", LetterDelayed),
        (401, "who are you", ServerUnreachable),
        (403, "no", ServerUnreachable),
        (404, "not here", ServerUnreachable),
    ],
)
def test_what_its_answers_mean(
    gateway: Gateway, with_gateway: Settings, status: int, answer: str, verdict: type[Exception]
) -> None:
    gateway.status, gateway.answer = status, answer
    with pytest.raises(verdict) as refused:
        _send(with_gateway)
    assert refused.type is verdict
    assert answer[:10] in str(refused.value)
    assert "key" not in str(refused.value)


@pytest.mark.parametrize("cut", [0, 3])
def test_a_gateway_that_quotes_the_message_tells_no_link(gateway: Gateway, with_gateway: Settings, cut: int) -> None:
    gateway.answer = f'{{"code":9,"msg":"refused","text":"{LINK[: len(LINK) - cut]}'
    with pytest.raises(LetterRefused, match="refused") as refused:
        _send(with_gateway)
    assert LINK[-26:-6] not in str(refused.value)


def test_a_gateway_that_points_elsewhere_is_not_followed(gateway: Gateway, with_gateway: Settings) -> None:
    gateway.status, gateway.location = 302, f"http://127.0.0.1:{gateway.port}/elsewhere"
    with pytest.raises(LetterDelayed):
        _send(with_gateway)
    assert [path for path, _, _ in gateway.asked] == ["/send"]


def test_no_gateway_is_not_the_letters_fault(with_gateway: Settings) -> None:
    nobody = with_gateway.model_copy(update={"sms_url": f"http://127.0.0.1:{free_port()}/send"})
    with pytest.raises(ServerUnreachable):
        _send(nobody)


def test_who_has_no_mail_address_is_asked_by_text_message(
    session: Session, gateway: Gateway, with_gateway: Settings, tmp_path: Path, database_url: str
) -> None:
    settings = with_gateway.model_copy(update={"database_url": settings_for(tmp_path, database_url).database_url})
    found(session)
    session.execute(update(Contact).where(Contact.name == "无邮箱").values(phone="+8613800138000"))
    reach = channels.reach(channels.configured(settings))
    done = invitations.invite(session, plan(session, at=now()), reach=reach, by=BY, at=now())
    session.commit()
    assert done.unreachable == ()
    by_phone = select(OutboxMessage.state).where(OutboxMessage.channel == "sms")
    assert session.scalars(by_phone).all() == ["queued"]
    session.rollback()
    app = create_app(settings)
    assert _drained(app).sent == 3
    session.expire_all()
    assert session.scalars(by_phone).all() == ["sent"]
    (text,) = [json.loads(body)["text"] for _, _, body in gateway.asked]
    link = text.split("Maria Schmidt：http://localhost")[1].split()[0]
    assert app.test_client().get(link).status_code == 200
    with app.app_context():
        db.engine.dispose()
    assert len(list(settings.outbox.glob("*.eml"))) == 2


def _drained(app: Flask) -> worker.Tally:
    with app.app_context():
        tally = worker.drain()
        db.session.close()
        db.engine.dispose()
        return tally


def test_an_address_that_is_dead_gives_way_to_the_next_channel(with_gateway: Settings) -> None:
    reach = channels.reach(channels.configured(with_gateway))
    contact = Contact(customer_id=1, name="王芳", email="a@b.example", phone="+8613800138000", language="zh")
    assert reach(contact) == "mail"
    contact.undeliverable = "a@b.example"
    assert reach(contact) == "sms"
    contact.phone = None
    assert reach(contact) is None


class WeChat:
    """A company's own channel, as its documentation describes it."""

    name = "wechat"

    def __init__(self, settings: Settings) -> None:
        self.outbox = settings.outbox

    def address(self, contact: Contact) -> str | None:
        return contact.name if contact.phone == "wechat" else None

    def open(self) -> _Line:
        return _Line(self.outbox)


@dataclass
class _Line:
    outbox: Path

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, letter: Letter) -> None:
        self.outbox.mkdir(exist_ok=True)
        (self.outbox / f"{letter.to_address}.wechat").write_text(letter.asked[0].link)


def test_a_company_adds_a_channel_of_its_own(session: Session, tmp_path: Path, database_url: str) -> None:
    settings = settings_for(tmp_path, database_url, own_channels={"wechat": f"{__name__}:WeChat"})
    found(session)
    session.execute(update(Contact).where(Contact.name == "无邮箱").values(phone="wechat"))
    reach = channels.reach(channels.configured(settings))
    invitations.invite(session, plan(session, at=now()), reach=reach, by=BY, at=now())
    session.commit()
    assert _drained(create_app(settings)).sent == 3
    assert (tmp_path / "outbox" / "无邮箱.wechat").read_text().startswith("http://localhost/s/")
    session.expire_all()
    assert set(session.scalars(select(Invitation.disposition))) == {"sent"}
