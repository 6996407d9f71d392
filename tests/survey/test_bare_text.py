"""No template speaks by itself: every word a person reads goes through the catalogue, or stands here and says why."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
BILINGUAL = "mail"  # a letter is written in its recipient's language, both wordings side by side in one file
NAMES = {
    "PDF 中文", "PDF English",  # each in its own language, for whoever reads that one
    "CON1", "REF1",  # what the profession calls these rates
    "TOML",
}  # fmt: skip
WORD = re.compile(r"[A-Za-z]{3,}|[\u3400-\u9fff]")
UNREAD = re.compile(r"<(script|style|code)\b.*?</\1>|<!--.*?-->|&\w+;", re.S)


def _bare(template: Path) -> list[str]:
    """Words in the template's own text and in the attributes that are read out."""
    own = "".join(
        text if kind == "data" else "\x00" if kind.endswith("_begin") else ""
        for _, kind, text in Environment(extensions=["jinja2.ext.i18n"]).lex(template.read_text(encoding="utf-8"))
    )
    own = UNREAD.sub("", own)
    read_out = re.findall(r'\b(?:alt|title|placeholder|aria-label)="([^"\x00]*)"', own)
    # Tags have what stands between < and >, cut into pieces by the template's own tags.
    pieces = [piece.strip() for piece in re.split(r"[\x00\n]", re.sub(r"<[^<>]*>", "\n", own))]
    return [text for text in (*read_out, *pieces) if WORD.search(text) and not re.search(r'[<>="]', text)]


def test_every_word_in_a_template_can_be_translated() -> None:
    found = {
        f"{template.relative_to(TEMPLATES)}: {text}"
        for template in sorted(TEMPLATES.rglob("*.html"))
        if template.relative_to(TEMPLATES).parts[0] != BILINGUAL
        for text in _bare(template)
        if text not in NAMES
    }
    assert not found


def test_a_bare_word_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p>{{ _("Fine") }} Forgotten</p><img alt="Overlooked"><p class="big">{% if x %}漏了{% endif %}</p>'
    )
    assert _bare(page) == ["Overlooked", "Forgotten", "漏了"]
