"""Which language a page speaks: Chinese and English are equal."""

from __future__ import annotations

from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, gettext, refresh
from flask_security import current_user

from survey.context import company
from survey.refusals import Refused

LANGUAGES = {"zh": "中文", "en": "English"}
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
HTML_CODES = {"zh": "zh-Hans", "en": "en"}
DEFAULT = "zh"
COOKIE = "language"

babel = Babel()


def language() -> str:
    """`zh` or `en`: what was told (`speak`), asked for (`?lang=`), remembered, or what the browser prefers."""
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


def told(refusal: Refused) -> str:
    """A refusal in the reader's language."""
    return str(gettext(refusal.sentence, **refusal.values))


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=lambda: LOCALES[language()], timezone_selector=lambda: company().time_zone)
    app.jinja_env.globals.update(
        get_locale=get_locale, language=language, html_code=html_code, company_name=company_name, LANGUAGES=LANGUAGES
    )
