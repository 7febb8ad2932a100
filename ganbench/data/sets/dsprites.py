"""`dsprites`: 737,280 black and white images of 64x64 pixels (Matthey et al. 2017).

Factors, in the file's row-major order: shape (square, ellipse, heart), scale (6), orientation
(40), x and y (32 each). The file's first factor, colour, has one value and is left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ganbench.data import Spec, factors
from ganbench.data.dataset import Dataset
from ganbench.data.io.published_file import PublishedFile

FACTORS = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
SIDE = 64
NAME = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
URL = f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{NAME}"
BLOCK = 8192
"""Images that are unpacked at a time: 32 MB."""


def load(spec: Spec, root: Path) -> Dataset:
    """589,824 / 73,728 / 73,728 train / validation / test images, labelled by shape; streamed.

    Reads `root/dsprites/`, and downloads the file where it is not there. Its 3 GB of bytes are
    kept as 377 MB of bits beside it.

    Raises UserError where the file is missing and not to be had, or is not as published.
    """
    return _load(spec.name, root, FACTORS)


def _load(name: str, root: Path, sizes: dict[str, int]) -> Dataset:
    rows = int(np.prod(list(sizes.values())))
    published = PublishedFile(
        "dsprites",
        NAME,
        URL,
        lambda path: _blocks(path, sizes),
        rows,
        (SIDE * SIDE // 8,),
        (1, SIDE, SIDE),
    )
    return factors.dataset(name, sizes, published.images(root), "shape")


def _blocks(path: Path, sizes: dict[str, int]) -> Iterator[NDArray[np.uint8]]:
    """The images as bits (n, 512), after the factors were verified. Its pickles are not read."""
    expected = factors.combinations((1, *sizes.values()))
    with np.load(path, allow_pickle=False) as arrays:
        if not np.array_equal(arrays["latents_classes"], expected):
            raise ValueError("latents_classes is not the grid of its factors")
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as member:
        _check(member, (len(expected), SIDE, SIDE))
        for start in range(0, len(expected), BLOCK):
            n = min(BLOCK, len(expected) - start)
            pixels = np.frombuffer(member.read(n * SIDE * SIDE), np.uint8).reshape(n, -1)
            if pixels.max() > 1:
                raise ValueError("imgs has values other than 0 and 1")
            yield np.packbits(pixels, axis=1)
        member.read()  # to the end, where the archive's checksum is compared


def _check(member: IO[bytes], shape: tuple[int, ...]) -> None:
    """Read the array's header. Raises ValueError where it is not uint8 of that shape."""
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"imgs is stored in version {version} of the format, not (1, 0)")
    found, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    if (found, fortran, dtype) != (shape, False, np.uint8):
        order = " in Fortran order" if fortran else ""
        raise ValueError(f"imgs is {dtype} {found}{order}, not uint8 {shape}")
