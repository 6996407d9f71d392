"""Background work: what waits is sent, leases of dead workers return, reminders fall due, campaigns past their last day
close. The rows of the outbox are the truth; `jobs` only says when somebody should look at them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from zoneinfo import ZoneInfo

from survey import campaigns, channels
from survey.context import company, now, session, settings
from survey.invitations import clock, outbox, people, reminders
from survey.letters import (
    AddressRefused,
    Channel,
    Letter,
    LetterDelayed,
    LetterRefused,
    LineCut,
    Post,
    ServerUnreachable,
)
from survey.models.sending import OutboxMessage
from survey.users import letters as account_letters
from survey.worker import accounts, orders, returned, writing
from survey.worker.orders import WORKER

CUTS_IN_A_ROW = 3
log = logging.getLogger("evenhand.worker")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the letters of one round; `trouble` when it ended because no server could be reached."""

    sent: int = 0
    refused: int = 0
    delayed: int = 0
    trouble: str = ""

    @property
    def total(self) -> int:
        return self.sent + self.refused + self.delayed


Tell = Callable[[Tally], None]


def _tell_nobody(_tally: Tally) -> None: ...


def tidy() -> None:
    """What has fallen due by the clock. Only work that can be repeated without harm, except for closing a campaign,
    which waits until the clock can be believed."""
    if clock.runs_steadily(session(), at=now()):
        for campaign in campaigns.overdue(session(), at=now()):
            campaigns.close(session(), campaign, by=WORKER, at=now())
    outbox.sweep(session(), at=now())
    account_letters.sweep(session(), at=now())
    reminders.remind_due(session(), by=WORKER, at=now())
    session().commit()
    orders.ask_for_what_is_due()
    orders.sweep()
    returned.read_what_came()


def drain(stop: Event | None = None, *, most: int | None = None, tell: Tell = _tell_nobody) -> Tally:
    """Send every letter that is due, or `most` of them; the one in hand is finished when told to stop."""
    tally = Tally()
    tally.trouble = accounts.drain(lambda: bool(stop and stop.is_set()))
    for channel in channels.configured(settings()):
        _drain(channel, tally, lambda: bool(stop and stop.is_set()) or tally.total == most, tell)
    return tally


def _drain(channel: Channel, tally: Tally, enough: Callable[[], bool], tell: Tell) -> None:
    """A line is opened when something is due, and stays open for all of it. While none can be opened nothing is
    claimed, so a server that is down costs no letter, however long."""
    cuts = 0
    while not enough() and cuts < CUTS_IN_A_ROW and _is_due(channel):
        before = tally.sent
        try:
            with channel.open() as post:
                while not enough() and _send_next(channel, post, tally):
                    tell(tally)
        except LineCut as cut:
            cuts = 1 if tally.sent > before else cuts + 1
            tally.trouble = str(cut) if cuts == CUTS_IN_A_ROW else ""
        except ServerUnreachable as trouble:
            tally.trouble = str(trouble)
            return


def _is_due(channel: Channel) -> bool:
    found = outbox.due(session(), channel=channel.name, at=now())
    session().rollback()
    return found


def _send_next(channel: Channel, post: Post, tally: Tally) -> bool:
    """Send one letter, if one is due. Its tokens are stored before it leaves, and no transaction stays open while a
    server takes its time. Raises LineCut, ServerUnreachable."""
    messages = outbox.claim(session(), channel=channel.name, zone=ZoneInfo(company().time_zone), at=now())
    if not messages:
        session().commit()
        return False
    letter = writing.letter(messages, channel)
    session().commit()
    try:
        post(letter)
    except (LineCut, ServerUnreachable) as trouble:
        outbox.put_back_cut(messages, str(trouble), at=now())
        _report(messages)
        raise
    except LetterRefused as reason:
        _give_up(messages, letter, reason)
        tally.refused += 1
    except LetterDelayed as reason:
        outbox.put_back(messages, str(reason), at=now())
        tally.delayed += 1
    else:
        outbox.mark_sent(session(), messages, at=now())
        tally.sent += 1
    _report(messages)
    return True


def _report(messages: Sequence[OutboxMessage]) -> None:
    session().commit()
    for message in messages:
        log.info("message %s: %s", message.id, message.state)


def _give_up(messages: Sequence[OutboxMessage], letter: Letter, reason: LetterRefused) -> None:
    outbox.mark_refused(session(), messages, str(reason))
    contact = messages[0].invitation.contact
    if isinstance(reason, AddressRefused) and contact is not None:
        people.stop_at(session(), contact, letter.to_address, str(reason))
