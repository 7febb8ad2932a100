"""Image files become images of one size, decoded when they are needed.

The rule: EXIF orientation is followed; the longer side is cropped to the length of the shorter
one around the centre; the square is resized by Pillow's Lanczos filter, which is wide enough
for the scale (antialiasing). JPEGs of more than twice the size are decoded at 1/2, 1/4 or 1/8
of it, still at least twice as large. What is transparent is laid over black; palettes and CMYK
become RGB; grey levels of 16 bits are divided by 257; animations show their first frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ganbench.data.checks import FORMATS, Checked, damaged, in_threads, unreadable
from ganbench.data.stream import Stream

RULE = 1
"""Version of the rule above: part of the fingerprint."""


def fit(image: Image.Image, size: int, channels: int) -> NDArray[np.uint8]:
    """An image by the module's rule, as (channels, size, size).

    Raises ValueError for levels that are no whole numbers of 8 or 16 bits.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image)
        if image.mode == "F" or levels.min() < 0 or levels.max() > 65_535:
            raise ValueError("its pixels are no whole numbers of 8 or 16 bits")
        image = Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))
    elif image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size, size, channels).transpose(2, 0, 1)


def decode(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """A file's image by the module's rule. Raises UserError naming it where that fails."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft(None, (2 * size, 2 * size))
            return fit(image, size, channels)
    except Exception as error:  # Pillow lets all kinds through
        if isinstance(error, OSError) and error.errno:  # of the system's, not of Pillow's
            raise unreadable(path, error) from error
        raise damaged(path, error) from error


class Files(Stream):
    """Image files of a folder as a stream: `names` below `folder`, already checked."""

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        checked: Sequence[Checked],
        size: int,
        channels: int,
    ) -> None:
        self.folder = folder
        self.names = names
        self.checked = checked
        self.shape = (len(names), channels, size, size)

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`; in threads."""
        _, channels, size, _ = self.shape
        images = np.empty((len(rows), channels, size, size), dtype=np.uint8)

        def one(pair: tuple[int, int]) -> None:
            at, row = pair
            images[at] = decode(self.folder / self.names[row], size, channels)

        in_threads(one, list(enumerate(rows.tolist())))
        return torch.from_numpy(images)

    @cached_property
    def digest(self) -> str:
        """Of the files' bytes, in order, and of the rule by which they become images."""
        found = hashlib.sha256(f"{RULE}{self.shape}".encode())
        for one in self.checked:
            found.update(bytes.fromhex(one.digest))
        return found.hexdigest()
