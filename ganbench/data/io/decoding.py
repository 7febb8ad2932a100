"""Decoding of image files to images of one size, when they are needed.

The rule: EXIF orientation is followed; the longer side is cropped to the length of the shorter
one around the centre; the square is resized by Pillow's Lanczos filter, which is wide enough
for the scale (antialiasing). JPEGs of more than twice the size are decoded at 1/2, 1/4 or 1/8
of it, still at least twice as large. What is transparent is laid over black; palettes and CMYK
become RGB; grey levels of 16 bits are divided by 257; animations show their first frame. Where
a range of levels is given, it becomes 0 to 255 before the image is resized.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ganbench.core.errors import UserError
from ganbench.data.io.intensity_levels import Span, to_bytes
from ganbench.data.io.paths import unreadable

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""What is read, whatever a file's name says. Pillow knows more, some of which run programs."""
RULE = 1
"""Version of the rule above: part of the fingerprint."""


class UnsupportedImage(ValueError):
    """A whole image whose pixels the rule has no place for; says what they are."""


def fit(
    image: Image.Image, size: int, channels: int, span: Span | None = None
) -> NDArray[np.uint8]:
    """An image by the module's rule, as (channels, size, size).

    span: the levels that become black and white, None for those of the image's type. Raises
    UnsupportedImage for levels that are no whole numbers of 8 or 16 bits, where no span is given.
    """
    image = plain(image, channels)
    if span:
        levels = np.asarray(image)
        if not np.isfinite(levels).all():
            raise UnsupportedImage("its pixels are not all finite")
        image = Image.fromarray(to_bytes(levels, span))
    elif image.mode.startswith("F"):
        raise UnsupportedImage("its pixels are floating-point numbers")
    elif image.mode.startswith("I"):
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > 65_535:
            raise UnsupportedImage(f"its pixels go from {levels.min()} to {levels.max()}")
        image = Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size, size, channels).transpose(2, 0, 1)


def plain(image: Image.Image, channels: int) -> Image.Image:
    """The image upright and opaque, with levels of 8 bits, grey or RGB, or deeper grey ones."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return image
    if image.mode == "LAB":  # which Pillow turns into RGB alone
        image = image.convert("RGB")
    elif image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert("L" if channels == 1 else "RGB")


def decode(
    path: Path,
    size: int,
    channels: int,
    content: bytes | None = None,
    span: Span | None = None,
) -> NDArray[np.uint8]:
    """A file's image by the module's rule; its bytes are `content`, where they were read already.

    Raises UserError naming it where that fails.
    """
    with _opened(path, size, content) as image:
        return fit(image, size, channels, span)


def look(path: Path, size: int, channels: int, content: bytes, span: Span | None = None) -> Span:
    """`decode`, for the darkest and the brightest level that the image has before it is scaled."""
    with _opened(path, size, content) as image:
        image = plain(image, channels)
        fit(image, size, channels, span)
        levels = np.asarray(image)
        return Span(float(levels.min()), float(levels.max()))


@contextmanager
def _opened(path: Path, size: int, content: bytes | None) -> Iterator[Image.Image]:
    try:
        with Image.open(path if content is None else BytesIO(content), formats=FORMATS) as image:
            image.draft(None, (2 * size, 2 * size))
            yield image
    except Exception as error:  # Pillow lets all kinds through
        if isinstance(error, OSError) and error.errno:  # of the system's, not of Pillow's
            raise unreadable(path, error) from error
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> UserError:
    """The one line on a file that Pillow does not understand, or the rule has no place for."""
    if isinstance(error, UnidentifiedImageError):
        return UserError(
            f"{path} is no image ({', '.join(FORMATS)}): delete it, or put one in its place"
        )
    if isinstance(error, UnsupportedImage):
        return UserError(
            f"{path} cannot be used: {error}, not whole numbers of 8 or 16 bits; convert it to "
            f"those, or delete it, or say which levels are black and white (option range=LOW-HIGH)"
        )
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UserError(f"{path} is damaged ({reason}): delete it, or put a whole one in its place")
