"""`shapes3d`: 480,000 colour images of 64x64 pixels, an object in a room (Burgess & Kim 2018).

Factors, in the file's row-major order: floor_hue, wall_hue and object_hue (10 each), scale (8),
shape (4), orientation (15).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganbench.core.errors import UserError
from ganbench.data import Spec, factors
from ganbench.data.dataset import Dataset
from ganbench.data.io.published_file import PublishedFile

FACTORS = {
    "floor_hue": 10,
    "wall_hue": 10,
    "object_hue": 10,
    "scale": 8,
    "shape": 4,
    "orientation": 15,
}
SIDE = 64
NAME = "3dshapes.h5"
URL = f"https://storage.googleapis.com/3d-shapes/{NAME}"
BLOCK = 7500
"""Images that are unpacked at a time: 92 MB."""


def load(spec: Spec, root: Path) -> Dataset:
    """384,000 / 48,000 / 48,000 train / validation / test images, labelled by shape; streamed.

    Reads `root/shapes3d/`, and downloads the file where it is not there. It is unpacked into
    5.9 GB beside it: its own compression knows no quick way to a single image.

    Raises UserError where h5py is not installed, and where the file is missing and not to be
    had, or is not as published.
    """
    return _load(spec.name, root, FACTORS)


def _load(name: str, root: Path, sizes: dict[str, int]) -> Dataset:
    try:
        import h5py  # noqa: F401
    except ImportError as error:
        raise UserError(f"{name} needs h5py: pip install 'ganbench[factors]'") from error
    image = (3, SIDE, SIDE)
    rows = int(np.prod(list(sizes.values())))
    published = PublishedFile(
        "shapes3d", NAME, URL, lambda path: _blocks(path, sizes), rows, image, image
    )
    return factors.dataset(name, sizes, published.images(root), "shape")


def _blocks(path: Path, sizes: dict[str, int]) -> Iterator[NDArray[np.uint8]]:
    """The images (n, 3, 64, 64), after the factors were verified."""
    import h5py

    expected = factors.combinations(tuple(sizes.values()))
    with h5py.File(path, "r") as file:
        images, labels = file["images"], file["labels"]
        for name, found, shape, dtype in (
            ("images", images, (len(expected), SIDE, SIDE, 3), np.uint8),
            ("labels", labels, expected.shape, np.float64),
        ):
            if (found.shape, found.dtype) != (shape, dtype):
                right = f"{np.dtype(dtype)} {shape}"
                raise ValueError(f"{name} is {found.dtype} {found.shape}, not {right}")
        levels = [np.unique(column, return_inverse=True)[1] for column in labels[:].T]
        if not np.array_equal(np.stack(levels, 1), expected):
            raise ValueError("labels is not the grid of its factors")
        for start in range(0, len(expected), BLOCK):
            yield images[start : start + BLOCK].transpose(0, 3, 1, 2)
