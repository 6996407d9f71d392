"""The help pages: Markdown in survey/help, one file a page and language, read as HTML that is safe to show.

The method is told once, in the docstring of `scoring`; its English page is that text. What a page asks in a third-level
heading that ends in a question mark, it answers folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

import scoring
from survey.refusals import N_, Refused

SHELF = Path(__file__).parent / "help"
PICTURES = SHELF / "pictures"
METHOD = "method"
LANGUAGES = ("zh", "en")
_QUESTION = ("?", "？")


class UnknownPage(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPage:
    """One page in one language: `body` is HTML made from our own text, without its title; `opening` the first
    paragraph as plain text."""

    name: str
    title: str
    opening: str
    body: str


def names() -> tuple[str, ...]:
    """The pages there are, by name. Each exists in both languages."""
    return tuple(sorted({path.name.split(".")[0] for path in SHELF.glob("*.md")}))


def page(name: str, language: str) -> HelpPage:
    """One page as HTML. Raises UnknownPage."""
    if name not in names():
        raise UnknownPage(N_("There is no help page “%(name)s”."), name=name)
    return _read(name, language)


def contents(language: str) -> tuple[HelpPage, ...]:
    """Every page, by name."""
    return tuple(page(name, language) for name in names())


@cache
def _read(name: str, language: str) -> HelpPage:
    tokens = _MARKDOWN.parse(source(name, language))
    title = _plain(tokens[1])
    opening = next((_plain(token) for token in tokens[3:] if token.type == "inline"), "")
    for number, token in enumerate((token for token in tokens if token.type == "table_open"), start=1):
        token.meta["label"] = f"{title} · {number}"
    return HelpPage(name=name, title=title, opening=opening, body="".join(_folded(tokens[3:])))


def source(name: str, language: str) -> str:
    """A page's Markdown."""
    if name == METHOD and language == "en":
        return _method()
    return (SHELF / f"{name}.{language}.md").read_text(encoding="utf-8")


def _method() -> str:
    """The docstring of `scoring` as Markdown: its lines at the margin are headings, its references a list."""
    first, *lines = (scoring.__doc__ or "").strip().splitlines()
    written, listing = [f"# {first}"], False
    for line in lines:
        if line and not line.startswith(" "):
            listing = line == "References"
            written += ["", f"## {line}", ""]
        else:
            written.append(f"- {line.strip()}" if listing and line.strip() else line.strip())
    return "\n".join(written)


def _plain(token: Token) -> str:
    return "".join(part.content if part.type != "softbreak" else " " for part in token.children or ())


def _folded(tokens: Sequence[Token]) -> Iterator[str]:
    """The page as HTML, part by part; the parts that answer a question folded under it."""
    questions = 0
    for part in _parts(tokens):
        asked = part[0].tag == "h3" and _plain(part[1]).rstrip().endswith(_QUESTION)
        if not asked:
            yield _html(part)
            continue
        questions += 1
        yield f'<details class="fold" id="question-{questions}"><summary>{_html(part[1:2])}</summary>'
        yield f"{_html(part[3:])}</details>\n"


def _parts(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The stretches that begin with a heading (the first perhaps without)."""
    begins = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    for begin, end in zip([0, *begins], [*begins, len(tokens)], strict=True):
        if begin < end:
            yield tokens[begin:end]


def _html(tokens: Sequence[Token]) -> str:
    made: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return made


def _table(_renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    """A wide table scrolls by itself, by keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(tokens[place].meta["label"])}"><table>'


def _cell(_renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    """Numbers stand to the right by a class: a style in the page is refused by the browser."""
    cell = tokens[place]
    right = "right" in str(cell.attrGet("style") or "")
    return f"<{cell.tag}{' scope=col' if cell.tag == 'th' else ''}{' class=number' if right else ''}>"


def _markdown() -> MarkdownIt:
    """HTML in a page stays text, links lead where a reader expects, quotation marks are curly."""
    reader = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    reader.add_render_rule("table_open", _table)
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    reader.add_render_rule("th_open", _cell)
    reader.add_render_rule("td_open", _cell)
    return reader


_MARKDOWN = _markdown()
