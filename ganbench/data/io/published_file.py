"""Published files of known factors: verified once, unpacked beside themselves, mapped from there.

The unpacked copy `NAME.HASH.npy` belongs to the file with that SHA-256; it may be deleted and is
made again. Nothing of it is read into memory but the images that are asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.datasets.utils import download_url

from ganbench.core import cache
from ganbench.core.errors import UserError
from ganbench.data.io.paths import unreadable
from ganbench.data.io.stream import Stream

FETCHING = (OSError, RuntimeError, ValueError, HTTPException)
"""What a download that fails ends in."""


class MemoryMappedStream(Stream):
    """Images (n, c, h, w) in a file that is mapped into memory.

    array: uint8, of that shape, or (n, bytes) with 8 black or white pixels in each byte.
    digest: SHA-256 of the published file.
    """

    digest = ""

    def __init__(
        self, array: NDArray[np.uint8], digest: str, image_shape: tuple[int, int, int]
    ) -> None:
        self.array = array
        self.digest = digest
        self.shape = (len(array), *image_shape)

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`."""
        found = self.array[rows.numpy()]
        if found.ndim == 2:
            found = np.unpackbits(found, axis=1) * np.uint8(255)
        return torch.from_numpy(np.asarray(found).reshape(len(rows), *self.shape[1:]))


@dataclass(frozen=True)
class PublishedFile:
    """A file of images as it was published.

    dataset: the data set's name, and its folder below the data root. blocks: reads the file,
    verifies it and gives its images in the order of the grid, block by block, as rows of the
    array that is kept; raises whatever says what is wrong. row: the shape of a row.
    image: (c, h, w). version: of how it is unpacked.
    """

    dataset: str
    name: str
    url: str
    blocks: Callable[[Path], Iterator[NDArray[np.uint8]]]
    rows: int
    row: tuple[int, ...]
    image: tuple[int, int, int]
    version: int = 1

    def images(self, root: Path) -> Stream:
        """The images, from the file in the data root or from a download.

        Raises UserError, naming the file, where it is missing, is damaged or holds something
        else, and where the unpacked copy cannot be written.
        """
        path = root / self.dataset / self.name
        if path.is_file():
            return self._unpacked(path)
        cache.sweep(path.parent, path.name)
        made = [place for place in (path.parent, root) if not place.exists()]
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            try:
                download_url(self.url, str(part.parent), part.name)
            except FETCHING as error:
                raise UserError(self._missing(path, error)) from error
            images = self._unpacked(part)  # which verifies it, to the last byte
            os.replace(part, path)
            return images
        finally:
            part.unlink(missing_ok=True)
            for place in made:
                with contextlib.suppress(OSError):  # not empty, or never made
                    place.rmdir()

    def _missing(self, path: Path, error: Exception) -> str:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return (
            f"no {self.dataset} at {path}, and no download ({reason}): put {self.name} from "
            f"{self.url} there, or name the folder above {self.dataset}/ with --data-root"
        )

    def _unpacked(self, path: Path) -> Stream:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(path, error) from error
        stem = self.name.partition(".")[0]
        copy = path.with_name(f"{stem}.{digest[:16]}.{self.version}.npy")
        array = self._mapped(copy)
        if array is None:
            self._unpack(path, copy)
            array = self._mapped(copy)
        if array is None:
            raise UserError(f"cannot read {copy}, which was just written; is the disk sound?")
        return MemoryMappedStream(array, digest, self.image)

    def _mapped(self, copy: Path) -> NDArray[np.uint8] | None:
        """The unpacked copy, or None where there is no whole one."""
        try:
            array = np.load(copy, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        right = array.shape == (self.rows, *self.row) and array.dtype == np.uint8
        return array if right else None

    def _unpack(self, path: Path, copy: Path) -> None:
        """Write a whole copy or none."""
        blocks = self.blocks(path)
        draft = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}.part")
        try:
            with draft.open("xb") as file:
                shape = (self.rows, *self.row)
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "|u1", "fortran_order": False, "shape": shape}
                )
                while (block := self._next(blocks, path)) is not None:
                    file.write(np.ascontiguousarray(block).data)
            os.replace(draft, copy)
        except OSError as error:
            room = self.rows * int(np.prod(self.row)) / 1e9
            raise UserError(
                f"cannot write {copy}, where {path.name} is unpacked to ({room:.1f} GB): "
                f"{error.strerror or error}"
            ) from error
        finally:
            draft.unlink(missing_ok=True)

    def _next(self, blocks: Iterator[NDArray[np.uint8]], path: Path) -> NDArray[np.uint8] | None:
        try:
            return next(blocks, None)
        except Exception as error:  # zip, HDF5, gzip and MATLAB readers end in anything
            reason = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]
            what = path if path.name == self.name else f"the download of {self.url}"
            raise UserError(
                f"{what} is damaged, or is another file ({reason}): put the one from {self.url} "
                f"at {path.with_name(self.name)}"
            ) from error
