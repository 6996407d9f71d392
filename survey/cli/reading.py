"""Text files people name on the command line: specs and schemes."""

from __future__ import annotations

from pathlib import Path

from survey.refusals import N_, Refused


class UnreadableText(Refused):
    pass


def text_of(path: Path) -> str:
    """The file's text. Raises UnreadableText when it is not UTF-8, or cannot be opened."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableText(N_("%(path)s is not UTF-8 text. Save it as UTF-8."), path=path) from None
    except OSError as error:
        raise UnreadableText(N_("%(path)s cannot be read: %(why)s."), path=path, why=error.strerror) from None
