"""Which language a page speaks: Chinese and English are equal."""

from __future__ import annotations

from flask import Flask, g, request
from flask_babel import Babel, get_locale, gettext
from flask_security import current_user

from survey.refusals import Refused

LANGUAGES = {"zh": "中文", "en": "English"}
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
COOKIE = "language"

babel = Babel()


def language() -> str:
    """`zh` or `en`: what the page was told (`speak`), asked for (`?lang=`), remembers, or the browser prefers."""
    if "language" not in g:
        g.language = _wished() or request.accept_languages.best_match(LANGUAGES, "zh")
    return str(g.language)


def _wished() -> str | None:
    wishes = [request.args.get("lang"), request.cookies.get(COOKIE)]
    if current_user and current_user.is_authenticated:
        wishes.append(current_user.language)
    return next((wish for wish in wishes if wish in LANGUAGES), None)


def speak(code: str) -> None:
    """Fix this page's language, whatever the browser prefers."""
    g.language = code


def told(refusal: Refused) -> str:
    """A refusal in the reader's language."""
    return gettext(refusal.sentence, **refusal.values)


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=lambda: LOCALES[language()])
    app.jinja_env.globals.update(get_locale=get_locale, language=language, LANGUAGES=LANGUAGES)
