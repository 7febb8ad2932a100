"""`cars3d`: 17,568 colour renderings of cars, brought to 64x64 pixels (Reed et al. 2015).

Factors, in row-major order: elevation (4), azimuth (24), type (183, the files sorted by name).
Each pixel is the mean of a square of 2 by 2, rounded half to even.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from ganbench.data import Spec, factors
from ganbench.data.dataset import Dataset
from ganbench.data.io.published_file import PublishedFile

FACTORS = {"elevation": 4, "azimuth": 24, "type": 183}
SIDE = 64
NAME = "nips2015-analogy-data.tar.gz"
URL = f"http://www.scottreed.info/files/{NAME}"
MOST_BYTES = 32 << 20
"""No file of a car is larger: one holds 6.3 MB of images and masks."""


def load(spec: Spec, root: Path) -> Dataset:
    """14,054 / 1,757 / 1,757 train / validation / test images, labelled by type; streamed.

    Reads `root/cars3d/`, and downloads the archive where it is not there; of it the cars alone
    are read, which become 216 MB beside it.

    Raises UserError where the archive is missing and not to be had, or is not as published.
    """
    return _load(spec.name, root, FACTORS)


def _load(name: str, root: Path, sizes: dict[str, int]) -> Dataset:
    image = (3, SIDE, SIDE)
    rows = int(np.prod(list(sizes.values())))
    published = PublishedFile(
        "cars3d", NAME, URL, lambda path: _blocks(path, sizes), rows, image, image
    )
    return factors.dataset(name, sizes, published.images(root), "type")


def _blocks(path: Path, sizes: dict[str, int]) -> Iterator[NDArray[np.uint8]]:
    """The images (n, 3, 64, 64) of one elevation after the other."""
    elevations, azimuths, types = sizes.values()
    cars: dict[str, NDArray[np.uint8]] = {}
    with gzip.open(path) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if not member.isreg() or name.parent.name != "cars" or name.suffix != ".mat":
                continue
            if name.stem in cars:
                raise ValueError(f"{name} is there twice")
            content = archive.extractfile(member) if member.size <= MOST_BYTES else None
            if content is None:
                raise ValueError(f"{name} has {member.size:,} bytes")
            cars[name.stem] = _car(content, str(name), (azimuths, elevations))
        while plain.read(1 << 20):  # to the end, where gzip compares its checksum
            pass
    if len(cars) != types:
        raise ValueError(f"it holds {len(cars)} cars, not {types}")
    for elevation in range(elevations):
        views = np.stack([cars[name][:, elevation] for name in sorted(cars)], axis=1)
        yield views.reshape(-1, 3, SIDE, SIDE)


def _car(content: IO[bytes], name: str, views: tuple[int, int]) -> NDArray[np.uint8]:
    """One car's images (azimuths, elevations, 3, 64, 64)."""
    file = io.BytesIO(content.read())  # loadmat goes back and forth
    pixels = loadmat(file, variable_names=["im"])["im"]  # type: ignore[arg-type]
    shape = (2 * SIDE, 2 * SIDE, 3, *views)
    if (pixels.shape, pixels.dtype) != (shape, np.uint8):
        raise ValueError(f"{name}: im is {pixels.dtype} {pixels.shape}, not uint8 {shape}")
    squares = pixels.reshape(SIDE, 2, SIDE, 2, 3, *views)
    means = np.rint(squares.sum((1, 3), dtype=np.uint16) / 4).astype(np.uint8)
    return np.ascontiguousarray(means.transpose(3, 4, 2, 0, 1))
