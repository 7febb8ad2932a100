"""`npz:PATH`: the user's own arrays, in memory: `images` and, where there are any, `labels`."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ganbench.core.errors import UserError
from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split
from ganbench.data.io.decoding import fit
from ganbench.data.io.intensity_levels import Span, judge, span_of, suggested, to_bytes
from ganbench.data.io.paths import MissingPath
from ganbench.data.sets.folder import side
from ganbench.data.splits import refuse_too_few, split_rows

MOST_BYTES = 4 << 30
"""Of pixels: more belong into files, which `folder:` streams."""


def load(spec: Spec, root: Path) -> Dataset:
    """80 / 10 / 10 % train / validation / test images, a fixed random choice in each class.

    The file, of numpy.savez, has `images`: uint8 (n, h, w), (n, h, w, c) or (n, c, h, w) with
    c of 1 or 3; and may have `labels`: integers (n,) from 0 to classes - 1. Option size: `own`
    leaves square images as they are and makes others as long as their shorter side; see
    `ganbench.data.io.decoding` for the rule. Option range: the levels that become black and white,
    also of other numbers than uint8. Nothing is unpickled.

    Raises UserError for everything that is otherwise.
    """
    path = Path(os.path.expanduser(spec.path)).absolute()  # an unknown user's ~ stays as it is
    span = span_of(spec.options["range"])
    images, labels = _read(path)
    images = _channels_first(path, images)
    n, _, height, width = images.shape
    size = min(height, width) if spec.options["size"] == "own" else side(spec)
    classes, kinds = _classes(path, labels, n)
    refuse_too_few(path, map(str, kinds.tolist()))
    pixels, used = _pixels(path, images, spec, span)
    if (height, width) != (size, size):
        pixels = np.stack([_resized(one, size) for one in pixels])
    tensor, targets = torch.from_numpy(np.ascontiguousarray(pixels)), torch.from_numpy(kinds)
    rows = map(torch.from_numpy, split_rows(kinds))
    train, validation, test = (Split(tensor[part], targets[part]) for part in rows)
    told = tuple(judge(used, 255, spec, str(path)))
    return Dataset(spec.name, classes, train, validation, test, notices=told)


def _pixels(
    path: Path, images: NDArray[np.generic], spec: Spec, span: Span | None
) -> tuple[NDArray[np.uint8], Span]:
    """The images as uint8, and the levels that they have."""
    if not (np.issubdtype(images.dtype, np.number) or images.dtype == np.bool_) or np.issubdtype(
        images.dtype, np.complexfloating
    ):
        raise UserError(f"{path}: images are {images.dtype}; store them as uint8, from 0 to 255")
    used = Span(float(images.min()), float(images.max()))
    if not np.isfinite(used).all():
        raise UserError(f"{path}: images have values that are not finite: store them as uint8")
    if span:
        scaled = np.empty(images.shape, dtype=np.uint8)
        for one, image in zip(scaled, images, strict=True):  # an image at a time: in memory once
            one[...] = to_bytes(image, span)
        return scaled, used
    if images.dtype != np.uint8:
        better = spec._replace(options={**spec.options, "range": str(suggested(used))}).name
        raise UserError(
            f"{path}: images are {images.dtype} from {used.words}; say which levels are black and "
            f"white (data set {better}), or store them as uint8, from 0 to 255"
        )
    return images, used  # type: ignore[return-value]


def _read(path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    if not path.exists():
        raise MissingPath(f"{path}: there is no such file")
    if not path.is_file():
        raise UserError(f"{path} is no file; for a folder of images there is folder:PATH")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty: make it anew with numpy.savez")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is no whole .npz file: make it anew with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "images" not in arrays:
                names = ", ".join(arrays.files) or "none"
                raise UserError(f"{path} has no array `images` (arrays: {names})")
            _check_size(path, arrays.zip)
            found = {name: arrays[name] for name in ("images", "labels") if name in arrays}
    except UserError:
        raise
    except Exception as error:  # zip and the parser of NumPy's headers end in anything
        if "Object arrays" in str(error):
            raise UserError(
                f"{path} holds objects, which would have to be unpickled (images of different "
                f"sizes, perhaps): store arrays of numbers, images all of one size"
            ) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged ({reason}): make it anew with numpy.savez") from error
    for name, array in found.items():
        if not isinstance(array, np.ndarray):  # NumPy gives other members as bytes
            raise UserError(f"{path}: `{name}` is no array: make the file anew with numpy.savez")
    return found["images"], found.get("labels")


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what would not fit in memory before any of it is unpacked."""
    size = sum(entry.file_size for entry in archive.infolist())
    if size > MOST_BYTES:
        raise UserError(
            f"{path} unpacks to {size:,} bytes, more than {MOST_BYTES:,}: store the images as "
            f"files and use folder:PATH, which reads them as they are needed"
        )


def _channels_first(path: Path, images: NDArray[np.generic]) -> NDArray[np.generic]:
    """The images as (n, c, h, w)."""
    shape = "x".join(map(str, images.shape))
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[-1] in (1, 3) and images.shape[2] >= 4:
        images = np.moveaxis(images, -1, 1)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < 4:
        raise UserError(
            f"{path}: images have shape {shape}; it must be (n, h, w), (n, h, w, c) or "
            f"(n, c, h, w) with 1 or 3 channels and at least 4 pixels a side"
        )
    return images


def _resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    channels = len(image)
    picture = Image.fromarray(image[0] if channels == 1 else np.moveaxis(image, 0, -1))
    return fit(picture, size, channels)


def _classes(
    path: Path, labels: NDArray[np.generic] | None, n: int
) -> tuple[int, NDArray[np.int64]]:
    """How many classes, 0 where there are fewer than two, and every image's, int64 (n,)."""
    if labels is None:
        return 0, np.zeros(n, dtype=np.int64)
    if labels.shape != (n,):
        shape = "x".join(map(str, labels.shape))
        raise UserError(f"{path}: labels have shape {shape}; one for each of {n} images is needed")
    if not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"{path}: labels are {labels.dtype}; store them as integers")
    found = np.unique(labels)
    if not np.array_equal(found, np.arange(len(found))):
        odd = next(int(have) for i, have in enumerate(found) if have != i)
        raise UserError(
            f"{path}: label {odd} is out of line: labels must be 0 to {len(found) - 1}, each class "
            f"with at least one image"
        )
    return (len(found) if len(found) > 1 else 0), labels.astype(np.int64)
