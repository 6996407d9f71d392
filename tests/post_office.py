"""A real mail server on a free port, which can be told to refuse."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass  # without slots: the mail server looks at every attribute, and Python 3.11.2 trips over theirs
class PostOffice:
    """`received` in order; `answers`: address → what the server says instead of taking mail for it."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    connections: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    to_senders: str = ""
    servers: set[SMTP] = field(default_factory=set)
    loop: AbstractEventLoop = field(init=False)
    after_data: str = ""

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        self.servers.add(server)
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_senders:
            return self.to_senders
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.after_data:
            return self.after_data
        content = cast(bytes, envelope.content)
        self.received.append(cast(EmailMessage, message_from_bytes(content, policy=policy.default)))
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from or "")
        return "250 OK"

    def cut(self) -> int:
        """Break every line there is, in the middle of whatever is said. Gives how many there were."""
        lines = [server.transport for server in self.servers if server.transport and not server.transport.is_closing()]
        self.servers.clear()
        for line in lines:
            self.loop.call_soon_threadsafe(line.abort)
        return len(lines)


@contextmanager
def open_post_office(port: int, **options: object) -> Iterator[PostOffice]:
    """`options` are aiosmtpd's: a certificate, who may sign in."""
    office = PostOffice(port=port)
    controller = Controller(office, hostname="127.0.0.1", port=port, **options)  # type: ignore[arg-type]
    office.loop = controller.loop
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
