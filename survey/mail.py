"""Mail: one message in, one message out, through an SMTP server or into a folder of files."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from survey.config import Settings

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "mail"
SECONDS = 30
SMTP_POLICY = policy.SMTP.clone(max_line_length=200)

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class MailRefused(Exception):
    """The server will never take this message; the reason is the server's."""


class MailDelayed(Exception):
    """The server does not take this message now; later it may."""


class ServerUnreachable(Exception):
    """No server takes anything now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one invitation mail says. `language` is the contact's: it stands first, the other follows."""

    message_id: str
    to_name: str
    to_address: str
    language: str
    company_zh: str
    company_en: str
    reps: tuple[str, ...]
    closes_on: date
    written_at: datetime
    link: str
    privacy_link: str

    @property
    def stop_link(self) -> str:
        return f"{self.link}/stop"

    @property
    def languages(self) -> tuple[str, str]:
        return ("zh", "en") if self.language == "zh" else ("en", "zh")


def compose(letter: Letter, *, sender: str) -> EmailMessage:
    """The message in both languages, as plain text and as HTML, under a Message-ID that stays the same when repeated.

    Raises MailRefused when the address is not one.
    """
    message = EmailMessage(policy=SMTP_POLICY)
    ours = letter.company_zh if letter.language == "zh" else letter.company_en
    try:
        message["From"] = Address(_one_line(ours), addr_spec=sender)
        message["To"] = Address(_one_line(letter.to_name), addr_spec=letter.to_address)
    except (ValueError, IndexError, MessageError) as problem:
        raise MailRefused(f"{letter.to_address!r} is not a mail address: {problem}") from None
    subjects = {"zh": f"{letter.company_zh}：想听听您的看法", "en": f"{letter.company_en}: how well do we serve you?"}
    message["Subject"] = _one_line(subjects[letter.language])
    message["Message-ID"] = f"<{letter.message_id}@{sender.rpartition('@')[2]}>"
    message["Date"] = letter.written_at
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{letter.stop_link}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_templates.get_template("invitation.txt").render(letter=letter))
    message.add_alternative(_templates.get_template("invitation.html").render(letter=letter), subtype="html")
    return message


def _one_line(words: str) -> str:
    return " ".join(words.split())


def sender_for(settings: Settings) -> Callable[[EmailMessage], None]:
    """How this installation sends: through its SMTP server, or into its outbox folder when none is set."""
    if settings.sends_mail:
        return lambda message: _through_smtp(message, settings)
    return lambda message: _into_folder(message, settings.outbox)


def _through_smtp(message: EmailMessage, settings: Settings) -> None:
    """Raises MailRefused, MailDelayed, ServerUnreachable."""
    with _connected(settings) as server:
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code, reason = next(iter(refused.recipients.values()))
            raise _verdict(code)(f"{code} {_readable(reason)}") from None
        except smtplib.SMTPDataError as refused:
            raise _verdict(refused.smtp_code)(f"{refused.smtp_code} {_readable(refused.smtp_error)}") from None
        except smtplib.SMTPNotSupportedError as unable:
            raise MailRefused(f"The mail server cannot carry this address: {unable}") from None
        except (smtplib.SMTPException, OSError) as problem:
            raise _unreachable(problem) from None


@contextmanager
def _connected(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A server ready to take mail. What happens while saying goodbye changes nothing: the mail is with the server."""
    try:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
    except (smtplib.SMTPException, OSError) as problem:
        raise _unreachable(problem) from None
    try:
        _introduce(server, settings)
        yield server
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _introduce(server: smtplib.SMTP, settings: Settings) -> None:
    """Encrypt and sign in, as the settings ask."""
    try:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except (smtplib.SMTPException, OSError) as problem:
        raise _unreachable(problem) from None


def _unreachable(problem: Exception) -> ServerUnreachable:
    return ServerUnreachable(f"{type(problem).__name__}: {problem}")


def _verdict(code: int) -> type[MailRefused] | type[MailDelayed]:
    """5xx is final, 4xx is for now."""
    return MailRefused if code >= 500 else MailDelayed


def _readable(reason: bytes | str) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason


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
