"""Pictures people upload: read without trust, drawn anew, small. What was in the file besides the picture is gone."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from survey.refusals import N_, Refused

LARGEST_FILE = 400 * 1024
MOST_PIXELS = 16_000_000
BOX = (360, 96)
"""A logo's largest width and height: twice what pages show, for sharp screens."""
LIGHTEST = 8 * 1024
"""Bytes a logo may weigh on a customer's page."""


class PictureRefused(Refused):
    pass


def logo(file: bytes) -> bytes:
    """A company's logo as a small PNG. Takes PNG and JPEG. Raises PictureRefused."""
    if len(file) > LARGEST_FILE:
        raise PictureRefused(N_("The picture is larger than 400 kB. Save it smaller."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(file), formats=("PNG", "JPEG"))
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureRefused(N_("The picture has too many pixels. Save it smaller."))
            drawn = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PictureRefused(N_("This is not a PNG or JPEG picture.")) from None
    drawn.thumbnail(BOX)
    return _light(drawn)


def _light(drawn: Image.Image) -> bytes:
    """As PNG with few colours; smaller still until it is light enough."""
    while True:
        written = io.BytesIO()
        drawn.quantize(colors=128, method=Image.Quantize.FASTOCTREE).save(written, "PNG", optimize=True)
        if written.tell() <= LIGHTEST or min(drawn.size) < 16:
            return written.getvalue()
        drawn = drawn.resize((max(1, drawn.width * 4 // 5), max(1, drawn.height * 4 // 5)))
