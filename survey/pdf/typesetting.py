"""HTML to PDF in this process: WeasyPrint with bundled assets, our fonts, and nothing else."""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from survey.pdf import fonts
from survey.refusals import N_, Refused

STATIC = Path(__file__).resolve().parent.parent / "static"
STYLESHEETS = ("print.css", "tokens.css")
SCHEME = "bundled:"
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
        self._assets = _bundled_only({**{name: STATIC / name for name in STYLESHEETS}, **files})
        self._kept = {"font_config": FontConfiguration(), "counter_style": CounterStyle()}
        self._stylesheet = weasyprint.CSS(
            url=f"{SCHEME}print.css", url_fetcher=self._assets, base_url=SCHEME, **self._kept
        )
        self._printable = fonts.characters(files) | INVISIBLE

    def print(self, page: str, mark: str) -> bytes:
        """The page as a tagged PDF with `mark` for its identifier: the same bytes for the same page and mark.

        Raises MissingGlyph when a character has no shape in our fonts, OutsideAsset when the page asks for anything
        that does not come with us.
        """
        self._check_characters(page)
        from weasyprint.urls import FatalURLFetchingError

        document = self._html(string=page, base_url=SCHEME, url_fetcher=self._assets)
        try:
            pdf: bytes = document.write_pdf(
                stylesheets=[self._stylesheet], pdf_tags=True, pdf_identifier=mark.encode(), **self._kept,
            )  # fmt: skip
        except FatalURLFetchingError as error:
            raise OutsideAsset(N_("The page asks for %(url)s; a PDF fetches nothing."), url=str(error)) from None
        return pdf

    def _check_characters(self, page: str) -> None:
        """A character without a glyph would come out as an empty box, or in whatever font the machine has."""
        missing = sorted(set(html.unescape(page)) - self._printable)
        if missing:
            listed = ", ".join(f"{character} (U+{ord(character):04X})" for character in missing[:10])
            raise MissingGlyph(
                N_("These characters cannot be printed: %(characters)s. Correct the text they stand in."),
                characters=listed,
            )


def _bundled_only(assets: Mapping[str, Path]) -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    types = {".css": "text/css; charset=utf-8", ".ttf": "font/ttf"}

    class BundledOnly(URLFetcher):  # type: ignore[misc]
        """Answers from a closed list of files. It never opens a connection, nor any other file."""

        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002
            path = assets.get(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
            if path is None:
                raise FatalURLFetchingError(url)
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": types[path.suffix]})

    return BundledOnly()
