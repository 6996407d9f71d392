"""The pages of appraisals: the list, one on screen with the form of the person who decides, and the PDF."""

from __future__ import annotations

from datetime import date

from flask import render_template

from survey import i18n
from survey.appraisals.statement import Paper


def page_of(paper: Paper, language: str, *, printed_on: date) -> str:
    """The page a PDF is printed from, in one language."""
    spoken = i18n.language()
    i18n.speak(language)
    try:
        return render_template("pdf/statement.html", paper=paper, printed_on=printed_on)
    finally:
        i18n.speak(spoken)
