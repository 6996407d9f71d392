"""Background work: mail that waits is sent, leases of dead workers return, campaigns past their last day close."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from threading import Event

from flask import current_app

from survey import campaigns, mail
from survey.config import Settings
from survey.context import company, now, session, settings
from survey.invitations import links, outbox
from survey.models import OutboxMessage

WORKER = "worker"
PAUSE_SECONDS = 5.0
log = logging.getLogger("evenhand.worker")

Send = Callable[[EmailMessage], None]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the messages of one round; `trouble` when it ended because no mail server could be reached."""

    sent: int = 0
    refused: int = 0
    delayed: int = 0
    trouble: str = ""

    @property
    def total(self) -> int:
        return self.sent + self.refused + self.delayed


def work(stop: Event, tell: Callable[[Tally], None]) -> None:
    """Round after round until told to stop; the message in hand is finished first."""
    while not stop.is_set():
        with current_app.app_context():  # a round sees the company and the settings as they are now
            tally = drain(stop)
        if tally != Tally():
            tell(tally)
        stop.wait(PAUSE_SECONDS)


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def drain(stop: Event | None = None, *, most: int | None = None) -> Tally:
    """One round: tidy up, then send every message that is due, or `most` of them."""
    _tidy()
    tally = Tally()
    send = mail.sender_for(settings())
    while not (stop and stop.is_set()) and tally.total != most and _send_next(send, tally):
        pass
    return tally


def _tidy() -> None:
    for campaign in campaigns.overdue(session(), at=now()):
        campaigns.close(session(), campaign, by=WORKER, at=now())
    outbox.return_expired_leases(session(), at=now())
    session().commit()


def _send_next(send: Send, tally: Tally) -> bool:
    """Send one message, if one is due. Its token is stored before the mail that carries it leaves, and no transaction
    stays open while a mail server takes its time."""
    message = outbox.claim(session(), at=now())
    if message is None:
        session().rollback()
        return False
    token = links.mint(session(), message.invitation_id, keys=settings().token_keys, at=now())
    letter = _letter(message, token, settings())
    session().commit()
    try:
        send(mail.compose(letter, sender=settings().mail_from))
    except mail.ServerUnreachable as trouble:
        outbox.put_back_untried(message, str(trouble), at=now())
        tally.trouble = str(trouble)
    except mail.MailRefused as reason:
        outbox.mark_refused(session(), message, str(reason))
        tally.refused += 1
    except mail.MailDelayed as reason:
        outbox.put_back(message, str(reason), at=now())
        tally.delayed += 1
    else:
        outbox.mark_sent(session(), message, at=now())
        tally.sent += 1
    session().commit()
    log.info("message %s: %s", message.id, message.state)
    return not tally.trouble


def _letter(message: OutboxMessage, token: str, settings: Settings) -> mail.Letter:
    invitation = message.invitation
    contact = invitation.contact
    return mail.Letter(
        message_id=message.message_id,
        to_name=contact.name if contact else "",
        to_address=contact.email or "" if contact else "",
        language=contact.language if contact else "zh",
        company_zh=company().name_zh,
        company_en=company().name,
        reps=tuple(subject.rep.name for subject in invitation.subjects),
        closes_on=invitation.campaign.closes_on,
        written_at=message.created_at,
        link=f"{settings.base_url}/s/{token}",
        privacy_link=f"{settings.base_url}/privacy",
    )
