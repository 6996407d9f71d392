"""Text messages: one letter in, one request out, to a gateway spoken to by HTTP as its settings say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from urllib.parse import quote

from survey.config import Settings
from survey.letters import Asked, Letter, LetterDelayed, LetterRefused, Note, Reachable, ServerUnreachable

SECONDS = 20
LONGEST_ANSWER = 10_000
LONGEST_REASON = 200
FORM = "application/x-www-form-urlencoded"
FOR_NOW = frozenset({408, 425, 429})
OUR_FAULT = frozenset({401, 402, 403, 404, 405, 415})
"""The gateway does not know us, or not at this place: no letter's fault, so all of them wait."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A gateway that sends us elsewhere would get our key sent there too."""

    def redirect_request(self, *_: object) -> None:
        return None


class TextMessages:
    """The channel that carries letters as text messages."""

    name = "sms"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))

    def address(self, contact: Reachable) -> str | None:
        return contact.phone or None

    @contextmanager
    def open(self) -> Iterator[Callable[[Letter | Note], None]]:
        yield self._send

    def _send(self, letter: Letter | Note) -> None:
        request = self._request(letter)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                said = answer.read(LONGEST_ANSWER).decode("utf-8", "replace")
        except urllib.error.HTTPError as refused:
            with refused:
                said = refused.read(LONGEST_ANSWER).decode("utf-8", "replace")
            raise _verdict(refused.code)(f"{refused.code} {said[:LONGEST_REASON]}") from None
        except (OSError, HTTPException) as problem:
            raise ServerUnreachable(f"{type(problem).__name__}: {problem}") from None
        if self._settings.sms_accepted not in said:
            raise LetterRefused(said[:LONGEST_REASON])

    def _request(self, letter: Letter | Note) -> urllib.request.Request:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        headers |= {name: value.get_secret_value() for name, value in self._settings.sms_headers.items()}
        is_form = any(value.startswith(FORM) for value in headers.values())
        body = self._settings.sms_body
        for place, value in (("{to}", letter.to_address), ("{id}", letter.message_id), ("{text}", words(letter))):
            body = body.replace(
                place, quote(value, safe="") if is_form else json.dumps(value, ensure_ascii=False)[1:-1]
            )
        return urllib.request.Request(self._settings.sms_url, body.encode(), headers, method="POST")  # noqa: S310 - the settings admit http alone


def _verdict(code: int) -> type[LetterRefused | LetterDelayed | ServerUnreachable]:
    """What an answer other than 2xx says: 4xx blames the letter, unless it blames us; the rest is their trouble."""
    if code in OUR_FAULT:
        return ServerUnreachable
    return LetterRefused if 400 <= code < 500 and code not in FOR_NOW else LetterDelayed


def words(letter: Letter | Note) -> str:
    """The text, in the reader's own language alone: a text message is short."""
    if isinstance(letter, Note):
        zh, en = f"【{letter.company_zh}】测试短信。", f"{letter.company_en}: a test message."
        return zh if letter.language == "zh" else en
    if letter.language == "zh":
        asked = "；".join(f"{_whom(one, 'zh')}：{one.link}" for one in letter.asked)
        again = "提醒您，" if letter.reminds else ""
        return (
            f"【{letter.company_zh}】{again}想听听您对我们服务的看法，不到一分钟，"
            f"回答会被保密。{asked} 。不再接收：{letter.stop_link}"
        )
    asked = "; ".join(f"{_whom(one, 'en')}: {one.link}" for one in letter.asked)
    again = "A reminder: how" if letter.reminds else "How"
    return (
        f"{letter.company_en}: {again} well do we serve you? Less than a minute, and confidential. "
        f"{asked} No more messages: {letter.stop_link}"
    )


def _whom(one: Asked, language: str) -> str:
    """The reps asked about, and what tells this apart from what else the message asks."""
    reps, headline = ("、" if language == "zh" else " and ").join(one.reps), one.headline(language)
    if not headline:
        return reps
    return f"{reps}（{headline}）" if language == "zh" else f"{reps} ({headline})"
