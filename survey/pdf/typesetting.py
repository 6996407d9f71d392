"""HTML to PDF in this process: WeasyPrint with bundled assets, our fonts, and nothing else."""

from __future__ import annotations

import base64
import html
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from survey.pdf import SheetsExceeded, fonts
from survey.refusals import N_, Refused

STATIC = Path(__file__).resolve().parent.parent / "static"
SCHEME = "bundled:"
PICTURE = "data:image/png;base64,"
LARGEST_PICTURE = 64 * 1024
ANNEX = "annex"
"""The id of the element that a page's annex begins with."""
INVISIBLE = frozenset("\t\n\r\N{ZERO WIDTH SPACE}\N{SOFT HYPHEN}")


class PrintingUnavailable(Refused):
    pass


class OutsideAsset(Refused):
    pass


class MissingGlyph(Refused):
    pass


class Typesetter:
    """Sets page after page with one font configuration and one parsed stylesheet.

    Raises PrintingUnavailable, FontMissing or FontsNotCut when this machine cannot print.
    """

    def __init__(self) -> None:
        try:
            import weasyprint
            from weasyprint.css.counters import CounterStyle
            from weasyprint.text.fonts import FontConfiguration
        except (ImportError, OSError) as error:
            raise PrintingUnavailable(
                N_("PDFs cannot be made without Pango (%(error)s). Install it: apt-get install %(packages)s"),
                error=str(error).splitlines()[0],
                packages="libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk",
            ) from None
        logging.getLogger("weasyprint").setLevel(logging.ERROR)
        files = fonts.prepare()
        self._html = weasyprint.HTML
        self._assets = _bundled_only(files)
        self._kept = {"font_config": FontConfiguration(), "counter_style": CounterStyle()}
        self._stylesheet = weasyprint.CSS(
            string=stylesheet(), url_fetcher=self._assets, base_url=SCHEME, **self._kept
        )  # fmt: skip
        self._printable = fonts.characters(files) | INVISIBLE

    def print(self, page: str, mark: str) -> bytes:
        """The page as a tagged PDF with `mark` for its identifier: the same bytes for the same page and mark.

        A page may say in `<meta name="pages" content="2">` how many sheets it takes at most before its annex. Raises
        SheetsExceeded when it takes more, MissingGlyph when a character has no shape in our fonts, OutsideAsset when it
        asks for anything that does not come with us.
        """
        self._check_characters(page)
        from weasyprint.urls import FatalURLFetchingError

        source = self._html(string=page, base_url=SCHEME, url_fetcher=self._assets)
        try:
            document = source.render(stylesheets=[self._stylesheet], pdf_tags=True, **self._kept)
            _check_sheets(source, document)
            pdf: bytes = document.write_pdf(pdf_tags=True, pdf_identifier=mark.encode())
        except FatalURLFetchingError as error:
            raise OutsideAsset(N_("The page asks for %(url)s; a PDF fetches nothing."), url=str(error)) from None
        return pdf

    def _check_characters(self, page: str) -> None:
        """A character without a glyph would come out as an empty box, or in whatever font the machine has."""
        missing = sorted(set(html.unescape(page)) - self._printable)
        if missing:
            raise MissingGlyph(
                N_("These characters cannot be printed: %(characters)s. Correct the text they stand in."),
                characters="; ".join(_pointed_out(character, page) for character in missing[:10]),
            )


def _pointed_out(character: str, page: str) -> str:
    """A character and the words it first stands in. What would hide or turn them round is not repeated."""
    texts = (html.unescape(text) for text in re.split(r"<[^>]*>", page))
    words = next((text for text in texts if character in text), character)
    place = words.index(character)
    shown = "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words[max(0, place - 20) : place + 20]
    )
    itself = f"{character} " if character.isprintable() else ""
    return f"{itself}(U+{ord(character):04X}) “{' '.join(shown.split())}”"


def stylesheet() -> str:
    """The paper's style sheet with its custom properties put in, as they are in print: resolving them anew for every
    element costs a twentieth of a page's time."""
    values = dict(_PROPERTY.findall(_printed(_read("tokens.css"))))
    return _VARIABLE.sub(lambda found: values[found.group(1)], _read("print.css"))


def _printed(tokens: str) -> str:
    """What is defined for every medium, then what print says otherwise."""
    always, *media = tokens.split("@media")
    return always + "".join(part for part in media if part.split("{")[0].strip() == "print")


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


_PROPERTY = re.compile(r"(--[\w-]+):\s*([^;]+);")
_VARIABLE = re.compile(r"var\((--[\w-]+)\)")


def _check_sheets(source: Any, document: Any) -> None:
    limit = next((one.get("content") for one in source.etree_element.iter("meta") if one.get("name") == "pages"), "")
    taken = next((place for place, sheet in enumerate(document.pages) if ANNEX in sheet.anchors), len(document.pages))
    if limit and taken > int(limit):
        raise SheetsExceeded(
            N_("The page takes %(taken)s sheets where it may take %(limit)s."), taken=taken, limit=int(limit)
        )


def _picture(url: str) -> bytes:
    """The PNG written out in an address. Raises FatalURLFetchingError for anything else, and for what is no logo."""
    from weasyprint.urls import FatalURLFetchingError

    try:
        picture = base64.b64decode(url.removeprefix(PICTURE), validate=True)
    except ValueError:
        picture = b""
    if not picture.startswith(b"\x89PNG\r\n") or len(picture) > LARGEST_PICTURE:
        raise FatalURLFetchingError(url[:60])
    return picture


def _bundled_only(assets: Mapping[str, Path]) -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class BundledOnly(URLFetcher):  # type: ignore[misc]
        """Answers from a closed list of files, and with a small PNG that stands in the page itself: the company's logo,
        which was drawn anew when it was taken in. It never opens a connection, nor any other file."""

        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002
            if url.startswith(PICTURE):
                return URLFetcherResponse(url, _picture(url), {"Content-Type": "image/png"})
            path = assets.get(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
            if path is None:
                raise FatalURLFetchingError(url)
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": "font/ttf"})

    return BundledOnly()
