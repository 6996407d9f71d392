"""Sending what is about signing in. The link is made as the letter leaves, from BASE_URL and the installation's key."""

from __future__ import annotations

import logging
from collections.abc import Callable

from survey.context import company, now, session, settings
from survey.letters import LetterDelayed, LetterRefused, LineCut, Note, ServerUnreachable
from survey.mail import Mail
from survey.users import AccountLetter, User, letters
from survey.users.passwords import GOOD_FOR, Links

log = logging.getLogger("evenhand.worker")


def drain(enough: Callable[[], bool]) -> str:
    """Send every letter that is due. Gives what was in the way when no server could be reached."""
    while not enough() and _are_due():
        try:
            with Mail(settings()).open() as post:
                while not enough() and _send_next(post):
                    pass
        except (LineCut, ServerUnreachable) as trouble:
            return str(trouble)
    return ""


def _are_due() -> bool:
    due = letters.waiting(session(), at=now()) > 0
    session().rollback()
    return due


def _send_next(post: Callable[[Note], None]) -> bool:
    claimed = letters.claim(session(), at=now())
    session().commit()
    if claimed is None:
        return False
    letter, user = claimed
    note = _note(letter, user)
    try:
        post(note)
    except (LineCut, ServerUnreachable) as trouble:
        letters.put_back(letter, str(trouble), at=now())
        session().commit()
        raise
    except LetterRefused as reason:
        letters.mark_refused(letter, str(reason))
    except LetterDelayed as reason:
        letters.put_back(letter, str(reason), at=now())
    else:
        letters.mark_sent(letter, at=now())
    session().commit()
    log.info("account letter %s: %s", letter.id, letter.state)
    return True


def _note(letter: AccountLetter, user: User) -> Note:
    told = settings()
    link, good_for = "", 0
    if letter.kind in GOOD_FOR:
        token = Links(key=told.secret_key.get_secret_value()).mint(user, letter.kind, at=now())
        link = f"{told.base_url}/choose-password/{token}"
        good_for = int(GOOD_FOR[letter.kind].total_seconds() // 3600)
    return Note(
        kind=letter.kind,
        message_id=letter.message_id,
        to_name=user.name,
        to_address=user.email,
        language=letter.language,
        company_zh=company().name_zh,
        company_en=company().name,
        written_at=letter.created_at,
        site=told.base_url,
        link=link,
        good_for=good_for,
    )
