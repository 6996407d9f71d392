"""What is wrong with a page's HTML, and which of its words a reader sees in which language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import chain

from tinyhtml5.parser import HTMLParser as StrictParser

VOID = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
UNREAD = frozenset({"script", "style", "code", "kbd", "samp", "pre", "textarea"})
SPOKEN = ("alt", "aria-label", "placeholder", "title")
REFERRING = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "headers", "list")


def faults(markup: str) -> list[str]:
    """What a browser would have to mend (the parser is the one behind our PDFs, and names every error that the HTML
    standard knows), identifiers given twice, and references to none."""
    parser = StrictParser()
    parser.parse(markup)
    found = [f"line {line}: {error} {values or ''}" for (line, _), error, values in parser.errors]
    page = Elements(markup)
    found += [f"two elements are #{name}" for name, count in Counter(page.ids).items() if count > 1]
    found += [f"nothing is #{name}" for name in sorted(set(page.references) - set(page.ids))]
    return found


class Elements(HTMLParser):
    """Identifiers, what refers to them, and every text with the language it is in."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[tuple[str, str, bool]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        _, language, read = self._open[-1] if self._open else ("", "", True)
        language, read = given.get("lang", language), read and tag not in UNREAD
        self.ids += [given["id"]] if "id" in given else []
        self.references += chain.from_iterable(given[name].split() for name in REFERRING if name in given)
        if given.get("href", "").startswith("#") and len(given["href"]) > 1:
            self.references.append(given["href"][1:])
        if read:
            self.texts += [(language, given[name]) for name in SPOKEN if name in given]
            if tag == "input" and given.get("type") in ("submit", "button"):
                self.texts.append((language, given.get("value", "")))
        if tag not in VOID:
            self._open.append((tag, language, read))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][2] and data.strip():
            self.texts.append((self._open[-1][1], data))


_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|\S*/\S+|\S+\.\w{2,4}\b")
_ENGLISH = re.compile(r"[A-Za-z][a-z]{2,}")
_HAN = re.compile(r"[\u3400-\u9fff]+")


def english_words(markup: str) -> Iterator[tuple[str, str]]:
    """Words of three letters or more in Chinese text, each with the text it stands in; addresses and paths aside."""
    for language, text in Elements(markup).texts:
        if language.startswith("zh"):
            for word in _ENGLISH.findall(_ADDRESS.sub(" ", text)):
                yield word.lower(), " ".join(text.split())


def chinese_words(markup: str) -> Iterator[tuple[str, str]]:
    """Runs of Han characters in English text, each with the text it stands in."""
    for language, text in Elements(markup).texts:
        if language.startswith("en"):
            for word in _HAN.findall(text):
                yield word, " ".join(text.split())
