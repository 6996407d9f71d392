"""Mail: both languages, one link, nothing that can be answered inside the mail; taken by a real server or a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from survey import mail, sms
from survey.config import Settings
from survey.letters import AddressRefused, Asked, Letter, LetterDelayed, LetterRefused, LineCut, ServerUnreachable
from tests.certificates import certificate_for_here
from tests.conftest import free_port, settings_for
from tests.post_office import PostOffice, open_post_office

LINK = "https://ask.harbour.example/s/0123456789abcdefghjkmnpqrs"
LETTER = Letter(
    message_id="0f" * 16, to_name="王芳", to_address="wang@c1.example", language="zh",
    company_zh="港湾工具", company_en="Harbour Tools",
    asked=(Asked(reps=("李伟", "Maria Schmidt"), closes_on=date(2026, 7, 20), link=LINK),),
    written_at=datetime(2026, 7, 6, 2, 0, tzinfo=UTC), privacy_link="https://ask.harbour.example/privacy",
)  # fmt: skip
ASKED = LETTER.asked[0]


def _parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain
    assert html
    return plain.get_content(), html.get_content()


def _compose(**changes: object) -> EmailMessage:
    composed = mail.compose(replace(LETTER, **changes), sender="survey@harbour.example")  # type: ignore[arg-type]
    return cast(EmailMessage, message_from_bytes(composed.as_bytes(), policy=policy.default))


def test_a_letter_says_everything_in_both_languages_the_readers_first() -> None:
    for body in _parts(_compose()):
        assert body.index("您好") < body.index("Dear ")
        assert "李伟、Maria Schmidt" in body
        assert "李伟 and Maria Schmidt" in body
        assert LINK in body
        assert "2026年7月20日" in body
        assert "confidential" in body
        assert "anonym" not in body.lower() + body.replace("匿名", "anonym")
    for body in _parts(_compose(language="en")):
        assert body.index("Dear ") < body.index("您好")


def test_the_only_links_are_the_survey_the_notice_and_the_way_out() -> None:
    for body in _parts(_compose()):
        found = set(re.findall(r"https?://[^\s\"<>]+", body))
        assert found == {LINK, f"{LINK}/stop", "https://ask.harbour.example/privacy"}, "no link that carries a score"


def test_headers_let_mail_programs_file_it_and_unsubscribe_with_one_click() -> None:
    message = _compose()
    assert message["Message-ID"] == f"<{'0f' * 16}@harbour.example>"
    assert message["From"] == "港湾工具 <survey@harbour.example>"
    assert message["To"] == "王芳 <wang@c1.example>"
    assert message["List-Unsubscribe"] == f"<{LINK}/stop>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == LETTER.written_at
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_several_invitations_make_one_letter_with_a_link_each() -> None:
    other = Asked(reps=("张敏",), closes_on=date(2026, 8, 1), link=LINK.replace("0", "9"))
    message = _compose(asked=(ASKED, other))
    assert message["List-Unsubscribe"] == f"<{LINK}/stop>"
    for body in _parts(message):
        for told in ("张敏", "李伟", LINK, other.link, "2026年8月1日", "每个链接", "Each link"):
            assert told in body


def test_what_a_letter_asks_twice_about_one_rep_is_told_apart() -> None:
    about = {"about_zh": "过去3个月", "about_en": "the past 3 months"}
    here, there = (replace(ASKED, customer=name, **about) for name in ("海川商行", "Zeta Ltd"))
    for body in _parts(_compose(asked=(here, there))):
        for told in ("海川商行，过去3个月", "Zeta Ltd，过去3个月", "海川商行, the past 3 months"):
            assert told in body
    said = sms.words(replace(LETTER, asked=(here, there)))
    assert "李伟、Maria Schmidt（海川商行，过去3个月）：" in said
    assert "（" not in sms.words(LETTER)


def test_a_reminder_says_that_it_is_one() -> None:
    reminder = _compose(asked=(replace(ASKED, reminder=True),))
    assert reminder["Subject"] == "港湾工具：提醒您，问卷还开放着"
    assert _compose(language="en", asked=(replace(ASKED, reminder=True),))["Subject"].startswith("Harbour Tools: a rem")
    for body in _parts(reminder):
        assert "几天前" in body
        assert "a few days ago" in body.lower()
    for body in _parts(_compose(asked=(ASKED, replace(ASKED, reminder=True)))):
        assert "几天前" not in body, "something in it is new"


def test_names_cannot_add_headers_or_markup() -> None:
    message = _compose(
        to_name='Eve\r\nBcc: all@c1.example "<x>',
        company_zh="<b>甲</b>\n乙",
        asked=(replace(ASKED, reps=("<script>alert(1)</script>",)),),
    )
    assert message["Bcc"] is None
    assert message["To"].addresses[0].addr_spec == "wang@c1.example"
    plain, html = _parts(message)
    assert "<script>" in plain
    assert "<script>" not in html
    assert "<b>甲</b>" not in html


@pytest.mark.parametrize(
    "address",
    ["", " ", "nobody", "@", "a@b@c", "a b@c.example", "x@\r\nBcc: y@c.example", "<>", "a@c.example, b@c.example"],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(AddressRefused, match="not a mail address"):
        mail.compose(replace(LETTER, to_address=address), sender="survey@harbour.example")


# -- into a folder ----------------------------------------------------------------------------------------------


def test_without_a_server_each_letter_is_one_file_and_a_repeat_takes_its_place(tmp_path: Path) -> None:
    with mail.Mail(settings_for(tmp_path, "")).open() as post:
        for link in (LINK, LINK.replace("0", "9")):
            post(replace(LETTER, asked=(replace(ASKED, link=link),)))
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.name == f"{'0f' * 16}.eml"
    assert LINK.replace("0", "9") in file.read_text(encoding="utf-8"), "a person finds the link in the file itself"


# -- through a server -------------------------------------------------------------------------------------------


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office(free_port()) as office:
        yield office


@pytest.fixture
def with_server(office: PostOffice, tmp_path: Path) -> Settings:
    return settings_for(tmp_path, "", smtp_host="127.0.0.1", smtp_port=office.port, smtp_starttls=False)


def _send(settings: Settings, *letters: Letter) -> None:
    with mail.Mail(settings).open() as post:
        for letter in letters or (LETTER,):
            post(letter)


def test_a_server_gets_the_letter_whole(office: PostOffice, with_server: Settings) -> None:
    _send(with_server)
    assert office.recipients == ["wang@c1.example"]
    assert _parts(office.received[0]) == _parts(_compose())
    assert not with_server.outbox.exists()


def test_one_connection_carries_many_letters_and_a_refused_one_does_not_end_it(
    office: PostOffice, with_server: Settings
) -> None:
    office.answers["gone@c1.example"] = "550 no such user"
    with mail.Mail(with_server).open() as post:
        post(LETTER)
        with pytest.raises(AddressRefused):
            post(replace(LETTER, to_address="gone@c1.example"))
        post(replace(LETTER, to_address="bob@c2.example"))
    assert office.recipients == ["wang@c1.example", "bob@c2.example"]
    assert office.connections == 1


def test_the_envelope_says_which_letter_a_report_is_about(office: PostOffice, with_server: Settings) -> None:
    _send(with_server)
    _send(with_server.model_copy(update={"bounce_address": "returns@in.harbour.example"}))
    assert office.senders == [f"survey+{'0f' * 16}@localhost", f"returns+{'0f' * 16}@in.harbour.example"]


@pytest.mark.parametrize(
    ("answer", "at_address", "after_data"),
    [
        ("550 no such user", AddressRefused, LetterRefused),
        ("553 mailbox name not allowed", AddressRefused, LetterRefused),
        ("451 try again later", LetterDelayed, LetterDelayed),
        ("452 mailbox full", LetterDelayed, LetterDelayed),
        ("421 going down", LineCut, LineCut),
    ],
)
def test_five_hundred_is_final_four_hundred_is_for_now_and_a_goodbye_is_about_the_line(
    office: PostOffice, with_server: Settings, answer: str, at_address: type[Exception], after_data: type[Exception]
) -> None:
    office.answers["wang@c1.example"] = answer
    with pytest.raises(at_address, match=answer[:3]) as refused:
        _send(with_server)
    assert refused.type is at_address
    office.answers.clear()
    office.after_data = answer
    with pytest.raises(after_data, match=answer[:3]) as refused:
        _send(with_server)
    assert refused.type is after_data
    assert office.received == []


def test_a_server_that_does_not_want_us_is_not_the_letters_fault(office: PostOffice, with_server: Settings) -> None:
    office.to_senders = "550 sender not allowed"
    with pytest.raises(ServerUnreachable, match="sender not allowed"):
        _send(with_server)


def test_no_server_is_not_the_letters_fault(tmp_path: Path) -> None:
    nobody = settings_for(tmp_path, "", smtp_host="127.0.0.1", smtp_port=free_port(), smtp_starttls=False)
    with pytest.raises(ServerUnreachable):
        _send(nobody)


def test_a_server_that_does_not_encrypt_gets_nothing(office: PostOffice, tmp_path: Path) -> None:
    strict = settings_for(tmp_path, "", smtp_host="127.0.0.1", smtp_port=office.port)
    with pytest.raises(ServerUnreachable):
        _send(strict)
    assert office.received == []


@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")  # the test server's own affair
@pytest.mark.parametrize(
    ("trusted", "password", "trouble"),
    [(True, "right", ""), (True, "wrong", "SMTPAuthenticationError"), (False, "right", "certificate verify failed")],
)
def test_mail_leaves_encrypted_to_a_server_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, password: str, trouble: str
) -> None:
    def authenticate(server: object, session: object, envelope: object, how: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"us", b"right"), handled=False)

    settings = settings_for(
        tmp_path, "", smtp_host="127.0.0.1", smtp_port=free_port(), smtp_user="us", smtp_password=password
    )
    certificate = certificate_for_here(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with open_post_office(
        settings.smtp_port, tls_context=certificate, require_starttls=True, auth_required=True,
        authenticator=authenticate,
    ) as office:  # fmt: skip
        if trouble:
            with pytest.raises(ServerUnreachable, match=trouble):
                _send(settings)
        else:
            _send(settings)
    assert office.recipients == ([] if trouble else ["wang@c1.example"])
