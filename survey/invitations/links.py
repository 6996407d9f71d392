"""Private links: minted at the moment of sending, kept only as keyed digests, redeemed by the person who holds one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.orm import Session, joinedload

from survey import campaigns, journal
from survey.models.asking import Campaign, Invitation, Subject, Token, TokenMiss
from survey.refusals import N_, Refused

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 26  # 26 × 5 = 130 bits
MISSES = 30
MISS_WINDOW = timedelta(minutes=10)
LOGGED_DIGITS = 8
_SHAPE = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")

Keys = Mapping[str, SecretStr]
"""Key id → pepper; the last one signs new links, the others still recognise old ones."""


class UnknownToken(Refused):
    """No link has this token."""


class LinkClosed(Refused):
    """The link was good once: its campaign has closed, or it was taken back."""


class TooManyMisses(Refused):
    """One address tried too many links that lead nowhere."""


def mint(session: Session, invitation_id: int, *, keys: Keys, at: datetime) -> str:
    """A new token for an invitation. It exists in the answer of this function and in the customer's mail only."""
    token = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    key_id = list(keys)[-1]
    row = Token(invitation_id=invitation_id, key_id=key_id, digest=_digest(token, keys[key_id]), created_at=at)
    session.add(row)
    session.flush()
    return token


def redeem(session: Session, token: str, *, keys: Keys, at: datetime) -> Invitation:
    """The invitation behind a link, its campaign, contact, subjects and reps loaded.

    Raises UnknownToken, LinkClosed.
    """
    invitation = holder(session, token, keys=keys)
    is_open = campaigns.takes_answers(session, invitation.campaign, at=at)
    require_good(taken_back=invitation.revoked_at is not None, is_open=is_open)
    return invitation


def holder(session: Session, token: str, *, keys: Keys) -> Invitation:
    """The invitation a link was made for, its contact loaded, even when the survey has closed: whoever keeps the mail
    can end the mail. A link sent to an address that was wrong is nobody's any more.

    Raises UnknownToken, LinkClosed.
    """
    row = _find(session, token, keys) if _SHAPE.fullmatch(token) else None
    if row is None:
        raise UnknownToken(N_("This link leads nowhere. Please open the link in your mail again, whole."))
    require_good(taken_back=row.revoked_at is not None)
    return row.invitation


def require_good(*, taken_back: bool, is_open: bool = True) -> None:
    """Raises LinkClosed for a link that was taken back, or whose survey takes no answers."""
    if taken_back:
        raise LinkClosed(N_("This link is no longer in use. There is nothing you need to do."))
    if not is_open:
        raise LinkClosed(N_("This survey has closed. Thank you for your time; there is nothing you need to do."))


_of_token = joinedload(Token.invitation)
_HELD = (
    select(Token)
    .where(Token.digest.in_(bindparam("digests", expanding=True)))
    .options(
        _of_token.joinedload(Invitation.campaign).joinedload(Campaign.questionnaire),
        _of_token.joinedload(Invitation.contact),
        _of_token.joinedload(Invitation.subjects).joinedload(Subject.rep),
    )
)
"""Made once: every opened link and every answer asks it."""


def _find(session: Session, token: str, keys: Keys) -> Token | None:
    return session.scalars(_HELD, {"digests": digests(token, keys)}).unique().one_or_none()


def digests(token: str, keys: Keys) -> tuple[str, ...]:
    """Under which digests a link may be kept, one for each key."""
    return tuple(_digest(token, key) for key in keys.values())


def printed(
    session: Session, campaign_id: int, code: str, *, keys: Keys, most: int | None = None, by: str, at: datetime
) -> list[tuple[Invitation, str]]:
    """A fresh link for each invitation of a campaign not answered yet (`most` of them when given), to be handed over
    by a person. The journal keeps who asked for them."""
    waiting = (
        select(Invitation)
        .where(
            Invitation.campaign_id == campaign_id,
            Invitation.disposition.in_(campaigns.UNANSWERED),
            Invitation.revoked_at.is_(None),
        )
        .options(joinedload(Invitation.customer), joinedload(Invitation.contact))
        .order_by(Invitation.id)
        .limit(most)
    )
    made = [(invitation, mint(session, invitation.id, keys=keys, at=at)) for invitation in session.scalars(waiting)]
    journal.record(session, "links printed", code, {"links": len(made)}, by=by, at=at)
    return made


def _digest(text_: str, key: SecretStr) -> str:
    return hmac.new(key.get_secret_value().encode(), text_.encode(), hashlib.sha256).hexdigest()


def name_for_logs(token: str, keys: Keys) -> str:
    """The first digits of a link's digest: enough to follow one link through a log, useless to open it."""
    return _digest(token, list(keys.values())[-1])[:LOGGED_DIGITS]


def count_miss(session: Session, address: str, *, keys: Keys, at: datetime) -> None:
    """Remember that an address tried a link that leads nowhere; real links are never limited.

    Older misses of everyone are forgotten on the way. Raises TooManyMisses from the 31st within 10 minutes on.
    """
    whose = _digest(_network(address), list(keys.values())[-1])
    if session.get_bind().dialect.name == "postgresql":  # SQLite's write lock already makes parallel tries queue
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:whose))"), {"whose": whose})
    session.execute(delete(TokenMiss).where(TokenMiss.at <= at - MISS_WINDOW))
    recent = select(func.count()).where(TokenMiss.address_digest == whose, TokenMiss.at > at - MISS_WINDOW)
    if (session.scalar(recent) or 0) >= MISSES:
        raise TooManyMisses(N_("Too many links that lead nowhere were tried from here. Please wait ten minutes."))
    session.add(TokenMiss(address_digest=whose, at=at))
    session.flush()


def _network(address: str) -> str:
    """The address, or for IPv6 the /64 it belongs to: one household or office holds all of that."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
