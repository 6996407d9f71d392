"""The paper's letters: static TrueType fonts, cut once from the system's Noto Sans CJK and kept in the user's cache.

A whole CJK font slows every page and a compressed one takes seconds, so each weight is cut down to what people write:
every Chinese character the font has (names use rare ones) as *Han*, and Latin, Greek and Cyrillic with the narrow
quotation marks they need as *Latin*. `python -m survey.pdf.fonts` prepares them ahead of the first page, in a minute.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from survey.refusals import N_, Refused

WEIGHTS = ("Regular", "Bold")
HAN_FACE, LATIN_FACE = "Noto Sans CJK SC", "Noto Sans CJK KR"
PLACES = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts"))
EDITION = 1
"""Counts up when fonts are cut differently, so that older ones are left behind."""


class FontMissing(Refused):
    pass


class FontsNotCut(Refused):
    pass


def prepare() -> Mapping[str, Path]:
    """The four font files by name (`han-regular.ttf` …), cut now if they are not there yet.

    Several processes may ask at once; one cuts, the others wait. Raises FontMissing, FontsNotCut.
    """
    files = {weight: _files(weight) for weight in WEIGHTS}
    if not _all_there(files):
        _cache().mkdir(parents=True, exist_ok=True)
        with (_cache() / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _all_there(files):
                _cut_all()
    return {name: path for paths in files.values() for name, path in paths.items()}


def characters(fonts: Mapping[str, Path]) -> frozenset[str]:
    """Every character that can be printed in regular and in bold."""
    from fontTools.ttLib import TTFont

    by_weight: dict[str, set[int]] = {}
    for name, path in fonts.items():
        with TTFont(path, lazy=True) as font:
            by_weight.setdefault(name.partition("-")[2], set()).update(font.getBestCmap())
    return frozenset(chr(code) for code in set.intersection(*by_weight.values()))


def _all_there(files: Mapping[str, Mapping[str, Path]]) -> bool:
    return all(path.exists() for paths in files.values() for path in paths.values())


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evenhand" / "fonts"


def _files(weight: str) -> dict[str, Path]:
    """Named after the font they were cut from: another font means other files."""
    stat = _source(weight).stat()
    mark = hashlib.sha256(f"{EDITION} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
    names = (f"{script}-{weight.lower()}.ttf" for script in ("han", "latin"))
    return {name: _cache() / f"{mark}-{name}" for name in names}


@cache
def _source(weight: str) -> Path:
    for place in PLACES:
        for path in sorted(place.rglob(f"NotoSansCJK-{weight}.tt[cf]")):
            return path
    raise FontMissing(
        N_("Chinese cannot be printed without the font Noto Sans CJK. Install it: apt-get install fonts-noto-cjk")
    )


def _cut_all() -> None:
    """Both weights at once, each in its own process: this is a minute of pure arithmetic."""
    commands = [[sys.executable, "-m", "survey.pdf.fonts", weight] for weight in WEIGHTS]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    failures = [process.communicate()[1] for process in running]
    if any(process.returncode for process in running):
        raise FontsNotCut(N_("The fonts could not be prepared: %(failure)s"), failure="\n".join(failures).strip())


def _cut(weight: str) -> None:
    for name, path in _files(weight).items():
        draft = path.with_suffix(".draft")
        _CUTTERS[name.partition("-")[0]](weight, draft)
        draft.rename(path)


def _face(weight: str, family: str) -> Any:
    from fontTools.ttLib import TTCollection

    for font in TTCollection(_source(weight), lazy=True).fonts:
        if font["name"].getDebugName(1).startswith(family):
            return font
    raise FontMissing(
        N_("%(path)s does not hold %(family)s. Install the complete font: apt-get install fonts-noto-cjk"),
        path=_source(weight), family=family,
    )  # fmt: skip


def _cut_han(weight: str, path: Path) -> None:
    """Everything but Korean. The 6,763 everyday characters come first: a PDF's font is as long as its last glyph."""
    face = _face(weight, HAN_FACE)
    chosen = [code for code in face.getBestCmap() if not _is_korean(code)]
    _write(face, sorted(chosen, key=lambda code: (not _is_everyday(code), code)), path)


def _cut_latin(weight: str, path: Path) -> None:
    face = _face(weight, LATIN_FACE)
    _write(face, [code for code in face.getBestCmap() if code < 0x2E80 and not _is_korean(code)], path)


def _is_korean(code: int) -> bool:
    return 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F or 0xA960 <= code <= 0xD7FF


def _is_everyday(code: int) -> bool:
    try:
        chr(code).encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _write(face: Any, codes: list[int], path: Path) -> None:
    """Redraw the chosen glyphs with quadratic curves and save them as a font of their own."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    cmap, metrics, outlines = face.getBestCmap(), face["hmtx"].metrics, face["CFF "].cff[0].CharStrings
    sources = [".notdef", *dict.fromkeys(cmap[code] for code in codes)]
    glyphs = {}
    for source in sources:
        pen = TTGlyphPen(None)
        outlines[source].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        glyphs[source] = pen.glyph()
    builder = FontBuilder(face["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(sources)
    builder.setupCharacterMap({code: cmap[code] for code in codes})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({source: metrics[source] for source in sources})
    builder.setupHorizontalHeader(ascent=face["hhea"].ascent, descent=face["hhea"].descent)
    builder.setupNameTable({"familyName": f"Evenhand {path.stem}", "styleName": "Regular"})
    builder.setupOS2(
        sTypoAscender=face["OS/2"].sTypoAscender, sTypoDescender=face["OS/2"].sTypoDescender,
        usWinAscent=face["OS/2"].usWinAscent, usWinDescent=face["OS/2"].usWinDescent,
        sxHeight=face["OS/2"].sxHeight, sCapHeight=face["OS/2"].sCapHeight,
    )  # fmt: skip
    builder.setupPost(keepGlyphNames=False)
    builder.font.recalcTimestamp = False
    builder.save(path)


_CUTTERS: Mapping[str, Callable[[str, Path], None]] = {"han": _cut_han, "latin": _cut_latin}

if __name__ == "__main__":
    if sys.argv[1:]:
        _cut(sys.argv[1])
    else:
        prepare()
