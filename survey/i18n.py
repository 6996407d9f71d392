"""Which language a page speaks: Chinese and English are equal, and paper may speak both.

Where both are spoken every sentence is a pair in control characters until the page is finished: so a pair may stand
inside a sentence that is a pair itself, and each half still finds the words of its own language.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path

from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, gettext, refresh
from flask_security import current_user

from survey import journal
from survey.context import company
from survey.refusals import N_, Refused

LANGUAGES = {"zh": "中文", "en": "English"}
BOTH = "both"
LOCALES = {"zh": "zh_Hans_CN", "en": "en", BOTH: "zh_Hans_CN"}
HTML_CODES = {"zh": "zh-Hans", "en": "en", BOTH: "zh-Hans"}
DEFAULT = "zh"
COOKIE = "language"

_BEGIN, _BETWEEN, _END = "\x02", "\x1f", "\x03"
_MARKS = re.compile(f"([{_BEGIN}{_BETWEEN}{_END}])")
_TRANSLATIONS = Path(__file__).parent / "translations"

NOBODYS = {journal.COMMAND_LINE: N_("command line"), "worker": N_("worker"), "first run": N_("first run")}
"""What stands in the place of a person where none was signed in."""

babel = Babel()


def language() -> str:
    """`zh` or `en`: what was told (`speak`), asked for (`?lang=`), remembered, or what the browser prefers. On paper
    also `both`."""
    if "language" in g:
        return str(g.language)
    if not has_request_context():
        return DEFAULT
    g.language = _wished() or request.accept_languages.best_match(LANGUAGES, DEFAULT)
    return str(g.language)


def _wished() -> str | None:
    wishes = [request.args.get("lang"), request.cookies.get(COOKIE)]
    if current_user and current_user.is_authenticated:
        wishes.append(current_user.language)
    return next((wish for wish in wishes if wish in LANGUAGES), None)


def speak(code: str) -> None:
    """Fix the language from here on, whatever the browser prefers."""
    g.language = code
    refresh()


def html_code(code: str | None = None) -> str:
    """The page's language, or the one given, as HTML writes it."""
    return HTML_CODES[code or language()]


def company_name() -> str:
    """The company's name in the reader's language."""
    return company().name_zh if language() == "zh" else company().name


def said(zh: str, en: str) -> str:
    """Of two wordings the one in the language spoken, or the pair of them."""
    spoken = language()
    if spoken == BOTH:
        return zh if zh == en else f"{_BEGIN}{zh}{_BETWEEN}{en}{_END}"
    return zh if spoken == "zh" else en


def halves(text: str) -> list[str]:
    """The wordings inside a text: two where it is a pair, else itself."""
    zh, en = (_half(text, side).strip() for side in (0, 1))
    return [zh] if zh == en else [zh, en]


def paired(page: str) -> str:
    """A page spoken in both languages with its pairs written out: Chinese, then English marked as such.

    Inside tags, titles and pictures there is no room for marks, and a slash stands between the two.
    """
    written: list[str] = []
    depth, begin = 0, 0
    for mark in re.finditer(f"[{_BEGIN}{_END}]", page):
        if mark.group() == _BEGIN:
            if depth == 0:
                written.append(page[begin : mark.start()])
                begin = mark.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                written.append(_written(page[begin : mark.end()], page[:begin]))
                begin = mark.end()
    return "".join([*written, page[begin:]])


def _written(pair: str, before: str) -> str:
    zh, en = _half(pair, 0), _half(pair, 1)
    if not any(letter.isalnum() for letter in en):
        return zh  # a comma said twice is one too many
    bare = any(before.rfind(opened) > before.rfind(closed) for opened, closed in _BARE)
    return f"{zh} / {en}" if bare else f'{zh} <span class="en" lang="en">{en}</span>'


_BARE = (("<", ">"), ("<svg", "</svg"), ("<title", "</title"))


def _half(text: str, side: int) -> str:
    """One language throughout: `side` 0 is Chinese, 1 English."""
    kept: list[str] = []
    sides: list[int] = []  # of the pairs we are in, the half we are in
    for part in _MARKS.split(text):
        if part == _BEGIN:
            sides.append(0)
        elif part == _BETWEEN and sides:
            sides[-1] = 1
        elif part == _END and sides:
            sides.pop()
        elif all(one == side for one in sides):
            kept.append(part)
    return "".join(kept)


@cache
def _catalogue(code: str) -> NullTranslations:
    return Translations.load(_TRANSLATIONS, [LOCALES[code]])


def _gettext(sentence: str) -> str:
    """For templates: the catalogue itself, for a page of a team asks hundreds of times."""
    spoken = language()
    if spoken != BOTH:
        return _catalogue(spoken).gettext(sentence)
    return said(*(_catalogue(code).gettext(sentence) for code in LANGUAGES))


def _ngettext(singular: str, plural: str, number: int) -> str:
    """The sentence as written: Jinja fills in its values, which Flask-Babel's own would want here already."""
    return said(*(_catalogue(code).ngettext(singular, plural, number) for code in LANGUAGES))


def decimal(value: float, pattern: str) -> str:
    """A number as the reader's language writes it, below zero with a minus as in the sentences, rounded half to even as
    it stands. What is rounded is soon known: a page prints a thousand numbers, few of them different."""
    places = len(pattern.partition(".")[2])
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places)) + 0  # which makes 0 of −0
    return _decimal(rounded, pattern, LOCALES[language()])


@lru_cache(maxsize=20_000)
def _decimal(rounded: Decimal, pattern: str, locale: str) -> str:
    return format_decimal(rounded, pattern, locale).replace("-", "−")


def told(refusal: Refused) -> str:
    """A refusal in the reader's language."""
    return str(gettext(refusal.sentence, **refusal.values))


def actor(by: str | None) -> str:
    """Who did something, as the journal writes it, in the reader's words: people by their address."""
    return gettext(by) if by in NOBODYS else by or ""


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=lambda: LOCALES[language()], timezone_selector=lambda: company().time_zone)
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters.update(halves=halves, actor=actor, decimalformat=decimal)
    app.jinja_env.globals.update(
        get_locale=get_locale, language=language, html_code=html_code, company_name=company_name, LANGUAGES=LANGUAGES,
        said=said,
    )  # fmt: skip
