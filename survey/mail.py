"""Mail: one letter in, one message out, through an SMTP server or into a folder of files."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from survey.config import Settings
from survey.letters import (
    AddressRefused,
    Letter,
    LetterDelayed,
    LetterRefused,
    LineCut,
    Note,
    Reachable,
    ServerUnreachable,
)

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "mail"
SECONDS = 20
"""For one step of a delivery; all of its steps together stay within a lease."""
SMTP_POLICY = policy.SMTP.clone(max_line_length=200)
SUBJECTS = {
    "zh": ("{company}：想听听您的看法", "{company}：提醒您，问卷还开放着"),
    "en": ("{company}: how well do we serve you?", "{company}: a reminder, your survey is still open"),
}
"""Language → the subject of an invitation and of a reminder."""
NOTES = {
    "zh": {
        "invited": "{company}：请设置您的登录密码",
        "forgotten": "{company}：重设密码",
        "test": "{company}：测试邮件",
        "check": "{company}：请核对您名下的客户",
    },
    "en": {
        "invited": "{company}: choose your password",
        "forgotten": "{company}: a new password",
        "test": "{company}: a test message",
        "check": "{company}: please look through your customers",
    },
}
"""Language → kind of note → its subject."""

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Mail:
    """The channel that carries letters by mail: through the SMTP server of the settings, else into the outbox."""

    name = "mail"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def address(self, contact: Reachable) -> str | None:
        return contact.email or None

    @contextmanager
    def open(self) -> Iterator[Callable[[Letter | Note], None]]:
        if not self._settings.sends_mail:
            yield lambda letter: _into_folder(compose(letter, sender=self._settings.mail_from), self._settings.outbox)
            return
        line = _Line(self._settings)
        try:
            yield line.send
        finally:
            line.hang_up()


def compose(letter: Letter | Note, *, sender: str) -> EmailMessage:
    """The message in both languages, as plain text and as HTML, under a Message-ID that stays the same when repeated.

    Raises AddressRefused.
    """
    if isinstance(letter, Note):
        subject = NOTES[letter.language][letter.kind]
        return _message(letter, subject, "note", sender=sender)
    message = _message(letter, SUBJECTS[letter.language][letter.reminds], "invitation", sender=sender)
    message["List-Unsubscribe"] = f"<{letter.stop_link}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _message(letter: Letter | Note, subject: str, template: str, *, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    company = letter.company_zh if letter.language == "zh" else letter.company_en
    message["From"] = Address(_one_line(company), addr_spec=sender)
    try:
        message["To"] = Address(_one_line(letter.to_name), addr_spec=letter.to_address)
    except (ValueError, IndexError, MessageError) as problem:
        raise AddressRefused(f"{letter.to_address!r} is not a mail address: {problem}") from None
    message["Subject"] = _one_line(subject.format(company=company))
    message["Message-ID"] = f"<{letter.message_id}@{sender.rpartition('@')[2]}>"
    message["Date"] = letter.written_at
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_templates.get_template(f"{template}.txt").render(letter=letter))
    message.add_alternative(_templates.get_template(f"{template}.html").render(letter=letter), subtype="html")
    return message


def _one_line(words: str) -> str:
    return " ".join(words.split())


def bounce_address(settings: Settings, message_id: str) -> str:
    """The envelope's sender: delivery reports come back to it, and it says which letter they are about (VERP)."""
    name, _, domain = (settings.bounce_address or settings.mail_from).rpartition("@")
    return f"{name}+{message_id}@{domain}"


class _Line:
    """A connection to the mail server that carries many letters."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server = _connected(settings)

    def send(self, letter: Letter | Note) -> None:
        message = compose(letter, sender=self._settings.mail_from)
        try:
            self._server.send_message(message, from_addr=bounce_address(self._settings, letter.message_id))
        except smtplib.SMTPRecipientsRefused as refused:
            code, reason = next(iter(refused.recipients.values()))
            self._refuse(AddressRefused, code, reason)
        except smtplib.SMTPSenderRefused as refused:  # it is us they do not want: no letter's fault
            raise ServerUnreachable(_told(refused)) from None
        except smtplib.SMTPResponseException as refused:
            self._refuse(LetterRefused, refused.smtp_code, refused.smtp_error)
        except smtplib.SMTPNotSupportedError as unable:
            raise AddressRefused(f"The mail server cannot carry this address: {unable}") from None
        except (smtplib.SMTPException, OSError) as problem:
            raise LineCut(_told(problem)) from None

    def _refuse(self, final: type[LetterRefused], code: int, reason: bytes | str) -> None:
        """5xx is final, 4xx is for now; 421 says goodbye, which is about the line and not about the letter."""
        told = f"{code} {reason.decode('utf-8', 'replace') if isinstance(reason, bytes) else reason}"
        if code == 421:
            raise LineCut(told)
        raise (final if code >= 500 else LetterDelayed)(told)

    def hang_up(self) -> None:
        """What happens while saying goodbye changes nothing: the mail is with the server."""
        with suppress(smtplib.SMTPException, OSError):
            self._server.quit()
        self._server.close()


def _connected(settings: Settings) -> smtplib.SMTP:
    """A server ready to take mail, encrypted and signed in as the settings ask. Raises ServerUnreachable."""
    try:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
    except (smtplib.SMTPException, OSError) as problem:
        raise ServerUnreachable(_told(problem)) from None
    try:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.ehlo_or_helo_if_needed()
    except (smtplib.SMTPException, OSError) as problem:
        server.close()
        raise ServerUnreachable(_told(problem)) from None
    return server


def _told(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"


def _into_folder(message: EmailMessage, folder: Path) -> None:
    """One file a message, whole or not at all; a repeat of a message takes the place of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    name = str(message["Message-ID"]).strip("<>").partition("@")[0]
    unfinished = folder / f"{name}.part"
    with unfinished.open("wb") as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / f"{name}.eml")
